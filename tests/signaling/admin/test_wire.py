from __future__ import annotations

import msgspec
import pytest

from qos import grades
from signaling.admin import wire
from signaling.admin.wire import Wire
from signaling.meter.samples import Sample
from tests.signaling.samples import BAD_PERSON, Calls


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Ten rooms of ten people, who were there for long enough to be judged."""
    calls = Calls(rooms=10, people=10)
    calls.skip(39)
    return calls.step()[0]


def named(columns: tuple[str, ...], row: list[object]) -> dict[str, object]:
    return dict(zip(columns, row, strict=True))


def test_a_second_of_ten_rooms_of_ten_is_small(sample: Sample) -> None:
    view = Wire(sample, "tiphon", {})
    overview = len(msgspec.json.encode(view.overview()))
    room = len(msgspec.json.encode(view.detail(sample.rooms[0].room, "")))
    person = len(
        msgspec.json.encode(view.detail("", sample.rooms[0].people[BAD_PERSON].participant))
    )
    # Before compression, and with the largest detail: a fifth of what is allowed.
    assert overview + max(room, person) < 25_000


def test_every_row_has_its_columns_and_figures_are_those_of_the_sample(sample: Sample) -> None:
    message = Wire(sample, "tiphon", {}).overview()
    for row, room in zip(message["rooms"], sample.rooms, strict=True):
        entry = named(wire.ROOM, row)
        assert entry["room"] == room.room
        for line, person in zip(entry["people"], room.people, strict=True):  # type: ignore[call-overload]
            cells = named(wire.PERSON, line)
            down = named(wire.SHORT, cells["down"])  # type: ignore[arg-type]
            assert cells["participant"] == person.participant
            assert down["bitrate"] == pytest.approx(person.down.bitrate, abs=1)
            assert down["loss"] == pytest.approx(person.down.loss, abs=0.01)
            assert down["jitter"] == pytest.approx(person.down.jitter, abs=1e-5)
            overall = named(wire.GRADES, cells["grades"])["overall"]  # type: ignore[arg-type]
            assert overall == person.grades.overall


def test_a_person_in_detail_has_both_ends_of_every_track(sample: Sample) -> None:
    person = sample.rooms[2].people[BAD_PERSON]
    message = Wire(sample, "tiphon", {}).detail("", person.participant)
    assert len(message["tracks"]) == len(person.tracks) == 2 + 16
    for row, track in zip(message["tracks"], person.tracks, strict=True):
        cells = named(wire.TRACK, row)
        figures = named(wire.FULL, cells["figures"])  # type: ignore[arg-type]
        assert message["words"][figures["mosModel"]] == track.figures.mos_model
        assert message["words"][cells["codec"]] == track.codec
        assert (cells["browser"] is None) == (track.browser is None)
        if track.browser:
            browser = named(wire.BROWSER, cells["browser"])  # type: ignore[arg-type]
            assert browser["freezeCount"] == track.browser.freeze_count


def test_a_room_in_detail_has_what_its_people_publish(sample: Sample) -> None:
    message = Wire(sample, "tiphon", {}).detail(sample.rooms[1].room, "")
    rows = [named(wire.TRACK, row) for row in message["tracks"]]
    assert {row["direction"] for row in rows} == {"inbound"}
    assert len(rows) == 18
    assert message["ways"] is None


def test_who_is_not_there_has_no_tracks(sample: Sample) -> None:
    message = Wire(sample, "tiphon", {}).detail("", "nobody")
    assert (message["ways"], message["tracks"]) == (None, [])


@pytest.mark.parametrize("profile", grades.PROFILES)
def test_grades_follow_the_profile(sample: Sample, profile: str) -> None:
    person = sample.rooms[0].people[BAD_PERSON]
    track = person.tracks[0]
    message = Wire(sample, profile, {}).detail("", person.participant)
    cells = named(wire.TRACK, message["tracks"][0])
    expected = grades.grade(
        profile,
        kind=track.kind,
        throughput=track.figures.bitrate,
        delay=track.figures.delay,
        jitter=track.figures.jitter,
        loss=track.figures.loss,
    )
    assert cells["grades"] == [
        pytest.approx(expected.overall, abs=0.01),
        expected.throughput,
        expected.delay,
        expected.jitter,
        expected.loss,
    ]


def test_by_another_profile_the_worse_direction_counts(sample: Sample) -> None:
    person = sample.rooms[0].people[0]
    lossy = msgspec.structs.replace(person.up, loss=9.0)
    person = msgspec.structs.replace(person, up=lossy, tracks=())
    assert wire.regrade("cisco-video", person).loss == 0
    assert wire.regrade("cisco-video", msgspec.structs.replace(person, up=person.down)).loss == 4


def test_what_is_not_known_stays_unknown(sample: Sample) -> None:
    empty = type(sample.rooms[0].people[0].up)()
    person = msgspec.structs.replace(
        sample.rooms[0].people[0], up=empty, down=empty, protocol=None, tracks=()
    )
    room = msgspec.structs.replace(sample.rooms[0], people=(person,))
    message = Wire(msgspec.structs.replace(sample, rooms=(room,)), "g1010", {}).overview()
    cells = named(wire.PERSON, message["rooms"][0][5][0])
    assert cells["up"] == [None] * 6
    assert cells["grades"] == [None] * 5
    assert wire.regrade("tiphon", person).overall is None
