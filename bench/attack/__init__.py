"""`python -m bench attack`: what a stranger or one participant does, and what a call notices."""
