"""What it saves to send participants only what they view and hear.

Theory of operation. Two calls of the same people, alternately, each on a fresh server.
In both everybody publishes simulcast and has the microphone open, two or three talk at a time.
`everything`: nobody sends a `view`, so each video counts as shown in full size, and every
voice is sent on. `focus`: each looks at one person large and at the others as thumbnails, and
the server sends on the loudest voices. Whom they look at is `LOOKS`: in a ring everybody is
somebody's large tile and must send the highest layer; with a speaker only one must.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from typing import Any

from bench.light.client import Client
from bench.light.participant import LoadGenerator
from bench.provenance import provenance
from bench.recordings import media
from bench.recordings.library import Library
from bench.recordings.recording import Recording
from bench.runs.alternate import alternately
from bench.runs.run import Load, ParticipantClass, measure
from bench.servers.server import OwnServer

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
"""`ring`: each at the next one; `speaker`: all at the first, who views the second."""


def layers(top: Recording) -> dict[str, Recording]:
    """The simulcast layers under `top`, from the cache or made now, low to high."""
    return {rid: media.video(spec) for rid, spec in LOWER_LAYERS.items()} | {TOP_RID: top}


def looked_at(looks: str, participant: int, people: int) -> int:
    """Whom this participant sees large; `looks` is one of `LOOKS`."""
    if looks == "ring":
        return (participant + 1) % people
    return 1 if participant == 0 else 0


def participant_class(library: Library, count: int, looks: str = "") -> ParticipantClass:
    """Participants who send the library's layers and view each other by `looks`."""

    def make(generator: LoadGenerator, participant: int) -> Client:
        main = looked_at(looks, participant, count) if looks else None
        return Client(generator, participant, rids=tuple(library.layers), main=main)

    return make


def compare(
    load: Load,
    library: Library,
    host: str,
    workers: int,
    looks: str,
    repeat: int,
    announce: Callable[[str], None],
) -> dict[str, Any]:
    """Each call `repeat` times, alternately; medians and their ratios.

    An interrupt ends it with what was measured. Raises what `measure` raises, and `ServerError`.
    """
    runs = alternately(
        SIDES, repeat, announce, lambda side: _one(side, load, library, host, workers, looks)
    )
    return result(load, runs)


def _one(
    side: str, load: Load, library: Library, host: str, workers: int, looks: str
) -> dict[str, Any]:
    focused = side == "focus"
    people = participant_class(library, load.participants, looks if focused else "")
    with OwnServer(
        host, workers, load.participants, 1, loudest=LOUDEST if focused else 0
    ) as server:
        return asyncio.run(measure(load, library, server, people, _silent))


def _silent(_: str) -> None:
    """The steps of a run among many are not announced."""


def result(load: Load, runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The figures of both sides and their ratio; `met` is None when they cannot be compared."""
    sides = {side: figures(runs[side], load.participants) for side in SIDES if runs[side]}
    problems = [f"{side} was not measured" for side in SIDES if not runs[side]]
    problems += [
        f"{side}: {text}" for side in SIDES for run in runs[side] for text in run["problems"]
    ]
    whole_layers = sides["everything"]["receivedLayers"] if runs["everything"] else {}
    if low := {rid: count for rid, count in whole_layers.items() if rid != TOP_RID}:
        problems.append(
            f"everything: not all of it was sent on, packets of lower layers came: {low}"
        )
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


def figures(runs: list[dict[str, Any]], participants: int) -> dict[str, Any]:
    """Medians of one side. CPU is that of all processes of the server, signaling included."""

    def middle(read: Callable[[dict[str, Any]], float]) -> float:
        return round(statistics.median(read(run) for run in runs), 3)

    cpu = middle(lambda run: sum(p["cpuPercent"] for p in run["server"]["processes"]))
    return {
        "packetsPerSecondIn": middle(_packets_in),
        "packetsPerSecondOut": middle(lambda run: run["packetsPerSecondOut"]),
        "cpuPercent": cpu,
        "cpuPercentPerParticipant": round(cpu / participants, 3),
        "delayMs": {
            name: middle(lambda run, name=name: run["summary"]["delayMs"][name])  # type: ignore[misc]
            for name in ("p50", "p95", "p99")
        },
        "packetLossPercent": middle(lambda run: run["summary"]["packetLossPercent"]),
        "receivedBitsPerSecond": middle(lambda run: run["summary"]["throughputBitsPerSecond"]),
        "voicesHeard": middle(
            lambda run: sum(t["kind"] == "audio" and t["packets"] > 0 for t in run["tracks"])
        ),
        "receivedLayers": received_layers(runs),
        "runs": runs,
    }


def _packets_in(run: dict[str, Any]) -> float:
    return float(sum(stream["packets"] for stream in run["streams"]) / run["seconds"])


def received_layers(runs: list[dict[str, Any]]) -> dict[str, int]:
    """Video packets of each layer, over all who received, over all runs."""
    total: dict[str, int] = {}
    for run in runs:
        for track in run["tracks"]:
            for rid, count in track["layers"].items():
                total[rid] = total.get(rid, 0) + count
    return dict(sorted(total.items()))
