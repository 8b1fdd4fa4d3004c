"""One stream's packets to its receivers: who they are, and in which form each gets them.

Theory of operation. A stream reaches its receivers through its `FanOut`, which the receiving side
knows as `Output`. It keeps them by what the forwarder must do for each: most have a lane and get
what all with the same layout get; those with redundancy (RFC 2198) share it by how much there is;
those whose packets pass a temporal filter or a pacer are served one by one. The lists are made anew
by `lay_lanes` whenever something about a receiver changes, so that nothing is asked per packet.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Final

from sfu.receive.rtp_stream import RtpStream
from sfu.send import pauses
from sfu.send.audio_repair import COPY_AFTER
from sfu.send.down_track import DownTrack
from sfu.send.forwarder import GROUP_PACKETS, Forwarder, redundant
from sfu.send.lane import Lane
from sfu.send.sink import Sinks
from sfu.send.source import Sent
from sfu.wire.packet import PAYLOAD, Packet

MAX_BEHIND: Final = 1000
"""How far behind the newest a packet may be sent; below libsrtp's window of 1024."""


class FanOut:
    """Whom one stream flows to; made with the stream, and as long-lived."""

    __slots__ = (
        "_doubled",
        "_forwarder",
        "_lanes",
        "_one_by_one",
        "_red_lanes",
        "is_video",
        "repair_soon",
        "sent",
        "sinks",
        "stream",
        "targets",
    )

    def __init__(
        self,
        stream: RtpStream,
        forwarder: Forwarder,
        sinks: Sinks,
        repair_soon: Callable[[], None],
    ) -> None:
        """Becomes the output of `stream`; `sinks` are those of its track, and `repair_soon` makes
        its publisher repair before the next round."""
        self.repair_soon = repair_soon
        self.stream = stream
        self.is_video = stream.is_video
        self.sinks = sinks
        self.sent = Sent()
        self._forwarder = forwarder
        self.targets: list[DownTrack] = []
        """Down tracks that flow from this stream now."""
        self._lanes: list[Lane] = []
        """Of most of them."""
        self._red_lanes: dict[tuple[int, int], list[Lane]] = {}
        """Of who gets redundant audio, by how many blocks and the receiver's payload type."""
        self._doubled: list[DownTrack] = []
        """Who gets each packet twice."""
        self._one_by_one: list[DownTrack] = []
        """Who is paced, or is left frames out; they have no lane."""
        stream.output = self

    # As the receiving side uses it (`Output`).

    @property
    def is_wanted(self) -> bool:
        """Whether it flows to anybody."""
        return bool(self.targets or self.sinks)

    def note_pending(self) -> None:
        """The stream's `pending` has its first packet: it is sent with this batch."""
        self._forwarder.dirty.append(self)

    def flush(self, now: float) -> None:
        """Count, keep and send the stream's pending packets. `now` in monotonic seconds."""
        stream = self.stream
        if not stream.pending:
            return
        if not self.is_video:
            self.send(stream.collect_voice(now), now)
            return
        for part, keyframe in stream.collect_video(now):
            stream.begin_part(part, keyframe, now)
            self.send(part, now)

    def send(self, packets: list[Packet], now: float) -> None:
        """Write packets to all receivers; they are newer than all before them."""
        if self.sinks:
            self.sinks.packets(self.stream, packets, now)
        forwarder, lanes = self._forwarder, self._lanes
        count = len(packets)
        uncopied = self._pop_uncopied() if self._doubled else None
        if lanes:
            if count <= GROUP_PACKETS:
                forwarder.write_group(lanes, packets, self.is_video and count > 1, now)
            else:
                for start in range(0, count, GROUP_PACKETS):
                    part = packets[start : start + GROUP_PACKETS]
                    forwarder.write_group(lanes, part, self.is_video, now)
            forwarder.forwarded += count * len(lanes)
        for (blocks, payload_type), red_lanes in self._red_lanes.items():
            encoded = redundant(self.stream, packets, blocks, payload_type)
            forwarder.write_group(red_lanes, encoded, False, now)
            forwarder.forwarded += count * len(red_lanes)
        if self._one_by_one:
            for down_track in self._one_by_one:
                forwarder.send_per_packet(down_track, packets, now)
        elif not lanes and not self._red_lanes:
            return
        self.sent.note(packets, now)
        if uncopied:
            for down_track, before in uncopied:
                forwarder.copy(down_track, before, now, behind=True)
        repaired = uncopied or self._red_lanes
        if repaired and self.stream.codec.announces_pause(packets[-1][PAYLOAD]):
            # Nothing follows that would take a copy or a block of it along.
            self.repair_soon()

    def send_late(self, packet: Packet, now: float) -> None:
        """A packet behind the newest: to whom its number still belongs."""
        if self.stream.waits:
            # What left was in order, and numbered without a place for it.
            self._forwarder.too_old += 1
            return
        if self.sinks:
            self.sinks.packets(self.stream, [packet], now)
        for down_track in self.targets:
            lane = down_track.late_lane(packet, MAX_BEHIND)
            if lane is None:
                self._forwarder.too_old += 1
                continue
            self._forwarder.write(lane, [packet], now)
            down_track.note_late(packet)

    def leave_out(self, first: int, last: int) -> None:
        """These packets, next in line, are not sent; the numbers of what follows close up."""
        for down_track in self.targets:
            down_track.skip(first, last)
        self.lay_lanes()

    def repair(self, now: float) -> bool:
        """Send again what a receiver of a voice may have lost: copies, and word of a pause.

        Returns whether more of it will be due soon.
        """
        more = False
        if self._red_lanes:
            if pauses.repeat(self.stream, self.targets, self._forwarder, now):
                self.lay_lanes()
            more = pauses.remain(self.stream, self.targets)
        if self._doubled:
            more = self._copy_waiting(now) or more
        return more

    # As down tracks use it (`Source`).

    def add(self, down_track: DownTrack) -> None:
        """The stream flows to this one from now on."""
        self.targets.append(down_track)
        self.lay_lanes()

    def remove(self, down_track: DownTrack) -> None:
        """It no longer does."""
        if down_track in self.targets:
            self.targets.remove(down_track)
            self.lay_lanes()

    def lay_lanes(self) -> None:
        """Something about one of them has changed."""
        self._one_by_one = [down_track for down_track in self.targets if down_track.per_packet]
        self._doubled = [down_track for down_track in self.targets if down_track.copied]
        self._red_lanes = {}
        plain = []
        for down_track in self.targets:
            if down_track.blocks:
                lane = down_track.lane(redundant=True)
                if lane is not None:
                    key = (down_track.blocks, down_track.spec.payload_type)
                    self._red_lanes.setdefault(key, []).append(lane)
            elif not down_track.per_packet:
                plain.append(down_track)
        lanes = (down_track.lane() for down_track in plain)
        # Receivers of one layout stand together: the forwarder then changes groups seldom.
        self._lanes = sorted((lane for lane in lanes if lane is not None), key=itemgetter(0))

    def _pop_uncopied(self) -> list[tuple[DownTrack, list[bytes]]]:
        """What was sent before and leaves a second time with the next packet."""
        return [(down_track, down_track.take_uncopied()) for down_track in self._doubled]

    def _copy_waiting(self, now: float) -> bool:
        """Send the copies that no next packet takes along, where the voice pauses; whether some
        are not due yet."""
        waiting = [down_track for down_track in self._doubled if down_track.uncopied]
        if not waiting or self.stream.pending or now - self.stream.last_arrival < COPY_AFTER:
            return bool(waiting)
        for down_track in waiting:
            self._forwarder.copy(down_track, down_track.take_uncopied(), now)
        return False
