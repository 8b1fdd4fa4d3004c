"""Spells become findings, the worst first, and a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from signaling.records.experience import (
    Experience,
    SpellRow,
    experience,
    findings,
    worst,
    worst_verdict,
)

NAMES = {"p1": "Rani", "p2": "Budi"}


def spell(kind: Any = "connection", seconds: float = 32.0, **more: Any) -> SpellRow:
    base = {"side": "own", "cause": "loss", "share": 7.0, "other": "", "began": 100.0}
    base |= more
    return SpellRow("p1", kind, ended=base["began"] + seconds, seconds=seconds, **base)


def experienced(*spells: SpellRow, present: float = 600.0, video: int = 600) -> Experience:
    return experience(spells, NAMES, present=present, video_seconds=video)


def test_a_clean_call_is_good_whatever_it_took_of_the_network() -> None:
    found = experienced()
    assert (found.verdict, found.findings, found.full_share) == ("good", (), 100.0)


def test_a_finding_says_what_when_and_whose() -> None:
    (found,) = experienced(spell()).findings
    assert (found.name, found.kind, found.side, found.cause) == (
        "Rani",
        "connection",
        "own",
        "loss",
    )
    assert (found.began, found.ended, found.seconds, found.share) == (100.0, 132.0, 32.0, 7.0)


def test_spells_of_one_cause_are_one_finding() -> None:
    many = [
        spell(began=100.0 + 100 * number, seconds=10.0, share=3.0 * number) for number in (1, 2)
    ]
    (found,) = findings(many, NAMES)
    assert (found.times, found.seconds, found.began, found.ended) == (2, 20.0, 200.0, 310.0)
    assert found.share == 4.5


def test_senders_are_distinguished_by_name() -> None:
    frozen = [
        spell("frozen", 2.0, side="other", other="p2"),
        spell("frozen", 1.0, side="other", other="gone"),
    ]
    assert [one.other_name for one in findings(frozen, NAMES)] == ["Budi", ""]


def test_the_worst_comes_first_by_what_it_disturbs() -> None:
    found = experienced(
        spell("lowered", 120.0, cause="narrow"),
        spell("connection", 32.0),
        spell("concealed", 8.0),
        spell("frozen", 3.0),
    ).findings
    assert [one.kind for one in found] == ["concealed", "connection", "frozen", "lowered"]


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [("connection", 2), ("frozen", 0.3), ("concealed", 0.1), ("noVideo", 2), ("lowered", 9)],
)
def test_what_nobody_notices_is_no_finding(kind: str, seconds: float) -> None:
    assert experienced(spell(kind, seconds)).findings == ()


@pytest.mark.parametrize(
    ("spells", "present", "verdict"),
    [
        ([spell(seconds=32.0)], 3600.0, "bad"),
        ([spell(seconds=10.0)], 3600.0, "some"),
        ([spell(seconds=10.0)], 100.0, "bad"),
        ([spell(seconds=4.0)], 40.0, "some"),
        ([spell("frozen", 20.0), spell("noVideo", 15.0)], 3600.0, "bad"),
        ([spell("concealed", 12.0)], 3600.0, "bad"),
        ([spell("lowered", 900.0, cause="narrow")], 3600.0, "some"),
        ([], 29.0, "short"),
        ([spell(seconds=20.0)], 29.0, "short"),
    ],
)
def test_verdicts(spells: list[SpellRow], present: float, verdict: str) -> None:
    assert experienced(*spells, present=present).verdict == verdict


def test_throughput_counts_as_the_share_of_time_in_which_all_that_was_wanted_came() -> None:
    less = [spell("lowered", 60.0, cause="narrow"), spell("noVideo", 30.0, cause="narrow")]
    assert experienced(*less).full_share == 85.0
    assert experienced(video=0).full_share is None


def test_a_call_of_an_earlier_release_has_no_verdict() -> None:
    found = experience((), NAMES, present=600.0, video_seconds=10, known=False)
    assert found.verdict == "unknown"


def test_a_call_is_as_bad_as_it_was_for_whoever_fared_worst() -> None:
    clean, bad, brief = experienced(), experienced(spell()), experienced(present=5.0)
    assert worst_verdict([clean, bad, brief]) == "bad"
    assert worst_verdict([clean, brief]) == "good"
    assert worst_verdict([]) == "short"
    found = worst([clean, bad, experienced(spell(seconds=4.0))])
    assert found is not None
    assert found.seconds == 32.0
    assert worst([clean]) is None
