"""What a run's figures are worth, against the definitions in `qos`."""

from __future__ import annotations

import pytest

from bench.reports.verdict import completed
from qos import grades, video_mos, voice_mos
from tests.bench.sample_runs import run, track


def test_grades_are_those_of_the_tables() -> None:
    quality = run()["quality"]
    assert quality["tiphon"] == {
        "throughput": 3, "delay": 4, "jitter": 3, "loss": 4, "overall": 3.5, "words": "satisfying",
    }  # fmt: skip
    # Jitter is not 0.
    assert quality["g1010Study"]["words"] == "good"
    assert quality["g1010"]["audio"]["words"] == "met"


def test_graded_is_the_strictest_delay() -> None:
    slow = {**run()["summary"], "delayMs": {"p50": 1.0, "p95": 3.0, "p99": 200.0}}
    assert run(summary=slow)["quality"]["tiphon"]["delay"] == 3


def test_opinions_are_those_of_the_models_with_their_names() -> None:
    lossy = [track("audio", sent=1000, packets=990), track("video", sent=1000, packets=970)]
    quality = run(tracks=lossy)["quality"]
    voice = voice_mos.opus_mos(bitrate=31_000, loss=1.0, delay=0.002)
    video = video_mos.g1070_mos(bitrate=1e6, frame_rate=25.0, loss=3.0)
    assert quality["voiceMos"]["mos"] == pytest.approx(voice.mos, abs=0.005)
    assert quality["voiceMos"]["model"] == voice.model
    assert quality["videoMos"]["mos"] == pytest.approx(video.mos, abs=0.005)
    assert quality["videoMos"]["model"] == video.model
    assert quality["g1010"]["video"]["loss"] == 0


def test_opinions_take_the_loss_that_repair_leaves() -> None:
    mended = [track("video", sent=1000, packets=970, recovered=20)]
    video = video_mos.g1070_mos(bitrate=1e6, frame_rate=25.0, loss=1.0)
    assert run(tracks=mended)["quality"]["videoMos"]["mos"] == pytest.approx(video.mos, abs=0.005)


def test_what_nobody_received_has_no_verdict() -> None:
    quality = run(tracks=[track("audio")])["quality"]
    assert quality["videoMos"] is None
    assert quality["g1010"]["video"] is None
    silent = run(tracks=[track("audio", packets=0)])["quality"]
    assert silent["voiceMos"] is None


def test_without_word_on_the_recordings_there_is_no_opinion() -> None:
    quality = run(media={})["quality"]
    assert (quality["voiceMos"], quality["videoMos"]) == (None, None)
    assert quality["tiphon"]["overall"] == 3.5


def test_runs_that_were_not_judged_are() -> None:
    bare = {key: below for key, below in run().items() if key != "quality"}
    made = completed({"runs": [bare, run()], "ours": {"runs": [bare]}, "samples": [1]})
    judged = [*made["runs"], *made["ours"]["runs"]]
    assert [one["quality"] for one in judged] == [run()["quality"]] * 3
    assert completed({"joins": 3}) == {"joins": 3}


def test_a_screen_is_video() -> None:
    quality = run(tracks=[track("audio"), track("screen", sent=1000, packets=900)])["quality"]
    expected = grades.grade("g1010", kind="video", delay=0.002, loss=10.0)
    assert quality["g1010"]["video"]["words"] == expected.words
