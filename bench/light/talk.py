"""Who talks when, for calls in which every microphone is open.

Theory of operation. A pattern is a number of places to speak, with how long one of them is held
and how long it then stays empty. Who takes a place is somebody who does not speak now, drawn with
a fixed seed; so every driver process knows the same plan.
A level is that of RFC 6464: syllables while somebody talks, the noise of a room otherwise.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

from bench.recordings.library import Library

SECONDS = 60
"""The plan begins again after this."""
STEPS_PER_SECOND = 50
"""A level for each packet of 20 ms."""


class Place(NamedTuple):
    """One who may speak at a time, and the next."""

    spurt: tuple[float, float]
    """Seconds, from and to."""
    pause: tuple[float, float] = (0.0, 0.0)
    """Seconds before the next one takes it."""
    first_only: bool = False
    """Held by participant 0 always: a lecturer."""


_LIVELY = Place((1.5, 5.0))
PATTERNS: dict[str, tuple[Place, ...]] = {
    "meeting": (_LIVELY, _LIVELY, Place((1.5, 5.0), (1.5, 5.0))),
    "turns": (Place((2.0, 8.0), (0.2, 1.0)),),
    "lecture": (Place((4.0, 12.0), (0.3, 1.0), True), Place((1.0, 3.0), (5.0, 15.0))),
}
"""`meeting`: two always, a third half of the time. `turns`: one after the other, with pauses.
`lecture`: the first most of the time, now and then somebody asks."""

VOICE_FLAG = 0x80
"""Of the audio level element (RFC 6464): somebody speaks."""
DTX_FRAMES = 20
"""Of silence, one in so many is sent: one each 400 ms (RFC 6716 clause 2.1.9)."""
_LOUDEST, _QUIETEST = 22.0, 36.0
"""Of syllables, -dBov."""
_ROOM = (68, 76)
"""Background noise of a microphone, -dBov."""


def spurts(people: int, seed: int = 1, pattern: str = "meeting") -> list[tuple[int, int, int]]:
    """(participant, first step, step after the last) of each talk spurt."""
    rng = random.Random(seed)
    end = SECONDS * STEPS_PER_SECOND
    places = PATTERNS[pattern][: people - 1]
    free_at = [0] * len(places)
    found: list[tuple[int, int, int]] = []
    while min(free_at) < end:
        number = free_at.index(min(free_at))
        place = places[number]
        begin = free_at[number]
        if place.first_only:
            who = 0
        else:
            busy = {who for who, _, until in found if until > begin}
            busy |= {0} if any(p.first_only for p in places) else set()
            who = rng.choice([n for n in range(people) if n not in busy])
        until = min(end, begin + int(rng.uniform(*place.spurt) * STEPS_PER_SECOND))
        found.append((who, begin, until))
        pause = rng.uniform(*place.pause) if place.pause[1] else 0.0
        free_at[number] = until + int(pause * STEPS_PER_SECOND)
    return found


def levels(participant: int, people: int, seed: int = 1, pattern: str = "meeting") -> bytes:
    """The audio level element of each 20 ms of this participant: voice flag and -dBov."""
    rng = random.Random(seed * 1000 + participant)
    line = bytearray(rng.randint(*_ROOM) for _ in range(SECONDS * STEPS_PER_SECOND))
    for who, begin, until in spurts(people, seed, pattern):
        if who == participant:
            for step in range(begin, until):
                # Some four syllables a second.
                stress = abs(math.sin(math.pi * 4 * step / STEPS_PER_SECOND))
                level = _QUIETEST - (_QUIETEST - _LOUDEST) * stress + rng.uniform(-2, 2)
                line[step] = VOICE_FLAG | round(level)
    return bytes(line)


def levels_of(library: Library, participant: int) -> bytes:
    """The levels of a participant who talks in turns; empty for one who talks all the time."""
    if participant >= library.talkers:
        return b""
    return levels(participant, library.talkers, library.seed, library.pattern)


class Dtx:
    """Which frames of one microphone DTX leaves out."""

    def __init__(self) -> None:
        self._silent = 0

    def leaves_out(self, level: int) -> bool:
        """Whether the next frame, of this audio level, is not sent."""
        if level & VOICE_FLAG:
            self._silent = 0
            return False
        self._silent += 1
        return self._silent % DTX_FRAMES != 1
