"""How far apart the polls for packets are.

A batch costs less a packet than packets one by one, but waiting is delay (half an interval, on
average). So the interval follows the load: none while the process has time to spare, when each
packet wakes it, rising to `LONGEST` as it runs out of it. Nor is there any where packets are far
between: whoever sleeps and finds nothing has woken up twice for one packet.
"""

from __future__ import annotations

from typing import Final

LONGEST: Final = 0.003
"""Seconds."""
FROM_LOAD: Final = 0.02
"""Share of one core below which packets are not kept waiting."""
FULL_LOAD: Final = 0.4
"""Share of one core from which on the wait is the longest."""
INTERVAL: Final = 0.25
"""Seconds between two measurements of the load."""
MEMORY: Final = 0.1
"""Share of the last poll in `Gather.dense`."""
DENSE: Final = 0.5
"""Share of waits that must find something."""


def wait_for(load: float) -> float:
    """Seconds to wait at `load`, the share of one core in use."""
    share = (load - FROM_LOAD) / (FULL_LOAD - FROM_LOAD)
    return LONGEST * min(1.0, max(0.0, share))


class Gather:
    """The present wait, from the CPU time used lately."""

    def __init__(self, now: float, cpu: float) -> None:
        """`now` in monotonic seconds, `cpu` the process's CPU seconds."""
        self.seconds = 0.0
        """To wait after one poll before the next, where `pays`."""
        self.load = 0.0
        self.dense = 1.0
        """Share of such waits within which something came, smoothed."""
        self._at = now
        self._cpu = cpu

    @property
    def pays(self) -> bool:
        """Whether to wait at all, rather than for the next packet."""
        return self.seconds > 0 and self.dense > DENSE

    def polled(self, found: bool) -> None:
        """Something came, or nothing, within `seconds` of the poll before."""
        self.dense += (found - self.dense) * MEMORY

    def measure(self, now: float, cpu: float) -> None:
        """Measure again, if `INTERVAL` has passed."""
        elapsed = now - self._at
        if elapsed < INTERVAL:
            return
        self.load += ((cpu - self._cpu) / elapsed - self.load) * 0.5
        self._at = now
        self._cpu = cpu
        self.seconds = wait_for(self.load)
