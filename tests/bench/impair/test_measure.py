"""Bad networks: figures from samples, verdicts, rules; and one short call with a real Chromium."""

from __future__ import annotations

import dataclasses
import subprocess
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from rich.console import Console

from bench import command_line as command
from bench.impair import clip as impair_clip
from bench.impair import judge as impair_judge
from bench.impair import measure as impair
from bench.impair import rig as impair_rig
from bench.impair import stats as impair_stats
from bench.impair.call import SetUpError, call
from bench.impair.judge import Criterion
from bench.impair.rows import ROWS, Row
from bench.impair.stats import Sent, Series
from bench.impair.tables import print_impair
from bench.recordings.media import read_counter

RATE = 25.0


def sample(at: float, *streams: dict[str, Any], people: tuple[str, ...] = ("Ana",)) -> Any:
    return {
        "at": at,
        "connections": [{"serial": 0, "path": {"protocol": "udp"}, "streams": list(streams)}],
        "people": [
            {"name": name, "video": f"video {name}", "audio": f"audio {name}"} for name in people
        ],
        "id": "p1",
    }


def inbound(kind: str, name: str = "Ana", key: str = "0/a", **counters: float) -> dict[str, Any]:
    return {
        "key": key, "type": "inbound-rtp", "kind": kind, "trackIdentifier": f"{kind} {name}",
        **counters,
    }  # fmt: skip


def video_series(frames: list[tuple[float, float, float]]) -> Series:
    """From time, frames decoded, height."""
    series = Series()
    for at, decoded, height in frames:
        series.add(at, inbound("video", framesDecoded=decoded, frameHeight=height))
    return series


def sender(seconds: int, heights: dict[str, int], loud: bool = True) -> Sent:
    """Sends `RATE` frames/s, or the rate after the colon of the rid, in each of these layers."""
    samples = []
    for half in range(2 * seconds + 1):
        at = half / 2
        streams: list[dict[str, Any]] = [
            {"key": f"0/{rid}", "type": "outbound-rtp", "kind": "video", "rid": rid,
             "framesSent": at * float(rid.partition(":")[2] or RATE), "frameHeight": height}
            for rid, height in heights.items()
        ]  # fmt: skip
        streams += [
            {"key": "0/v", "type": "media-source", "kind": "video", "frames": at * RATE},
            {"key": "0/m", "type": "media-source", "kind": "audio", "totalSamplesDuration": at,
             "totalAudioEnergy": at * (0.1**2 if loud else 0.0001**2)},
            {"key": "0/o", "type": "outbound-rtp", "kind": "audio", "packetsSent": at * 50},
        ]  # fmt: skip
        samples.append(sample(at, *streams))
    return Sent.of(samples)


def steady(begin: int, end: int, rate: float, height: float, base: float = 0.0) -> list[Any]:
    """Ten looks a second."""
    return [(n / 10, base + (n / 10 - begin) * rate, height) for n in range(begin * 10, end * 10)]


def test_a_counter_goes_on_over_a_new_connection() -> None:
    series = Series()
    for at, key, frames in ((0, "0/a", 100), (1, "0/a", 110), (2, "1/a", 5), (3, "1/a", 15)):
        series.add(at, inbound("video", key=key, framesDecoded=frames))
    assert series.gained("framesDecoded", 0, 3) == 10 + 5 + 10
    assert series.gained("framesDecoded", 0.5, 1) == 5
    assert series.gained("framesDecoded", -9, 99) == 25
    assert series.gained("neverSeen", 0, 3) == 0


def test_a_counter_that_comes_late_counts_from_nothing() -> None:
    series = Series()
    series.add(0, inbound("video"))
    series.add(1, inbound("video", framesDecoded=7))
    assert series.total("framesDecoded", 1) == 7
    assert series.total("framesDecoded", 0) == 0


def test_expected_are_the_frames_of_the_layer_that_is_decoded() -> None:
    sent = sender(10, {"h:12.5": 180, "f": 360})
    low = video_series(steady(0, 11, 12.5, 180))
    assert impair_stats.expected_frames(low, sent, 0, 10) == pytest.approx(125)
    high = video_series(steady(0, 11, 20, 360))
    figures = impair_stats.video_figures(high, sent, 0, 10)
    assert figures["expectedFrames"] == pytest.approx(250)
    assert figures["decodedPercent"] == pytest.approx(80)


def test_a_second_without_frames_or_with_a_switch_is_measured_by_the_camera() -> None:
    sent = sender(10, {"h:12.5": 180, "f": 360})
    stands = video_series([*steady(0, 5, 25, 360), *steady(5, 11, 0, 360, base=122.5)])
    assert impair_stats.expected_frames(stands, sent, 0, 10) == pytest.approx(250)
    switches = video_series([*steady(0, 5, 12.5, 180), *steady(5, 11, 25, 360, base=62.5)])
    assert impair_stats.expected_frames(switches, sent, 0, 10) == pytest.approx(
        4 * 12.5 + 25 + 5 * 25
    )


def test_gaps_and_freezes_include_a_frame_that_never_comes_back() -> None:
    stops = video_series([*steady(0, 6, 25, 360), *steady(6, 11, 0, 360, base=147.5)])
    assert impair_stats.longest_gap(stops, 0, 10) == pytest.approx(4.1)
    assert impair_stats.frozen_seconds(stops, 0, 10) == pytest.approx(4.1)
    assert impair_stats.longest_gap(stops, 0, 5) == pytest.approx(0.1)
    assert impair_stats.frozen_seconds(stops, 0, 5) == 0
    assert impair_stats.longest_gap(video_series([]), 0, 5) == 5


@pytest.mark.parametrize(("loud", "percent"), [(True, 10.0), (False, 4.0)])
def test_made_up_silence_counts_while_the_publisher_speaks(loud: bool, percent: float) -> None:
    voice = Series()
    for at in range(11):
        voice.add(at, inbound("audio", totalSamplesReceived=48000 * at,
                              concealedSamples=4800 * at, silentConcealedSamples=2880 * at,
                              packetsReceived=45 * at))  # fmt: skip
    figures = impair_stats.sound(voice, sender(10, {}, loud=loud), 0, 10)
    assert figures["concealedPercent"] == pytest.approx(percent)
    assert figures["concealedButSilentPercent"] == pytest.approx(4)
    assert figures["concealedWithSilencePercent"] == pytest.approx(10)
    assert figures["packetsArrivedPercent"] == pytest.approx(90)


def test_tracks_are_distinguished_by_who_is_on_them() -> None:
    tracks = impair_stats.received(
        [
            sample(0, inbound("video", "Ana"), inbound("audio", "Budi"), people=("Ana", "Budi")),
            sample(1, inbound("video", "Nobody"), people=("Ana", "Budi")),
        ]
    )
    assert set(tracks) == {("Ana", "video"), ("Budi", "audio")}


def evidence(tracks: dict[tuple[str, str], Series], sent: Sent, **marks: float) -> Any:
    names = tuple(dict.fromkeys(name for name, _ in tracks))
    return impair_judge.Evidence(
        names=names, samples=[], tracks=tracks, sent=dict.fromkeys(names, sent),
        marks=marks, pressed={"Viewer": marks["begin"]}, top_height=360,
    )  # fmt: skip


def verdicts(criteria: list[Criterion]) -> list[tuple[float | None, bool]]:
    return [(criterion.value, criterion.met) for criterion in criteria]


def audio_series(seconds: int, concealed: float) -> Series:
    voice = Series()
    for at in range(seconds + 1):
        voice.add(at, inbound("audio", totalSamplesReceived=48000 * at, packetsReceived=50 * at,
                              concealedSamples=48000 * at * concealed))  # fmt: skip
    return voice


def test_loss_row_judges_frames_freezes_and_sound() -> None:
    good = {
        ("Ana", "video"): video_series(steady(0, 11, 24, 360)),
        ("Ana", "audio"): audio_series(10, 0.005),
    }
    found = evidence(good, sender(10, {"f": 360}), begin=0, end=10)
    assert verdicts(impair_judge.loss(90, 1, 1)(found)) == [(96, True), (0, True), (0.5, True)]
    assert [met for _, met in verdicts(impair_judge.loss(97, 1, 0.4)(found))] == [
        False, True, False,
    ]  # fmt: skip


def test_a_missing_track_is_never_met() -> None:
    found = evidence({("Ana", "video"): Series()}, sender(10, {"f": 360}), begin=0, end=10)
    [*_, concealed] = impair_judge.loss(90, 1, 1)(found)
    assert (concealed.value, concealed.met) == (None, False)
    assert not any(criterion.met for criterion in impair_judge.thin(found))


def bitrates(*parts: tuple[int, float]) -> Series:
    """From pairs of end and bit/s until then."""
    series, total, at = Series(), 0.0, 0
    series.add(0, inbound("video", bytesReceived=0.0, framesDecoded=0, frameHeight=360))
    for end, rate in parts:
        while at < end:
            at, total = at + 1, total + rate / 8
            series.add(at, inbound("video", bytesReceived=total, framesDecoded=at * RATE,
                                   frameHeight=360))  # fmt: skip
    return series


@pytest.mark.parametrize(
    ("back", "seconds"), [(((25, 0.8e6), (40, 0.95e6)), 7.0), (((40, 0.8e6),), None)]
)
def test_return_of_the_bitrate_is_timed(
    back: tuple[tuple[int, float], ...], seconds: float | None
) -> None:
    tracks = {("Ana", "video"): bitrates((5, 1e6), (20, 0.2e6), *back)}
    found = evidence(tracks, sender(40, {"f": 360}), begin=0, cut=5, restored=20, end=40)
    assert impair_judge.back_at(found, 0, 5, 20, 0.9) == seconds


def test_cut_judges_the_speaker_after_three_seconds() -> None:
    frames = [*steady(0, 6, 25, 360), *steady(6, 8, 0, 360, base=147.5),
              *steady(8, 41, 25, 360, base=147.5)]  # fmt: skip
    tracks = {("Ana", "video"): video_series(frames), ("Ana", "audio"): audio_series(40, 0.01)}
    found = evidence(tracks, sender(40, {"f": 360}), begin=0, cut=5, restored=20, end=40)
    gap, concealed, _ = impair_judge.cut(found)
    assert (gap.value, gap.met) == (pytest.approx(0.1), True)
    assert (concealed.value, concealed.met) == (pytest.approx(1), True)


def test_a_burst_of_one_second_is_no_return_of_the_bitrate() -> None:
    burst = bitrates((5, 1e6), (20, 0.2e6), (21, 1.2e6), (40, 0.5e6))
    found = evidence(
        {("Ana", "video"): burst}, sender(40, {"f": 360}), begin=0, cut=5, restored=20, end=40
    )
    assert impair_judge.back_at(found, 0, 5, 20, 0.9) is None


def test_tcp_row_wants_frames_and_connections_over_tcp() -> None:
    tracks = {("Ana", "video"): video_series(steady(2, 9, 25, 360))}
    found = dataclasses.replace(
        evidence(tracks, sender(10, {"f": 360}), begin=1, end=10),
        pressed={"Viewer": 1.0, "Ana": 0.0},
        paths={"Viewer": ["tcp"], "Ana": ["udp"]},
    )
    assert verdicts(impair_judge.tcp(found)) == [
        (0.5, True), (pytest.approx(1.1), True), (1, True), (0, False),
    ]  # fmt: skip


def test_uplink_row_judges_the_last_by_how_it_moves_and_comes_back() -> None:
    tracks = {
        ("Ana", "video"): video_series(steady(0, 41, 25, 360)),
        ("Budi", "video"): video_series([
            *steady(0, 10, 25, 360), *steady(10, 35, 20, 180, base=247.5),
            *steady(35, 41, 25, 360, base=747.5),
        ]),
    }  # fmt: skip
    marks = {"begin": 0, "cut": 10, "restored": 30, "end": 40}
    found = evidence(tracks, sender(40, {"f": 360}), **marks)
    frames, height, later, again = impair_judge.uplink(found)
    assert (frames.value, frames.met) == (pytest.approx(1, abs=0.02), True)
    assert (height.value, height.met) == (pytest.approx(1.0), True)
    assert (later.value, later.met) == (pytest.approx(20), True)
    assert (again.value, again.met) == (pytest.approx(5), True)
    both = dict(reversed(tracks.items()))
    found = evidence(both, sender(40, {"f": 360}), **marks)
    assert [met for _, met in verdicts(impair_judge.uplink(found))] == [False, False, True, True]
    tracks["Budi", "video"] = video_series([*steady(0, 10, 25, 360), *steady(10, 41, 9, 360, 247)])
    found = evidence(tracks, sender(40, {"f": 360}), **marks)
    assert verdicts(impair_judge.uplink(found))[2:] == [(pytest.approx(9), False), (None, False)]


def test_a_far_publisher_is_judged_by_what_the_viewer_gets_of_it() -> None:
    near, far = steady(0, 31, 25, 360), steady(0, 31, 20, 360)
    tracks = {
        ("Ana", "video"): video_series(near),
        ("Budi", "video"): video_series(far),
        ("Budi", "audio"): audio_series(30, 0.02),
    }
    found = evidence(tracks, sender(30, {"f": 360}), begin=0, end=30)
    decoded, frozen, asked, concealed, others = impair_judge.far_publisher(found)
    assert (decoded.value, decoded.met) == (pytest.approx(80, abs=0.5), False)
    assert (frozen.value, frozen.met) == (0, True)
    assert (asked.value, asked.met) == (0, True)
    assert (concealed.value, concealed.met) == (pytest.approx(2), False)
    assert (others.value, others.met) == (pytest.approx(100, abs=0.5), True)
    alone = evidence({("Budi", "video"): video_series([])}, sender(30, {}), begin=0, end=30)
    assert [value for value, _ in verdicts(impair_judge.far_publisher(alone))][3:] == [None, None]


def test_over_a_lossy_tcp_frames_height_gaps_and_the_path_count() -> None:
    frames = [*steady(0, 10, 25, 360), *steady(10, 12, 0, 360, 247), *steady(12, 31, 25, 180, 247)]
    tracks = {("Ana", "video"): video_series(frames), ("Ana", "audio"): audio_series(30, 0)}
    found = evidence(tracks, sender(30, {"f": 360, "h": 180}), begin=0, end=30)
    found = dataclasses.replace(found, paths={impair_judge.VIEWER: ["tcp"]})
    decoded, height, gap, _, path = impair_judge.tcp_lossy(90, 0.9)(found)
    assert (decoded.value, decoded.met) == (pytest.approx(93.3, abs=0.5), True)
    assert (height.value, height.met) == (pytest.approx(252, abs=2), False)
    assert (gap.value, gap.met) == (pytest.approx(2.1, abs=0.2), False)
    assert path.met
    again = impair_judge.tcp_lossy(95, 0.5)(dataclasses.replace(found, paths={}))
    assert [one.met for one in again] == [False, True, False, True, False]


def test_outage_wants_a_frame_that_flows_and_not_one_frame() -> None:
    frames = [*steady(0, 3, 25, 360), *steady(3, 12, 0, 360, base=72.5),
              *steady(12, 17, 5, 360, base=72.5), *steady(17, 31, 25, 360, base=97)]  # fmt: skip
    tracks = {("Ana", "video"): video_series(frames), ("Ana", "audio"): audio_series(30, 0)}
    found = evidence(tracks, sender(30, {"f": 360}), begin=0, down=3, up=11, end=30)
    voice, shown, *_ = impair_judge.outage(found)
    assert (voice.value, voice.met) == (pytest.approx(1), True)
    assert shown.value == pytest.approx(5.6, abs=0.2)
    assert not shown.met
    found = evidence(tracks, sender(30, {"f": 360}), begin=0, down=3, up=11, end=13)
    assert impair_judge.outage(found)[1].value is None


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        ({"A": ["B", "C"], "B": ["A", "C"], "C": ["A", "B"]}, 0),
        ({"A": ["B", "C"], "B": ["A", "C", "C"], "C": ["A", "B"]}, 1),
        ({"A": ["B"], "B": ["A", "C"], "C": ["A", "B", "D"]}, 2),
    ],
)
def test_ghosts_and_missing_people_are_counted(seen: dict[str, list[str]], wrong: int) -> None:
    assert impair_judge.ghosts(seen) == wrong


def test_clean_row_waits_for_the_height_of_the_top_layer() -> None:
    frames = [*steady(2, 4, 25, 180), *steady(4, 11, 25, 360, base=50)]
    found = evidence(
        {("Ana", "video"): video_series(frames)}, sender(10, {"f": 360}), begin=1, end=10
    )
    assert verdicts(impair_judge.clean(found)) == [(3.0, True)]
    lower = evidence(
        {("Ana", "video"): video_series(steady(2, 9, 25, 180))}, sender(10, {}), begin=1, end=10
    )
    assert verdicts(impair_judge.clean(lower)) == [(None, False)]


def test_timeline_has_a_value_a_second() -> None:
    tracks = {
        ("Ana", "video"): bitrates((5, 8e5), (10, 4e5)),
        ("Ana", "audio"): audio_series(10, 0.1),
    }
    plot = impair_stats.timeline(tracks, 0, 10)
    assert plot["at"] == list(range(10))
    assert plot["totalKbps"] == [800] * 5 + [400] * 5
    assert plot["people"]["Ana"]["height"] == [360] * 10
    assert plot["people"]["Ana"]["framesPerSecond"] == [25] * 10
    assert plot["people"]["Ana"]["concealedPercent"] == [10] * 10


def test_rules_drop_the_share_that_is_asked_for() -> None:
    assert "numgen random mod 10000 < 250 counter drop" in impair_rig.loss_rules("e0", 2.5, False)
    assert 'iifname "e0" meta l4proto udp counter drop' in impair_rig.loss_rules("e0", 0, True)
    assert "drop" not in impair_rig.loss_rules("e0", 0, False)


def test_clip_counts_its_frames_and_has_no_cut(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(impair_clip, "CLIP_FRAMES", 6)
    data = impair_clip.clip(320, 180, tmp_path).read_bytes()
    head, _, body = data.partition(b"\n")
    assert head.startswith(b"YUV4MPEG2 W320 H180 F25:1")
    frames = np.frombuffer(body, np.uint8).reshape(6, 6 + 320 * 180 * 3 // 2)
    videos = frames[:, 6:].reshape(6, 270, 320)
    assert [read_counter(frame) for frame in videos] == list(range(6))
    assert np.array_equal(videos[0][20:], videos[5][20:])
    assert videos[0][20:180].std() > 20
    assert np.abs(videos[0][20:180].astype(int) - videos[2][20:180]).mean() > 2


def test_firefox_gets_the_first_half_of_the_same_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impair_clip, "CLIP_FRAMES", 6)
    found = []
    for jpeg in impair_clip.jpegs(320, 180, tmp_path):
        decoder: Any = av.CodecContext.create("mjpeg", "r")
        (frame,) = decoder.decode(av.Packet(jpeg)) or decoder.decode(None)
        found.append(read_counter(frame.reformat(format="yuv420p").to_ndarray()))
    assert found == [0, 1, 2]


def test_one_voice_speaks_most_and_the_others_in_turns(tmp_path: Path) -> None:
    shares = [impair_clip.utterances(seat).mean() for seat in range(4)]
    assert shares == pytest.approx([0.88, 0.15, 0.15, 0.15], abs=1e-4)
    assert not (impair_clip.utterances(1) & impair_clip.utterances(2)).any()
    with wave.open(str(impair_clip.speech(1, tmp_path))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    speaks = impair_clip.utterances(1)
    assert np.sqrt((samples[speaks] ** 2).mean()) > 10 * impair_stats.SPEECH_RMS
    assert np.sqrt((samples[~speaks] ** 2).mean()) < impair_stats.SPEECH_RMS / 2


def test_report_and_tables_show_what_never_arrived(capsys: pytest.CaptureFixture[str]) -> None:
    tracks = {("Ana", "video"): video_series(steady(0, 11, 24, 360))}
    found = evidence(tracks, sender(10, {"f": 360}), begin=0, end=10)
    report = impair._report(found, impair_judge.loss(90, 1, 1)(found))
    assert report["neverArrived"] == ["audio of Ana"]
    assert not report["met"]
    assert report["timeline"]["people"]["Ana"]["framesPerSecond"] == pytest.approx([24] * 10)
    assert report["sending"]["Ana"]["f"]["framesPerSecond"] == pytest.approx([25] * 10)
    row = {"title": "5 % loss", **report}
    failed = {"title": "thin", "criteria": [], "met": False}
    print_impair(Console(), {"rows": {"loss5": row, "thin": failed}, "problems": ["thin: no"]})
    printed = capsys.readouterr().out
    assert "loss5: never arrived: audio of Ana" in printed
    assert "not measured" in printed
    assert "invalid: thin: no" in printed


def test_a_machine_that_is_too_busy_makes_a_row_void() -> None:
    assert impair._too_busy({"Ana": 24.0, "Budi": 20.0}, 0.3) == []
    [camera, page] = impair._too_busy({"Ana": 24.0, "Budi": 12.5}, 1.4)
    assert "the camera of Budi gave 12.5 frames/s" in camera
    assert "the viewer's page stood for 1.4 s" in page


def test_a_link_program_that_was_late_makes_a_row_void() -> None:
    assert impair._too_late({"Viewer": {"latestMs": 12.0}}) == []
    [late] = impair._too_late({"Viewer": {"latestMs": 180.5}})
    assert "the link of Viewer was 180.5 ms late" in late


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_rows_put_links_before_seats_that_there_are(row: Row) -> None:
    assert all(0 <= seat <= row.publishers for seat in row.linked)


@pytest.mark.parametrize(("row", "seat"), [("loss5", 2), ("uplink", 2), ("farup", 1), ("thin", 4)])
def test_firefox_sits_behind_the_impaired_link(
    row: str, seat: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def fail(*arguments: Any) -> Any:
        seen.append(arguments[-2])
        raise SetUpError("enough")

    monkeypatch.setattr(impair, "call", fail)
    for kind in impair.BROWSERS:
        impair._measure(row, ROWS[row], None, (640, 360), kind, lambda line: None)
    assert seen == [(), (seat,)]


def test_second_run_is_refused(tmp_path: Path) -> None:
    with (
        impair.alone(tmp_path / "lock"),
        pytest.raises(impair.BusyError),
        impair.alone(tmp_path / "lock"),
    ):
        pass
    with impair.alone(tmp_path / "lock"):
        pass


def test_row_whose_call_does_not_come_about_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise SetUpError("no frame of Publisher 1 within 30 s")

    monkeypatch.setattr(impair, "call", fail)
    row = impair._measure("cut", ROWS["cut"], None, (640, 360), "chromium", lambda line: None)
    assert not row["met"]
    assert row["problems"] == ["no frame of Publisher 1 within 30 s"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["impair", "los2"], "no row los2; there are loss2, loss5"),
        (["impair", "cut", "--seconds", "0"], "0 is not a number from 2 to 600"),
        (["impair", "--size", "1x1"], "invalid choice: '1x1'"),
        (["impair", "--browser", "lynx"], "invalid choice: 'lynx'"),
    ],
)
def test_wrong_use(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments) == 2
    assert expected in capsys.readouterr().err


@pytest.mark.browser
@pytest.mark.netns
@pytest.mark.timeout(300)
def test_a_short_call_is_impaired_and_leaves_nothing_behind() -> None:
    if reason := impair.missing():
        pytest.skip(reason)
    try:
        with impair.alone():
            _short_call()
    except impair.BusyError as busy:
        pytest.skip(str(busy))


@pytest.mark.browser
@pytest.mark.netns
@pytest.mark.timeout(300)
def test_firefox_publishes_and_views() -> None:
    if reason := impair.missing("firefox"):
        pytest.skip(reason)
    try:
        with impair.alone():
            _short_call(firefox=(0, 1))
    except impair.BusyError as busy:
        pytest.skip(str(busy))


def _short_call(firefox: tuple[int, ...] = ()) -> None:
    with call(1, (640, 360), lambda line: None, firefox=firefox) as running:
        running.publish()
        running.admit_viewer()
        running.viewer_sees_all(100)
        spoke, viewer = running.viewer.spoke, running.viewer
        running.mark("begin")
        spoke.loss(50)
        spoke.rate(5000)
        while sum(spoke.dropped()) < 20:
            running.watch(0.5, "until rules have dropped some")
        running.mark("end")
        running.take()
        assert not viewer.reloaded()
        tracks = impair_stats.received(viewer.samples)
        assert set(tracks) == {("Publisher 1", "video"), ("Publisher 1", "audio")}
        assert tracks["Publisher 1", "video"].totals["framesDecoded"][-1] > 0
        sent = Sent.of(running.publishers[0].samples)
        assert set(sent.layers) == {"q", "h", "f"}
        while not running.server_stats()["packetsForwarded"]:
            running.watch(0.2, "until the worker reports what it has sent on")
        spoke.down()
        spoke.up()
        spoke.rate()
        spoke.no_udp()
        names = [running.hub, *(seat.spoke.namespace for seat in running.seats)]
        assert set(names) <= set(_namespaces())
    assert not set(names) & set(_namespaces())


def _namespaces() -> list[str]:
    listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True)
    return [line.split()[0] for line in listed.stdout.splitlines()]
