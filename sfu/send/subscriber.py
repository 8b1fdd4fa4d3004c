"""The sending end of a subscribe transport: its down tracks, their reports, and RTCP back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import inf, sqrt
from typing import Final

from qos.rtt import round_trip
from sfu.congestion.delay import STANDING_SECONDS
from sfu.congestion.smoothed_rtt import smoothed
from sfu.control import DownTrackSpec, DownTrackStates, SetDownTracks, SetView
from sfu.net.transport import Transport
from sfu.process.deadlines import NEVER, Deadlines, next_multiple
from sfu.process.shedding import Shed
from sfu.send.down_track import DownTrack
from sfu.send.downlink import Downlink
from sfu.send.egress import Egress, Outbox, Stream
from sfu.send.forwarder import Forwarder
from sfu.wire import ntp as ntp_time
from sfu.wire import rtcp
from sfu.wire.transport_cc import TransportCc

PACE_INTERVAL: Final = 0.005
"""Seconds from one burst to the next, while something waits in the pacer or a probe is under way;
libwebrtc's pacer has the same."""
REPORT_INTERVAL: Final = 1.0
"""Seconds between sender reports of a track."""
SILENCE_REPORTED: Final = 6.0
"""Seconds after a silence in which each voice was reported on: browsers do so every five."""
MAX_COMPOUND: Final = 1100
"""Bytes of RTCP in one datagram, before protection."""
VIEW_INTERVAL: Final = 0.1
"""Seconds between two views that count at once; one that comes sooner waits for a tick."""
MAX_USED_SSRCS: Final = 8192
"""That one transport may use up, each once: thousands of tracks that came and went."""
MAX_REFERENCE_TIMES: Final = 16
"""Answered in one report (RFC 3611 clause 4.5)."""

log = logging.getLogger("sfu.subscriber")


class Subscriber:
    """Down tracks of one subscribe transport; closed with it."""

    def __init__(
        self,
        transport: Transport,
        forwarder: Forwarder,
        outbox: Outbox,
        address_size: int,
        random_seq: Callable[[], int],
        deadlines: Deadlines,
    ) -> None:
        """`random_seq` gives first sequence numbers, 0 to 32767 (RFC 3711 clause 3.3.1)."""
        self.transport = transport
        self.forwarder = forwarder
        self._outbox = outbox
        self._address_size = address_size
        self._random_seq = random_seq
        name = f"the pacer of {transport.participant}"
        self._pacing = deadlines.add(name, self._pacing_due, PACE_INTERVAL)
        self.egress: Egress | None = None
        self.downlink: Downlink | None = None
        self._stream: Stream | None = None
        self._view: SetView | None = None
        self._taken_view: SetView | None = None
        self._next_view = 0.0
        self._used_ssrcs: set[int] = set()
        self.down_tracks: dict[int, DownTrack] = {}
        """By media SSRC."""
        self._command: SetDownTracks | None = None
        self.rtt = 0.0
        """Smoothed, seconds; 0 when not known."""
        self._least_rtt = inf
        self._ended = (0, 0)
        """Packets and bytes of down tracks that are gone."""
        self._seen_loss = 0.0
        self._next_report = 0.0
        self._reference_times: dict[int, tuple[int, float]] = {}

    def connected(self, now: float) -> None:
        """Keys are there: sending may begin."""
        transport = self.transport
        assert transport.outbound is not None
        self.egress = Egress(self._outbox, transport.outbound, self._address_size)
        self.downlink = Downlink(self.egress, self.forwarder, now, self._pacing.soon)
        self.address_selected(now)

    def set_shed(self, shed: Shed) -> None:
        """What the worker can still afford."""
        if self.downlink is not None and self.downlink.shed is not shed:
            self.downlink.shed = shed
            self.downlink.tracks_changed()

    def set_view(self, command: SetView, now: float) -> None:
        """What the participant shows: acted on at once, but by a storm of views on ticks only,
        so that it costs nobody else anything."""
        self._view = command
        if self.downlink is not None and now >= self._next_view:
            self._next_view = now + VIEW_INTERVAL
            self._share(self.downlink, now)

    def _share(self, downlink: Downlink, now: float) -> None:
        if self._view is not None and self._view is not self._taken_view:
            self._taken_view = self._view
            downlink.set_view(self._view)
        downlink.tick(self.down_tracks.values(), now)

    def address_selected(self, now: float) -> None:
        """The peer moved, or may be sent to again, or not any more."""
        if self.egress is None:
            return
        self.egress.set_peer(self.transport.selected if self.transport.is_open else None, now)
        if self.transport.is_open:
            self._path_changed()

    def _path_changed(self) -> None:
        """Between datagrams and a TCP connection, or from one connection to another."""
        if self.egress is None or self.downlink is None or self.egress.stream is self._stream:
            return
        self._stream = stream = self.egress.stream
        self.downlink.estimator.use_stream(stream)
        if stream is not None:
            for down in self.down_tracks.values():
                down.stop_repair()

    def set_tracks(
        self, command: SetDownTracks, now: float
    ) -> tuple[list[DownTrack], list[DownTrack]]:
        """Apply the whole list; returns what is new (to be attached) and what is gone.

        An SSRC is used once: under the same keys, another series of packets would repeat numbers
        with other bytes, which lays the plaintext open (RFC 3711 clause 9.1, RFC 7714 clause 8.1).
        One that comes again, or whose description changed, is refused. When too many are used up
        the transport ends, and signaling opens one with other keys.

        Before the transport is connected the list is kept, and `connected` callers give it again
        through `pending`.
        """
        self._command = command
        if self.egress is None or self.downlink is None:
            return [], []
        self.egress.transport_cc_id = command.extensions.transport_cc
        self.downlink.tracks_changed()
        wanted = {spec.ssrc: spec for spec in command.tracks}
        gone = [down for ssrc, down in self.down_tracks.items() if wanted.get(ssrc) != down.spec]
        for down in gone:
            self._drop(down, now)
        new = []
        for ssrc, spec in wanted.items():
            if ssrc in self.down_tracks:
                continue
            if self._used_ssrcs & {spec.ssrc, spec.rtx_ssrc}:
                log.error(
                    "track %s is not sent to %s: its SSRC was used before",
                    spec.up_track,
                    self.transport.participant,
                )
                continue
            new.append(self._add(spec))
        self.egress.audio = frozenset(
            ssrc
            for down in self.down_tracks.values()
            if down.spec.kind == "audio"
            for ssrc in (down.spec.ssrc, down.spec.rtx_ssrc)
        )
        return new, gone

    @property
    def pending(self) -> SetDownTracks | None:
        """The list last given."""
        return self._command

    def _add(self, spec: DownTrackSpec) -> DownTrack:
        assert self.egress is not None
        down = DownTrack(spec, self.egress, self._random_seq())
        self.down_tracks[spec.ssrc] = down
        self._used_ssrcs |= {spec.ssrc, spec.rtx_ssrc} - {0}
        if len(self._used_ssrcs) > MAX_USED_SSRCS:
            self.transport.use_up()
        return down

    def _drop(self, down: DownTrack, now: float) -> None:
        spec = down.spec
        del self.down_tracks[spec.ssrc]
        down.settle()
        down.closed = True
        if self.downlink is not None:
            self.downlink.forget(down)
        packets, octets = self._ended
        self._ended = (
            packets + down.packets + down.resends.packets,
            octets + down.octets + down.resends.octets,
        )
        # BYE first: forgetting a stream resets its SRTCP index, which may never repeat.
        self.transport.send_rtcp(
            rtcp.receiver_report(spec.ssrc)
            + rtcp.sdes(spec.ssrc, spec.cname)
            + rtcp.bye((spec.ssrc,)),
            now,
        )
        assert self.egress is not None
        self.egress.remove_stream(spec.ssrc)
        if spec.rtx_ssrc:
            self.egress.remove_stream(spec.rtx_ssrc)

    def receive_rtcp(self, packet: rtcp.Packet, now: float, ntp_now: int) -> None:
        """One RTCP packet from the subscriber."""
        take = _RECEIVERS.get(type(packet))
        if take is not None:
            take(self, packet, now, ntp_now)

    def _receive_report(
        self, packet: rtcp.ReceiverReport | rtcp.SenderReport, now: float, ntp_now: int
    ) -> None:
        worst = -1
        for block in packet.reports:
            down = self.down_tracks.get(block.ssrc)
            if down is None:
                continue
            measured = round_trip(ntp_time.middle(ntp_now), block.lsr, block.dlsr)
            self.rtt = smoothed(self.rtt, measured)
            if self.rtt:
                self._least_rtt = min(self._least_rtt, self.rtt)
            loss = block.fraction_lost / 256
            # Of what is sent twice it reports what was lost twice.
            down.report(block, self._voice_loss(sqrt(loss) if down.copied else loss, now), now)
            worst = max(worst, block.fraction_lost)
        if worst >= 0 and self.downlink is not None:
            self.downlink.report(worst / 256, self.rtt, now)

    def _voice_loss(self, reported: float, now: float) -> float:
        """The share lost that redundancy is made for; `reported` by a receiver report.

        Packets that were resent count as received in reports, not in transport-wide feedback,
        which also counts what a full queue lost. Only its ends are read while the path is
        unconstrained; but a report that comes soon after a silence is mostly about that. TCP
        repairs by itself.
        """
        if self.egress is None or self.egress.stream is not None:
            return 0.0
        if self.downlink is None or not self.downlink.estimator.known:
            # A round trip that has become longer is all that shows a full queue here.
            return reported if self.rtt <= self._least_rtt + STANDING_SECONDS else 0.0
        estimator = self.downlink.estimator
        lately = now - estimator.returned_at < SILENCE_REPORTED
        unqueued = estimator.loss.unqueued
        return max(reported, unqueued) if estimator.unconstrained and not lately else unqueued

    def wants_feedback(self, now: float) -> bool:
        """Whether transport-wide feedback should be read now."""
        return self.downlink is not None and self.downlink.wants_feedback(now)

    def _receive_feedback(self, packet: TransportCc, now: float, ntp_now: int) -> None:
        if self.downlink is None:
            return
        self.downlink.feedback(packet, now)
        loss = self.downlink.estimator.loss.unqueued
        over_tcp = self.egress is not None and self.egress.stream is not None
        if loss != self._seen_loss and not over_tcp:
            # Reports of a voice come every five seconds only.
            self._seen_loss = loss
            for down in self.down_tracks.values():
                down.see_loss(loss, now)

    def _receive_remb(self, packet: rtcp.Remb, now: float, ntp_now: int) -> None:
        if self.downlink is not None:
            self.downlink.remb(packet.bitrate_bps, now)

    def _receive_nack(self, packet: rtcp.Nack, now: float, ntp_now: int) -> None:
        down = self.down_tracks.get(packet.media_ssrc)
        if down is not None:
            down.resends.nacks += 1
            self.forwarder.resend(down, packet.seqs, now, self.rtt)

    def _receive_pli(self, packet: rtcp.Pli, now: float, ntp_now: int) -> None:
        self._keyframe(packet.media_ssrc)

    def _receive_fir(self, packet: rtcp.Fir, now: float, ntp_now: int) -> None:
        for ssrc, _ in packet.entries:
            self._keyframe(ssrc)

    def _keyframe(self, ssrc: int) -> None:
        down = self.down_tracks.get(ssrc)
        if down is not None and down.up_track is not None:
            down.plis += 1
            down.up_track.request_keyframe(down)

    def _receive_reference_time(
        self, packet: rtcp.ReceiverReferenceTime, now: float, ntp_now: int
    ) -> None:
        known = packet.ssrc in self._reference_times
        if known or len(self._reference_times) < MAX_REFERENCE_TIMES:
            self._reference_times[packet.ssrc] = (ntp_time.middle(packet.ntp), now)

    def tick(self, now: float, ntp_now: int, offset_of: Callable[[str], float | None]) -> None:
        """Sender reports; `offset_of(up track)` is `PublisherClock.offset` of its publisher."""
        if self.downlink is not None:
            self._share(self.downlink, now)
            self.pace(now)
        if now < self._next_report or self.egress is None:
            return
        self._next_report = now + REPORT_INTERVAL
        compound: list[bytes] = []
        size = 0
        for down in self.down_tracks.values():
            part = self._report(down, ntp_now, offset_of(down.spec.up_track))
            if part is None:
                continue
            if size + len(part) > MAX_COMPOUND:
                self.transport.send_rtcp(b"".join(compound), now)
                compound, size = [], 0
            compound.append(part)
            size += len(part)
        if compound and self._reference_times:
            entries = [
                (ssrc, middle, int((now - at) * 65536))
                for ssrc, (middle, at) in self._reference_times.items()
            ]
            compound.append(rtcp.xr_dlrr(next(iter(self.down_tracks)), entries))
            self._reference_times.clear()
        if compound:
            self.transport.send_rtcp(b"".join(compound), now)

    def _pacing_due(self, now: float) -> float:
        downlink = self.downlink
        if downlink is None or not downlink.pace(self.down_tracks.values(), now):
            return NEVER
        # All pacers of a worker at the same moments, so that it wakes up once for all of them.
        return next_multiple(now, PACE_INTERVAL)

    def pace(self, now: float) -> None:
        """Send what is due of what was held back, and see whether to probe; each round."""
        self._pacing.by(self._pacing_due(now))

    def close(self) -> None:
        """The transport is over: nothing is sent any more."""
        self._pacing.cancel()

    def changed_states(self, now: float) -> DownTrackStates | None:
        """What each track is sent, when that has changed."""
        if self.downlink is None:
            return None
        states = self.downlink.states(self.down_tracks.values(), now)
        if states is None:
            return None
        return DownTrackStates(
            transport=self.transport.id, tracks=states, estimate_bps=self.downlink.estimate_bps
        )

    @staticmethod
    def _report(down: DownTrack, ntp_now: int, offset: float | None) -> bytes | None:
        """SR + SDES of one track, or None while its timeline is not known."""
        down.settle()
        if offset is None or not down.packets:
            return None
        timestamp = down.timestamp_at(ntp_now, offset)
        if timestamp is None:
            return None
        ssrc = down.spec.ssrc
        report = rtcp.sender_report(ssrc, ntp_now, timestamp, down.packets, down.octets)
        return report + rtcp.sdes(ssrc, down.spec.cname)

    def quality(self) -> tuple[float, float]:
        """Share lost by the latest reports, and jitter in seconds; the worst of the tracks."""
        downs = [down for down in self.down_tracks.values() if down.stream is not None]
        jitter = max((down.reception.jitter / down.clock_rate for down in downs), default=0.0)
        return max((down.reception.fraction_lost for down in downs), default=0) / 256, jitter

    def totals(self) -> tuple[int, int]:
        """RTP packets and payload bytes sent over this transport so far, resends included."""
        packets, octets = self._ended
        for down in self.down_tracks.values():
            down.settle()
            packets += down.packets + down.resends.packets
            octets += down.octets + down.resends.octets
        return packets, octets

    def goodbye(self, now: float) -> None:
        """BYE for all tracks: we are going away."""
        ssrcs = list(self.down_tracks)[:31]
        if ssrcs:
            self.transport.send_rtcp(rtcp.receiver_report(ssrcs[0]) + rtcp.bye(ssrcs), now)


_RECEIVERS: Final[dict[type, Callable[..., None]]] = {
    rtcp.ReceiverReport: Subscriber._receive_report,
    rtcp.SenderReport: Subscriber._receive_report,
    rtcp.Nack: Subscriber._receive_nack,
    rtcp.Pli: Subscriber._receive_pli,
    rtcp.Fir: Subscriber._receive_fir,
    rtcp.ReceiverReferenceTime: Subscriber._receive_reference_time,
    TransportCc: Subscriber._receive_feedback,
    rtcp.Remb: Subscriber._receive_remb,
}
