"""Passive ICE-TCP (RFC 6544) for peers whose network blocks UDP.

Theory of operation. A connection is one more address: its key has the length of a `sockaddr`, and
is none. Its frames become datagrams in the slots of the UDP socket's arena, and
from there on nobody asks how they came. So an authenticated check is what makes a connection
*verified*, by `verify`; until then it is a stranger, which gets little time, few bytes, and must
begin with STUN. The owner calls `dismiss` when it needs an address no more;
`closed` is called when a connection is gone.

All sockets hang on one selector, whose own descriptor is what the worker's loop waits for:
connections that come and go do not concern it. Writing happens at once as far as the kernel
takes it; the rest waits in a `SendQueue`. Connections are closed only in `receive`, `tick`,
`dismiss` and `close`, never while something is sent.
"""

from __future__ import annotations

import logging
import selectors
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sfu.drops import DropReason
from sfu.net.framing import CONNECTION_FAMILY, is_connection
from sfu.net.tcp_connection import Connection, host_of
from sfu.net.udp import SLOT_SIZE, SLOTS, UdpSocket

MAX_CONNECTIONS: Final = 512
"""Verified and strangers; a process may have 1024 descriptors."""
MAX_STRANGERS: Final = 256
"""In all; the oldest one makes room, so that a flood does not lock others out."""
MAX_STRANGERS_PER_HOST: Final = 96
"""From one IPv4 address or one IPv6 /64; further ones are refused. A school has one address."""
MAX_PER_HOST: Final = MAX_CONNECTIONS // 2
"""The same of all: a school whose network blocks UDP needs two for each of a hundred pupils."""
STRANGER_SECONDS: Final = 5.0
STRANGER_BYTES: Final = 4096
"""What a stranger may send before one of its checks is found good."""
STALL_SECONDS: Final = 30.0
"""How long a peer may read nothing while something waits for it; no less than consent lasts."""

_READ: Final = 16 * 1024
_MAX_FRAMES: Final = _READ // 14
"""Of one read: nothing of ours is shorter than an RTP header and its length."""
_PORTS_TRIED: Final = 20
_BACKLOG: Final = 128
_ACCEPTS: Final = 16
"""In one go; a flood may not keep the packets waiting."""
_UNSENT: Final = 16 * 1024
"""Bytes the kernel may hold besides those in flight: what is there cannot be dropped any more."""
_TCP_RTO_MAX_MS: Final = 44
_RTO_MAX_MS: Final = 1000
"""After an outage TCP tries again this soon (Linux 6.15; elsewhere it may take 2 minutes)."""
_STUN_FIRST_BYTES: Final = (b"\0", b"\1", b"\2", b"\3")

log = logging.getLogger("sfu.tcp")


class TcpSockets:
    """The listener, its connections, and one function to send to TCP and UDP addresses alike."""

    def __init__(
        self, udp: UdpSocket, closed: Callable[[bytes, float], None], *, listen: bool = True
    ) -> None:
        """Listen on the UDP socket's port number; `port` is 0 where that is not possible.

        `closed(address, now)` is called when a verified connection is gone, unless by `dismiss`.
        `now` in monotonic seconds, here and below.
        """
        self.connections: dict[bytes, Connection] = {}
        """By address; `Outbox.streams`."""
        self._strangers: dict[bytes, Connection] = {}
        """Those of nobody yet, the oldest first."""
        self._leaving: dict[bytes, Connection] = {}
        """Those that were dismissed and are not gone yet."""
        self._by_host: Counter[str] = Counter()
        """Without those that leave."""
        self._strangers_by_host: Counter[str] = Counter()
        self.drops: dict[DropReason, int] = {}
        self._udp = udp
        self._view = memoryview(udp.arena.data)
        self._closed = closed
        self._number = 0
        self._selector = selectors.DefaultSelector()
        self._listener = _listen(udp) if listen else None
        self._accepting = False
        self.port: int = 0
        if self._listener is not None:
            self.port = udp.port
            self._accept_again()

    def fileno(self) -> int:
        """Readable when `receive` has something to do."""
        descriptor: int = self._selector.fileno()
        return descriptor

    def count(self, reason: DropReason, number: int = 1) -> None:
        self.drops[reason] = self.drops.get(reason, 0) + number

    # Addresses.

    def unpack_address(self, address: bytes) -> tuple[str, int]:
        """Text IP and port of any peer, TCP or UDP."""
        connection = self.connections.get(address)
        return self._udp.unpack_address(address) if connection is None else connection.peer

    def send_one(self, datagram: bytes, address: bytes, now: float) -> bool:
        """Send what is not media to any peer, TCP or UDP; False when it is lost."""
        connection = self.connections.get(address)
        if connection is not None:
            return connection.send(datagram, now)
        if is_connection(address):
            return False
        return self._udp.send_one(datagram, address)

    def verify(self, address: bytes) -> None:
        """An authenticated check came from there. UDP addresses are none of ours."""
        connection = self.connections.get(address)
        if connection is not None:
            connection.verified = True
            self._is_no_stranger(connection)

    def _is_no_stranger(self, connection: Connection) -> None:
        if self._strangers.pop(connection.address, None) is not None:
            _count_down(self._strangers_by_host, connection.host)

    def dismiss(self, address: bytes, now: float) -> None:
        """Nobody will send there any more: close when what waits is sent. UDP ones as above."""
        connection = self.connections.get(address)
        if connection is None or connection.leaving:
            return
        connection.flush(now)
        self._is_no_stranger(connection)
        _count_down(self._by_host, connection.host)
        self._leaving[address] = connection
        connection.leaving = True
        connection.verified = False
        connection.opened_at = now
        if not connection.queue:
            self._part(connection)

    # What the loop calls.

    def receive(self, now: float, take: Callable[[list[int], bytes], None]) -> bool:
        """Accept, read and write what is possible now; one read a connection.

        `take(sizes, addresses)` gets datagrams as `UdpSocket.receive` returns them, at most
        `SLOTS` at a time, in the same slots. False when there was nothing to do.
        """
        ready = self._selector.select(0)
        sizes: list[int] = []
        addresses: list[bytes] = []
        ended: list[Connection] = []
        for key, events in ready:
            connection: Connection | None = key.data
            if connection is None:
                self._accept(now)
                continue
            if connection.is_closed:
                continue  # evicted by one that was accepted just now
            if events & selectors.EVENT_WRITE:
                self._write(connection, now)
            datagrams: list[bytes] = []
            if events & selectors.EVENT_READ and not self._read(connection, datagrams):
                ended.append(connection)
            for datagram in datagrams:
                if len(sizes) == SLOTS:
                    take(sizes, b"".join(addresses))
                    sizes, addresses = [], []
                at = len(sizes) * SLOT_SIZE
                self._view[at : at + len(datagram)] = datagram
                sizes.append(len(datagram))
                addresses.append(connection.address)
        if sizes:
            take(sizes, b"".join(addresses))
        # Only now: a peer's last bytes still count as its own.
        for connection in ended:
            self._close(connection, now)
        return bool(ready)

    def tick(self, now: float) -> None:
        """Close who had time enough; call it some times a second."""
        self._accept_again()
        for connection in list(self.connections.values()):
            if connection.broken:
                self._close(connection, now)
            elif not connection.verified:
                if now - connection.opened_at > STRANGER_SECONDS:
                    self._refuse(connection)
                    self._close(connection, now)
            elif connection.queue and now - connection.progress_at > STALL_SECONDS:
                self.count(DropReason.TCP_STALLED)
                log.info("a peer reads nothing any more, so its TCP connection is closed")
                self._close(connection, now)

    def close(self, now: float) -> None:
        """Close everything."""
        for connection in list(self.connections.values()):
            self._close(connection, now)
        if self._listener is not None:
            self._listener.close()
        self._selector.close()

    # Reading and writing.

    def _read(self, connection: Connection, datagrams: list[bytes]) -> bool:
        """Append what has come; False when the connection is at its end."""
        limit = _READ if connection.verified else STRANGER_BYTES - connection.received
        if limit <= 0:
            self._refuse(connection)
            return False
        try:
            data = connection.socket.recv(limit)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        if not connection.verified:
            connection.received += len(data)
        if connection.leaving:
            return True
        found = connection.reader.feed(data)
        if not connection.verified and found and found[0][:1] not in _STUN_FIRST_BYTES:
            self._refuse(connection)
            return False
        if len(found) > _MAX_FRAMES:
            self.count(DropReason.TCP_RUBBISH)
            return False
        datagrams += found
        return True

    def _refuse(self, connection: Connection) -> None:
        """Count a connection that did not become anybody's."""
        if not connection.leaving:
            self.count(DropReason.TCP_STRANGER)

    def _write(self, connection: Connection, now: float) -> None:
        connection.flush(now)
        if connection.leaving and not connection.queue:
            self._part(connection)

    @staticmethod
    def _part(connection: Connection) -> None:
        """End our direction; a close with bytes unread would make the kernel forget ours."""
        with suppress(OSError):
            connection.socket.shutdown(socket.SHUT_WR)

    def watch(self, connection: Connection, writing: bool) -> None:
        """Whether to poll for room to write too."""
        if writing is connection.writing or connection.is_closed:
            return
        connection.writing = writing
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        self._selector.modify(connection.socket, events, connection)

    # Coming and going.

    def _accept_again(self) -> None:
        if self._listener is not None and not self._accepting:
            self._selector.register(self._listener, selectors.EVENT_READ, None)
            self._accepting = True

    def _accept(self, now: float) -> None:
        assert self._listener is not None
        for _ in range(_ACCEPTS):
            try:
                sock, source = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue
            except OSError:
                # No descriptors left: try again at the next tick.
                self._selector.unregister(self._listener)
                self._accepting = False
                return
            if not self._make_room(host_of(_plain(source[0])), now):
                self.count(DropReason.TCP_REFUSED)
                sock.close()
                continue
            self._add(sock, (_plain(source[0]), source[1]), now)

    def _make_room(self, host: str, now: float) -> bool:
        strangers = self._strangers
        if (
            self._strangers_by_host[host] >= MAX_STRANGERS_PER_HOST
            or self._by_host[host] >= MAX_PER_HOST
        ):
            return False
        if len(strangers) >= MAX_STRANGERS or len(self.connections) >= MAX_CONNECTIONS:
            # Who leaves has been sent a goodbye, and may be slow: its place goes first.
            spare = next(iter(self._leaving.values()), None) or next(iter(strangers.values()), None)
            if spare is None:
                return False
            self._refuse(spare)
            self._close(spare, now)
        return True

    def _add(self, sock: socket.socket, peer: tuple[str, int], now: float) -> None:
        self._number += 1
        width = self._udp.address_size
        address = CONNECTION_FAMILY + self._number.to_bytes(8, "big") + bytes(width - 10)
        try:
            _prepare(sock)
        except OSError:
            sock.close()  # gone again already
            return
        connection = Connection(self, sock, peer, address, now)
        self.connections[address] = self._strangers[address] = connection
        self._by_host[connection.host] += 1
        self._strangers_by_host[connection.host] += 1
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _close(self, connection: Connection, now: float) -> None:
        if connection.is_closed:
            return
        self._selector.unregister(connection.socket)
        connection.is_closed = True
        connection.socket.close()
        del self.connections[connection.address]
        self._is_no_stranger(connection)
        if self._leaving.pop(connection.address, None) is None:
            _count_down(self._by_host, connection.host)
        if connection.verified:
            self._closed(connection.address, now)


def _count_down(counts: Counter[str], host: str) -> None:
    counts[host] -= 1
    if not counts[host]:
        del counts[host]


def udp_beside_tcp(port: int, *, host: str = "", dual_stack: bool = True) -> UdpSocket:
    """A UDP socket; when any port will do (0), of one whose number is free over TCP too.

    Raises `OSError` when the port is taken.
    """
    udp = UdpSocket(port, host=host, dual_stack=dual_stack)
    for _ in range(0 if port else _PORTS_TRIED):
        try:
            _bound(udp).close()
            break
        except OSError:
            udp.close()
            udp = UdpSocket(0, host=host, dual_stack=dual_stack)
    return udp


def _listen(udp: UdpSocket) -> socket.socket | None:
    try:
        return _bound(udp)
    except OSError as error:
        log.warning("no TCP on port %d (%s): UDP alone must do", udp.port, error.strerror)
        return None


def _bound(udp: UdpSocket) -> socket.socket:
    """A listener on the port of the same number. Raises `OSError`."""
    family = socket.AF_INET6 if udp.dual_stack else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if udp.dual_stack:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setblocking(False)
        sock.bind((udp.host or ("::" if udp.dual_stack else "0.0.0.0"), udp.port))
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)
    with suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_RTO_MAX_MS, _RTO_MAX_MS)


def _plain(host: str) -> str:
    """An IPv4 peer of a dual-stack socket as IPv4, without a zone."""
    return host.partition("%")[0].removeprefix("::ffff:")
