"""Medians and ratios of both sides."""

from __future__ import annotations

from typing import Any

from bench.runs.peers import result
from bench.runs.run import Load

LOAD = Load("peers", 10, 30.0, ("audio", "video"))


def run(cpu: float, p99: float, problems: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "server": {
            "cpuMicrosPerForwardedPacketAllProcesses": cpu,
            "forwardedPackets": 1000,
            "cpuPercent": 20.0,
            "rssMiB": 90.0,
        },
        "summary": {"delayMs": {"p50": 1.0, "p95": 2.0, "p99": p99}, "packetLossPercent": 0.0},
        "problems": list(problems),
    }


def test_ratio_is_of_medians() -> None:
    runs = {
        "ours": [run(10.0, 3.0), run(12.0, 9.0), run(11.0, 4.0)],
        "janus": [run(40.0, 8.0), run(44.0, 8.0), run(99.0, 8.0)],
        "janusPerFeed": [run(55.0, 16.0)],
    }
    outcome = result(LOAD, runs)
    assert outcome["ours"]["cpuPerForwardedPacket"] == 11.0
    assert outcome["janus"]["cpuPerForwardedPacket"] == 44.0
    assert outcome["ratio"] == {"cpuPerForwardedPacket": 0.25, "delayP99": 0.5}
    assert outcome["ratioPerFeed"] == {"cpuPerForwardedPacket": 0.2, "delayP99": 0.25}
    assert outcome["valid"]


def test_a_side_that_was_not_measured_is_reported_and_divides_nothing() -> None:
    outcome = result(LOAD, {"ours": [run(10.0, 3.0)], "janus": [], "janusPerFeed": []})
    assert outcome["ratio"] == {"cpuPerForwardedPacket": 0.0, "delayP99": 0.0}
    assert outcome["problems"] == ["janus was not measured", "janusPerFeed was not measured"]
    assert not outcome["valid"]


def test_the_naive_relay_is_compared_at_the_load_that_it_bears() -> None:
    janus = [run(40.0, 8.0)]
    runs = {"ours": [run(10.0, 3.0)], "janus": janus, "janusPerFeed": janus}
    assert "relayRatio" not in result(LOAD, runs)
    beside = {"oursBesideRelay": [run(100.0, 1.0)], "relay": [run(4000.0, 1.0, ("busy",))]}
    outcome = result(LOAD, runs | beside)
    assert outcome["relayRatio"] == 0.025
    assert outcome["relay"]["delayP99"] is None
    assert (outcome["relayParticipants"], outcome["relayProblems"]) == (2, ["busy"])
    # What drowns the relay says nothing of ours.
    assert outcome["valid"]


def test_one_invalid_run_makes_the_comparison_invalid() -> None:
    janus = [run(1.0, 1.0)]
    runs = {"ours": [run(1.0, 1.0, ("busy",))], "janus": janus, "janusPerFeed": janus}
    outcome = result(LOAD, runs)
    assert (outcome["valid"], outcome["problems"]) == (False, ["busy"])
