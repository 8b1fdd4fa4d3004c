"""Grades and estimated opinion scores of a track, a direction, a person. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from qos import grades, video_mos, voice_mos
from sfu.congestion.allocator import nominal_bps
from signaling.meter.samples import Figures, Grades, TrackSample

VOICE_BPS = 32_000.0
"""Usual bitrate of a voice, for grades that compare with it."""
PEAK_DECAY = 0.97
"""By the second: a voice is judged by its bitrate while somebody speaks."""
MIN_VOICE_BPS = 6_000.0
"""Below this nobody speaks: silence shows nothing of a codec."""


def nothing(profile: str) -> Grades:
    """Where there is nothing to grade."""
    return Grades(profile=profile, overall=None)


def grade(
    profile: str, kind: Literal["audio", "video"], figures: Figures, nominal: float | None
) -> Grades:
    """By one profile; `nominal` in bit/s, what is usual for such tracks."""
    found = grades.grade(
        profile,
        kind=kind,
        throughput=figures.bitrate,
        delay=figures.delay,
        jitter=figures.jitter,
        loss=figures.loss,
        nominal=nominal,
    )
    return Grades(
        profile=found.profile,
        overall=found.overall,
        throughput=found.throughput,
        delay=found.delay,
        jitter=found.jitter,
        loss=found.loss,
    )


def nominal(kind: str, width: int, height: int) -> float | None:
    """Usual bitrate of a track, bit/s; None for video of unknown size."""
    if kind == "audio":
        return VOICE_BPS
    return nominal_bps(width, height) if width and height else None


def voice(
    bitrate: float | None, loss: float | None, delay: float | None, burst_ratio: float
) -> tuple[float | None, str]:
    """MOS and its model; None without a voice, or while its loss is not known.

    A delay that is not known counts as short: the model has no effect of it below 100 ms.
    """
    if not bitrate or bitrate < MIN_VOICE_BPS or loss is None:
        return None, ""
    found = voice_mos.opus_mos(
        bitrate=bitrate, loss=loss, delay=delay or 0.0, burst_ratio=burst_ratio
    )
    return found.mos, found.model


def video(
    bitrate: float | None, frame_rate: float | None, loss: float | None
) -> tuple[float | None, str]:
    """MOS and its model; None without video, or while its loss is not known."""
    if not bitrate or not frame_rate or loss is None:
        return None, ""
    found = video_mos.g1070_mos(bitrate=bitrate, frame_rate=frame_rate, loss=loss)
    return found.mos, found.model


def together(tracks: Sequence[TrackSample], rtt: float | None) -> Figures:
    """Figures of several tracks as one; `rtt` is that of the person.

    Rates and counts are summed up, loss is weighted by packets, jitter is the worst, delay the
    mean, the score the lowest of the voices, or of the video where there is no voice.
    """
    parts = [track.figures for track in tracks if track.figures.bitrate is not None]
    packets = sum(part.packets for part in parts)
    judged = [(part.loss, part.packets) for part in parts if part.loss is not None]
    weight = sum(count for _, count in judged)
    delays = [part.delay for part in parts if part.delay is not None]
    mos, model = _lowest(tracks, "audio") or _lowest(tracks, "video") or (None, "")
    rate = _sum([part.packets_per_second for part in parts])
    return Figures(
        bitrate=_sum([part.bitrate for part in parts]),
        packets_per_second=rate,
        packets=packets,
        packets_lost=sum(part.packets_lost for part in parts),
        loss=sum(loss * count for loss, count in judged) / weight if weight else None,
        jitter=max((part.jitter for part in parts if part.jitter is not None), default=None),
        round_trip_time=rtt,
        delay=sum(delays) / len(delays) if delays else None,
        mean_inter_arrival=1.0 / rate if rate else None,
        mos=mos,
        mos_model=model,
    )


def _lowest(tracks: Sequence[TrackSample], kind: str) -> tuple[float, str] | None:
    scores = [
        (track.figures.mos, track.figures.mos_model)
        for track in tracks
        if track.kind == kind and track.figures.mos is not None
    ]
    return min(scores, default=None)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
