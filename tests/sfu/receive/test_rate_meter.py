"""Rate and temporal split of a stream, from totals and samples."""

import pytest

from sfu.codecs import vp8
from sfu.receive.rate_meter import OVERHEAD, SAMPLE_FRAMES, SAMPLE_INTERVAL, RateMeter
from sfu.wire.packet import MARKER

TIDS = (0, 2, 1, 2)
SIZES = (1000, 300, 500, 300)


def frame(number, layered=True):
    """One packet a frame: 1000, 300, 500, 300 bytes."""
    tid = TIDS[number % 4]
    head = b"\x90\x20" + bytes([tid << 6]) if layered else b"\x10"
    size = SIZES[number % 4]
    return (number, number * 3600, MARKER, head + bytes(size - len(head)))


def run(meter, seconds, *, layered=True, start=0.0, octets=0, packets=0, fps=20):
    """Frames at a steady pace, ticks at ten a second; totals and time after it."""
    now = start
    for number in range(int(seconds * fps)):
        if number % (fps // 10) == 0:
            meter.tick(octets, packets, now)
        one = frame(number, layered)
        octets += len(one[3])
        packets += 1
        if meter.sampling:
            meter.sample([one])
        now = start + (number + 1) / fps
    meter.tick(octets, packets, now)
    return octets, packets, now


TRUE_BPS = (sum(SIZES) + 4 * OVERHEAD) * 8 * 5


def test_the_rate_of_a_steady_stream():
    meter = RateMeter(vp8.temporal_id)
    run(meter, 3.0)
    assert meter.bitrate_bps == pytest.approx(TRUE_BPS, rel=0.1)


def test_the_first_figure_comes_soon_and_is_not_too_low():
    meter = RateMeter(vp8.temporal_id)
    totals = run(meter, 0.4)
    assert meter.rates_bps == ()
    run(meter, 0.4, start=totals[2], octets=totals[0], packets=totals[1])
    assert meter.bitrate_bps == pytest.approx(TRUE_BPS, rel=0.15)
    assert len(meter.rates_bps) == 1


def test_the_split_is_learned():
    meter = RateMeter(vp8.temporal_id)
    run(meter, 3.0)
    rates = meter.rates_bps
    whole = sum(SIZES) + 4 * OVERHEAD
    base, middle = (1000 + OVERHEAD) / whole, (500 + OVERHEAD) / whole
    assert len(rates) == 3
    assert rates[0] == pytest.approx(meter.bitrate_bps * base)
    assert rates[1] == pytest.approx(meter.bitrate_bps * (base + middle))
    assert rates[2] == pytest.approx(meter.bitrate_bps)


def test_a_stream_without_temporal_layers_has_one_rate():
    meter = RateMeter(vp8.temporal_id)
    run(meter, 3.0, layered=False)
    assert meter.rates_bps == (pytest.approx(meter.bitrate_bps),)


def test_only_a_part_of_the_frames_is_looked_at():
    meter = RateMeter(vp8.temporal_id)
    for number in range(SAMPLE_FRAMES - 1):
        meter.sample([frame(number)])
    assert meter.sampling
    meter.sample([frame(SAMPLE_FRAMES - 1)])
    assert not meter.sampling
    meter.tick(0, 0, 1.0)
    meter.tick(100, 1, 1.0 + SAMPLE_INTERVAL)
    assert meter.sampling


def test_the_rate_falls_when_less_comes():
    meter = RateMeter(vp8.temporal_id)
    octets, packets, now = run(meter, 3.0)
    for tick in range(1, 21):
        meter.tick(octets + 10 * tick, packets + tick, now + tick / 10)
    assert meter.bitrate_bps < 0.25 * TRUE_BPS


def test_a_layer_that_rested_does_not_look_cheap():
    meter = RateMeter(vp8.temporal_id)
    octets, packets, now = run(meter, 3.0)
    for tick in range(1, 10):
        meter.tick(octets, packets, now + tick / 10)
    assert meter.bitrate_bps > 0
    for tick in range(10, 50):
        meter.tick(octets, packets, now + tick / 10)
    assert meter.bitrate_bps == 0
    assert meter.rates_bps == ()
    octets, packets, now = run(meter, 0.2, start=now + 5.0, octets=octets, packets=packets)
    assert meter.rates_bps == ()
    run(meter, 0.6, start=now, octets=octets, packets=packets)
    assert meter.rates_bps[-1] == pytest.approx(TRUE_BPS, rel=0.2)


def test_a_layer_that_was_just_left_does_not_look_cheap():
    meter = RateMeter(vp8.temporal_id)
    octets, packets, now = run(meter, 3.0)
    before = meter.bitrate_bps
    for tick in range(1, 10):
        meter.tick(octets, packets, now + tick / 10)
        assert meter.bitrate_bps == before


def test_a_pause_within_a_stream_counts():
    meter = RateMeter(vp8.temporal_id)
    octets, packets, now = run(meter, 3.0)
    for tick in range(1, 61):
        if tick % 6 == 0:
            octets, packets = octets + 1200, packets + 1
        meter.tick(octets, packets, now + tick / 10)
    assert meter.bitrate_bps == pytest.approx((1200 + OVERHEAD) * 8 / 0.6, rel=0.1)


def test_the_keyframe_of_a_layer_that_wakes_up_does_not_make_it_look_dear():
    meter = RateMeter(vp8.temporal_id)
    octets, packets, now = run(meter, 3.0)
    now += 5.0
    meter.tick(octets, packets, now)
    octets, packets = octets + 20_000, packets + 18
    run(meter, 1.0, start=now + 0.1, octets=octets, packets=packets)
    assert meter.bitrate_bps == pytest.approx(TRUE_BPS, rel=0.2)


def test_other_layers_take_the_place_of_the_old_ones():
    meter = RateMeter(vp8.temporal_id)
    octets, packets, now = run(meter, 4.0)
    assert len(meter.rates_bps) == 3
    run(meter, 12.0, layered=False, start=now, octets=octets, packets=packets)
    assert len(meter.rates_bps) == 1


def test_totals_that_start_anew_and_time_that_stands_still():
    meter = RateMeter(vp8.temporal_id)
    octets, packets, now = run(meter, 2.0)
    before = meter.bitrate_bps
    meter.tick(octets + 10**9, packets, now)
    assert meter.bitrate_bps == before
    meter.tick(0, 0, now + 0.1)
    assert 0 <= meter.bitrate_bps <= before
    assert RateMeter(vp8.temporal_id).rates_bps == ()
    assert RateMeter(vp8.temporal_id).bitrate_bps == 0
