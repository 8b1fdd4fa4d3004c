"""One packet of a stream that is not simply the next in line.

Theory of operation. The first packet, a gap, a late or a repeated packet, padding: each is counted,
kept and asked for by itself, and then sent on, held behind a gap (`sfu.receive.in_order`) or left
out. What is just the next in line may go into `RtpStream.pending` at once.
"""

from __future__ import annotations

from sfu.codecs import red
from sfu.drops import DropReason
from sfu.receive import in_order
from sfu.receive.rtp_stream import RtpStream
from sfu.wire.packet import ONE_PAD, PADDED, PAYLOAD, SEQ, TIMESTAMP, Packet
from sfu.wire.rtp import seq_diff


def receive(
    stream: RtpStream, seq: int, timestamp: int, marker: int, payload: bytes, now: float
) -> bool:
    """Receive one packet, whatever it is; False when it is too far off to belong to the stream.

    `seq` is the 16-bit number, `marker` is `MARKER` or 0, `now` monotonic seconds. The receive
    loop puts a packet that is just the `next_seq` into `pending` itself.
    """
    if seq == stream.next_seq & 0xFFFF and stream.newest is not None and stream.gate < 0:
        stream.put_pending((stream.next_seq, timestamp, marker, payload))
        return True
    # What waits comes first: statistics, cache and receivers go by order of arrival.
    stream.output.flush(now)
    extended = stream.statistics.packet(seq, timestamp, now, len(payload))
    if extended < 0:
        return False
    packet = (extended, timestamp, marker, payload)
    if stream.nack is not None:
        stream.nack.packet(extended, now)
        if stream.nack:
            stream.output.repair_soon()
    keyframe = stream.codec.is_keyframe(payload)
    kept = stream.cache.put(extended, packet, now, keyframe)
    if stream.newest is None:
        stream.expect(stream.track.spec.payload_type)
        stream.track.stream_started(stream, packet, now)
        _send(stream, packet, keyframe, now)
    elif _is_held(stream, extended, packet, kept, now):
        pass
    elif extended >= stream.next_seq:
        _note_arrival(stream, extended, now)
        _send(stream, packet, keyframe, now)
    elif kept:
        stream.output.send_late(packet, now)
    return True


def receive_redundant(
    stream: RtpStream, seq: int, timestamp: int, payload: bytes, now: float
) -> DropReason | None:
    """Receive audio with earlier frames beside its own (RFC 2198), which may be what is missing.

    Redundancy ends here: cache and receivers see one plain stream. Returns why its own frame could
    not be used, if it could not.
    """
    spec = stream.track.spec
    newest = red.primary(payload, spec.payload_type)
    if newest is None:
        return DropReason.RTP_MALFORMED
    before = stream.newest_waiting
    if before is not None:
        extended = before[SEQ] + seq_diff(seq, before[SEQ] & 0xFFFF)
        for missing, at, block in red.recover(
            payload, spec.payload_type, extended, timestamp, before[SEQ], before[TIMESTAMP]
        ):
            receive(stream, missing & 0xFFFF, at, 0, block, now)
    taken = receive(stream, seq, timestamp, 0, newest, now)
    stream.expect(spec.red_payload_type)
    return None if taken else DropReason.TOO_OLD


def receive_resend(
    stream: RtpStream, payload_type: int, timestamp: int, marker: int, payload: bytes, now: float
) -> DropReason | None:
    """Receive a resend (RFC 4588 clause 4): the original number leads the payload.

    Probes repeat packets that are here already, or carry nothing; both end here. Returns why it
    could not be used, if it is neither.
    """
    if payload_type != stream.track.spec.rtx_payload_type:
        return DropReason.UNKNOWN_PAYLOAD_TYPE
    if len(payload) <= 2:
        return None
    seq = payload[0] << 8 | payload[1]
    # What is pending is not in the cache yet.
    stream.output.flush(now)
    if stream.newest is None or stream.shut or stream.has(seq):
        return None
    if not receive(stream, seq, timestamp, marker, payload[2:], now):
        return DropReason.TOO_OLD
    stream.counts.repaired += 1
    return None


def _send(stream: RtpStream, packet: Packet, keyframe: bool, now: float) -> None:
    """Send on the newest packet by itself."""
    if stream.codec.begins_frame(packet[PAYLOAD]):
        stream.frames.frame(now)
    stream.newest = packet
    stream.last_arrival = now
    stream.next_seq = packet[SEQ] + 1
    if keyframe:
        stream.keyframe_begins(packet, now)
    stream.output.send([packet], now)


def _note_arrival(stream: RtpStream, extended: int, now: float) -> None:
    """The newest of those that came."""
    if extended > stream.next_seq:
        stream.counts.gaps += 1
        stream.counts.missed += extended - stream.next_seq
    stream.next_seq = extended + 1
    stream.last_arrival = now


def _is_held(
    stream: RtpStream, extended: int, packet: Packet | None, kept: bool, now: float
) -> bool:
    """Whether this packet (None: padding) waits behind a gap, or has ended the wait."""
    gate = stream.gate if stream.gate >= 0 else stream.next_seq
    if extended < gate:
        return False
    if stream.gate < 0 and (extended == gate or not stream.waits):
        return False
    if not kept:
        return True
    silent_since = stream.last_arrival
    if extended >= stream.next_seq:
        _note_arrival(stream, extended, now)
    if stream.gate < 0:
        in_order.begin(stream, gate, silent_since, now)
    else:
        in_order.advance(stream, packet, now)
    return True


def skip_padding(stream: RtpStream, seq: int, timestamp: int, now: float) -> None:
    """A packet with no payload (a probe): counted, and closed up in what is sent on."""
    stream.output.flush(now)
    extended = stream.statistics.packet(seq, timestamp, now, 0)
    if extended < 0:
        return
    if stream.nack is not None:
        stream.nack.packet(extended, now)
    kept = stream.cache.skip(extended, now)
    if stream.newest is None or _is_held(stream, extended, None, kept, now):
        return
    if extended >= stream.next_seq:
        _note_arrival(stream, extended, now)
        stream.output.leave_out(extended, extended)
    elif kept:
        # Those behind it have been sent, so its number is missing until it is filled.
        stream.output.send_late((extended, timestamp, PADDED, ONE_PAD), now)
