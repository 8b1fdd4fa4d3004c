"""Quality as people read it: what the workers and the browsers measure, put in standard terms."""
