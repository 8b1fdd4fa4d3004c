"""The names under which figures leave the server: others build on them, so none changes unseen.

`outside_names.txt` holds what is there. A new figure adds lines to it; a line that goes or changes
breaks a dashboard, a spreadsheet or an older history file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from signaling.admin import live, metrics, wire
from signaling.admin.totals import Totals
from signaling.records import exports, points, schema
from signaling.records.charts import SeriesWanted
from tests.signaling.admin.app import BOUNDS
from tests.signaling.records.conftest import Open, feed
from tests.signaling.samples import Calls

HELD = Path(__file__).with_name("outside_names.txt")


def paths(value: Any, name: str = "") -> Iterator[str]:
    """Names of a JSON document, those of a list's entries once, in their order."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from paths(part, f"{name}.{key}")
    elif isinstance(value, list) and value and isinstance(value[0], dict | list):
        for part in value:
            yield from paths(part, f"{name}[]")
    else:
        yield name


def of_json(encoded: bytes) -> list[str]:
    return list(dict.fromkeys(paths(json.loads(encoded))))


def history(open_records: Open) -> dict[str, Sequence[str]]:
    records, calls = open_records(outbound_tracks=True), Calls(rooms=1, people=4)
    feed(records, 70, calls, end=True)
    call, people = next(iter(calls.rooms.items()))
    records.vote(call, people[1].participant, "poor", "bad")
    assert records.flush()
    report = records.report(call)
    chart = records.series(call, SeriesWanted(tracks=True))
    assert report is not None
    return {
        "report.csv": exports.as_csv(report).splitlines()[0].replace('"', "").split(","),
        "report.json": of_json(exports.as_json(report)),
        "chart.json": of_json(msgspec.json.encode(chart)),
    }


def tables(file: Path) -> list[str]:
    with contextlib.closing(schema.connect(file, 64 * 1024 * 1024)) as connection:
        found = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        ).fetchall()
    return [" ".join(sql.split()) for (sql,) in found]


def test_every_outside_name_is_as_it_was(open_records: Open, tmp_path: Path) -> None:
    calls, totals = Calls(rooms=2, people=5), Totals()
    for _ in range(15):
        sample, _ = calls.step()
        totals.add_sample(sample)
    page = metrics.write(sample, totals, BOUNDS).splitlines()
    found = {
        # The order of columns is free: `hello` gives it.
        **{f"live, {row}": sorted(names) for row, names in wire.COLUMNS.items()},
        "live, second": of_json(msgspec.json.encode(wire.Wire(sample, "tiphon", {}).overview())),
        "live, hello": sorted(live.hello(BOUNDS)),
        "metrics": [line for line in page if line.startswith("#")],
        **history(open_records),
        "points, the place of each in a stored row": [
            *points.COUNTS,
            *(f"{name} in 1/{units}" for name, units in points.MEANS.items()),
            *(f"worst {name}" for name in points.MAXIMA),
        ],
        "tables": tables(tmp_path / "empty.db"),
    }
    text = "\n".join(
        f"[{title}]\n" + "".join(f"{name}\n" for name in names) for title, names in found.items()
    )
    assert text.splitlines() == HELD.read_text().splitlines()
