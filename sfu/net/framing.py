"""Datagrams on a byte stream: RFC 4571, a 16-bit length before each (ICE-TCP, RFC 6544).

Sans-I/O.
"""

from __future__ import annotations

from typing import Final

MAX_DATAGRAM: Final = 1500
"""A longer one is none of ours (bytes)."""

CONNECTION_FAMILY: Final = b"\xff\xff"
"""Stands, in the key of a connection, where a `sockaddr` has its family: none has this number."""

_OVERSIZED: Final = b"\xff" * (MAX_DATAGRAM + 1)
"""Begins as nothing that we know (RFC 7983)."""


def is_connection(address: bytes) -> bool:
    """Whether this is the key of a connection, and no `sockaddr`."""
    return address.startswith(CONNECTION_FAMILY)


def frame(datagram: bytes) -> bytes:
    """`datagram` as it goes on the stream."""
    return len(datagram).to_bytes(2, "big") + datagram


class FrameReader:
    """Bytes in, whole datagrams out; keeps less than one datagram."""

    __slots__ = ("_buffer", "_skip")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0
        """Bytes still to come of a datagram that is too long."""

    def feed(self, data: bytes) -> list[bytes]:
        """Each datagram that `data` completes, empty ones too (RFC 4571 clause 2).

        One that is too long appears at once, as `MAX_DATAGRAM` + 1 bytes that are not its own:
        its length is all that anybody needs to know of it. No stream is malformed.
        """
        buffer = self._buffer
        buffer += data
        datagrams: list[bytes] = []
        at, end = 0, len(buffer)
        while True:
            if self._skip:
                skipped = min(self._skip, end - at)
                at += skipped
                self._skip -= skipped
            if end - at < 2:
                break
            size = buffer[at] << 8 | buffer[at + 1]
            if size > MAX_DATAGRAM:
                datagrams.append(_OVERSIZED)
                at += 2
                self._skip = size
                continue
            if end - at - 2 < size:
                break
            at += 2
            datagrams.append(bytes(buffer[at : at + size]))
            at += size
        del buffer[:at]
        return datagrams
