"""Video in order: what comes behind a gap waits in the cache for the repair of the gap.

Theory of operation. A decoder cannot use what follows a lost packet, so sending it on at once gains
nothing; it makes each receiver ask for packets that the server has not got, and a resend that comes
a long round trip later comes when they no longer wait. So from a gap on nothing of the stream is
forwarded: `RtpStream.gate` is the first missing number, what arrives is counted, asked for and kept
in the cache as always, and the fast path is off. When the missing packet comes, all that follows
without a further gap leaves at once (`advance`). A stream without loss never comes here.

Waiting ends (`check`, from the repair tick) when the answers that may still come are too few to
wait for. Then the stream goes on, its numbers closed up over what is missing, at the first frame
that a decoder can use: a keyframe, or with temporal layers a frame whose base layer is whole. Where
there is none a keyframe is asked for; the repair, if it comes first after all, ends the wait too.

A gap between the last packet of a frame and the first of the next one can only be padding, which
senders do not repeat: it is closed up without waiting.

Voices never wait: a decoder conceals 20 ms, and what waited would be late.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sfu.codecs.codec import BASE_LOST, USABLE
from sfu.receive.rtp_stream import RtpStream
from sfu.wire.packet import BITS, PAYLOAD, SEQ, Packet

PATIENCE_ROUND_TRIPS: Final = 5.0
"""To wait for a repair: the answers to three requests, each repeated when it is overdue, and some
for a publisher that is slow to answer. A keyframe asked for too early costs five times a
frame, on a path that loses."""
LEAST_PATIENCE: Final = 0.25
MOST_PATIENCE: Final = 0.8
"""Seconds."""
KEYFRAME_PATIENCE_ROUND_TRIPS: Final = 1.3
"""The same where a keyframe has come already: one answer."""
KEYFRAME_LEAST_PATIENCE: Final = 0.05
LAST_RESORT: Final = 1.0
"""Seconds from the end of waiting until the stream goes on at any frame."""
MOST_PADDING: Final = 64
"""Packets of padding lost in a row that are still recognized as padding."""
OUTAGE_SILENCE: Final = 0.5
OUTAGE_PACKETS: Final = 50
"""Seconds without a packet before a gap, and packets missing in it, from which on the network was
gone: what was sent meanwhile is not waited for. A still screen is silent for longer, and one of
its packets is worth waiting for."""


def begin(stream: RtpStream, gate: int, silent_since: float, now: float) -> None:
    """The packets from `gate` on are missing, later ones are in the cache.

    `silent_since` is when the last packet came before the gap (seconds, as `now`).
    """
    stream.gate = gate
    stream.overdue_since, stream.keyframe_only = -1.0, False
    stream.fast_payload_type = -1
    stream.output.repair_soon()
    _close_padding(stream, now)
    missing = stream.next_seq - stream.gate
    if stream.gate >= 0 and missing > OUTAGE_PACKETS and now - silent_since > OUTAGE_SILENCE:
        _stop_waiting(stream, now)


def advance(stream: RtpStream, packet: Packet | None, now: float) -> None:
    """A packet came at the gate or behind it (None: mere padding): send on what may leave."""
    if stream.cache.holds(stream.gate):
        _release(stream, now)
        _close_padding(stream, now)
    elif stream.overdue_since >= 0:
        first = _keyframe(stream)
        if first < 0 and packet is not None and not stream.keyframe_only:
            verdict = _judge(stream, packet)
            first = packet[SEQ] if verdict == USABLE else -1
            if verdict == BASE_LOST:
                _want_keyframe(stream)
        if first >= 0:
            _skip_to(stream, first, now)
            _close_padding(stream, now)
    elif packet is not None and _follows(stream, packet):
        _skip_to(stream, packet[SEQ], now)
        _close_padding(stream, now)


def check(stream: RtpStream, now: float, rtt: float) -> None:
    """Stop waiting when answers are overdue; `rtt` to the publisher in seconds, 0: unknown."""
    while stream.gate >= 0 and stream.overdue_since < 0:
        since = None if stream.nack is None else stream.nack.missing_since(stream.gate)
        patience = max(LEAST_PATIENCE, min(MOST_PATIENCE, rtt * PATIENCE_ROUND_TRIPS))
        if _keyframe(stream) >= 0:
            patience = max(KEYFRAME_LEAST_PATIENCE, rtt * KEYFRAME_PATIENCE_ROUND_TRIPS)
        if since is not None and now - since < patience:
            return
        _stop_waiting(stream, now)
    if stream.gate >= 0 and now - stream.overdue_since >= LAST_RESORT:
        first = _first_frame(stream)
        if first >= 0:
            _skip_to(stream, first, now)


def _stop_waiting(stream: RtpStream, now: float) -> None:
    """Go on without what is missing, now or at the next frame that allows it."""
    stream.overdue_since = now
    first = _keyframe(stream)
    if first < 0:
        first = _first_usable(stream)
    if first >= 0:
        _skip_to(stream, first, now)
        _close_padding(stream, now)


def _release(stream: RtpStream, now: float) -> None:
    """Send on all from the gate to the next missing packet."""
    cache = stream.cache
    run: list[Packet] = []
    seq, end = stream.gate, stream.next_seq
    while seq < end and cache.holds(seq):
        packet = cache.get(seq)
        if packet is None:
            _send(stream, run, now)
            run = []
            stream.output.leave_out(seq, seq)
        else:
            run.append(packet)
        seq += 1
    stream.overdue_since, stream.keyframe_only = -1.0, False
    stream.gate = seq if seq < end else -1
    _send(stream, run, now)
    if stream.gate < 0:
        stream.expect(stream.track.spec.payload_type)


def _send(stream: RtpStream, run: list[Packet], now: float) -> None:
    for part, keyframe in stream.parts(run, now):
        stream.newest = part[-1]
        if keyframe:
            stream.keyframe_begins(part[0], now)
        stream.output.send(part, now)


def _skip_to(stream: RtpStream, first: int, now: float) -> None:
    """Go on at the packet of this number, which is there; what is before it is not sent."""
    stream.output.leave_out(stream.gate, first - 1)
    if stream.nack is not None:
        stream.nack.forget(first)
    stream.gate = first
    _release(stream, now)


def _want_keyframe(stream: RtpStream) -> None:
    stream.keyframe_only = True
    if stream.output.is_wanted:
        stream.requester.wanted = True
        stream.output.repair_soon()


def _keyframe(stream: RtpStream) -> int:
    """The first packet of the newest keyframe behind the gate; -1: none is there."""
    keyframe = stream.cache.keyframe
    return keyframe if keyframe > stream.gate and stream.cache.holds(keyframe) else -1


def _held(stream: RtpStream) -> Iterator[Packet]:
    """What waits behind the gate."""
    for seq in range(max(stream.gate, stream.next_seq - stream.cache.size), stream.next_seq):
        packet = stream.cache.get(seq)
        if packet is not None:
            yield packet


def _first_frame(stream: RtpStream) -> int:
    """The first packet of the oldest frame behind the gate; -1: none is there."""
    begins_frame = stream.codec.begins_frame
    return next((packet[SEQ] for packet in _held(stream) if begins_frame(packet[PAYLOAD])), -1)


def _first_usable(stream: RtpStream) -> int:
    """The first packet behind the gate at which the stream can go on; -1: none is there yet."""
    for packet in _held(stream):
        verdict = _judge(stream, packet)
        if verdict == USABLE:
            return packet[SEQ]
        if verdict == BASE_LOST:
            _want_keyframe(stream)
            return -1
    return -1


def _judge(stream: RtpStream, packet: Packet) -> int:
    """Whether the stream can go on with `packet`, though what is at the gate is missing: see
    `Codec.resumes`."""
    before = stream.newest
    if before is None:
        return BASE_LOST
    return stream.codec.resumes(before[PAYLOAD], before[BITS] != 0, packet[PAYLOAD])


def _close_padding(stream: RtpStream, now: float) -> None:
    """Close up gaps that can only have been padding."""
    while stream.gate >= 0:
        first = _next_frame(stream)
        if first < 0:
            return
        _skip_to(stream, first, now)


def _next_frame(stream: RtpStream) -> int:
    """The first packet behind the gap, if nothing of a frame is missing before it; else -1."""
    for seq in range(stream.gate, min(stream.next_seq, stream.gate + MOST_PADDING)):
        packet = stream.cache.get(seq)
        if packet is not None:
            return seq if _follows(stream, packet) else -1
    return -1


def _follows(stream: RtpStream, packet: Packet) -> bool:
    """Whether a frame ended with the packet sent last and the next one begins with `packet`."""
    before = stream.newest
    if before is None or not before[BITS]:
        return False
    return stream.codec.follows(before[PAYLOAD], packet[PAYLOAD])
