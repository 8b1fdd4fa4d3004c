"""People, not joins: who came back is one person with several visits. No I/O.

Whoever resumes keeps their participant id. A page that is loaded again, or *Join again* after
hanging up, makes a new one; it is taken for the same person when the name is the same and the two
were not there together. Whoever reloads leaves their first self behind for a moment, until the
server sees that it is gone, so stays may overlap by `GHOST`. Two who are called the same and are
there at the same time stay two.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

GHOST = 30.0
"""Seconds for which one who is gone may still be listed: `conference.participant.RESUME`."""


class Visit(NamedTuple):
    """One stay of one participant."""

    participant: str
    name: str
    joined: float
    """Unix time."""
    left: float | None
    """None while they are there."""


def people_of(visits: Sequence[Visit]) -> list[list[Visit]]:
    """The visits of each person, both in the order in which they came."""
    found: list[list[Visit]] = []
    latest: dict[str, list[list[Visit]]] = {}
    for visit in sorted(visits, key=lambda visit: (visit.joined, visit.participant)):
        same = latest.setdefault(folded(visit.name), [])
        person = next((one for one in same if _came_back(one[-1], visit)), None)
        if person is None:
            person = []
            found.append(person)
            same.append(person)
        person.append(visit)
    return found


def seconds_of(visits: Sequence[Visit], until: float) -> float:
    """In the call; `until`: for who is still there. What overlaps counts once."""
    total, covered = 0.0, float("-inf")
    for visit in visits:
        end = until if visit.left is None else visit.left
        total += max(0.0, end - max(visit.joined, covered))
        covered = max(covered, end)
    return total


def folded(name: str) -> str:
    """A name as people compare it."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _came_back(before: Visit, after: Visit) -> bool:
    return before.left is not None and after.joined >= before.left - GHOST
