"""Rooms, people, negotiation and the web server."""
