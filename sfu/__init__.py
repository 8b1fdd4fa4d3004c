"""The media plane: packets in, packets out."""
