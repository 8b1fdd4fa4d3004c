"""Pauses in a voice, on paths that lose packets.

Theory of operation. A browser that hears silence announces a pause by one packet of a byte or two
and then sends nothing for 0.4 s, when a frame of noise and the next announcement come. While a
jitter buffer knows of the pause it plays comfort noise. If just that packet is lost, it takes the
pause for loss and conceals until something comes; and neither redundancy nor a request helps,
because both need a later packet to ride on or to show the gap. At 5 % loss a voice that is silent
was concealed for 5 % of the time.

So the announcement is repeated to receivers on such paths (`repeat`), as a packet of our own with
the redundancy that all their packets have; the stream's numbers move up by one. And where a
publisher falls silent without having announced it, the packet after its last is asked for on
suspicion (`unannounced`).

Repeats carry a timestamp a little before the present: later, it might be that of a frame that is
yet to come and would be thrown away for it; earlier, jitter buffers would take the path for a slow
one and grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sfu.receive.rtp_stream import RtpStream
from sfu.send.down_track import DownTrack
from sfu.send.forwarder import Forwarder, redundant
from sfu.wire.packet import PAYLOAD, SEQ

REPEAT_EACH: Final = 0.04
"""Seconds from the announcement to its repeat, and from one repeat to the next: two frames, so
that a loss of several packets in a row does not take both."""
FRAME_SECONDS: Final = 0.02
SUSPICIOUS: Final = 0.06
"""Seconds without a packet after which a voice has fallen silent: three frames."""
PAUSE_SECONDS: Final = 0.35
"""After this the next packet of a pause comes by itself."""


def repeat(
    stream: RtpStream, receivers: Sequence[DownTrack], forwarder: Forwarder, now: float
) -> bool:
    """Announce the voice's pause again to receivers that lose packets, where that is due; call it
    on each tick. Returns whether lanes must be laid anew, since numbers have moved."""
    newest = stream.newest
    if newest is None or not stream.codec.announces_pause(newest[PAYLOAD]):
        return False
    if stream.pending:
        return False
    age = now - stream.last_arrival
    repeated = False
    for down in receivers:
        if down.pause != newest[SEQ]:
            down.pause, down.pause_repeats = newest[SEQ], 0
        if down.pause_repeats < down.blocks and age >= REPEAT_EACH * (down.pause_repeats + 1):
            down.pause_repeats += 1
            repeated = _repeat_to(down, stream, forwarder, age, now) or repeated
    return repeated


def remain(stream: RtpStream, receivers: Sequence[DownTrack]) -> bool:
    """Whether repeats of the pause that the voice announced last are still to come."""
    newest = stream.newest
    if newest is None or not stream.codec.announces_pause(newest[PAYLOAD]):
        return False
    return any(d.pause == newest[SEQ] and d.pause_repeats < d.blocks for d in receivers)


def _repeat_to(
    down: DownTrack, stream: RtpStream, forwarder: Forwarder, age: float, now: float
) -> bool:
    assert stream.newest is not None
    _, timestamp, _, payload = stream.newest
    lane = down.lane(redundant=True)
    # With RTX a resend would be looked for in the stream's cache, where this packet is not.
    if lane is None or down.spec.rtx_ssrc:
        return False
    down.settle()
    frames = max(1, int(age / FRAME_SECONDS) - 1)
    timestamp = timestamp + frames * stream.codec.pause_step & 0xFFFFFFFF
    packet = (stream.next_seq, timestamp, 0, payload)
    repeated = redundant(stream, [packet], down.blocks, down.spec.payload_type)
    forwarder.write(lane, repeated, now)
    down.inserted(packet, now)
    return True


def unannounced(stream: RtpStream, now: float) -> list[int]:
    """16-bit numbers to ask for on suspicion: the voice fell silent, and what would announce it may
    have been lost. Each is given once."""
    newest = stream.newest
    if newest is None or stream.nack is None or stream.codec.is_silent(newest[PAYLOAD]):
        return []
    if not SUSPICIOUS <= now - stream.last_arrival < PAUSE_SECONDS:
        return []
    return stream.nack.beyond()
