"""Is it RTP? Packets of one flow and SSRC, held until that is decided.

Nothing in an RTP packet shows that it is one: a quarter of all random datagrams have the version's
two bits, and captures hold no negotiation that could be relied on. What random data cannot have is
a course: one SSRC, numbers that go up by little, few payload types. So the first packets of every
flow and SSRC are held, judged together and only then counted. The clock rate is found from the same
packets, since it is not in the capture either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import pairwise
from statistics import median

FIRST_TRY = (256, 1.0)
"""Packets, or seconds with at least `FEW` packets, after which a decision is made."""
TRIES = 3
"""While the clock rate is not found, each further attempt waits twice as long."""
FEW = 16
NEAR = 512
"""How far a number may be from the one before: further is chance."""
MAX_PAYLOAD_TYPES = 6
CLOCK_RATES = (8000, 16000, 32000, 48000, 90000)
"""Of dynamic payload types: what is in use, far enough apart to be found by measurement."""
VIDEO_CLOCK_RATE = 90000
FRAMES_MS: tuple[float, ...] = (2.5, 5, 10, 20, 40)
"""Milliseconds of speech in a packet, at any clock rate."""
MAX_IN_FRAME = 0.015
"""Seconds between two packets of one frame; those of a telephone event are 20 or more apart."""
TOLERANCE = 1.2
"""Factor between what was measured and a clock rate."""

STATIC_CLOCK_RATES = {
    **dict.fromkeys((0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 18, 19), 8000),
    6: 16000,
    10: 44100,
    11: 44100,
    16: 11025,
    17: 22050,
    **dict.fromkeys((14, 25, 26, 28, 31, 32, 33, 34), 90000),
}
"""RFC 3551 tables 4 and 5, and 19, once comfort noise."""

Held = tuple[float, int, int, int, int]
"""Arguments of `Stream.add`."""


class Candidate:
    """The packets of one flow and SSRC so far."""

    __slots__ = ("_count", "_left", "_seconds", "held")

    def __init__(self) -> None:
        self.held: list[Held] = []
        self._count, self._seconds = FIRST_TRY
        self._left = TRIES

    def add(self, packet: Held) -> bool:
        """Hold a packet; whether it is time to decide."""
        held = self.held
        held.append(packet)
        count = len(held)
        if count < self._count and (count < FEW or packet[0] - held[0][0] < self._seconds):
            return False
        self._left -= 1
        if not self._left or measured_clock_rate(held) is not None:
            return True
        self._count *= 2
        self._seconds *= 2
        return False


def looks_like_rtp(held: list[Held], on_rtp_flow: bool, payload_types: Collection[int]) -> bool:
    """Whether packets of one flow and SSRC can only be RTP.

    `on_rtp_flow`: others of the same flow are RTP, so by RFC 7983 these are too unless they
    contradict it. Then even a single packet will do, if its type is one of `payload_types`, those
    that were found so far.
    """
    if len({second & 0x7F for _, _, _, second, _ in held}) > MAX_PAYLOAD_TYPES:
        return False
    steps = [(after[1] - before[1] & 0xFFFF ^ 0x8000) - 0x8000 for before, after in pairwise(held)]
    near = sum(1 for step in steps if -NEAR < step < NEAR)
    if near < 0.9 * len(steps):
        return False
    if on_rtp_flow and (steps or held[0][3] & 0x7F in payload_types):
        return True
    rising = sum(1 for step in steps if step > 0)
    # Two packets would be one coincidence.
    return len(steps) >= 2 and rising >= 0.4 * len(steps)


def payload_type_of(held: list[Held]) -> int:
    """The one that the media has: with the most timestamps.

    A telephone event has one for all its packets (RFC 4733 section 2.2.1), however many they are.
    """
    moments = dict.fromkeys((packet[3] & 0x7F, packet[2]) for packet in held)
    return Counter(payload_type for payload_type, _ in moments).most_common(1)[0][0]


def measured_clock_rate(held: list[Held]) -> int | None:
    """Timestamp units a second, by how timestamps and time move; None when nothing fits.

    Where each packet goes on by the same step, it is speech, and only rates are possible at which
    the step is a frame that codecs have. Where many packets share a timestamp, it is video, which
    always has 90 kHz (RFC 3551 clause 5). Both hold even where a sender stalls and catches up.
    Packets of another payload type than that of the media do not count.
    """
    payload_type = payload_type_of(held)
    held = [packet for packet in held if packet[3] & 0x7F == payload_type]
    following = [
        (after[2] - before[2] & 0xFFFFFFFF, after[0] - before[0])
        for before, after in pairwise(held)
        if after[1] - before[1] & 0xFFFF == 1
    ]
    steps = Counter(step for step, _ in following)
    frames = sum(1 for step, gap in following if not step and not gap >= MAX_IN_FRAME)
    if len(held) >= FEW and frames >= 0.2 * steps.total() > 0:
        return VIDEO_CLOCK_RATE
    step, count = steps.most_common(1)[0] if steps else (0, 0)
    if count < 0.6 * steps.total():
        step = 0
    rate = _rate(held)
    possible = [known for known in CLOCK_RATES if step * 1000 / known in _frames_ms(known)]
    if rate > 0:
        nearest = min(possible or CLOCK_RATES, key=lambda known: max(known / rate, rate / known))
        if nearest / TOLERANCE < rate < nearest * TOLERANCE:
            return nearest
    return step * 50 if step * 50 in possible else None


def _frames_ms(clock_rate: int) -> tuple[float, ...]:
    """Milliseconds of speech in a packet: what is in use at a clock rate."""
    if clock_rate == 48000:
        return (*FRAMES_MS, 60, 80, 100, 120)
    return (*FRAMES_MS, 30) if clock_rate <= 16000 else FRAMES_MS


def _rate(held: list[Held]) -> float:
    """Timestamp units a second as they went by, roughly; 0 when that is not known.

    The packets of a frame come one after another, so each first packet of a new timestamp counts.
    The median over steps of half the length bears a burst at the beginning, where a sender
    catches up.
    """
    starts = [
        (after[0], after[2])
        for before, after in pairwise(held)
        if 0 < (after[2] - before[2] & 0xFFFFFFFF) < 0x80000000
    ]
    half = len(starts) // 2
    if not half:
        return 0.0
    rates = [
        (later[1] - sooner[1] & 0xFFFFFFFF) / (later[0] - sooner[0])
        for sooner, later in zip(starts, starts[half:], strict=False)
        if later[0] > sooner[0]
    ]
    return median(rates) if rates else 0.0
