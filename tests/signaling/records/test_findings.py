"""What people experienced, from the samples to what is asked of the file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from signaling.records import findings, queries, schema
from signaling.records.report import PersonReport
from tests.signaling.records.conftest import Open, feed
from tests.signaling.samples import START, Calls, Episode

QUIET = Episode(begin=0, end=0)
BAD, GOOD = "call001x000", "call002x000"


def people_of(open_records: Open, calls: Calls, call: str = BAD) -> tuple[PersonReport, ...]:
    records = open_records()
    feed(records, 90, calls, end=True)
    report = records.report(call)
    assert report is not None
    return report.people


def test_who_had_a_bad_network_is_distinguished_from_who_had_not(open_records: Open) -> None:
    ada, bo, siti = people_of(open_records, Calls(rooms=1, people=3))
    assert bo.experience.verdict == "bad"
    first = bo.experience.findings[0]
    assert (first.kind, first.side, first.cause) == ("connection", "own", "loss")
    assert (first.began, first.ended, first.seconds) == (START + 29, START + 59, 30)
    assert first.share == pytest.approx(8, abs=1)
    assert "connection" in {span.kind for span in bo.spells}
    assert ada.experience.poor_connection == siti.experience.poor_connection == 0
    # Whoever looks at Bo sees what Bo's uplink lost.
    assert {(one.side, one.other_name) for one in ada.experience.findings} == {("other", "Bo")}
    assert ada.experience.full_share == 100


def test_a_clean_call_is_good_for_everybody(open_records: Open) -> None:
    people = people_of(open_records, Calls(rooms=1, people=3, episode=QUIET))
    assert {one.experience.verdict for one in people} == {"good"}
    assert all(one.experience.findings == () for one in people)


def test_calls_are_listed_by_what_was_lived_through(open_records: Open) -> None:
    records = open_records()
    feed(records, 70, Calls(rooms=1, people=3, episode=Episode(loss=14.0)), end=True)
    feed(records, 70, Calls(1, 2, 2, START + 3600, episode=QUIET), end=True)
    bad, good = records.calls(queries.CallsWanted(order="worst")).calls
    assert (bad.call, bad.verdict, bad.people, bad.troubled) == (BAD, "bad", 3, 3)
    assert (good.call, good.verdict, good.troubled, good.finding) == (GOOD, "good", 0, None)
    assert bad.finding is not None
    assert bad.finding.name == "Bo"
    everything = records.findings()
    assert (everything.calls, everything.troubled) == (2, 3)
    assert everything.findings[0].finding.name == "Bo"
    assert {row.call for row in everything.findings} == {BAD}
    assert records.findings(findings.FindingsWanted(since=START + 3600)).findings == ()
    whole = records.findings(findings.FindingsWanted(call=BAD, limit=100)).findings
    assert len(whole) > len(everything.findings)
    assert len(records.findings(findings.FindingsWanted(call=BAD, limit=2)).findings) == 2


def test_who_comes_back_is_one_person_with_their_figures_together(open_records: Open) -> None:
    records, calls = open_records(), Calls(rooms=1, people=3, episode=QUIET)
    feed(records, 60, calls)
    everybody = calls.rooms[BAD]
    again = replace(everybody[2], participant="p-again", joins=60)
    calls.rooms[BAD] = (*everybody[:2], again)
    feed(records, 60, calls, end=True)
    report = records.report(BAD)
    assert report is not None
    assert [person.name for person in report.people] == ["Ada", "Bo", "Siti"]
    siti = report.people[2]
    assert [visit.participant for visit in siti.visits] == [everybody[2].participant, "p-again"]
    assert siti.down.seconds == report.people[0].down.seconds - everybody[2].joins
    assert len(siti.tracks) == 4
    (listed,) = records.calls().calls
    assert (listed.people, listed.names) == (3, ("Ada", "Bo", "Siti"))
    records.vote(BAD, "p-again", "good", None)
    records.vote(BAD, everybody[2].participant, "poor", None)
    assert records.flush()
    assert records.opinions(0.0).audio.votes.n == 1
    assert records.opinions(0.0).sessions == 3


def test_a_file_of_the_release_before_is_taken_over(open_records: Open, tmp_path: Path) -> None:
    records = open_records()
    feed(records, 40, Calls(rooms=1, people=2), end=True)
    records.close()
    with closing(sqlite3.connect(tmp_path / schema.FILE)) as connection, connection:
        connection.executescript(
            "DROP TABLE spells; ALTER TABLE calls DROP COLUMN spells_kept; PRAGMA user_version = 1"
        )
    records = open_records()
    assert records.flush()
    (listed,) = records.calls().calls
    assert (listed.verdict, listed.finding, listed.people) == ("unknown", None, 2)
    report = records.report(BAD)
    assert report is not None
    assert {one.experience.verdict for one in report.people} == {"unknown"}
    assert records.calls(queries.CallsWanted(order="worst")).total == 1


def test_spells_go_with_their_call(open_records: Open, tmp_path: Path) -> None:
    records = open_records(keep_seconds=120, keep_tens=120, keep_minutes=120)
    feed(records, 60, Calls(rooms=1, people=2), end=True)
    assert records.findings().findings != ()
    feed(records, 130, Calls(1, 2, 2, START + 300, episode=QUIET), end=True)
    assert records.findings().findings == ()
    with closing(sqlite3.connect(tmp_path / schema.FILE)) as connection:
        assert connection.execute("SELECT count(*) FROM spells").fetchone() == (0,)


def test_a_call_that_lasts_shows_what_was_so_far(open_records: Open) -> None:
    records = open_records()
    feed(records, 45, Calls(rooms=1, people=2))
    (found, *_) = records.findings(findings.FindingsWanted(call=BAD)).findings
    assert (found.finding.kind, found.finding.seconds) == ("connection", 15)


def test_too_few_packets_have_no_grade(open_records: Open) -> None:
    records = open_records()
    feed(records, 5, Calls(rooms=1, people=2), end=True)
    report = records.report(BAD)
    assert report is not None
    for person in report.people:
        assert {(one.overall, one.words) for one in person.up.grades} == {(None, "tooShort")}
        assert person.experience.verdict == "short"
