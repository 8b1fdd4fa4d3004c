"""A report as files: JSON as it is, and CSV with the same numbers. No I/O."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec

from qos.csv_cells import cell
from signaling.records.report import PersonReport, Report, Summary

_EXPERIENCE = (
    "verdict",
    "present",
    "poorConnection",
    "frozenVideo",
    "missingVideo",
    "concealedSound",
    "loweredVideo",
    "fullShare",
)
"""Of `Experience`; what was experienced one by one is in the JSON."""
_LABELS = (
    "participant",
    "name",
    "joined",
    "left",
    "visits",
    *(f"experience.{name}" for name in _EXPERIENCE),
    "direction",
    "kind",
    "track",
    "publisher",
    "source",
    "codec",
    "voteAudio",
    "voteVideo",
)


def as_json(report: Report) -> bytes:
    """The very JSON that the page is made of."""
    return msgspec.json.encode(report)


def as_csv(report: Report) -> str:
    """One row for each direction, medium and track of each person; a field of the JSON a column.

    Nested fields are named with a point (`loss.mean`), grades by their profile (`g1010.delay`).
    An empty cell is a figure that is not known.
    """
    rows = [
        labels | _flat(summary)
        for person in report.people
        for labels, summary in _summaries(person)
    ]
    head = {"room": report.room, "call": report.call}
    out = io.StringIO()
    columns = [*head, *_LABELS, *(name for name in _all_columns(rows) if name not in _LABELS)]
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell((head | row).get(name)) for name in columns])
    return out.getvalue()


def _summaries(person: PersonReport) -> Iterator[tuple[dict[str, Any], Summary]]:
    who = {
        "participant": person.participant,
        "name": person.name,
        "joined": person.joined,
        "left": person.left,
        "visits": len(person.visits),
        "voteAudio": person.votes.audio,
        "voteVideo": person.votes.video,
    }
    values: dict[str, Any] = msgspec.to_builtins(person.experience)
    who |= {f"experience.{name}": values[name] for name in _EXPERIENCE}
    yield who | {"direction": "inbound", "kind": "both"}, person.up
    yield who | {"direction": "outbound", "kind": "both"}, person.down
    if person.down_audio is not None:
        yield who | {"direction": "outbound", "kind": "audio"}, person.down_audio
    if person.down_video is not None:
        yield who | {"direction": "outbound", "kind": "video"}, person.down_video
    for track in person.tracks:
        labels: dict[str, Any] = msgspec.to_builtins(track)
        labels.pop("summary")
        yield who | labels, track.summary


def _flat(summary: Summary) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(summary)
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "grades":
            for grades in value:
                profile = grades.pop("profile")
                flat |= {f"{profile}.{key}": index for key, index in grades.items()}
        elif isinstance(value, dict):
            flat |= {f"{name}.{key}": part for key, part in value.items()}
        else:
            flat[name] = value
    return flat


def _all_columns(rows: list[dict[str, Any]]) -> list[str]:
    """Of all rows, in the order in which they come; `browser` alone when nobody has any."""
    columns: dict[str, None] = {}
    for row in rows:
        columns |= dict.fromkeys(row)
    if any(name.startswith("browser.") for name in columns):
        columns.pop("browser", None)
    return list(columns)
