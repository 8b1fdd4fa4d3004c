"""Sessions that were alike, and what each group of them shares: k-means. No I/O.

Theory of operation. Every session is a point of five features (`FEATURES`), each standardised by
its mean and standard deviation over all sessions; what is not known of one (no vote, no round
trip) lies at the mean and weighs nothing in the group's. Of a group with fewer than `MIN_VOTES`
votes its votes are left out. Seeds are spread by k-means++ from a fixed
seed, so the same sessions give the same groups. Of 2 to 4 groups the number is taken that separates
best (mean silhouette by distance to the centres). With fewer than `LEAST` sessions, or when all are
alike, there is nothing to group.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from signaling.records.report import Feature, Group, Level, SessionRow, Trait
from signaling.records.statistics import MIN_VOTES

FEATURES: tuple[Feature, ...] = ("loss", "delay", "jitter", "freezes", "vote")
LEAST = 8
"""Sessions."""
MOST_GROUPS = 4
EXAMPLES = 20
_ROUNDS, _STARTS = 30, 4
_WEAK = 0.35
"""Mean silhouette below which groups are no groups."""
_HIGHER, _MUCH_HIGHER = 0.4, 1.2
"""Standard deviations from the mean."""

Vector = tuple[float, ...]

TROUBLE: dict[Feature, float] = {"loss": 1.0, "delay": 0.150, "jitter": 0.030, "freezes": 0.5}
"""From these on people notice (ITU-T G.1010 for videophone; jitter as for interactive video)."""
_UNHAPPY = 3.0
_NAMES: dict[Feature, str] = {
    "loss": "loss",
    "delay": "delay",
    "jitter": "jitter",
    "freezes": "freezes",
    "vote": "votes",
}
_LEVELS: dict[Level, str] = {
    "muchLower": "much lower",
    "lower": "lower",
    "usual": "usual",
    "higher": "higher",
    "muchHigher": "much higher",
}


@dataclass(frozen=True)
class Scale:
    """One feature over all sessions."""

    mean: float | None
    """None when it is known of no session."""
    sd: float

    def standard(self, value: float | None) -> float:
        """In standard deviations; 0 when not known, or when all are equal."""
        if value is None or self.mean is None or not self.sd:
            return 0.0
        return (value - self.mean) / self.sd


def group(sessions: Sequence[SessionRow]) -> tuple[Group, ...]:
    """The groups, the worst first; empty when there are none."""
    if len(sessions) < LEAST:
        return ()
    scales = {name: _scale([getattr(row, name) for row in sessions]) for name in FEATURES}
    vectors = [
        tuple(scales[name].standard(getattr(row, name)) for name in FEATURES) for row in sessions
    ]
    labels = _best(vectors)
    if labels is None:
        return ()
    groups = []
    for label in sorted(set(labels)):
        members = [row for row, own in zip(sessions, labels, strict=True) if own == label]
        groups.append((_badness(members, scales), _describe(members, scales, len(sessions))))
    groups.sort(key=lambda entry: (-entry[1].bad, -entry[0], entry[1].text))
    return tuple(entry for _, entry in groups)


def _scale(values: Sequence[float | None]) -> Scale:
    known = [value for value in values if value is not None]
    if not known:
        return Scale(None, 0.0)
    mean = math.fsum(known) / len(known)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / len(known))
    # Rounding alone must not make sessions differ.
    return Scale(mean, sd if sd > 1e-9 * max(1.0, abs(mean)) else 0.0)


# k-means.


def _best(vectors: Sequence[Vector]) -> list[int] | None:
    """Labels of the number of groups that separates best; None when none does."""
    best: tuple[float, list[int]] | None = None
    for count in range(2, min(MOST_GROUPS, len(set(vectors))) + 1):
        centres, labels = k_means(vectors, count)
        quality = _silhouette(vectors, centres, labels)
        if best is None or quality > best[0] + 1e-9:
            best = quality, labels
    return None if best is None or best[0] < _WEAK else best[1]


def k_means(vectors: Sequence[Vector], count: int, seed: int = 1) -> tuple[list[Vector], list[int]]:
    """Centres, and the group of each vector, of the best of several starts.

    `vectors`: at least `count` different ones.
    """
    source = random.Random(seed)
    found = [_lloyd(vectors, _spread_seeds(vectors, count, source)) for _ in range(_STARTS)]
    _, centres, labels = min(found, key=lambda entry: entry[0])
    return centres, labels


def _spread_seeds(vectors: Sequence[Vector], count: int, source: random.Random) -> list[Vector]:
    """k-means++ (Arthur and Vassilvitskii 2007): the farther from all seeds, the likelier."""
    seeds = [source.choice(vectors)]
    while len(seeds) < count:
        weights = [min(math.dist(vector, seed) ** 2 for seed in seeds) for vector in vectors]
        seeds.append(source.choices(vectors, weights)[0])
    return seeds


def _lloyd(
    vectors: Sequence[Vector], centres: list[Vector]
) -> tuple[float, list[Vector], list[int]]:
    labels: list[int] = []
    for _ in range(_ROUNDS):
        nearest = [_nearest(vector, centres) for vector in vectors]
        if nearest == labels:
            break
        labels = nearest
        for index in range(len(centres)):
            members = [v for v, label in zip(vectors, labels, strict=True) if label == index]
            if members:
                axes = zip(*members, strict=True)
                centres[index] = tuple(math.fsum(axis) / len(members) for axis in axes)
    inertia = math.fsum(
        math.dist(vector, centres[label]) ** 2
        for vector, label in zip(vectors, labels, strict=True)
    )
    return inertia, centres, labels


def _nearest(vector: Vector, centres: Sequence[Vector]) -> int:
    return min(range(len(centres)), key=lambda index: math.dist(vector, centres[index]))


def _silhouette(
    vectors: Sequence[Vector], centres: Sequence[Vector], labels: Sequence[int]
) -> float:
    """-1 to 1: how much nearer the own centre is than the next one."""
    total = 0.0
    for vector, label in zip(vectors, labels, strict=True):
        own = math.dist(vector, centres[label])
        other = min(
            math.dist(vector, centre) for index, centre in enumerate(centres) if index != label
        )
        total += (other - own) / max(own, other, 1e-12)
    return total / len(vectors)


# Words.


def _mean(members: Sequence[SessionRow], name: Feature) -> float | None:
    known = [value for row in members if (value := getattr(row, name)) is not None]
    return math.fsum(known) / len(known) if known else None


def _badness(members: Sequence[SessionRow], scales: dict[Feature, Scale]) -> float:
    return math.fsum(
        (-1 if name == "vote" else 1) * scales[name].standard(_mean(members, name))
        for name in FEATURES
    )


def _level(distance: float) -> Level:
    if abs(distance) < _HIGHER:
        return "usual"
    if distance > 0:
        return "muchHigher" if distance >= _MUCH_HIGHER else "higher"
    return "muchLower" if distance <= -_MUCH_HIGHER else "lower"


def _describe(members: list[SessionRow], scales: dict[Feature, Scale], total: int) -> Group:
    means = {name: _mean(members, name) for name in FEATURES}
    if sum(row.vote is not None for row in members) < MIN_VOTES:
        means["vote"] = None
    away = {name: scales[name].standard(means[name]) for name in FEATURES}
    order = sorted(FEATURES, key=lambda name: (-abs(away[name]), name))
    traits = tuple(
        Trait(
            feature=name,
            mean=_rounded(means[name]),
            overall=_rounded(scales[name].mean),
            level=_level(away[name]),
        )
        for name in order
    )
    vote = means["vote"]
    bad = any(
        (means[name] or 0.0) >= bound and away[name] >= _HIGHER for name, bound in TROUBLE.items()
    ) or (vote is not None and vote < _UNHAPPY and away["vote"] <= -_HIGHER)
    worst = sorted(members, key=lambda row: (-_badness([row], scales), row.call, row.participant))
    return Group(
        sessions=len(members),
        share=round(len(members) / total, 4),
        bad=bad,
        traits=traits,
        text=_text(len(members), total, traits),
        examples=tuple(worst[:EXAMPLES]),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _text(count: int, total: int, traits: Sequence[Trait]) -> str:
    unusual = [
        f"{_LEVELS[trait.level]} {_NAMES[trait.feature]} ({_shown(trait.feature, trait.mean)};"
        f" overall {_shown(trait.feature, trait.overall)})"
        for trait in traits
        if trait.level != "usual"
    ]
    share = "; ".join(unusual) if unusual else "nothing unusual"
    return f"{count} of {total} sessions. What they share: {share}."


def _shown(name: Feature, value: float | None) -> str:
    if value is None:
        return "none"
    if name in ("delay", "jitter"):
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f}" + {"loss": " %", "freezes": " a minute"}.get(name, " of 5")
