"""Trouble becomes spells: what, how long, on whose side."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from signaling.meter.samples import (
    BrowserFigures,
    Figures,
    Grades,
    Link,
    PersonSample,
    RoomSample,
    TrackSample,
)
from signaling.records import spells
from signaling.records.spells import Spell, Spells, Why

BEGIN = 1000.0
GOOD = Link(loss=0.2, round_trip_time=0.03, jitter=0.004)
LOSSY = Link(loss=7.0, round_trip_time=0.03, jitter=0.004)
NO_GRADES = Grades(profile="tiphon", overall=None)


def track(publisher: str, kind: str = "video", **more: Any) -> TrackSample:
    base = {
        "track": f"{publisher}-{kind}",
        "direction": "outbound",
        "publisher": publisher,
        "kind": kind,
        "source": "camera" if kind == "video" else "microphone",
        "codec": "VP8" if kind == "video" else "opus",
        "figures": Figures(),
        "grades": NO_GRADES,
    }
    return TrackSample(**(base | more))


def heard(publisher: str, loss: float, jitter: float = 0.004) -> TrackSample:
    """A voice as somebody receives it."""
    return track(publisher, "audio", figures=Figures(loss=loss, jitter=jitter, packets=50))


def person(name: str, **more: Any) -> PersonSample:
    base = {
        "participant": name,
        "name": name.title(),
        "joined": 0.0,
        "connected": True,
        "up": Figures(),
        "down": Figures(),
        "grades": NO_GRADES,
        "level": "good",
        "up_link": GOOD,
        "down_link": GOOD,
    }
    return PersonSample(**(base | more))


LOST = (heard("somebody", 7.0),)
"""Of one whose own network loses 7 %."""


class Call:
    """One room, second by second."""

    def __init__(self) -> None:
        self.spells, self.at = Spells(), BEGIN

    def second(
        self,
        *people: PersonSample,
        busy: bool = False,
        news: dict[tuple[str, str], BrowserFigures] | None = None,
    ) -> None:
        room = RoomSample(call="c", room="Kelas", worker=0, started=0.0, capacity=10, people=people)
        self.spells.add_second(room, news or {}, self.at, busy)
        self.at += 1

    def of(self, participant: str, kind: str) -> list[Spell]:
        return [s for s in self.spells.all if (s.participant, s.kind) == (participant, kind)]

    def one(self, participant: str, kind: str) -> Spell:
        (spell,) = self.of(participant, kind)
        return spell


def frozen(seconds: float) -> BrowserFigures:
    return BrowserFigures(age=0.0, seconds=5.0, freeze_count=1, freezes_duration=seconds)


def concealed(percent: float) -> BrowserFigures:
    return BrowserFigures(age=0.0, seconds=5.0, concealed=percent)


def test_loss_beyond_three_percent_is_lived_through_on_ones_own_network() -> None:
    call = Call()
    for _ in range(32):
        call.second(person("rani", tracks=LOST, level="fair"), person("budi"))
    for _ in range(30):
        call.second(person("rani"), person("budi"))
    spell = call.one("rani", "connection")
    assert (spell.began, spell.ended, spell.seconds) == (BEGIN - 1, BEGIN + 31, 32)
    assert spell.share == pytest.approx(7.0)
    assert spell.why == Why("own", "loss")
    assert call.of("budi", "connection") == []


@pytest.mark.parametrize(
    ("link", "level", "cause"),
    [
        (Link(loss=0.0, round_trip_time=1.2, jitter=0.004), "poor", "delay"),
        (Link(loss=0.0, round_trip_time=0.05, jitter=0.15), "poor", "jitter"),
        (Link(loss=12.0, round_trip_time=0.35, jitter=0.004), "poor", "loss"),
    ],
)
def test_the_cause_is_what_is_furthest_beyond_what_is_good(
    link: Link, level: str, cause: str
) -> None:
    call = Call()
    for _ in range(5):
        call.second(person("rani", up_link=link, level=level))
    assert call.one("rani", "connection").why == Why("own", cause)


def test_what_a_jitter_buffer_takes_is_no_trouble() -> None:
    call = Call()
    far = Link(loss=0.0, round_trip_time=0.35, jitter=0.0)
    for _ in range(20):
        uneven = (heard("budi", 0.5, jitter=0.06),)
        call.second(person("rani", down_link=far, tracks=uneven, level="fair"))
    assert call.spells.all == []


def test_short_pauses_are_one_spell_and_long_ones_two() -> None:
    call = Call()
    for bad in (3, 0, 3, 0):
        for _ in range(bad):
            call.second(person("rani", tracks=LOST))
        for _ in range(8 if len(call.spells.all) == 1 and bad == 0 else 0):
            call.second(person("rani"))
    assert call.one("rani", "connection").seconds == 6
    for _ in range(15):
        call.second(person("rani"))
    call.second(person("rani", tracks=LOST))
    assert [spell.seconds for spell in call.of("rani", "connection")] == [6, 1]


def test_who_comes_back_was_cut_off_and_who_closed_the_page_was_not() -> None:
    call = Call()
    call.second(person("rani"), person("budi"))
    for _ in range(6):
        call.second(person("rani", level="lost"), person("budi", level="lost"))
    call.second(person("rani"))
    spell = call.one("rani", "connection")
    assert (spell.seconds, spell.why) == (7, Why("own", "cut"))
    assert call.of("budi", "connection") == []


def test_frozen_video_is_put_to_the_uplink_that_lost_it() -> None:
    call = Call()
    call.second(person("rani", up_link=LOSSY), person("budi"))
    for _ in range(4):
        call.second(person("rani"), person("budi"))
    sees = person("budi", tracks=(track("rani"),))
    call.second(person("rani"), sees, news={("budi", "rani-video"): frozen(2.5)})
    spell = call.one("budi", "frozen")
    assert (spell.seconds, spell.why) == (2.5, Why("other", "loss", "rani"))
    assert (spell.began, spell.ended) == (call.at - 6, call.at - 1)


def test_frozen_video_is_put_to_the_network_of_who_lost_more() -> None:
    call = Call()
    sees = person("budi", tracks=(track("rani", figures=Figures(loss=9.0, packets=100)),))
    news = {("budi", "rani-video"): frozen(1.0)}
    call.second(person("rani", up_link=Link(loss=2.0)), sees, news=news)
    assert call.one("budi", "frozen").why == Why("own", "loss")


def test_what_a_sender_loses_is_not_put_to_those_who_receive_it() -> None:
    call = Call()
    for _ in range(10):
        arrives = track("rani", "audio", direction="inbound", figures=Figures(loss=6.0, jitter=0.2))
        sends = person("rani", up_link=Link(loss=6.0, jitter=0.2), tracks=(arrives,))
        call.second(sends, person("budi", tracks=(heard("rani", 6.5, jitter=0.21),)))
    assert call.one("rani", "connection").why.side == "own"
    assert call.of("budi", "connection") == []


def test_a_sender_whose_feedback_is_lost_explains_what_froze() -> None:
    call = Call()
    sees = person("budi", tracks=(track("rani"),))
    news = {("budi", "rani-video"): frozen(1.0)}
    call.second(person("rani", tracks=(heard("budi", 7.0),)), sees, news=news)
    assert call.one("budi", "frozen").why == Why("other", "loss", "rani")


def test_frozen_video_that_no_network_explains_is_put_to_nobody() -> None:
    call = Call()
    sees = person("budi", tracks=(track("rani"),))
    call.second(person("rani"), sees, news={("budi", "rani-video"): frozen(1.0)})
    assert call.one("budi", "frozen").why == Why("unknown", "device")


def test_of_several_videos_that_freeze_at_once_the_longest_counts() -> None:
    call = Call()
    sees = person("budi", tracks=(track("rani"), track("siti")))
    news = {("budi", "rani-video"): frozen(2.0), ("budi", "siti-video"): frozen(1.0)}
    call.second(person("rani"), person("siti"), sees, news=news)
    assert call.one("budi", "frozen").seconds == 2.0


def test_made_up_sound_is_counted_in_seconds_of_sound() -> None:
    call = Call()
    hears = person("budi", tracks=(heard("rani", 7.0),))
    for percent in (4.0, 0.5, 2.0):
        call.second(person("rani"), hears, news={("budi", "rani-audio"): concealed(percent)})
    spell = call.one("budi", "concealed")
    assert spell.seconds == pytest.approx(0.2 + 0.1)
    assert spell.share == pytest.approx((4.0 * 0.2 + 2.0 * 0.1) / 0.3)


@pytest.mark.parametrize(
    ("more", "kind", "why"),
    [
        ({"state": "pausedByBandwidth"}, "noVideo", Why("own", "narrow")),
        ({"state": "shed"}, "noVideo", Why("server", "busy")),
        ({"state": "noPackets"}, "noVideo", Why("other", "silent", "rani")),
        ({"state": "noKeyframe"}, "noVideo", Why("unknown", "keyframe")),
        ({"limited": True}, "lowered", Why("own", "narrow")),
    ],
)
def test_video_that_is_missing_or_less_than_wanted(
    more: dict[str, Any], kind: str, why: Why
) -> None:
    call = Call()
    for _ in range(4):
        call.second(person("rani"), person("budi", tracks=(track("rani", **more),)))
    spell = call.one("budi", kind)
    assert (spell.seconds, spell.why) == (4, why)


@pytest.mark.parametrize("more", [{"state": "hidden"}, {"muted": True, "state": "noPackets"}])
def test_what_nobody_looks_at_is_not_missing(more: dict[str, Any]) -> None:
    call = Call()
    for _ in range(4):
        call.second(person("rani"), person("budi", tracks=(track("rani", **more),)))
    assert call.spells.all == []


def test_nobody_misses_video_that_has_only_just_begun() -> None:
    call = Call()
    for _ in range(5):
        sender = person("rani", joined=BEGIN - 2)
        call.second(sender, person("budi", tracks=(track("rani", state="noKeyframe"),)))
    assert call.spells.all == []


def test_a_layer_that_others_want_and_does_not_come_is_the_senders() -> None:
    call = Call()
    sends = person("rani", tracks=(track("rani", direction="inbound", limited=True),))
    for _ in range(12):
        call.second(sends)
    assert call.one("rani", "sentLowered").why == Why("own", "narrow")


def test_when_most_are_in_trouble_at_once_it_is_the_servers_network() -> None:
    call = Call()
    everybody = [person(name, tracks=LOST) for name in ("a", "b", "c")]
    for _ in range(5):
        call.second(*everybody, person("d"))
    assert call.one("a", "connection").why == Why("server", "everybody")
    assert call.of("d", "connection") == []


def test_two_of_two_in_trouble_are_no_crowd() -> None:
    call = Call()
    call.second(*(person(name, tracks=LOST) for name in ("a", "b")))
    assert call.one("a", "connection").why == Why("own", "loss")


def test_a_busy_server_is_to_blame_for_all() -> None:
    call = Call()
    call.second(person("a", tracks=LOST), busy=True)
    assert call.one("a", "connection").why == Why("server", "busy")


def test_a_clock_that_jumps_begins_anew() -> None:
    call = Call()
    call.second(person("rani", tracks=LOST))
    for at in (BEGIN - 3600, BEGIN + 7200):
        call.at = at
        call.second(person("rani", tracks=LOST))
    found = call.of("rani", "connection")
    assert [spell.seconds for spell in found] == [1, 1, 1]
    assert all(spell.began <= spell.ended for spell in found)


def test_what_is_over_and_written_is_forgotten() -> None:
    call = Call()
    call.second(person("rani", tracks=LOST), person("budi", tracks=LOST))
    call.second(person("rani"))
    call.spells.written()
    assert [spell.participant for spell in call.spells.all] == ["rani"]
    assert not call.spells.all[0].changed


def test_a_call_keeps_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spells, "MOST_SPELLS", 3)
    call = Call()
    for _ in range(5):
        call.second(person("rani", tracks=LOST))
        call.at += 60
    assert len(call.spells.all) == 3
    assert call.spells.left_out == 2


def test_an_impossible_report_is_not_believed() -> None:
    call = Call()
    absurd = msgspec.structs.replace(frozen(3.0), absurd=True)
    sees = person("budi", tracks=(track("rani"),))
    call.second(person("rani"), sees, news={("budi", "rani-video"): absurd})
    assert call.spells.all == []
