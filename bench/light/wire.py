"""Batched UDP for the load generator: recvmmsg and sendmmsg through ctypes, Linux only.

A datagram's time of arrival is the kernel's, taken when it came in at the receiver's interface: a
burst to ten participants arrives at one moment, and how long this process then takes to read it
one by one is no delay of the server's.

One `ReceiveBatch` and one `SendBatch` serve all sockets of a process, because each batch is
used up before the next is filled.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import time
from array import array
from typing import Any

from sfu.net.mmsg import MSG_DONTWAIT, SIZE_T, Iovec, Mmsghdr, Msghdr
from sfu.net.srtp import Arena
from sfu.net.udp import MAX_WAIT, SO_TIMESTAMPNS, STAMP_SIZE

SLOT_BYTES = 2048
BATCH = 64

_RETRY = (errno.EAGAIN, errno.EINTR)
_MAX_WAIT_NS = int(MAX_WAIT * 1e9)


def supported() -> bool:
    """Whether this system has the calls."""
    libc = ctypes.CDLL(None)
    return hasattr(libc, "recvmmsg") and hasattr(libc, "sendmmsg")


def stamp_arrivals(sock: socket.socket) -> None:
    """Have the kernel stamp arrivals; where it cannot, `arrivals` are the times of the read."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return


class _Batch:
    def __init__(self) -> None:
        self.arena = Arena(BATCH * SLOT_BYTES)
        self.data = self.arena.data
        self.pointers = [self.arena.pointer + n * SLOT_BYTES for n in range(BATCH)]
        """libsrtp's view of each slot."""
        self._libc: Any = ctypes.CDLL(None, use_errno=True)
        self._iovecs = (Iovec * BATCH)()
        self._messages = (Mmsghdr * BATCH)()
        for number in range(BATCH):
            self._iovecs[number].base = self.arena.address + number * SLOT_BYTES
            self._iovecs[number].len = SLOT_BYTES
            header = self._messages[number].hdr
            header.iov = ctypes.addressof(self._iovecs) + number * ctypes.sizeof(Iovec)
            header.iovlen = 1


class ReceiveBatch(_Batch):
    """Datagram `n` of the last `receive` is `data[n * SLOT_BYTES:][:lengths[n]]`."""

    def __init__(self) -> None:
        super().__init__()
        words = memoryview(self._messages).cast("B").cast("I")
        step = ctypes.sizeof(Mmsghdr) // 4
        self.lengths = words[Mmsghdr.len.offset // 4 :: step]
        self._recvmmsg = self._libc.recvmmsg
        self._stamps = Arena(BATCH * STAMP_SIZE)
        for number in range(BATCH):
            self._messages[number].hdr.control = self._stamps.address + number * STAMP_SIZE
        sizes = memoryview(self._messages).cast("B").cast(SIZE_T)
        step = ctypes.sizeof(Mmsghdr) // sizes.itemsize
        self._control_lengths = sizes[Msghdr.controllen.offset // sizes.itemsize :: step]
        self._room = array(SIZE_T, [STAMP_SIZE] * BATCH)
        words = memoryview(self._stamps.data).cast("q")
        self._seconds, self._nanoseconds = words[2::4], words[3::4]
        self.arrivals: list[int] = []
        """Of each datagram of the last `receive`, monotonic nanoseconds."""

    def receive(self, fd: int) -> int:
        """How many datagrams were read; 0 when there was none (or an ICMP error was)."""
        self._control_lengths[:] = self._room
        count: int = self._recvmmsg(fd, self._messages, BATCH, MSG_DONTWAIT, None)
        if count <= 0:
            return 0
        self.arrivals = self._arrived(count)
        return count

    def _arrived(self, count: int) -> list[int]:
        now, wall = time.monotonic_ns(), time.time_ns()
        lengths = self._control_lengths[:count].tolist()
        stamps = zip(
            lengths, self._seconds[:count].tolist(), self._nanoseconds[:count].tolist(), strict=True
        )
        found = []
        for length, seconds, nanoseconds in stamps:
            waited = wall - seconds * 1_000_000_000 - nanoseconds if length == STAMP_SIZE else 0
            found.append(now - waited if 0 < waited < _MAX_WAIT_NS else now)
        return found


class SendBatch(_Batch):
    """Fill slots, set `lengths`, then `send` the first so many over a connected socket."""

    def __init__(self) -> None:
        super().__init__()
        words = memoryview(self._iovecs).cast("B").cast(SIZE_T)
        step = ctypes.sizeof(Iovec) // words.itemsize
        self.lengths = words[1::step]
        self._sendmmsg = self._libc.sendmmsg

    def send(self, fd: int, count: int) -> int:
        """How many the kernel took; what it refused is lost, as on any network."""
        sent = 0
        tries = 0
        while sent < count and tries < 3:
            at = ctypes.byref(self._messages, sent * ctypes.sizeof(Mmsghdr))
            result: int = self._sendmmsg(fd, at, count - sent, MSG_DONTWAIT)
            if result > 0:
                sent += result
                continue
            tries += 1
            # ECONNREFUSED reports an earlier datagram's fate, not this one's: try again.
            if ctypes.get_errno() not in (*_RETRY, errno.ECONNREFUSED):
                break
        return sent
