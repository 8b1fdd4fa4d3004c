"""The video part of G.1070 against its vectors, and its bounds."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qos.video_mos import H264_6_INCH, H264_VGA_9_INCH, TABLES, coding_quality, g1070_mos

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TABLE = st.sampled_from(TABLES)
BITRATE = st.floats(1, 1e8)
FPS = st.floats(0.1, 240)
PERCENT = st.floats(0, 100)


@pytest.mark.parametrize(("loss", "mos"), [(0, 3.87), (1, 3.13), (3, 2.17)])
def test_six_inch_vector(loss, mos):
    estimate = g1070_mos(bitrate=1_000_000, frame_rate=30, loss=loss, table=H264_6_INCH)
    assert estimate.mos == pytest.approx(mos, abs=0.005)


PRINTED = {
    H264_VGA_9_INCH: "5.517 .0129 3.459 178.53 1.02 1.15 .000355 .114 513.77 .736 -6.451 13.684",
    H264_6_INCH: "6.743 .009998 3.051 168.1 1.766 1.130 .001834 1.232 53.25 3.353 6.025 80.752",
}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("kbps", [20, 100, 400, 1500])
@pytest.mark.parametrize("fps", [2, 7.5, 25])
@pytest.mark.parametrize("loss", [0, 0.5, 4])
def test_the_formulas_as_printed(table, kbps, fps, loss):
    """With the Recommendation's coefficients in its own order; where it needs no bound."""
    v = [math.nan, *map(float, PRINTED[table].split())]
    best_rate = v[1] + v[2] * kbps
    best = v[3] * (1 - 1 / (1 + (kbps / v[4]) ** v[5]))
    width = v[6] + v[7] * kbps
    coding = best * math.exp(-((math.log(fps) - math.log(best_rate)) ** 2) / (2 * width**2))
    robust = v[10] + v[11] * math.exp(-fps / v[8]) + v[12] * math.exp(-kbps / v[9])
    expected = 1 + coding * math.exp(-loss / robust)
    found = g1070_mos(bitrate=kbps * 1000, frame_rate=fps, loss=loss, table=table)
    assert found.mos == pytest.approx(expected, rel=1e-9)


def test_nine_inch_by_hand():
    """At 1,000 kbit/s and the best frame rate for it, 18.417: 1 + 3.459 (1 - 1 / 6.797)."""
    estimate = g1070_mos(bitrate=1e6, frame_rate=18.417, loss=0, table=H264_VGA_9_INCH)
    assert estimate.mos == pytest.approx(3.950, abs=0.001)


def test_the_label_says_what_it_was_not_made_for():
    vp8 = g1070_mos(bitrate=5e5, frame_rate=25, loss=0)
    assert vp8.model == "G.1070, H.264 VGA 9.2 inch (B.2 #5); no set is published for VP8"
    h264 = g1070_mos(bitrate=5e5, frame_rate=25, loss=0, codec="H.264")
    assert h264 == (vp8.mos, "G.1070, H.264 VGA 9.2 inch (B.2 #5)")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["bitrate", "frame_rate", "loss"])
def test_what_is_not_a_number_is_refused(name, bad):
    with pytest.raises(ValueError, match=name):
        g1070_mos(**{"bitrate": 5e5, "frame_rate": 25, "loss": 0, name: bad})


def test_no_video_is_the_worst_video():
    for bitrate, frame_rate in ((0, 25), (-1, 25), (5e5, 0), (5e5, -3)):
        assert g1070_mos(bitrate=bitrate, frame_rate=frame_rate, loss=0).mos == 1.0


def test_loss_is_held_between_0_and_100():
    def mos(loss):
        return g1070_mos(bitrate=5e5, frame_rate=25, loss=loss).mos

    assert mos(-4) == mos(0)
    assert mos(400) == mos(100)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_frames_above_30_a_second_change_nothing(table):
    assert coding_quality(table, 1000, 60) == coding_quality(table, 1000, 30)
    assert coding_quality(table, 1000, 30) < coding_quality(table, 1000, 29.9)


@given(TABLE, BITRATE, FPS, PERCENT)
@RELAXED
def test_bounded(table, bitrate, frame_rate, loss):
    mos = g1070_mos(bitrate=bitrate, frame_rate=frame_rate, loss=loss, table=table).mos
    assert 1.0 <= mos <= 5.0


@given(TABLE, BITRATE, FPS, PERCENT, PERCENT)
@RELAXED
def test_more_loss_is_never_better(table, bitrate, frame_rate, one, other):
    less, more = (
        g1070_mos(bitrate=bitrate, frame_rate=frame_rate, loss=loss, table=table).mos
        for loss in sorted((one, other))
    )
    assert more <= less


@given(TABLE, st.floats(5e-324, 1.7e308), st.floats(5e-324, 1.7e308), st.floats(-1e308, 1e308))
@RELAXED
def test_nothing_finite_breaks_it(table, bitrate, frame_rate, loss):
    mos = g1070_mos(bitrate=bitrate, frame_rate=frame_rate, loss=loss, table=table).mos
    assert 1.0 <= mos <= 5.0
