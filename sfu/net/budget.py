"""A rate with a burst: what somebody may make us do.

Sans-I/O; times are monotonic seconds.
"""

from __future__ import annotations


class Budget:
    """Earns `rate` a second up to `burst`; spent when what was charged is more than it earned."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = 0.0

    def allows(self, now: float) -> bool:
        """Whether anything is left."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left > 0

    def charge(self, amount: float) -> None:
        """It cost so much; no debt is larger than the burst, so that it is soon forgiven."""
        self._left = max(self._left - amount, -self._burst)
