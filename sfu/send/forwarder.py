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
from typing import Final

from sfu.codecs import red
from sfu.codecs.codec import NO_SHIFT
from sfu.net.srtp import length_cell, protect
from sfu.receive.rtp_stream import Output, RtpStream
from sfu.send.down_track import DownTrack
from sfu.send.egress import CAPACITY, Egress, Outbox
from sfu.send.lane import (
    HEADER_SHIFT,
    ONE_BYTE_PROFILE,
    PATCHED,
    RECEIVER,
    REMEMBERED,
    TAG_MASK,
    Lane,
    Receiver,
)
from sfu.send.packet_map import Segment
from sfu.wire.packet import ONE_PAD, PADDED, PAYLOAD, TIMESTAMP, Packet

GROUP_PACKETS: Final = 40
"""Packets in a group at most: it must fit an egress and one message."""
PADDING: Final = 224
"""Bytes of a packet of mere padding; its count must fit one byte."""
PACED_PACKETS: Final = 3
"""Packets that leave a pacer together."""
ENOUGH: Final = 30
"""Packets of one frame that are sent before the next frame is written."""
NUMBER_AT: Final = 17
"""Where a packet of ours has its transport-wide number: behind the header of 12 bytes, the
extension's of 4 and the element's of 1."""

_pack_plain: Final = struct.Struct("!III").pack_into
_pack_extended: Final = struct.Struct("!IIQI").pack_into


class Group:
    """Packets as all receivers with the same layout get them."""

    __slots__ = ("items", "packets", "runs", "template", "total")

    def __init__(self, packets: Sequence[Packet], layout: int, pad: bool) -> None:
        """`layout` is `DownTrack.layout`; `pad` allows one byte of padding."""
        header_size, tag = layout >> HEADER_SHIFT, layout & TAG_MASK
        head, tail = bytes(header_size), bytes(tag)
        parts: list[bytes] = []
        items: list[tuple[int, int, int, int, int]] = []
        runs: list[tuple[int, int]] = []
        short = max([len(packet[PAYLOAD]) for packet in packets]) - 1 if pad else -1
        offset = run_length = run_segment = 0
        for seq, timestamp, word, payload in packets:
            size = len(payload)
            if size == short:
                payload += ONE_PAD
                size += 1
                word |= PADDED
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
        self.items = items
        """Offset in the template, marker and padding bits, sequence number, timestamp, length."""
        self.runs = runs
        """Length and segment size of each, bytes."""
        self.total = offset
        self.template = b"".join(parts)


def redundant(
    stream: RtpStream, packets: Sequence[Packet], blocks: int, payload_type: int
) -> list[Packet]:
    """The same packets with the frames before each beside its own (RFC 2198)."""
    found: list[Packet] = []
    for seq, timestamp, word, payload in packets:
        earlier = []
        for back in range(1, blocks + 1):
            packet = stream.cached(seq - back)
            if packet is None:
                break
            earlier.append((packet[TIMESTAMP], packet[PAYLOAD]))
        found.append((seq, timestamp, word, red.encode(payload, timestamp, earlier, payload_type)))
    return found


class Forwarder:
    """Fans streams out; one a worker."""

    def __init__(self, outbox: Outbox) -> None:
        self.dirty: list[Output] = []
        """Those of streams with pending packets."""
        self.forwarded = 0
        """Packets written to receivers, resends included."""
        self.too_old = 0
        """Late packets that could not be sent any more."""
        self.refused = 0
        """Packets that libsrtp would not protect."""
        self._outbox = outbox
        self._cell = length_cell()

    def flush(self, now: float) -> None:
        """Fan out everything pending. `now` in monotonic seconds.

        The last of it is then in the outbox; what came before may have left already.
        """
        dirty, outbox = self.dirty, self._outbox
        waiting = 0
        # Video first: a shorter packet of audio behind it ends its run, and costs no message.
        for output in dirty:
            if output.is_video:
                if waiting >= ENOUGH:
                    outbox.flush(now)
                before = self.forwarded
                output.flush(now)
                waiting = self.forwarded - before
        for output in dirty:
            if not output.is_video:
                output.flush(now)
        dirty.clear()

    def copy(
        self, down_track: DownTrack, packets: Sequence[bytes], now: float, behind: bool = False
    ) -> None:
        """Send protected packets a second time, byte for byte; `behind` the one sent just now."""
        egress = down_track.egress
        note = egress.note_copy if behind and down_track.extension else None
        for packet in packets:
            size = self._write_again(egress, packet, now)
            down_track.resends.note(size - down_track.header_size - egress.tag_length)
            if note is not None:
                number = int.from_bytes(packet[NUMBER_AT : NUMBER_AT + 2], "big")
                note(number, (egress.transport_word >> 8) - 1 & 0xFFFF)
        self.forwarded += len(packets)

    def send_per_packet(self, down_track: DownTrack, packets: Sequence[Packet], now: float) -> None:
        """To a receiver on the per-packet path: what its layers allow, when its pacer allows.

        Sequence numbers are given here, transport-wide ones when it really leaves.
        """
        for part in down_track.drop_temporal_layers(packets):
            lane = down_track.lane()
            if lane is None:
                return
            down_track.note_sent(part, now)
            pacer = down_track.pacer
            if pacer is None:
                self.write(lane, part, now)
                continue
            for start in range(0, len(part), PACED_PACKETS):
                burst = part[start : start + PACED_PACKETS]
                size = sum([len(packet[PAYLOAD]) for packet in burst])
                if pacer.passes(size, now):
                    self.write(lane, burst, now)
                else:
                    pacer.put((down_track, lane, burst), size, now)

    def write(self, lane: Lane, packets: Sequence[Packet], now: float) -> None:
        """Packets to one receiver that leave now; nothing happens if it is gone by now."""
        if lane[RECEIVER].closed:
            return
        for start in range(0, len(packets), GROUP_PACKETS):
            part = packets[start : start + GROUP_PACKETS]
            self.write_group([lane], part, len(packets) > 1, now)
        self.forwarded += len(packets)

    def write_group(
        self, lanes: Sequence[Lane], packets: Sequence[Packet], pad: bool, now: float
    ) -> None:
        """The innermost loop: `GROUP_PACKETS` at most to each lane, padded by a byte if `pad`."""
        groups: dict[int, Group] = {}
        group: Group
        cell, outbox, known = self._cell, self._outbox, -1
        for (
            layout, egress, data, pointer, context, runs, first, ssrc, extension,
            seq_delta, timestamp_delta, segment, down_track,
        ) in lanes:  # fmt: skip
            if layout != known:
                known = layout
                group = groups.get(layout) or groups.setdefault(layout, Group(packets, layout, pad))
                items, template, total = group.items, group.template, group.total
                group_runs = group.runs
            position = egress.position
            end = position + total
            if end > CAPACITY:
                outbox.flush(now)
                position, end = 0, total
            if not position:
                outbox.dirty.append(egress)
            egress.position = end
            data[position:end] = template
            runs += group_runs
            if layout & PATCHED:
                self._patch(data, group, position + (layout >> HEADER_SHIFT), down_track, segment)
            if extension:
                number = egress.transport_word
                for offset, word, seq, timestamp, length in items:
                    at = position + offset
                    _pack_extended(
                        data,
                        at,
                        first + word + (seq + seq_delta & 0xFFFF),
                        timestamp + timestamp_delta & 0xFFFFFFFF,
                        ssrc,
                        extension | number & 0xFFFF00,
                    )
                    number += 0x100
                    cell[0] = length
                    if protect(context, pointer + at, cell):
                        self._wipe(data, at, length)
                egress.transport_word = number
            else:
                for offset, word, seq, timestamp, length in items:
                    at = position + offset
                    _pack_plain(
                        data,
                        at,
                        first + word + (seq + seq_delta & 0xFFFF),
                        timestamp + timestamp_delta & 0xFFFFFFFF,
                        ssrc,
                    )
                    cell[0] = length
                    if protect(context, pointer + at, cell):
                        self._wipe(data, at, length)
            if layout & REMEMBERED:
                down_track.remember(group.items, position, segment)

    def _wipe(self, data: bytearray, at: int, length: int) -> None:
        """A packet that libsrtp refused must not leave in clear; zeros are dropped on arrival."""
        data[at : at + length] = bytes(length)
        self.refused += 1

    @staticmethod
    def _patch(
        data: bytearray, group: Group, start: int, receiver: Receiver, segment: Segment
    ) -> None:
        """Shift the frame numbers of a group; the payload of its first packet is at `start`."""
        patch, shift = receiver.codec.patch, segment.shift
        for item, packet in zip(group.items, group.packets, strict=True):
            patch(data, start + item[0], packet[PAYLOAD], shift)

    def replay(self, down_track: DownTrack, packets: Sequence[Packet], now: float) -> None:
        """Send cached packets to one receiver that has just switched to their first."""
        lane = down_track.lane()
        if lane is None:
            return
        if down_track.per_packet:
            self.send_per_packet(down_track, packets, now)
        else:
            self.write(lane, packets, now)
            down_track.note_sent(packets, now)

    def fade_out(self, down_track: DownTrack, now: float) -> None:
        """Let a voice that is left out end in silence, so that its gap does not count as loss."""
        down_track.settle()
        lane, stream = down_track.lane(), down_track.stream
        if lane is None or stream is None or stream.newest is None:
            return
        timestamp, codec = stream.newest[TIMESTAMP], stream.codec
        packets = []
        for number, payload in enumerate(codec.pause):
            timestamp = timestamp + codec.pause_step & 0xFFFFFFFF
            packets.append((stream.next_seq + number, timestamp, 0, payload))
        if packets:
            self.write(lane, packets, now)
            down_track.note_sent(packets, now)

    def resend(self, down_track: DownTrack, seqs: Sequence[int], now: float, rtt: float) -> int:
        """Answer a NACK (RFC 4585 clause 6.2.1); returns how many packets were sent again.

        `seqs` are 16-bit numbers as the receiver knows them, `rtt` in seconds.
        """
        down_track.settle()
        limiter = down_track.resends.limiter
        down_track.resends.media_sent(down_track.packets)
        count = 0
        for seq in seqs:
            if limiter.spent:
                break
            found = down_track.map.find_output(seq)
            if found is None or not limiter.allows(seq, now, rtt):
                continue
            if self._resend_one(down_track, seq, *found, now):
                limiter.resent(seq, now)
                count += 1
        self.forwarded += count
        return count

    def _resend_one(
        self, down_track: DownTrack, seq: int, segment: Segment, extended: int, now: float
    ) -> bool:
        if down_track.spec.rtx_ssrc:
            cached: Packet | None = segment.source.cached(extended)
            if cached is None or down_track.left_out(cached):
                return False
            size = self._write_rtx(down_track, seq, segment, cached, now)
        else:
            packet = down_track.resendable(seq)
            if packet is None:
                return False
            size = self._write_again(down_track.egress, packet, now)
        down_track.resends.note(size - down_track.header_size - down_track.egress.tag_length)
        return True

    @staticmethod
    def _write_again(egress: Egress, packet: bytes, now: float) -> int:
        """A protected packet as it was; its bytes."""
        size = len(packet)
        position = egress.reserve(size, now)
        egress.runs.append((size, size))
        egress.data[position : position + size] = packet
        return size

    def pad(self, down_track: DownTrack, size: int, now: float) -> None:
        """Send about `size` bytes more than is needed on an RTX stream, for a probe.

        The newest packets once more where there are any, which may even fill a gap; else
        packets of mere padding.
        """
        down_track.settle()
        segment, stream = down_track.segment, down_track.stream
        newest = down_track.map.last_out
        while size > 0:
            cached = None
            if segment is not None and stream is not None and newest >= segment.first_out:
                cached = stream.cached(newest - segment.seq_delta)
                if cached is not None and down_track.left_out(cached):
                    cached = None
            if cached is None:
                size -= self._write_padding(down_track, now)
                continue
            size -= self._write_rtx(down_track, newest & 0xFFFF, segment, cached, now)
            newest -= 1

    def _write_padding(self, down_track: DownTrack, now: float) -> int:
        """One packet of mere padding (RFC 3550 clause 5.1) on the RTX stream; its bytes."""
        padding = bytes(PADDING - 1) + bytes((PADDING,))
        return self._write_repair(down_track, padding, 0, PADDED, now)

    def _write_rtx(
        self, down_track: DownTrack, seq: int, segment: Segment | None, packet: Packet, now: float
    ) -> int:
        """The packet under the RTX SSRC, its own number first in the payload (RFC 4588 4)."""
        _, timestamp, word, payload = packet
        if segment is not None:
            timestamp = timestamp + segment.timestamp_delta & 0xFFFFFFFF
            if segment.shift != NO_SHIFT:
                patched = bytearray(payload)
                down_track.codec.patch(patched, 0, payload, segment.shift)
                payload = bytes(patched)
        payload = seq.to_bytes(2, "big") + payload
        return self._write_repair(down_track, payload, timestamp, word, now)

    def _write_repair(
        self, down_track: DownTrack, payload: bytes, timestamp: int, word: int, now: float
    ) -> int:
        """A packet on the RTX stream; its bytes on the wire."""
        egress = down_track.egress
        data = egress.data
        header = down_track.header_size
        length = header + len(payload)
        size = length + egress.tag_length
        position = egress.reserve(size, now)
        egress.runs.append((size, size))
        data[position + header : position + length] = payload
        first = down_track.rtx_first_word + word + (down_track.resends.rtx_seq & 0xFFFF)
        down_track.resends.rtx_seq += 1
        extension = down_track.extension
        if extension:
            word = extension | egress.transport_word & 0xFFFF00
            egress.transport_word += 0x100
            ssrc_word = down_track.spec.rtx_ssrc << 32 | ONE_BYTE_PROFILE
            _pack_extended(data, position, first, timestamp, ssrc_word, word)
        else:
            _pack_plain(data, position, first, timestamp, down_track.spec.rtx_ssrc)
        self._cell[0] = length
        if protect(egress.context, egress.pointer + position, self._cell):
            self._wipe(data, position, length)
        return size
