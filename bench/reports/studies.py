"""The rows that the published studies print, to stand beside ours.

Theory. All three compute by the capture method (`qos.spacing`): their "delay" is the time from
packet to packet and no latency, their "jitter" the variation of that. So it stands beside our
`meanInterArrival`. Graded are the figures as they print them, by the same tables as ours.
"""

from __future__ import annotations

from typing import NamedTuple

from qos import grades

THESIS = "VVoIP thesis"
ELEARNING = "e-learning study"
ISP = "ISP study"


class Published(NamedTuple):
    """One row of a study, as printed."""

    key: str
    """Of our run beside it: a scenario's name, for `elearning` with cameras and users."""
    source: str
    load: str
    throughput: float | None
    """bit/s; None where the study prints none."""
    spacing: float
    """Seconds; printed there as delay."""
    variation: float
    """Seconds; printed there as jitter."""
    loss: float
    """Percent."""


def _elearning(cameras: str, users: int, kbps: float, spacing_ms: float) -> Published:
    load = {
        "off": "cameras off",
        "on": "cameras on",
        "sustained": "cameras on, sustained",
    }[cameras]
    key = f"elearning {cameras} {users}"
    spacing = spacing_ms / 1000
    return Published(key, ELEARNING, f"{users} users, {load}", kbps * 1000, spacing, spacing, 0.0)


ROWS: tuple[Published, ...] = (
    Published("scenario1", THESIS, "voice call, 2 users", 165_669.0, 0.00879, 0.00879, 0.0),
    Published("scenario2", THESIS, "video call, 2 users", 504_838.0, 0.00669, 0.00669, 0.0),
    Published("scenario3", THESIS, "call conference, 3+ users", 1_079_891.0, 0.00596, 0.00596, 0.0),
    _elearning("off", 5, 6.416, 145.67),
    _elearning("off", 7, 9.862, 114.21),
    _elearning("off", 10, 10.572, 112.51),
    _elearning("on", 5, 775.924, 3.635),
    _elearning("on", 7, 871.921, 2.809),
    _elearning("on", 10, 888.587, 3.004),
    _elearning("sustained", 5, 1130.873, 3.158),
    _elearning("sustained", 7, 1863.728, 2.362),
    _elearning("sustained", 10, 888.587, 3.120),
    Published("", ISP, "1080p stream, run 1", None, 0.029, 0.00222, 3.33),
    Published("", ISP, "1080p stream, run 2", None, 0.027, 0.00235, 0.0),
    Published("", ISP, "1080p stream, run 3", None, 0.027, 0.00256, 0.0),
)
"""From the documents themselves. A range of users stands as they print it."""


def key(scenario: str, cameras: str = "", users: int = 0) -> str:
    """Of a run: the name of its scenario, for `elearning` with cameras and users."""
    return f"{scenario} {cameras} {users}" if scenario == "elearning" else scenario


def published(wanted: str) -> Published | None:
    """The row beside a run of this key; None where no study has one."""
    return next((row for row in ROWS if wanted and row.key == wanted), None)


def graded(row: Published, profile: str = "tiphon") -> grades.Graded:
    """As the studies do it: the spacing in the place of the delay, its variation as jitter."""
    return grades.grade(
        profile,
        kind="video",
        throughput=row.throughput,
        delay=row.spacing,
        jitter=row.variation,
        loss=row.loss,
    )
