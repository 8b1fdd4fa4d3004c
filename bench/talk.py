"""Who talks when, for calls in which every microphone is open: two or three at a time.

Theory of operation. Two places to speak are always taken, a third about half of the time. Who
takes a place is somebody who does not speak now, drawn with a fixed seed; so every driver
process knows the same plan. A level is that of RFC 6464: syllables while somebody talks, the
noise of a room otherwise.
"""

from __future__ import annotations

import math
import random

SECONDS = 60
"""The plan begins again after this."""
STEPS_PER_SECOND = 50
"""A level for each packet of 20 ms."""
SPURT_SECONDS = (1.5, 5.0)
PAUSE_SECONDS = (1.5, 5.0)
"""Of the third place, between two who take it."""

_VOICE_FLAG = 0x80
_LOUDEST, _QUIETEST = 22.0, 36.0
"""Of syllables, -dBov."""
_ROOM = (68, 76)
"""Of a microphone that nobody speaks into, -dBov."""


def spurts(people: int, seed: int = 1) -> list[tuple[int, int, int]]:
    """(participant, first step, step after the last) of each time that somebody talks."""
    rng = random.Random(seed)
    end = SECONDS * STEPS_PER_SECOND
    places = min(3, people - 1)
    free_at = [0] * places
    found: list[tuple[int, int, int]] = []
    while min(free_at) < end:
        place = free_at.index(min(free_at))
        begin = free_at[place]
        busy = {who for who, _, until in found if until > begin}
        who = rng.choice([n for n in range(people) if n not in busy])
        until = min(end, begin + int(rng.uniform(*SPURT_SECONDS) * STEPS_PER_SECOND))
        found.append((who, begin, until))
        pause = rng.uniform(*PAUSE_SECONDS) if place == 2 else 0.0
        free_at[place] = until + int(pause * STEPS_PER_SECOND)
    return found


def levels(participant: int, people: int, seed: int = 1) -> bytes:
    """The audio level element of each 20 ms of this participant: voice flag and -dBov."""
    rng = random.Random(seed * 1000 + participant)
    line = bytearray(rng.randint(*_ROOM) for _ in range(SECONDS * STEPS_PER_SECOND))
    for who, begin, until in spurts(people, seed):
        if who == participant:
            for step in range(begin, until):
                # Some four syllables a second.
                stress = abs(math.sin(math.pi * 4 * step / STEPS_PER_SECOND))
                level = _QUIETEST - (_QUIETEST - _LOUDEST) * stress + rng.uniform(-2, 2)
                line[step] = _VOICE_FLAG | round(level)
    return bytes(line)
