"""Which layer of a video track a down track is sent.

Theory of operation. A layer is a spatial layer (one stream of a simulcast track) and the highest
temporal layer within it. `preferred` is what the viewer would like, `target` what the allocator
grants, `current` what flows. A spatial switch waits for a keyframe of the new stream, which the
selector asks for; meanwhile the old stream flows on. A temporal switch is made within the stream:
down at the next frame, up at a frame that refers to nothing which was left out.

What is left out must not be seen by the receiver: sequence numbers and frame numbers close up
(`leave_out`), or its decoder would wait for frames that never come. What counts frames of the base
layer alone stays as it is, for those are never left out.

A track with neither simulcast nor temporal layers needs nothing special: its one stream is
spatial layer 0, its packets carry no temporal id, and every one of them passes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from sfu.codecs.codec import Codec
from sfu.wire.packet import BITS, PAYLOAD, SEQ, TIMESTAMP, Packet

if TYPE_CHECKING:
    from sfu.send.packet_map import PacketMap, Segment

ALL: Final = 3
"""The highest temporal layer there can be (a field of two bits): as a limit, no limit."""
REASK_INTERVAL: Final = 0.5
"""Seconds after which a keyframe that did not come is asked for again."""
TEMPORAL_PATIENCE: Final = 4.0
"""Seconds to wait for a frame to go up at; a publisher that marks none is asked for a keyframe."""
LEFT_OUT_KEPT: Final = 64
"""Frames left out that are remembered: seconds, longer than a resend may take."""


class Layer(NamedTuple):
    """A spatial layer, 0 the lowest, and the highest temporal layer of it; -1: nothing."""

    spatial: int
    temporal: int


NONE: Final = Layer(-1, -1)


class FramePart(NamedTuple):
    """Packets of one frame that came together."""

    timestamp: int
    tid: int
    """Temporal layer; -1: the packets name none."""
    sync: bool
    """The frame refers to the base layer frame before it, and to no other."""
    start: bool
    """The first packet of the frame is among them."""
    keyframe: bool
    packets: list[Packet]
    """In order, without a gap."""


class Run(NamedTuple):
    """Neighbouring packets that are all sent or all left out."""

    kept: bool
    packets: list[Packet]
    first: int
    """Extended sequence number, where the run begins; of packets left out it may lie before the
    first one, when packets of the same frame are missing between."""
    last: int
    frames: int
    """Frames that begin in this run, when it is left out: how much their numbers close up."""


def frames(packets: Sequence[Packet], codec: Codec) -> list[FramePart]:
    """Cut packets that follow each other without a gap into frames.

    A frame ends with its marker or where the timestamp changes. This is the same for every
    receiver of a stream, so it is done once.
    """
    parts: list[FramePart] = []
    begin, count = 0, len(packets)
    while begin < count:
        _, timestamp, marker, payload = packets[begin]
        end = begin + 1
        while end < count and not marker and packets[end][TIMESTAMP] == timestamp:
            marker = packets[end][BITS]
            end += 1
        layer = codec.temporal_id(payload)
        parts.append(
            FramePart(
                timestamp,
                layer >> 1,
                layer > 0 and layer & 1 == 1,
                codec.begins_frame(payload),
                codec.is_keyframe(payload),
                list(packets[begin:end]),
            )
        )
        begin = end
    return parts


class TemporalFilter:
    """Leaves out whole frames above a temporal layer.

    Every frame of the stream must pass `accept`, in order, while `limiting`; before and after
    that none need to.
    """

    __slots__ = (
        "_changed_at",
        "_codec",
        "_ended",
        "_entering",
        "_keeping",
        "_last",
        "_left_out",
        "_left_out_count",
        "_limit",
        "_timestamp",
        "_top",
        "decodable",
    )

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._limit = ALL
        self._entering = False
        self.decodable = ALL
        """The highest layer of which nothing is missing that later frames may refer to."""
        self._top = 0
        self._timestamp = -1
        self._ended = True
        self._keeping = True
        self._last = -1
        self._changed_at = -1
        self._left_out = [-1] * LEFT_OUT_KEPT
        self._left_out_count = 0

    @property
    def limit(self) -> int:
        """The highest temporal layer to be sent, from the next frame on."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        if limit < ALL and not self.limiting:
            self._entering = True
            self._ended = True
        self._limit = limit

    @property
    def limiting(self) -> bool:
        """Whether frames may be left out now."""
        return self._limit < ALL or self.decodable < ALL

    @property
    def raising(self) -> bool:
        """Whether a frame to go up at is waited for."""
        return self.decodable < min(self._limit, self._top)

    def restart(self) -> None:
        """Another stream begins, with a keyframe: nothing is missing of it."""
        self.decodable = ALL
        self._entering = False
        self._top = 0
        self._timestamp = -1
        self._ended = True
        self._changed_at = -1
        # All layers of a publisher may count time alike.
        self._left_out = [-1] * LEFT_OUT_KEPT

    def accept(self, part: FramePart) -> bool:
        """Whether these packets are sent. All parts of a frame get the same answer."""
        return self._accept(part)[0]

    def _accept(self, part: FramePart) -> tuple[bool, bool]:
        """Whether the packets are sent, and whether they go on with the frame before."""
        goes_on = part.timestamp == self._timestamp and not self._ended
        if not goes_on:
            self._timestamp = part.timestamp
            self._keeping = self._decide(part)
            if not self._keeping:
                self._note_left_out(part.timestamp)
        last = part.packets[-1]
        self._ended = last[BITS] != 0
        self._last = last[SEQ]
        return self._keeping, goes_on

    def _decide(self, part: FramePart) -> bool:
        tid = part.tid
        entering, self._entering = self._entering, False
        if tid < 0 or (entering and not part.start):
            # The filter just became active, and the first packets of this frame have been sent.
            return True
        if tid > self._top:
            self._top = tid
        if part.keyframe:
            self.decodable = ALL
            return True
        if tid > self._limit:
            if tid <= self.decodable:
                self.decodable = tid - 1
                self._changed_at = part.packets[0][SEQ]
            return False
        if tid <= self.decodable:
            return True
        # One layer at a time: after a sync frame of layer 2 a frame of layer 1 may still refer
        # to an earlier one of its own layer that was left out.
        if tid == self.decodable + 1 and part.sync and part.start:
            self.decodable = ALL if tid >= self._top else tid
            return True
        return False

    def _note_left_out(self, timestamp: int) -> None:
        self._left_out[self._left_out_count % LEFT_OUT_KEPT] = timestamp
        self._left_out_count += 1

    def filter(self, packets: Sequence[Packet]) -> list[Run]:
        """Cut packets that follow each other without a gap into runs to send and to leave out.

        Between two calls packets may be missing. Those between two parts of a frame that is left
        out are left out with it; a number that might be anything's stays open for a late packet.
        """
        return self.runs(frames(packets, self._codec))

    def runs(self, parts: Sequence[FramePart]) -> list[Run]:
        """As `filter`, of packets cut into frames already."""
        runs: list[Run] = []
        for part in parts:
            before = self._last
            kept, goes_on = self._accept(part)
            packets = part.packets
            first, last = packets[0][SEQ], packets[-1][SEQ]
            if goes_on and not kept and before < first:
                first = before + 1
            begun = 0 if kept or goes_on else 1
            if runs and runs[-1].kept is kept:
                run = runs[-1]
                run.packets.extend(packets)
                runs[-1] = run._replace(last=last, frames=run.frames + begun)
            else:
                runs.append(Run(kept, packets, first, last, begun))
        return runs

    def admits_late(self, packet: Packet) -> bool:
        """Whether a packet behind the newest may fill its place.

        No packet of a frame that was left out may: its frame number has been given to another.
        """
        timestamp = packet[TIMESTAMP]
        if timestamp in self._left_out:
            return False
        if packet[SEQ] < self._changed_at or not self.limiting:
            return True
        if self._codec.temporal_id(packet[PAYLOAD]) >> 1 <= min(self._limit, self.decodable):
            return True
        self._note_left_out(timestamp)
        return False

    def left_out(self, timestamp: int) -> bool:
        """Whether the frame of this timestamp (of the source) was left out: not to be resent."""
        return timestamp in self._left_out


class LayerSelector:
    """What one down track is sent. A switch begins with `aim` and ends with `keyframe`."""

    __slots__ = (
        "_asked_at",
        "_asked_for",
        "_raising_since",
        "arriving",
        "preferred",
        "spatial",
        "target",
        "temporal",
    )

    def __init__(self, codec: Codec) -> None:
        self.preferred = NONE
        self.target = NONE
        self.spatial = -1
        """The spatial layer that flows; -1: none."""
        self.temporal = TemporalFilter(codec)
        self.arriving: Collection[int] = ()
        """Spatial layers that come from the publisher now; kept up to date by the up track."""
        self._asked_for = -1
        self._asked_at = 0.0
        self._raising_since = -1.0

    @property
    def current(self) -> Layer:
        """What flows. The temporal layer is a limit: the stream may have fewer, or none."""
        if self.spatial < 0:
            return NONE
        return Layer(self.spatial, min(self.temporal.limit, self.temporal.decodable))

    def aim(self, target: Layer, preferred: Layer) -> bool:
        """Set the target; True when nothing may flow any more: the caller must stop at once.

        A lower temporal layer holds from the next frame on.
        """
        self.preferred = preferred
        self.target = target
        if target.spatial < 0:
            stop = self.spatial >= 0
            self.spatial = -1
            return stop
        self._limit()
        return False

    def _limit(self) -> None:
        """While a higher stream than the target flows, its lowest rate comes closest to it."""
        above = self.spatial > self.target.spatial
        self.temporal.limit = 0 if above else max(0, min(ALL, self.target.temporal))

    @property
    def pursued(self) -> int:
        """The spatial layer to go to at its next keyframe; -1: stay.

        That of the target, or the best below it while that one does not arrive. A layer above the
        target is never gone to: what it costs was not granted.
        """
        best = max((s for s in self.arriving if s <= self.target.spatial), default=-1)
        return -1 if best == self.spatial else best

    def keyframe(self, spatial: int) -> bool:
        """A keyframe of this layer begins. True: the caller switches to it now.

        Besides the pursued layer any that lies between it and the current one is an improvement.
        """
        target, current = self.target.spatial, self.spatial
        if spatial == current or target < 0:
            return False
        if current in self.arriving:
            between = min(current, target) <= spatial <= max(current, target)
            if not between and spatial != self.pursued:
                return False
        elif spatial > target:
            return False
        self.spatial = spatial
        self.temporal.restart()
        self._limit()
        return True

    def lost(self) -> None:
        """The stream that flowed is gone for good (another SSRC took its place)."""
        self.spatial = -1

    def wants_keyframe(self, now: float, interval: float = REASK_INTERVAL) -> int:
        """The spatial layer to ask a keyframe of now, or -1; asking is noted.

        Once for each switch, as soon as the layer arrives, and again when it did not come within
        `interval` seconds.
        """
        wanted = self.pursued
        if wanted < 0:
            wanted = self._stuck(now)
        if wanted < 0:
            self._asked_for = -1
            return -1
        if wanted == self._asked_for and now - self._asked_at < interval:
            return -1
        self._asked_for = wanted
        self._asked_at = now
        return wanted

    def _stuck(self, now: float) -> int:
        """The layer that flows, when no frame to go up at has come for too long."""
        if self.spatial < 0 or not self.temporal.raising:
            self._raising_since = -1.0
            return -1
        if self._raising_since < 0:
            self._raising_since = now
        return self.spatial if now - self._raising_since >= TEMPORAL_PATIENCE else -1


def leave_out(numbers: PacketMap, run: Run) -> Segment | None:
    """Close up numbers, of packets and of frames, over a run that is not sent.

    See `PacketMap.leave_out`.
    """
    segment = numbers.leave_out(run.first, run.last)
    if segment is not None:
        frame, base = segment.shift
        segment.shift = (frame - run.frames, base)
    return segment
