"""Feedback and bandwidth: how fast may each side send."""
