"""A media packet inside the SFU: a tuple, the cheapest thing Python has.

It is made once, when a packet was read, and shared by everything that keeps or forwards it. What
runs for every packet unpacks it; what does not, names the places.
"""

from __future__ import annotations

from typing import Final

Packet = tuple[int, int, int, bytes]
"""Extended sequence number, timestamp, bits, payload without padding."""

SEQ: Final = 0
"""Sequence number, extended: it does not wrap."""
TIMESTAMP: Final = 1
"""RTP timestamp, 32 bits, in the clock rate of the codec."""
BITS: Final = 2
"""`MARKER`, `PADDED`, both or 0; where they stand in the first 32 bits of an RTP header."""
PAYLOAD: Final = 3
"""Without extensions and padding, never empty."""

MARKER: Final = 0x00800000
"""Bit: the last packet of a frame (of audio: the first after a pause), RFC 3550 clause 5.1."""
PADDED: Final = 0x20000000
"""Bit: the last byte of the payload counts the padding at its end, RFC 3550 clause 5.1."""
ONE_PAD: Final = b"\x01"
"""Padding of one byte: its own count."""
