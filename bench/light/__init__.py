"""Simulated participants: own ICE, DTLS and SRTP, no codecs, thousands of packets/s a core."""
