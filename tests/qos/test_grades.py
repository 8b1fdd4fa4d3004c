"""Grades: every edge of every table, the studies' own rows, and what no figure may do."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qos.grades import FIGURES, PROFILES, bands, grade, word_of_index, words_of

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

UP = math.inf
KINDS = ("audio", "video")
ANY = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


def above(value):
    return math.nextafter(value, UP)


def below(value):
    return math.nextafter(value, -UP)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("profile", ["tiphon", "tiphon-percent"])
@pytest.mark.parametrize(
    ("figure", "value", "index"),
    [
        ("delay", 0.0, 4),
        ("delay", below(0.150), 4),
        ("delay", 0.150, 3),
        ("delay", 0.300, 3),
        ("delay", above(0.300), 2),
        ("delay", 0.450, 2),
        ("delay", above(0.450), 1),
        ("delay", 1e9, 1),
        ("jitter", 0.0, 4),
        ("jitter", above(0.0), 3),
        ("jitter", 0.075, 3),
        ("jitter", above(0.075), 2),
        ("jitter", 0.125, 2),
        ("jitter", above(0.125), 1),
        ("jitter", 0.225, 1),
        ("jitter", above(0.225), 0),
        ("loss", 0.0, 4),
        ("loss", above(0.0), 3),
        ("loss", 3.0, 3),
        ("loss", above(3.0), 2),
        ("loss", 15.0, 2),
        ("loss", above(15.0), 1),
        ("loss", 25.0, 1),
        ("loss", above(25.0), 0),
        ("loss", 100.0, 0),
    ],
)
def test_tiphon_edges(profile, kind, figure, value, index):
    graded = grade(profile, kind=kind, **{figure: value})
    assert getattr(graded, figure) == index
    assert graded.overall == index


@pytest.mark.parametrize(
    ("throughput", "index"),
    [
        (above(2_100_000), 4),
        (2_100_000, 3),
        (1_200_000, 3),
        (below(1_200_000), 2),
        (700_000, 2),
        (below(700_000), 1),
        (338_000, 1),
        (below(338_000), 0),
        (0, 0),
    ],
)
def test_tiphon_throughput_edges(throughput, index):
    assert grade("tiphon", kind="video", throughput=throughput).throughput == index


@pytest.mark.parametrize(
    ("throughput", "index"),
    [
        (2_000_000, 4),
        (750_001, 4),
        (750_000, 3),
        (500_000, 3),
        (499_999, 2),
        (250_000, 2),
        (249_999, 1),
        (0, 1),
    ],
)
def test_percent_of_the_nominal_bandwidth(throughput, index):
    graded = grade("tiphon-percent", kind="video", throughput=throughput, nominal=1_000_000)
    assert graded.throughput == index


@pytest.mark.parametrize("nominal", [None, 0, -5, math.nan, math.inf])
def test_percent_of_nothing_is_not_known(nominal):
    graded = grade("tiphon-percent", kind="video", throughput=1e6, nominal=nominal)
    assert (graded.throughput, graded.overall, graded.words) == (None, None, "")


@pytest.mark.parametrize(
    ("kind", "figure", "value", "index"),
    [
        ("audio", "delay", below(0.150), 4),
        ("audio", "delay", 0.150, 2),
        ("audio", "delay", below(0.400), 2),
        ("audio", "delay", 0.400, 0),
        ("audio", "jitter", below(0.001), 4),
        ("audio", "jitter", 0.001, 0),
        ("audio", "loss", below(3.0), 4),
        ("audio", "loss", 3.0, 0),
        ("audio", "throughput", 64_000.0, None),
        ("video", "delay", below(0.150), 4),
        ("video", "delay", 0.150, 2),
        ("video", "delay", 0.400, 0),
        ("video", "jitter", 0.001, None),
        ("video", "loss", below(1.0), 4),
        ("video", "loss", 1.0, 0),
        ("video", "throughput", 1e6, None),
    ],
)
def test_g1010_edges(kind, figure, value, index):
    graded = grade("g1010", kind=kind, **{figure: value})
    assert getattr(graded, figure) == index
    assert graded.overall == index


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("figure", "value", "index"),
    [
        ("delay", below(0.150), 4),
        ("delay", 0.150, 3),
        ("delay", below(0.300), 3),
        ("delay", 0.300, 2),
        ("delay", below(0.450), 2),
        ("delay", 0.450, 1),
        ("jitter", 0.0, 4),
        ("jitter", 0.075, 3),
        ("jitter", 0.125, 2),
        ("jitter", above(0.125), 1),
        ("loss", 0.0, 4),
        ("loss", 3.0, 3),
        ("loss", 15.0, 2),
        ("loss", above(15.0), 1),
        ("throughput", 1e6, None),
    ],
)
def test_study_edges(kind, figure, value, index):
    assert getattr(grade("g1010-study", kind=kind, **{figure: value}), figure) == index


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("figure", "limit"), [("delay", 0.150), ("jitter", 0.030), ("loss", 1.0)])
def test_cisco_edges(kind, figure, limit):
    assert getattr(grade("cisco-video", kind=kind, **{figure: limit}), figure) == 4
    assert getattr(grade("cisco-video", kind=kind, **{figure: above(limit)}), figure) == 0


@pytest.mark.parametrize(
    ("kbps", "ms", "loss", "indices", "overall", "words"),
    [
        # The studies' own rows, their packet spacing graded as the delay that they took it for.
        (165.669, 8.79, 0, (0, 4, 3, 4), 2.75, "lessSatisfying"),
        (504.838, 6.69, 0, (1, 4, 3, 4), 3.0, "satisfying"),
        (1079.891, 5.96, 0, (2, 4, 3, 4), 3.25, "satisfying"),
        (6.416, 145.67, 0, (0, 4, 1, 4), 2.25, "lessSatisfying"),
        (9.862, 114.21, 0, (0, 4, 2, 4), 2.5, "lessSatisfying"),
        (10.572, 112.51, 0, (0, 4, 2, 4), 2.5, "lessSatisfying"),
        (775.924, 3.635, 0, (2, 4, 3, 4), 3.25, "satisfying"),
        (871.921, 2.809, 0, (2, 4, 3, 4), 3.25, "satisfying"),
        (888.587, 3.004, 0, (2, 4, 3, 4), 3.25, "satisfying"),
        (1130.873, 3.158, 0, (2, 4, 3, 4), 3.25, "satisfying"),
        (1863.728, 2.362, 0, (3, 4, 3, 4), 3.5, "satisfying"),
        (888.587, 3.120, 0, (2, 4, 3, 4), 3.25, "satisfying"),
    ],
)
def test_rows_of_the_studies(kbps, ms, loss, indices, overall, words):
    graded = grade(
        "tiphon",
        kind="video",
        throughput=kbps * 1000,
        delay=ms / 1000,
        jitter=ms / 1000,
        loss=loss,
    )
    assert graded[3:] == indices
    assert (graded.overall, graded.words) == (overall, words)


@pytest.mark.parametrize(
    ("delay", "jitter", "loss", "indices", "words"),
    [
        (29, 2.22, 3.33, (None, 4, 3, 2), "poor"),
        (27, 2.35, 0, (None, 4, 3, 4), "good"),
        (27, 2.56, 0, (None, 4, 3, 4), "good"),
    ],
)
def test_rows_of_the_stream_study(delay, jitter, loss, indices, words):
    graded = grade("g1010-study", kind="video", delay=delay / 1000, jitter=jitter / 1000, loss=loss)
    assert graded[3:] == indices
    assert graded.words == words


def test_words_of_the_overall_grade():
    edges = [(4, "verySatisfying"), (3.8, "verySatisfying"), (below(3.8), "satisfying")]
    edges += [(3, "satisfying"), (below(3), "lessSatisfying"), (2, "lessSatisfying")]
    edges += [(below(2), "unsatisfying"), (0, "unsatisfying")]
    assert [words_of("tiphon", overall) for overall, _ in edges] == [word for _, word in edges]
    assert words_of("tiphon", None) == ""
    assert [words_of("g1010", o) for o in (4, 2, 0)] == ["met", "withinLimit", "missed"]
    assert [words_of("g1010-study", o) for o in (4, 3, 2, 1)] == [
        "excellent",
        "good",
        "poor",
        "unacceptable",
    ]


def test_a_target_profile_is_as_good_as_its_worst_figure():
    graded = grade("g1010", kind="video", delay=0.2, loss=0.0)
    assert (graded.overall, graded.words) == (2.0, "withinLimit")
    graded = grade("cisco-video", kind="video", delay=0.1, jitter=0.001, loss=1.5)
    assert (graded.overall, graded.words) == (0.0, "missed")


def test_what_is_not_known_has_no_grade():
    for profile in PROFILES:
        for value in (None, math.nan, math.inf, -math.inf):
            graded = grade(
                profile, kind="audio", throughput=value, delay=value, jitter=value, loss=value
            )
            assert graded == (profile, None, "", None, None, None, None)


def test_a_negative_loss_is_none():
    # More duplicates than losses.
    assert grade("tiphon", kind="audio", loss=-2.5).loss == 4


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"'nonesuch'.*tiphon, tiphon-percent"):
        grade("nonesuch", kind="audio")
    with pytest.raises(ValueError, match="'picture'"):
        grade("tiphon", kind="picture")
    with pytest.raises(ValueError, match="'nonesuch'"):
        bands("nonesuch", "audio", "loss")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("profile", PROFILES)
def test_bands_are_in_order_and_leave_nothing_out(profile, kind):
    for figure in FIGURES:
        table = bands(profile, kind, figure)
        indices = [band.index for band in table]
        assert indices == sorted(set(indices), reverse=True)
        limits = [band.limit for band in table]
        assert limits == sorted(limits, reverse=figure == "throughput")
        for index in indices:
            assert word_of_index(profile, index)
        if table:
            assert table[-1].closed
            assert limits[-1] == (0.0 if figure == "throughput" else UP)


@given(st.sampled_from(PROFILES), st.sampled_from(KINDS), ANY, ANY, ANY, ANY, ANY)
@RELAXED
def test_any_figures_are_graded(profile, kind, throughput, delay, jitter, loss, nominal):
    graded = grade(
        profile,
        kind=kind,
        throughput=throughput,
        delay=delay,
        jitter=jitter,
        loss=loss,
        nominal=nominal,
    )
    known = [index for index in graded[3:] if index is not None]
    assert all(0 <= index <= 4 for index in known)
    assert (graded.overall is None) == (not known) == (graded.words == "")
    if known:
        assert min(known) <= graded.overall <= max(known)


@given(
    st.sampled_from(PROFILES),
    st.sampled_from(KINDS),
    st.sampled_from(FIGURES),
    st.floats(0, 1e7),
    st.floats(0, 1e7),
)
@RELAXED
def test_worse_figures_are_never_graded_better(profile, kind, figure, one, other):
    low, high = sorted((one, other))
    first, second = (
        getattr(grade(profile, kind=kind, nominal=1e6, **{figure: value}), figure)
        for value in (low, high)
    )
    if first is not None:
        assert first <= second if figure == "throughput" else first >= second
