"""TLS on a connection that was accepted, with memory in proportion to a school's small box."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import sslproto
from collections.abc import Callable

from signaling.edge.places import Place

SHUTDOWN_SECONDS = 5.0
"""That a peer has to answer our end of TLS."""
READ = 4 * 1024
"""Bytes that are read at once, and stay with each connection; what browsers send us is small."""
HANDSHAKE = 22
"""First byte of a connection that speaks TLS, a record's type (RFC 8446 section 5.1)."""
_HEADER = 5
_LONGEST = 16 * 1024
"""Bytes of a record; a first one of more is nothing that a browser sends."""


def first_record(data: bytes | bytearray) -> int:
    """How many bytes the record that `data` begins takes; 0 when it cannot be one.

    A browser's first flight (ClientHello) fits into one. Until it is whole there is nothing to
    answer, and no need for what OpenSSL keeps for a connection (some 60 KiB while it begins).
    """
    if data[0] != HANDSHAKE:
        return 0
    if len(data) < _HEADER:
        return _HEADER
    length = int.from_bytes(data[3:_HEADER], "big")
    return _HEADER + length if 0 < length <= _LONGEST else 0


class Tls(sslproto.SSLProtocol):
    """asyncio's TLS, with a small read buffer: its own is 256 KiB a connection.

    To be made a socket's protocol; `connection_made` of the protocol inside follows the handshake.
    """

    max_size = READ

    def __init__(
        self,
        inside: asyncio.Protocol,
        context: ssl.SSLContext,
        place: Place,
        lost: Callable[[Place], None],
        heard: bytes,
    ) -> None:
        """`lost(place)` is called when the connection is gone, whether or not it got so far as to
        reach `inside`. `heard`: what was read from the socket already."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        # Nobody waits: a handshake that fails ends the connection, and `lost` follows.
        waiter.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._place, self._lost, self._heard = place, lost, heard
        super().__init__(
            loop,
            inside,
            context,
            waiter,
            server_side=True,
            # The place's own deadline comes first; this one is asyncio's to insist on.
            ssl_handshake_timeout=60,
            ssl_shutdown_timeout=SHUTDOWN_SECONDS,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        assert isinstance(transport, asyncio.Transport)
        self._place.close = transport.abort
        if not self._place.taken:
            transport.abort()  # its place was given away a moment ago
        super().connection_made(transport)
        rest, self._heard = memoryview(self._heard), b""
        while rest:
            buffer = self.get_buffer(len(rest))
            count = min(len(buffer), len(rest))
            buffer[:count] = rest[:count]
            self.buffer_updated(count)
            rest = rest[count:]

    def connection_lost(self, exc: BaseException | None) -> None:
        """The socket is gone."""
        super().connection_lost(exc)
        self._lost(self._place)
