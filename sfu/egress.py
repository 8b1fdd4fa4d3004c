"""The way out of the SFU: one `Egress` a receiving transport, one `Outbox` a worker.

Theory of operation. Down tracks write plain packets one behind another into the memory of their
transport's egress and protect them there. Neighbours of equal size make a *run*, which the
kernel cuts into datagrams in one go, so a run is all that a message needs to name: address,
first byte, length, segment size. The last segment of a run may be shorter, which closes the run.
Runs wait in the outbox's batch; `Outbox.flush` sends them, and only then may the memory be used
again. No packet is copied on the way, and no object is made for it.

Sans-I/O: the batch is injected.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from sfu.net.srtp import Arena, SrtpContext, SrtpProfile, length_cell

CAPACITY: Final = 65536
"""Bytes that may wait for one transport; when they are full the outbox flushes early."""
MAX_RUN: Final = 60_000
"""Bytes of one run; a message must stay below 65,508."""
MAX_SEGMENTS: Final = 60
"""Segments of one run; the kernel's limit is 64 (UDP_MAX_SEGMENTS)."""


class Batch(Protocol):
    """Takes runs and sends them; `sfu.net.udp.SendBatch` outside tests."""

    def add(self, name: int, base: int, length: int, segment: int) -> None: ...

    def flush(self) -> None: ...


class Outbox:
    """Everything that waits to be sent by one worker."""

    __slots__ = ("_dirty", "batch")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._dirty: list[Egress] = []

    def flush(self) -> None:
        """Send all runs; afterwards every egress is empty."""
        for egress in self._dirty:
            egress.close_run()
        self.batch.flush()
        for egress in self._dirty:
            egress.position = 0
            egress.run_base = egress.address
        self._dirty.clear()

    def mark(self, egress: Egress) -> None:
        """`egress` holds something to send."""
        self._dirty.append(egress)


class Egress:
    """The memory, keys and counters of everything sent over one transport.

    The fields are open to `Forwarder`, which keeps them in local variables while it fans out.
    """

    __slots__ = (
        "_arena",
        "_context",
        "_name",
        "_outbox",
        "address",
        "cell",
        "context",
        "data",
        "name",
        "octets",
        "packets",
        "pointer",
        "position",
        "profile",
        "refused",
        "run_base",
        "run_length",
        "run_segment",
        "tag_length",
        "transport_cc_id",
        "transport_seq",
    )

    def __init__(self, outbox: Outbox, context: SrtpContext, address_size: int) -> None:
        self._outbox = outbox
        self._context = context
        self._arena = Arena(CAPACITY)
        self._name = Arena(address_size)
        self.context: Any = context.pointer
        self.profile: SrtpProfile = context.profile
        self.tag_length = context.profile.tag_length
        self.data = self._arena.data
        self.pointer: Any = self._arena.pointer
        self.address = self._arena.address
        self.name = self._name.address
        self.cell = length_cell()
        self.position = 0
        self.run_base = self.address
        self.run_length = 0
        self.run_segment = 0
        self.transport_cc_id = 0
        """Header extension id; 0 where the peer wants none."""
        self.transport_seq = 0
        """The next transport-wide sequence number, not wrapped."""
        self.packets = 0
        self.octets = 0
        """RTP bytes sent in all, headers and tags included."""
        self.refused = 0
        """Packets that libsrtp would not protect."""

    def set_peer(self, address: bytes) -> None:
        """Where to: the raw `sockaddr`. What waits goes to the old address first."""
        if self.position:
            self._outbox.flush()
        self._name.data[:] = address

    def reserve(self, size: int) -> int:
        """Room for `size` bytes; returns the position where to write them."""
        position = self.position
        if position + size > CAPACITY:
            self._outbox.flush()
            position = 0
        if position == 0:
            self._outbox.mark(self)
        self.position = position + size
        return position

    def append_run(self, length: int, segment: int) -> None:
        """The next `length` bytes of the memory are datagrams of `segment` bytes each."""
        before = self.run_length
        if before:
            run_segment = self.run_segment
            if (
                (segment == run_segment or (length == segment < run_segment))
                and before % run_segment == 0
                and before + length <= MAX_RUN
                and before + length <= run_segment * MAX_SEGMENTS
            ):
                self.run_length = before + length
                return
            self._outbox.batch.add(self.name, self.run_base, before, run_segment)
            self.run_base += before
        self.run_length = length
        self.run_segment = segment

    def close_run(self) -> None:
        """Hand the open run to the batch."""
        if self.run_length:
            self._outbox.batch.add(self.name, self.run_base, self.run_length, self.run_segment)
            self.run_base += self.run_length
            self.run_length = 0

    def remove_stream(self, ssrc: int) -> None:
        """Forget the SRTP state of an SSRC that will not be used again."""
        self._context.remove_stream(ssrc)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """A protected copy of a compound RTCP packet."""
        return self._context.protect_rtcp(packet)
