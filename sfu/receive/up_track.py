"""A track that a participant publishes: one stream, or up to three as simulcast layers.

Theory of operation. The up track owns its streams and knows the down tracks that want it. Which
stream each down track shows is the choice of its `LayerSelector`; it is acted on here, at the only
moments when it can change: a keyframe begins (`keyframe_arrived`), a down track joins (`attach`)
or gets another target (`retarget`), a stream falls silent (`tick`). Voices that are not among the
loudest are `silenced`: their down tracks rest, and go on with a little of what came just before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from sfu.codecs import registry
from sfu.congestion.allocator import LayerOffer, nominal_bps
from sfu.congestion.layer_demand import LayerDemand
from sfu.control import UpTrackSpec
from sfu.receive.publish_limit import PublishLimit, VoiceLimit
from sfu.receive.rtp_stream import RtpStream
from sfu.send.down_track import DownTrack
from sfu.send.fan_out import FanOut
from sfu.send.forwarder import Forwarder
from sfu.send.sink import Sink, Sinks
from sfu.wire.packet import SEQ, TIMESTAMP, Packet
from sfu.wire.rtp import ts_diff

LAYER_SILENCE: Final = 1.5
"""Seconds without a packet after which a simulcast layer counts as switched off."""
PRE_ROLL: Final = 0.12
"""Seconds of a voice, from just before it was chosen, that are sent at once: its first syllable
came up to a tick ago."""
REPLAY_PACKETS: Final = 40
"""A keyframe is sent again to a newcomer when it and what followed is at most this long."""
SILENT: Final = 127
"""Audio level of silence, RFC 6464."""


class UpTrack:
    """State of one published track; closed by its transport (`transport_closed`)."""

    def __init__(
        self,
        spec: UpTrackSpec,
        participant: str,
        forwarder: Forwarder,
        repair_soon: Callable[[], None] = lambda: None,
    ) -> None:
        """`repair_soon` is called when packets are missing, a keyframe is wanted or a voice pauses:
        what is to be done about it cannot wait for the next round."""
        self.spec = spec
        self.track = spec.track
        self.kind = spec.kind
        self.participant = participant
        self.forwarder = forwarder
        self.repair_soon = repair_soon
        self.codec = codec = registry.find(spec.codec)
        self.streams: list[RtpStream] = []
        """Those seen or announced so far, low to high."""
        self._fan_outs: dict[RtpStream, FanOut] = {}
        self.down_tracks: list[DownTrack] = []
        self.arriving: set[int] = set()
        """Indexes of the streams that packets come of; selectors share this set."""
        self.sinks = Sinks()
        """Whoever gets its packets in plaintext."""
        self.changes = 0
        """Of `arriving`, in number: who shares out a budget looks whether there were any."""
        self.silenced = False
        """A voice that is not among the loudest."""
        self.demand: LayerDemand | None = None
        """Which layers somebody needs; None while nobody else is there, when nothing rests."""
        self.limit: PublishLimit | VoiceLimit
        if spec.kind == "audio":
            self.limit = VoiceLimit(spec.max_bitrate_bps or codec.max_bitrate_bps)
        else:
            self.limit = PublishLimit(spec.max_bitrate_bps)
        self.level = SILENT
        """Loudest audio level since the last `hear`, -dBov; the receive path lowers it."""
        self._loudest = SILENT
        self._loudest_told = SILENT
        self._ended_octets = 0
        """Payload bytes of streams that were replaced."""

    def update(self, spec: UpTrackSpec) -> None:
        """The same track under a new offer: payload types may have changed, streams stay."""
        self.spec = spec
        self.limit.limit_bps = spec.max_bitrate_bps or self.codec.max_bitrate_bps
        for stream in self.streams:
            if stream.newest is not None and not stream.shut:
                stream.expect(spec.payload_type)

    def carries(self, payload_type: int) -> bool:
        """Whether media of this track may come under this payload type."""
        spec = self.spec
        return payload_type == spec.payload_type or payload_type == spec.red_payload_type != 0

    def stream_for(self, rid: str, ssrc: int, rtx_ssrc: int = 0) -> RtpStream:
        """The stream of this rid with a (new) SSRC; a changed SSRC makes a new stream.

        A publisher that replaces an SSRC (a new encoder) starts a new series of packets.
        """
        index = next((i for i, s in enumerate(self.spec.streams) if s.rid == rid), 0)
        known = next((s for s in self.streams if s.index == index), None)
        if known is not None:
            if known.ssrc == ssrc:
                return known
            self._replace(known)
        stream = RtpStream(self, ssrc, rtx_ssrc, rid, index, nack=self.spec.nack or self.is_voice)
        self._fan_outs[stream] = FanOut(stream, self.forwarder, self.sinks, self.repair_soon)
        self.streams.append(stream)
        self.streams.sort(key=lambda s: s.index)
        return stream

    def _replace(self, stream: RtpStream) -> None:
        stream.output.flush(stream.last_arrival)
        self.streams.remove(stream)
        self._ended_octets += stream.statistics.bytes + stream.shut_octets
        self.arriving.discard(stream.index)
        for down_track in list(self._fan_outs.pop(stream).targets):
            down_track.detach()
            if down_track.selector is not None:
                down_track.selector.lost()

    def attach(self, down_track: DownTrack, now: float) -> None:
        """A down track wants this track: from its next packet, or from a keyframe."""
        self.down_tracks.append(down_track)
        if down_track.selector is not None:
            down_track.selector.arriving = self.arriving
            self.retarget(down_track, now)
        elif not self.silenced:
            self._start_audio(down_track, now)

    def _start_audio(self, down_track: DownTrack, now: float, since: float = math.inf) -> None:
        """From the next packet on, or from the first that came at `since` or later."""
        stream = self.streams[-1] if self.streams else None
        if stream is None or stream.newest is None:
            return
        stream.output.flush(now)
        recent = [packet for _, packet in stream.cache.since(since)]
        before = down_track.segment
        if before is not None and before.source is stream:
            # Left out for a moment only: what it was sent, silence included, lies behind it.
            sent = down_track.last_timestamp - before.timestamp_delta & 0xFFFFFFFF
            recent = [packet for packet in recent if ts_diff(packet[TIMESTAMP], sent) > 0]
        first, timestamp = stream.next_seq, stream.newest[TIMESTAMP]
        if recent:
            first, timestamp = recent[0][SEQ], recent[0][TIMESTAMP]
        down_track.switch_to(self._fan_outs[stream], first, timestamp, None, now)
        if recent:
            self.forwarder.replay(down_track, recent, now)

    def retarget(self, down_track: DownTrack, now: float) -> None:
        """Its selector has a new target: show what is there, ask for what is not."""
        selector = down_track.selector
        if selector is None:
            return
        if down_track.stream is None:
            self._show_cached(down_track, now)
        self._ask(down_track, now)

    def _show_cached(self, down_track: DownTrack, now: float) -> None:
        """Switch to the best layer whose last keyframe is still in the cache."""
        selector = down_track.selector
        assert selector is not None
        for stream in reversed(self.streams):
            if stream.newest is None or stream.index > selector.target.spatial:
                continue
            if stream.gate >= 0:
                continue  # What is cached behind the gap has not been sent to anybody.
            stream.output.flush(now)
            replay = [packet for _, packet in stream.cache.replay(REPLAY_PACKETS)]
            if (
                replay
                and down_track.is_news(stream, replay[-1])
                and selector.keyframe(stream.index)
            ):
                down_track.switch_to(
                    self._fan_outs[stream], replay[0][SEQ], replay[0][TIMESTAMP], replay[0], now
                )
                self.forwarder.replay(down_track, replay, now)
                return

    def _ask(self, down_track: DownTrack, now: float) -> None:
        selector = down_track.selector
        assert selector is not None
        wanted = selector.wants_keyframe(now)
        for stream in self.streams:
            if stream.index == wanted:
                self._wait_for_keyframe(stream)

    def detach(self, down_track: DownTrack) -> None:
        """A down track is gone."""
        if down_track in self.down_tracks:
            self.down_tracks.remove(down_track)
        down_track.detach()

    def _wait_for_keyframe(self, stream: RtpStream) -> None:
        if stream.is_video and not stream.requester.wanted:
            stream.requester.wanted = True
            stream.output.repair_soon()

    def stream_started(self, stream: RtpStream, packet: Packet, now: float) -> None:
        """`packet` is the first of `stream` and is sent next: audio can be heard from it."""
        self.arriving.add(stream.index)
        self.changes += 1
        if self.kind == "video":
            for down_track in self.down_tracks:
                self._ask(down_track, now)
        elif not self.silenced:
            for down_track in self.down_tracks:
                if down_track.stream is None:
                    down_track.switch_to(
                        self._fan_outs[stream], packet[SEQ], packet[TIMESTAMP], None, now
                    )

    def keyframe_arrived(self, stream: RtpStream, packet: Packet, now: float) -> None:
        """`packet` starts a keyframe of `stream` and is sent next: the moment to switch."""
        self._see_what_arrives(now)
        for down_track in self.down_tracks:
            selector, current = down_track.selector, down_track.stream
            if current is stream or selector is None:
                continue
            if current is not None:
                # What waits of it must pass the filter as it is now.
                current.output.flush(now)
            if selector.keyframe(stream.index):
                down_track.switch_to(
                    self._fan_outs[stream], packet[SEQ], packet[TIMESTAMP], packet, now
                )

    def offers(self, now: float) -> list[LayerOffer]:
        """The layers that can be had, low to high, with what they cost."""
        if not any(stream.newest is not None for stream in self.streams):
            return []
        by_index = {stream.index: stream for stream in self.streams}
        indexes: Sequence[int] = range(len(self.spec.streams))
        if self.demand is not None and len(indexes) > 1:
            indexes = self.demand.obtainable(self.arriving, now)
        found = []
        for index in indexes:
            stream = by_index.get(index)
            if stream is None:
                found.append(LayerOffer(index))
            else:
                found.append(LayerOffer(index, *stream.size, self._rates(stream)))
        return found

    def _rates(self, stream: RtpStream) -> tuple[float, ...]:
        """What a layer takes, by temporal layer; of one that rests or wakes up what it would."""
        meter = stream.meter
        measured = meter.rates_bps if stream.index in self.arriving else ()
        if measured or not stream.size[0]:
            return measured
        return meter.split(nominal_bps(*stream.size))

    def changed_demand(self, now: float) -> tuple[str, ...] | None:
        """The rids that somebody needs, when that has changed since the last call."""
        count = len(self.spec.streams)
        if self.kind != "video" or (self.demand is None and not (self.down_tracks or self.sinks)):
            return None
        if self.demand is None:
            self.demand = LayerDemand(count, now)
        needed: set[int] = set()
        for down_track in self.down_tracks:
            target = -1 if down_track.selector is None else down_track.selector.target.spatial
            if down_track.stream is not None:
                needed.update((down_track.stream.index, target))
            else:
                # Whichever of them comes first is to be seen.
                needed.update(range(target + 1))
        if not self.down_tracks or self.sinks:
            # Who joins next shall see video at once; a sink may want any layer.
            needed.update(range(count))
        frames = {stream.index: stream.frames.count for stream in self.streams}
        if not self.demand.update(needed, self.arriving, now, frames):
            return None
        for stream in self.streams:
            stream.frames.rest()
        return tuple(self.spec.streams[index].rid for index in self.demand.wanted)

    def request_keyframe(self, down_track: DownTrack) -> None:
        """A receiver cannot go on (PLI, FIR)."""
        if down_track.stream is not None:
            self._wait_for_keyframe(down_track.stream)

    def silence(self, silenced: bool, now: float) -> None:
        """Leave this voice out for everybody, or let it be heard (again)."""
        if silenced is self.silenced:
            return
        self.silenced = silenced
        for stream in self.streams:
            stream.output.flush(now)
        for down_track in self.down_tracks:
            if silenced:
                if down_track.stream is not None:
                    self.forwarder.fade_out(down_track, now)
                down_track.detach()
            elif down_track.stream is None:
                self._start_audio(down_track, now, since=now - PRE_ROLL)

    def tick(self, now: float) -> None:
        """See what arrives, and whether a down track is on the wrong stream; drop old packets."""
        for stream in self.streams:
            stream.tick(now)
        self._see_what_arrives(now)
        self._hold_to_limit(now)
        for down_track in self.down_tracks:
            if self.kind == "video":
                down_track.update_per_packet()
                if down_track.stream is None or down_track.per_packet or len(self.streams) > 1:
                    self._ask(down_track, now)
            elif down_track.stream is None and not self.silenced:
                self._start_audio(down_track, now)

    def _see_what_arrives(self, now: float) -> None:
        arriving = {s.index for s in self.streams if s.is_alive(now, LAYER_SILENCE)}
        if arriving != self.arriving:
            for stream in self.streams:
                if stream.index not in self.arriving:
                    stream.requester.forgive()
            self.changes += 1
            self.arriving.clear()
            self.arriving.update(arriving)

    def _hold_to_limit(self, now: float) -> None:
        total = sum(stream.statistics.bytes + stream.shut_octets for stream in self.streams)
        self.limit.update(self._ended_octets + total, len(self.streams), now)
        # Each time: a stream under a new SSRC is shut like the one that it replaced.
        passing = len(self.streams) - self.limit.shut
        for place, stream in enumerate(self.streams):
            if stream.shut is not (place >= passing):
                stream.output.flush(now)
                stream.set_shut(place >= passing)

    def pop_level(self) -> int:
        """The loudest level since the last call, -dBov; up to date after `hear`."""
        level = self._loudest
        self._loudest = SILENT
        return level

    @property
    def is_voice(self) -> bool:
        return self.kind == "audio"

    def hear(self) -> int:
        """The loudest level of the interval that ends now, -dBov."""
        level = self.level
        self.level = SILENT
        self._loudest = min(self._loudest, level)
        self._loudest_told = min(self._loudest_told, level)
        return level

    def pop_loudest(self) -> int:
        """As `pop_level`, for statistics, which have an interval of their own."""
        level, self._loudest_told = self._loudest_told, SILENT
        return level

    def add_sink(self, sink: Sink) -> None:
        """Show it the packets of all streams from now on; video begins with a keyframe soon."""
        self.sinks.add(sink)
        for stream in self.streams:
            self._wait_for_keyframe(stream)

    def remove_sink(self, sink: Sink) -> None:
        """It wants no more; it may be gone already."""
        self.sinks.remove(sink)

    def transport_closed(self) -> None:
        """The publisher is gone; the down tracks stay, silent, until signaling removes them."""
        for down_track in list(self.down_tracks):
            down_track.detach()
            if down_track.selector is not None:
                down_track.selector.lost()
            down_track.up_track = None
        self.down_tracks.clear()
        self.streams.clear()
        self._fan_outs.clear()
        self.sinks.close(self.track)
