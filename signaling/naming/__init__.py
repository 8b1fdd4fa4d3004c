"""Names of rooms and people, and addresses of rooms."""
