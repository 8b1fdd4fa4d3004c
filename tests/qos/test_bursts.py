"""Loss bursts: RFC 3611's example, its definition read literally, and late packets."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qos.bursts import REACH, Bursts, LossRuns, burst_ratio
from tests.qos.link import in_runs, scattered

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(pattern, gmin=16):
    """1 received, 0 lost."""
    bursts = Bursts(gmin)
    for letter in pattern:
        if letter == "1":
            bursts.received()
        else:
            bursts.lost()
    return bursts.metrics()


def by_definition(pattern, gmin):
    """Bursts as (start, end) by clause 4.7.2: split where gmin received packets stand in a row."""
    found, start, last, lost = [], None, None, 0
    for place, letter in enumerate(pattern + "1" * gmin + "0"):
        if letter == "1":
            continue
        if last is None or place - last - 1 >= gmin:
            if lost > 1:
                found.append((start, last + 1))
            start, lost = place, 0
        lost += 1
        last = place
    return found


def check_against_definition(pattern, gmin):
    metrics = read(pattern, gmin)
    expected = by_definition(pattern, gmin)
    inside = "".join(pattern[start:end] for start, end in expected)
    edges = [0, *(edge for burst in expected for edge in burst), len(pattern)]
    gaps = [pattern[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    assert metrics.bursts == len(expected)
    assert (metrics.burst_packets, metrics.burst_lost) == (len(inside), inside.count("0"))
    assert metrics.gaps == len(gaps)
    assert metrics.gap_packets == sum(map(len, gaps))
    assert metrics.gap_lost == "".join(gaps).count("0")
    assert (metrics.packets, metrics.lost) == (len(pattern), pattern.count("0"))
    assert metrics.runs == len([run for run in pattern.split("1") if run])


def test_the_example_of_the_rfc():
    """Clause 4.7.2: 64 packets of 10 ms, Gmin 16: gap of 23, burst of 12, gap of 29."""
    gap, burst = "11110" + "1" * 18, "011101011110"
    metrics = read(gap + burst + "1" * 18 + "0" + "1" * 10)
    assert metrics.packets == 64
    assert (metrics.bursts, metrics.burst_length * 10) == (1, 120)
    assert metrics.burst_density == pytest.approx(0.33, abs=0.005)
    assert (metrics.gaps, metrics.gap_length * 10) == (2, 260)
    assert metrics.gap_density == pytest.approx(0.04, abs=0.005)


def test_means_over_several_bursts_and_gaps():
    """Gap 20, burst 2, gap 16 + 1 + 17, burst 4 of which 3 are lost, gap 30."""
    metrics = read("1" * 20 + "00" + "1" * 16 + "0" + "1" * 17 + "0100" + "1" * 30)
    assert (metrics.bursts, metrics.gaps) == (2, 3)
    assert metrics.burst_length == 3
    assert metrics.gap_length == 28
    assert metrics.burst_density == pytest.approx(5 / 6)
    assert metrics.gap_density == pytest.approx(1 / 84)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "0",
        "1",
        "00",
        "0" * 40,
        "1" * 40,
        "00" + "1" * 16 + "00",
        "00" + "1" * 15 + "00",
        "0" + "1" * 15 + "0",
        "0" + "1" * 16 + "0",
        "1" * 16 + "00",
        "00" + "1" * 16,
        "00" + "1" * 16 + "0" + "1" * 16 + "00",
    ],
)
def test_edges(pattern):
    check_against_definition(pattern, 16)


@given(st.text(alphabet="01", max_size=200), st.integers(1, 20))
@RELAXED
def test_any_pattern_by_the_definition(pattern, gmin):
    check_against_definition(pattern, gmin)


@given(
    st.lists(st.tuples(st.integers(-2, 40), st.integers(-2, 40)), max_size=20), st.integers(1, 20)
)
@RELAXED
def test_whole_runs_count_as_their_packets(steps, gmin):
    bursts, pattern = Bursts(gmin), ""
    for received, lost in steps:
        bursts.received(received)
        bursts.lost(lost)
        pattern += "1" * received + "0" * lost
    assert bursts.metrics() == read(pattern, gmin)


def test_numbers_that_arrived():
    bursts = Bursts()
    bursts.numbers([10, 11, 11, 14, 15, 20])
    assert bursts.metrics() == read("11001100001")


@pytest.mark.parametrize("gmin", [0, -1, 256])
def test_gmin_has_the_range_of_its_field(gmin):
    with pytest.raises(ValueError, match="1 to 255"):
        Bursts(gmin)


def test_without_packets_there_is_nothing():
    metrics = Bursts().metrics()
    assert metrics == (0,) * 9
    assert (metrics.burst_density, metrics.gap_density) == (0, 0)
    assert (metrics.burst_length, metrics.gap_length, metrics.burst_ratio) == (0, 0, 1)


def test_burst_ratio_by_hand():
    # 10 of 100 lost in 5 runs of 2; at random a run is 1 / 0.9 long.
    assert burst_ratio(10, 5, 100) == pytest.approx(1.8)
    assert burst_ratio(10, 10, 100) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("lost", "runs", "expected"), [(0, 0, 100), (-3, 0, 100), (5, 1, 5), (5, 1, 0), (0, 0, 0)]
)
def test_where_a_burst_ratio_cannot_be_known_it_is_1(lost, runs, expected):
    assert burst_ratio(lost, runs, expected) == 1.0


@pytest.mark.parametrize("percent", [1, 5, 20])
def test_random_loss_has_burst_ratio_1(percent):
    lost = scattered(Random(3), 50_000, percent)
    metrics = read("".join("0" if i in lost else "1" for i in range(50_000)))
    assert metrics.burst_ratio == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("length", [2, 3, 8])
@pytest.mark.parametrize("percent", [1, 5])
def test_bursts_have_their_burst_ratio(percent, length):
    lost = in_runs(Random(4), 50_000, percent, length)
    metrics = read("".join("0" if i in lost else "1" for i in range(50_000)))
    assert metrics.lost == metrics.runs * length == len(lost)
    assert metrics.burst_ratio == pytest.approx(length * (1 - percent / 100), rel=0.01)


class Feed:
    """Gives `LossRuns` what a receiver sees, and keeps the numbers that came."""

    def __init__(self):
        self.runs = LossRuns()
        self.highest = 0
        self.came = {0}

    def take(self, number):
        if number > self.highest:
            self.runs.passed(self.highest + 1, number)
            self.highest = number
        else:
            assert self.runs.late(number) == (number not in self.came)
        self.came.add(number)

    def pattern(self):
        return "".join("1" if i in self.came else "0" for i in range(self.highest + 1))


def test_late_packets_shorten_end_and_cut_runs():
    feed = Feed()
    feed.take(8)
    assert (feed.runs.lost, feed.runs.runs) == (7, 1)
    for number, lost, runs in ((1, 6, 1), (7, 5, 1), (4, 4, 2), (3, 3, 2), (2, 2, 1), (2, 2, 1)):
        feed.take(number)
        assert (feed.runs.lost, feed.runs.runs) == (lost, runs)
    for number in (5, 6, 8, 0):
        feed.take(number)
    assert (feed.runs.lost, feed.runs.runs) == (0, 0)
    assert feed.runs.burst_ratio(9) == 1.0


@given(st.permutations(range(1, 40)), st.integers(0, 39))
@RELAXED
def test_whatever_the_order_the_counts_are_those_of_the_pattern(order, count):
    feed = Feed()
    for number in order[:count]:
        feed.take(number)
    pattern = feed.pattern()
    assert feed.runs.lost == pattern.count("0")
    assert feed.runs.runs == len([run for run in pattern.split("1") if run])
    assert feed.runs.burst_ratio(len(pattern)) == read(pattern).burst_ratio


def test_far_more_losses_than_are_remembered():
    """Every second packet of 20,000 is lost, then all of those come that still may."""
    feed = Feed()
    for number in range(2, 20_001, 2):
        feed.take(number)
    assert (feed.runs.lost, feed.runs.runs) == (10_000, 10_000)
    for number in range(20_001 - REACH, 20_000, 2):
        feed.take(number)
    assert feed.runs.lost == feed.runs.runs == 10_000 - REACH // 2
    # What is further back was forgotten, without a wrong count.
    assert not feed.runs.late(1)
    assert feed.runs.lost == 10_000 - REACH // 2


def test_nothing_passed_is_no_run():
    runs = LossRuns()
    runs.passed(5, 5)
    runs.passed(5, 4)
    assert (runs.lost, runs.runs) == (0, 0)
    assert not runs.late(4)
