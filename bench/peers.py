"""The same load against our server and Janus, in turns, across a veth pair."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from typing import Any

from bench import netns
from bench.client import Client
from bench.driver import Library
from bench.janus import JanusClient
from bench.provenance import provenance
from bench.run import InterruptedRunError, Load, ParticipantClass, measure
from bench.server import Janus, OwnServer, Server

SIDES = ("ours", "janus")


def missing() -> str:
    """What this comparison needs and has not, in words; empty when it can run."""
    return netns.missing() or Janus.missing()


def compare(
    load: Load, library: Library, workers: int, repeat: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Each side `repeat` times, in turns; medians and their ratio.

    An interrupt ends it with what was measured. `tell` gets a line at each step.
    Raises what `measure` raises, `ServerError`, `NamespaceError`.
    """
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for number in range(repeat):
        # Who goes first changes, so that a machine that warms up favours nobody.
        for side in SIDES if number % 2 == 0 else SIDES[::-1]:
            tell(f"run {number + 1} of {repeat}: {side}")
            try:
                runs[side].append(_one(side, load, library, workers, tell))
            except (InterruptedRunError, KeyboardInterrupt):
                if not any(runs.values()):
                    raise
                return result(load, runs)
            if runs[side][-1]["partial"]:
                return result(load, runs)
    return result(load, runs)


def _one(
    side: str, load: Load, library: Library, workers: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    participant_class: ParticipantClass = Client if side == "ours" else JanusClient
    with netns.veth_pair() as link, netns.entered(link.client):
        server: Server
        if side == "ours":
            capacity = -(-load.participants // load.rooms)
            server = OwnServer(netns.SERVER_ADDRESS, workers, capacity, load.rooms, link.in_server)
        else:
            server = Janus(link.in_server)
        with server:
            return asyncio.run(measure(load, library, server, participant_class, tell))


def result(load: Load, runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians of each side, and ours divided by theirs (0 where there is nothing to divide)."""
    sides = {side: _median(runs[side]) for side in SIDES}
    ratio = {
        name: round(sides["ours"][name] / sides["janus"][name], 3) if sides["janus"][name] else 0.0
        for name in ("cpuPerForwardedPacket", "delayP99")
    }
    problems = [f"{side} was not measured" for side in SIDES if not runs[side]]
    problems += [text for side in SIDES for run in runs[side] for text in run["problems"]]
    return {
        "scenario": "peers",
        "participants": load.participants,
        "seconds": load.seconds,
        "settings": load.settings,
        **sides,
        "ratio": ratio,
        "valid": not problems,
        "problems": problems,
        **provenance(),
    }


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(*path: str) -> float:
        values = []
        for run in runs:
            value: Any = run
            for key in path:
                value = value[key]
            values.append(float(value))
        return round(statistics.median(values), 3) if values else 0.0

    return {
        # Janus does signaling in the same process, so of ours all processes count, too.
        "cpuPerForwardedPacket": middle("server", "cpuMicrosPerForwardedPacketAllProcesses"),
        "delayP50": middle("summary", "delayMs", "p50"),
        "delayP95": middle("summary", "delayMs", "p95"),
        "delayP99": middle("summary", "delayMs", "p99"),
        "packetLossPercent": middle("summary", "packetLossPercent"),
        "forwardedPackets": middle("server", "forwardedPackets"),
        "cpuPercent": middle("server", "cpuPercent"),
        "rssMiB": middle("server", "rssMiB"),
        "runs": runs,
    }
