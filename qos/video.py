"""Frames of one video stream: rate, freezes and keyframe intervals. No I/O.

Names follow W3C webrtc-stats (`framesPerSecond`, `freezeCount`, `totalFreezesDuration`). There the
frames are those that a browser renders; here they are whatever the caller counts: at the server
those that arrive, not yet decoded. The clock is the caller's own, steady, in seconds.
"""

from __future__ import annotations

from typing import Final

FRAMES: Final = 30
"""Gaps over which the mean is taken (webrtc-stats, `freezeCount`)."""
ENOUGH: Final = 5
"""Gaps below which nothing is called a freeze, as browsers do."""
PAUSE: Final = 0.15
"""Seconds by which a freeze is longer than the mean gap, at least."""


def freeze_threshold(mean_gap: float) -> float:
    """Seconds from which a gap between two frames is a freeze: max(3 mean, mean + 150 ms).

    W3C webrtc-stats, `freezeCount`. `mean_gap` in seconds.
    """
    return max(3.0 * mean_gap, mean_gap + PAUSE)


class FrameMeter:
    """Counts since the stream began; attributes are to be read only.

    A freeze is known when the frame after it comes. Video that stands still for good is seen
    by `stalled`, and by a frame rate of 0.
    """

    __slots__ = (
        "_gaps",
        "_last",
        "_last_key",
        "_place",
        "_sum",
        "count",
        "freezes",
        "frozen",
        "key_frame_interval",
        "key_frames",
        "longest_key_frame_interval",
    )

    def __init__(self) -> None:
        self.count = 0
        """Frames."""
        self.key_frames = 0
        self.freezes = 0
        self.frozen = 0.0
        """Seconds, all freezes together, each from frame to frame."""
        self.key_frame_interval: float | None = None
        """Seconds between the latest two keyframes; None before the second."""
        self.longest_key_frame_interval = 0.0
        """Seconds."""
        self._last: float | None = None
        self._last_key: float | None = None
        self._gaps: list[float] = []
        self._sum = 0.0
        self._place = 0

    def frame(self, now: float, key: bool = False) -> None:
        """A frame came (its first packet, for example).

        The gap itself belongs to the mean that it is held against, as in browsers. A clock that
        went backwards begins anew: neither a gap nor a freeze.
        """
        self.count += 1
        last, self._last = self._last, now
        if key:
            self._key(now)
        if last is None or now < last:
            return
        gap = now - last
        mean = self._mean_with(gap)
        if gap >= mean + PAUSE and gap >= 3.0 * mean and len(self._gaps) >= ENOUGH:
            self.freezes += 1
            self.frozen += gap

    def rest(self) -> None:
        """The stream pauses because nobody wants it or it is muted: that is no freeze."""
        self._last = self._last_key = None

    @property
    def mean_gap(self) -> float | None:
        """Seconds between frames, over the last 30 gaps; None before the second frame."""
        return self._sum / len(self._gaps) if self._gaps else None

    @property
    def frame_rate(self) -> float | None:
        """Frames a second over the last 30 gaps; None before the second frame.

        For `framesPerSecond` take what `count` grew by in a second: that one falls to 0 when the
        video stops.
        """
        return len(self._gaps) / self._sum if self._sum > 0.0 else None

    def stalled(self, now: float) -> float:
        """Seconds for which the video has been standing still; 0 while it moves."""
        mean = self.mean_gap
        if self._last is None or mean is None or len(self._gaps) < ENOUGH:
            return 0.0
        waited = now - self._last
        return waited if waited >= freeze_threshold(mean) else 0.0

    def _mean_with(self, gap: float) -> float:
        gaps = self._gaps
        if len(gaps) < FRAMES:
            gaps.append(gap)
            self._sum += gap
        else:
            place = self._place
            self._sum += gap - gaps[place]
            gaps[place] = gap
            self._place = place + 1
            if self._place == FRAMES:
                self._place = 0
                # Anew once a round, so that rounding does not add up.
                self._sum = sum(gaps)
        return self._sum / len(gaps)

    def _key(self, now: float) -> None:
        self.key_frames += 1
        last, self._last_key = self._last_key, now
        if last is not None and now >= last:
            interval = self.key_frame_interval = now - last
            if interval > self.longest_key_frame_interval:
                self.longest_key_frame_interval = interval
