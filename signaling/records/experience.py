"""What somebody experienced in a call: spells of trouble become findings and a verdict. No I/O.

Theory of operation. A finding is all the spells of one person that are of one kind and one cause:
what, when, for how long, on whose side. Findings are sorted by `badness`, seconds weighed by how
much they disturb, so the worst that was experienced comes first, whatever averages say. What
nobody notices (`LEAST`) is no finding.

The verdict of a person follows from how much of their time was disturbed; of a stay shorter than
`SHORTEST` there is none. Throughput is not judged by itself: a voice needs little. It counts as
`full_share`, the part of the time in which all the video that the person's view asked for was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from signaling.records.spells import Cause, Kind, Side

SHORTEST = 30.0
"""Seconds in a call below which there is no verdict."""
WEIGHTS: Mapping[Kind, float] = {
    "connection": 2.0,
    "concealed": 12.0,
    "frozen": 4.0,
    "noVideo": 2.0,
    "lowered": 0.1,
    "sentLowered": 0.05,
}
"""A second of each, against each other: made-up sound lies between words that were understood, so
one second of it is spread over many that were hard to follow. Ours, no standard's."""
CUT_WEIGHT = 3.0
"""Of a second in which nothing came through at all."""
LEAST: Mapping[Kind, float] = {
    "connection": 3.0,
    "concealed": 0.3,
    "frozen": 0.5,
    "noVideo": 3.0,
    "lowered": 10.0,
    "sentLowered": 20.0,
}
"""Seconds altogether below which nobody notices; a browser takes some to begin with a layer."""
BAD_SECONDS, BAD_SHARE = 30.0, 0.05
"""Of the disturbed time, from which on a call was bad for somebody: either is enough."""
BAD_LEAST = 5.0
"""Seconds disturbed at least, however short the stay."""
MOST_FINDINGS = 20
"""Of one person."""

Verdict = Literal["good", "some", "bad", "short", "unknown"]
"""`some`: disturbances that were short; `short`: too short a stay to judge; `unknown`: an earlier
release kept no spells of the call."""


class SpellRow(NamedTuple):
    """One spell as it is stored."""

    participant: str
    kind: Kind
    began: float
    ended: float
    seconds: float
    share: float
    side: Side
    cause: Cause
    other: str


class Finding(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One thing that somebody experienced."""

    participant: str
    """Of their first visit."""
    name: str
    kind: Kind
    side: Side
    cause: Cause
    other: str = ""
    """Participant id of the sender, with the side `other`."""
    other_name: str = ""
    began: float
    """Unix time of the first of its spells."""
    ended: float
    """Of the last one's end."""
    times: int
    """Spells."""
    seconds: float
    """Altogether."""
    share: float | None
    """Percent of packets lost, or of sound made up, while it lasted; null where that means
    nothing."""
    badness: float
    """By which findings are sorted."""


class Span(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One spell, for a time axis."""

    kind: Kind
    side: Side
    cause: Cause
    began: float
    ended: float


class Experience(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What one person experienced; seconds, each 0 where there was nothing."""

    verdict: Verdict
    present: float
    """In the call, all visits together."""
    poor_connection: float = 0.0
    frozen_video: float = 0.0
    missing_video: float = 0.0
    concealed_sound: float = 0.0
    lowered_video: float = 0.0
    full_share: float | None = None
    """Percent of the time with video in which all that their view asked for was sent; null
    without video."""
    findings: tuple[Finding, ...] = ()
    """The worst first."""


def badness(kind: Kind, cause: Cause, seconds: float) -> float:
    """How much a spell disturbs, in weighed seconds."""
    weight = CUT_WEIGHT if cause == "cut" and kind == "connection" else WEIGHTS[kind]
    return round(weight * seconds, 3)


def findings(spells: Iterable[SpellRow], names: Mapping[str, str]) -> tuple[Finding, ...]:
    """What one person experienced, the worst first. `names`: by participant id."""
    groups: dict[tuple[Kind, Side, Cause, str], list[SpellRow]] = {}
    for spell in spells:
        other = names.get(spell.other, "") if spell.side == "other" else ""
        groups.setdefault((spell.kind, spell.side, spell.cause, other), []).append(spell)
    found = [_finding(group, names) for group in groups.values()]
    noticed = [one for one in found if one.seconds >= LEAST[one.kind]]
    noticed.sort(key=lambda one: (-one.badness, one.began, one.kind))
    return tuple(noticed[:MOST_FINDINGS])


def _finding(group: Sequence[SpellRow], names: Mapping[str, str]) -> Finding:
    first = min(group, key=lambda spell: spell.began)
    seconds = sum(spell.seconds for spell in group)
    weighed = sum(spell.share * spell.seconds for spell in group)
    share = weighed / seconds if seconds else 0.0
    meaningful = first.kind == "concealed" or first.cause == "loss"
    return Finding(
        participant=first.participant,
        name=names.get(first.participant, ""),
        kind=first.kind,
        side=first.side,
        cause=first.cause,
        other=first.other if first.side == "other" else "",
        other_name=names.get(first.other, "") if first.side == "other" else "",
        began=first.began,
        ended=max(spell.ended for spell in group),
        times=len(group),
        seconds=round(seconds, 3),
        share=round(share, 3) if meaningful and share else None,
        badness=badness(first.kind, first.cause, seconds),
    )


def experience(
    spells: Sequence[SpellRow],
    names: Mapping[str, str],
    *,
    present: float,
    video_seconds: int,
    known: bool = True,
) -> Experience:
    """Of one person. `present`: seconds in the call; `video_seconds`: in which they were to get
    video; `known`: spells were kept of this call."""
    if not known:
        return Experience(verdict="unknown", present=present)
    sums = dict.fromkeys(WEIGHTS, 0.0)
    for spell in spells:
        sums[spell.kind] += spell.seconds
    found = findings(spells, names)
    less = sums["lowered"] + sums["noVideo"]
    full = None
    if video_seconds:
        full = round(100 * max(0.0, 1 - less / video_seconds), 1)
    return Experience(
        verdict=_verdict(sums, found, present),
        present=round(present, 3),
        poor_connection=round(sums["connection"], 3),
        frozen_video=round(sums["frozen"], 3),
        missing_video=round(sums["noVideo"], 3),
        concealed_sound=round(sums["concealed"], 3),
        lowered_video=round(sums["lowered"], 3),
        full_share=full,
        findings=found,
    )


def _verdict(sums: Mapping[Kind, float], found: Sequence[Finding], present: float) -> Verdict:
    if present < SHORTEST:
        return "short"
    # Kinds overlap: what froze did so while the connection was poor.
    sound = sums["concealed"] * WEIGHTS["concealed"] / WEIGHTS["frozen"]
    disturbed = max(sums["connection"], sums["frozen"] + sums["noVideo"], sound)
    limit = max(BAD_LEAST, min(BAD_SECONDS, BAD_SHARE * present))
    if disturbed >= limit:
        return "bad"
    return "some" if found else "good"


_ORDER: tuple[Verdict, ...] = ("bad", "some", "good", "short", "unknown")


def worst_verdict(people: Iterable[Experience]) -> Verdict:
    """Of a call: that of the person who fared worst; short stays do not count."""
    return min((person.verdict for person in people), key=_ORDER.index, default="short")


def worst(people: Iterable[Experience]) -> Finding | None:
    """The worst that anybody of a call experienced."""
    every = [one for person in people for one in person.findings[:1]]
    return max(every, key=lambda one: one.badness, default=None)
