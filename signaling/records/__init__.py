"""What was: every call's history, events and votes, and the reports that are made of them."""
