"""Grades of each participant's network, from what the media worker measures. No I/O.

Theory of operation. `measure` puts the figures of a participant's two transports together;
`NetworkQuality` turns a series of them, one a second, into a level that does not flap: it falls
after two seconds of trouble and rises after four that are clearly better. `QualityReports` decides
when the room is sent them.

The bounds follow what people bear in conversation: loss of voice up to 3 %, a one-way delay of
150 ms and of 400 ms at most (ITU-T G.1010 table I.1), jitter around 30 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sfu.control import TransportStats
from signaling.messages import Level, QualityOf

WORSE_AFTER, BETTER_AFTER = 2, 4
"""Measurements in a row before the level changes."""
RELIEF = 0.7
"""A level rises when the figures keep below this part of its bounds."""
NOISE = 0.5
"""Share by which a figure must move to be sent again."""
INTERVAL = 2.0
"""Seconds between two messages at least."""


class Measure(NamedTuple):
    """One second's figures of one participant's network, the worse of both directions."""

    loss_percent: float
    rtt_ms: float
    """0 when not known."""
    jitter_ms: float


UNKNOWN = Measure(0.0, 0.0, 0.0)
GOOD, FAIR = Measure(3.0, 300.0, 40.0), Measure(10.0, 800.0, 100.0)
"""The most that is still good, and still fair."""
LEAST = Measure(1.0, 20.0, 10.0)
"""By which a figure must move at least to be sent again."""
_ORDER: tuple[Level, ...] = ("lost", "poor", "fair", "good")


def measure(publish: TransportStats | None, subscribe: TransportStats | None) -> Measure | None:
    """The worse of both directions; None when nothing is known of either."""
    both = [stats for stats in (publish, subscribe) if stats is not None]
    if not both:
        return None
    return Measure(
        max(stats.loss_percent for stats in both),
        max(stats.rtt_ms for stats in both),
        max(stats.jitter_ms for stats in both),
    )


def grade(figures: Measure, part: float = 1.0) -> Level:
    """`part`: of the bounds that the figures may come up to."""
    if all(value <= bound * part for value, bound in zip(figures, GOOD, strict=True)):
        return "good"
    if all(value <= bound * part for value, bound in zip(figures, FAIR, strict=True)):
        return "fair"
    return "poor"


@dataclass(slots=True)
class NetworkQuality:
    """Of one participant: the level and the latest figures."""

    level: Level | None = None
    """None until something was measured."""
    figures: Measure = UNKNOWN
    _worse: int = 0
    _better: int = 0

    def set_lost(self) -> None:
        """Nothing comes through; what was never measured is still connecting."""
        if self.level is not None:
            self.level, self._worse, self._better = "lost", 0, 0

    def add(self, figures: Measure) -> None:
        """One second's figures."""
        self.figures = figures
        now, relieved = grade(figures), grade(figures, RELIEF)
        if self.level is None or self.level == "lost":
            self.level = now
            return
        rank = _ORDER.index(self.level)
        self._worse = self._worse + 1 if _ORDER.index(now) < rank else 0
        self._better = self._better + 1 if _ORDER.index(relieved) > rank else 0
        if self._worse >= WORSE_AFTER:
            self.level, self._worse = now, 0
        elif self._better >= BETTER_AFTER:
            self.level, self._better = relieved, 0


class QualityReports:
    """What the room was sent of its participants' networks."""

    def __init__(self) -> None:
        self.latest: tuple[QualityOf, ...] = ()
        """As it was sent; empty before the first."""
        self._sent_at = -INTERVAL

    def next(
        self, networks: Mapping[str, NetworkQuality], now: float
    ) -> tuple[QualityOf, ...] | None:
        """What to send now, by participant id; None while nothing changed, or too soon."""
        if now < self._sent_at + INTERVAL:
            return None
        before = {entry.id: entry for entry in self.latest}
        entries = tuple(
            _entry(participant, network.level, network.figures, before.get(participant))
            for participant, network in networks.items()
            if network.level is not None
        )
        if entries == self.latest:
            return None
        self.latest, self._sent_at = entries, now
        return entries


def _entry(participant: str, level: Level, figures: Measure, before: QualityOf | None) -> QualityOf:
    """Rounded; `before` still holds where only noise is new."""
    if before is not None and before.level == level:
        sent = (before.loss, before.rtt, before.jitter)
        moved = [
            abs(value - shown) > max(least, NOISE * shown)
            for value, shown, least in zip(figures, sent, LEAST, strict=True)
        ]
        if not any(moved):
            return before
    loss, rtt, jitter = (round(value) for value in figures)
    return QualityOf(participant, level, loss, rtt, jitter)
