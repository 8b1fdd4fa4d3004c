"""What people voted, against what was estimated for them, and the sessions that were alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from signaling.records import findings, groups, series, statistics, summaries
from signaling.records.report import Opinions

MOST_SESSIONS = 1_000
"""That are grouped: the latest."""
SHORTEST_SESSION = 30
"""Seconds, to be grouped."""
Voted = tuple[int | None, int | None]
"""Audio and video, 5 excellent to 1 bad."""


def votes_of(connection: sqlite3.Connection, number: int) -> dict[str, Voted]:
    """Of a call, by participant."""
    rows = connection.execute(
        "SELECT participant, audio, video FROM votes WHERE call = ?", (number,)
    )
    return {participant: (audio, video) for participant, audio, video in rows}


def last_vote(votes: Mapping[str, Voted], person: findings.Person) -> Voted:
    """Of somebody with several visits the latest vote holds."""
    given = [votes[one.participant] for one in person.visits if one.participant in votes]
    return given[-1] if given else (None, None)


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
        votes = votes_of(connection, number)
        received = series.rows_of(connection, number, received=True)
        for person in findings.of_call(connection, number, until):
            media = {row.kind: row for row in series.of_person(received, person)}
            found.append(
                summaries.session(
                    call=call,
                    room=room,
                    participant=person.key,
                    name=person.name,
                    joined=person.visits[0].joined,
                    votes=last_vote(votes, person),
                    totals={medium: row.total for medium, row in media.items()},
                    models={medium: row.mos_model for medium, row in media.items()},
                )
            )
    return found
