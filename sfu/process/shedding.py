"""What a worker leaves out when it has too much to do.

Theory of operation. The share of a core that the process uses is measured once a second. Above
`TOO_MUCH` twice in a row one more step is taken, below `RECOVERED` ten times in a row
one is taken back: going up is quick because calls suffer meanwhile, coming down is slow because
what was left out is a part of the load that is not seen. Each step takes away what is missed
least; audio of the loudest is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TOO_MUCH: Final = 0.85
"""Share of one core."""
RECOVERED: Final = 0.55
"""Share of one core: a step back may bring half as much again."""
UP_AFTER: Final = 2
"""Times in a row."""
DOWN_AFTER: Final = 10
INTERVAL: Final = 1.0
"""Seconds between two measurements."""


@dataclass(frozen=True, slots=True)
class Shed:
    """What is still sent at one step."""

    voices: int
    """The loudest so many; 0: no limit of its own."""
    tile_layer: int
    """Highest layer of an ordinary tile, 0 the lowest; -1: no video."""
    main_layer: int
    """Highest layer of the speaker, the pinned tile and a shared screen."""


STEPS: Final = (
    Shed(voices=0, tile_layer=2, main_layer=2),
    Shed(voices=3, tile_layer=1, main_layer=2),
    Shed(voices=3, tile_layer=0, main_layer=1),
    Shed(voices=2, tile_layer=-1, main_layer=1),
    Shed(voices=2, tile_layer=-1, main_layer=0),
)


class LoadShedder:
    """The present step; one a worker."""

    def __init__(self, now: float) -> None:
        self.step = 0
        self._next = now + INTERVAL
        self._high = 0
        self._low = 0

    @property
    def shed(self) -> Shed:
        """What is still sent."""
        return STEPS[self.step]

    def update(self, load: float, now: float) -> bool:
        """Judge the load (share of one core), if it is time; whether the step has changed."""
        if now < self._next:
            return False
        self._next = now + INTERVAL
        self._high = self._high + 1 if load > TOO_MUCH else 0
        self._low = self._low + 1 if load < RECOVERED else 0
        if self._high >= UP_AFTER and self.step < len(STEPS) - 1:
            self.step += 1
            self._high = 0
            return True
        if self._low >= DOWN_AFTER and self.step > 0:
            self.step -= 1
            self._low = 0
            return True
        return False
