"""What participants send: from a datagram to packets of a stream, repaired and in order."""
