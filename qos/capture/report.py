"""One row a stream: what the table, the JSON, the CSV and the plot are made of.

Names follow W3C webrtc-stats where it has the quantity; times are seconds, rates bit/s, loss is in
percent. A figure that is not known is None.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, NamedTuple

from qos.capture.analysis import Analysis, Found
from qos.capture.candidates import VIDEO_CLOCK_RATE
from qos.capture.decode import endpoints
from qos.capture.layers import TCP, UDP
from qos.capture.streams import Point, Rfc3550Stream
from qos.csv_cells import cell
from qos.grades import PROFILES, TOO_SHORT, Graded, enough, grade

SHORTEST = 0.1
"""Seconds: the rate of a shorter burst means nothing."""


class Grading(NamedTuple):
    """How streams are graded: a profile of `qos.grades`, and the nominal bandwidth, bit/s."""

    profile: str
    nominal: float | None = None


class Row(NamedTuple):
    """One stream."""

    values: dict[str, Any]
    """As it stands in the JSON."""
    points: list[Point]
    """Its course, for the plot."""


def rows(name: str, start: float, analysis: Analysis, found: Iterable[Found], grading: Grading) \
        -> list[Row]:  # fmt: skip
    """Rows of one capture; `name` is its file's and `start` Unix time of its first packet."""
    return [Row(_values(name, start, analysis, one, grading), one.stream.points) for one in found]


def _values(
    name: str, start: float, analysis: Analysis, found: Found, grading: Grading
) -> dict[str, Any]:
    stream = found.stream
    source, source_port, destination, destination_port = endpoints(found.flow)
    kind = None
    if stream.clock_rate is not None:
        kind = "video" if stream.clock_rate == VIDEO_CLOCK_RATE else "audio"
    duration = stream.last - stream.first
    timed = math.isfinite(duration)
    known = timed and stream.clock_rate is not None
    headers = 48 if len(found.flow) == 36 else 28
    values: dict[str, Any] = {
        "ssrc": found.ssrc,
        "packets": stream.packets,
        "expected": stream.expected,
        "lost": stream.lost,
        "loss": _loss(stream.expected, stream.lost),
        "reordered": stream.missing.reordered,
        "duplicates": stream.missing.duplicates,
        "bytes": stream.bytes,
        "bitrate": _per(stream.bytes * 8, duration),
        "ipBitrate": _per((stream.bytes + headers * stream.packets) * 8, duration),
        "packetsPerSecond": _per(stream.packets, duration),
        "jitter": _finite(stream.jitter) if known else None,
        "minJitter": _finite(stream.min_jitter) if known else None,
        "meanJitter": _finite(stream.mean_jitter) if known else None,
        "maxJitter": stream.max_jitter if known else None,
        "minDelta": _finite(stream.min_delta) if timed else None,
        "meanDelta": _finite(stream.mean_delta) if timed else None,
        "maxDelta": stream.max_delta if timed else None,
        "meanInterArrival": duration / stream.packets if duration > 0 else None,
        "kind": kind,
        "clockRate": stream.clock_rate,
        "payloadTypes": sorted(stream.payload_types),
        "source": source,
        "sourcePort": source_port,
        "destination": destination,
        "destinationPort": destination_port,
        "protocol": "tcp" if found.protocol == TCP else "udp",
        "start": start + stream.first if timed else None,
        "duration": duration if timed else None,
        "file": name,
    }
    values |= _round_trip(analysis, found.ssrc)
    values["grades"] = _grades(values, kind, grading)
    return values


def _per(amount: float, duration: float) -> float | None:
    return amount / duration if duration >= SHORTEST else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _loss(expected: int, lost: int) -> float | None:
    return 100 * lost / expected if expected > 0 else None


def _round_trip(analysis: Analysis, ssrc: int) -> dict[str, Any]:
    """Mean, least and most of the round trips in reports on this SSRC."""
    times = analysis.round_trips.times.get(ssrc)
    if times is None:
        return {"roundTripTime": None, "minRoundTripTime": None, "maxRoundTripTime": None,
                "roundTripTimeMeasurements": 0}  # fmt: skip
    count, total, least, most, _ = times
    return {"roundTripTime": total / count, "minRoundTripTime": least, "maxRoundTripTime": most,
            "roundTripTimeMeasurements": int(count)}  # fmt: skip


def _grades(values: dict[str, Any], kind: str | None, grading: Grading) -> dict[str, Any]:
    """The delay that is graded is half the round trip; without one it has no grade."""
    round_trip = values["roundTripTime"]
    graded = grade(
        grading.profile,
        kind="video" if kind == "video" else "audio",
        throughput=values["ipBitrate"],
        delay=None if round_trip is None else round_trip / 2,
        jitter=values["jitter"] if values["meanJitter"] is None else values["meanJitter"],
        loss=values["loss"],
        nominal=grading.nominal,
    )
    if values["duration"] is None:
        return Graded(grading.profile, None, "", None, None, None, None)._asdict()
    if not enough(values["expected"], values["duration"]):
        return Graded(grading.profile, None, TOO_SHORT, None, None, None, None)._asdict()
    return graded._asdict()


def as_json(all_rows: Sequence[Row]) -> str:
    """One object with the list `streams`."""
    return json.dumps({"streams": [row.values for row in all_rows]}, indent=1, allow_nan=False)


def as_csv(all_rows: Sequence[Row]) -> str:
    """One line a stream under a line of names; grades as `grade`, `gradeWords`, `gradeJitter`…"""
    output = StringIO()
    writer = csv.DictWriter(output, list(_flat(_nothing())), lineterminator="\n")
    writer.writeheader()
    for row in all_rows:
        writer.writerow({name: cell(value) for name, value in _flat(row.values).items()})
    return output.getvalue()


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    flat = {key: value for key, value in values.items() if key != "grades"}
    flat["payloadTypes"] = " ".join(map(str, values["payloadTypes"]))
    for key, value in values["grades"].items():
        flat["grade" if key == "overall" else f"grade{key.title()}"] = value
    return flat


def _nothing() -> dict[str, Any]:
    """Of a stream without packets: its names are those of every row."""
    found = Found(bytes(12), 0, UDP, Rfc3550Stream(None))
    return _values("", 0.0, Analysis("rfc3550"), found, Grading(PROFILES[0]))
