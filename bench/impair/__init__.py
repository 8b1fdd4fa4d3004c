"""Calls of real browsers over bad networks."""
