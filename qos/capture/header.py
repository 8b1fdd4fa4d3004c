"""How long an RTP header is (RFC 3550 clauses 5.1 and 5.3.1). No I/O, standard library only."""

from __future__ import annotations


def header_size(data: bytes) -> int:
    """Bytes of fixed header, contributing sources and extension, by their own length fields.

    `data` begins with at least one byte; where the extension's length is cut off it counts as 0.
    """
    end = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10 and len(data) >= end + 4:
        end += 4 + 4 * int.from_bytes(data[end + 2 : end + 4], "big")
    return end
