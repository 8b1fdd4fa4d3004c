"""A call over time: the points of its series, as many as a chart can show."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from signaling.meter.samples import Direction
from signaling.records import points, rollup, series, summaries
from signaling.records.report import Chart, Series

MOST_POINTS = 2_000
_NICE_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800)


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


WHOLE_CALL = SeriesWanted()


def chart(connection: sqlite3.Connection, call: str, wanted: SeriesWanted) -> Chart | None:
    """At most `wanted.points` points of each series, from the finest that is still kept."""
    number = series.number_of(connection, call)
    if number is None:
        return None
    since, until = _stretch(connection, number, wanted)
    step = _step(connection, number, since, until, min(max(1, wanted.points), MOST_POINTS))
    native = max(size for size in rollup.STEPS if step % size == 0)
    chosen = [
        row
        for row in series.rows_of(connection, number)
        if (not wanted.participant or row.participant == wanted.participant)
        and (wanted.direction is None or row.direction == wanted.direction)
        and (wanted.tracks or row.kind == "both")
    ]
    rows = _rows(connection, number, native, since, until)
    numbers = {row.number for row in chosen}
    by_series: dict[int, dict[int, points.Point]] = {row.number: {} for row in chosen}
    buckets = rollup.merged((row for row in rows if row[0] in numbers), step)
    for (number_of_series, at), point in sorted(buckets.items()):
        by_series[number_of_series][at] = point
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
        rows += series.unrolled(connection, number)
    return [row for row in rows if since - native < row[1] < until]
