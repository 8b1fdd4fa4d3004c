from __future__ import annotations

import csv
import io
import json
from typing import Any

import msgspec
import pytest

from signaling.records import exports
from signaling.records.report import Report
from tests.signaling.records.conftest import Open, feed
from tests.signaling.samples import Calls


@pytest.fixture
def report(open_records: Open) -> Report:
    records, calls = open_records(), Calls(rooms=1, people=4)
    feed(records, 70, calls, end=True)
    call, people = next(iter(calls.rooms.items()))
    records.vote(call, people[1].participant, "poor", None)
    assert records.flush()
    found = records.report(call)
    assert found is not None
    return found


def table(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exports.as_csv(report))))


def flat(value: Any, name: str = "") -> dict[str, Any]:
    """Independent of the exporter: every leaf by its path, grades by their profile."""
    if name == "grades":
        named = {
            grade["profile"]: {k: v for k, v in grade.items() if k != "profile"} for grade in value
        }
        return {
            key: leaf for profile in named for key, leaf in flat(named[profile], profile).items()
        }
    if isinstance(value, dict):
        return {
            key: leaf
            for child, part in value.items()
            for key, leaf in flat(
                part, child if child == "grades" else f"{name}.{child}" if name else child
            ).items()
        }
    return {name: value}


def test_json_is_the_report(report: Report) -> None:
    made = json.loads(exports.as_json(report))
    assert made["call"] == report.call
    assert made["people"][1]["down"]["loss"]["mean"] == report.people[1].down.loss.mean
    assert "NaN" not in exports.as_json(report).decode()


def test_csv_has_every_number_of_the_report(report: Report) -> None:
    rows = table(report)
    made = json.loads(exports.as_json(report))
    summaries = []
    for person in made["people"]:
        summaries += [person["up"], person["down"]]
        summaries += [person[name] for name in ("downAudio", "downVideo") if person[name]]
        summaries += [track["summary"] for track in person["tracks"]]
    assert len(rows) == len(summaries)
    compared = 0
    for row, summary in zip(rows, summaries, strict=True):
        for name, value in flat(summary).items():
            if value is None:
                assert row.get(name, "") == ""
            elif isinstance(value, str):
                assert row[name] == value
            else:
                # Not nearly: the very same number.
                assert float(row[name]) == value
                compared += 1
    assert compared > 40 * len(rows) / 2


def test_csv_says_who_and_what(report: Report) -> None:
    rows = table(report)
    assert [row["name"] for row in rows if row["kind"] == "both"][::2] == [
        person.name for person in report.people
    ]
    bo = [row for row in rows if row["name"] == "Bo"]
    assert {row["voteAudio"] for row in bo} == {"poor"}
    assert {row["voteVideo"] for row in bo} == {""}
    assert {row["source"] for row in bo} == {"", "microphone", "camera"}
    assert {row["room"] for row in rows} == {report.room}


def test_csv_says_what_everybody_lived_through(report: Report) -> None:
    rows = table(report)
    for person in report.people:
        (own,) = {
            (row["experience.verdict"], row["experience.poorConnection"], row["visits"])
            for row in rows
            if row["participant"] == person.participant
        }
        own_experience = person.experience
        assert own == (own_experience.verdict, repr(own_experience.poor_connection), "1")
    assert report.people[1].experience.poor_connection == 30


def test_a_name_is_never_a_formula_and_every_field_is_quoted(report: Report) -> None:
    odd = msgspec.structs.replace(report, room="a;=1+1")
    text = exports.as_csv(odd)
    assert {row["room"] for row in table(odd)} == {"a;'=1+1"}
    for line in text.splitlines():
        assert line.count('"') == 2 * (line.count('","') + 1)
        assert line.startswith('"')
        assert line.endswith('"')
