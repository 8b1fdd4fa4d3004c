"""`python -m bench impair [ROW ...]`: calls of real browsers on bad networks, row by row.

Each row is a call of its own: namespaces, server and browsers are made anew, so that nothing of
one row is left in the next. Only one such run at a time: two would share the cores, and both
would be void; a lock file sees to it.
"""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.impair import rig as impair_rig
from bench.impair.call import Announce, Call, SetUpError, call
from bench.impair.judge import Criterion, Evidence, evidence_of
from bench.impair.rows import ROWS, Row
from bench.impair.stats import longest_pause, sending_timeline, timeline
from bench.provenance import provenance
from bench.real import chromium, firefox
from bench.servers.netns import NamespaceError
from bench.servers.server import ServerError

BROWSERS = CHROMIUM, FIREFOX = "chromium", "firefox"
LEAST_SOURCE_RATE = 20.0
"""Frames a second that each camera must have given; with fewer the machine is too slow."""
LATEST_FRAME_MS = 100.0
"""By how much a link program may be late; with more it adds stalls that are not part of the row."""
LARGEST_SAMPLE_GAP = 1.0
"""Seconds between two samples of the viewer's statistics; more hides what is measured."""


class BusyError(Exception):
    """Another run has the machine."""


def missing(kind: str = CHROMIUM) -> str:
    """What is not there, in words; empty when rows can be measured with that browser."""
    needed = impair_rig.missing() or chromium.missing()
    return needed or (firefox.missing() if kind == FIREFOX else "")


@contextlib.contextmanager
def alone(path: Path | None = None) -> Iterator[None]:
    """Hold the machine's lock. Raises `BusyError` when another run has it."""
    with (path or Path(tempfile.gettempdir()) / "bench-impair.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BusyError("another `bench impair` is running on this machine") from None
        yield


def measure_rows(
    names: Sequence[str],
    seconds: float | None,
    size: tuple[int, int],
    kind: str,
    announce: Announce,
) -> dict[str, Any]:
    """Measure these rows in turn; a row that fails to come about leaves the others alone.

    `seconds` instead of each row's own length; `size` of the cameras' frames; `kind` is the
    browser behind the impaired link. Raises `BusyError`.
    """
    with alone():
        rows = {name: _measure(name, ROWS[name], seconds, size, kind, announce) for name in names}
    return {
        "scenario": "impair",
        "browser": kind,
        "rows": rows,
        "valid": all(not row["problems"] for row in rows.values()),
        "problems": [f"{name}: {p}" for name, row in rows.items() for p in row["problems"]],
        **provenance(),
    }


def _measure(
    name: str, row: Row, seconds: float | None, size: tuple[int, int], kind: str, announce: Announce
) -> dict[str, Any]:
    def tell_row(line: str) -> None:
        announce(f"{name}: {line}")

    head = {"title": row.title, "publishers": row.publishers, "camera": list(size)}
    try:
        impaired = row.publishers - row.of_publisher
        firefox = (impaired,) if kind == FIREFOX else ()
        with call(row.publishers, size, tell_row, row.linked, firefox, row.congestion) as running:
            row.schedule(running, seconds or row.seconds)
            evidence, rest = _collect(running, size)
    except (SetUpError, NamespaceError, ServerError) as error:
        return {**head, "criteria": [], "met": False, "problems": [str(error)]}
    criteria = row.judge(evidence)
    report = _report(evidence, criteria)
    report["problems"] += _too_late(rest["links"])
    return {**head, **report, **rest}


def _collect(running: Call, size: tuple[int, int]) -> tuple[Evidence, dict[str, Any]]:
    """While everybody is still there."""
    running.take()
    evidence = evidence_of(
        tuple(seat.name for seat in running.publishers),
        running.viewer.samples,
        {seat.name: seat.samples for seat in running.publishers},
        marks=dict(running.marks),
        pressed={seat.name: seat.pressed for seat in running.seats},
        top_height=float(size[1]),
        reloaded=tuple(seat.name for seat in running.seats if seat.reloaded()),
    )
    down, up = running.viewer.spoke.dropped()
    return evidence, {
        "server": running.server_stats(),
        "droppedByRules": {"down": down, "up": up},
        "links": {
            seat.name: seat.spoke.link.counters() for seat in running.seats if seat.spoke.link
        },
        "tiles": running.viewer.samples[-1]["tiles"],
    }


def _report(evidence: Evidence, criteria: Sequence[Criterion]) -> dict[str, Any]:
    begin, end = evidence.window
    rates = {
        name: round(sent.camera.gained("frames", begin, end) / (end - begin), 1)
        for name, sent in evidence.sent.items()
    }
    unseen = longest_pause([sample["at"] for sample in evidence.samples], begin, end)
    return {
        "criteria": [criterion.report() for criterion in criteria],
        "met": all(criterion.met for criterion in criteria),
        "problems": _too_busy(rates, unseen),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin)),
        "seconds": round(end - begin, 2),
        "marks": {name: round(at - begin, 2) for name, at in evidence.marks.items()},
        "neverArrived": [
            f"{kind} of {name}"
            for name in evidence.names
            for kind in ("audio", "video")
            if (name, kind) not in evidence.tracks
        ],
        "cameraFramesPerSecond": rates,
        "longestSampleGapSeconds": round(unseen, 2),
        "paths": evidence.paths,
        "pictures": evidence.videos(begin, end),
        "sounds": evidence.sounds(begin, end),
        "timeline": timeline(evidence.tracks, begin, end),
        "sending": {
            name: sending_timeline(sent, begin, end) for name, sent in evidence.sent.items()
        },
    }


def _too_busy(rates: Mapping[str, float], unseen: float) -> list[str]:
    """Why the figures are void: the machine, not the network, was what limited them."""
    found = [
        f"void: the camera of {name} gave {rate} frames/s, the machine is too busy"
        for name, rate in rates.items()
        if rate < LEAST_SOURCE_RATE
    ]
    if unseen > LARGEST_SAMPLE_GAP:
        found.append(f"void: the viewer's page stood for {unseen:.1f} s, the machine is too busy")
    return found


def _too_late(links: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        f"void: the link of {name} was {counters['latestMs']} ms late, the machine is too busy"
        for name, counters in links.items()
        if counters["latestMs"] > LATEST_FRAME_MS
    ]
