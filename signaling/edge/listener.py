"""The listening sockets: who is let in, and what he speaks.

Theory of operation. asyncio would give every connection that is accepted a task, a transport and
TLS buffers at once. Here it first gets a place (`Places`), and until it has sent something whole it
is that and a socket. Its first byte decides: either a TLS handshake, or plain HTTP, which a TLS
port answers by where to go. From there on aiohttp serves it. All deadlines are looked at by `tick`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
import struct
import time
from collections.abc import Sequence

from aiohttp import web

from signaling.edge.forwarded import Forwarded
from signaling.edge.http import HttpConnection
from signaling.edge.patience import Patience
from signaling.edge.places import Place, Places
from signaling.edge.tls import HANDSHAKE, Tls, first_record
from signaling.edge.turns import Turns
from signaling.limits import AddressLimit, address_key

log = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that the kernel keeps for us to accept; it may allow fewer (net.core.somaxconn)."""
ACCEPTS = 64
"""In one go: whoever is connected already gets a turn between."""
HANDSHAKES = 4
"""Begun in one turn of the loop."""
PAUSE = 1.0
"""Seconds without accepting when the system has no descriptor or memory for a connection."""
PORTS_TRIED = 20
SEND_BUFFER = 128 * 1024
"""Bytes; by itself, Linux lets 4 MiB wait for a peer that does not read."""
REPORT = 60.0
"""Seconds between lines about connections that were refused."""
FIRST = 4096
"""Bytes that are read at once of what a connection sends first."""
_RESET = struct.pack("ii", 1, 0)
"""`SO_LINGER` with no time: a refused connection is reset and leaves nothing behind."""


class Listener:
    """`open`, then `tick` now and then, and `close`."""

    def __init__(
        self,
        server: web.Server,
        places: Places,
        forwarded: Forwarded,
        connects_per_minute: int,
        patience: Patience,
        tls: ssl.SSLContext | None,
    ) -> None:
        """`connects_per_minute`: from one address, and as many at once; 0 for no limit."""
        self._server, self._places, self._forwarded = server, places, forwarded
        self._connects = AddressLimit(connects_per_minute)
        self._patience, self._tls = patience, tls
        self._sockets: list[socket.socket] = []
        self._silent: dict[Place, tuple[socket.socket, bytearray]] = {}
        self._turns: Turns[tuple[Place, ssl.SSLContext | None]] = Turns()
        self._starting: set[asyncio.Task[object]] = set()
        self._loop = asyncio.get_running_loop()
        self._reported_at, self._reported = time.monotonic(), (0, 0)

    async def open(self, host: str, port: int) -> int:
        """Listen on every address of `host` (all when empty); gives the port. Raises `OSError`."""
        self._sockets = await self._bind(host, port)
        for sock in self._sockets:
            sock.setblocking(False)
            self._loop.add_reader(sock, self._accept, sock)
        found: int = self._sockets[0].getsockname()[1]
        return found

    def close(self) -> None:
        """Accept no more, and end whoever has sent nothing; the others are the server's."""
        for sock in self._sockets:
            self._loop.remove_reader(sock)
            sock.close()
        self._sockets = []
        for place in list(self._silent):
            self._end(place)

    def tick(self, now: float) -> None:
        """Close whose time is over; call it a few times a second."""
        for place in self._places.expired(now):
            self._end(place)
        figures = self._places.refused, self._places.displaced
        if now - self._reported_at >= REPORT and figures != self._reported:
            log.warning(
                "too many connections at once (%d now): %d refused, %d idle ones closed since",
                len(self._places),
                figures[0] - self._reported[0],
                figures[1] - self._reported[1],
            )
            self._reported_at, self._reported = now, figures

    # Listening.

    async def _bind(self, host: str, port: int) -> list[socket.socket]:
        infos = await self._loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        found = list(dict.fromkeys((family, str(address[0])) for family, *_, address in infos))
        for _ in range(0 if port else PORTS_TRIED):
            try:
                return _bind_all(found, 0)
            except OSError as error:
                # Free in one family is not yet free in the other.
                if error.errno != errno.EADDRINUSE:
                    raise
        return _bind_all(found, port)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTS):
            try:
                sock, peer = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                continue
            except OSError as error:
                log.warning("no connection can be accepted (%s)", error)
                self._loop.remove_reader(listening)
                self._loop.call_later(PAUSE, self._accept_again, listening)
                return
            self._admit(sock, str(peer[0]))

    def _accept_again(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _admit(self, sock: socket.socket, address: str) -> None:
        # A proxy speaks for many; the limits by address are then those of its requests.
        key = "" if self._forwarded.trusts(address) else address_key(address)
        place = self._places.take(key, time.monotonic(), self._patience.headers)
        if place is None:
            _reset(sock)
            return
        sock.setblocking(False)
        _bound_sending(sock, self._patience.reading)
        self._silent[place] = sock, bytearray()
        place.close = lambda: self._drop(place)
        self._loop.add_reader(sock, self._speaks, place, address)

    def _drop(self, place: Place) -> None:
        if place in self._silent:
            sock, _ = self._silent.pop(place)
            self._loop.remove_reader(sock)
            sock.close()

    def _end(self, place: Place) -> None:
        self._places.free(place)
        place.close()

    # The first words.

    def _speaks(self, place: Place, address: str) -> None:
        sock, heard = self._silent[place]
        try:
            heard += sock.recv(FIRST)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            heard.clear()
        if not heard:
            self._end(place)
            return
        tls = self._tls if heard[0] == HANDSHAKE else None
        wanted = first_record(heard) if tls is not None else int(heard[:1].isupper())
        if not 0 < wanted <= len(heard):
            if not wanted:
                self._end(place)
            return
        # This is where a connection begins to cost something.
        if place.key and self._connects.take(address, time.monotonic()):
            self._end(place)
            return
        self._loop.remove_reader(sock)
        if not self._turns:
            self._loop.call_soon(self._serve_some)
        self._turns.add(place.key, (place, tls))

    def _serve_some(self) -> None:
        """A handshake takes about a millisecond, in which nobody else is answered."""
        begun = 0
        while self._turns and begun < HANDSHAKES:
            place, tls = self._turns.next()
            # It may have been given away, or have waited too long.
            if place in self._silent:
                sock, heard = self._silent.pop(place)
                # Until its transport is there, which looks at `place.taken`.
                place.close = lambda: None
                self._serve(sock, place, tls, bytes(heard))
                begun += 1
        if self._turns:
            self._loop.call_soon(self._serve_some)

    def _serve(
        self,
        sock: socket.socket,
        place: Place,
        tls: ssl.SSLContext | None,
        heard: bytes,
    ) -> None:
        server, places, patience = self._server, self._places, self._patience
        protocol: asyncio.BaseProtocol
        if tls is None:
            protocol = HttpConnection(server, places, place, patience, heard)
        else:
            http = HttpConnection(server, places, place, patience)
            protocol = Tls(http, tls, place, places.free, heard)
        task: asyncio.Task[object] = self._loop.create_task(self._start(sock, protocol, place))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start(
        self, sock: socket.socket, protocol: asyncio.BaseProtocol, place: Place
    ) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, sock)
        except OSError:
            # It was reset meanwhile.
            self._places.free(place)
            sock.close()


def _bind_all(
    addresses: Sequence[tuple[socket.AddressFamily, str]], port: int
) -> list[socket.socket]:
    """One socket for each address, all on one port. A family that the system lacks is left out.

    Raises `OSError`.
    """
    sockets: list[socket.socket] = []
    trouble = OSError(errno.EADDRNOTAVAIL, "no address to listen on")
    try:
        for family, host in addresses:
            port = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(socket.create_server((host, port), family=family, backlog=BACKLOG))
            except OSError as error:
                if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                    raise
                trouble = error
        if not sockets:
            raise trouble
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bound_sending(sock: socket.socket, patience: float) -> None:
    """What the kernel keeps for a peer that does not read, and for how long.

    Its clock sees what none of ours does: a file that the kernel sends by itself, and a window
    that stays closed (RFC 5482; Linux counts it too).
    """
    # Where the kernel has neither option, a deaf peer keeps its connection for longer.
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(patience * 1000))


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()
