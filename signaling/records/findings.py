"""What people experienced, as the history has it: spells and visits of calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from signaling.records import experience
from signaling.records.experience import Experience, Span, SpellRow
from signaling.records.report import FindingList, FindingRow
from signaling.records.visits import Visit, people_of, seconds_of

MOST_FINDINGS = 100
"""In one answer."""
_MOST_SPANS = 200
"""Of one person, in a report."""
_CALLS_READ = 200
"""With the worst spells of a stretch of time."""


@dataclass(frozen=True)
class FindingsWanted:
    """Which findings."""

    since: float = 0.0
    until: float = float("inf")
    """Of calls that touch this stretch of time."""
    call: str = ""
    """Of this call only, all that everybody experienced; else each person's worst."""
    limit: int = 20


@dataclass(frozen=True)
class Person:
    """One person of a call."""

    name: str
    visits: tuple[Visit, ...]
    spells: tuple[SpellRow, ...]
    experience: Experience

    @property
    def key(self) -> str:
        """Participant id of the first visit."""
        return self.visits[0].participant

    def spans(self) -> tuple[Span, ...]:
        """Their spells for a time axis, those that somebody notices first where there are many."""
        worst = sorted(
            self.spells, key=lambda one: -experience.badness(one.kind, one.cause, one.seconds)
        )
        return tuple(
            Span(kind=one.kind, side=one.side, cause=one.cause, began=one.began, ended=one.ended)
            for one in sorted(worst[:_MOST_SPANS], key=lambda one: one.began)
        )


def of_call(
    connection: sqlite3.Connection,
    number: int,
    now: float,
    video_seconds: Mapping[str, int] | None = None,
) -> list[Person]:
    """Everybody, in the order in which they came. `now`: for those who are still there;
    `video_seconds`: in which a participant was to get video, where that is wanted."""
    kept = connection.execute("SELECT spells_kept FROM calls WHERE number = ?", (number,))
    known = bool(kept.fetchone()[0])
    stays = [
        Visit(*row)
        for row in connection.execute(
            "SELECT participant, name, joined, left FROM people WHERE call = ?", (number,)
        )
    ]
    spells: dict[str, list[SpellRow]] = {}
    for row in connection.execute(
        "SELECT participant, kind, began, ended, seconds, share, side, cause, other FROM spells"
        " WHERE call = ? ORDER BY began, number",
        (number,),
    ):
        spells.setdefault(row[0], []).append(SpellRow(*row))
    names = {visit.participant: visit.name for visit in stays}
    return [
        _person(person, spells, names, now, video_seconds or {}, known)
        for person in people_of(stays)
    ]


def _person(
    person: list[Visit],
    spells: Mapping[str, list[SpellRow]],
    names: Mapping[str, str],
    now: float,
    video_seconds: Mapping[str, int],
    known: bool,
) -> Person:
    first = person[0].participant
    own = [
        spell._replace(participant=first)
        for visit in person
        for spell in spells.get(visit.participant, ())
    ]
    return Person(
        name=person[-1].name,
        visits=tuple(person),
        spells=tuple(own),
        experience=experience.experience(
            own,
            names,
            present=seconds_of(person, now),
            video_seconds=sum(video_seconds.get(visit.participant, 0) for visit in person),
            known=known,
        ),
    )


def findings(connection: sqlite3.Connection, wanted: FindingsWanted, now: float) -> FindingList:
    """The worst first."""
    values: tuple[object, ...] = (wanted.until, wanted.since, wanted.call, wanted.call)
    condition = (
        "calls.started < ? AND coalesce(calls.ended, 1e18) >= ? AND (? = '' OR calls.call = ?)"
    )
    count = connection.execute(f"SELECT count(*) FROM calls WHERE {condition}", values)
    rows = connection.execute(
        "SELECT calls.number, calls.call, room, max(badness) AS worst FROM calls JOIN spells"
        f" ON spells.call = calls.number WHERE {condition}"
        " GROUP BY calls.number ORDER BY worst DESC, calls.number LIMIT ?",
        (*values, _CALLS_READ),
    ).fetchall()
    found: list[FindingRow] = []
    troubled = 0
    for number, call, room, _ in rows:
        for person in of_call(connection, number, now):
            own = person.experience.findings
            troubled += bool(own)
            for one in own if wanted.call else own[:1]:
                visits = tuple(visit.participant for visit in person.visits)
                found.append(FindingRow(call=call, room=room, participants=visits, finding=one))
    found.sort(key=lambda row: (-row.finding.badness, -row.finding.began))
    return FindingList(
        since=wanted.since,
        until=min(wanted.until, now),
        findings=tuple(found[: min(max(1, wanted.limit), MOST_FINDINGS)]),
        troubled=troubled,
        calls=int(count.fetchone()[0]),
    )
