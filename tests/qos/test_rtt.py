"""Round trips: RFC 3550's own example, wraps, and reports that say nothing or lie."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qos.rtt import (
    MAX_ROUND_TRIP,
    TICKS,
    RoundTrips,
    delay_since,
    middle_of_unix,
    round_trip,
)

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORD = st.integers(0, 0xFFFFFFFF)


def test_the_example_of_rfc_3550():
    """Figure 2 of clause 6.4.1: 46864.500 - 46853.125 - 5.250 s."""
    assert round_trip(0xB7108000, 0xB7052000, 0x00054000) == 6.125


@pytest.mark.parametrize("delay", [0, 5, 0xFFFFFFFF])
def test_without_a_report_of_ours_there_is_none(delay):
    assert round_trip(0x12345678, 0, delay) is None


@pytest.mark.parametrize("sent", [1, 0x7FFFFFFF, 0x80000000, 0xFFFFF000, 0xFFFFFFFF])
@pytest.mark.parametrize("kept", [0, 1, TICKS, 20 * TICKS])
@pytest.mark.parametrize("ticks", [0, 1, 6554, 5 * TICKS, int(MAX_ROUND_TRIP) * TICKS])
def test_over_the_wrap(sent, kept, ticks):
    arrival = (sent + kept + ticks) & 0xFFFFFFFF
    assert round_trip(arrival, sent, kept) == ticks / TICKS


def test_a_little_less_than_nothing_is_nothing():
    assert round_trip(1000, 1000, 3) == 0.0
    assert round_trip(1000, 1000, TICKS // 100 - 1) == 0.0


@pytest.mark.parametrize(
    ("arrival", "last", "delay"),
    [
        (1000, 1000, TICKS),
        (0x80000000, 1, 0),
        (60 * TICKS + 2, 1, 0),
        (5, 0xFFFFFFFF, 0xFFFFFFFF),
        (1 + TICKS, 1 + 2 * TICKS, 0),
    ],
)
def test_what_cannot_be_is_none(arrival, last, delay):
    ticks = (arrival - last - delay) & 0xFFFFFFFF
    assert round_trip(arrival, last, delay) == (None if ticks > 60 * TICKS else ticks / TICKS)


def test_middle_of_a_unix_time():
    # 1 January 1970 is 2,208,988,800 s after 1900; its low 16 bits are 0x7E80.
    assert middle_of_unix(0.0) == 0x7E800000
    assert middle_of_unix(0.5) == 0x7E808000
    assert middle_of_unix(65536.25) == 0x7E804000


def test_delay_since():
    assert delay_since(10.0, 15.25) == 0x00054000
    # A clock that jumped back; a report older than the field carries.
    assert delay_since(10.0, 9.0) == 0
    assert delay_since(0.0, 1e6) == 0xFFFFFFFF


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_time_is_refused(bad):
    with pytest.raises(ValueError, match="no time"):
        middle_of_unix(bad)
    with pytest.raises(ValueError, match="no time"):
        delay_since(0.0, bad)


@given(
    st.floats(0, 4e9),
    st.floats(0, 100),
    st.floats(0, 20),
    st.floats(0, 20),
)
@RELAXED
def test_there_and_back_is_what_it_took(start, kept, there, back):
    """The other side's clock does not matter; rounding costs at most three units."""
    sent = middle_of_unix(start)
    dlsr = delay_since(777.0 + there, 777.0 + there + kept)
    arrival = middle_of_unix(start + there + kept + back)
    if sent:
        assert round_trip(arrival, sent, dlsr) == pytest.approx(there + back, abs=3 / TICKS)


@given(WORD, WORD, WORD)
@RELAXED
def test_bounded(arrival, last, delay):
    seconds = round_trip(arrival, last, delay)
    assert seconds is None or 0.0 <= seconds <= MAX_ROUND_TRIP


def test_round_trips_of_a_path():
    trips = RoundTrips()
    assert (trips.latest, trips.least, trips.mean, trips.measurements) == (None, None, None, 0)
    now = 100 * TICKS
    assert trips.report(now, now - TICKS, 0) == 1.0
    assert trips.report(now, now - TICKS, TICKS // 2) == 0.5
    assert trips.report(now, 0, 0) is None
    assert trips.report(now, now - 2 * TICKS, TICKS // 2) == 1.5
    assert (trips.latest, trips.least, trips.mean) == (1.5, 0.5, 1.0)
    assert (trips.measurements, trips.total) == (3, 3.0)
