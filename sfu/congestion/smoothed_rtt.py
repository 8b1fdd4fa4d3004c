"""The round trip to a peer, smoothed (RFC 6298 clause 2)."""

from __future__ import annotations

from typing import Final

LEAST: Final = 0.0005
"""Seconds; the clock of reports is not much finer."""
MOST: Final = 10.0
"""Seconds; a longer one is an error."""
GAIN: Final = 1 / 8
"""Of a new round trip."""


def smoothed(before: float, measured: float | None) -> float:
    """Seconds, 0 while nothing is known; `measured` is None for a report without one."""
    if measured is None or measured >= MOST:
        return before
    measured = max(measured, LEAST)
    return before + (measured - before) * GAIN if before else measured
