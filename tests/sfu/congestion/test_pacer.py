"""What waits, how long, and in which order."""

from math import inf

import pytest

from sfu.congestion.pacer import MAX_QUEUE_SECONDS, Pacer

MBIT = 1_000_000


def drain(pacer, start, tick=0.005):
    """Everything that waits, with the time it left at."""
    found, now = [], start
    while pacer:
        found += [(now, item) for item in pacer.release(now)]
        now += tick
        assert now < start + 60
    return found


def filled(target_bps, packets, limited=False):
    pacer = Pacer(target_bps, 0.0, lambda: None)
    pacer.set_rate(target_bps, limited)
    for index in range(packets):
        pacer.put(index, 1000, 1.0)
    return pacer


def test_an_ordinary_frame_passes_at_once():
    pacer = Pacer(MBIT, 0.0, lambda: None)
    assert pacer.passes(5000, 1.0)
    assert pacer.passes(1000, 1.0)
    assert pacer.next_at == inf
    # The bucket is empty now, and full again 20 ms later.
    assert not pacer.passes(5000, 1.001)
    assert pacer.passes(5000, 1.022)


def test_nothing_overtakes_what_waits():
    pacer = filled(MBIT, 1)
    assert not pacer.passes(10, 1.0)
    assert pacer.release(1.0) == [0]
    assert pacer.passes(10, 1.0)


@pytest.mark.parametrize(("limited", "factor"), [(False, 2.5), (True, 1.0)])
def test_a_burst_leaves_in_order_at_the_paced_rate(limited, factor):
    pacer = filled(MBIT, 30, limited)
    left = drain(pacer, 1.0)
    assert [item for _, item in left] == list(range(30))
    bucket = 2.5 * MBIT / 8 * 0.02
    expected = (30_000 - bucket) * 8 / (factor * MBIT)
    assert left[-1][0] - 1.0 == pytest.approx(expected, abs=0.012)
    assert pacer.waiting == 0


def test_more_than_a_quarter_second_goes_faster():
    """60 kB at 1 Mbit/s, less the bucket, would take 0.43 s."""
    left = drain(filled(MBIT, 60, limited=True), 1.0)
    assert left[-1][0] - 1.0 < 0.40
    # But never faster than 2.5 times the estimate.
    seconds = left[-1][0] - 1.0
    assert 60_000 * 8 / seconds < 2.6 * MBIT + 6250 * 8 / seconds


def test_full_says_when_to_begin_no_further_frame():
    limit = int(MAX_QUEUE_SECONDS * 2.5 * MBIT / 8 / 1000)
    assert not filled(MBIT, limit).full
    pacer = filled(MBIT, limit + 1)
    assert pacer.full
    pacer.release(1.0)
    assert not pacer.full


def test_next_at_is_when_something_leaves():
    pacer = filled(MBIT, 20)
    now = 1.0
    while pacer:
        assert pacer.release(now)
        if pacer:
            assert now <= pacer.next_at < now + 0.01
            assert pacer.release(pacer.next_at - 0.0005) == []
            now = pacer.next_at + 1e-6


def test_a_clock_that_stands_still_or_goes_back_does_no_harm():
    pacer = filled(MBIT, 20)
    first = pacer.release(1.0)
    assert first
    assert pacer.release(1.0) == []
    assert pacer.release(0.5) == []
    assert first + [item for _, item in drain(pacer, 1.0)] == list(range(20))


def test_clear_flushes_everything():
    pacer = filled(MBIT, 3)
    assert pacer.clear() == [0, 1, 2]
    assert not pacer
    assert pacer.waiting == 0


def test_how_long_the_first_in_line_has_waited():
    pacer = filled(MBIT, 8)
    pacer.put("last", 1000, 1.2)
    assert pacer.waited(1.3) == pytest.approx(0.3)
    pacer.release(1.3)
    pacer.release(1.4)
    assert pacer.waited(1.4) == 0


def test_no_rate_at_all_still_lets_go():
    assert len(drain(filled(300_000, 5), 1.0)) == 5
    pacer = filled(0, 2)
    assert pacer.release(1.0) == [0, 1]
