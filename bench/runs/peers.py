"""The same load against our server and others, in turns, across a veth pair.

Janus VideoRoom carries the whole load, in both of its modes: with one connection for all that a
participant receives, and with a connection for each publisher. The naive relay (`servers.relay`)
decodes and encodes every stream for every receiver, and a few people drown it; so it is compared at
a load that it bears, and ours is measured at the same one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
from collections.abc import Callable
from typing import Any

from bench.context import Outcome
from bench.light.client import Client
from bench.light.fleet import FleetError
from bench.light.signaling import ParticipantError
from bench.provenance import provenance
from bench.recordings.library import Library
from bench.runs.alternate import alternately
from bench.runs.run import Load, ParticipantClass, measure
from bench.servers import netns
from bench.servers.janus import JanusClient, JanusPerFeedClient
from bench.servers.relay_peer import Relay, RelayClient
from bench.servers.server import Janus, OwnServer, Server

SIDES = ("ours", "janus", "janusPerFeed")
RATIOS = {"ratio": "janus", "ratioPerFeed": "janusPerFeed"}
"""Ours is divided by these."""
RELAY_SIDES = ("oursBesideRelay", "relay")
ALL_SIDES = (*SIDES, *RELAY_SIDES)
RELAY_PEOPLE = 2
"""At most in a call over the relay: a third on camera needs more than two cores of it."""


def missing() -> str:
    """What this comparison needs and has not, in words; empty when it can run."""
    return netns.missing() or Janus.missing()


def compare(
    load: Load, library: Library, workers: int, repeat: int, announce: Callable[[str], None]
) -> dict[str, Any]:
    """Each side `repeat` times, alternately; medians and their ratio.

    An interrupt ends it with what was measured. `announce` gets a line at each step.
    Raises what `measure` raises, `ServerError`, `NamespaceError`.
    """

    def measure_side(side: str) -> Outcome | None:
        try:
            return _one(side, load, library, workers, announce)
        except (ParticipantError, FleetError) as error:
            if side != "relay":
                raise
            announce(f"the relay did not carry it: {error}")
            return None

    return result(load, alternately(ALL_SIDES, repeat, announce, measure_side))


def _one(
    side: str, load: Load, library: Library, workers: int, announce: Callable[[str], None]
) -> dict[str, Any]:
    participant_class: ParticipantClass = Client
    if side in RELAY_SIDES:
        people = min(load.participants, RELAY_PEOPLE)
        load = dataclasses.replace(load, participants=people, rooms=1, drivers=1)
    with netns.veth_pair() as link, netns.entered(link.client):
        server: Server
        if side == "relay":
            participant_class, server = RelayClient, Relay(netns.SERVER_ADDRESS, link.in_server)
        elif side in RATIOS.values():
            server = Janus(link.in_server)
            participant_class = JanusClient if side == "janus" else JanusPerFeedClient
        else:
            capacity = -(-load.participants // load.rooms)
            server = OwnServer(netns.SERVER_ADDRESS, workers, capacity, load.rooms, link.in_server)
        with server:
            return asyncio.run(measure(load, library, server, participant_class, announce))


def result(load: Load, runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians of each side, and ours divided by theirs (0 where there is nothing to divide)."""
    sides = {side: _median(runs[side]) for side in SIDES}
    ratios = {name: _ratio(sides["ours"], sides[side]) for name, side in RATIOS.items()}
    problems = [f"{side} was not measured" for side in SIDES if not runs[side]]
    problems += [text for side in SIDES for run in runs[side] for text in run["problems"]]
    beside = {side: _median(runs[side]) for side in RELAY_SIDES if runs.get(side)}
    return {
        "scenario": "peers",
        "participants": load.participants,
        "seconds": load.seconds,
        "settings": load.settings,
        **sides,
        **ratios,
        **naive(load, beside),
        "valid": not problems,
        "problems": problems,
        **provenance(),
    }


def _ratio(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    return {
        name: round(ours[name] / theirs[name], 3) if theirs[name] else 0.0
        for name in ("cpuPerForwardedPacket", "delayP99")
    }


def naive(load: Load, sides: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Ours beside the relay at the relay's load; nothing when one of both was not measured.

    The relay's packets are others than were sent, so there is no loss and no delay of it.
    """
    if len(sides) < len(RELAY_SIDES):
        return {}
    ours, relay = (sides[side]["cpuPerForwardedPacket"] for side in RELAY_SIDES)
    for name in ("delayP50", "delayP95", "delayP99", "packetLossPercent"):
        sides["relay"][name] = None
    return {
        **sides,
        "relayParticipants": min(load.participants, RELAY_PEOPLE),
        "relayRatio": round(ours / relay, 4) if relay else None,
        # What overloads the relay is no problem of ours.
        "relayProblems": [text for side in sides.values() for run in side["runs"]
                          for text in run["problems"]],
    }  # fmt: skip


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
