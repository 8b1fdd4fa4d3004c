"""Packet spacing as the studies compute it, on numbers worked out by hand and on their own rows."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qos.spacing import Spacing, mean_inter_arrival

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def fed(arrivals, size=100):
    spacing = Spacing()
    for arrival in arrivals:
        spacing.packet(arrival, size)
    return spacing


def test_by_hand():
    # Gaps of 10, 30, 20, 20 ms: changes of 20, 10, 0.
    figures = fed([5.0, 5.01, 5.04, 5.06, 5.08]).figures(sent=8)
    assert figures.throughput == pytest.approx(5 * 800 / 0.08)
    assert figures.mean_inter_arrival == pytest.approx(0.016)
    assert figures.variation == pytest.approx(0.0075)
    assert figures.loss == pytest.approx(37.5)


def test_a_perfect_voice_line_has_spacing_but_no_variation():
    figures = fed([i * 0.02 for i in range(1001)]).figures()
    assert figures.mean_inter_arrival == pytest.approx(0.02, rel=0.002)
    assert figures.variation == pytest.approx(0, abs=1e-9)
    assert figures.loss is None


@pytest.mark.parametrize(
    # What the studies print: kbit/s and ms. Both together give their mean packet size, which is
    # that of voice or video packets: the "delay" is indeed a spacing.
    ("kbps", "ms", "size"),
    [
        (165.669, 8.79, 182),
        (504.838, 6.69, 422),
        (1079.891, 5.96, 805),
        (6.416, 145.67, 117),
        (775.924, 3.635, 353),
        (1863.728, 2.362, 550),
    ],
)
def test_rows_of_the_studies_are_spacings(kbps, ms, size):
    packets = 2000
    figures = fed([i * ms / 1000 for i in range(packets)], size).figures(sent=packets)
    assert figures.mean_inter_arrival == pytest.approx(ms / 1000, rel=0.001)
    assert figures.throughput == pytest.approx(kbps * 1000, rel=0.005)
    assert figures.loss == 0


@pytest.mark.parametrize("arrivals", [[], [3.0]])
def test_too_few_packets_show_nothing(arrivals):
    assert fed(arrivals).figures() == (None, None, None, None)


def test_all_at_once_has_no_throughput():
    figures = fed([3.0, 3.0, 3.0]).figures()
    assert (figures.throughput, figures.mean_inter_arrival, figures.variation) == (None, 0, 0)


@pytest.mark.parametrize(
    ("sent", "loss"), [(None, None), (0, None), (-4, None), (2, 0.0), (1, 0.0), (4, 50.0)]
)
def test_loss_is_bounded(sent, loss):
    assert fed([0.0, 1.0]).figures(sent).loss == loss


def test_a_clock_that_jumps_back_costs_one_gap():
    spacing = fed([10.0, 11.0, 3.0, 4.0, 5.0])
    assert spacing.span == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("span", "packets", "mean"),
    [(1.0, 50, 0.02), (0.5, 1, 0.5), (0.0, 5, 0.0), (1.0, 0, None), (-1.0, 5, None)],
)
def test_mean_inter_arrival(span, packets, mean):
    assert mean_inter_arrival(span, packets) == mean


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.integers(0, 2000)), max_size=60), st.integers())
@RELAXED
def test_bounded(packets, sent):
    spacing = Spacing()
    for arrival, size in packets:
        spacing.packet(arrival, size)
    figures = spacing.figures(sent)
    assert all(value is None or value >= 0 for value in figures)
    assert figures.loss is None or figures.loss <= 100
