"""From points to what reports and charts show. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from qos.grades import PROFILES, TOO_SHORT, enough, grade
from signaling.records import points
from signaling.records.report import (
    BrowserSummary,
    Columns,
    GradesOf,
    Kind,
    Medium,
    Pair,
    SessionRow,
    Spread,
    Summary,
)


@dataclass(frozen=True)
class Session:
    """One person in one call: what they were sent, how they voted."""

    row: SessionRow
    seconds: int
    audio: Pair | None
    """Vote and estimate, where there are both."""
    video: Pair | None


def grades_of(point: points.Point, kind: Kind) -> tuple[GradesOf, ...]:
    """The means, graded by every profile, the default first; none where too little was seen."""
    nominal = points.mean(point, "nominal_bps")
    if not enough(points.count(point, "packets"), points.count(point, "seconds")):
        return tuple(
            GradesOf(profile=profile, overall=None, words=TOO_SHORT) for profile in PROFILES
        )
    graded = (
        grade(
            profile,
            kind=kind,
            throughput=points.mean(point, "bitrate"),
            delay=points.mean(point, "delay"),
            jitter=points.mean(point, "jitter"),
            loss=points.loss(point),
            nominal=nominal or None,
        )
        for profile in PROFILES
    )
    return tuple(GradesOf(**entry._asdict()) for entry in graded)


def summary(point: points.Point, kind: Kind, mos_model: str) -> Summary:
    """One series as a whole. `kind`: what it is graded as."""
    size = points.size(point)
    return Summary(
        **_read(point, _SUMMARY),
        width=size[0] if size else None,
        height=size[1] if size else None,
        mos_model=mos_model if points.mean(point, "mos") is not None else "",
        browser=_browser(point),
        grades=grades_of(point, kind),
    )


def _browser(point: points.Point) -> BrowserSummary | None:
    if not points.count(point, "browser_reports"):
        return None
    return BrowserSummary(
        **_read(point, _BROWSER),
        freeze_count=points.count(point, "browser_freezes"),
        freezes_duration=points.count(point, "browser_freezes_ms") / 1000,
    )


def columns(series: Mapping[int, points.Point]) -> Columns:
    """The points of one series by the begin of each."""
    rows = {name: tuple([read(point) for point in series.values()]) for name, read in _COLUMNS}
    return Columns(at=tuple([float(at) for at in series]), **rows)


# Which fields of a struct are figures, and how each is read from a point: by name and type, once.

_Read = Callable[[points.Point], Any]


def _fields(kind: type[msgspec.Struct], prefix: str = "") -> tuple[tuple[str, _Read], ...]:
    """`prefix`: of the names that points have for them."""
    readers = [
        (field.name, _reader(prefix + field.name, field.type is Spread))
        for field in msgspec.structs.fields(kind)
    ]
    return tuple([(name, read) for name, read in readers if read is not None])


def _reader(name: str, spread: bool) -> _Read | None:
    """None where points have nothing of this name."""
    if name in points.COUNTS:
        return lambda point: points.count(point, name)
    if name.endswith("_worst"):
        return lambda point: points.worst(point, name.removesuffix("_worst"))
    if name not in points.MEANS:
        return None
    mean = points.loss if name == "loss" else lambda point: points.mean(point, name)
    if spread:
        return lambda point: Spread(mean=mean(point), worst=points.worst(point, name))
    return mean


_SUMMARY = _fields(Summary)
_BROWSER = _fields(BrowserSummary, "browser_")
_COLUMNS = _fields(Columns)


def _read(point: points.Point, fields: Sequence[tuple[str, _Read]]) -> dict[str, Any]:
    return {name: read(point) for name, read in fields}


# Sessions.


def session(
    *,
    call: str,
    room: str,
    participant: str,
    name: str,
    joined: float,
    votes: tuple[int | None, int | None],
    totals: Mapping[Medium, points.Point],
    models: Mapping[Medium, str],
) -> Session:
    """`totals`: of what the person was sent, by medium."""
    whole = totals.get("both", points.NOTHING)
    seconds = points.count(whole, "seconds")
    audio, video = (
        _pair(call, participant, vote, _estimate(medium, totals, models))
        for vote, medium in zip(votes, _MEDIA, strict=True)
    )
    given = [vote for vote in votes if vote is not None]
    row = SessionRow(
        call=call,
        room=room,
        participant=participant,
        name=name,
        joined=joined,
        loss=points.loss(whole),
        delay=points.mean(whole, "delay"),
        jitter=points.mean(whole, "jitter"),
        freezes=round(points.count(whole, "freezes") * 60 / max(1, seconds), 3),
        vote=sum(given) / len(given) if given else None,
    )
    return Session(row, seconds, audio, video)


_MEDIA: tuple[Kind, Kind] = ("audio", "video")


def _pair(call: str, participant: str, vote: int | None, mos: float | None) -> Pair | None:
    if vote is None:
        return None
    return Pair(call=call, participant=participant, vote=vote, mos=mos)


def _estimate(
    medium: Kind, totals: Mapping[Medium, points.Point], models: Mapping[Medium, str]
) -> float | None:
    """Of the medium's own series; else of the whole direction, when its model is of that medium."""
    own = totals.get(medium)
    if own is not None and points.mean(own, "mos") is not None:
        return points.mean(own, "mos")
    is_video = models.get("both", "").startswith("G.1070")
    if models.get("both") and is_video == (medium == "video"):
        return points.mean(totals.get("both", points.NOTHING), "mos")
    return None
