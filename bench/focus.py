"""What it saves to send people only what they look at and listen to.

Theory of operation. Two calls of the same people, one after the other, each on a fresh server.
In both everybody publishes simulcast and has the microphone open, two or three talk at a time.
`everything`: nobody says what is looked at, so each picture counts as seen in full, and every
voice is sent on. `focus`: each looks at one person large and at the others as thumbnails, and
the server sends on the loudest voices. Whom they look at is `LOOKS`: in a ring everybody is
somebody's large picture and must send the highest layer; with a speaker only one must.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp

from bench import media
from bench.client import Client
from bench.driver import Library
from bench.fleet import Fleet
from bench.provenance import provenance
from bench.recording import Recording
from bench.run import Load, ParticipantClass, measure
from bench.server import OwnServer

SIDES = ("everything", "focus")
LOUDEST = 3
"""Voices at most; the server's own default."""
REQUIRED_RATIO = 1 / 3
"""Of packets, and of CPU."""
LOWER_LAYERS = {
    "q": media.VideoSpec(bitrate_kbps=100, width=160, height=90),
    "h": media.VideoSpec(bitrate_kbps=300, width=320, height=180),
}
TOP_RID = "f"
LOOKS = ("ring", "speaker")
"""`ring`: each at the next one; `speaker`: all at the first, who looks at the second."""


def layers(top: Recording) -> dict[str, Recording]:
    """The simulcast layers under `top`, from the cache or made now, low to high."""
    return {rid: media.video(spec) for rid, spec in LOWER_LAYERS.items()} | {TOP_RID: top}


def looked_at(looks: str, participant: int, people: int) -> int:
    """Whom this participant sees large; `looks` is one of `LOOKS`."""
    if looks == "ring":
        return (participant + 1) % people
    return 1 if participant == 0 else 0


def participant_class(library: Library, count: int, looks: str = "") -> ParticipantClass:
    """Participants who send the library's layers and look at each other as `looks` says."""

    def make(
        fleet: Fleet,
        session: aiohttp.ClientSession,
        url: str,
        participant: int,
        people: dict[str, int],
    ) -> Client:
        main = looked_at(looks, participant, count) if looks else None
        rids = tuple(library.layers)
        return Client(fleet, session, url, participant, people, rids=rids, main=main)

    return make


def compare(
    load: Load,
    library: Library,
    host: str,
    workers: int,
    looks: str,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Both calls and their ratios. Raises what `measure` raises, and `ServerError`."""
    runs = {}
    for side in SIDES:
        tell(side)
        focused = side == "focus"
        with OwnServer(
            host, workers, load.participants, 1, loudest=LOUDEST if focused else 0
        ) as server:
            people = participant_class(library, load.participants, looks if focused else "")
            one = replace(load, scenario=side, by_sequence=True)
            runs[side] = asyncio.run(measure(one, library, server, people, tell))
        if runs[side]["partial"]:
            break
    return result(load, runs)


def result(load: Load, runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The figures of both sides and their ratio; `met` is None when they cannot be compared."""
    sides = {side: figures(runs[side], load.participants) for side in SIDES if side in runs}
    problems = [f"{side} was not measured" for side in SIDES if side not in runs]
    problems += [f"{side}: {text}" for side in runs for text in runs[side]["problems"]]
    ratio: dict[str, float] = {}
    if len(sides) == len(SIDES):
        for name in ("packetsPerSecondOut", "cpuPercentPerParticipant"):
            whole = sides["everything"][name]
            if whole:
                ratio[name] = round(sides["focus"][name] / whole, 4)
    met = None if len(ratio) < 2 else all(value <= REQUIRED_RATIO for value in ratio.values())
    return {
        "scenario": "focus",
        "participants": load.participants,
        "seconds": load.seconds,
        "settings": load.settings,
        "required": round(REQUIRED_RATIO, 4),
        **sides,
        "ratio": ratio,
        "met": met,
        "valid": not problems,
        "problems": problems,
        **provenance(),
    }


def figures(run: dict[str, Any], participants: int) -> dict[str, Any]:
    """Of one call. CPU is that of all processes of the server, signaling included."""
    cpu = sum(process["cpuPercent"] for process in run["server"]["processes"])
    return {
        "packetsPerSecondOut": run["packetsPerSecondOut"],
        "cpuPercent": round(cpu, 2),
        "cpuPercentPerParticipant": round(cpu / participants, 3),
        "delayMs": run["summary"]["delayMs"],
        "packetLossPercent": run["summary"]["packetLossPercent"],
        "receivedBitsPerSecond": run["summary"]["throughputBitsPerSecond"],
        "receivedLayers": received_layers(run),
        "voicesHeard": sum(t["kind"] == "audio" and t["packets"] > 0 for t in run["tracks"]),
        "run": run,
    }


def received_layers(run: dict[str, Any]) -> dict[str, int]:
    """Packets of each layer, over all who received."""
    total: dict[str, int] = {}
    for track in run["tracks"]:
        for rid, count in track["layers"].items():
            total[rid] = total.get(rid, 0) + count
    return dict(sorted(total.items()))
