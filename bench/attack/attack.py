"""What every attack is: mounted, run for some seconds, and judged by what it achieved itself.

What the people in the call notice is measured by `bench.attack.measure`; an attack says the rest:
whether it got what it was after. All traffic stays on loopback, and every loop is bounded by the
time that it is given.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from bench.attack.intruder import Intruder

_STEP = 0.005
"""Seconds between bursts of a steady rate."""
_MAX_BEHIND = 0.1
"""Seconds of a rate that are caught up after a standstill; the rest is left out."""

T = TypeVar("T")


@dataclass(frozen=True)
class Verdict:
    """What came of it."""

    held: bool
    """The attack itself got nothing that the server should not give."""
    text: str
    """In one line, with numbers."""


class Attack(ABC):
    """One attack by a few intruders from a network of its own (127.0.`subnet`.0/24)."""

    title: ClassVar[str]
    """What they do, in one line."""

    def __init__(self, url: str, subnet: int) -> None:
        self.url, self.subnet = url, subnet
        self._intruders: list[Intruder] = []

    def address(self, number: int) -> str:
        """One of this attack's own addresses; 1 to 254."""
        return f"127.0.{self.subnet}.{number}"

    def room(self, name: str = "") -> str:
        """A room that no other attack uses."""
        return f"attack {self.subnet} {name}".strip()

    async def intruder(self, number: int, room: str | None = None, name: str = "") -> Intruder:
        """Somebody at address `number`, in the room; None: not even connected."""
        one = Intruder(self.url, self.address(number))
        self._intruders.append(one)
        if room is not None:
            await one.join(room, name or f"visitor {len(self._intruders)}")
        return one

    @abstractmethod
    async def prepare(self) -> None:
        """Whatever is no attack yet. Raises `ParticipantError`."""

    @abstractmethod
    async def run(self, until: float) -> None:
        """Attack until this moment (monotonic seconds)."""

    @abstractmethod
    async def verdict(self) -> Verdict:
        """What it achieved; asked once, after `run`."""

    async def close(self) -> None:
        """Leave nothing behind."""
        await asyncio.gather(*(one.close() for one in self._intruders), return_exceptions=True)


async def steadily(rate: float, until: float, act: Callable[[int], None]) -> int:
    """Call `act` with 0, 1, 2 ... at `rate` a second until then; gives how often it was."""
    begin = time.monotonic()
    done = skipped = 0
    while (now := time.monotonic()) < until:
        due = int((now - begin) * rate) - skipped
        if due - done > rate * _MAX_BEHIND:
            skipped += due - done - int(rate * _MAX_BEHIND)
            due = done + int(rate * _MAX_BEHIND)
        for number in range(done, due):
            act(number)
        done = max(done, due)
        await asyncio.sleep(_STEP)
    return done


async def timed(work: Awaitable[T]) -> tuple[T, float]:
    """What it gave, and the seconds that it took."""
    begin = time.monotonic()
    return await work, time.monotonic() - begin
