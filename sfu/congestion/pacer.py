"""Spreads bursts of video over a moment, so that a keyframe makes no queue for the voices.

Theory of operation. A bucket of 20 ms at the paced rate lets ordinary frames pass at once; what is
more waits and leaves as the bucket fills. Voices never come here, so they are never behind it.

The paced rate is 2.5 times the estimate (libwebrtc's default), which may well be lower than the
link; where the estimator has lately met the link's end (`limited`) it is the estimate: faster would
only move the queue from here, where voices pass it, into the network, where they do not, and where
the keyframe of a better layer would look like a layer too many.
When more than 250 ms wait at that, the rate goes up towards 2.5. The pacer itself throws
nothing away: half a frame is of no use, and a keyframe dropped is a keyframe asked for again. It
shows when that is better all the same: `full`, when 250 ms wait even at 2.5 times, and `waited`,
for how long the first in line has. The downlink then flushes everything (`clear`) and goes on with
a keyframe, of a lower layer where that is what the allocator grants.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

FACTOR, LIMITED_FACTOR = 2.5, 1.0
BUCKET_SECONDS: Final = 0.02
MIN_BUCKET_BYTES: Final = 2500
"""Two packets leave together whatever the rate."""
MAX_QUEUE_SECONDS: Final = 0.25


class Pacer(Generic[Item]):
    """What waits for one receiving transport, in order. Items are never looked into."""

    __slots__ = (
        "_begins",
        "_bucket",
        "_budget",
        "_fast",
        "_items",
        "_paced",
        "_updated",
        "waiting",
    )

    def __init__(self, target_bps: int, now: float, begins: Callable[[], None]) -> None:
        """`begins` is called when something waits and nothing did before: call `release` now."""
        self._begins = begins
        self._items: deque[tuple[int, Item, float]] = deque()
        self.waiting = 0
        """Bytes."""
        self._updated = now
        self._budget = 0.0
        self.set_rate(target_bps, False)
        self._budget = self._bucket

    def __len__(self) -> int:
        return len(self._items)

    def set_rate(self, target_bps: int, limited: bool) -> None:
        """`limited`: the estimate is what the link carries, as far as is known."""
        # Bytes a second.
        self._fast = FACTOR * max(target_bps, 1) / 8
        self._paced = (LIMITED_FACTOR if limited else FACTOR) * max(target_bps, 1) / 8
        self._bucket = max(BUCKET_SECONDS * self._fast, MIN_BUCKET_BYTES)
        self._budget = min(self._budget, self._bucket)

    def _rate(self) -> float:
        """Bytes a second now."""
        return min(max(self._paced, self.waiting / MAX_QUEUE_SECONDS), self._fast)

    def _fill(self, now: float) -> None:
        elapsed = now - self._updated
        if elapsed > 0:
            self._updated = now
            self._budget = min(self._budget + elapsed * self._rate(), self._bucket)

    def passes(self, size: int, now: float) -> bool:
        """May `size` bytes of video leave at once? Then they are counted; else `put` them."""
        if self._items:
            return False
        self._fill(now)
        if self._budget < size and self._budget < self._bucket:
            return False
        self._budget -= size
        return True

    def put(self, item: Item, size: int, now: float) -> None:
        """Wait behind what waits; `release` gives it back."""
        if not self._items:
            self._fill(now)
            self._begins()
        self._items.append((size, item, now))
        self.waiting += size

    def release(self, now: float) -> list[Item]:
        """What is to leave now, in order; call it each 5 ms while anything waits."""
        self._fill(now)
        found: list[Item] = []
        items = self._items
        # The bucket may run into debt by one item, which the next ones wait for.
        while items and self._budget > 0:
            size, item, _ = items.popleft()
            self._budget -= size
            self.waiting -= size
            found.append(item)
        return found

    @property
    def next_at(self) -> float:
        """When `release` will have something; infinite while nothing waits."""
        if not self._items:
            return inf
        return self._updated + max(0.0, -self._budget) / self._rate()

    def waited(self, now: float) -> float:
        """Seconds that the first in line has waited; 0 while nothing does."""
        return now - self._items[0][2] if self._items else 0.0

    @property
    def full(self) -> bool:
        """More waits than leaves within 250 ms: begin no further frame."""
        return self.waiting > MAX_QUEUE_SECONDS * self._fast

    def clear(self) -> list[Item]:
        """Everything that waits, to be flushed: it is too old, or its receiver is gone."""
        found = [item for _, item, _ in self._items]
        self._items.clear()
        self.waiting = 0
        return found
