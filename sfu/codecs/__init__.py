"""What the media plane must know of each codec; it never decodes."""
