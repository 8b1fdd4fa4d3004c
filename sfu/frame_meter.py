"""Frames of one incoming video stream: how many, and where the picture stood still. No I/O.

A freeze is what W3C webrtc-stats says of the receiving end (`freezeCount`): a gap between two
frames of at least three times the mean gap, and of 150 ms more than it. The mean is taken over
about the last 30 frames. Here the frames are those that arrive at the server, not yet decoded.
"""

from __future__ import annotations

from typing import Final

FRAMES: Final = 30
"""Over which the mean gap is taken."""
PAUSE: Final = 0.15
"""Seconds by which a freeze is longer than the mean gap, at least."""


class FrameMeter:
    """Counts since the stream began; to be read only."""

    __slots__ = ("_gaps", "_last", "_mean", "count", "freezes", "frozen")

    def __init__(self) -> None:
        self.count = 0
        self.freezes = 0
        self.frozen = 0.0
        """Seconds, all freezes together."""
        self._last = -1.0
        self._mean = 0.0
        self._gaps = 0

    def frame(self, now: float) -> None:
        """The first packet of a frame came; `now` in monotonic seconds."""
        self.count += 1
        last, self._last = self._last, now
        if last < 0.0:
            return
        gap, mean = now - last, self._mean
        if self._gaps < FRAMES:
            self._gaps += 1
        elif gap >= 3.0 * mean and gap >= mean + PAUSE:
            self.freezes += 1
            self.frozen += gap
        self._mean = mean + (gap - mean) / self._gaps

    def rest(self) -> None:
        """The stream pauses because it is not wanted: that is no freeze."""
        self._last = -1.0
