"""What goes in comes out again: as seconds, tens, minutes and as a whole; and it stays small."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from signaling.records import charts, points, queries, schema
from signaling.records.store import NoHistoryError, Records, Settings
from tests.signaling.records.conftest import Clock, Open, feed
from tests.signaling.samples import START, Calls, Episode


def rows(folder: Path, question: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / schema.FILE)) as connection:
        return connection.execute(question, values).fetchall()


def test_a_call_is_reported(open_records: Open) -> None:
    records, calls = open_records(), Calls(rooms=2, people=4)
    feed(records, 130, calls, end=True)
    call, people = next(iter(calls.rooms.items()))
    report = records.report(call)
    assert report is not None
    assert (report.room, report.started, report.ended) == ("Physics 2", START, START + 130.25)
    assert [person.name for person in report.people] == [person.name for person in people]
    assert [person.joined for person in report.people] == [START + p.joins for p in people]
    assert {person.left for person in report.people} == {START + 130.25}
    assert [event.kind for event in report.events][:3] == ["callStarted", "joined", "published"]
    assert report.events[-1].kind == "callEnded"
    ada, bo = report.people[:2]
    assert ada.up.seconds == 130
    assert {track.source for track in ada.tracks} == {"microphone", "camera"}
    assert all(track.summary.seconds == 130 for track in ada.tracks)
    assert ada.down_audio is not None
    assert ada.down_audio.browser is not None
    assert (bo.down.loss.worst or 0.0) > 5 > (bo.down.loss.mean or 0.0) > 0
    assert bo.down.freezes > ada.up.freezes
    assert records.state == "ok"


def test_nobody_knows_a_call_that_was_not(open_records: Open) -> None:
    records = open_records()
    assert records.flush()
    assert records.report("x") is None
    assert records.series("x") is None
    assert records.calls().calls == ()


def sums(calls: Calls, seconds: int, call: str, participant: str) -> tuple[int, int, float]:
    """Packets, losses and bits of what somebody was sent, straight from the samples."""
    packets, lost, bits = 0, 0, 0.0
    for _ in range(seconds):
        sample, _ = calls.step()
        for room in sample.rooms:
            for person in room.people:
                if room.call == call and person.participant == participant:
                    packets += person.down.packets
                    lost += person.down.packets_lost
                    bits += person.down.bitrate or 0.0
    return packets, lost, bits


@pytest.mark.parametrize("step", [1, 10, 60])
def test_roll_ups_lose_nothing(open_records: Open, step: int) -> None:
    records = open_records()
    # Neither begin nor end at a full minute.
    feed(records, 250, Calls(people=3, start=START + 7))
    call, people = next(iter(Calls(people=3).rooms.items()))
    who = people[1].participant
    packets, lost, bits = sums(Calls(people=3, start=START + 7), 250, call, who)
    chart = records.series(call, charts.SeriesWanted(points=-(-260 // step) + 1, participant=who))
    assert chart is not None
    assert chart.step == step
    down = next(series.points for series in chart.series if series.direction == "outbound")
    assert sum(down.packets) == packets
    assert sum(down.packets_lost) == lost
    report = records.report(call)
    assert report is not None
    summary = report.people[1].down
    assert (summary.packets, summary.packets_lost) == (packets, lost)
    assert summary.loss.mean == pytest.approx(100 * lost / packets, abs=1e-5)
    assert summary.bitrate == pytest.approx(bits / summary.seconds, rel=1e-4)
    # The worst second survives in the coarsest point.
    assert max(value or 0.0 for value in down.loss_worst) == summary.loss.worst
    assert summary.loss.worst is not None
    assert summary.loss.worst > max(value or 0.0 for value in down.loss) - 1e-3


def test_a_chart_has_no_more_points_than_asked_for(open_records: Open) -> None:
    records, calls = open_records(), Calls(rooms=1, people=2)
    feed(records, 400, calls, end=True)
    call = next(iter(calls.rooms))
    for most in (1, 2, 7, 50, 400):
        for since, until in ((None, None), (START + 33, START + 77), (START, START + 1e9)):
            wanted = charts.SeriesWanted(since=since, until=until, points=most)
            chart = records.series(call, wanted)
            assert chart is not None
            assert all(len(series.points.at) <= most for series in chart.series)
            assert all(series.points.at for series in chart.series)


def test_tracks_are_given_when_wanted(open_records: Open) -> None:
    records, calls = open_records(outbound_tracks=True), Calls(rooms=1, people=3)
    feed(records, 70, calls)
    call = next(iter(calls.rooms))
    chart = records.series(call, charts.SeriesWanted(tracks=True, direction="outbound"))
    assert chart is not None
    single = [series for series in chart.series if series.track]
    # Everybody is sent both tracks of both others.
    assert len(single) == 3 * 2 * 2
    assert all(series.publisher and series.publisher != series.participant for series in single)
    report = records.report(call)
    assert report is not None
    assert report.people[0].tracks[-1].summary.browser is not None


def test_seconds_go_before_tens_and_tens_before_minutes(open_records: Open) -> None:
    records = open_records(keep_seconds=120, keep_tens=300, keep_minutes=3600)
    calls = Calls(rooms=1, people=2)
    feed(records, 900, calls)
    call = next(iter(calls.rooms))
    fine = records.series(call, charts.SeriesWanted(since=START + 800, points=1000))
    middle = records.series(call, charts.SeriesWanted(since=START + 700, points=1000))
    whole = records.series(call, charts.SeriesWanted(points=1000))
    assert fine is not None
    assert middle is not None
    assert whole is not None
    assert (fine.step, middle.step, whole.step) == (1, 10, 60)
    assert sum(whole.series[0].points.packets) == sum(
        sample.rooms[0].people[0].up.packets
        for sample, _ in (other.step() for other in [Calls(rooms=1, people=2)] for _ in range(900))
    )


def test_calls_go_when_they_are_too_old(open_records: Open) -> None:
    records = open_records(keep_seconds=120, keep_tens=120, keep_minutes=300)
    feed(records, 60, Calls(rooms=1, people=2, seed=1), end=True)
    feed(records, 500, Calls(rooms=1, people=2, seed=2, start=START + 100))
    assert [row.call for row in records.calls().calls] == ["call002x000"]
    assert records.report("call001x000") is None


def test_a_clock_that_is_wrong_for_a_moment_deletes_nothing(open_records: Open) -> None:
    records = open_records()
    year = 365 * 86_400
    feed(records, 70, Calls(rooms=1, people=2, seed=1), end=True)
    feed(records, 20, Calls(rooms=1, people=2, seed=2, start=START + year), end=True)
    feed(records, 200, Calls(rooms=1, people=2, seed=3, start=START + 80), end=True)
    assert records.calls().total == 3
    report = records.report("call001x000")
    assert report is not None
    assert report.people[0].up.seconds == 70


def test_a_clock_that_goes_back_loses_nothing(open_records: Open) -> None:
    records = open_records()
    calls = Calls(rooms=1, people=2)
    feed(records, 100, calls)
    calls._start -= 250
    feed(records, 100, calls)
    report = records.report(next(iter(calls.rooms)))
    assert report is not None
    assert report.people[0].up.seconds == 200


def test_the_file_stays_as_small_as_it_must(open_records: Open, tmp_path: Path) -> None:
    limit = 1024 * 1024
    records = open_records(max_bytes=limit, outbound_tracks=True)
    for seed in range(1, 8):
        calls = Calls(rooms=1, people=6, seed=seed, start=START + seed * 200)
        feed(records, 120, calls, end=True)
        assert (tmp_path / schema.FILE).stat().st_size <= limit
    assert records.state == "ok"
    kept = [row.call for row in records.calls(queries.CallsWanted(limit=200)).calls]
    assert "call007x000" in kept
    assert "call001x000" not in kept
    chart = records.series("call007x000")
    assert chart is not None
    assert len(chart.series[0].points.at) == 120


def test_calls_are_found_and_paged(open_records: Open) -> None:
    records = open_records()
    for seed in range(1, 4):
        feed(records, 8, Calls(rooms=2, people=4, seed=seed, start=START + seed * 100), end=True)

    def found(**wanted: object) -> list[str]:
        return [row.call for row in records.calls(queries.CallsWanted(**wanted)).calls]  # type: ignore[arg-type]

    assert found()[:2] == ["call003x001", "call003x000"]
    assert found(search="  physics ") == ["call003x000", "call002x000", "call001x000"]
    assert len(found(search="JÖRG")) == 6
    assert found(search="call002x001") == ["call002x001"]
    assert found(search="100%_") == []
    assert found(offset=4, limit=1) == ["call001x001"]
    assert found(since=START + 250, until=START + 320)[-1] == "call003x000"
    assert records.calls(queries.CallsWanted(limit=1)).total == 6


def test_the_worst_calls_come_first(open_records: Open) -> None:
    records = open_records()
    good, bad = Episode(begin=0, end=0), Episode(begin=3, end=300)
    feed(records, 70, Calls(rooms=1, seed=1, episode=good), end=True)
    feed(records, 70, Calls(rooms=1, seed=2, episode=bad, start=START + 100), end=True)
    feed(records, 70, Calls(rooms=1, seed=3, episode=good, start=START + 200), end=True)
    listed = records.calls(queries.CallsWanted(order="worst")).calls
    assert listed[0].call == "call002x000"
    assert (listed[0].mos or 5.0) < (listed[1].mos or 0.0)


def test_votes_one_for_each_who_was_there(open_records: Open) -> None:
    records, calls = open_records(), Calls(rooms=1, people=3)
    feed(records, 40, calls, end=True)
    call, people = next(iter(calls.rooms.items()))
    records.vote(call, people[0].participant, "bad", "poor")
    records.vote(call, people[0].participant, "fair")
    records.vote(call, "p_stranger", "excellent", "excellent")
    records.vote("other", people[1].participant, "excellent", "excellent")
    records.vote(call, people[1].participant, None, "good")
    assert records.flush()
    report = records.report(call)
    assert report is not None
    votes = [(person.votes.audio, person.votes.video) for person in report.people]
    assert votes == [("fair", None), (None, "good"), (None, None)]
    opinions = records.opinions(0, START + 1e6)
    assert opinions.audio.counts == {"excellent": 0, "good": 0, "fair": 1, "poor": 0, "bad": 0}
    assert (opinions.audio.votes.n, opinions.video.votes.n) == (1, 1)
    assert opinions.audio.pairs[0].mos is not None
    assert records.calls().calls[0].votes == 2


def test_it_goes_on_after_a_restart(open_records: Open, clock: Clock) -> None:
    first = open_records()
    feed(first, 33, Calls(rooms=1, people=2, seed=1))
    first.close()
    assert first.state == "off"
    second = open_records()
    feed(second, 33, Calls(rooms=1, people=2, seed=2, start=START + 100))
    assert [row.call for row in second.calls().calls] == ["call002x000", "call001x000"]
    report = second.report("call001x000")
    assert report is not None
    # It ended with its last sample, since nobody reported how.
    assert report.ended == START + 33
    assert [person.left for person in report.people] == [START + 33] * 2
    assert report.people[0].up.seconds == 33


def test_events_of_one_call_are_bounded(
    open_records: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.records.intake.MOST_EVENTS", 5)
    records, calls = open_records(), Calls(rooms=1, people=4)
    feed(records, 10, calls, end=True)
    report = records.report(next(iter(calls.rooms)))
    assert report is not None
    assert len(report.events) == 5
    assert report.events_left_out > 5


def test_without_tracks_there_are_still_people(open_records: Open) -> None:
    records, calls = open_records(), Calls(rooms=1, people=2, tracks=False)
    feed(records, 40, calls)
    report = records.report(next(iter(calls.rooms)))
    assert report is not None
    assert report.people[0].tracks == ()
    assert report.people[0].down_audio is None
    assert report.people[0].down.loss.mean is not None


def test_a_full_queue_drops_and_never_waits(tmp_path: Path) -> None:
    records = Records(tmp_path, Settings(keep_free=0))
    assert records.flush()
    with closing(sqlite3.connect(tmp_path / schema.FILE, isolation_level=None)) as other:
        # Somebody else holds the file: the writer waits for it, and nobody else does.
        other.execute("BEGIN IMMEDIATE")
        calls = Calls(rooms=1, people=2)
        for _ in range(500):
            records.add_sample(calls.step()[0])
        assert records.dropped > 0
        other.execute("ROLLBACK")
    assert records.flush()
    assert records.state == "ok"
    records.close()


@pytest.mark.parametrize(
    "wrong",
    [{"max_bytes": 1}, {"keep_free": -1}, {"keep_tens": 10}, {"keep_seconds": 10}],
)
def test_settings_that_cannot_be(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        Settings(**wrong)  # type: ignore[arg-type]


def test_every_commit_is_synced(tmp_path: Path) -> None:
    with closing(schema.connect(tmp_path / schema.FILE, 2**20)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_no_file_no_answer(tmp_path: Path, open_records: Open) -> None:
    (tmp_path / "file").touch()
    records = open_records(tmp_path / "file" / "nowhere")
    assert records.flush()
    assert records.state == "cannotWrite"
    with pytest.raises(NoHistoryError):
        records.calls()


def test_a_second_that_is_in_no_minute_yet_is_reported(open_records: Open, tmp_path: Path) -> None:
    records = open_records()
    feed(records, 12, Calls(rooms=1, people=2, start=START + 2))
    assert rows(tmp_path, "SELECT count(*) FROM blocks WHERE step > 1")[0][0] in (0, 2)
    report = records.report("call001x000")
    assert report is not None
    assert report.people[0].up.seconds == 12
    assert len(points.COUNTS) < points.LENGTH
