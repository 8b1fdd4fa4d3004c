from __future__ import annotations

import itertools

import pytest

from signaling import messages
from signaling.conference.participant import SILENT
from signaling.conference.quality import (
    BETTER_AFTER,
    FAIR,
    GOOD,
    INTERVAL,
    RELIEF,
    WORSE_AFTER,
    Measure,
    NetworkQuality,
    QualityReports,
    grade,
    measure,
)
from signaling.conference.room import Room
from tests.signaling.people import Person, call, stats

CLEAN = Measure(0.0, 20.0, 2.0)
BAD = Measure(30.0, 20.0, 2.0)


@pytest.mark.parametrize(
    ("figures", "level"),
    [
        (CLEAN, "good"),
        (GOOD, "good"),
        (GOOD._replace(loss_percent=3.1), "fair"),
        (GOOD._replace(rtt_ms=301.0), "fair"),
        (GOOD._replace(jitter_ms=40.1), "fair"),
        (FAIR, "fair"),
        (FAIR._replace(loss_percent=10.1), "poor"),
        (FAIR._replace(rtt_ms=801.0), "poor"),
        (FAIR._replace(jitter_ms=100.1), "poor"),
        (Measure(100.0, 0.0, 0.0), "poor"),
    ],
)
def test_bounds(figures: Measure, level: str) -> None:
    assert grade(figures) == level


def test_the_worse_direction_counts() -> None:
    up = stats("r.1", loss_percent=4.0, jitter_ms=7.0)
    down = stats("r.2", loss_percent=1.0, rtt_ms=80.0, jitter_ms=3.0)
    assert measure(up, down) == Measure(4.0, 80.0, 7.0)
    assert measure(None, down) == Measure(1.0, 80.0, 3.0)
    assert measure(None, None) is None


def levels(network: NetworkQuality, *series: Measure) -> list[messages.Level | None]:
    seen = []
    for figures in series:
        network.add(figures)
        seen.append(network.level)
    return seen


def test_the_first_measurement_counts_at_once() -> None:
    assert levels(NetworkQuality(), BAD) == ["poor"]


def test_a_single_bad_second_changes_nothing() -> None:
    seen = levels(NetworkQuality(), CLEAN, BAD, CLEAN, BAD, CLEAN)
    assert seen == ["good"] * 5


def test_it_falls_and_rises_slowly() -> None:
    network = NetworkQuality()
    assert levels(network, CLEAN, *[BAD] * WORSE_AFTER)[-2:] == ["good", "poor"]
    assert levels(network, *[CLEAN] * BETTER_AFTER) == ["poor"] * (BETTER_AFTER - 1) + ["good"]


def test_a_level_does_not_flap_at_its_bound() -> None:
    network = NetworkQuality()
    above = GOOD._replace(loss_percent=GOOD.loss_percent + 0.1)
    below = GOOD._replace(loss_percent=GOOD.loss_percent - 0.1)
    levels(network, *[above] * WORSE_AFTER)
    assert set(levels(network, *[above, below] * 20, *[below] * 20)) == {"fair"}
    relieved = Measure(*(bound * RELIEF for bound in GOOD))
    assert levels(network, *[relieved] * BETTER_AFTER)[-1] == "good"


def test_lost_comes_at_once_and_goes_at_once() -> None:
    network = NetworkQuality()
    network.set_lost()
    # Still being built, not lost.
    assert network.level is None
    levels(network, CLEAN)
    network.set_lost()
    assert network.level == "lost"
    assert levels(network, CLEAN) == ["good"]


def test_changes_are_sent_and_not_too_often() -> None:
    reports, network = QualityReports(), NetworkQuality()
    assert reports.next({"p": network}, 0.0) is None
    levels(network, Measure(0.4, 23.0, 1.0))
    assert reports.next({"p": network}, 1.0) == (messages.QualityOf("p", "good", 0, 23, 1),)
    for noise in (Measure(0.0, 43.0, 2.0), Measure(1.0, 4.0, 11.0)):
        levels(network, noise)
        assert reports.next({"p": network}, 1.0 + INTERVAL) is None
    levels(network, Measure(0.0, 90.0, 2.0))
    assert reports.next({"p": network}, 2.0 + INTERVAL) == (
        messages.QualityOf("p", "good", 0, 90, 2),
    )
    network.set_lost()
    # Too soon.
    assert reports.next({"p": network}, 3.0 + INTERVAL) is None
    sent = reports.next({"p": network}, 2.0 + 2 * INTERVAL)
    assert sent is not None
    assert sent[0].level == "lost"


class Clock:
    """Seconds of statistics of one room."""

    def __init__(self, room: Room) -> None:
        self.room, self.now, self.counts = room, 100.0, itertools.count(1)

    def second(self, *figures: tuple[str, dict[str, float]], silent: bool = False) -> None:
        self.now += 1.0
        for transport, values in figures:
            packets = 0 if silent else next(self.counts)
            self.room.transport_stats(stats(transport, packets, **values), self.now)
        self.room.grade(self.now)


def test_everybody_is_sent_the_quality_of_all(room: Room) -> None:
    ada, bo = call(room)
    assert ada.participant.publication is not None
    assert bo.participant.subscription is not None
    up, down = ada.participant.publication.transport, bo.participant.subscription.transport
    clock = Clock(room)
    clock.second((up, {"loss_percent": 12.0}), (down, {"rtt_ms": 50.0}))
    for person in (ada, bo):
        (sent,) = person.got(messages.Quality)
        assert sent.participants == (
            messages.QualityOf(ada.id, "poor", 12, 0, 0),
            messages.QualityOf(bo.id, "good", 0, 50, 0),
        )
    # A newcomer and one who is back know at once; somebody without media is not in it.
    cy = Person(room, "Cy")
    assert cy.got(messages.Quality) == [sent]
    bo.away()
    assert sent in bo.back()


@pytest.mark.parametrize("how", ["away", "silent", "failed"])
def test_lost(room: Room, how: str) -> None:
    ada, bo = call(room)
    transport = ada.change("publish", "connected")
    clock = Clock(room)
    clock.second((transport, {}))
    if how == "away":
        ada.away(clock.now)
    elif how == "failed":
        ada.change("publish", "failed", "iceTimeout")
    for _ in range(int(SILENT) + 2):
        clock.second((transport, {}), silent=True)
    assert bo.got(messages.Quality)[-1].participants[0].level == "lost"


def test_who_has_nothing_to_send_is_not_lost(room: Room) -> None:
    ada, bo = call(room)
    transport = ada.change("publish", "connected")
    audio, video = ada.tracks
    clock = Clock(room)
    clock.second((transport, {}))
    room.mute(ada.participant, messages.Mute(audio, True))
    assert ada.participant.publication is not None
    # Nobody looks.
    ada.participant.publication.layers[video] = ()
    for _ in range(20):
        clock.second((transport, {}), silent=True)
    assert bo.got(messages.Quality)[-1].participants[0].level == "good"
