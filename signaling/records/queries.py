"""What is asked of the history: lists, charts, reports. Each within one read transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

from qos.grades import PROFILES
from signaling.meter.samples import Direction, Event, EventKind
from signaling.records import experience, groups, lived, points, rollup, statistics, summaries
from signaling.records.report import (
    VERSION,
    CallList,
    CallRow,
    Chart,
    Kind,
    Medium,
    Opinions,
    PersonReport,
    Report,
    Series,
    Summary,
    TrackReport,
    VisitReport,
    Votes,
    Word,
)

MOST_CALLS = 200
"""On one page."""
MOST_POINTS = 2_000
MOST_NAMES = 20
MOST_SESSIONS = 1_000
"""That are grouped: the latest."""
SHORTEST_SESSION = 30
"""Seconds, to be grouped."""
WORDS: dict[int, Word] = {5: "excellent", 4: "good", 3: "fair", 2: "poor", 1: "bad"}
_NICE_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800)
_EVENTS_READ = 10_000


@dataclass(frozen=True)
class CallsWanted:
    """Which calls, and which of them."""

    search: str = ""
    """In the name of the room or of somebody; or a call's id."""
    since: float = 0.0
    until: float = float("inf")
    """Calls that touch this stretch of time."""
    order: Literal["newest", "worst"] = "newest"
    """`worst`: by what people lived through, the worst first."""
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True)
class SeriesWanted:
    """Which series, and how finely."""

    since: float | None = None
    until: float | None = None
    """Without them: the whole call."""
    points: int = 400
    """At most, of each series."""
    participant: str = ""
    direction: Direction | None = None
    tracks: bool = False
    """The single tracks and media too, besides the directions of people."""


EVERY_CALL = CallsWanted()
WHOLE_CALL = SeriesWanted()


@dataclass(frozen=True)
class SeriesRow:
    """One row of the table `series`."""

    number: int
    participant: str
    direction: Direction
    track: str
    publisher: str
    kind: Medium
    source: str
    codec: str
    mos_model: str
    total: points.Point
    """Of all that was recorded."""


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
    people = lived.of_call(connection, number, now)
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


# Points.


def _number_of(connection: sqlite3.Connection, call: str) -> int | None:
    row = connection.execute(
        "SELECT number FROM calls WHERE call = ? ORDER BY number DESC LIMIT 1", (call,)
    ).fetchone()
    return None if row is None else int(row[0])


def _rolled(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT value FROM meta WHERE key = 'rolled'").fetchone()[0])


def _unrolled(connection: sqlite3.Connection, number: int) -> list[points.Row]:
    """Rows of the last minute or so, which are in no total and in no minute yet."""
    blocks = connection.execute(
        "SELECT data FROM blocks WHERE id > ? AND step = 1 AND call = ?",
        (_rolled(connection), number),
    )
    return [row for (data,) in blocks for row in points.decode(data)]


_RECEIVED = " AND direction = 'outbound' AND track = ''"


def _series_rows(
    connection: sqlite3.Connection, number: int, condition: str = ""
) -> list[SeriesRow]:
    """With the totals of all that was recorded."""
    recent: dict[int, points.Point] = {}
    for row in _unrolled(connection, number):
        before = recent.get(row[0])
        recent[row[0]] = row[2:] if before is None else points.merge(before, row[2:])
    rows = connection.execute(
        "SELECT number, participant, direction, track, publisher, kind, source, codec, mos_model,"
        f" total FROM series WHERE call = ?{condition} ORDER BY number",
        (number,),
    ).fetchall()
    found = []
    for row in rows:
        point = recent.get(row[0], points.NOTHING)
        if row[-1] is not None:
            point = points.merge(rollup.total_of(row[-1]), point)
        found.append(SeriesRow(*(*row[:-1], point)))
    return found


def chart(connection: sqlite3.Connection, call: str, wanted: SeriesWanted) -> Chart | None:
    """At most `wanted.points` points of each series, from the finest that is still kept."""
    number = _number_of(connection, call)
    if number is None:
        return None
    since, until = _stretch(connection, number, wanted)
    step = _step(connection, number, since, until, min(max(1, wanted.points), MOST_POINTS))
    native = max(size for size in rollup.STEPS if step % size == 0)
    chosen = [
        row
        for row in _series_rows(connection, number)
        if (not wanted.participant or row.participant == wanted.participant)
        and (wanted.direction is None or row.direction == wanted.direction)
        and (wanted.tracks or row.kind == "both")
    ]
    rows = _rows(connection, number, native, since, until)
    numbers = {row.number for row in chosen}
    by_series: dict[int, dict[int, points.Point]] = {row.number: {} for row in chosen}
    buckets = rollup.merged((row for row in rows if row[0] in numbers), step)
    for (series, at), point in sorted(buckets.items()):
        by_series[series][at] = point
    return Chart(
        call=call,
        since=since,
        until=until,
        step=step,
        series=tuple(
            Series(
                participant=row.participant,
                direction=row.direction,
                track=row.track,
                publisher=row.publisher,
                kind=row.kind,
                source=row.source,
                points=summaries.columns(by_series[row.number]),
            )
            for row in chosen
        ),
    )


def _stretch(
    connection: sqlite3.Connection, number: int, wanted: SeriesWanted
) -> tuple[float, float]:
    started, ended = connection.execute(
        "SELECT started, ended FROM calls WHERE number = ?", (number,)
    ).fetchone()
    if ended is None:
        last = connection.execute("SELECT max(at) FROM blocks WHERE call = ?", (number,))
        ended = max(started, (last.fetchone()[0] or started) + rollup.STEPS[1])
    since = started if wanted.since is None else wanted.since
    until = ended if wanted.until is None else wanted.until
    # A call has no points before its begin and after its end, whatever is asked for.
    since = min(max(since, started - 1), ended)
    return since, max(since, min(until, ended + 1))


def _step(
    connection: sqlite3.Connection, number: int, since: float, until: float, most: int
) -> int:
    """Seconds of a point: fine enough, few enough, and of what is still there."""

    def first(size: int) -> int | None:
        found = connection.execute(
            "SELECT min(at) FROM blocks WHERE call = ? AND step = ? AND at > ? AND at < ?",
            (number, size, since - 60, until),
        ).fetchone()[0]
        return None if found is None else int(found)

    begins = [first(size) for size in rollup.STEPS]
    known = [begin for begin in begins if begin is not None]
    finest = rollup.STEPS[0]
    for size, begin in zip(rollup.STEPS, begins, strict=True):
        # Blocks of tens begin up to a minute earlier than the seconds in them.
        if begin is not None and begin < min(known) + 60:
            finest = size
            break
    for step in _NICE_STEPS:
        if step % finest == 0 and until // step - since // step + 1 <= most:
            return step
    span = int(until - since) // most + 1
    return (span // _NICE_STEPS[-1] + 1) * _NICE_STEPS[-1]


def _rows(
    connection: sqlite3.Connection, number: int, native: int, since: float, until: float
) -> list[points.Row]:
    blocks = connection.execute(
        "SELECT data FROM blocks WHERE call = ? AND step = ? AND at > ? AND at < ?",
        (number, native, since - 60, until),
    )
    rows = [row for (data,) in blocks for row in points.decode(data)]
    if native > 1:
        rows += _unrolled(connection, number)
    return [row for row in rows if since - native < row[1] < until]


# The report.


def report(connection: sqlite3.Connection, call: str, made: float) -> Report | None:
    """Everything about one call."""
    number = _number_of(connection, call)
    if number is None:
        return None
    room, started, ended, left_out = connection.execute(
        "SELECT room, started, ended, events_left_out FROM calls WHERE number = ?", (number,)
    ).fetchone()
    series = _series_rows(connection, number)
    votes = _votes(connection, number)
    video_seconds = {
        row.participant: points.count(row.total, "seconds")
        for row in series
        if row.direction == "outbound" and row.kind == "video" and not row.track
    }
    people = lived.of_call(connection, number, made, video_seconds)
    return Report(
        version=VERSION,
        call=call,
        room=room,
        started=started,
        ended=ended,
        made=made,
        people=tuple(_person(series, votes, person) for person in people),
        events=_events(connection, number, call, room),
        events_left_out=left_out,
        profiles=PROFILES,
    )


Voted = tuple[int | None, int | None]
"""Audio and video, 5 excellent to 1 bad."""


def _votes(connection: sqlite3.Connection, number: int) -> dict[str, Voted]:
    rows = connection.execute(
        "SELECT participant, audio, video FROM votes WHERE call = ?", (number,)
    )
    return {participant: (audio, video) for participant, audio, video in rows}


def _last_vote(votes: Mapping[str, Voted], person: lived.Person) -> Voted:
    """Of somebody with several visits the latest vote holds."""
    said = [votes[one.participant] for one in person.visits if one.participant in votes]
    return said[-1] if said else (None, None)


def _of_person(series: Iterable[SeriesRow], person: lived.Person) -> list[SeriesRow]:
    """Their series; a direction and its media as one over all visits."""
    own = {visit.participant for visit in person.visits}
    found: dict[tuple[Direction, str, Medium], SeriesRow] = {}
    for row in series:
        if row.participant not in own:
            continue
        key = row.direction, row.track, row.kind
        before = found.get(key)
        if before is not None:
            model = row.mos_model or before.mos_model
            row = replace(before, mos_model=model, total=points.merge(before.total, row.total))
        found[key] = row
    return list(found.values())


def _person(
    every: list[SeriesRow], votes: Mapping[str, Voted], person: lived.Person
) -> PersonReport:
    series = _of_person(every, person)
    audio, video = _last_vote(votes, person)
    whole = {(row.direction, row.kind): row for row in series if not row.track}
    sends_video = any(r.track and r.direction == "inbound" and r.kind == "video" for r in series)
    gets_video = ("outbound", "video") in whole
    up, down = whole.get(("inbound", "both")), whole.get(("outbound", "both"))
    voices, pictures = whole.get(("outbound", "audio")), whole.get(("outbound", "video"))
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
        down_video=None if pictures is None else _summary(pictures, "video"),
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
            for row in series
            if row.track
        ),
        votes=Votes(
            audio=None if audio is None else WORDS[audio],
            video=None if video is None else WORDS[video],
        ),
    )


def _summary(row: SeriesRow | None, kind: Kind) -> Summary:
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


# Opinions.


def opinions(connection: sqlite3.Connection, since: float, until: float) -> Opinions:
    """Votes of calls that began in a stretch of time, and the sessions of it."""
    sessions = _sessions(connection, since, until)
    grouped = groups.group([s.row for s in sessions if s.seconds >= SHORTEST_SESSION])
    return Opinions(
        since=since,
        until=until,
        audio=statistics.opinion([s.audio for s in sessions if s.audio is not None]),
        video=statistics.opinion([s.video for s in sessions if s.video is not None]),
        votes_needed=statistics.MIN_VOTES,
        sessions=sum(s.seconds >= SHORTEST_SESSION for s in sessions),
        groups=grouped,
    )


def _sessions(
    connection: sqlite3.Connection, since: float, until: float
) -> list[summaries.Session]:
    """The latest of them, the newest first."""
    numbers = connection.execute(
        "SELECT number, call, room FROM calls WHERE started >= ? AND started <= ?"
        " ORDER BY started DESC LIMIT ?",
        (since, until, MOST_SESSIONS),
    ).fetchall()
    found: list[summaries.Session] = []
    for number, call, room in numbers:
        if len(found) >= MOST_SESSIONS:
            break
        votes = _votes(connection, number)
        series = _series_rows(connection, number, _RECEIVED)
        for person in lived.of_call(connection, number, until):
            media = {row.kind: row for row in _of_person(series, person)}
            found.append(
                summaries.session(
                    call=call,
                    room=room,
                    participant=person.key,
                    name=person.name,
                    joined=person.visits[0].joined,
                    votes=_last_vote(votes, person),
                    totals={medium: row.total for medium, row in media.items()},
                    models={medium: row.mos_model for medium, row in media.items()},
                )
            )
    return found
