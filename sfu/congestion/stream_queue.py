"""Is a TCP connection's own queue standing? In place of `DelayDetector` where media goes over TCP.

Theory of operation. TCP repairs by itself and delivers in order: one lost segment holds up all
behind it for a round trip or two, and then lets them go at once. By their delays that is a queue
that grows and stands, again and again, on a link that is far from full. What the path really does
not carry stays with the sender: the kernel takes no more. So what counts is for how long the oldest
packet has waited to be taken; that of a moment is a timeout of TCP's, that of half a second is a
rate that is too high. And what the path carries while something waits is what the kernel takes.
Where it takes nothing at all the path is down, which shows nothing of what it will carry.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from sfu.congestion.delay import Usage
from sfu.congestion.history import Outcome

STANDING_SECONDS: Final = 0.1
STANDING_FOR: Final = 0.5
"""Longer than the least timeout of TCP on usual paths (200 ms and a round trip)."""
RECENT_FOR: Final = 0.2


STILL_SECONDS: Final = 0.3
"""Without progress while something waits: the path stands still."""
TAKEN_SECONDS: Final = 1.5
"""Over which it is counted what the kernel takes: a timeout and what follows it at once."""


class Stream(Protocol):
    """A connection; `sfu.net.tcp.Connection` outside tests."""

    taken: int
    """Bytes that the kernel has taken so far."""

    def waited(self, now: float) -> float:
        """Seconds for which the oldest packet has waited to be taken; 0 while none does."""


class WaitingQueue:
    """How long packets wait for the kernel; as `delay.StandingQueue`."""

    __slots__ = ("_samples", "delay", "floor", "recent")

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()
        """When, and how long the oldest had waited then."""
        self.delay = 0.0
        """Seconds that the oldest has waited."""
        self.floor = 0.0
        """The least of `delay` over the last `STANDING_FOR`."""
        self.recent = 0.0
        """The same over the last `RECENT_FOR`."""

    @property
    def lowest(self) -> float | None:
        """Delays on the path show nothing of it."""
        return None

    def add(self, delay: float, arrival: float) -> None:
        """Delays on the path show nothing of it."""

    def note(self, waited: float, now: float) -> None:
        """The oldest packet has waited for `waited` seconds."""
        samples = self._samples
        samples.append((now, waited))
        while len(samples) > 1 and samples[1][0] <= now - STANDING_FOR:
            samples.popleft()
        self.delay = waited
        whole = samples[0][0] <= now - STANDING_FOR
        self.floor = min(wait for _, wait in samples) if whole else 0.0
        self.recent = min(wait for at, wait in samples if at >= now - RECENT_FOR)


class StreamDetector:
    """Says by its connection's queue how the path is used; as `delay.DelayDetector`."""

    __slots__ = ("_progress_at", "_stream", "_taken", "queue", "stands_still", "usage")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._taken: deque[tuple[float, int]] = deque()
        """When, and how much the kernel had taken by then."""
        self._progress_at = -math.inf
        self.stands_still = False
        """Something waits, and nothing of it is taken."""
        self.queue = WaitingQueue()
        self.usage = Usage.NORMAL

    def add(
        self,
        outcomes: Sequence[Outcome],
        now: float,
        quiet_until: float = -1.0,
        rate_bps: float = math.inf,
    ) -> Usage:
        """After each feedback: delays mean nothing here."""
        return self.usage

    def update(self, now: float) -> Usage:
        """Some times a second, whether feedback comes or not."""
        taken = self._taken
        if not taken or taken[-1][1] != self._stream.taken:
            self._progress_at = now
        taken.append((now, self._stream.taken))
        while len(taken) > 2 and taken[1][0] <= now - TAKEN_SECONDS:
            taken.popleft()
        self.queue.note(self._stream.waited(now), now)
        self.stands_still = self.queue.delay > 0 and now - self._progress_at > STILL_SECONDS
        standing = self.queue.floor > STANDING_SECONDS
        self.usage = Usage.OVERUSE if standing else Usage.NORMAL
        return self.usage

    @property
    def taken_bps(self) -> int:
        """Bit/s that the kernel took of late; 0 while not known."""
        (begin, before), (end, after) = self._taken[0], self._taken[-1]
        return int((after - before) * 8 / (end - begin)) if end > begin + STANDING_FOR else 0
