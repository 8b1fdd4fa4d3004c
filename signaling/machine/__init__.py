"""The machine that the server stands on."""
