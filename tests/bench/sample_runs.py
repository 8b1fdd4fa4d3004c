"""Reports of made-up runs, with figures that are easy to compute with."""

from __future__ import annotations

from typing import Any

from bench.reports.verdict import judge
from qos.histogram import BINS

MACHINE = {
    "model": "Box <1>",
    "cores": 4,
    "kernel": "6.1",
    "python": "3.11.2",
    "governor": "performance",
    "temperatureC": 41.5,
}


def track(kind: str, **changes: Any) -> dict[str, Any]:
    """What one participant received of another."""
    values: dict[str, Any] = {
        "from": 0,
        "to": 1,
        "kind": kind,
        "sent": 1000,
        "packets": 1000,
        "lost": 0,
        "bitsPerSecond": 40_000 if kind == "audio" else 1_000_000,
        "delayMs": {"mean": 2.0, "max": 9.0},
        "jitterMs": 0.5,
    }
    return {**values, **changes}


def run(**changes: Any) -> dict[str, Any]:
    """A video call of two people; `quality` is judged from what is given."""
    values: dict[str, Any] = {
        "scenario": "scenario2",
        "participants": 2,
        "rooms": 1,
        "seconds": 10.0,
        "packetsPerSecondOut": 354.0,
        "lossFrom": "packetsSent",
        "summary": {
            "throughputBitsPerSecond": 1_300_000,
            "packetLossPercent": 0.0,
            "delayMs": {"p50": 1.0, "p95": 3.0, "p99": 5.0},
            "jitterMs": 0.5,
            "meanInterArrivalMs": 5.6,
        },
        "server": {
            "cpuPercent": 20.0,
            "cpuMicrosPerForwardedPacket": 12.5,
            "cpuMicrosPerForwardedPacketAllProcesses": 13.0,
            "forwardedPackets": 3540,
            "rssMiB": 90.0,
            "rssIdleMiB": 80.0,
            "rssMiBPerParticipant": 5.0,
            "processes": [],
        },
        "loadGenerator": {"processes": [{"cpuPercent": 10.0, "lateP99Ms": 1.0}]},
        "media": {
            "audioBitsPerSecond": 31_000,
            "videoBitsPerSecond": 1_000_000,
            "framesPerSecond": 25.0,
        },
        "tracks": [track("audio"), track("video")],
        "delayCounts": [0] * 8 + [60, 40] + [0] * (BINS - 10),
        "series": [
            {"at": 1.0, "cpuPercent": 19.0, "cpuAllPercent": 20.0, "rssMiB": 90.0,
             "generatorCpuPercent": 10.0, "receivedMbps": 2.5, "delayMeanMs": 1.5},
            {"at": 2.0, "cpuPercent": 21.0, "cpuAllPercent": 22.0, "rssMiB": 90.5,
             "generatorCpuPercent": 11.0, "receivedMbps": 2.6, "delayMeanMs": 1.7},
        ],
        "settings": {"videoKbps": 1000},
        "valid": True,
        "partial": False,
        "problems": [],
        "machine": MACHINE,
        "commit": "abc1234",
        "command": "python -m bench scenario2",
        "at": "2026-01-02T03:04:05Z",
    }  # fmt: skip
    made = {**values, **changes}
    return {**made, "quality": judge(made)}


def cpu(percent: float, each: float = 12.5) -> dict[str, Any]:
    """The server's part, with this CPU and these microseconds a packet."""
    return {**run()["server"], "cpuPercent": percent, "cpuMicrosPerForwardedPacket": each}


def several(runs: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A report of several runs."""
    origin = {key: run()[key] for key in ("machine", "commit", "command", "at", "settings")}
    values = {"scenario": "scenario2", "runs": runs, "valid": True, "partial": False}
    return {**values, "problems": [], **origin, **changes}
