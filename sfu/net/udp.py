"""One UDP socket, many datagrams a system call.

`UdpSocket.receive` fills an arena of fixed slots with recvmmsg. `SendBatch` sends messages (each
one a run of equal segments to one address) with sendmmsg, cut by the kernel (UDP_SEGMENT,
`man 7 udp`). Where the kernel lacks one of these, plain recvfrom and sendto do the
same work slower; the callers never notice.

All control blocks are laid out once; a batch costs four bulk stores.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import socket
import struct
import sys
import time
from array import array
from functools import lru_cache
from typing import Any, Final

from sfu.net.mmsg import MSG_DONTWAIT, SIZE_T, Iovec, Mmsghdr, Msghdr
from sfu.net.srtp import Arena

SLOTS: Final = 128
"""Datagrams a call of `receive` takes at most."""
SLOT_SIZE: Final = 2048
MAX_DATAGRAM: Final = 1500
"""A longer datagram is none of ours (bytes); it is cut and reported with a larger size."""
MESSAGES: Final = 256
"""Messages that a `SendBatch` holds."""
SOCKET_BUFFER: Final = 8 * 1024 * 1024

SOL_UDP: Final = 17
UDP_SEGMENT: Final = 103
_CONTROL_SIZE: Final = 24
"""CMSG_SPACE(2): a 16-byte header and the segment size, padded."""
_NOT_IN_BATCHES: Final = frozenset(
    (errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOSYS, errno.EOPNOTSUPP)
)
SO_TIMESTAMPNS: Final = 35
MAX_WAIT: Final = 5.0
"""Seconds; what seems to have waited for longer came before the clock was set."""
STAMP_SIZE: Final = 32
"""Of a control message with one `timespec`: length, level, type, seconds, nanoseconds."""
_stamp: Final = struct.Struct("=16xqq").unpack_from
_CONTROL_LENGTH: Final = Msghdr.controllen.offset // ctypes.sizeof(ctypes.c_size_t)
_HEADER_WORDS: Final = ctypes.sizeof(Mmsghdr) // ctypes.sizeof(ctypes.c_size_t)

log = logging.getLogger("sfu.udp")


def _libc_call(name: str, argument_count: int) -> Any:
    """A libc function that keeps the interpreter's lock (it never blocks), or None."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = getattr(ctypes.PyDLL(None, use_errno=True), name)
    except AttributeError:
        return None
    function.argtypes = (
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_void_p,
    )[:argument_count]
    function.restype = ctypes.c_int
    return function


_recvmmsg: Final = _libc_call("recvmmsg", 5)
_sendmmsg: Final = _libc_call("sendmmsg", 4)


def _headers(count: int) -> Any:
    return (Mmsghdr * count)()


class UdpSocket:
    """A bound, non-blocking UDP socket, dual stack where the machine has IPv6.

    Addresses of peers are handled as raw `sockaddr` bytes (`address_size` long): they are
    dictionary keys on the packet path and go back to the kernel as they came.
    """

    def __init__(self, port: int, *, host: str = "", dual_stack: bool = True) -> None:
        """`host`: an IP address of this machine; empty for all. Raises `OSError` when the port is
        taken, or the address is not there.
        """
        self.host = host
        self.socket = _bind(port, host, dual_stack)
        self.dual_stack = self.socket.family == socket.AF_INET6
        self.address_size = 28 if self.dual_stack else 16
        self.port: int = self.socket.getsockname()[1]
        self.arena = Arena(SLOTS * SLOT_SIZE)
        self.pointers = [self.arena.pointer + i * SLOT_SIZE for i in range(SLOTS)]
        self.segments = _segmentation_works(self.socket)
        self._addresses = Arena(SLOTS * self.address_size)
        self.waited = 0.0
        """Seconds that the first datagram of the last batch waited for us; 0 where the kernel does
        not stamp it."""
        self._stamped = _stamps_arrivals(self.socket)
        self._lay_out_receive()
        self._batched = self._receives_in_batches()

    def _lay_out_receive(self) -> None:
        self._headers = _headers(SLOTS)
        self._iovecs = (Iovec * SLOTS)()
        for i in range(SLOTS):
            iovec = self._iovecs[i]
            iovec.base = self.arena.address + i * SLOT_SIZE
            # One byte over the limit shows that a datagram is too long.
            iovec.len = MAX_DATAGRAM + 1
            header = self._headers[i].hdr
            header.name = self._addresses.address + i * self.address_size
            header.namelen = self.address_size
            header.iov = ctypes.addressof(iovec)
            header.iovlen = 1
        self._headers_at = ctypes.addressof(self._headers)
        # Only the first datagram of a batch has room for the time of its arrival.
        self._stamp = Arena(STAMP_SIZE)
        if self._stamped:
            self._headers[0].hdr.control = self._stamp.address
        sizes: memoryview[int] = memoryview(self._headers).cast("B").cast(SIZE_T)
        self._control_length = sizes[_CONTROL_LENGTH : _CONTROL_LENGTH + 1]
        stride = ctypes.sizeof(Mmsghdr) // 4
        at = Mmsghdr.len.offset // 4
        words: memoryview[int] = memoryview(self._headers).cast("B").cast("I")
        self._sizes = words[at::stride]

    def _receives_in_batches(self) -> bool:
        """Ask once, with nothing there: some kernels know the call and do not do it."""
        if _recvmmsg is None:
            return False
        count = _recvmmsg(self.socket.fileno(), self._headers_at, 0, MSG_DONTWAIT, None)
        return count >= 0 or ctypes.get_errno() not in (errno.ENOSYS, errno.EOPNOTSUPP)

    @property
    def features(self) -> tuple[str, ...]:
        """What the kernel lets this socket use, for `WorkerReady.features`."""
        found = (
            ("recvmmsg", self._batched),
            ("sendmmsg", _sendmmsg is not None),
            ("udp-segment", self.segments),
            ("dual-stack", self.dual_stack),
        )
        return tuple(name for name, here in found if here)

    def fileno(self) -> int:
        return self.socket.fileno()

    def receive(self) -> tuple[list[int], bytes]:
        """Take what has arrived, up to `SLOTS` datagrams, without waiting.

        Returns the datagrams' sizes (datagram i is at slot i of `arena`; a size above
        `MAX_DATAGRAM` means it was cut) and their source addresses one after the other.
        """
        if _recvmmsg is None or not self._batched:
            return self._receive_plain()
        stamped = self._stamped
        if stamped:
            self._control_length[0] = STAMP_SIZE
        count = _recvmmsg(self.socket.fileno(), self._headers_at, SLOTS, MSG_DONTWAIT, None)
        if count <= 0:
            # Besides "nothing there", an ICMP error of an earlier send: it means nothing here.
            return [], b""
        if stamped:
            seconds, nanoseconds = _stamp(self._stamp.data)
            waited = time.time() - seconds - nanoseconds * 1e-9
            # The clock may have been set meanwhile.
            self.waited = waited if 0.0 < waited < MAX_WAIT else 0.0
        return (
            self._sizes[:count].tolist(),
            bytes(memoryview(self._addresses.data)[: count * self.address_size]),
        )

    def _receive_plain(self) -> tuple[list[int], bytes]:
        sizes: list[int] = []
        addresses = []
        view = memoryview(self.arena.data)
        for i in range(SLOTS):
            slot = view[i * SLOT_SIZE : i * SLOT_SIZE + MAX_DATAGRAM + 1]
            try:
                size, source = self.socket.recvfrom_into(slot)
            except OSError:
                break
            sizes.append(size)
            addresses.append(self.pack_address(source[0], source[1]))
        return sizes, b"".join(addresses)

    def pack_address(self, host: str, port: int) -> bytes:
        """The `sockaddr` bytes of a text address, as this socket's family writes it."""
        if self.dual_stack:
            plain, _, zone = host.partition("%")
            if ":" not in plain:
                plain = "::ffff:" + plain
            raw = socket.inet_pton(socket.AF_INET6, plain)
            scope = socket.if_nametoindex(zone) if zone else 0
            return struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0, raw, scope)
        raw = socket.inet_pton(socket.AF_INET, host)
        return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), raw)

    def unpack_address(self, address: bytes) -> tuple[str, int]:
        """Text IP (an IPv4 peer of a dual-stack socket as IPv4) and port."""
        port = int.from_bytes(address[2:4], "big")
        if not self.dual_stack:
            return socket.inet_ntop(socket.AF_INET, address[4:8]), port
        raw = address[8:24]
        if raw.startswith(b"\0" * 10 + b"\xff\xff"):
            return socket.inet_ntop(socket.AF_INET, raw[12:]), port
        return socket.inet_ntop(socket.AF_INET6, raw), port

    def send_one(self, datagram: bytes, address: bytes) -> bool:
        """Send a datagram that is not media: STUN, DTLS, RTCP. False when the kernel refused."""
        try:
            self.socket.sendto(datagram, _socket_address(address))
        except OSError:
            return False
        return True

    def close(self) -> None:
        self.socket.close()


@lru_cache(maxsize=1024)
def _socket_address(address: bytes) -> tuple[str | int, ...]:
    """Raw `sockaddr` bytes as Python's socket takes them."""
    port = int.from_bytes(address[2:4], "big")
    if len(address) == 16:
        return socket.inet_ntop(socket.AF_INET, address[4:8]), port
    scope = int.from_bytes(address[24:28], sys.byteorder)
    return socket.inet_ntop(socket.AF_INET6, address[8:24]), port, 0, scope


def _bind(port: int, host: str, dual_stack: bool) -> socket.socket:
    families = [socket.AF_INET6, socket.AF_INET] if dual_stack else [socket.AF_INET]
    if host:
        families = [socket.AF_INET6 if ":" in host else socket.AF_INET]
    for family in families:
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM)
        except OSError:
            if family == families[-1]:
                raise
            continue  # the kernel has no IPv6
        try:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setblocking(False)
            sock.bind((host or ("::" if family == socket.AF_INET6 else "0.0.0.0"), port))
        except OSError as error:
            sock.close()
            if family == families[-1] or error.errno == errno.EADDRINUSE:
                raise
            continue  # IPv6 is switched off on this machine
        _enlarge_buffers(sock)
        return sock
    raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))


def _enlarge_buffers(sock: socket.socket) -> None:
    """As far as the kernel allows; with its own sizes a burst loses packets sooner."""
    for name, option in (("receive", socket.SO_RCVBUF), ("send", socket.SO_SNDBUF)):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
        except OSError as error:
            log.warning("the %s buffer of the media port stays small (%s)", name, error)


def _stamps_arrivals(sock: socket.socket) -> bool:
    """Let the kernel stamp datagrams on arrival, where it can."""
    if _recvmmsg is None or SIZE_T != "Q":
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def _segmentation_works(sock: socket.socket) -> bool:
    if _sendmmsg is None:
        return False
    try:
        sock.setsockopt(SOL_UDP, UDP_SEGMENT, 0)
    except OSError:
        return False
    return True


class SendBatch:
    """Sends runs, up to `MESSAGES` with one sendmmsg.

    A run is named by the kernel's addresses, it is not copied: what it names must stay as it is
    until `send` has returned.
    """

    def __init__(self, udp: UdpSocket) -> None:
        self._udp = udp
        self._fd = udp.fileno()
        self.segments = udp.segments
        self.refused = 0
        """Datagrams that the kernel would not take at all."""
        self.overflowed = 0
        """Datagrams lost because the socket's send buffer was full."""
        self._lay_out()

    def _lay_out(self) -> None:
        self._headers = _headers(MESSAGES)
        self._iovecs = (Iovec * MESSAGES)()
        self._controls = Arena(MESSAGES * _CONTROL_SIZE)
        header_size = ctypes.sizeof(ctypes.c_size_t) + 8
        for i in range(MESSAGES):
            header = self._headers[i].hdr
            header.namelen = self._udp.address_size
            header.iov = ctypes.addressof(self._iovecs[i])
            header.iovlen = 1
            if self.segments:
                at = i * _CONTROL_SIZE
                struct.pack_into(
                    "=" + SIZE_T + "ii",
                    self._controls.data,
                    at,
                    header_size + 2,
                    SOL_UDP,
                    UDP_SEGMENT,
                )
                header.control = self._controls.address + at
                header.controllen = (header_size + 2 + 7) & ~7
        self._headers_at = ctypes.addressof(self._headers)
        words: memoryview[int] = memoryview(self._headers).cast("B").cast(SIZE_T)
        self._names = words[::_HEADER_WORDS]
        iovec_words: memoryview[int] = memoryview(self._iovecs).cast("B").cast(SIZE_T)
        self._bases = iovec_words[0::2]
        self._lengths = iovec_words[1::2]
        halves: memoryview[int] = memoryview(self._controls.data).cast("H")
        self._segment_sizes = halves[header_size // 2 :: _CONTROL_SIZE // 2]

    def send(
        self, names: list[int], bases: list[int], lengths: list[int], segments: list[int]
    ) -> None:
        """Send runs: run i is `lengths[i]` bytes from `bases[i]` on, to `names[i]`.

        `names` are kernel addresses of `sockaddr`s. A run is cut into datagrams of `segments[i]`
        bytes, the last may be shorter. Never raises, never waits; what fails is counted.
        """
        for start in range(0, len(names), MESSAGES):
            end = min(start + MESSAGES, len(names))
            count = end - start
            self._names[:count] = array(SIZE_T, names[start:end])
            self._bases[:count] = array(SIZE_T, bases[start:end])
            self._lengths[:count] = array(SIZE_T, lengths[start:end])
            self._segment_sizes[:count] = array("H", segments[start:end])
            self._send(count)

    def _send(self, count: int) -> None:
        if _sendmmsg is None or not self.segments:
            for i in range(count):
                self._send_cut(i)
            return
        done = 0
        while done < count:
            sent = _sendmmsg(
                self._fd,
                self._headers_at + done * ctypes.sizeof(Mmsghdr),
                count - done,
                MSG_DONTWAIT,
            )
            if sent > 0:
                done += sent
                continue
            error = ctypes.get_errno()
            if error in (errno.EAGAIN, errno.ENOBUFS):
                self.overflowed += sum(self._datagrams(i) for i in range(done, count))
                return
            if error == errno.EINTR:
                continue
            if error in _NOT_IN_BATCHES:
                # This path, device or kernel does not do it: cut this run ourselves.
                self._send_cut(done)
            else:
                self.refused += self._datagrams(done)
            done += 1

    def _datagrams(self, i: int) -> int:
        return -(-self._lengths[i] // self._segment_sizes[i])

    def _send_cut(self, i: int) -> None:
        """Message `i` as one sendto a datagram."""
        base, length, segment = self._bases[i], self._lengths[i], self._segment_sizes[i]
        address = ctypes.string_at(self._names[i], self._udp.address_size)
        for at in range(0, length, segment):
            datagram = ctypes.string_at(base + at, min(segment, length - at))
            if not self._udp.send_one(datagram, address):
                self.refused += 1
