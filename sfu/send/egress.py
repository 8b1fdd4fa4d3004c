"""Where packets leave: one `Egress` a receiving transport, one `Outbox` a worker.

Theory of operation. The forwarder writes packets one behind another into the memory of their
transport's egress and protects them there. Neighbours of equal size make a *run*, which the
kernel cuts into datagrams in one go, so a run is all that a message needs to name: address,
first byte, length, segment size. The last segment of a run may be shorter, which closes the run.
While packets are written only the sizes are noted; `Outbox.flush` joins them into runs and sends
them, and only then may the memory be used again. No packet is copied here, and no object
is made for it.

Sans-I/O: the batch is injected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from sfu.congestion import stream_queue
from sfu.net.srtp import Arena, SrtpContext, SrtpProfile

CAPACITY: Final = 65536
"""Bytes that may wait for one transport; when they are full the outbox flushes early."""
MAX_RUN: Final = 60_000
"""Bytes of one run; a message must stay below 65,508."""
MAX_SEGMENTS: Final = 60
"""Segments of one run; the kernel's limit is 64 (UDP_MAX_SEGMENTS)."""


class Batch(Protocol):
    """Sends runs; `sfu.net.udp.SendBatch` outside tests."""

    def send(
        self, names: list[int], bases: list[int], lengths: list[int], segments: list[int]
    ) -> None:
        """Run i goes to the `sockaddr` at `names[i]`; all four lists are equally long."""


class Stream(stream_queue.Stream, Protocol):
    """A connection that carries packets one by one; `sfu.net.tcp.Connection` outside tests."""

    def send_runs(
        self, data: bytearray, runs: list[tuple[int, int]], audio: frozenset[int], now: float
    ) -> None:
        """Send protected packets, one behind the other from the start of `data` on.

        `runs` are (length, segment size) as in `Egress.runs`; `audio` the SSRCs that go first;
        `now` in monotonic seconds.
        Nothing of `data` is kept.
        """


class Nowhere:
    """A `Stream` for what must not be sent: counts, and forgets."""

    __slots__ = ("dropped", "taken")

    def __init__(self) -> None:
        self.dropped = 0
        """Packets."""
        self.taken = 0

    def waited(self, now: float) -> float:
        return 0.0

    def send_runs(
        self, data: bytearray, runs: list[tuple[int, int]], audio: frozenset[int], now: float
    ) -> None:
        self.dropped += sum(-(-length // segment) for length, segment in runs)


class Outbox:
    """Everything that waits to be sent by one worker."""

    __slots__ = ("batch", "dirty", "nowhere", "streams", "tap")

    def __init__(self, batch: Batch, streams: Mapping[bytes, Stream] | None = None) -> None:
        """`streams` are the connections that there are, by the address that stands for each."""
        self.batch = batch
        self.streams: Mapping[bytes, Stream] = {} if streams is None else streams
        self.dirty: list[Egress] = []
        """Those that hold something; an egress enters itself with its first packet."""
        self.nowhere = Nowhere()
        """Gets what is for peers that may not be sent to."""
        self.tap: Callable[[list[Egress]], None] | None = None
        """Is shown what is about to be sent."""

    def flush(self, now: float) -> None:
        """Send everything; afterwards every egress is empty. `now` in monotonic seconds."""
        dirty = self.dirty
        if not dirty:
            return
        if self.tap is not None:
            self.tap(dirty)
        names: list[int] = []
        bases: list[int] = []
        lengths: list[int] = []
        segments: list[int] = []
        for egress in dirty:
            note = egress.note_sent
            if note is not None:
                note(egress.transport_word >> 8 & 0xFFFF, egress.position, now)
            if egress.stream is not None:
                egress.stream.send_runs(egress.data, egress.runs, egress.audio, now)
                egress.runs.clear()
                egress.position = 0
                continue
            name, base = egress.name, egress.address
            length = segment = limit = 0
            for more, size in egress.runs:
                # `limit` is how long the run may become; 0 once a shorter segment has closed it.
                if length + more <= limit and (size == segment or more == size < segment):
                    length += more
                    if size != segment:
                        limit = 0
                    continue
                if length:
                    names.append(name)
                    bases.append(base)
                    lengths.append(length)
                    segments.append(segment)
                    base += length
                length, segment = more, size
                limit = 0 if more % size else min(MAX_RUN, size * MAX_SEGMENTS)
            names.append(name)
            bases.append(base)
            lengths.append(length)
            segments.append(segment)
            egress.runs.clear()
            egress.position = 0
        dirty.clear()
        if names:
            self.batch.send(names, bases, lengths, segments)


class Egress:
    """The memory, keys and counters of everything sent over one transport."""

    __slots__ = (
        "_arena",
        "_context",
        "_name",
        "_outbox",
        "address",
        "audio",
        "context",
        "data",
        "name",
        "note_copy",
        "note_sent",
        "pointer",
        "position",
        "profile",
        "runs",
        "stream",
        "tag_length",
        "transport_cc_id",
        "transport_word",
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
        self.position = 0
        """Bytes that wait."""
        self.runs: list[tuple[int, int]] = []
        """Length and segment size of what waits, in order."""
        self.stream: Stream | None = None
        """Instead of datagrams, for a peer that has only TCP."""
        self.audio: frozenset[int] = frozenset()
        """SSRCs that are dropped last where a stream must drop."""
        self.transport_cc_id = 0
        """Header extension id; 0 where the peer wants none."""
        self.transport_word = 0
        """The next transport-wide sequence number, shifted to its place in the header (by 8)."""
        self.note_sent: Callable[[int, int, float], None] | None = None
        """Called at each flush: next transport-wide number (16 bits), bytes, monotonic seconds."""
        self.note_copy: Callable[[int, int], None] | None = None
        """Called for each packet that is sent twice: its transport-wide number, and that of the
        packet before it."""

    def set_peer(self, address: bytes | None, now: float) -> None:
        """Where to: the raw `sockaddr`, or the key of one of `Outbox.streams`; None: nowhere.

        What waits goes to the old address first. `now` in monotonic seconds.
        """
        if self.position:
            self._outbox.flush(now)
        if address is None:
            self.stream = self._outbox.nowhere
            return
        self.stream = self._outbox.streams.get(address)
        self._name.data[:] = address

    def reserve(self, size: int, now: float) -> int:
        """Room for `size` bytes; returns the position where to write them.

        What waits is sent first where there is no more room. `now` in monotonic seconds.
        """
        position = self.position
        if position + size > CAPACITY:
            self._outbox.flush(now)
            position = 0
        if position == 0:
            self._outbox.dirty.append(self)
        self.position = position + size
        return position

    def remove_stream(self, ssrc: int) -> None:
        """Forget the SRTP state of an SSRC that will not be used again."""
        self._context.remove_stream(ssrc)
