"""Which figures an outcome has, by name: for the tables, for CSV and for comparing.

An outcome is what a scenario gives: one run; several in `runs`, those of one kind with the same
`label`; or sides beside each other, each with its `runs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Figure(NamedTuple):
    """One figure of a run."""

    name: str
    title: str
    unit: str
    path: tuple[str, ...]
    digits: int = 3


FIGURES: tuple[Figure, ...] = (
    Figure("throughput", "throughput, each participant", "bit/s",
           ("summary", "throughputBitsPerSecond"), 0),
    Figure("loss", "packet loss", "%", ("summary", "packetLossPercent"), 4),
    Figure("delayP50", "one-way delay p50", "ms", ("summary", "delayMs", "p50")),
    Figure("delayP95", "one-way delay p95", "ms", ("summary", "delayMs", "p95")),
    Figure("delayP99", "one-way delay p99", "ms", ("summary", "delayMs", "p99")),
    Figure("jitter", "jitter", "ms", ("summary", "jitterMs")),
    Figure("meanInterArrival", "meanInterArrival", "ms", ("summary", "meanInterArrivalMs")),
    Figure("packetsPerSecondOut", "packets a second out", "1/s", ("packetsPerSecondOut",), 1),
    Figure("cpu", "server CPU, media", "%", ("server", "cpuPercent"), 2),
    Figure("cpuPerPacket", "CPU per forwarded packet", "µs",
           ("server", "cpuMicrosPerForwardedPacket")),
    Figure("cpuPerPacketAll", "the same, all processes", "µs",
           ("server", "cpuMicrosPerForwardedPacketAllProcesses")),
    Figure("rss", "server memory", "MiB", ("server", "rssMiB"), 1),
    Figure("tiphon", "TIPHON index", "", ("quality", "tiphon", "overall"), 2),
    Figure("disconnected", "people disconnected", "", ("disconnected",), 0),
    Figure("voiceMos", "voice MOS", "", ("quality", "voiceMos", "mos"), 2),
    Figure("videoMos", "video MOS", "", ("quality", "videoMos", "mos"), 2),
)  # fmt: skip
"""Of a run, in the order in which they are shown."""

PHONE: tuple[Figure, ...] = (
    Figure("callsCompleted", "calls completed", "", ("phone", "completed"), 0),
    Figure("callsFailed", "calls failed", "", ("phone", "failed"), 0),
    Figure("callsOpen", "calls still going on at the end", "", ("phone", "open"), 0),
    Figure("busyTold", "callers refused because the line is busy", "", ("phone", "busyTold"), 0),
    *(
        Figure(f"{name}{share.upper()}", f"{title} {share}", "ms", ("phone", f"{name}Ms", share), 2)
        for name, title in (
            ("ring", "call to ring"),
            ("answerToVoice", "answer to voice in both directions"),
            ("hangUp", "hang-up to notice"),
            ("busy", "call to busy"),
        )
        for share in ("p50", "p95", "p99")
    ),
)
"""Of a run of phone calls."""

SIDES = ("ours", "janus", "janusPerFeed", "naive", "everything", "focus")
"""Keys under which outcomes that compare keep their runs."""


def value(run: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    """The number at a path; None where there is none."""
    found: Any = run
    for key in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found)


def runs(outcome: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every single run in an outcome, with the label of what it is a run of."""
    several = outcome.get("runs")
    if isinstance(several, list):
        for run in several:
            if isinstance(run, Mapping):
                label = str(run.get("label", ""))
                yield from ((label or below, one) for below, one in runs(run))
    elif "summary" in outcome or "phone" in outcome:
        yield "", outcome
    else:
        for side in SIDES:
            if isinstance(of_side := outcome.get(side), Mapping):
                yield from ((side, run) for _, run in runs(of_side))


def samples(outcome: Mapping[str, Any]) -> dict[str, list[float]]:
    """Of every figure its values over the runs, by name, with the label in front of it.

    An outcome without runs of this kind gives each number that it has at its top or one level
    below, once.
    """
    found: dict[str, list[float]] = {}
    for label, run in runs(outcome):
        for figure in (*FIGURES, *PHONE):
            number = value(run, figure.path)
            if number is not None:
                name = f"{label}: {figure.name}" if label else figure.name
                found.setdefault(name, []).append(number)
    return found or _numbers(outcome)


def _numbers(outcome: Mapping[str, Any]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for key, below in outcome.items():
        if key in ("machine", "settings"):
            continue
        for path in [(key, name) for name in below] if isinstance(below, Mapping) else [(key,)]:
            number = value(outcome, path)
            if number is not None:
                found[".".join(path)] = [number]
    return found
