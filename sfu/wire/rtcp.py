"""RTCP packets in and out (RFC 3550, 4585, 5104, 3611, REMB and transport-wide feedback).

`parse` reads a compound packet, whole or reduced in size (RFC 5506); the builders each return
one packet, and a compound one is their concatenation. Each packet in it has a length, so one that
makes no sense inside is passed over as `Malformed` and the rest counts: senders in the field cut
a description short or miscount their blocks, and their keyframe request behind it is meant. A
packet of unknown type is skipped. Where the framing itself fails, what came before counts.
Everything that a peer can make long is bounded, since it is read before anybody knows whether it
makes sense.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sfu.wire import transport_cc as wire
from sfu.wire.rtp import seq_diff
from sfu.wire.transport_cc import TransportCc

SR, RR, SDES, BYE, RTPFB, PSFB, XR = 200, 201, 202, 203, 205, 206, 207
"""Packet types."""

MAX_PACKETS = 64
"""Read from one compound packet; the rest is left out."""
MAX_NACK_SEQS = 1024
"""Read from one NACK, as many as a packet cache holds; the rest is left out."""
MAX_NACK_ENTRIES = 250
"""Written into one NACK, so that it fits any path; the rest is left out."""
MAX_BITRATE = 1 << 63
"""Of a REMB, bit/s."""

_HEADER = struct.Struct("!BBH")
_TWO = struct.Struct("!II")
_REPORT = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!IQIII")
_DLRR = struct.Struct("!III")


class RtcpError(ValueError):
    """The bytes are no RTCP."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver reports of one SSRC, RFC 3550 clause 6.4.1."""

    ssrc: int
    fraction_lost: int
    """Since the last report, in 1/256: 0 to 255."""
    packets_lost: int
    """In all; signed 24 bits, negative when duplicates outnumber losses."""
    highest_seq: int
    """Cycles * 65536 + sequence number."""
    jitter: int
    """In timestamp units."""
    lsr: int = 0
    """The middle 32 bits of the last sender report's NTP time; 0 when there was none."""
    dlsr: int = 0
    """Since that sender report, in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """RFC 3550 clause 6.4.1."""

    ssrc: int
    ntp: int
    """Seconds since 1900 in the upper 32 bits, fraction in the lower."""
    rtp_timestamp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RFC 3550 clause 6.4.2."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """RFC 3550 clause 6.5."""

    chunks: tuple[tuple[int, str], ...]
    """SSRC and CNAME, which is empty where a chunk has none."""


@dataclass(frozen=True, slots=True)
class Bye:
    """RFC 3550 clause 6.6."""

    ssrcs: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Nack:
    """Generic NACK, RFC 4585 clause 6.2.1."""

    sender_ssrc: int
    media_ssrc: int
    seqs: tuple[int, ...]
    """Lost packets as named, at most `MAX_NACK_SEQS`."""


@dataclass(frozen=True, slots=True)
class Pli:
    """Picture loss indication, RFC 4585 clause 6.3.1."""

    sender_ssrc: int
    media_ssrc: int


@dataclass(frozen=True, slots=True)
class Fir:
    """Full intra request, RFC 5104 clause 4.3.1."""

    sender_ssrc: int
    entries: tuple[tuple[int, int], ...]
    """SSRC and the command's sequence number (8 bits), which a repetition keeps."""


@dataclass(frozen=True, slots=True)
class Remb:
    """Receiver estimated maximum bitrate, draft-alvestrand-rmcat-remb-03."""

    sender_ssrc: int
    bitrate_bps: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReceiverReferenceTime:
    """XR block 4, RFC 3611 clause 4.4."""

    ssrc: int
    ntp: int
    """As in a sender report."""


@dataclass(frozen=True, slots=True)
class DelaySinceLastReceiverReport:
    """XR block 5, RFC 3611 clause 4.5."""

    ssrc: int
    entries: tuple[tuple[int, int, int], ...]
    """Receiver's SSRC, last RR time (middle 32 bits), delay since in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """Stands for a packet that could not be read, or for all that follows it where its length
    cannot be true."""

    packet_type: int


Packet = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Bye
    | Nack
    | TransportCc
    | Pli
    | Fir
    | Remb
    | ReceiverReferenceTime
    | DelaySinceLastReceiverReport
    | Malformed
)


def parse(data: bytes, *, transport_cc: bool = True) -> list[Packet]:
    """Read a compound packet, in order; raises `RtcpError` when it does not even begin as one.

    Without `transport_cc` that feedback is skipped unread: it comes many times a second, and who
    does not use its arrivals need not decode them.
    """
    found: list[Packet] = []
    pos, end = 0, len(data)
    if end < 4:
        raise RtcpError(f"{end} bytes")
    if data[0] & 0xC0 != 0x80:
        raise RtcpError(f"version {data[0] >> 6}")
    for _ in range(MAX_PACKETS):
        if end - pos < 4:
            found.append(Malformed(0))
            return found
        first, packet_type, words = _HEADER.unpack_from(data, pos)
        stop = pos + 4 + words * 4
        if first & 0xC0 != 0x80 or stop > end:
            found.append(Malformed(packet_type))
            return found
        count = first & 0x1F
        if transport_cc or packet_type != RTPFB or count != wire.FORMAT:
            _dispatch(packet_type, first, bytes(data[pos + 4 : stop]), found)
        if stop == end:
            return found
        pos = stop
    found.append(Malformed(0))
    return found


def _unpad(body: bytes) -> bytes:
    # Padding belongs on the last packet only (RFC 3550 clause 6.4.1), but its count makes it
    # harmless anywhere, and libwebrtc's transport feedback carries it in any place.
    if not body or not 0 < body[-1] <= len(body):
        raise RtcpError("bad padding")
    return body[: -body[-1]]


def _dispatch(packet_type: int, first: int, body: bytes, found: list[Packet]) -> None:
    """Read one packet into `found`; what it held before it made no sense is not taken."""
    count = first & 0x1F
    if packet_type in (RTPFB, PSFB):
        parser = _FEEDBACK.get((packet_type, count))
    else:
        parser = _PARSERS.get(packet_type)
    if parser is None:
        return
    try:
        if first & 0x20:
            body = _unpad(body)
        found.extend(parser(count, body))
    except (struct.error, IndexError, ValueError):
        found.append(Malformed(packet_type))


def _report_blocks(count: int, body: bytes, pos: int) -> tuple[ReportBlock, ...]:
    found = []
    for offset in range(pos, pos + 24 * count, 24):
        ssrc, loss, highest, jitter, lsr, dlsr = _REPORT.unpack_from(body, offset)
        lost = loss & 0xFFFFFF
        if lost >= 0x800000:
            lost -= 0x1000000
        found.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, lsr, dlsr))
    return tuple(found)


def _parse_sr(count: int, body: bytes) -> Iterable[Packet]:
    ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
    reports = _report_blocks(count, body, 24)
    return (SenderReport(ssrc, ntp, timestamp, packets, octets, reports),)


def _parse_rr(count: int, body: bytes) -> Iterable[Packet]:
    (ssrc,) = struct.unpack_from("!I", body)
    return (ReceiverReport(ssrc, _report_blocks(count, body, 4)),)


def _parse_sdes(count: int, body: bytes) -> Iterable[Packet]:
    chunks = []
    pos = 0
    for _ in range(count):
        (ssrc,) = struct.unpack_from("!I", body, pos)
        pos += 4
        cname = ""
        while body[pos]:
            item, length = body[pos], body[pos + 1]
            if pos + 2 + length > len(body):
                raise RtcpError("truncated SDES item")
            if item == 1:
                cname = body[pos + 2 : pos + 2 + length].decode("utf-8", "replace")
            pos += 2 + length
        pos += 4 - pos % 4
        chunks.append((ssrc, cname))
    return (SourceDescription(tuple(chunks)),)


def _parse_bye(count: int, body: bytes) -> Iterable[Packet]:
    ssrcs = struct.unpack_from(f"!{count}I", body)
    reason = b""
    if len(body) > 4 * count:
        length = body[4 * count]
        reason = body[4 * count + 1 : 4 * count + 1 + length]
        if len(reason) < length:
            raise RtcpError("truncated BYE reason")
    return (Bye(ssrcs, reason.decode("utf-8", "replace")),)


def _parse_nack(_count: int, body: bytes) -> Iterable[Packet]:
    sender, media = _TWO.unpack_from(body)
    seqs: list[int] = []
    for pid, blp in struct.iter_unpack("!HH", body[8 : len(body) & ~3]):
        seqs.append(pid)
        bit = 1
        while blp:
            if blp & 1:
                seqs.append((pid + bit) & 0xFFFF)
            blp >>= 1
            bit += 1
        if len(seqs) >= MAX_NACK_SEQS:
            break
    return (Nack(sender, media, tuple(seqs[:MAX_NACK_SEQS])),)


def _parse_transport_cc(_count: int, body: bytes) -> Iterable[Packet]:
    return (wire.decode(body),)


def _parse_pli(_count: int, body: bytes) -> Iterable[Packet]:
    return (Pli(*_TWO.unpack_from(body)),)


def _parse_fir(_count: int, body: bytes) -> Iterable[Packet]:
    sender, _ = _TWO.unpack_from(body)
    entries = struct.iter_unpack("!II", body[8 : len(body) & ~7])
    return (Fir(sender, tuple((ssrc, seq >> 24) for ssrc, seq in entries)),)


def _parse_application_feedback(_count: int, body: bytes) -> Iterable[Packet]:
    sender, _ = _TWO.unpack_from(body)
    if body[8:12] != b"REMB":
        return ()
    (fields,) = struct.unpack_from("!I", body, 12)
    bitrate = (fields & 0x3FFFF) << (fields >> 18 & 0x3F)
    ssrcs = struct.unpack_from(f"!{fields >> 24}I", body, 16)
    return (Remb(sender, min(bitrate, MAX_BITRATE), ssrcs),)


def _parse_xr(_count: int, body: bytes) -> Iterable[Packet]:
    """Blocks have lengths of their own (RFC 3611 clause 3), and odd ones are passed over too."""
    (ssrc,) = struct.unpack_from("!I", body)
    found: list[Packet] = []
    pos = 4
    while pos + 4 <= len(body):
        block_type, _, words = _HEADER.unpack_from(body, pos)
        pos += 4
        block = body[pos : pos + 4 * words]
        pos += 4 * words
        if pos > len(body):
            break
        if block_type == 4 and len(block) == 8:
            found.append(ReceiverReferenceTime(ssrc, int.from_bytes(block, "big")))
        elif block_type == 5 and len(block) % _DLRR.size == 0:
            found.append(DelaySinceLastReceiverReport(ssrc, tuple(_DLRR.iter_unpack(block))))
        elif block_type in (4, 5):
            found.append(Malformed(XR))
    if pos != len(body):
        found.append(Malformed(XR))
    return found


_Parser = Callable[[int, bytes], Iterable[Packet]]
_PARSERS: dict[int, _Parser] = {
    SR: _parse_sr,
    RR: _parse_rr,
    SDES: _parse_sdes,
    BYE: _parse_bye,
    XR: _parse_xr,
}
_FEEDBACK: dict[tuple[int, int], _Parser] = {
    (RTPFB, 1): _parse_nack,
    (RTPFB, wire.FORMAT): _parse_transport_cc,
    (PSFB, 1): _parse_pli,
    (PSFB, 4): _parse_fir,
    (PSFB, 15): _parse_application_feedback,
}


def _packet(packet_type: int, count: int, body: bytes) -> bytes:
    if count > 31:
        raise ValueError(f"{count} parts in one packet, 31 at most")
    return _HEADER.pack(0x80 | count, packet_type, len(body) // 4) + body


def _blocks(reports: Sequence[ReportBlock]) -> bytes:
    return b"".join(
        _REPORT.pack(
            block.ssrc,
            block.fraction_lost << 24 | block.packets_lost & 0xFFFFFF,
            block.highest_seq & 0xFFFFFFFF,
            block.jitter & 0xFFFFFFFF,
            block.lsr,
            block.dlsr & 0xFFFFFFFF,
        )
        for block in reports
    )


def sender_report(
    ssrc: int,
    ntp: int,
    rtp_timestamp: int,
    packets: int,
    octets: int,
    reports: Sequence[ReportBlock] = (),
) -> bytes:
    """RFC 3550 clause 6.4.1; totals wrap at 32 bits. ValueError for more than 31 reports."""
    fixed = _SENDER.pack(
        ssrc, ntp, rtp_timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    return _packet(SR, len(reports), fixed + _blocks(reports))


def receiver_report(ssrc: int, reports: Sequence[ReportBlock] = ()) -> bytes:
    """RFC 3550 clause 6.4.2. ValueError for more than 31 reports."""
    return _packet(RR, len(reports), struct.pack("!I", ssrc) + _blocks(reports))


def sdes(ssrc: int, cname: str) -> bytes:
    """One chunk with a CNAME of at most 255 bytes, else ValueError."""
    name = cname.encode()
    if len(name) > 255:
        raise ValueError(f"a CNAME of {len(name)} bytes")
    chunk = struct.pack("!IBB", ssrc, 1, len(name)) + name
    # At least one zero ends the chunk.
    return _packet(SDES, 1, chunk + bytes(4 - len(chunk) % 4))


def bye(ssrcs: Sequence[int]) -> bytes:
    """ValueError for more than 31."""
    return _packet(BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs))


def nack(sender_ssrc: int, media_ssrc: int, seqs: Iterable[int]) -> bytes:
    """One generic NACK for these 16-bit sequence numbers, at least one, in any order.

    They must lie within half the range of each other. What needs more than `MAX_NACK_ENTRIES`
    entries is left out; it will be asked for again. ValueError when there are none.
    """
    wanted = list(seqs)
    if not wanted:
        raise ValueError("a NACK of nothing")
    first = wanted[0]
    wanted.sort(key=lambda seq: seq_diff(seq, first))
    entries: list[tuple[int, int]] = []
    pid, blp = wanted[0], 0
    for seq in wanted[1:]:
        ahead = (seq - pid) & 0xFFFF
        if ahead > 16:
            entries.append((pid, blp))
            pid, blp = seq, 0
        elif ahead:
            blp |= 1 << (ahead - 1)
    entries.append((pid, blp))
    fci = b"".join(struct.pack("!HH", *entry) for entry in entries[:MAX_NACK_ENTRIES])
    return _packet(RTPFB, 1, _TWO.pack(sender_ssrc, media_ssrc) + fci)


def pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    """RFC 4585 clause 6.3.1."""
    return _packet(PSFB, 1, _TWO.pack(sender_ssrc, media_ssrc))


def fir(sender_ssrc: int, entries: Iterable[tuple[int, int]]) -> bytes:
    """RFC 5104 clause 4.3.1; entries of SSRC and sequence number (taken modulo 256)."""
    fci = b"".join(_TWO.pack(ssrc, (seq & 0xFF) << 24) for ssrc, seq in entries)
    return _packet(PSFB, 4, _TWO.pack(sender_ssrc, 0) + fci)


def remb(sender_ssrc: int, bitrate_bps: int, ssrcs: Sequence[int]) -> bytes:
    """The bitrate is clamped to 0..2^63 and rounded down to 18 significant bits.

    ValueError for more than 255 SSRCs.
    """
    if len(ssrcs) > 255:
        raise ValueError(f"a REMB for {len(ssrcs)} SSRCs")
    bitrate = max(0, min(bitrate_bps, MAX_BITRATE))
    exponent = max(0, bitrate.bit_length() - 18)
    fields = len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent
    body = struct.pack(f"!II4sI{len(ssrcs)}I", sender_ssrc, 0, b"REMB", fields, *ssrcs)
    return _packet(PSFB, 15, body)


def xr_rrtr(ssrc: int, ntp: int) -> bytes:
    """Receiver reference time, RFC 3611 clause 4.4; `ntp` as in a sender report."""
    return _packet(XR, 0, struct.pack("!IBBHQ", ssrc, 4, 0, 2, ntp))


def xr_dlrr(ssrc: int, entries: Sequence[tuple[int, int, int]]) -> bytes:
    """Delay since the last receiver reference time, RFC 3611 clause 4.5.

    Entries of SSRC, last RR (middle 32 bits of its NTP time), delay in 1/65536 s.
    """
    blocks = b"".join(_DLRR.pack(*entry) for entry in entries)
    return _packet(XR, 0, struct.pack("!IBBH", ssrc, 5, 0, 3 * len(entries)) + blocks)
