"""What a run's figures are worth: grades and modelled opinions, by the definitions of `qos`.

Graded is the true one-way delay at its 99th percentile, the strictest figure there is; the
opinions take each kind's mean. Delay is what network and server add: a microphone, a codec, a
jitter buffer and a screen are not in it, so opinions are the best that this server leaves to them.
How losses bunch is not known here, so BurstR is 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from qos import grades, video_mos, voice_mos

CATEGORIES = "g1010-study"
"""The category table that the studies print after G.1010."""
WORDS = {
    "verySatisfying": "very satisfying",
    "satisfying": "satisfying",
    "lessSatisfying": "less satisfying",
    "unsatisfying": "unsatisfying",
    "withinLimit": "within limit",
}
"""Of those keys of `qos.grades` that are two words."""


def words(key: str) -> str:
    """A category of `qos.grades` as people read it; a dash for none."""
    return WORDS.get(key, key) or "–"


def judge(run: Mapping[str, Any]) -> dict[str, Any]:
    """Grades and opinions of a run that has `summary`, `tracks` and perhaps `media`.

    `media` holds `audioBitsPerSecond`, `videoBitsPerSecond` and `framesPerSecond` of what is
    published. A kind that nobody received has no grade and no opinion (None). Where nobody knows
    the delay, grades are of what is known, and there is no opinion of voices.
    """
    summary, media = run["summary"], run.get("media", {})
    longest = summary["delayMs"]["p99"]
    figures = {
        "throughput": summary["throughputBitsPerSecond"],
        "delay": None if longest is None else longest / 1000,
        "jitter": summary["jitterMs"] / 1000,
        "loss": summary["packetLossPercent"],
    }
    by_kind = {kind: _kind(run["tracks"], kind) for kind in ("audio", "video")}
    seen: grades.Kind = "video" if by_kind["video"] else "audio"
    return {
        "tiphon": _graded(grades.grade("tiphon", kind=seen, **figures)),
        "g1010Study": _graded(grades.grade(CATEGORIES, kind=seen, **figures)),
        "g1010": {
            "audio": _targets("audio", by_kind["audio"]),
            "video": _targets("video", by_kind["video"]),
        },
        "voiceMos": _voice(by_kind["audio"], media.get("audioBitsPerSecond")),
        "videoMos": _video(
            by_kind["video"], media.get("videoBitsPerSecond"), media.get("framesPerSecond")
        ),
    }


def completed(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """The outcome with `quality` in every run that has figures and was not judged yet."""
    made = {
        key: completed(below)
        if isinstance(below, Mapping) and "runs" in below
        else [completed(one) if isinstance(one, Mapping) else one for one in below]
        if key == "runs" and isinstance(below, list)
        else below
        for key, below in outcome.items()
    }
    if "summary" in made and "tracks" in made and "quality" not in made:
        made["quality"] = judge(made)
    return made


def _graded(graded: grades.Graded) -> dict[str, Any]:
    return {
        "throughput": graded.throughput,
        "delay": graded.delay,
        "jitter": graded.jitter,
        "loss": graded.loss,
        "overall": graded.overall,
        "words": graded.words,
    }


class _Kind(NamedTuple):
    delay: float | None
    """Seconds; None where it is not known."""
    jitter: float
    """Seconds."""
    loss: float
    """After repair, percent."""


def _kind(tracks: Sequence[Mapping[str, Any]], kind: str) -> _Kind | None:
    """Of all tracks of a kind; a screen is video."""
    own = [track for track in tracks if (track["kind"] == "audio") == (kind == "audio")]
    packets, sent = sum(t["packets"] for t in own), sum(t["sent"] for t in own)
    repaired = sum(t.get("recovered") or 0 for t in own)
    if not packets:
        return None
    delays = [(t["delayMs"]["mean"], t["packets"]) for t in own if t["packets"]]
    timed = all(mean is not None for mean, _ in delays)
    return _Kind(
        delay=sum(mean * n for mean, n in delays) / packets / 1000 if timed else None,
        jitter=sum(t["jitterMs"] * t["packets"] for t in own) / packets / 1000,
        loss=100 * (sent - packets - repaired) / sent if sent else 0.0,
    )


def _targets(kind: grades.Kind, figures: _Kind | None) -> dict[str, Any] | None:
    return (
        None if figures is None else _graded(grades.grade("g1010", kind=kind, **figures._asdict()))
    )


def _voice(figures: _Kind | None, bitrate: float | None) -> dict[str, Any] | None:
    # The E-model needs the delay.
    if figures is None or figures.delay is None or not bitrate:
        return None
    estimate = voice_mos.opus_mos(
        bitrate=bitrate, loss=figures.loss, delay=figures.delay, burst_ratio=1.0
    )
    return {"mos": round(estimate.mos, 2), "r": round(estimate.r, 1), "model": estimate.model}


def _video(
    figures: _Kind | None, bitrate: float | None, frame_rate: float | None
) -> dict[str, Any] | None:
    if figures is None or not bitrate or not frame_rate:
        return None
    estimate = video_mos.g1070_mos(bitrate=bitrate, frame_rate=frame_rate, loss=figures.loss)
    return {"mos": round(estimate.mos, 2), "model": estimate.model}
