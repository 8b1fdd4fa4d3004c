"""The E-model against its published vectors, and its bounds."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qos.voice_mos import (
    FULLBAND,
    NARROWBAND,
    OPUS,
    OPUS_MODEL,
    WIDEBAND,
    delay_impairment,
    equipment_impairment,
    g107_mos,
    g1071_mos,
    mos_of_rating,
    opus_mos,
    opus_row,
    rating,
)

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCALES = (NARROWBAND, WIDEBAND, FULLBAND)
ANY_SCALE = st.sampled_from(SCALES)
PERCENT = st.floats(0, 100)
SECONDS = st.floats(0, 10)
BURST = st.floats(1, 8)
KBPS = st.floats(1, 500)

BURSTY_BPL = {16: 10.06, 22: 8.57, 25: 9.18, 31: 8.82, 40: 8.04}
"""The second Bpl of the table that `OPUS` is from."""


@pytest.mark.parametrize(
    ("delay", "impairment"), [(0.0, 0), (0.1, 0), (0.2, 3.04), (0.3, 14.76), (0.4, 24.07)]
)
def test_delay_impairment(delay, impairment):
    assert delay_impairment(NARROWBAND, delay) == pytest.approx(impairment, abs=0.005)
    assert delay_impairment(WIDEBAND, delay) == pytest.approx(1.29 * impairment, abs=0.01)
    assert delay_impairment(FULLBAND, delay) == pytest.approx(1.48 * impairment, abs=0.01)


@pytest.mark.parametrize(
    ("loss", "r", "mos"), [(0, 131.17, 4.30), (1, 121.10, 4.09), (3, 105.46, 3.66)]
)
def test_opus_at_31_kbps(loss, r, mos):
    estimate = opus_mos(bitrate=31_000, loss=loss, delay=0.05)
    assert estimate.r == pytest.approx(r, abs=0.005)
    assert estimate.mos == pytest.approx(mos, abs=0.005)
    assert estimate.model == OPUS_MODEL


def test_a_clean_line():
    assert [rating(s, delay=0, loss=0, equipment=0, robustness=1) for s in SCALES] == [
        93.2,
        129.0,
        148.0,
    ]
    # G.107: 4.41 for the default R of 93.2; the wider scales end at 4.5.
    assert mos_of_rating(NARROWBAND, 99.9) < 4.5
    clean = g107_mos(loss=0, delay=0, equipment=0, robustness=25.1)
    assert clean.mos == pytest.approx(4.41, abs=0.005)
    assert clean.model == "G.107"
    assert g1071_mos(loss=0, delay=0, equipment=0, robustness=4.3) == (4.5, 129.0, "G.107.1")
    assert mos_of_rating(FULLBAND, 148) == 4.5


def test_g711_with_concealment():
    """G.113 Appendix I: Ie 0, Bpl 25.1. By hand: 95 * 5 / (5 + 25.1) = 15.78."""
    estimate = g107_mos(loss=5, delay=0.05, equipment=0, robustness=25.1)
    assert estimate.r == pytest.approx(93.2 - 15.78, abs=0.005)


def test_burst_ratio_by_hand():
    """95 * 4 / (4 / 2 + 10) = 31.67."""
    impairment = equipment_impairment(NARROWBAND, loss=4, equipment=0, robustness=10, burst_ratio=2)
    assert impairment == pytest.approx(31.667, abs=0.001)


@pytest.mark.parametrize("row", OPUS, ids=lambda row: f"{row.kbps}")
@pytest.mark.parametrize("loss", [0.5, 1, 2, 3])
def test_burst_ratio_2_is_what_was_published_for_bursts(row, loss):
    by_ratio = equipment_impairment(
        FULLBAND,
        loss=loss,
        equipment=row.equipment,
        robustness=row.robustness,
        burst_ratio=2,
    )
    published = equipment_impairment(
        FULLBAND, loss=loss, equipment=row.equipment, robustness=BURSTY_BPL[row.kbps]
    )
    assert by_ratio == pytest.approx(published, abs=2.0)


def test_opus_rows_and_what_is_between_them():
    assert OPUS == (
        (16, 30.16, 11.83),
        (22, 20.22, 10.47),
        (25, 20.21, 11.28),
        (31, 16.83, 10.44),
        (40, 10.67, 9.79),
    )
    for row in OPUS:
        assert opus_row(row.kbps) == pytest.approx(row)
    assert opus_row(35.5) == pytest.approx((35.5, 13.75, 10.115))
    # Nothing is published outside.
    assert opus_row(6) == OPUS[0]
    assert opus_row(510) == OPUS[-1]


def test_mos_is_held_where_the_cubic_leaves_the_scale():
    assert mos_of_rating(NARROWBAND, -5) == 1.0
    assert mos_of_rating(NARROWBAND, 0) == 1.0
    assert mos_of_rating(NARROWBAND, 3) == 1.0
    assert mos_of_rating(NARROWBAND, 60) == pytest.approx(3.1)
    assert mos_of_rating(NARROWBAND, 100) == 4.5
    assert mos_of_rating(NARROWBAND, 400) == 4.5


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["bitrate", "loss", "delay", "burst_ratio"])
def test_what_is_not_a_number_is_refused(name, bad):
    figures = {"bitrate": 32_000, "loss": 1, "delay": 0.1, "burst_ratio": 1.5, name: bad}
    with pytest.raises(ValueError, match=name):
        opus_mos(**figures)


@pytest.mark.parametrize("bitrate", [0, -1])
def test_without_a_voice_there_is_no_estimate(bitrate):
    with pytest.raises(ValueError, match="nothing to hear"):
        opus_mos(bitrate=bitrate, loss=0, delay=0)


def test_everything_lost_is_the_ceiling_of_the_scale():
    for scale in SCALES:
        impairment = equipment_impairment(scale, loss=100, equipment=3, robustness=1, burst_ratio=8)
        assert impairment == scale.ceiling


def test_codecs_that_are_not_on_the_scale_are_refused():
    for equipment, robustness in ((-1, 10), (95.1, 10), (0, 0), (0, -4), (math.nan, 4)):
        with pytest.raises(ValueError, match=r"Ie|Bpl|equipment"):
            g107_mos(loss=1, delay=0, equipment=equipment, robustness=robustness)


def test_figures_outside_their_range_are_held_at_its_end():
    def mos(**figures):
        return opus_mos(**{"bitrate": 32_000, "loss": 2, "delay": 0.05, **figures})

    assert mos(loss=-3) == mos(loss=0)
    assert mos(loss=300, burst_ratio=8) == mos(loss=100, burst_ratio=8)
    assert mos(delay=-1) == mos(delay=0)
    assert mos(burst_ratio=0.2) == mos(burst_ratio=1)
    assert mos(burst_ratio=99) == mos(burst_ratio=8)


@given(KBPS, PERCENT, SECONDS, BURST)
@RELAXED
def test_bounded(kbps, loss, delay, burst_ratio):
    estimate = opus_mos(bitrate=kbps * 1000, loss=loss, delay=delay, burst_ratio=burst_ratio)
    assert 1.0 <= estimate.mos <= 4.5
    assert 0.0 <= estimate.r <= 148.0


@given(KBPS, PERCENT, PERCENT, SECONDS, BURST)
@RELAXED
def test_more_loss_is_never_better(kbps, one, other, delay, burst_ratio):
    less, more = (
        opus_mos(bitrate=kbps * 1000, loss=loss, delay=delay, burst_ratio=burst_ratio)
        for loss in sorted((one, other))
    )
    assert more.r <= less.r + 1e-9
    assert more.mos <= less.mos + 1e-9


@given(ANY_SCALE, PERCENT, SECONDS, SECONDS, BURST, BURST)
@RELAXED
def test_more_delay_and_longer_bursts_are_never_better(
    scale, loss, one_delay, other_delay, one_burst, other_burst
):
    def r(delay, burst_ratio):
        return rating(
            scale, delay=delay, loss=loss, equipment=5, robustness=10, burst_ratio=burst_ratio
        )

    low_delay, high_delay = sorted((one_delay, other_delay))
    low_burst, high_burst = sorted((one_burst, other_burst))
    assert r(high_delay, low_burst) <= r(low_delay, low_burst) + 1e-9
    assert r(low_delay, high_burst) <= r(low_delay, low_burst) + 1e-9


@given(ANY_SCALE, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
@RELAXED
def test_a_higher_rating_is_never_a_lower_mos(scale, one, other):
    low, high = sorted((one, other))
    assert 1.0 <= mos_of_rating(scale, low) <= mos_of_rating(scale, high) + 1e-12 <= 4.5 + 1e-12


@given(st.floats(0, 1.7e308))
@RELAXED
def test_any_delay_can_be_computed(delay):
    assert delay_impairment(FULLBAND, delay) >= 0
