"""What is due when: one queue, from which the worker's loop takes how long it may wait.

Theory of operation. Whoever cannot wait for the next round has a `Deadline`: a name, what to call,
and when. The call returns when it is due next, `NEVER` where only its owner knows. Meanwhile the
owner may want it sooner: `by` a time, or `soon`, which needs no clock and keeps calls `spacing`
apart. To want what is wanted already costs a comparison, so the packet path may do it.

The queue is a heap with lazy deletion: a deadline that is wanted sooner, or not any more, leaves
its entry behind, which is dropped when it comes to the top. A deadline only ever moves forward in
time between two calls, so it leaves few.

Who uses it: the worker for the beginning of each round, statistics, its TCP connections and the
garbage; a publisher while packets are missing (each 10 ms); a subscriber while something waits in
its pacer or a probe runs (each 5 ms). Not in the queue, because they are due for every peer
ten times a second at most, are work rather than moments, and must be done piece by piece: feedback,
reports, layers, consent and DTLS timers (a second, RFC 6347 clause 4.2.4.1). Those are the steps of
a round (`rounds`), and whoever needs them less often counts the time by itself.

Sans-I/O: `now` is in monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Final

NEVER: Final = inf
"""Not by itself."""
AFTER_FAILURE: Final = 0.1
"""Seconds until a call that raised is made again."""


class Deadline:
    """Made by `Deadlines.add`; belongs to whoever is called."""

    __slots__ = ("_called_at", "_queue", "_spacing", "at", "call", "name")

    def __init__(
        self, queue: Deadlines, name: str, call: Callable[[float], float], spacing: float
    ) -> None:
        self.name = name
        self.call = call
        self.at = NEVER
        """When it is due."""
        self._queue = queue
        self._spacing = spacing
        self._called_at = -inf

    def by(self, at: float) -> None:
        """Be called at this time at the latest."""
        if at < self.at:
            self.at = at
            self._queue.push(self)

    def soon(self) -> None:
        """Be called `spacing` seconds after the last call; at once if they have passed."""
        at = self._called_at + self._spacing
        if at < self.at:
            self.at = at
            self._queue.push(self)

    def cancel(self) -> None:
        """Be called no more, until it is wanted again."""
        self.at = NEVER

    def due(self, now: float) -> None:
        """Make the call, and be due when it says."""
        self.at = NEVER
        self._called_at = now
        self.by(self.call(now))


class Deadlines:
    """All deadlines of one worker."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        """`failed` is called in an exception's handler with the name of the deadline whose call
        raised it: one's trouble must not become the others'."""
        self._failed = failed
        self._heap: list[tuple[float, int, Deadline]] = []
        self._pushed = 0

    def __len__(self) -> int:
        """Entries, those left behind included."""
        return len(self._heap)

    def add(self, name: str, call: Callable[[float], float], spacing: float = 0.0) -> Deadline:
        """A deadline that is not due yet.

        `call(now)` returns when it is due next (seconds, later than `now`) or `NEVER`; `spacing` is
        for `Deadline.soon`.
        """
        return Deadline(self, name, call, spacing)

    def push(self, deadline: Deadline) -> None:
        """Its time is new; for `Deadline` alone."""
        self._pushed += 1
        heappush(self._heap, (deadline.at, self._pushed, deadline))

    @property
    def next_at(self) -> float:
        """When the next one is due; `NEVER` if none is."""
        heap = self._heap
        while heap and heap[0][0] != heap[0][2].at:
            heappop(heap)
        return heap[0][0] if heap else NEVER

    def run(self, now: float) -> None:
        """Call all that are due. What becomes due by that has its turn the next time."""
        heap = self._heap
        due: list[tuple[float, Deadline]] = []
        while heap and heap[0][0] <= now:
            at, _, deadline = heappop(heap)
            due.append((at, deadline))
        for at, deadline in due:
            if at != deadline.at:
                continue  # moved, called or cancelled since
            try:
                deadline.due(now)
            except Exception:
                self._failed(deadline.name)
                deadline.by(now + AFTER_FAILURE)


def next_multiple(now: float, interval: float) -> float:
    """The next time after `now` that is a multiple of `interval`: those who return it are called
    together, so the loop wakes up as often for all of them as for one."""
    at = (now // interval + 1.0) * interval
    return at if at > now else at + interval
