"""A track as one participant receives it.

Theory of operation. A down track has one SSRC, one series of sequence numbers and one timeline,
whatever it is made of. `switch_to` starts a stretch of a source stream; the forwarder then does
the work per packet with the plain numbers kept here. What the receiver reports comes in through
`nack`, `report` and the track's keyframe requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sfu.codecs import registry
from sfu.codecs.codec import NO_NUMBERS, NO_SHIFT, FrameNumbers
from sfu.congestion.pacer import Pacer
from sfu.control import DownTrackSpec
from sfu.receive.rtp_stream import RtpStream
from sfu.send import layer_selector
from sfu.send.audio_repair import MAX_COPIES, Redundancy
from sfu.send.egress import Egress
from sfu.send.lane import HEADER_SHIFT, ONE_BYTE_PROFILE, PATCHED, REMEMBERED, Item, Lane
from sfu.send.packet_map import PacketMap, Segment
from sfu.send.reception import Reception
from sfu.send.resends import Resends
from sfu.send.source import Published, Source
from sfu.wire.packet import PAYLOAD, SEQ, TIMESTAMP, Packet
from sfu.wire.rtcp import ReportBlock

EVERYTHING: Final = layer_selector.Layer(2, layer_selector.ALL)
"""The target of a video until its viewer's tiles are known."""


class DownTrack:
    """State of one track to one receiver; closed by its transport."""

    __slots__ = (
        "_flushed",
        "_last",
        "_octets_before",
        "_packets_before",
        "_source",
        "clock_rate",
        "closed",
        "codec",
        "copies",
        "egress",
        "extension",
        "first_word",
        "header_size",
        "last_sent_at",
        "last_timestamp",
        "map",
        "octets",
        "pacer",
        "packets",
        "pause",
        "pause_repeats",
        "per_packet",
        "plis",
        "reception",
        "red_first_word",
        "redundancy",
        "resends",
        "rtx_first_word",
        "segment",
        "selector",
        "spec",
        "ssrc_word",
        "stream",
        "uncopied",
        "up_track",
    )

    def __init__(self, spec: DownTrackSpec, egress: Egress, first_seq: int) -> None:
        """`first_seq` is random, below 32768 (RFC 3711 clause 3.3.1)."""
        self.spec = spec
        self.egress = egress
        self.codec = registry.find(spec.codec)
        self.clock_rate = self.codec.clock_rate
        self.up_track: Published[DownTrack] | None = None
        self.stream: RtpStream | None = None
        """That flows now."""
        self._source: Source[DownTrack] | None = None
        """Of the same."""
        self.segment: Segment | None = None
        self.map = PacketMap(first_seq)
        self.closed = False
        """Its SRTP state is gone: what still waits for it must not be sent."""
        self.per_packet = False
        """Whether it is on the per-packet path instead of sharing what all others get."""
        self.pacer: Pacer[Any] | None = None
        """Holds back what is too much at once; None while packets leave unpaced."""
        self.selector: layer_selector.LayerSelector | None = None
        """Of video."""
        if spec.kind == "video":
            self.selector = layer_selector.LayerSelector(self.codec)
            self.selector.aim(EVERYTHING, EVERYTHING)
        self.redundancy = Redundancy() if spec.red_payload_type else None
        """Of voice, where the receiver takes it (RFC 2198)."""
        self.copies = Redundancy(MAX_COPIES) if spec.copies else None
        """Of voice, where nothing else repairs it."""
        self.uncopied: list[bytes] = []
        """Protected packets that are to be sent once more."""
        self.pause = -1
        """Extended number of the packet by which a voice announced the pause last repeated."""
        self.pause_repeats = 0
        """How often that was repeated."""
        self._last: tuple[bytes, Segment] | None = None
        """The payload sent last, and under what."""
        self._flushed: FrameNumbers | None = None
        self.packets = 0
        """Sent, without resends; up to date after `settle`."""
        self.octets = 0
        """Payload bytes, as sender reports count them (RFC 3550 clause 6.4.1)."""
        self.last_timestamp = 0
        self.last_sent_at = 0.0
        self._packets_before = 0
        self._octets_before = 0
        self.reception = Reception()
        self.plis = 0
        """The receiver's requests for keyframes."""
        self.resends = Resends(first_seq)
        if spec.kind == "video" and spec.nack and not spec.rtx_ssrc:
            self.resends.begin_keeping()
        self._lay_out_header()

    def _lay_out_header(self) -> None:
        """Everything in the header that never changes, in the form the forwarder packs it."""
        extension_id = self.egress.transport_cc_id
        first = 0x90000000 if extension_id else 0x80000000
        self.header_size = 20 if extension_id else 12
        # Id and length of the transport-cc element: two bytes, so length - 1 = 1.
        self.extension = (extension_id << 4 | 1) << 24 if extension_id else 0
        self.first_word = first | self.spec.payload_type << 16
        self.red_first_word = first | self.spec.red_payload_type << 16
        self.rtx_first_word = first | self.spec.rtx_payload_type << 16
        ssrc = self.spec.ssrc
        self.ssrc_word = ssrc << 32 | ONE_BYTE_PROFILE if extension_id else ssrc

    def _layout(self, segment: Segment) -> int:
        """What a group must look like for this receiver: sizes of header and tag, and flags."""
        layout = self.header_size << HEADER_SHIFT | self.egress.tag_length
        if segment.shift != NO_SHIFT:
            layout |= PATCHED
        if self.resends.keeps or self.copied:
            layout |= REMEMBERED
        return layout

    def aim(
        self,
        target: layer_selector.Layer,
        preferred: layer_selector.Layer,
        pacer: Pacer[Any] | None,
    ) -> bool:
        """What is to flow from now on, and whether it is paced; whether the target is another.

        A spatial layer is changed at its next keyframe (`UpTrack.keyframe_arrived`); the rest
        holds at once.
        """
        selector = self.selector
        if selector is None:
            return False
        self.pacer = pacer
        changed = target != selector.target
        if selector.aim(target, preferred):
            self.detach()
        self.update_per_packet()
        return changed

    def update_per_packet(self) -> None:
        """Enter or leave the per-packet path, by whether there is a pacer or a temporal limit."""
        selector = self.selector
        per_packet = self.pacer is not None or (selector is not None and selector.temporal.limiting)
        if per_packet is self.per_packet:
            return
        self.settle()
        self._note_last()
        self.per_packet = per_packet
        source = self._source
        if source is not None:
            self._packets_before, self._octets_before = source.sent.packets, source.sent.octets
            source.lay_lanes()

    def drop_temporal_layers(self, packets: Sequence[Packet]) -> Iterator[Sequence[Packet]]:
        """Parts of `packets` that are sent, each under the `lane` of its moment."""
        selector = self.selector
        if selector is None or not selector.temporal.limiting:
            yield packets
            return
        for run in selector.temporal.filter(packets):
            if run.kept:
                yield run.packets
                continue
            segment = layer_selector.leave_out(self.map, run)
            if segment is not None:
                self.segment = segment

    @property
    def blocks(self) -> int:
        """Earlier frames sent beside each voice frame."""
        return 0 if self.redundancy is None else self.redundancy.blocks

    @property
    def copied(self) -> bool:
        """Whether each packet is sent twice."""
        return self.copies is not None and self.copies.blocks > 0

    def take_uncopied(self) -> list[bytes]:
        """Protected packets whose copies are due, once."""
        packets, self.uncopied = self.uncopied, []
        return packets

    def lane(self, *, redundant: bool = False) -> Lane | None:
        """What the forwarder needs now; None while nothing flows. `redundant`: for RFC 2198."""
        segment = self.segment
        if segment is None or self.stream is None:
            return None
        return self._lane(segment, self.red_first_word if redundant else self.first_word)

    def _lane(self, segment: Segment, first_word: int) -> Lane:
        egress = self.egress
        return (
            self._layout(segment),
            egress,
            egress.data,
            egress.pointer,
            egress.context,
            egress.runs,
            first_word,
            self.ssrc_word,
            self.extension,
            segment.seq_delta,
            segment.timestamp_delta,
            segment,
            self,
        )

    def late_lane(self, packet: Packet, max_behind: int) -> Lane | None:
        """As `lane`, for a packet behind the newest; None when it has no place (any more)."""
        self.settle()
        extended = packet[SEQ]
        if self.selector is not None and not self.selector.temporal.admits_late(packet):
            return None
        segment = self.map.segment_of_input(self.stream, extended)
        if segment is None:
            return None
        if not 0 <= self.map.last_out - extended - segment.seq_delta < max_behind:
            return None
        return self._lane(segment, self.first_word)

    def settle(self) -> None:
        """Bring the counters up to date: on the packet path only the stream counts."""
        source, segment = self._source, self.segment
        if source is None or segment is None or self.per_packet:
            return
        sent = source.sent
        packets = sent.packets - self._packets_before
        if packets:
            self.packets += packets
            self.octets += sent.octets - self._octets_before
            self._packets_before, self._octets_before = sent.packets, sent.octets
            self.map.last_out = sent.seq + segment.seq_delta
            self.last_timestamp = sent.timestamp + segment.timestamp_delta & 0xFFFFFFFF
            self.last_sent_at = sent.at

    def note_sent(self, packets: Sequence[Packet], now: float) -> None:
        """Packets that were sent to this receiver alone, the newest last."""
        segment = self.segment
        assert segment is not None
        last = packets[-1]
        self.packets += len(packets)
        self.octets += sum(len(packet[PAYLOAD]) for packet in packets)
        self.map.last_out = last[SEQ] + segment.seq_delta
        self.last_timestamp = last[TIMESTAMP] + segment.timestamp_delta & 0xFFFFFFFF
        self.last_sent_at = now
        self._last = (last[PAYLOAD], segment)

    def left_out(self, packet: Packet) -> bool:
        """Whether this packet's frame was left out, so that its number is not the receiver's."""
        return self.selector is not None and self.selector.temporal.left_out(packet[TIMESTAMP])

    def note_late(self, packet: Packet) -> None:
        """A packet behind the newest was sent."""
        self.packets += 1
        self.octets += len(packet[PAYLOAD])

    def remember(self, items: Sequence[Item], position: int, segment: Segment) -> None:
        """Keep protected packets, written at `position`, for a receiver without RTX."""
        egress, resends = self.egress, self.resends
        keeps, copied = resends.keeps, self.copied
        for offset, _, seq, _, length in items:
            out = seq + segment.seq_delta & 0xFFFF
            start = position + offset
            packet = bytes(egress.data[start : start + length + egress.tag_length])
            if keeps:
                resends.keep(out, packet)
            if copied:
                self.uncopied.append(packet)

    def switch_to(
        self,
        source: Source[DownTrack],
        first_in: int,
        timestamp: int,
        packet: Packet | None,
        now: float,
    ) -> None:
        """From extended sequence number `first_in` of its stream on, flow from `source`.

        `timestamp` is that packet's; `packet` the packet itself where it is known (video).
        Sequence number, timestamp and frame number go on from what was sent last.
        """
        self.detach()
        before, stream = self.segment, source.stream
        segment = self.map.begin(stream, first_in)
        if before is not None:
            self._continue_from(before, segment, stream, timestamp, now)
            if packet is not None:
                self._continue_numbers(before, segment, packet)
        self.segment = segment
        self.stream = stream
        self._packets_before, self._octets_before = source.sent.packets, source.sent.octets
        self._source = source
        source.add(self)

    def _continue_from(
        self, before: Segment, segment: Segment, stream: RtpStream, timestamp: int, now: float
    ) -> None:
        source: RtpStream = before.source
        if source is stream:
            segment.timestamp_delta = before.timestamp_delta
            return
        wanted = -1
        if source.track is stream.track and source.sender_ntp and stream.sender_ntp:
            # Both streams' sender reports name the publisher's clock: the same instant in each.
            ahead = (source.sender_ntp - stream.sender_ntp) / 4294967296.0
            same = source.sender_rtp + timestamp - stream.sender_rtp - ahead * self.clock_rate
            wanted = int(same) + before.timestamp_delta & 0xFFFFFFFF
        elapsed = int((now - self.last_sent_at) * self.clock_rate)
        # It must go forward by more than nothing, and not by more than a few seconds too many.
        step = (wanted - self.last_timestamp) & 0xFFFFFFFF
        if wanted < 0 or not 0 < step < elapsed + 2 * self.clock_rate:
            wanted = self.last_timestamp + max(1, elapsed)
        segment.timestamp_delta = (wanted - timestamp) & 0xFFFFFFFF

    def is_news(self, stream: RtpStream, packet: Packet) -> bool:
        """Whether this packet of a stream is newer than what was sent of it last."""
        segment = self.segment
        if segment is None or segment.source is not stream:
            return True
        return packet[SEQ] + segment.seq_delta > self.map.last_out

    def _continue_numbers(self, before: Segment, segment: Segment, packet: Packet) -> None:
        """The new stretch starts with the frame after the last one sent."""
        sent, self._flushed = self._flushed, None
        if sent is None:
            sent = NO_NUMBERS
            if self._last is not None:
                # Not always sent under `before`: frames left out since move its numbers.
                payload, under = self._last
                sent = self.codec.numbers(payload, under.shift)
        again = before.shift if before.source is segment.source else None
        segment.shift = self.codec.continued(sent, packet[PAYLOAD], again)

    def _note_last(self) -> None:
        """Keep what was sent last: off the per-packet path only the stream knows it."""
        stream, segment = self.stream, self.segment
        if self.per_packet or stream is None or segment is None or stream.newest is None:
            return
        if stream.newest[SEQ] >= segment.first_in:
            self._last = (stream.newest[PAYLOAD], segment)

    def detach(self) -> None:
        """Nothing flows until the next `switch_to`."""
        source = self._source
        if source is not None:
            self.settle()
            self._note_last()
            source.remove(self)
            self.stream = self._source = None

    def flushed(self, first: Packet, segment: Segment) -> None:
        """What waited in the pacer was flushed, `first` being the first of it: its number goes
        to the next keyframe, which is waited for."""
        self.detach()
        self._flushed = self.codec.numbers(first[PAYLOAD], segment.shift)
        self.map.take_back(first[SEQ] + segment.seq_delta)
        self.segment = self.map.current
        if self.selector is not None:
            self.selector.lost()

    def skip(self, first: int, last: int) -> None:
        """Leave out packets of the current stream without a hole in the numbers."""
        self.settle()
        segment = self.map.leave_out(first, last)
        if segment is not None:
            self.segment = segment

    def inserted(self, packet: Packet, now: float) -> None:
        """A packet of our own was sent under the number that the stream's next one would have
        had: that one and all after it move up. Lanes are to be laid anew."""
        self.note_sent([packet], now)
        self.segment = self.map.insert(packet[SEQ])

    def resendable(self, seq: int) -> bytes | None:
        """The protected bytes of a packet sent without RTX, by 16-bit number.

        Of voice they are kept from a receiver's first request on: most never ask.
        """
        if not self.resends.keeps:
            self.settle()
            self.resends.begin_keeping()
            if self._source is not None:
                self._source.lay_lanes()
        return self.resends.kept(seq)

    def report(self, block: ReportBlock, loss: float, now: float) -> None:
        """What the receiver reports of this track; `loss` is the share that the path loses."""
        self.see_loss(loss, now)
        self.reception.note(block)

    def see_loss(self, loss: float, now: float) -> None:
        """The path loses this share of all packets: a voice may need (no) redundancy now."""
        repair = self.redundancy or self.copies
        if repair is not None and repair.report(loss, now):
            self._repair_changed()

    def stop_repair(self) -> None:
        """No redundancy from now on: TCP repairs by itself, and more bytes only delay it."""
        repair = self.redundancy or self.copies
        if repair is not None and repair.stop():
            self._repair_changed()

    def _repair_changed(self) -> None:
        self.settle()
        self.uncopied = []
        if self._source is not None:
            self._source.lay_lanes()

    def timestamp_at(self, ntp_now: int, publisher_offset: float) -> int | None:
        """The RTP timestamp of this instant on the track's timeline, for a sender report.

        `ntp_now` is our NTP time; `publisher_offset` what our clock is ahead of the publisher's
        (seconds): one figure for all tracks of a publisher, so that they stay in step. None
        before the publisher's first report.
        """
        segment = self.segment
        if segment is None or self.stream is None:
            return None
        stream = self.stream
        if not stream.sender_ntp:
            return None
        elapsed = (ntp_now - stream.sender_ntp) / 4294967296.0 - publisher_offset
        at = stream.sender_rtp + int(elapsed * self.clock_rate)
        return (at + segment.timestamp_delta) & 0xFFFFFFFF
