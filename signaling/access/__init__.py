"""Who may: passwords, guesses at them, tokens."""
