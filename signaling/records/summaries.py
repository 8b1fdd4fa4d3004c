"""From points to what reports and charts show. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    """One person in one call: what they were sent, what they said."""

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
        seconds=points.count(point, "seconds"),
        packets=points.count(point, "packets"),
        packets_lost=points.count(point, "packets_lost"),
        bitrate=points.mean(point, "bitrate"),
        loss=Spread(mean=points.loss(point), worst=points.worst(point, "loss")),
        jitter=_spread(point, "jitter"),
        delay=_spread(point, "delay"),
        round_trip_time=_spread(point, "round_trip_time"),
        mean_inter_arrival=points.mean(point, "mean_inter_arrival"),
        mos=_spread(point, "mos"),
        mos_model=mos_model if points.mean(point, "mos") is not None else "",
        frames_per_second=points.mean(point, "frames_per_second"),
        width=size[0] if size else None,
        height=size[1] if size else None,
        freezes=points.count(point, "freezes"),
        nack_count=points.count(point, "nack_count"),
        pli_count=points.count(point, "pli_count"),
        retransmitted=points.count(point, "retransmitted"),
        key_frames=points.count(point, "key_frames"),
        estimate_bps=points.mean(point, "estimate_bps"),
        target_bps=points.mean(point, "target_bps"),
        nominal_bps=points.mean(point, "nominal_bps"),
        browser=_browser(point),
        grades=grades_of(point, kind),
    )


def _spread(point: points.Point, name: str) -> Spread:
    return Spread(mean=points.mean(point, name), worst=points.worst(point, name))


def _browser(point: points.Point) -> BrowserSummary | None:
    reports = points.count(point, "browser_reports")
    if not reports:
        return None
    return BrowserSummary(
        reports=reports,
        bitrate=points.mean(point, "browser_bitrate"),
        loss=points.mean(point, "browser_loss"),
        jitter=points.mean(point, "browser_jitter"),
        round_trip_time=points.mean(point, "browser_round_trip_time"),
        jitter_buffer_delay=points.mean(point, "browser_jitter_buffer_delay"),
        concealed=points.mean(point, "browser_concealed"),
        frames_per_second=points.mean(point, "browser_frames_per_second"),
        freeze_count=points.count(point, "browser_freezes"),
        freezes_duration=points.count(point, "browser_freezes_ms") / 1000,
        absurd=points.count(point, "browser_absurd"),
    )


def columns(series: Mapping[int, points.Point]) -> Columns:
    """The points of one series by the begin of each."""
    order = [series[at] for at in series]

    def means(name: str) -> tuple[float | None, ...]:
        return tuple(points.mean(point, name) for point in order)

    def worst(name: str) -> tuple[float | None, ...]:
        return tuple(points.worst(point, name) for point in order)

    def counts(name: str) -> tuple[int, ...]:
        return tuple(points.count(point, name) for point in order)

    return Columns(
        at=tuple(float(at) for at in series),
        bitrate=means("bitrate"),
        packets=counts("packets"),
        packets_lost=counts("packets_lost"),
        loss=tuple(points.loss(point) for point in order),
        loss_worst=worst("loss"),
        jitter=means("jitter"),
        jitter_worst=worst("jitter"),
        delay=means("delay"),
        delay_worst=worst("delay"),
        round_trip_time=means("round_trip_time"),
        mean_inter_arrival=means("mean_inter_arrival"),
        mos=means("mos"),
        mos_worst=worst("mos"),
        frames_per_second=means("frames_per_second"),
        freezes=counts("freezes"),
        estimate_bps=means("estimate_bps"),
        target_bps=means("target_bps"),
    )


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
    said = [vote for vote in votes if vote is not None]
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
        vote=sum(said) / len(said) if said else None,
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
