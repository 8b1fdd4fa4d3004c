"""What is due ten times a second, done piece by piece between packets.

Theory of operation. Feedback, reports, layers and statistics of ten people take two milliseconds,
and a packet that came meanwhile would wait for all of it: at ten rounds a second that is one packet
in fifty, which is what the 99th percentile of the delay is made of. So a round is a queue of steps,
of one peer each, and `go_on` takes as many as fit into `PIECE`. The rest follows behind the next
batch, at the moment when a busy worker would sleep. When a round begins is a deadline; what cannot
wait for the next round has one of its own (`deadlines`).

Sans-I/O: the clock is injected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

INTERVAL: Final = 0.1
"""Seconds from the beginning of one round to that of the next."""
PIECE: Final = 0.0004
"""Seconds after which packets get their turn; a step that was begun is ended."""

Step = Callable[[float, int], None]
"""Takes monotonic seconds and our NTP time."""


class Round:
    """The steps of one worker that are still to be taken."""

    def __init__(self, clock: Callable[[], float], failed: Callable[[str], None]) -> None:
        """`clock` gives monotonic seconds; `failed` is called in an exception's handler with the
        room whose step raised it: one room's trouble must not become the others'."""
        self._clock = clock
        self._failed = failed
        self._steps: deque[tuple[str, Step]] = deque()

    def __bool__(self) -> bool:
        return bool(self._steps)

    def add(self, room: str, steps: Iterable[Step]) -> None:
        """Let these follow, in order; `room` names them in the log."""
        self._steps.extend((room, step) for step in steps)

    def go_on(self, now: float, ntp_now: int) -> None:
        """Take steps for about `PIECE`, at least one."""
        steps, clock = self._steps, self._clock
        while steps:
            room, step = steps.popleft()
            try:
                step(now, ntp_now)
            except Exception:
                self._failed(f"a tick of room {room}")
            if clock() - now > PIECE:
                return

    def finish(self, now: float, ntp_now: int) -> None:
        """Take all that is left, however long that lasts: the next round is due."""
        while self._steps:
            self.go_on(now, ntp_now)
