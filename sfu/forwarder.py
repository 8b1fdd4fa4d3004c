"""The hot path: packets of one stream, written once into the memory of each receiver.

Theory of operation. Streams with `pending` packets are in `dirty`; once per batch of datagrams
`flush` fans each of them out. A `Group` is what all receivers share: the packets laid out as
they leave, with room for header and tag, cut into runs of equal size. For a receiver, one copy
moves the whole group, one `pack_into` a packet writes the header, one call protects it in place.

Two details buy speed. libwebrtc cuts a frame into packets that differ by at most one byte; one
byte of RTP padding (RFC 3550 clause 5.1) on the shorter ones makes them one run, and so one
message to the kernel. And everything in a header that does not change is packed as two constants.

Nothing here may raise on bad media: what libsrtp refuses is wiped from the message and counted.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sfu.codecs import vp8
from sfu.down_track import RESEND_RING
from sfu.net.srtp import protect

if TYPE_CHECKING:
    from sfu.down_track import DownTrack
    from sfu.packet_map import Segment
    from sfu.rtp_stream import Packet, RtpStream

GROUP_PACKETS: Final = 40
"""Packets in a group at most: it must fit an egress and one message."""
MAX_BEHIND: Final = 1000
"""How far behind the newest a packet may be sent; below libsrtp's window of 1024."""

_PADDING_BIT: Final = 0x20000000
_PAD: Final = b"\x01"
_pack_plain: Final = struct.Struct("!III").pack_into
_pack_extended: Final = struct.Struct("!IIQBHx").pack_into
_pack_picture: Final = struct.Struct("!H").pack_into


class Group:
    """Packets as all receivers with the same layout get them."""

    __slots__ = ("count", "items", "octets", "packets", "runs", "template", "total")

    def __init__(self, packets: Sequence[Packet], layout: int, pad: bool) -> None:
        """`layout` is header size << 8 | tag size, in bytes; `pad` allows one byte of padding."""
        header_size, tag = layout >> 8, layout & 0xFF
        head, tail = bytes(header_size), bytes(tag)
        parts: list[bytes] = []
        items: list[tuple[int, int, int, int, int]] = []
        runs: list[tuple[int, int]] = []
        short = max([len(packet[3]) for packet in packets]) - 1 if pad else -1
        offset = run_length = run_segment = octets = 0
        for seq, timestamp, word, payload in packets:
            size = len(payload)
            octets += size
            if size == short:
                payload += _PAD
                size += 1
                word |= _PADDING_BIT
            length = header_size + size
            parts.append(head)
            parts.append(payload)
            parts.append(tail)
            items.append((offset, word, seq, timestamp, length))
            length += tag
            offset += length
            if length == run_segment:
                run_length += length
            else:
                if run_length:
                    runs.append((run_length, run_segment))
                run_length = run_segment = length
        runs.append((run_length, run_segment))
        self.packets = packets
        self.count = len(items)
        self.items = items
        """Offset in the template, marker and padding bits, sequence number, timestamp, length."""
        self.runs = runs
        """Length and segment size of each, bytes."""
        self.octets = octets
        self.total = offset
        self.template = b"".join(parts)


class Forwarder:
    """Fans streams out; one a worker."""

    def __init__(self) -> None:
        self.dirty: list[RtpStream] = []
        """Streams with pending packets."""
        self.forwarded = 0
        """Packets written to receivers, resends included."""
        self.too_old = 0
        """Late packets that could not be sent any more."""
        self.refused = 0
        """Packets that libsrtp would not protect."""

    def flush(self, now: float) -> None:
        """Fan out everything pending; the outbox then holds it. `now` in monotonic seconds."""
        for stream in self.dirty:
            if stream.pending:
                self.fan_out(stream, now)
        self.dirty.clear()

    def fan_out(self, stream: RtpStream, now: float = 0.0) -> None:
        """Write `stream`'s pending packets to its targets."""
        packets = stream.pending
        if not packets:
            return
        stream.pending = []
        if not stream.targets:
            return
        now = now or stream.last_arrival
        for start in range(0, len(packets), GROUP_PACKETS):
            self._fan_out(stream, packets[start : start + GROUP_PACKETS], now)

    def _fan_out(self, stream: RtpStream, packets: list[Packet], now: float) -> None:
        pad = stream.is_video and len(packets) > 1
        groups: dict[int, Group] = {}
        for down_track in stream.targets:
            layout = down_track.layout
            group = groups.get(layout)
            if group is None:
                group = groups[layout] = Group(packets, layout, pad)
            segment = down_track.segment
            if segment is not None:
                self._write(down_track, group, segment, now)

    def _write(self, down_track: DownTrack, group: Group, segment: Segment, now: float) -> None:
        """One group to one receiver; the packets are newer than all before them."""
        egress = down_track.egress
        position = egress.reserve(group.total)
        data = egress.data
        data[position : position + group.total] = group.template
        if segment.picture_delta or segment.tl0_delta:
            self._patch_pictures(data, position + down_track.header_size, group, segment)
        self._seal(down_track, group, segment, position)
        for length, size in group.runs:
            egress.append_run(length, size)
        count = group.count
        egress.packets += count
        egress.octets += group.total
        down_track.packets += count
        down_track.octets += group.octets
        last = group.items[-1]
        down_track.map.last_out = last[2] + segment.seq_delta
        down_track.last_timestamp = last[3] + segment.timestamp_delta & 0xFFFFFFFF
        down_track.last_sent_at = now
        self.forwarded += count
        if down_track.resend_ring is not None:
            self._remember(down_track, group, segment, position)

    def _seal(self, down_track: DownTrack, group: Group, segment: Segment, position: int) -> None:
        """Headers and protection: the innermost loop."""
        egress = down_track.egress
        data, context, cell = egress.data, egress.context, egress.cell
        base = egress.pointer + position
        first, ssrc = down_track.first_word, down_track.ssrc_word
        seq_delta, timestamp_delta = segment.seq_delta, segment.timestamp_delta
        if down_track.header_size == 20:
            extension, transport_seq = down_track.extension, egress.transport_seq
            for offset, word, seq, timestamp, length in group.items:
                _pack_extended(
                    data,
                    position + offset,
                    first | word | (seq + seq_delta & 0xFFFF),
                    timestamp + timestamp_delta & 0xFFFFFFFF,
                    ssrc,
                    extension,
                    transport_seq & 0xFFFF,
                )
                transport_seq += 1
                cell[0] = length
                if protect(context, base + offset, cell):
                    self._wipe(egress.data, position + offset, length)
            egress.transport_seq = transport_seq
        else:
            plain_ssrc = ssrc >> 32
            for offset, word, seq, timestamp, length in group.items:
                _pack_plain(
                    data,
                    position + offset,
                    first | word | (seq + seq_delta & 0xFFFF),
                    timestamp + timestamp_delta & 0xFFFFFFFF,
                    plain_ssrc,
                )
                cell[0] = length
                if protect(context, base + offset, cell):
                    self._wipe(egress.data, position + offset, length)

    def _wipe(self, data: bytearray, at: int, length: int) -> None:
        """A packet that libsrtp refused must not leave in clear; zeros are dropped on arrival."""
        data[at : at + length] = bytes(length)
        self.refused += 1

    def _patch_pictures(self, data: bytearray, at: int, group: Group, segment: Segment) -> None:
        """Shift picture id and TL0PICIDX of each packet of the group, which begins at `at`."""
        for (offset, _, _, _, _), packet in zip(group.items, group.packets, strict=True):
            self._patch_picture(data, at + offset, packet[3], segment)

    @staticmethod
    def _patch_picture(data: bytearray, at: int, payload: bytes, segment: Segment) -> None:
        found = vp8.parse(payload)
        if found is None:
            return
        if found.picture_id_bits == 15:
            picture = found.picture_id + segment.picture_delta & 0x7FFF
            _pack_picture(data, at + found.picture_id_offset, 0x8000 | picture)
        elif found.picture_id_bits == 7:
            data[at + found.picture_id_offset] = found.picture_id + segment.picture_delta & 0x7F
        if found.tl0picidx >= 0:
            data[at + found.tl0picidx_offset] = found.tl0picidx + segment.tl0_delta & 0xFF

    @staticmethod
    def _remember(down_track: DownTrack, group: Group, segment: Segment, position: int) -> None:
        """Keep the protected bytes for a receiver without RTX."""
        ring = down_track.resend_ring
        assert ring is not None
        egress = down_track.egress
        for offset, _, seq, _, length in group.items:
            out = seq + segment.seq_delta & 0xFFFF
            start = position + offset
            packet = bytes(egress.data[start : start + length + egress.tag_length])
            ring[out % RESEND_RING] = (out, packet)

    def replay(self, down_track: DownTrack, packets: Sequence[Packet], now: float) -> None:
        """Send cached packets to one receiver that has just switched to their first."""
        segment = down_track.segment
        if segment is None:
            return
        group = Group(packets[:GROUP_PACKETS], down_track.layout, True)
        self._write(down_track, group, segment, now)

    def forward_late(self, stream: RtpStream, packet: Packet) -> None:
        """A packet behind the newest: to whom its number still belongs to."""
        self.fan_out(stream)
        for down_track in stream.targets:
            segment = down_track.map.segment_of_input(stream, packet[0])
            behind = (
                0 if segment is None else down_track.map.last_out - packet[0] - segment.seq_delta
            )
            if segment is None or not 0 < behind < MAX_BEHIND:
                self.too_old += 1
                continue
            newest = down_track.map.last_out
            timestamp, sent_at = down_track.last_timestamp, down_track.last_sent_at
            self._write(down_track, Group([packet], down_track.layout, False), segment, sent_at)
            down_track.map.last_out = newest
            down_track.last_timestamp = timestamp

    def resend(self, down_track: DownTrack, seqs: Sequence[int], now: float, rtt: float) -> int:
        """Answer a NACK (RFC 4585 clause 6.2.1); returns how many packets were sent again.

        `seqs` are 16-bit numbers as the receiver knows them, `rtt` in seconds.
        """
        limiter = down_track.limiter
        limiter.sent(down_track.packets - down_track.limiter_packets)
        down_track.limiter_packets = down_track.packets
        count = 0
        for seq in seqs:
            found = down_track.map.find_output(seq)
            if found is None or not limiter.allow(seq, now, rtt):
                continue
            if self._resend_one(down_track, seq, *found):
                count += 1
        down_track.resent += count
        self.forwarded += count
        return count

    def _resend_one(self, down_track: DownTrack, seq: int, segment: Segment, extended: int) -> bool:
        if not down_track.spec.rtx_ssrc:
            packet = down_track.resendable(seq)
            if packet is None:
                return False
            self._append(down_track, packet)
            return True
        cached: Packet | None = segment.source.cached(extended)
        if cached is None:
            return False
        self._write_rtx(down_track, seq, segment, cached)
        return True

    def _write_rtx(self, down_track: DownTrack, seq: int, segment: Segment, packet: Packet) -> None:
        """The packet under the RTX SSRC, its own number first in the payload (RFC 4588 4)."""
        _, timestamp, word, payload = packet
        egress = down_track.egress
        header = down_track.header_size
        length = header + 2 + len(payload)
        position = egress.reserve(length + egress.tag_length)
        data = egress.data
        _pack_picture(data, position + header, seq)
        start = position + header + 2
        data[start : start + len(payload)] = payload
        if segment.picture_delta or segment.tl0_delta:
            self._patch_picture(data, start, payload, segment)
        first = down_track.rtx_first_word | word | down_track.rtx_seq & 0xFFFF
        timestamp = timestamp + segment.timestamp_delta & 0xFFFFFFFF
        down_track.rtx_seq += 1
        if header == 20:
            ssrc_word = down_track.spec.rtx_ssrc << 32 | down_track.ssrc_word & 0xFFFFFFFF
            transport_seq = egress.transport_seq & 0xFFFF
            extension = down_track.extension
            _pack_extended(data, position, first, timestamp, ssrc_word, extension, transport_seq)
            egress.transport_seq += 1
        else:
            _pack_plain(data, position, first, timestamp, down_track.spec.rtx_ssrc)
        egress.cell[0] = length
        if protect(egress.context, egress.pointer + position, egress.cell):
            self._wipe(data, position, length)
        self._account(down_track, length + egress.tag_length)

    def _append(self, down_track: DownTrack, packet: bytes) -> None:
        egress = down_track.egress
        position = egress.reserve(len(packet))
        egress.data[position : position + len(packet)] = packet
        self._account(down_track, len(packet))

    @staticmethod
    def _account(down_track: DownTrack, size: int) -> None:
        egress = down_track.egress
        egress.append_run(size, size)
        egress.packets += 1
        egress.octets += size
