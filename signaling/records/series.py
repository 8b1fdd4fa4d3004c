"""The series of a call in the history: what each is of, and the sum of all its points."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace

from signaling.meter.samples import Direction
from signaling.records import findings, points, rollup
from signaling.records.report import Medium


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


def number_of(connection: sqlite3.Connection, call: str) -> int | None:
    """Of the latest call with this id; None where there is none."""
    row = connection.execute(
        "SELECT number FROM calls WHERE call = ? ORDER BY number DESC LIMIT 1", (call,)
    ).fetchone()
    return None if row is None else int(row[0])


_RECEIVED = " AND direction = 'outbound' AND track = ''"


def _rolled(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT value FROM meta WHERE key = 'rolled'").fetchone()[0])


def unrolled(connection: sqlite3.Connection, number: int) -> list[points.Row]:
    """Rows of the last minute or so, which are in no total and in no minute yet."""
    blocks = connection.execute(
        "SELECT data FROM blocks WHERE id > ? AND step = 1 AND call = ?",
        (_rolled(connection), number),
    )
    return [row for (data,) in blocks for row in points.decode(data)]


def rows_of(connection: sqlite3.Connection, number: int, received: bool = False) -> list[SeriesRow]:
    """All series of a call; with `received` only those of whole directions to people."""
    condition = _RECEIVED if received else ""
    recent: dict[int, points.Point] = {}
    for row in unrolled(connection, number):
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


def of_person(series: Iterable[SeriesRow], person: findings.Person) -> list[SeriesRow]:
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
