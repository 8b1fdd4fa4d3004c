"""One TCP connection of a peer: its frames in both directions, and what waits to be written.

Owned by `sfu.net.tcp.TcpSockets`, which reads, watches and closes. Writing happens at once as far
as the kernel accepts it; the rest waits in a `SendQueue`.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol

from sfu.drops import DropReason
from sfu.net.framing import FrameReader
from sfu.net.send_queue import SendQueue


class Owner(Protocol):
    """What a connection needs of whoever owns it."""

    def count(self, reason: DropReason, number: int = 1) -> None:
        """So many packets were dropped."""

    def watch(self, connection: Connection, writing: bool) -> None:
        """Whether to call `flush` when there is room again."""


def host_of(address: str) -> str:
    """Whom a limit counts together: an IPv4 address, or an IPv6 network of 64 bits."""
    if ":" not in address:
        return address
    return socket.inet_pton(socket.AF_INET6, address)[:8].hex()


class Connection:
    """One accepted connection; owned by `sfu.net.tcp.TcpSockets`."""

    __slots__ = (
        "_owner",
        "address",
        "broken",
        "host",
        "is_closed",
        "leaving",
        "opened_at",
        "peer",
        "progress_at",
        "queue",
        "reader",
        "received",
        "socket",
        "taken",
        "verified",
        "writing",
    )

    def __init__(
        self, owner: Owner, sock: socket.socket, peer: tuple[str, int], address: bytes, now: float
    ) -> None:
        """`now` in monotonic seconds, here and below."""
        self._owner = owner
        self.socket = sock
        self.peer = peer
        self.host = host_of(peer[0])
        self.address = address
        self.reader = FrameReader()
        self.queue = SendQueue()
        self.taken = 0
        """Bytes that the kernel has taken so far."""
        self.received = 0
        """Bytes, as long as it is a stranger."""
        self.opened_at = now
        self.progress_at = now
        """When the kernel last took something, or nothing waited."""
        self.verified = False
        self.leaving = False
        """Nothing more is read; it is closed when what waits is sent, or soon anyway."""
        self.broken = False
        self.writing = False
        """The selector watches for room."""
        self.is_closed = False

    def send(self, datagram: bytes, now: float) -> bool:
        """STUN, DTLS or RTCP; False when it is lost."""
        if self.broken or self.leaving or self.is_closed:
            return False
        if not self.queue.put_control(datagram):
            return False
        self.flush(now)
        return True

    def send_runs(
        self, data: bytearray, runs: Sequence[tuple[int, int]], audio: frozenset[int], now: float
    ) -> None:
        """RTP packets of an egress (`sfu.send.egress.Stream`)."""
        if self.broken or self.leaving or self.is_closed:
            packets = sum(-(-length // segment) for length, segment in runs)
            self._owner.count(DropReason.TCP_CLOSED, packets)
            return
        queue = self.queue
        start = 0
        for length, segment in runs:
            end = start + length
            for at in range(start, end, segment):
                packet = bytes(data[at : min(at + segment, end)])
                if packet[0] < 0x80:
                    continue  # wiped: libsrtp refused it
                if int.from_bytes(packet[8:12], "big") in audio:
                    queue.put_audio(packet, now)
                else:
                    queue.put_video(packet, now)
            start = end
        self.flush(now)

    def waited(self, now: float) -> float:
        """Seconds for which the oldest packet has waited for the kernel; 0 while none does."""
        return self.queue.waited(now)

    def flush(self, now: float) -> None:
        """Write as much as the kernel takes. Never raises."""
        queue = self.queue
        if not queue:
            self.progress_at = now
        while not self.broken:
            chunk = queue.chunk(now)
            if not chunk:
                break
            try:
                count = self.socket.send(chunk)
            except BlockingIOError:
                break
            except OSError:
                self.broken = True
                break
            queue.sent(count)
            self.taken += count
            self.progress_at = now
        if queue.dropped:
            self._owner.count(DropReason.TCP_SLOW_READER, queue.dropped)
            queue.dropped = 0
        self._owner.watch(self, bool(queue) and not self.broken)
