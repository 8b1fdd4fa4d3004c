"""Sockets, ICE, DTLS and SRTP: everything between a datagram and a plain packet."""
