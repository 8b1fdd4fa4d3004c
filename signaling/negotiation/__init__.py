"""Session descriptions, and what is agreed by them."""
