from __future__ import annotations

import random
from typing import Any

import pytest

from signaling.records import groups
from signaling.records.report import SessionRow


def session(number: int, **figures: float | None) -> SessionRow:
    base: dict[str, Any] = {"loss": 0.1, "delay": 0.04, "jitter": 0.004, "freezes": 0.0}
    base |= {"vote": None} | figures
    return SessionRow(
        call=f"c{number}", room="r", participant=f"p{number}", name="Ada", joined=0.0, **base
    )


def mixed() -> list[SessionRow]:
    """Thirty good sessions, sixteen that lose packets, six that are far away."""
    source = random.Random(3)

    def about(value: float) -> float:
        return value * source.uniform(0.9, 1.1)

    good = [session(n, loss=about(0.2), jitter=about(0.004), vote=4.0) for n in range(30)]
    lossy = [
        session(n, loss=about(9.0), jitter=about(0.05), freezes=about(4.0), vote=2.0)
        for n in range(30, 46)
    ]
    far = [session(n, delay=about(0.5)) for n in range(46, 52)]
    rows = good + lossy + far
    source.shuffle(rows)
    return rows


def test_what_bad_calls_share_is_found() -> None:
    found = groups.group(mixed())
    assert [(group.sessions, group.bad) for group in found] == [(16, True), (6, True), (30, False)]
    lossy, far, good = found
    levels = {trait.feature: trait.level for trait in lossy.traits}
    assert levels["loss"] == levels["jitter"] == levels["freezes"] == "muchHigher"
    assert levels["vote"] == "muchLower"
    assert far.traits[0].feature == "delay"
    assert far.traits[0].level == "muchHigher"
    assert far.traits[0].mean == pytest.approx(0.5, rel=0.1)
    assert "of 52 sessions. What they share: much higher delay (" in far.text
    assert all(trait.level in ("usual", "lower", "higher") for trait in good.traits)
    assert sum(group.share for group in found) == pytest.approx(1.0, abs=1e-3)
    assert all(float(row.participant[1:]) >= 30 for row in lossy.examples)


def test_the_same_sessions_give_the_same_groups() -> None:
    assert groups.group(mixed()) == groups.group(mixed())


def test_a_few_votes_say_nothing_of_a_group() -> None:
    rows = [session(n, loss=0.1 + 8 * (n % 3 == 0), vote=4.0 - (n % 3 == 0)) for n in range(12)]
    for group in groups.group(rows):
        vote = next(trait for trait in group.traits if trait.feature == "vote")
        assert (vote.mean, vote.level) == (None, "usual")


def test_nobody_voted() -> None:
    rows = [session(n, loss=0.1 + 8 * (n % 3 == 0)) for n in range(12)]
    found = groups.group(rows)
    assert found[0].bad
    vote = next(trait for trait in found[0].traits if trait.feature == "vote")
    assert (vote.mean, vote.overall, vote.level) == (None, None, "usual")


def test_what_was_not_measured_is_not_taken_for_none() -> None:
    """Somebody whose round trip nobody knows is not nearer than the others."""
    rows = [session(n, delay=None if n % 2 else 0.5, loss=9.0 * (n % 4 < 2)) for n in range(24)]
    found = groups.group(rows)
    assert len(found) == 2
    for one in found:
        delay = next(trait for trait in one.traits if trait.feature == "delay")
        assert (delay.mean, delay.level) == (pytest.approx(0.5), "usual")
        assert any(row.delay is None for row in one.examples)
    nobody = [session(n, delay=None, loss=9.0 * (n % 4 < 2)) for n in range(24)]
    delay = next(trait for trait in groups.group(nobody)[0].traits if trait.feature == "delay")
    assert (delay.mean, delay.overall, delay.level) == (None, None, "usual")


def test_nothing_to_distinguish() -> None:
    assert groups.group([]) == ()
    assert groups.group([session(n) for n in range(groups.LEAST - 1)]) == ()
    assert groups.group([session(n) for n in range(100)]) == ()


def test_differences_that_nobody_notices_are_not_bad() -> None:
    rows = [session(n, loss=0.01 + 0.3 * (n % 3 == 0), jitter=0.003) for n in range(30)]
    assert not any(group.bad for group in groups.group(rows))


def test_k_means_finds_separate_heaps_and_no_group_is_empty() -> None:
    source = random.Random(7)
    heaps = ((0.0, 0.0), (10.0, 0.0), (0.0, 10.0))
    vectors = [
        (x + source.gauss(0, 0.5), y + source.gauss(0, 0.5)) for x, y in heaps for _ in range(20)
    ]
    centres, labels = groups.k_means(vectors, 3)
    assert len(set(labels)) == 3
    for start in (0, 20, 40):
        assert len(set(labels[start : start + 20])) == 1
    for heap in heaps:
        assert min(abs(x - heap[0]) + abs(y - heap[1]) for x, y in centres) < 0.6
