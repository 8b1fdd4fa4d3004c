"""Which spatial layers a publisher must send."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Final

OFF_AFTER: Final = 2.0
"""Seconds without need after which a layer is switched off at its publisher."""
WAKES_WITHIN: Final = 2.0
"""Seconds in which a layer that is switched on should come."""
PACE_SECONDS: Final = 1.5
"""Over which frames are counted."""
STARVED: Final = 0.6
"""Share of a layer's usual frame rate below which its path is too thin."""
LEAST_USUAL: Final = 5.0
"""Frames a second: what never moved does not starve."""
USUAL_SECONDS: Final = 30.0
"""In which the usual rate comes down to a third of what it is above the present one: a camera in
the dark is slower for good."""
FASTER: Final = 1.3
"""Times the frame rate of a layer that starves: what a lower one has where it is the path."""
RETRY_SECONDS: Final = 30.0
"""After it was not."""


class FramePace:
    """Frame rate of one layer, and what is usual for it."""

    __slots__ = ("_before", "_since", "_usual", "rate")

    def __init__(self) -> None:
        self.rate = 0.0
        """Frames a second over the last `PACE_SECONDS`; 0 while not known."""
        self._usual = 0.0
        self._since = -1.0
        self._before = 0

    @property
    def starved(self) -> bool:
        """It comes, far more slowly than usual."""
        return self._usual >= LEAST_USUAL and 0 < self.rate < STARVED * self._usual

    def update(self, frames: int | None, now: float) -> None:
        """Some times a second; `frames` that have come so far, None while none come."""
        if frames is None or frames < self._before:
            self.rate, self._since, self._before = 0.0, -1.0, frames or 0
            return
        if self._since < 0:
            # The first ones wake up: their rate means nothing yet.
            self._since, self._before = now + PACE_SECONDS, frames
            return
        if now <= self._since:
            self._before = frames
            return
        elapsed = now - self._since
        if elapsed < PACE_SECONDS:
            return
        # A frozen video has a rate, too: it starves.
        self.rate = max(frames - self._before, 0.5) / elapsed
        usual = self.rate + (self._usual - self.rate) * math.exp(-elapsed / USUAL_SECONDS)
        self._usual = max(self.rate, usual)
        self._since, self._before = now, frames


class LayerDemand:
    """Which spatial layers of an up track are needed, so that the others may rest.

    On at once, off only after a while: tiles come and go when people scroll. A layer that was
    asked for and does not come (the publisher's uplink is too slow for it) stays asked for
    while anything is: it costs nothing, and turning it off and on would disturb the others.

    A layer that comes far below its frame rate has too thin a path at its publisher: then the
    lower ones are asked for too, of which the publisher's encoder gives the low ones their bits
    first. Unless they are no faster: then it is the camera, or the publisher's machine.
    """

    def __init__(self, layers: int, now: float) -> None:
        """`layers` is how many there are; all count as needed at first."""
        self._needed_at = [now] * layers
        self._wanted_since = [now] * layers
        self.wanted: tuple[int, ...] = tuple(range(layers))
        """Low to high; up to date after `update`."""
        self._gone: set[int] = set()
        """Wanted, and missing at the last update."""
        self._paces = [FramePace() for _ in range(layers)]
        self._retry_at = now

    def update(
        self,
        needed: Collection[int],
        arriving: Collection[int],
        now: float,
        frames: Mapping[int, int] | None = None,
    ) -> bool:
        """`needed` are the layers that flow to somebody or are somebody's target now, `arriving`
        those that come; `frames` is how many have come of each.

        Whether `wanted` has changed. A layer that does not exist is ignored.
        """
        for spatial in (*needed, *self._below_starved(needed, arriving, now, frames or {})):
            if 0 <= spatial < len(self._needed_at):
                self._needed_at[spatial] = now
        # What is back is kept until the allocator has had a chance to choose it; and of a
        # publisher that was cut off whatever comes first is to be seen.
        again = self._gone.intersection(arriving)
        if self._cut_off(arriving, now) and needed:
            again = set(range(len(self._needed_at)))
        for spatial in again:
            self._needed_at[spatial] = now
        before = self.wanted
        recent = [spatial for spatial, at in enumerate(self._needed_at) if now - at < OFF_AFTER]
        self.wanted = tuple(
            spatial
            for spatial in range(len(self._needed_at))
            if spatial in recent or (recent and self._missing(spatial, arriving, now))
        )
        for spatial in self.wanted:
            if spatial not in before:
                self._wanted_since[spatial] = now
        self._gone = {n for n in self.wanted if self._missing(n, arriving, now)}
        return self.wanted != before

    def _below_starved(
        self,
        needed: Collection[int],
        arriving: Collection[int],
        now: float,
        frames: Mapping[int, int],
    ) -> range:
        """The layers below the lowest that is needed and starves."""
        paces = self._paces
        for spatial, pace in enumerate(paces):
            pace.update(frames.get(spatial, 0) if spatial in arriving else None, now)
        for spatial, pace in enumerate(paces):
            if not pace.starved or spatial not in needed:
                continue
            slow = [p.rate < FASTER * pace.rate for p in paces[:spatial] if p.rate]
            if all(slow) and slow:
                self._retry_at = now + RETRY_SECONDS
            if now >= self._retry_at:
                return range(spatial)
        return range(0)

    def _cut_off(self, arriving: Collection[int], now: float) -> bool:
        """Layers are asked for, and nothing comes at all: the publisher's link is down."""
        return bool(self.wanted) and all(self._missing(n, arriving, now) for n in self.wanted)

    def _missing(self, spatial: int, arriving: Collection[int], now: float) -> bool:
        """Asked for long enough, and not there."""
        return (
            spatial in self.wanted
            and spatial not in arriving
            and now - self._wanted_since[spatial] >= WAKES_WITHIN
        )

    def obtainable(self, arriving: Collection[int], now: float) -> tuple[int, ...]:
        """The layers worth offering to `allocate`: there, at rest by our wish, or waking up."""
        cut_off = self._cut_off(arriving, now)
        return tuple(
            spatial
            for spatial in range(len(self._needed_at))
            if cut_off or not self._missing(spatial, arriving, now)
        )
