"""A model of one direction of a link: which packet is lost, and when the others arrive.

Theory of operation. A packet waits in the queue of a bottleneck (`rate_kbps`), stands still while
the link does (`stall_ms`, as a radio that scans or repeats its frames), may be lost behind that,
and arrives after `delay_ms` and some jitter. Loss comes one by one or in runs (two states, after
Gilbert: a run has `burst` packets on average, the long-term share stays `loss_percent`).

Everything random comes from one generator, in the order in which packets are given: the same
seed and the same packets have the same outcome. No clock and no socket is in here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

QUEUE_MS = 300.0


@dataclass(frozen=True)
class Profile:
    """What one direction of a link does; the default is a perfect one."""

    delay_ms: float = 0.0
    """In one direction."""
    jitter_ms: float = 0.0
    """At most so much more delay, evenly distributed."""
    reorder: bool = False
    """Whether jitter lets packets overtake each other; otherwise each waits for the one before."""
    loss_percent: float = 0.0
    burst: float = 1.0
    """Packets lost in a row, on average; 1 stands for independent loss."""
    stall_ms: float = 0.0
    """Length of each stall; what is sent meanwhile leaves at its end, all at once."""
    stall_every_s: float = 1.0
    """Seconds from the end of a stall to the next one, on average (exponential)."""
    rate_kbps: float = 0.0
    """0: no bottleneck."""
    queue_ms: float = QUEUE_MS
    """Of the bottleneck: a packet that would have to wait longer is dropped."""


class Line:
    """One direction; counts what it does."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self.passed = 0
        """Those that arrive, or will."""
        self.lost = 0
        """At random."""
        self.overflowed = 0
        """Dropped by the full queue."""
        self._random = random.Random(seed)
        self._free_at = 0.0
        self._arrived_at = 0.0
        self.change(profile)

    def change(self, profile: Profile) -> None:
        """From the next packet on; packets in flight keep their times and are not overtaken."""
        self.profile = profile
        self._losing = False
        self._stall_begins = self._stall_ends = -1.0
        share, burst = profile.loss_percent / 100, max(1.0, profile.burst)
        # So many begin a run that the long-term share comes out: in a run 1 - 1/burst go on.
        self._begins = share if burst == 1 else min(1.0, share / (burst * max(1e-9, 1 - share)))
        self._goes_on = share if burst == 1 else 1 - 1 / burst

    def send(self, size: int, now: float, spared: bool = False) -> float | None:
        """When a packet of `size` bytes that is sent `now` arrives (seconds); None: never.

        Calls come in the order of `now`. A `spared` one is neither lost at random nor counted.
        """
        profile = self.profile
        leaves = max(now, self._stall_end(now))
        if profile.rate_kbps:
            leaves = max(leaves, self._free_at)
            if leaves - now > profile.queue_ms / 1000:
                self.overflowed += 1
                return None
            leaves += size * 8 / (profile.rate_kbps * 1000)
            self._free_at = leaves
        if self._loses() and not spared:
            self.lost += 1
            return None
        self.passed += not spared
        arrives = leaves + (profile.delay_ms + profile.jitter_ms * self._random.random()) / 1000
        if not profile.reorder:
            arrives = self._arrived_at = max(arrives, self._arrived_at)
        return arrives

    def _stall_end(self, now: float) -> float:
        """When the stall that `now` falls into ends; before `now` if it falls into none."""
        profile = self.profile
        if not profile.stall_ms:
            return now
        if self._stall_ends < 0:
            self._stall_ends = now
        while self._stall_ends <= now:
            pause = self._random.expovariate(1 / profile.stall_every_s)
            self._stall_begins = self._stall_ends + pause
            self._stall_ends = self._stall_begins + profile.stall_ms / 1000
        return self._stall_ends if self._stall_begins <= now else now

    def _loses(self) -> bool:
        if not self._begins:
            return False
        share = self._goes_on if self._losing else self._begins
        self._losing = self._random.random() < share
        return self._losing
