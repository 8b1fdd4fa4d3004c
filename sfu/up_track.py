"""A track that a participant publishes: one stream, or up to three as simulcast layers.

Theory of operation. The up track owns its streams and knows the down tracks that want it. Which
stream each down track shows is decided here, at the only moments when it can change: a keyframe
begins (`keyframe_arrived`), a down track joins (`attach`), or a stream falls silent (`tick`).
For now everybody gets the best layer that arrives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sfu.control import UpTrackSpec
from sfu.publish_limit import PublishLimit
from sfu.rtp_stream import Packet, RtpStream

if TYPE_CHECKING:
    from sfu.down_track import DownTrack
    from sfu.forwarder import Forwarder

LAYER_SILENCE: Final = 1.5
"""Seconds without a packet after which a simulcast layer counts as switched off."""
REPLAY_PACKETS: Final = 40
"""A keyframe is sent again to a newcomer when it and what followed is at most this long."""
SILENT: Final = 127
"""Audio level of silence, RFC 6464."""


class UpTrack:
    """State of one published track; closed by its transport (`transport_closed`)."""

    def __init__(self, spec: UpTrackSpec, participant: str, forwarder: Forwarder) -> None:
        self.spec = spec
        self.track = spec.track
        self.kind = spec.kind
        self.participant = participant
        self.forwarder = forwarder
        self.clock_rate = 48000 if spec.kind == "audio" else 90000
        self.streams: list[RtpStream] = []
        """Those seen or announced so far, low to high."""
        self.down_tracks: list[DownTrack] = []
        self.limit = PublishLimit(spec.max_bitrate_bps)
        self.level = SILENT
        """Loudest audio level since it was last taken, -dBov."""

    def update(self, spec: UpTrackSpec) -> None:
        """The same track under a new offer: payload types may have changed, streams stay."""
        self.spec = spec
        self.limit.limit_bps = spec.max_bitrate_bps
        for stream in self.streams:
            if stream.newest is not None and not stream.shut:
                stream.fast_payload_type = spec.payload_type

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
        stream = RtpStream(self, ssrc, rtx_ssrc, rid, index, nack=self.spec.nack)
        self.streams.append(stream)
        self.streams.sort(key=lambda s: s.index)
        for down_track in self.down_tracks:
            if down_track.stream is None:
                self._wait_for_keyframe(stream)
        return stream

    def _replace(self, stream: RtpStream) -> None:
        self.forwarder.fan_out(stream, stream.last_arrival)
        self.streams.remove(stream)
        for down_track in list(stream.targets):
            down_track.detach()

    def best(self, now: float) -> RtpStream | None:
        """The highest layer that arrives; a lone stream counts even when it is silent."""
        alive = [s for s in self.streams if s.is_alive(now, LAYER_SILENCE)]
        if alive:
            return alive[-1]
        return self.streams[-1] if len(self.streams) == 1 else None

    def attach(self, down_track: DownTrack, now: float) -> None:
        """A down track wants this track: from its next packet, or from a keyframe."""
        self.down_tracks.append(down_track)
        self._start(down_track, now)

    def _start(self, down_track: DownTrack, now: float) -> None:
        stream = self.best(now)
        if stream is None or not down_track.ready:
            return
        self.forwarder.fan_out(stream, now)
        if self.kind == "audio":
            newest = stream.newest
            if newest is not None:
                down_track.switch_to(stream, stream.next_seq, newest[1], None, now)
            return
        replay = [packet for _, packet in stream.cache.replay(REPLAY_PACKETS)]
        if replay:
            down_track.switch_to(stream, replay[0][0], replay[0][1], replay[0], now)
            self.forwarder.replay(down_track, replay, now)
        else:
            self._wait_for_keyframe(stream)

    def detach(self, down_track: DownTrack) -> None:
        """A down track is gone."""
        if down_track in self.down_tracks:
            self.down_tracks.remove(down_track)
        down_track.detach()

    def _wait_for_keyframe(self, stream: RtpStream) -> None:
        if stream.is_video and not stream.keyframe_wanted:
            stream.keyframe_wanted = True
            self.forwarder.repair_wanted = True

    def stream_started(self, stream: RtpStream, packet: Packet, now: float) -> None:
        """`packet` is the first of `stream` and is sent next: audio can be heard from it."""
        if self.kind == "audio":
            for down_track in self.down_tracks:
                if down_track.stream is None:
                    down_track.switch_to(stream, packet[0], packet[1], None, now)

    def keyframe_arrived(self, stream: RtpStream, packet: Packet, now: float) -> None:
        """`packet` starts a keyframe of `stream` and is sent next: the moment to switch."""
        for down_track in self.down_tracks:
            current = down_track.stream
            if current is stream or not down_track.ready:
                continue
            if (
                current is None
                or stream.index > current.index
                or not current.is_alive(now, LAYER_SILENCE)
            ):
                if current is not None:
                    self.forwarder.fan_out(current, now)
                down_track.switch_to(stream, packet[0], packet[1], packet, now)

    def request_keyframe(self, down_track: DownTrack) -> None:
        """A receiver cannot go on (PLI, FIR)."""
        if down_track.stream is not None:
            self._wait_for_keyframe(down_track.stream)

    def tick(self, now: float) -> None:
        """See whether a down track is on the wrong stream, and let old packets go."""
        best = self.best(now)
        for stream in self.streams:
            stream.tick(now)
        self._hold_to_limit(now)
        if best is None or best.newest is None:
            return
        for down_track in self.down_tracks:
            if down_track.stream is best or not down_track.ready:
                continue
            if self.kind == "audio":
                self._start(down_track, now)
            elif len(self.streams) > 1 or down_track.stream is None:
                self._wait_for_keyframe(best)

    def _hold_to_limit(self, now: float) -> None:
        total = sum(stream.statistics.bytes + stream.shut_octets for stream in self.streams)
        if not self.limit.update(total, len(self.streams), now):
            return
        passing = len(self.streams) - self.limit.shut
        for place, stream in enumerate(self.streams):
            if stream.shut is not (place >= passing):
                self.forwarder.fan_out(stream, now)
                stream.set_shut(place >= passing)

    def take_level(self) -> int:
        """The loudest level since the last call, -dBov."""
        level = self.level
        self.level = SILENT
        return level

    def transport_closed(self) -> None:
        """The publisher is gone; the down tracks stay, silent, until signaling removes them."""
        for down_track in list(self.down_tracks):
            down_track.detach()
            down_track.up_track = None
        self.down_tracks.clear()
        self.streams.clear()
