"""One row a packet, at every boundary of the sequence numbers."""

from __future__ import annotations

import math

import pytest

from qos.capture.streams import MAX_POINTS, MODES, Stream

BOUNDARIES = [0, 1, 32767, 65530, 65535]
ROWS = {
    "in order": ([0, 1, 2, 3], 4, 0, 0, 0),
    "one lost": ([0, 1, 3], 4, 1, 0, 0),
    "one late": ([0, 2, 1, 3], 4, 0, 1, 0),
    "one twice": ([0, 1, 1, 2], 3, -1, 0, 1),
    "late and twice": ([0, 2, 1, 1, 3], 4, -1, 1, 1),
    "twice after others": ([0, 1, 2, 3, 1, 4], 5, -1, 0, 1),
    "many lost": ([0, 1000, 1001], 1002, 999, 0, 0),
    "late by much": ([0, 200, 100, 201], 202, 198, 1, 0),
}


def fed(mode: str, numbers: list[int], first: int) -> Stream:
    stream = MODES[mode](8000)
    for index, number in enumerate(numbers):
        stream.add(index * 0.02, first + number & 0xFFFF, number * 160, 0, 172)
    stream.finish()
    return stream


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("first", BOUNDARIES)
@pytest.mark.parametrize("name", ROWS)
def test_counts(mode: str, first: int, name: str) -> None:
    numbers, expected, lost, reordered, duplicates = ROWS[name]
    stream = fed(mode, numbers, first)
    assert (stream.expected, stream.lost) == (expected, lost)
    assert (stream.missing.reordered, stream.missing.duplicates) == (reordered, duplicates)
    assert (stream.packets, stream.bytes) == (len(numbers), 172 * len(numbers))


@pytest.mark.parametrize("mode", MODES)
def test_a_single_packet(mode: str) -> None:
    stream = fed(mode, [0], 65535)
    assert (stream.packets, stream.expected, stream.lost) == (1, 1, 0)
    assert (stream.jitter, stream.max_delta, stream.min_delta) == (0, 0, math.inf)
    assert stream.points == [(0.0, 1, 172, 1, 0, 0.0)]


def test_the_end_of_a_capture_counts_otherwise_in_the_two_modes() -> None:
    """Wireshark expects up to the last captured number, a receiver up to the highest."""
    assert fed("wireshark", [0, 1, 3, 2], 10).expected == 3
    assert fed("rfc3550", [0, 1, 3, 2], 10).expected == 4


def test_a_stray_number_is_no_loss_of_thousands() -> None:
    stream = fed("rfc3550", [*range(50), 20000, *range(50, 100)], 5)
    assert (stream.packets, stream.expected, stream.lost) == (100, 100, 0)


@pytest.mark.parametrize("mode", MODES)
def test_jitter_of_a_steady_step(mode: str) -> None:
    """Packets alternately 4 ms late settle at 4 ms: every change of transit is 4 ms."""
    stream = MODES[mode](8000)
    for number in range(400):
        late = 0.004 * (number % 2)
        stream.add(number * 0.02 + late, number, number * 160, 0, 172)
    stream.finish()
    assert stream.jitter == pytest.approx(0.004, rel=1e-3)
    assert stream.max_jitter == pytest.approx(0.004, rel=1e-3)
    assert stream.min_delta == pytest.approx(0.016)
    assert stream.max_delta == pytest.approx(0.024)


@pytest.mark.parametrize("mode", MODES)
def test_the_course_stays_small_however_long(mode: str) -> None:
    stream = MODES[mode](8000)
    for number in range(20_000):
        stream.add(float(number), number & 0xFFFF, number * 8000 & 0xFFFFFFFF, 0, 100)
    stream.finish()
    assert MAX_POINTS / 4 < len(stream.points) <= MAX_POINTS
    times = [point[0] for point in stream.points]
    assert times == sorted(times)
    assert stream.points[-1][:5] == (19_999.0, 20_000, 2_000_000, 20_000, 0)


def test_the_number_before_the_first_counts() -> None:
    """RFC 3550 A.3: expected less received, whatever was received; 65535 came after 0."""
    stream = MODES["rfc3550"](8000)
    for index, number in enumerate([0, 65535, *range(1, 40)]):
        stream.add(index * 0.02, number, number * 160 & 0xFFFFFFFF, 0, 172)
    stream.finish()
    assert (stream.packets, stream.expected, stream.lost) == (41, 40, -1)
    assert (stream.missing.reordered, stream.missing.duplicates) == (1, 0)


def test_telephone_events_change_no_jitter() -> None:
    stream = MODES["rfc3550"](8000, 0)
    for number in range(200):
        event = 50 <= number < 90
        timestamp = (50 if event else number) * 160
        stream.add(number * 0.02, number, timestamp, 101 if event else 0, 16 if event else 172)
    stream.finish()
    assert stream.max_jitter == pytest.approx(0, abs=1e-9)
    assert (stream.packets, stream.lost, stream.payload_types) == (200, 0, {0, 101})


def test_parity_of_video_is_no_telephone_event() -> None:
    """It has the frame's timestamp and comes with it, so it counts as any packet."""
    with_types, alike = MODES["rfc3550"](90000, 96), MODES["rfc3550"](90000, 96)
    number = 0
    for frame in range(100):
        for index, payload_type in enumerate((96, 96, 127, 127)):
            time, timestamp = frame / 30 + index * 0.002, frame * 3000
            with_types.add(time, number, timestamp, payload_type, 1000)
            alike.add(time, number, timestamp, 96, 1000)
            number += 1
    assert with_types.jitter == alike.jitter > 0.001


@pytest.mark.parametrize("mode", MODES)
def test_without_times_there_are_counts_only(mode: str) -> None:
    stream = MODES[mode](8000, 0)
    for number in (0, 1, 3, 4, 4):
        stream.add(math.nan, number, number * 160, 0, 172)
    stream.finish()
    assert (stream.packets, stream.expected, stream.lost) == (5, 5, 0)
    assert (stream.missing.duplicates, math.isnan(stream.last)) == (1, True)
