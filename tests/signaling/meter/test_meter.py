"""The meter over made-up messages of workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from qos import figures
from qos.histogram import BINS
from sfu.control import TransportStats, WorkerStats
from sfu.measured import DownTotals, StreamTotals, UpTotals
from signaling.meter.meter import STALE, Meter
from signaling.meter.samples import Event, Link, PersonSample, Sample, ServerSample, TrackSample
from signaling.meter.state import PersonState, Received, RoomState, TrackState
from tests.signaling.fakes import stats

SERVER = ServerSample(cpu=0.1, rss_bytes=1, memory_used=0.5, machine_cpu=0.2, uptime=1.0)
VOICE = TrackState("ta", "audio", "microphone", False, codec="opus")
CAMERA = TrackState("tv", "video", "camera", False, codec="VP8")


class Summary:
    """One room of two: Ada publishes, Bo receives."""

    def __init__(self) -> None:
        self.people = (
            PersonState("ada", "Ada", 1.0, True, tracks=(VOICE, CAMERA), publish="r.1"),
            PersonState(
                "bo",
                "Bo",
                2.0,
                True,
                subscribe="r.2",
                receiving={
                    "ta": Received("flowing", -1, False),
                    "tv": Received("flowing", 0, False),
                },
            ),
        )
        self.pid = 7
        self.empty = False

    def rooms(self) -> Sequence[RoomState]:
        if self.empty:
            return ()
        return (RoomState("call1", "Room", 1.0, 10, 0, self.pid, self.people),)


def stream(**changed: Any) -> StreamTotals:
    fields: dict[str, Any] = {
        "ssrc": 1,
        "rid": "",
        "arriving": True,
        "packets_received": 0,
        "bytes_received": 0,
        "packets_expected": 0,
        "packets_lost": 0,
        "packets_missed": 0,
        "loss_events": 0,
        "jitter": 0.0,
        "frames_received": 0,
        "frame_width": 0,
        "frame_height": 0,
        "freeze_count": 0,
        "total_freezes_duration": 0.0,
        "counts": figures.NO_COUNTS,
    }
    return StreamTotals(**(fields | changed))


def down(track: str, ssrc: int, **changed: Any) -> DownTotals:
    fields: dict[str, Any] = {
        "up_track": track,
        "ssrc": ssrc,
        "packets_sent": 0,
        "bytes_sent": 0,
        "counts": figures.NO_COUNTS,
        "redundancy": 0,
        "rid": "",
        "flows": True,
        "temporal": -1,
        "reports": 0,
        "reported_highest": 0,
        "reported_lost": 0,
        "reported_jitter": 0.0,
    }
    return DownTotals(**(fields | changed))


def transport(name: str, rtt: float, **more: Any) -> TransportStats:
    return TransportStats(
        transport=name,
        packets_received=0,
        bytes_received=0,
        packets_sent=0,
        bytes_sent=0,
        rtt_ms=rtt * 1000,
        protocol="udp",
        family="ipv4",
        **more,
    )


def second(n: int, at: float | None = None, **more: Any) -> WorkerStats:
    """The worker's message in second `n`: 50 voice packets a second of which 2 are lost, 100 of
    video without loss; the receiver reports each 5 s that it misses one packet in 50."""
    reports = n // 5
    voice = stream(
        packets_received=48 * n,
        packets_expected=50 * n,
        packets_lost=2 * n,
        packets_missed=2 * n,
        loss_events=n,
        bytes_received=48 * n * 100,
        jitter=0.004,
    )
    camera = stream(
        ssrc=2,
        packets_received=100 * n,
        packets_expected=100 * n,
        bytes_received=125_000 * n,
        frames_received=30 * n,
        counts=figures.counts(key_frames=n),
        frame_width=640,
        frame_height=360,
        jitter=0.002,
    )
    to_bo = (
        down("ta", 11, packets_sent=48 * n, bytes_sent=4800 * n, reports=reports,
             reported_highest=1000 + 250 * reports, reported_lost=5 * reports,
             reported_jitter=0.003),
        down("tv", 12, packets_sent=100 * n, bytes_sent=125_000 * n,
             counts=figures.counts(nack_count=n)),
    )  # fmt: skip
    up = (UpTotals("ta", 20, (voice,)), UpTotals("tv", 127, (camera,)))
    counts = [0] * BINS
    counts[5] = 10 * n
    return stats(
        at=1000.0 + n if at is None else at,
        cpu_seconds=0.25 * n,
        packets_received=150 * n,
        packets_forwarded=148 * n,
        drops={"empty": n, "oversized": 3},
        forwarding_delay=tuple(counts),
        per_transport=(
            transport("r.1", 0.030, up=up),
            transport("r.2", 0.050, down=to_bo, estimate_bps=2_000_000, target_bps=1_000_000),
        ),
        **more,
    )  # fmt: skip


class Run:
    """A meter and its clock."""

    def __init__(self) -> None:
        self.summary = Summary()
        self.meter = Meter(self.summary, lambda: SERVER)
        self.events: list[Event] = []
        self.samples: list[Sample] = []

    def step(self, n: int, message: WorkerStats | None = None, pid: int = 7) -> Sample:
        now = 50.0 + n
        if message is not None:
            self.meter.receive(0, pid, message, now)
        sample, happened = self.meter.sample(now, 1e9 + n)
        self.samples.append(sample)
        self.events += happened
        return sample


def track(sample: Sample, person: int, name: str) -> TrackSample:
    (found,) = [t for t in sample.rooms[0].people[person].tracks if t.track == name]
    return found


@pytest.fixture
def run() -> Run:
    return Run()


def test_an_incoming_voice(run: Run) -> None:
    run.step(1, second(1))
    voice = track(run.step(2, second(2)), 0, "ta")
    figures = voice.figures
    assert (voice.direction, voice.state, voice.codec) == ("inbound", "flowing", "opus")
    assert figures.bitrate == pytest.approx(48 * 800)
    assert figures.packets_per_second == pytest.approx(48)
    assert (figures.packets, figures.packets_lost) == (50, 2)
    assert figures.loss == pytest.approx(4.0)
    assert figures.jitter == 0.004
    assert figures.round_trip_time == pytest.approx(0.030)
    assert figures.delay == pytest.approx(0.015)
    assert figures.mean_inter_arrival == pytest.approx(1 / 48)
    assert figures.mos is not None
    assert 3 < figures.mos < 4.2
    assert "G.107.2" in figures.mos_model
    assert voice.audio_level == pytest.approx(0.1)
    assert (voice.grades.loss, voice.grades.delay) == (2, 4)


def test_a_person_comes_with_both_links_and_their_level(run: Run) -> None:
    ada, bo = run.summary.people
    run.summary.people = (replace(ada, level="fair"), bo)
    message = second(1)
    up, to_bo = message.per_transport
    lossy = msgspec.structs.replace(up, loss_percent=7.0, jitter_ms=12.0)
    people = run.step(1, msgspec.structs.replace(message, per_transport=(lossy, to_bo)))
    found, viewer = people.rooms[0].people
    assert (found.level, viewer.level) == ("fair", "")
    assert found.up_link == Link(loss=7.0, round_trip_time=0.030, jitter=0.012)
    assert (found.down_link, viewer.up_link) == (None, None)
    assert viewer.down_link == Link(loss=0.0, round_trip_time=0.050, jitter=0.0)


def test_an_incoming_video(run: Run) -> None:
    run.step(1, second(1))
    camera = track(run.step(2, second(2)), 0, "tv")
    assert camera.figures.bitrate == pytest.approx(1e6)
    assert camera.frames_per_second == pytest.approx(30)
    assert (camera.width, camera.height, camera.counts) == (640, 360, figures.counts(key_frames=1))
    assert camera.figures.mos is not None
    assert "VP8" in camera.figures.mos_model


def test_what_a_receiver_reports_holds_until_the_next(run: Run) -> None:
    samples = [run.step(n, second(n)) for n in range(1, 13)]
    voices = [track(sample, 1, "ta").figures for sample in samples]
    # In second 5 the first report: 5 of the 240 that had been sent; then 5 of 250.
    assert voices[3].loss is None
    assert voices[4].loss == pytest.approx(100 * 5 / 240)
    assert [voice.loss for voice in voices[9:]] == [pytest.approx(2.0)] * 3
    assert [voice.packets_lost for voice in voices] == [0, 0, 0, 0, 5, 0, 0, 0, 0, 5, 0, 0]
    assert voices[-1].jitter == 0.003
    assert voices[-1].packets == 48


def test_what_was_reported_of_a_resting_track_says_nothing_of_now(run: Run) -> None:
    """Reports of it go on and repeat its last jitter, which is nobody's trouble any more."""
    for n in range(1, 7):
        sample = run.step(n, second(n))
    assert sample.rooms[0].people[1].down.jitter == 0.003
    for n in range(7, 12):
        message = second(n)
        publish, subscribe = message.per_transport
        voice, camera = second(6).per_transport[1].down
        resting = msgspec.structs.replace(voice, flows=False, reports=n)
        camera = msgspec.structs.replace(
            camera,
            packets_sent=100 * n,
            reports=n,
            reported_highest=100 * n,
            reported_jitter=0.001,
        )
        receiving = msgspec.structs.replace(subscribe, down=(resting, camera))
        sample = run.step(n, msgspec.structs.replace(message, per_transport=(publish, receiving)))
    voice_figures = track(sample, 1, "ta").figures
    assert (voice_figures.jitter, voice_figures.loss) == (None, None)
    assert sample.rooms[0].people[1].down.jitter == 0.001


def test_delay_is_half_of_both_round_trips_and_the_forwarding(run: Run) -> None:
    run.step(1, second(1))
    figures = track(run.step(2, second(2)), 1, "ta").figures
    # Bin 5 is from 0.7 to 1 ms.
    assert figures.delay == pytest.approx(0.015 + 0.025 + 0.00085)


def test_without_round_trips_there_is_no_delay_and_no_guess(run: Run) -> None:
    def silent(n: int) -> WorkerStats:
        message = second(n)
        for_all = [
            transport(one.transport, 0.0, up=one.up, down=one.down) for one in message.per_transport
        ]
        return stats(at=message.at, per_transport=tuple(for_all))

    run.step(1, silent(1))
    sample = run.step(2, silent(2))
    for person, name in ((0, "ta"), (1, "ta")):
        figures = track(sample, person, name).figures
        assert figures.round_trip_time is None
        assert figures.delay is None


def test_a_person_is_the_sum_of_the_tracks(run: Run) -> None:
    run.step(1, second(1))
    ada, bo = run.step(2, second(2)).rooms[0].people
    assert ada.up.bitrate == pytest.approx(1e6 + 38_400)
    assert (ada.up.packets, ada.up.packets_lost) == (150, 2)
    assert ada.up.loss == pytest.approx(100 * 2 / 150)
    assert ada.up.jitter == 0.004
    assert ada.down.bitrate is None
    assert bo.down.packets == 148
    assert bo.down.mean_inter_arrival == pytest.approx(1 / 148)
    assert (bo.estimate_bps, bo.target_bps, bo.protocol) == (2_000_000, 1_000_000, "udp")
    assert ada.grades.overall is not None
    # The score of a person is that of the voice where there is one.
    assert "G.107" in ada.up.mos_model


def test_workers(run: Run) -> None:
    run.step(1, second(1))
    (worker,) = run.step(2, second(2)).workers
    assert worker.cpu == pytest.approx(0.25)
    assert worker.packets_sent_per_second == pytest.approx(148)
    assert worker.drops == {"empty": 1}
    assert worker.forwarding_delay[5] == sum(worker.forwarding_delay) == 10


def test_nothing_is_known_after_one_message(run: Run) -> None:
    sample = run.step(1, second(5))
    for name in ("ta", "tv"):
        figures = track(sample, 0, name).figures
        assert figures.bitrate is None
        assert figures.loss is None
        assert figures.packets == 0
    assert sample.workers[0].cpu == 0.0


def test_a_worker_that_says_nothing_new_is_not_counted_twice(run: Run) -> None:
    run.step(1, second(1))
    run.step(2, second(2))
    again = track(run.step(3), 0, "ta").figures
    assert again.bitrate == pytest.approx(38_400)
    assert (again.packets, again.packets_lost) == (0, 0)
    late = track(run.step(4, second(4)), 0, "ta").figures
    assert late.packets == 100
    assert late.bitrate == pytest.approx(38_400)


def test_totals_over_missed_seconds_are_complete(run: Run) -> None:
    for n in (1, 2, 3, 6, 7, 9):
        run.step(n, second(n))
    total = sum(track(sample, 0, "ta").figures.packets_lost for sample in run.samples)
    assert total == 2 * (9 - 1)


def test_a_silent_worker_is_left_out_and_begins_anew(run: Run) -> None:
    run.step(1, second(1))
    run.step(2, second(2))
    gone = run.step(2 + int(STALE) + 1)
    assert gone.workers == ()
    assert gone.rooms[0].people[0].up.bitrate is None
    back = run.step(20, second(20))
    assert track(back, 0, "ta").figures.bitrate is None
    assert track(run.step(21, second(21)), 0, "ta").figures.packets == 50


def test_a_restarted_worker_is_not_compared_with_the_one_before(run: Run) -> None:
    run.step(1, second(100))
    run.step(2, second(101))
    run.summary.pid = 8
    sample = run.step(3, second(1), pid=8)
    assert track(sample, 0, "ta").figures.bitrate is None
    assert [event.kind for event in run.events if event.kind == "workerLost"] == ["workerLost"]
    figures = track(run.step(4, second(2), pid=8), 0, "ta").figures
    assert (figures.packets, figures.packets_lost) == (50, 2)


def test_messages_of_the_old_worker_say_nothing_of_a_room_that_has_moved(run: Run) -> None:
    run.step(1, second(1))
    run.summary.pid = 8
    ada = run.step(2, second(2)).rooms[0].people[0]
    assert ada.up.bitrate is None
    assert ada.tracks == ()


@pytest.mark.parametrize("at", [1001.0, 1000.0, 1001.1, 5000.0])
def test_a_clock_that_jumps_gives_no_rates(run: Run, at: float) -> None:
    run.step(1, second(1))
    figures = track(run.step(2, second(2, at=at)), 0, "ta").figures
    assert figures.bitrate is None
    assert figures.packets == 0


def test_totals_that_shrink_begin_anew(run: Run) -> None:
    run.step(1, second(9))
    figures = track(run.step(2, second(1, at=1010.0)), 0, "ta").figures
    assert figures.packets == 50
    assert figures.loss == pytest.approx(4.0)


def test_muted_silence_has_no_score(run: Run) -> None:
    _, bo = run.summary.people
    muted = TrackState("ta", "audio", "microphone", True)
    run.summary.people = (
        PersonState("ada", "Ada", 1.0, True, tracks=(muted, CAMERA), publish="r.1"),
        bo,
    )
    for n in range(1, 7):
        sample = run.step(n, second(n))
    assert track(sample, 0, "ta").figures.mos is None
    assert track(sample, 1, "ta").figures.mos is None


def test_what_does_not_flow_is_not_graded(run: Run) -> None:
    ada, _ = run.summary.people
    hidden = {"ta": Received("notLoudest", -1, False), "tv": Received("hidden", -1, False)}
    run.summary.people = (
        ada,
        PersonState("bo", "Bo", 2.0, True, subscribe="r.2", receiving=hidden),
    )
    run.step(1, second(1))
    camera = track(run.step(2, second(2)), 1, "tv")
    assert camera.state == "hidden"
    assert camera.grades.overall is None
    assert camera.figures.mos is None


def test_it_is_due_when_all_workers_have_spoken(run: Run) -> None:
    meter = run.meter
    assert meter.receive(0, 7, second(1), 1.0)
    meter.sample(1.0, 1.0)
    assert not meter.receive(1, 9, second(1), 1.5)
    assert meter.receive(0, 7, second(2), 2.0)
    meter.sample(2.0, 2.0)
    assert not meter.receive(0, 7, second(3), 3.0)
    assert meter.receive(1, 9, second(2), 3.1)


def test_someone_who_is_not_in_a_worker_is_shown_all_the_same(run: Run) -> None:
    sample = run.step(1)
    person: PersonSample = sample.rooms[0].people[0]
    assert person.name == "Ada"
    assert person.grades.overall is None


def test_no_figure_is_ever_nan(run: Run) -> None:
    for n in (1, 2, 3, 3, 4):
        text = msgspec.json.encode(run.step(n, second(n)))
        assert b"NaN" not in text
        assert msgspec.json.decode(text, type=Sample).rooms
