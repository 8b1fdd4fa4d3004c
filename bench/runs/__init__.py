"""The scenarios themselves, one a module."""
