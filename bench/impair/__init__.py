"""Calls of real Chromiums over bad networks."""
