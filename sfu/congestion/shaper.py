"""Whether the link has a shaper, which lets bursts pass at once and holds the rate afterwards.

Theory of operation. While less is sent than a shaper's rate its bucket fills, and the next cluster
of a probe passes at once: it shows a rate that the link does not carry for longer than that. The
overuse soon after such a success, at much less than it showed, gives the shaper away. From then on
a cluster must be large enough to empty the bucket (`probe_schedule`), and only what gets through is
believed. It is forgotten when a success has held.

Sans-I/O: `now` is in monotonic seconds.
"""

from __future__ import annotations

from math import inf
from typing import Final

BELIEVED_SECONDS: Final = 6.0
"""So soon after a cluster an overuse at less than `BELIEVED` of what it showed proves it wrong."""
BELIEVED: Final = 0.75
UNUSED: Final = 0.85
"""Only where less than this share of the estimate was used can a bucket have filled; else it is
others on the link who took what a cluster had shown."""


class ShaperDetector:
    """Of one path: compares what clusters showed with what then got through."""

    __slots__ = ("_seen_at", "_shown_at", "_shown_bps", "_unused", "detections")

    def __init__(self) -> None:
        self.detections = 0
        """How often in a row a cluster was wrong; 0: no shaper is known."""
        self._unused = False
        """Much of the estimate was, when the last cluster began."""
        self._shown_at = -inf
        self._shown_bps = 0.0
        """What the last success made of the estimate."""
        self._seen_at = -inf
        """When a cluster was last proven wrong."""

    @property
    def detected(self) -> bool:
        return self.detections > 0

    def cluster_begins(self, estimate_bps: float, used_bps: float, now: float) -> None:
        """`used_bps` is what arrives of what is sent, 0 where that is not known."""
        self._unused = 0 < used_bps < UNUSED * estimate_bps
        if self.detected and self._seen_at < self._shown_at <= now - BELIEVED_SECONDS:
            self.detections = 0

    def cluster_passed(self, shown_bps: float, now: float) -> None:
        """The last cluster made this of the estimate."""
        if self._unused:
            self._shown_at, self._shown_bps = now, shown_bps

    def overused(self, arrives_bps: float, now: float) -> bool:
        """No more than `arrives_bps` gets through (0: not known); whether a shaper holds it."""
        recent = now - self._shown_at < BELIEVED_SECONDS
        if recent and 0 < arrives_bps < BELIEVED * self._shown_bps:
            self.detections += 1
            self._shown_bps = 0.0
        if not self.detected or not arrives_bps:
            return False
        self._seen_at = now
        return True
