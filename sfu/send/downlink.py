"""What one subscriber is sent, and how fast: its network's rate shared among its tracks.

Theory of operation. The estimator learns from the receiver's feedback what the path carries; the
allocator shares that among the videos that are viewed, voices first; each down track then aims
at the layer it was allotted. Where the path carries `HEADROOM` times what flows, and shows no sign
of its end, packets leave as they come, together with everybody else's; else they pass the pacer.
Everything is decided on ticks: often while something has changed, seldom otherwise.

A receiver without transport-wide feedback reports too little to take its video away: it is
always sent at least the lowest layer of what it views, and never paced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Final

from sfu import control
from sfu.congestion import allocator
from sfu.congestion.estimator import BandwidthEstimator
from sfu.congestion.pacer import Pacer
from sfu.control import DownState, DownTrackState, TrackView
from sfu.process.shedding import STEPS, Shed
from sfu.receive.rate_meter import OVERHEAD
from sfu.send.down_track import DownTrack
from sfu.send.egress import Egress
from sfu.send.forwarder import Forwarder
from sfu.send.lane import SEGMENT, Lane
from sfu.send.layer_selector import NONE, Layer
from sfu.send.packet_map import Segment
from sfu.wire.packet import PAYLOAD, Packet
from sfu.wire.transport_cc import TransportCc

START_BPS: Final = 500_000
"""Before anything is known: a home's or office's network, or the pacer and two seconds show it."""
HEADROOM: Final = 1.15
"""Times what flows that the path must carry for packets to leave unpaced."""
LEAST_PACED: Final = 0.2
"""Share of the estimate that leaves the pacer even where voices take it all."""
VOICE_BPS: Final = 48_000
"""Of one voice with its headers, kept free until it is known what it takes."""
VOICE_DECAY: Final = 5.0
"""Seconds in which what is kept free for a voice that pauses goes down to a third."""
INTERVAL: Final = 0.5
"""Seconds between two allotments while nothing has changed."""
PATIENCE: Final = 5.0
"""Seconds for the first feedback to come."""
TOO_LATE: Final = 0.7
"""Seconds that a packet may wait in the pacer while more waits than can leave soon; a keyframe of
the lowest layer takes less on the slowest path that carries video."""
UNCONSTRAINED_INTERVAL: Final = 2.0
"""Seconds between two allotments while the path is unconstrained."""
STATES_INTERVAL: Final = 0.5
"""Seconds between two reports of states to signaling, at least."""
CHANGED: Final = 0.05
"""Share by which the estimate must move before it is shared out anew at once."""
ALIVE: Final = 2.0
"""Seconds without a packet after which nothing comes of a track."""

Burst = tuple[DownTrack, Lane, Sequence[Packet]]
"""Packets that wait in the pacer, with the lane that they were numbered under."""


class Downlink:
    """One a subscribe transport, from its connection on."""

    def __init__(
        self, egress: Egress, forwarder: Forwarder, now: float, pace_soon: Callable[[], None]
    ) -> None:
        """`pace_soon` is called when `pace` is needed before the next round."""
        self.egress = egress
        self.forwarder = forwarder
        first = egress.transport_word >> 8 & 0xFFFF
        self.estimator = BandwidthEstimator(now, START_BPS, first_number=first)
        self.pacer: Pacer[Burst] = Pacer(START_BPS, now, pace_soon)
        self.unpaced = False
        """Packets leave as they come."""
        self.allotted_bps = 0
        """Of all videos together."""
        self.wanted_bps = 0
        """At which everybody would be seen as the views ask, voices included."""
        self.views: dict[str, TrackView] = {}
        self.max_bitrate_bps = 0
        self.shed: Shed = STEPS[0]
        self._dirty = True
        self._voices: dict[DownTrack, tuple[int, int, float]] = {}
        """Packets and payload bytes when they were last measured, and bit/s."""
        self._voices_at = now
        self._changes = 0
        """Layers that came and went, as of the last allotment."""
        self._mute = False
        self._began = now
        self._next = now
        self._shared_bps = 0
        self._allotted: dict[DownTrack, allocator.Allotment] = {}
        self._reported: tuple[DownTrackState, ...] = ()
        self._next_states = now

    @property
    def measured(self) -> bool:
        """Whether the receiver sends transport-wide feedback, or may still begin to."""
        return self.egress.transport_cc_id != 0 and not self._mute

    @property
    def estimate_bps(self) -> int:
        """What the path carries; 0 when not known."""
        estimator = self.estimator
        return estimator.target_bps if estimator.known or estimator.reported.heard else 0

    def set_view(self, command: control.SetView) -> None:
        """The viewer's tiles have changed."""
        self.views = {view.up_track: view for view in command.views}
        self.max_bitrate_bps = max(0, command.max_bitrate_bps)
        self._dirty = True

    def tracks_changed(self) -> None:
        """Down tracks came or went, or layers of theirs did."""
        self._dirty = True
        # Numbers are given out from here on; before, nobody reads them.
        if self.egress.transport_cc_id:
            self.egress.note_sent = self.estimator.sent
            self.egress.note_copy = self.estimator.history.copied
        else:
            self.egress.note_sent = self.egress.note_copy = None

    def feedback(self, packet: TransportCc, now: float) -> None:
        """Transport-wide feedback of the receiver."""
        self._mute = False
        self.estimator.feedback(packet, now)
        self._estimate_changed()

    def wants_feedback(self, now: float) -> bool:
        """Whether the receiver's next feedback should be read."""
        return self.estimator.wants_feedback(now)

    def remb(self, bitrate_bps: int, now: float) -> None:
        """The receiver's own estimate."""
        self.estimator.remb(bitrate_bps, now)
        self._estimate_changed()

    def report(self, fraction_lost: float, rtt: float, now: float) -> None:
        """A receiver report: the worst share lost of its blocks (0 to 1), the round trip."""
        self.estimator.receiver_report(fraction_lost, now)
        self.estimator.on_rtt(rtt)
        self._estimate_changed()

    def _estimate_changed(self) -> None:
        if abs(self.estimator.target_bps - self._shared_bps) > CHANGED * self._shared_bps:
            self._dirty = True

    def tick(self, downs: Collection[DownTrack], now: float) -> None:
        """Share out anew when it is time; about ten times a second."""
        self.estimator.tick(now)
        if not self.estimator.known and now - self._began > PATIENCE:
            # It negotiated feedback and gives none: there is nothing to go by.
            self._mute = True
            self._dirty = self._dirty or not self.unpaced
        changes = sum([down.up_track.changes for down in downs if down.up_track is not None])
        if self._dirty or now >= self._next or changes != self._changes:
            self._changes = changes
            self._dirty = False
            self._next = now + (
                UNCONSTRAINED_INTERVAL if self.estimator.unconstrained else INTERVAL
            )
            self._share(downs, now)

    def _share(self, downs: Collection[DownTrack], now: float) -> None:
        videos = [d for d in downs if d.selector is not None and d.up_track is not None]
        voices_bps = self._voices_bps([d for d in downs if d.selector is None], now)
        requests = [
            allocator.VideoRequest(
                down.up_track.offers(now) if down.up_track is not None else (),
                self._view(down),
                self._allotted[down].layer if down in self._allotted else NONE,
            )
            for down in videos
        ]
        self._shared_bps = self.estimator.target_bps
        known = self.measured or self.estimator.reported.heard
        budget = float(self._shared_bps) if known else math.inf
        answers = allocator.allocate(
            budget,
            requests,
            reserved_bps=voices_bps,
            max_bitrate_bps=self.max_bitrate_bps,
        )
        self._allotted = dict(zip(videos, answers, strict=True))
        self.allotted_bps = int(sum(answer.rate_bps for answer in answers))
        wanted = allocator.wanted_bps(requests, self.max_bitrate_bps)
        self.wanted_bps = int(wanted + voices_bps)
        self._judge_path(voices_bps, any(down.copied for down in downs), now)
        pacer = None if self.unpaced else self.pacer
        for down, answer in self._allotted.items():
            self._aim(down, answer, pacer, now)

    def _voices_bps(self, voices: Sequence[DownTrack], now: float) -> float:
        """What the voices take, headers and all; one that has not been measured counts as usual."""
        before, elapsed = self._voices, now - self._voices_at
        if elapsed < INTERVAL / 2 and len(before) == len(voices):
            return sum(rate for _, _, rate in before.values())
        self._voices, self._voices_at = {}, now
        keep = math.exp(-elapsed / VOICE_DECAY)
        for down in voices:
            down.settle()
            packets, octets, rate = before.get(down, (-1, 0, 0.0))
            if packets >= 0 and elapsed > 0:
                # Redundancy is not in what is counted.
                new = (down.octets - octets) * (1 + down.blocks)
                new += OVERHEAD * (down.packets - packets)
                new *= 1 + down.copied
                # Up at once, down little by little: who pauses goes on at any moment.
                now_bps = new * 8 / elapsed
                rate = max(now_bps, now_bps + (rate - now_bps) * keep)
            elif down.stream is not None:
                rate = VOICE_BPS
            self._voices[down] = (down.packets, down.octets, rate)
        return sum(rate for _, _, rate in self._voices.values())

    def _judge_path(self, voices_bps: float, copies: bool, now: float) -> None:
        estimator = self.estimator
        limited = estimator.limited(now)
        # The voices go past the pacer, and over the same path.
        target_bps = estimator.target_bps
        video_bps = max(target_bps - voices_bps, LEAST_PACED * target_bps)
        self.pacer.set_rate(int(video_bps), limited)
        flows = self.allotted_bps + voices_bps
        self.unpaced = not self.measured or (
            estimator.known
            and not limited
            and not self.pacer
            and estimator.target_bps >= HEADROOM * flows
        )
        # Where packets are sent twice, only all of the feedback shows when no more are lost.
        estimator.set_unconstrained(
            self.unpaced and estimator.target_bps >= self.wanted_bps and not copies
        )

    def _view(self, down: DownTrack) -> TrackView | None:
        return self.views.get(down.spec.up_track)

    def _aim(
        self,
        down: DownTrack,
        answer: allocator.Allotment,
        pacer: Pacer[Burst] | None,
        now: float,
    ) -> None:
        layer = answer.layer
        if layer is NONE and not self.measured and answer.preferred is not NONE:
            layer = Layer(0, answer.preferred.temporal)
        view = self._view(down)
        allowed = self.shed.tile_layer
        if view is None or view.importance != "tile":
            allowed = self.shed.main_layer
        if layer.spatial > allowed:
            layer = Layer(allowed, layer.temporal) if allowed >= 0 else NONE
        if down.aim(layer, answer.preferred, pacer) and down.up_track is not None:
            if layer is NONE and self.pacer:
                self._flush(down, now)
            down.up_track.retarget(down, now)

    def pace(self, downs: Collection[DownTrack], now: float) -> bool:
        """Send what is due of what waits, and padding; whether to come back within 5 ms."""
        pacer = self.pacer
        if pacer.full and pacer.waited(now) > TOO_LATE:
            self._flush(None, now)
        if pacer:
            for _, lane, packets in pacer.release(now):
                self.forwarder.write(lane, packets, now)
        estimator = self.estimator
        if self.measured and (estimator.is_probing or self.wanted_bps > estimator.target_bps):
            self._probe(downs, now)
        return bool(pacer) or estimator.is_probing

    def _flush(self, only: DownTrack | None, now: float) -> None:
        """Flush what waits, of one down track or of all: each goes on with a keyframe.

        When the path has become slow all at once, what waits for it is old before it can leave.
        """
        first: dict[DownTrack, tuple[Packet, Segment]] = {}
        for burst in self.pacer.clear():
            down, lane, packets = burst
            if only is None or down is only:
                first.setdefault(down, (packets[0], lane[SEGMENT]))
            else:
                self.pacer.put(burst, sum(len(packet[PAYLOAD]) for packet in packets), now)
        for down, (packet, segment) in first.items():
            if not down.closed:
                down.flushed(packet, segment)
                if down.up_track is not None:
                    down.up_track.retarget(down, now)

    def _probe(self, downs: Collection[DownTrack], now: float) -> None:
        """More than is needed, for a moment, to learn whether the path carries it."""
        size = self.estimator.padding_due(now, self.wanted_bps)
        if size <= 0:
            return
        down = max(
            (d for d in downs if d.spec.rtx_ssrc), key=lambda d: d.last_sent_at, default=None
        )
        if down is not None:
            self.forwarder.pad(down, size, now)

    def states(self, downs: Collection[DownTrack], now: float) -> tuple[DownTrackState, ...] | None:
        """What flows and why not more, when that has changed since it was reported last."""
        if now < self._next_states:
            return None
        self._next_states = now + STATES_INTERVAL
        states = tuple([self._state(down, now) for down in downs])
        if states == self._reported:
            return None
        self._reported = states
        return states

    def _state(self, down: DownTrack, now: float) -> DownTrackState:
        track, up = down.up_track, down.spec.up_track
        if track is None or not any(s.is_alive(now, ALIVE) for s in track.streams):
            if self._hidden(down):
                return DownTrackState(up_track=up, state="hidden")
            return DownTrackState(up_track=up, state="noPackets")
        selector = down.selector
        if selector is None:
            return DownTrackState(up_track=up, state="notLoudest" if track.silenced else "flowing")
        answer = self._allotted.get(down)
        limited = answer is not None and answer.limited
        if down.stream is None:
            return DownTrackState(
                up_track=up, state=self._why_nothing(down, answer), limited=limited
            )
        current = selector.current
        return DownTrackState(
            up_track=up,
            state="flowing",
            spatial=down.stream.index,
            temporal=current.temporal,
            limited=limited,
        )

    def _hidden(self, down: DownTrack) -> bool:
        view = self._view(down)
        return view is not None and down.selector is not None and min(view.width, view.height) <= 0

    def _why_nothing(self, down: DownTrack, answer: allocator.Allotment | None) -> DownState:
        if self._hidden(down):
            return "hidden"
        if answer is not None and answer.layer is NONE and answer.limited:
            return "pausedByBandwidth"
        selector = down.selector
        if selector is not None and selector.target is NONE and answer is not None:
            return "shed" if answer.layer is not NONE else "noPackets"
        return "noKeyframe"

    def forget(self, down: DownTrack) -> None:
        """This down track is gone."""
        self._allotted.pop(down, None)
        self._dirty = True
