"""The table of a run as the studies print it, with the study's own row beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from bench.reports import studies
from bench.reports.verdict import words
from qos import grades


class Line(NamedTuple):
    """One figure; empty where there is none."""

    figure: str
    ours: str
    grade: str
    study: str = ""
    study_index: str = ""


def published(run: Mapping[str, Any]) -> studies.Published | None:
    """The study's row for this run."""
    return studies.published(
        studies.key(run["scenario"], run.get("cameras", ""), run.get("participants", 0))
    )


def lines(run: Mapping[str, Any]) -> list[Line]:
    """Every figure with its TIPHON index, ours and the study's."""
    summary, quality = run["summary"], run["quality"]
    row = published(run)
    graded = studies.graded(row) if row else None
    tiphon, delay = quality["tiphon"], summary["delayMs"]
    by_sequence = run.get("lossFrom") == "sequenceNumbers"
    return [
        Line(
            "throughput, each participant",
            _kbps(summary["throughputBitsPerSecond"]),
            _index(tiphon["throughput"]),
            _kbps(row.throughput) if row else "",
            _index(graded.throughput if graded else None),
        ),
        Line("one-way delay p50", _delay(delay["p50"]), ""),
        Line("one-way delay p95", _delay(delay["p95"]), ""),
        Line("one-way delay p99", _delay(delay["p99"]), _index(tiphon["delay"])),
        Line(
            "meanInterArrival (study: “delay”)",
            f"{summary['meanInterArrivalMs']:.3f} ms",
            "",
            _ms(row.spacing) if row else "",
            _index(graded.delay if graded else None),
        ),
        Line(
            "jitter (study: of spacing)",
            f"{summary['jitterMs']:.3f} ms",
            _index(tiphon["jitter"]),
            _ms(row.variation) if row else "",
            _index(graded.jitter if graded else None),
        ),
        Line(
            "packet loss" + (", by sequence numbers" if by_sequence else ""),
            f"{summary['packetLossPercent']:.2f} %",
            _index(tiphon["loss"]),
            f"{row.loss:.2f} %" if row else "",
            _index(graded.loss if graded else None),
        ),
        _overall(tiphon, graded),
        *_categories(quality, row),
        *_opinions(quality),
    ]


def _overall(tiphon: Mapping[str, Any], graded: grades.Graded | None) -> Line:
    study = graded.overall if graded else None
    return Line(
        "TIPHON overall",
        words(tiphon["words"]),
        _mean(tiphon["overall"]),
        words(graded.words) if graded else "",
        _mean(study),
    )


def _categories(quality: Mapping[str, Any], row: studies.Published | None) -> list[Line]:
    study = studies.graded(row, "g1010-study") if row else None
    targets = [
        Line(f"ITU-T G.1010, {name}", words(graded["words"]), _mean(graded["overall"]))
        for kind, name in (("audio", "voice"), ("video", "video"))
        if (graded := quality["g1010"][kind]) is not None
    ]
    return [
        Line(
            "G.1010 category, study's table",
            words(quality["g1010Study"]["words"]),
            _mean(quality["g1010Study"]["overall"]),
            words(study.words) if study else "",
            _mean(study.overall if study else None),
        ),
        *targets,
    ]


def _opinions(quality: Mapping[str, Any]) -> list[Line]:
    return [
        Line(f"{name} MOS, modelled", f"{found['mos']:.2f}", "")
        for kind, name in (("voiceMos", "voice"), ("videoMos", "video"))
        if (found := quality[kind]) is not None
    ]


def models(run: Mapping[str, Any]) -> list[str]:
    """Which models the opinions come from, a line each."""
    return [
        f"{name} MOS: {found['model']}"
        for kind, name in (("voiceMos", "voice"), ("videoMos", "video"))
        if (found := run["quality"][kind]) is not None
    ]


def at_or_above(run: Mapping[str, Any]) -> bool | None:
    """Whether our overall TIPHON index is at least the study's; None without a study, and where
    our delay is not known, because means of different figures do not compare."""
    row = published(run)
    tiphon = run["quality"]["tiphon"]
    if row is None or tiphon["delay"] is None:
        return None
    ours, theirs = tiphon["overall"], studies.graded(row).overall
    return None if ours is None or theirs is None else bool(ours >= theirs)


def _kbps(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value / 1000:,.{3 if value < 1e6 else 1}f} kbit/s"


def _delay(milliseconds: float | None) -> str:
    return "not known" if milliseconds is None else f"{milliseconds:.2f} ms"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3f} ms"


def _index(value: int | None) -> str:
    return "" if value is None else str(value)


def _mean(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
