"""Grades of throughput, delay, jitter and loss by the tables that people compare with.

Five profiles. Two kinds of table:

- *Category tables* (`tiphon`, `tiphon-percent`, `g1010-study`): each figure falls into a band.
- *Targets* (`g1010`, `cisco-video`): each figure meets its target (4), stays within the limit (2;
  only where the source has one) or misses it (0).

| profile | source | overall |
|---|---|---|
| `tiphon` | bands as the Indonesian literature prints them after TIPHON, ETSI TR 101 329; the \
throughput bands are that literature's own, ETSI has none | mean of the four |
| `tiphon-percent` | the same, throughput in percent of the nominal bandwidth | mean |
| `g1010` | ITU-T G.1010 (11/2001) Table I.1, conversational voice and videophone | the worst |
| `g1010-study` | a category table printed by an Indonesian study, after G.1010 | the worst |
| `cisco-video` | Cisco's guide values for interactive video, DSCP AF41 | the worst |

Figures that are not known are None, get no index and are left out of the overall grade.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

MIN_PACKETS = 300
"""Below this many packets nothing is graded. Where none of n was lost, all that is known at 95 % is
that the loss is below 3 / n (the rule of three: Hanley and Lippman-Hand, JAMA 249, 1983): with 300
that is 1 %, the tightest target for loss of these tables (G.1010, videophone)."""
MIN_SECONDS = 10.0
"""The same in time: two receiver reports of a voice, which browsers send each 5 s."""

TOO_SHORT = "tooShort"
"""Stands for the words of a grade that is not given because too little was seen."""

Kind = Literal["audio", "video"]
Figure = Literal["throughput", "delay", "jitter", "loss"]

PROFILES: tuple[str, ...] = ("tiphon", "tiphon-percent", "g1010", "g1010-study", "cisco-video")
"""Names for `grade`; the first is the default."""
FIGURES: tuple[Figure, ...] = ("throughput", "delay", "jitter", "loss")


@dataclass(frozen=True, slots=True)
class Band:
    """One row of a table: the figures up to `limit` (for throughput: down to it) get `index`."""

    index: int
    limit: float
    """bit/s (`tiphon-percent`: percent of nominal), seconds, seconds, percent."""
    closed: bool
    """Whether the limit itself still belongs to the band."""


class Graded(NamedTuple):
    """Indices, 4 the best and 0 the worst; None where the profile has no band for the figure,
    or the figure is not known."""

    profile: str
    overall: float | None
    """Mean or worst of the indices that there are, by the profile; None without any."""
    words: str
    """Key of the overall category, see `words_of`; empty without any."""
    throughput: int | None
    delay: int | None
    jitter: int | None
    loss: int | None


class _Profile(NamedTuple):
    bands: dict[Kind, dict[Figure, tuple[Band, ...]]]
    overall: Callable[[list[int]], float]
    words: tuple[tuple[float, str], ...]
    """From the best: at least this overall grade is called so."""
    index_words: dict[int, str]


_INF = math.inf

_TIPHON_DELAY = (
    Band(4, 0.150, False),
    Band(3, 0.300, True),
    Band(2, 0.450, True),
    Band(1, _INF, True),
)
_TIPHON_JITTER = (
    Band(4, 0.0, True),
    Band(3, 0.075, True),
    Band(2, 0.125, True),
    Band(1, 0.225, True),
    Band(0, _INF, True),
)
_TIPHON_LOSS = (
    Band(4, 0.0, True),
    Band(3, 3.0, True),
    Band(2, 15.0, True),
    Band(1, 25.0, True),
    Band(0, _INF, True),
)
_TIPHON_THROUGHPUT = (
    Band(4, 2_100_000.0, False),
    Band(3, 1_200_000.0, True),
    Band(2, 700_000.0, True),
    Band(1, 338_000.0, True),
    Band(0, 0.0, True),
)
_PERCENT_THROUGHPUT = (
    Band(4, 75.0, False),
    Band(3, 50.0, True),
    Band(2, 25.0, True),
    Band(1, 0.0, True),
)
_TIPHON_WORDS = (
    (3.8, "verySatisfying"),
    (3.0, "satisfying"),
    (2.0, "lessSatisfying"),
    (-_INF, "unsatisfying"),
)
_TIPHON_INDEX_WORDS = {4: "veryGood", 3: "good", 2: "medium", 1: "poor", 0: "bad"}

_STUDY: dict[Figure, tuple[Band, ...]] = {
    "delay": (Band(4, 0.150, False), Band(3, 0.300, False), Band(2, 0.450, False)),
    "jitter": (Band(4, 0.0, True), Band(3, 0.075, True), Band(2, 0.125, True)),
    "loss": (Band(4, 0.0, True), Band(3, 3.0, True), Band(2, 15.0, True)),
}
_STUDY = {figure: (*bands, Band(1, _INF, True)) for figure, bands in _STUDY.items()}

_MISSED = Band(0, _INF, True)
_G1010_DELAY = (Band(4, 0.150, False), Band(2, 0.400, False), _MISSED)
_CISCO: dict[Figure, tuple[Band, ...]] = {
    "delay": (Band(4, 0.150, True), _MISSED),
    "jitter": (Band(4, 0.030, True), _MISSED),
    "loss": (Band(4, 1.0, True), _MISSED),
}
_TARGET_WORDS = ((4.0, "met"), (2.0, "withinLimit"), (-_INF, "missed"))
_TARGET_INDEX_WORDS = {4: "met", 2: "withinLimit", 0: "missed"}


def _mean(indices: list[int]) -> float:
    return sum(indices) / len(indices)


def _worst(indices: list[int]) -> float:
    return float(min(indices))


def _tiphon(throughput: tuple[Band, ...]) -> _Profile:
    bands: dict[Figure, tuple[Band, ...]] = {
        "throughput": throughput,
        "delay": _TIPHON_DELAY,
        "jitter": _TIPHON_JITTER,
        "loss": _TIPHON_LOSS,
    }
    return _Profile({"audio": bands, "video": bands}, _mean, _TIPHON_WORDS, _TIPHON_INDEX_WORDS)


_STUDY_WORDS = ((4.0, "excellent"), (3.0, "good"), (2.0, "poor"), (-_INF, "unacceptable"))

_PROFILES: dict[str, _Profile] = {
    "tiphon": _tiphon(_TIPHON_THROUGHPUT),
    "tiphon-percent": _tiphon(_PERCENT_THROUGHPUT),
    "g1010": _Profile(
        {
            "audio": {
                "delay": _G1010_DELAY,
                "jitter": (Band(4, 0.001, False), _MISSED),
                "loss": (Band(4, 3.0, False), _MISSED),
            },
            "video": {"delay": _G1010_DELAY, "loss": (Band(4, 1.0, False), _MISSED)},
        },
        _worst,
        _TARGET_WORDS,
        _TARGET_INDEX_WORDS,
    ),
    "g1010-study": _Profile(
        {"audio": _STUDY, "video": _STUDY},
        _worst,
        _STUDY_WORDS,
        {4: "excellent", 3: "good", 2: "poor", 1: "unacceptable"},
    ),
    "cisco-video": _Profile(
        {"audio": _CISCO, "video": _CISCO},
        _worst,
        _TARGET_WORDS,
        _TARGET_INDEX_WORDS,
    ),
}


def grade(
    profile: str,
    *,
    kind: Kind,
    throughput: float | None = None,
    delay: float | None = None,
    jitter: float | None = None,
    loss: float | None = None,
    nominal: float | None = None,
) -> Graded:
    """Grade what is known of a track, a person or a stream.

    `throughput` and `nominal` in bit/s (`nominal` is the bandwidth that was bought or is wanted,
    for `tiphon-percent`), `delay` one way and `jitter` in seconds, `loss` in percent. The tables
    speak of true one-way delay, never of packet spacing. A negative figure counts as 0 (duplicates
    make loss negative); one that is not finite counts as not known.

    Raises ValueError for a profile or a kind that does not exist.
    """
    scales = _SCALES.get((profile, kind))
    if scales is None:
        raise _no_such(profile, kind)
    if profile == "tiphon-percent":
        throughput = _percent(throughput, nominal)
    indices = (
        _index(scales[0], None if throughput is None else -throughput),
        _index(scales[1], delay),
        _index(scales[2], jitter),
        _index(scales[3], loss),
    )
    known = [index for index in indices if index is not None]
    overall = _PROFILES[profile].overall(known) if known else None
    return Graded(profile, overall, words_of(profile, overall), *indices)


def enough(packets: int, seconds: float) -> bool:
    """Whether so much was seen that a grade means something; callers show `TOO_SHORT` where not."""
    return packets >= MIN_PACKETS and seconds >= MIN_SECONDS


def bands(profile: str, kind: Kind, figure: Figure) -> tuple[Band, ...]:
    """The table of one figure from the best band to the worst, for a chart's background.

    Empty where the profile has no bands for it. Raises ValueError as `grade` does.
    """
    if (profile, kind) not in _SCALES:
        raise _no_such(profile, kind)
    return _PROFILES[profile].bands[kind].get(figure, ())


def table(profile: str) -> dict[str, dict[str, list[tuple[int, float | None, str]]]]:
    """A profile for pages: by kind and figure the bands, the best first, each as index, limit (in
    the unit of `Band`; None: without end) and key of its word."""
    return {
        kind: {
            figure: [
                (
                    band.index,
                    band.limit if math.isfinite(band.limit) else None,
                    word_of_index(profile, band.index),
                )
                for band in bands(profile, kind, figure)
            ]
            for figure in FIGURES
        }
        for kind in _KINDS
    }


def categories(profile: str) -> list[tuple[float, str]]:
    """Of overall grades, the best first: at least so much is called so."""
    return [(max(0.0, least), word) for least, word in _PROFILES[profile].words]


def words_of(profile: str, overall: float | None) -> str:
    """Key of the category of an overall grade; empty for None. The keys, from the best:

    `tiphon`, `tiphon-percent`: verySatisfying, satisfying, lessSatisfying, unsatisfying.
    `g1010`, `cisco-video`: met, withinLimit, missed.
    `g1010-study`: excellent, good, poor, unacceptable.
    """
    if overall is None:
        return ""
    return next(word for bound, word in _PROFILES[profile].words if overall >= bound)


def word_of_index(profile: str, index: int) -> str:
    """Key of the category of one figure's index.

    `tiphon`, `tiphon-percent`: veryGood, good, medium, poor, bad for 4 to 0; the others as
    `words_of`. Raises KeyError for an index that the profile does not give.
    """
    return _PROFILES[profile].index_words[index]


def _no_such(profile: str, kind: str) -> ValueError:
    if profile not in _PROFILES:
        return ValueError(f"unknown grade profile {profile!r}: one of {', '.join(PROFILES)}")
    return ValueError(f"unknown kind {kind!r}: audio or video")


def _percent(throughput: float | None, nominal: float | None) -> float | None:
    if throughput is None or nominal is None:
        return None
    if not (math.isfinite(throughput) and math.isfinite(nominal) and nominal > 0.0):
        return None
    # Divided first, and held: neither step may overflow.
    return min(100.0, max(0.0, throughput) / nominal) * 100


class _Scale(NamedTuple):
    """A table made for looking up: `indices[n]` where n of `bounds` are not above the figure."""

    bounds: tuple[float, ...]
    indices: tuple[int, ...]


def _scale(bands: tuple[Band, ...], sign: float) -> _Scale:
    """With `sign` -1 for figures of which more is better: both are negated."""
    limits = [(sign * band.limit, band.closed) for band in bands[:-1]]
    return _Scale(
        tuple(math.nextafter(limit, _INF) if closed else limit for limit, closed in limits),
        tuple(band.index for band in bands),
    )


def _index(scale: _Scale | None, value: float | None) -> int | None:
    if scale is None or value is None or not math.isfinite(value):
        return None
    return scale.indices[bisect_right(scale.bounds, value)]


_KINDS: tuple[Kind, ...] = ("audio", "video")
_SCALES: dict[tuple[str, str], tuple[_Scale | None, ...]] = {
    (name, kind): tuple(
        _scale(table[figure], -1.0 if figure == "throughput" else 1.0) if figure in table else None
        for figure in FIGURES
    )
    for name, profile in _PROFILES.items()
    for kind in _KINDS
    for table in (profile.bands[kind],)
}
