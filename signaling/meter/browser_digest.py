"""Reports of browsers, checked: what is impossible is left out and marked. No I/O.

A browser, honest or not, may report anything. Its figures are shown beside ours and never mixed
with them, so nothing depends on their being true; they only have to be finite, bounded and few.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from signaling.messages import Digest as Message
from signaling.messages import DigestTrack
from signaling.meter.samples import BrowserFigures

MAX_AGE = 30.0
"""Seconds after which a report is not shown any more; browsers send one each 5 s."""
MIN_INTERVAL = 2.0
"""Seconds between two digests; one that comes sooner is ignored."""
MAX_BITRATE = 1e9
MAX_SECONDS = 60.0
"""Of a round trip, a jitter, a buffer."""
MAX_FRAME_RATE = 1000.0
MAX_SIZE = 16384
"""Pixels."""
MAX_SPAN = 3600.0
"""Seconds between two digests that can be."""


@dataclass(frozen=True, slots=True)
class Digest:
    """One digest, checked."""

    at: float
    """Monotonic seconds."""
    tracks: Mapping[str, BrowserFigures]
    """By track; their `age` is 0."""


class _Reader:
    """Reads figures one by one and remembers whether one of them was impossible."""

    def __init__(self) -> None:
        self.absurd = False

    def number(self, value: float | None, most: float) -> float | None:
        """A figure from 0 to `most`, or None."""
        if value is None:
            return None
        if not math.isfinite(value) or not 0 <= value <= most:
            self.absurd = True
            return None
        return float(value)

    def whole(self, value: float | None, most: float) -> int | None:
        """The same as an integer."""
        found = self.number(value, most)
        return None if found is None else round(found)

    def share(self, part: float | None, whole: float | None) -> float | None:
        """Percent of a whole."""
        if part is None or whole is None:
            return None
        if not (math.isfinite(part) and math.isfinite(whole)) or part < 0 or whole < part:
            self.absurd = True
            return None
        return 100.0 * part / whole if whole > 0 else None


def checked(message: Message, now: float) -> Digest:
    """A client's message at `now` (monotonic seconds)."""
    reader = _Reader()
    rtt = reader.number(message.round_trip_time, MAX_SECONDS)
    seconds = reader.number(message.seconds, MAX_SPAN) or None
    tracks = {
        one.track: _figures(one, seconds, rtt, absurd=reader.absurd) for one in message.tracks
    }
    return Digest(now, tracks)


def _figures(
    track: DigestTrack, seconds: float | None, rtt: float | None, *, absurd: bool
) -> BrowserFigures:
    reader = _Reader()
    span = seconds or MAX_SPAN
    octets = reader.number(track.bytes, MAX_BITRATE / 8 * span)
    freezes = reader.whole(track.freezes, 1000 * span)
    # A freeze is reported when it is over: it may have begun before the last digest.
    frozen = reader.number(track.frozen, MAX_SPAN)
    loss = reader.share(track.lost, track.packets)
    concealed = reader.share(track.concealed, track.samples)
    return BrowserFigures(
        age=0.0,
        seconds=seconds,
        bitrate=None if octets is None or seconds is None else octets * 8 / seconds,
        loss=loss,
        jitter=reader.number(track.jitter, MAX_SECONDS),
        round_trip_time=rtt,
        jitter_buffer_delay=reader.number(track.buffer, MAX_SECONDS),
        concealed=concealed,
        frames_per_second=reader.number(
            None if track.frames is None or seconds is None else track.frames / seconds,
            MAX_FRAME_RATE,
        ),
        width=reader.whole(track.width, MAX_SIZE),
        height=reader.whole(track.height, MAX_SIZE),
        freeze_count=freezes or 0,
        freezes_duration=frozen or 0.0,
        absurd=absurd or reader.absurd,
    )
