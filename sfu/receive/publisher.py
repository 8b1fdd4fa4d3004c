"""The receiving end of a publish transport: which SSRC is which stream, and RTCP back.

Theory of operation. Firefox and aiortc list their SSRCs in the offer; Chromium's simulcast does
not, it puts mid and rid into the header extensions of the first packets (RFC 8852). So an
unknown SSRC is looked at once (`learn`), bound or refused, and from then on found in a
dictionary. A packet with a rid names its stream, and replaces an SSRC that had that rid.
One without is a guess, by payload type or m-line: it does not replace a stream that was announced
and flows, nor of announced resends (Plan B put all cameras into one m-line). Such a rival is
refused like what is nobody's, until the stream has been silent for a while. Feedback is made on
ticks, never per packet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from qos.rtt import round_trip
from sfu.congestion.feedback import TransportCcFeedback
from sfu.congestion.smoothed_rtt import smoothed
from sfu.control import Extensions, SetUpTracks, UpTrackSpec
from sfu.net.transport import Transport
from sfu.process.deadlines import NEVER, Deadlines
from sfu.receive import in_order
from sfu.receive.publisher_clock import PublisherClock
from sfu.receive.rtp_stream import RtpStream
from sfu.receive.up_track import UpTrack
from sfu.send import audio_repair, pauses
from sfu.send.forwarder import Forwarder
from sfu.wire import ntp as ntp_time
from sfu.wire import rtcp
from sfu.wire.rtp import extensions as read_extensions
from sfu.wire.rtp import one_byte_element

MAX_SSRCS: Final = 32
"""Streams bound or refused on one transport; more are dropped unseen."""
MAX_REPLACED: Final = 32
"""SSRCs that may replace another on one transport from one offer to the next."""
MAX_UNDECIDED: Final = 50
"""Packets of an SSRC that may pass before one of them names its stream."""
HELD: Final = 3.0
"""Seconds of silence after which another SSRC may replace a stream's: a camera that is covered
or a screen that stands still sends once a second."""
FEEDBACK_INTERVAL: Final = 0.09
"""Seconds between transport-wide feedback, just below a tick: libwebrtc sends it each 50-250 ms."""
REPAIR_INTERVAL: Final = 0.01
"""Seconds between looks at what is missing, while something is."""
REPORT_INTERVAL: Final = 1.0
"""Seconds between receiver reports, and between REMBs."""


class Publisher:
    """Streams and feedback of one publish transport; closed with it."""

    def __init__(
        self, transport: Transport, forwarder: Forwarder, local_ssrc: int, deadlines: Deadlines
    ) -> None:
        self.transport = transport
        self.forwarder = forwarder
        self.extensions = Extensions()
        self.tracks: dict[str, UpTrack] = {}
        self.streams: dict[int, RtpStream] = {}
        """By SSRC; the receive path looks here."""
        self.rtx: dict[int, RtpStream] = {}
        """By RTX SSRC: the stream that it repairs."""
        self.context: Any = None
        """libsrtp's, for what comes in; None until the transport is connected."""
        self.feedback: TransportCcFeedback | None = None
        self.arrivals: list[int] = []
        """Transport-wide numbers of the current batch."""
        self.feedback_byte = -1
        """Id and length that lead a transport-wide number in a header extension; -1: none."""
        self.level_byte = -1
        """The same of an audio level."""
        self.local_ssrc = local_ssrc
        self.clock = PublisherClock()
        self.rtt = 0.0
        """Smoothed, seconds; 0 when not known: the publisher answers no reference times."""
        self.path_rtt = 0.0
        """The same, measured by the participant's other transport, which crosses the same network
        and has both kinds of report; the router keeps it up to date."""
        name = f"repairs of {transport.participant}"
        self._repairs = deadlines.add(name, self._repair_due, REPAIR_INTERVAL)
        self.refused: set[int] = set()
        self._undecided: dict[int, int] = {}
        self._rivals: dict[int, RtpStream] = {}
        """SSRCs that would have replaced one that flows."""
        self._replaced = 0
        self._ended = (0, 0)
        """Packets and bytes of streams that are gone."""
        self._next_feedback = 0.0
        self._next_report = 0.0
        self._fir_seq = 0

    def connected(self) -> None:
        """Keys are there: packets may come."""
        if self.transport.inbound is not None:
            self.transport.inbound.sources.bound = (self.streams, self.rtx)
            self.context = self.transport.inbound.pointer

    def set_tracks(self, command: SetUpTracks) -> tuple[list[UpTrack], list[UpTrack]]:
        """Apply the whole list; returns the tracks that are new and those that are gone."""
        self.extensions = command.extensions
        wanted = {spec.track: spec for spec in command.tracks}
        gone = [
            track
            for name, track in self.tracks.items()
            if name not in wanted or wanted[name].codec != track.spec.codec
        ]
        for track in gone:
            self._drop(track)
        new: list[UpTrack] = []
        for name, spec in wanted.items():
            known = self.tracks.get(name)
            if known is not None:
                known.update(spec)
                self._bind_announced(known, spec)
                continue
            track = UpTrack(spec, self.transport.participant, self.forwarder, self._repairs.soon)
            self.tracks[name] = track
            new.append(track)
            self._bind_announced(track, spec)
        use_feedback = command.extensions.transport_cc and any(
            spec.transport_cc for spec in command.tracks
        )
        if use_feedback:
            self.feedback = self.feedback or TransportCcFeedback(self.local_ssrc)
            self.feedback_byte = one_byte_element(command.extensions.transport_cc, 2)
        if command.extensions.audio_level:
            self.level_byte = one_byte_element(command.extensions.audio_level, 1)
        self.refused.clear()
        self._rivals.clear()
        self._replaced = 0
        return new, gone

    def _bind_announced(self, track: UpTrack, spec: UpTrackSpec) -> None:
        for stream in spec.streams:
            if stream.ssrc and self._may_bind(stream.ssrc) and self._may_bind(stream.rtx_ssrc):
                self._bind(track, stream.rid, stream.ssrc, stream.rtx_ssrc)

    def _may_bind(self, ssrc: int) -> bool:
        inbound = self.transport.inbound
        return inbound is None or inbound.sources.may_bind(ssrc)

    def _bind(self, track: UpTrack, rid: str, ssrc: int, rtx_ssrc: int = 0) -> RtpStream:
        stream = track.stream_for(rid, ssrc, rtx_ssrc)
        for table in (self.streams, self.rtx):
            self._forget(table, lambda s: s is not stream and s.same_layer(stream))
        self.streams[ssrc] = stream
        if rtx_ssrc:
            self.rtx[rtx_ssrc] = stream
        return stream

    def _drop(self, track: UpTrack) -> None:
        del self.tracks[track.track]
        for table in (self.streams, self.rtx):
            self._forget(table, lambda stream: stream.track is track)
        track.transport_closed()

    def _forget(self, table: dict[int, RtpStream], belongs: Callable[[RtpStream], bool]) -> None:
        for ssrc in [ssrc for ssrc, stream in table.items() if belongs(stream)]:
            stream = table.pop(ssrc)
            if table is self.streams:
                packets, octets = self._ended
                count = stream.statistics
                self._ended = (packets + count.received, octets + count.bytes)
            # Its SRTP state stays for now: without it, its packets could be replayed.
            if self.transport.inbound is not None:
                self.transport.inbound.sources.heard(ssrc, stream.last_arrival)

    def may_learn(self, ssrc: int) -> bool:
        """Whether a packet of an unknown SSRC is worth unprotecting."""
        return ssrc not in self.refused and (
            len(self.streams) + len(self.rtx) + len(self.refused) < MAX_SSRCS
        )

    def learn(
        self, ssrc: int, payload_type: int, packet: bytearray, header: int, now: float
    ) -> bool:
        """Bind an unknown SSRC by its packet's mid and rid, or by its payload type alone.

        `packet` is plain, `header` the length of its header. False when it is nobody's (yet):
        a packet without mid may come before the one that has it.
        """
        found = read_extensions(packet, 0, header)
        ids = self.extensions
        mid = found.get(ids.mid, b"").decode("ascii", "replace") if ids.mid else ""
        rid = found.get(ids.rid, b"").decode("ascii", "replace") if ids.rid else ""
        repaired = (
            found.get(ids.repaired_rid, b"").decode("ascii", "replace") if ids.repaired_rid else ""
        )
        for track in self.tracks.values():
            spec = track.spec
            is_rtx = payload_type == spec.rtx_payload_type and spec.rtx_payload_type != 0
            if (mid and mid != spec.mid) or not (is_rtx or track.carries(payload_type)):
                continue
            if is_rtx:
                if self._bind_rtx(track, ssrc, repaired):
                    return True
            elif self._bind_media(track, ssrc, rid, bool(mid), now):
                return True
        return False

    def _bind_media(self, track: UpTrack, ssrc: int, rid: str, has_mid: bool, now: float) -> bool:
        rids = [stream.rid for stream in track.spec.streams]
        if rid:
            if rid not in rids:
                return False
        elif len(rids) > 1:
            return False
        else:
            if not has_mid and self._others_share(track):
                return False
            rid = rids[0] if rids else ""
            if self._held_off(track, ssrc, now):
                return False
        if any(stream.rid == rid for stream in track.streams) and not self._may_replace():
            return False
        self._undecided.pop(ssrc, None)
        self._bind(track, rid, ssrc)
        return True

    def _held_off(self, track: UpTrack, ssrc: int, now: float) -> bool:
        """Whether `ssrc`, which no rid names, would displace an announced stream that flows."""
        announced = {spec.ssrc for spec in track.spec.streams}
        flowing = next((s for s in track.streams if s.shut or s.is_alive(now, HELD)), None)
        if flowing is None or flowing.ssrc not in announced or ssrc in announced:
            return False
        if len(self._rivals) < MAX_SSRCS:
            self._rivals[ssrc] = flowing
        return True

    def _let_rivals_in(self, now: float) -> None:
        """What was refused because a stream flowed may try again when it does no more."""
        for ssrc, stream in list(self._rivals.items()):
            stands = self.streams.get(stream.ssrc) is stream
            if not stands or not (stream.shut or stream.is_alive(now, HELD)):
                del self._rivals[ssrc]
                self._undecided.pop(ssrc, None)
                self.refused.discard(ssrc)

    def _may_replace(self) -> bool:
        """Whether one more SSRC may replace another: two in turn would do so without end."""
        self._replaced += 1
        return self._replaced <= MAX_REPLACED

    def _others_share(self, track: UpTrack) -> bool:
        """Whether several tracks share the payload type, so that it names none."""
        kind = track.spec.payload_type
        return sum(other.spec.payload_type == kind for other in self.tracks.values()) > 1

    def _bind_rtx(self, track: UpTrack, ssrc: int, repaired: str) -> bool:
        streams = [s for s in track.streams if s.rid == repaired] if repaired else track.streams
        if len(streams) != 1:
            return False
        stream = streams[0]
        if not repaired and stream in self._rivals.values():
            return False
        if stream.rtx_ssrc:
            known = any(spec.rtx_ssrc == stream.rtx_ssrc for spec in track.spec.streams)
            if (known and not repaired) or not self._may_replace():
                return False
            self._forget(self.rtx, lambda other: other is stream)
        self._undecided.pop(ssrc, None)
        stream.rtx_ssrc = ssrc
        self.rtx[ssrc] = stream
        return True

    def refuse(self, ssrc: int) -> None:
        """An SSRC that is nobody's: drop it unseen until the next offer."""
        self.refused.add(ssrc)

    def undecided(self, ssrc: int) -> None:
        """Nothing named the stream of this SSRC; a later packet may, but not without end."""
        tries = self._undecided.get(ssrc, 0) + 1
        self._undecided[ssrc] = tries
        if tries >= MAX_UNDECIDED or len(self._undecided) > MAX_SSRCS:
            del self._undecided[ssrc]
            self.refuse(ssrc)

    def receive_rtcp(self, packet: rtcp.Packet, now: float, ntp_now: int) -> None:
        """One RTCP packet from the publisher."""
        if isinstance(packet, rtcp.Bye):
            for ssrc in packet.ssrcs:
                if ssrc in self.streams:
                    self.streams[ssrc].bye_received()
            return
        if isinstance(packet, rtcp.DelaySinceLastReceiverReport):
            for ssrc, last, delay in packet.entries:
                if ssrc == self.local_ssrc:
                    measured = round_trip(ntp_time.middle(ntp_now), last, delay)
                    self.rtt = smoothed(self.rtt, measured)
            return
        if not isinstance(packet, rtcp.SenderReport):
            return
        stream = self.streams.get(packet.ssrc)
        if stream is None:
            return
        stream.sender_report_at = now
        streams = self.streams.values()
        self.clock.report(stream, packet.ntp, packet.rtp_timestamp, ntp_now, streams)

    def totals(self) -> tuple[int, int]:
        """Packets and payload bytes of all streams so far."""
        packets, octets = self._ended
        known = [stream.statistics for stream in self.streams.values()]
        return packets + sum(s.received for s in known), octets + sum(s.bytes for s in known)

    def quality(self) -> tuple[float, float]:
        """Share of packets missing that redundancy did not give back, and jitter in seconds.

        The worst of the streams that packets come of.
        """
        tracks = self.tracks.values()
        alive = [s for track in tracks for s in track.streams if s.index in track.arriving]
        jitter = max((s.statistics.jitter / s.clock_rate for s in alive), default=0.0)
        return max((s.loss for s in alive), default=0.0), jitter

    def tick(self, now: float, ntp_now: int) -> None:
        """Report what came, and ask for what is missing; some times a second."""
        self._repairs.by(self._repair_due(now))
        parts: list[bytes] = []
        if now >= self._next_report:
            self._next_report = now + REPORT_INTERVAL
            self._let_rivals_in(now)
            self._report(parts, now, ntp_now)
        feedback = self.feedback
        if feedback is not None and now >= self._next_feedback:
            self._next_feedback = now + FEEDBACK_INTERVAL
            for packet in feedback.build(now, next(iter(self.streams), 0)):
                self.transport.send_rtcp(packet, now)
        if parts:
            self.transport.send_rtcp(b"".join(parts), now)

    def _repair_due(self, now: float) -> float:
        """The round comes by anyway, but too seldom while something is missing."""
        return now + REPAIR_INTERVAL if self.repair(now, self.path_rtt) else NEVER

    def repair(self, now: float, rtt: float) -> bool:
        """Ask for what is missing, `rtt` in seconds; whether more of it may be due soon."""
        parts: list[bytes] = []
        missing = False
        for ssrc, stream in self.streams.items():
            if stream.gate >= 0:
                in_order.check(stream, now, rtt)
            if stream.requester.wanted or stream.nack:
                self._repair(parts, ssrc, stream, now, rtt)
            waits = stream.gate >= 0 and stream.overdue_since < 0
            missing = missing or bool(stream.nack) or waits
            if not stream.is_video:
                self._attend_to_pauses(parts, ssrc, stream, now)
                missing = stream.output.repair(now) or missing
        if parts:
            self.transport.send_rtcp(b"".join(parts), now)
        return missing

    def _repair(
        self, parts: list[bytes], ssrc: int, stream: RtpStream, now: float, rtt: float
    ) -> None:
        spec = stream.track.spec
        if stream.nack is not None:
            if not stream.is_video:
                stream.nack.max_age = audio_repair.budget(stream.loss) - rtt
            missing = stream.nack.due(now, rtt)
            if missing:
                stream.counts.nacks += 1
                parts.append(rtcp.nack(self.local_ssrc, ssrc, missing))
            if stream.nack.keyframe_needed and stream.output.is_wanted:
                stream.requester.wanted = True
        if stream.requester.wanted and stream.newest is not None and stream.requester.due(now):
            stream.counts.plis += 1
            if spec.pli or not spec.fir:
                parts.append(rtcp.pli(self.local_ssrc, ssrc))
            else:
                self._fir_seq = (self._fir_seq + 1) & 0xFF
                parts.append(rtcp.fir(self.local_ssrc, [(ssrc, self._fir_seq)]))

    def _attend_to_pauses(
        self, parts: list[bytes], ssrc: int, stream: RtpStream, now: float
    ) -> None:
        wanted = pauses.unannounced(stream, now)
        if wanted:
            stream.counts.nacks += 1
            parts.append(rtcp.nack(self.local_ssrc, ssrc, wanted))

    def _report(self, parts: list[bytes], now: float, ntp_now: int) -> None:
        """RR + SDES + our reference time (its answer gives the round trip to who only sends), and
        REMB to a publisher that knows no transport-wide feedback."""
        blocks = []
        for ssrc, stream in list(self.streams.items())[:31]:
            if stream.newest is None:
                continue
            stream.update_loss()
            fraction, lost, highest, jitter = stream.statistics.report()
            lsr = dlsr = 0
            if stream.sender_ntp:
                lsr = ntp_time.middle(stream.sender_ntp)
                dlsr = int((now - stream.sender_report_at) * 65536)
            blocks.append(rtcp.ReportBlock(ssrc, fraction, lost, highest, jitter, lsr, dlsr))
        if not blocks:
            return
        parts.append(rtcp.receiver_report(self.local_ssrc, blocks))
        parts.append(rtcp.sdes(self.local_ssrc, "sfu"))
        parts.append(rtcp.xr_rrtr(self.local_ssrc, ntp_now))
        for track in self.tracks.values():
            spec = track.spec
            if spec.remb and not spec.transport_cc and spec.max_bitrate_bps and track.streams:
                ssrcs = [stream.ssrc for stream in track.streams]
                parts.append(rtcp.remb(self.local_ssrc, spec.max_bitrate_bps, ssrcs))

    def close(self) -> None:
        """The transport is over: so are the tracks."""
        self.context = None
        self._repairs.cancel()
        for track in list(self.tracks.values()):
            self._drop(track)
