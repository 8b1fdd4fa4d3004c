"""Seconds become tens of seconds and minutes, and what is too old or too much goes.

All of these work within a transaction that the caller has begun.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from signaling.records import points, schema

STEPS = (1, 10, 60)
"""Seconds of a point, the finest first."""
_SPAN = 60
"""Seconds of a block of tens and of minutes, at most."""
_BLOCKS_AT_ONCE = 5_000
_CALLS_AT_ONCE = 100
_HIGH, _LOW = 0.9, 0.85
"""Share of the size at which the oldest goes, and down to which."""


@dataclass(frozen=True)
class Keep:
    """For how long and how much; seconds and bytes."""

    seconds: int
    tens: int
    minutes: int
    max_bytes: int


Totals = dict[int, points.Point]


def roll_up(connection: sqlite3.Connection, next_id: int) -> int:
    """Roll all blocks of seconds that were not yet; returns the next free id of a block.

    Blocks end where minutes end, so a bucket is complete unless the clock jumped or the process
    was killed; then two blocks share it, and readers add them up.
    """
    rolled = int(connection.execute("SELECT value FROM meta WHERE key = 'rolled'").fetchone()[0])
    found = connection.execute(
        "SELECT id, call FROM blocks WHERE id > ? AND step = 1 ORDER BY id LIMIT ?",
        (rolled, _BLOCKS_AT_ONCE),
    ).fetchall()
    if not found:
        return next_id
    calls: dict[int, list[tuple[int]]] = {}
    for number, call in found:
        calls.setdefault(call, []).append((number,))
    # One call at a time: a minute of all of them would be a lot of memory at once.
    for call, numbers in calls.items():
        rows: list[points.Row] = []
        for number in numbers:
            data = connection.execute("SELECT data FROM blocks WHERE id = ?", number).fetchone()[0]
            rows += points.decode(data)
        for step in STEPS[1:]:
            for at, block in _blocks(rows, step):
                connection.execute(
                    "INSERT INTO blocks VALUES (?, ?, ?, ?, ?)",
                    (next_id, call, step, at, points.encode(block)),
                )
                next_id += 1
        _add_totals(connection, call, rows)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'rolled'", (found[-1][0],))
    return next_id


def merged(rows: Iterable[points.Row], step: int) -> dict[tuple[int, int], points.Point]:
    """Points by series and begin of their bucket."""
    buckets: dict[tuple[int, int], points.Point] = {}
    for row in rows:
        key = (row[0], row[1] // step * step)
        before = buckets.get(key)
        buckets[key] = row[2:] if before is None else points.merge(before, row[2:])
    return buckets


def _blocks(rows: list[points.Row], step: int) -> list[tuple[int, list[points.Row]]]:
    spans: dict[int, list[points.Row]] = {}
    for (series, at), point in sorted(merged(rows, step).items()):
        spans.setdefault(at // _SPAN * _SPAN, []).append((series, at, *point))
    return sorted(spans.items())


def _add_totals(connection: sqlite3.Connection, call: int, rows: list[points.Row]) -> None:
    news: Totals = {}
    for row in rows:
        before = news.get(row[0])
        news[row[0]] = row[2:] if before is None else points.merge(before, row[2:])
    known = connection.execute(
        "SELECT number, total, direction = 'outbound' AND track = '' AND kind = 'both'"
        " FROM series WHERE call = ?",
        (call,),
    ).fetchall()
    whole: points.Point | None = None
    for number, total, is_down in known:
        point = news.get(number)
        if point is None:
            continue
        connection.execute(
            "UPDATE series SET total = ? WHERE call = ? AND number = ?",
            (_added(total, point), call, number),
        )
        if is_down:
            whole = point if whole is None else points.merge(whole, point)
    if whole is not None:
        row = connection.execute("SELECT total FROM calls WHERE number = ?", (call,)).fetchone()
        if row is None:
            return
        if row[0] is not None:
            whole = points.merge(total_of(row[0]), whole)
        connection.execute(
            "UPDATE calls SET total = ?, mos = ? WHERE number = ?",
            (total_bytes(whole), points.mean(whole, "mos"), call),
        )


def _added(total: bytes | None, point: points.Point) -> bytes:
    return total_bytes(point if total is None else points.merge(total_of(total), point))


def total_bytes(point: points.Point) -> bytes:
    """For a `total` column."""
    return points.encode([(0, 0, *point)])


def total_of(data: bytes) -> points.Point:
    """The point of a `total` column."""
    return points.decode(data)[0][2:]


def forget_old(connection: sqlite3.Connection, now: float, keep: Keep) -> None:
    """Delete what is older than it is kept; a bounded number of rows at a time."""
    ages: Mapping[int, int] = dict(zip(STEPS, (keep.seconds, keep.tens, keep.minutes), strict=True))
    for step, age in ages.items():
        connection.execute(
            "DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE step = ? AND at < ?"
            " ORDER BY at LIMIT ?)",
            (step, int(now - age), _BLOCKS_AT_ONCE),
        )
    _forget_calls(connection, "ended < ?", (now - keep.minutes,))


def forget_most(connection: sqlite3.Connection, keep: Keep) -> None:
    """When the file is nearly as large as it may be: delete the oldest until it is not."""
    if schema.used_bytes(connection) <= _HIGH * keep.max_bytes:
        return
    while schema.used_bytes(connection) > _LOW * keep.max_bytes:
        before = connection.total_changes
        connection.execute(
            "DELETE FROM blocks WHERE id IN (SELECT id FROM blocks ORDER BY id LIMIT 50)"
        )
        oldest = connection.execute("SELECT min(call) FROM blocks").fetchone()[0]
        if oldest is None:
            _forget_calls(connection, "ended IS NOT NULL", ())
        else:
            _forget_calls(connection, "ended IS NOT NULL AND number < ?", (oldest,))
        if connection.total_changes == before:
            return


def _forget_calls(
    connection: sqlite3.Connection, condition: str, values: tuple[float, ...]
) -> None:
    numbers = connection.execute(
        f"SELECT number FROM calls WHERE {condition} ORDER BY number LIMIT {_CALLS_AT_ONCE}", values
    ).fetchall()
    for table in ("blocks", "events", "votes", "spells", "people", "series"):
        connection.executemany(f"DELETE FROM {table} WHERE call = ?", numbers)
    connection.executemany("DELETE FROM calls WHERE number = ?", numbers)
