"""The list of calls, and the report of one. Each within one read transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from qos.grades import PROFILES
from signaling.meter.samples import Event, EventKind
from signaling.records import experience, findings, opinions, points, rollup, series, summaries
from signaling.records.report import (
    VERSION,
    CallList,
    CallRow,
    Kind,
    PersonReport,
    Report,
    Summary,
    TrackReport,
    VisitReport,
    Votes,
    Word,
)

MOST_CALLS = 200
"""On one page."""
MOST_NAMES = 20
WORDS: dict[int, Word] = {5: "excellent", 4: "good", 3: "fair", 2: "poor", 1: "bad"}
_EVENTS_READ = 10_000


@dataclass(frozen=True)
class CallsWanted:
    """Which calls, and which page of them."""

    search: str = ""
    """In the name of the room or of somebody; or a call's id."""
    since: float = 0.0
    until: float = float("inf")
    """Calls that touch this stretch of time."""
    order: Literal["newest", "worst"] = "newest"
    """`worst`: by what people experienced, the worst first."""
    offset: int = 0
    limit: int = 50


EVERY_CALL = CallsWanted()


# The list.


def calls(connection: sqlite3.Connection, wanted: CallsWanted, now: float) -> CallList:
    """A page of the list. `now`: Unix time, for calls that last."""
    where = (
        " FROM calls WHERE started < ? AND coalesce(ended, 1e18) >= ? AND (? = '' OR call = ?"
        " OR instr(folded(room), ?) OR EXISTS (SELECT 1 FROM people"
        " WHERE people.call = calls.number AND instr(folded(name), ?)))"
    )
    text = wanted.search.strip()
    found = text.casefold()
    values = (wanted.until, wanted.since, text, text, found, found)
    total = connection.execute("SELECT count(*)" + where, values).fetchone()[0]
    trouble = "(SELECT sum(badness) FROM spells WHERE spells.call = calls.number)"
    order = "started DESC"
    if wanted.order == "worst":
        order = f"coalesce({trouble}, 0) DESC, mos IS NULL, mos, started DESC"
    rows = connection.execute(
        f"SELECT number, call, room, started, ended, total{where}"
        f" ORDER BY {order}, number DESC LIMIT ? OFFSET ?",
        (*values, min(max(1, wanted.limit), MOST_CALLS), max(0, wanted.offset)),
    ).fetchall()
    return CallList(
        calls=tuple(_call_row(connection, now, *row) for row in rows),
        total=total,
        offset=max(0, wanted.offset),
    )


def _call_row(
    connection: sqlite3.Connection,
    now: float,
    number: int,
    call: str,
    room: str,
    started: float,
    ended: float | None,
    total: bytes | None,
) -> CallRow:
    votes = connection.execute("SELECT count(*) FROM votes WHERE call = ?", (number,)).fetchone()[0]
    point = points.NOTHING if total is None else rollup.total_of(total)
    people = findings.of_call(connection, number, now)
    return CallRow(
        call=call,
        room=room,
        started=started,
        ended=ended,
        people=len(people),
        names=tuple(one.name for one in people[:MOST_NAMES]),
        verdict=experience.worst_verdict(one.experience for one in people),
        troubled=sum(bool(one.experience.findings) for one in people),
        finding=experience.worst(one.experience for one in people),
        loss=points.loss(point),
        mos=points.mean(point, "mos"),
        votes=votes,
    )


# The report.


def report(connection: sqlite3.Connection, call: str, made: float) -> Report | None:
    """Everything about one call."""
    number = series.number_of(connection, call)
    if number is None:
        return None
    room, started, ended, left_out = connection.execute(
        "SELECT room, started, ended, events_left_out FROM calls WHERE number = ?", (number,)
    ).fetchone()
    every = series.rows_of(connection, number)
    votes = opinions.votes_of(connection, number)
    video_seconds = {
        row.participant: points.count(row.total, "seconds")
        for row in every
        if row.direction == "outbound" and row.kind == "video" and not row.track
    }
    people = findings.of_call(connection, number, made, video_seconds)
    return Report(
        version=VERSION,
        call=call,
        room=room,
        started=started,
        ended=ended,
        made=made,
        people=tuple(_person(every, votes, person) for person in people),
        events=_events(connection, number, call, room),
        events_left_out=left_out,
        profiles=PROFILES,
    )


def _person(
    every: list[series.SeriesRow], votes: Mapping[str, opinions.Voted], person: findings.Person
) -> PersonReport:
    own = series.of_person(every, person)
    audio, video = opinions.last_vote(votes, person)
    whole = {(row.direction, row.kind): row for row in own if not row.track}
    sends_video = any(r.track and r.direction == "inbound" and r.kind == "video" for r in own)
    gets_video = ("outbound", "video") in whole
    up, down = whole.get(("inbound", "both")), whole.get(("outbound", "both"))
    voices, videos = whole.get(("outbound", "audio")), whole.get(("outbound", "video"))
    return PersonReport(
        participant=person.key,
        name=person.name,
        joined=person.visits[0].joined,
        left=person.visits[-1].left,
        visits=tuple(
            VisitReport(participant=one.participant, joined=one.joined, left=one.left)
            for one in person.visits
        ),
        experience=person.experience,
        spells=person.spans(),
        up=_summary(up, "video" if sends_video else "audio"),
        down=_summary(down, "video" if gets_video else "audio"),
        down_audio=None if voices is None else _summary(voices, "audio"),
        down_video=None if videos is None else _summary(videos, "video"),
        tracks=tuple(
            TrackReport(
                track=row.track,
                direction=row.direction,
                publisher=row.publisher,
                kind=cast(Kind, row.kind),
                source=row.source,
                codec=row.codec,
                summary=_summary(row, cast(Kind, row.kind)),
            )
            for row in own
            if row.track
        ),
        votes=Votes(
            audio=None if audio is None else WORDS[audio],
            video=None if video is None else WORDS[video],
        ),
    )


def _summary(row: series.SeriesRow | None, kind: Kind) -> Summary:
    if row is None:
        return summaries.summary(points.NOTHING, kind, "")
    return summaries.summary(row.total, kind, row.mos_model)


def _events(connection: sqlite3.Connection, number: int, call: str, room: str) -> tuple[Event, ...]:
    rows = connection.execute(
        "SELECT at, kind, participant, name, detail FROM events WHERE call = ?"
        " ORDER BY at, id LIMIT ?",
        (number, _EVENTS_READ),
    )
    return tuple(
        Event(
            at=at,
            kind=cast(EventKind, kind),
            call=call,
            room=room,
            participant=participant,
            name=name,
            detail=detail,
        )
        for at, kind, participant, name, detail in rows
    )
