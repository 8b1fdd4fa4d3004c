"""How late a load generator does what is due: one that cannot keep up measures itself."""

from __future__ import annotations

from itertools import accumulate

_BUCKET_SECONDS = 1e-4
_BUCKETS = 10_000
"""The last one holds all that is later still (1 s)."""


class Lateness:
    """Counts since `clear`; bounded, however long that is."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin a window."""
        self._counts = [0] * _BUCKETS
        self._longest = 0.0

    def note(self, seconds: float) -> None:
        """Something was done so long after it was due."""
        self._counts[min(int(seconds / _BUCKET_SECONDS), _BUCKETS - 1)] += 1
        self._longest = max(self._longest, seconds)

    def percentile_ms(self, share: float) -> float | None:
        """By nearest rank, to 0.1 ms; the longest for a share of 1. None where nothing was due."""
        wanted = share * sum(self._counts)
        if not wanted:
            return None
        if share < 1.0:
            for bucket, at_most in enumerate(accumulate(self._counts)):
                if at_most >= wanted:
                    return 1000 * bucket * _BUCKET_SECONDS
        return 1000 * self._longest
