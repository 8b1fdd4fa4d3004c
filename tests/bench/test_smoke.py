"""Each scenario for some seconds against a real server: everything arrives. No word on speed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.real import chromium
from bench.runs import peers
from bench.scenarios import SCENARIOS
from bench.servers import netns, processes
from bench.servers.server import OwnServer

pytestmark = pytest.mark.bench

ROOT = Path(__file__).parents[2]


def bench(tmp_path: Path, *arguments: str, status: tuple[int, ...] = (0, 1)) -> dict[str, Any]:
    """The report. A busy machine makes a run invalid (status 1), but must not lose packets."""
    if arguments[0] != "browser" and "--warm-up" not in arguments:
        arguments = (*arguments, "--warm-up", "0.5")
    target = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments, "--json", str(target)],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode in status, done.stdout + done.stderr
    assert target.exists(), done.stdout + done.stderr
    report: dict[str, Any] = json.loads(target.read_text())
    return report


def only_load_problems(report: dict[str, Any]) -> bool:
    return all("load generator" in problem for problem in report["problems"])


@pytest.mark.parametrize(
    ("name", "people", "kinds"), [("scenario1", 2, 1), ("scenario2", 2, 2), ("scenario3", 4, 2)]
)
def test_everything_arrives(name: str, people: int, kinds: int, tmp_path: Path) -> None:
    report = bench(tmp_path, name, "--participants", str(people), "--seconds", "3")
    assert only_load_problems(report), report["problems"]
    assert set(report["summary"]) == {
        "throughputBitsPerSecond",
        "packetLossPercent",
        "delayMs",
        "jitterMs",
        "meanInterArrivalMs",
    }
    assert len(report["tracks"]) == people * (people - 1) * kinds
    for track in report["tracks"]:
        assert track["sent"] > 100, track
        # A machine that is busy with other things delays packets, which the server must take for
        # a constrained path: it may drop a frame for a moment. On an idle one nothing is lost.
        assert track["packets"] > 0, track
        assert track["kind"] == "video" or track["lost"] == 0, track
    assert report["loadGenerator"]["unknownPackets"] == 0
    assert report["loadGenerator"]["refusedPackets"] == 0
    forwarded = report["server"]["forwardedPackets"]
    assert forwarded == sum(track["packets"] for track in report["tracks"])
    assert report["summary"]["delayMs"]["p50"] > 0
    assert report["server"]["rssMiB"] > 0
    assert SCENARIOS[name].title


def test_focus_gives_each_what_it_views_and_the_loudest(tmp_path: Path) -> None:
    # Until the server says which layers it wants, everybody sends them all.
    report = bench(tmp_path, "focus", "--participants", "4", "--seconds", "3", "--warm-up", "6")
    assert all(
        # On a busy machine delay grows, and the server gives its receivers less.
        "load generator" in problem or "lower layers" in problem
        for problem in report["problems"]
    ), report["problems"]
    for side in ("everything", "focus"):
        (run,) = report[side]["runs"]
        assert run["lossFrom"] == "sequenceNumbers"
        assert run["loadGenerator"]["unknownPackets"] == 0
        assert run["loadGenerator"]["refusedPackets"] == 0
        sent = {(s["from"], s["rid"]) for s in run["streams"] if s["packets"]}
        for row in run["streams"]:
            # A layer is sent because the server named it, and for no other reason.
            named = run["layersNamed"][str(row["from"])]
            assert row["kind"] == "audio" or not row["packets"] or row["rid"] in named, row
        video = [t for t in run["tracks"] if t["kind"] == "video"]
        assert len(video) == 12
        for track in video:
            assert track["packets"] > 0, track
            assert sum(track["layers"].values()) == track["packets"]
            assert all((track["from"], rid) in sent for rid in track["layers"]), track
    small = [
        t["layers"]
        for t in report["focus"]["runs"][0]["tracks"]
        if t["kind"] == "video" and t["from"] != (t["to"] + 1) % 4
    ]
    assert len(small) == 8
    assert all("f" not in layers for layers in small), small
    heard = [t for t in report["everything"]["runs"][0]["tracks"] if t["kind"] == "audio"]
    assert all(t["packets"] > 0 for t in heard)
    listeners = {
        t["to"]
        for t in report["focus"]["runs"][0]["tracks"]
        if t["kind"] == "audio" and t["packets"]
    }
    assert listeners == {0, 1, 2, 3}
    assert set(report["ratio"]) == {"packetsPerSecondOut", "cpuPercentPerParticipant"}
    assert report["met"] in (True, False)


def test_rooms_do_not_hear_each_other(tmp_path: Path) -> None:
    report = bench(
        tmp_path, "scenario3", "--participants", "4", "--rooms", "2", "--seconds", "2",
        "--drivers", "2",
    )  # fmt: skip
    assert only_load_problems(report), report["problems"]
    assert {(t["from"], t["to"]) for t in report["tracks"]} == {(0, 2), (2, 0), (1, 3), (3, 1)}
    assert len(report["loadGenerator"]["processes"]) == 2


def test_soak_joins_and_leaves(tmp_path: Path) -> None:
    report = bench(tmp_path, "soak", "--participants", "3", "--seconds", "8", "--voice-only")
    assert report["joins"] >= 3
    assert report["failures"] == 0, report["problems"]
    assert len(report["samples"]) >= 3


@contextlib.contextmanager
def measuring(target: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A long run that has come to its window."""
    arguments = ["scenario1", "--seconds", "90", "--warm-up", "0.5", "--json", str(target), *more]
    with subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "measuring" in line:
                break
        yield process


@pytest.mark.parametrize(
    ("number", "client"),
    [
        (signal.SIGINT, "light"),
        (signal.SIGTERM, "light"),
        (signal.SIGINT, "aiortc"),
        pytest.param(
            signal.SIGINT,
            "browser",
            marks=[
                pytest.mark.browser,
                pytest.mark.skipif(
                    bool(chromium.missing()), reason=chromium.missing() or "nothing"
                ),
            ],
        ),
    ],
)
def test_an_interrupt_reports_what_was_measured_and_leaves_nobody(
    number: signal.Signals, client: str, tmp_path: Path
) -> None:
    target = tmp_path / "report.json"
    with measuring(target, "--client", client) as process:
        started = {pid: os.pidfd_open(pid) for pid in processes.children(process.pid)}
        # A terminal sends Ctrl-C to all of the group.
        os.killpg(process.pid, number)
        process.communicate(timeout=30)
    report = json.loads(target.read_text())
    assert report["partial"]
    assert report["seconds"] < 90
    # Server, worker, participants.
    assert len(started) >= 3
    assert report["tracks"]
    assert all_gone(started)


def test_a_server_that_dies_ends_the_run_with_a_partial_report(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    with measuring(target) as process:
        started = {pid: os.pidfd_open(pid) for pid in processes.children(process.pid)}
        (server,) = [pid for pid in started if b"signaling" in _command_line(pid)]
        os.kill(server, signal.SIGKILL)
        process.communicate(timeout=30)
    report = json.loads(target.read_text())
    assert process.returncode == 1
    assert report["partial"]
    assert any("the server ended" in problem for problem in report["problems"])
    assert all_gone(started)


def test_a_box_elsewhere_is_measured_and_its_death_makes_a_partial_report(tmp_path: Path) -> None:
    with OwnServer("127.0.0.1", 1, 10, 2) as box:
        token = (box.folder / "admin-token").read_text().strip()
        elsewhere = ("--url", box.url, "--admin-token", token)
        report = bench(tmp_path, "scenario1", "--seconds", "3", *elsewhere)
        assert only_load_problems(report), report["problems"]
        assert report["url"] == box.url
        assert token not in json.dumps(report)
        assert report["server"]["rssMiB"] > 0
        assert len(report["server"]["processes"]) == 2
        blind = bench(tmp_path, "scenario1", "--seconds", "2", "--url", box.url)
        assert blind["server"]["cpuPercent"] is None
        assert blind["summary"]["packetLossPercent"] == 0

        target = tmp_path / "died.json"
        with measuring(target, *elsewhere) as process:
            (server,) = [
                pid
                for pid in processes.children(os.getpid())
                if str(box.folder).encode() in _command_line(pid)
            ]
            os.kill(server, signal.SIGKILL)
            process.communicate(timeout=60)
    died = json.loads(target.read_text())
    assert process.returncode == 1
    assert died["partial"]
    assert any("the server ended in the middle" in problem for problem in died["problems"])


def test_all_three_kinds_of_report_come_of_one_run(tmp_path: Path) -> None:
    pages = [tmp_path / "report.html", tmp_path / "report.csv"]
    arguments = ["--html", str(pages[0]), "--csv", str(pages[1]), "--repeat", "2"]
    arguments += ["--talk", "turns", "--dtx", "--seed", "3"]
    report = bench(tmp_path, "scenario1", "--seconds", "2", *arguments)
    assert [run["participants"] for run in report["runs"]] == [2, 2]
    for run in report["runs"]:
        assert (run["settings"]["talk"], run["settings"]["seed"]) == ("turns", 3)
        assert run["summary"]["packetLossPercent"] == 0
        # One speaks at a time; whoever is silent sends a twentieth.
        assert sum(row["packets"] for row in run["streams"]) < 1.5 * 50 * run["seconds"]
    assert all(run["quality"]["tiphon"]["overall"] is not None for run in report["runs"])
    assert "Median and spread" in pages[0].read_text()
    assert pages[1].read_text().count("\n") == 3


def all_gone(started: dict[int, int]) -> bool:
    """Whether each process ends (its descriptor gets readable); one killed takes a moment."""
    try:
        return all(select.select([descriptor], [], [], 30)[0] for descriptor in started.values())
    finally:
        for descriptor in started.values():
            os.close(descriptor)


def _command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.netns
@pytest.mark.skipif(bool(peers.missing()), reason=peers.missing() or "nothing")
def test_peers_compares_both_and_removes_its_namespaces(tmp_path: Path) -> None:
    report = bench(tmp_path, "peers", "--participants", "2", "--seconds", "2", "--voice-only")
    assert only_load_problems(report), report["problems"]
    for side in ("ours", "janus", "janusPerFeed"):
        assert report[side]["packetLossPercent"] == 0
        assert report[side]["forwardedPackets"] > 150
        assert report[side]["cpuPerForwardedPacket"] > 0
    for ratio in ("ratio", "ratioPerFeed"):
        assert set(report[ratio]) == {"cpuPerForwardedPacket", "delayP99"}
    assert report["relay"]["forwardedPackets"] > 0
    assert 0 < report["relayRatio"] < 1
    assert not [n for n in os.listdir("/run/netns") if n.startswith("bench-")]
    assert netns.missing() == ""


@pytest.mark.browser
def test_a_real_browser_gets_a_frame_and_sends_three_layers(tmp_path: Path) -> None:
    if reason := chromium.missing():
        pytest.skip(reason)
    report = bench(tmp_path, "browser", "--runs", "1")
    assert len(report["joinToFirstFrameSeconds"]) == 1
    samples = report["ramp"]["samples"]
    assert sum(sample["sentBitsPerSecond"] for sample in samples) > 0
    assert set(samples[-1]["widths"]) == {"q", "h", "f"}
