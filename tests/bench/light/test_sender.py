"""What a simulated participant sends, and when."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bench.light.channel import Stream
from bench.light.sender import OutgoingStream, Pacer, phase
from bench.recordings.recording import Frame, Recording
from sfu.control import Extensions

MS = 1_000_000


def recording(frames: int = 6, keyframe_every: int = 3, packets: int = 2) -> Recording:
    made = tuple(
        Frame(
            n * 3600,
            n % keyframe_every == 0,
            tuple(bytes((0x80, 0x80, 0x80, 0, n, p)) + bytes(90) for p in range(packets)),
        )
        for n in range(frames)
    )
    return Recording("video", 90_000, frames * 3600, made)


def outgoing() -> OutgoingStream:
    return OutgoingStream(Stream("video", 1, 96, "1"), recording(), 100, Extensions(), 0)


def take(stream: OutgoingStream) -> list[tuple[int, int, bool, int]]:
    stream.next_frame()
    taken = [(number, ts, marker, picture_id) for number, _, ts, marker, picture_id in stream.queue]
    stream.queue.clear()
    return taken


def test_frames_follow_each_other_and_the_loop_begins_again() -> None:
    stream = outgoing()
    first_time, first_picture = stream.timestamp, stream.picture_id
    for frame in range(8):
        number = 2 * (frame % 6)
        time = (first_time + 3600 * frame) & 0xFFFFFFFF
        picture_id = (first_picture + frame) & 0x7FFF
        assert take(stream) == [
            (number, time, False, picture_id),
            (number + 1, time, True, picture_id),
        ]


@pytest.mark.parametrize(("shown", "expected"), [(1, 6), (2, 6), (3, 6), (4, 0), (6, 0)])
def test_a_keyframe_request_jumps_to_the_next_keyframe(shown: int, expected: int) -> None:
    stream = outgoing()
    for _ in range(shown):
        take(stream)
    stream.request_keyframe()
    assert take(stream)[0][0] == expected
    assert take(stream)[0][0] == expected + 2
    assert stream.keyframe_requests == 1


def test_a_layer_that_rests_comes_back_with_a_keyframe_and_its_clock_went_on() -> None:
    stream = outgoing()
    start = stream.timestamp
    take(stream)
    stream.set_active(False)
    assert [take(stream), take(stream)] == [[], []]
    stream.set_active(True)
    number, time, _, picture_id = take(stream)[0]
    assert number == 6
    assert time == (start + 3 * 3600) & 0xFFFFFFFF
    assert picture_id == (stream.picture_id - 1) & 0x7FFF
    # Once more: it goes on.
    stream.set_active(True)
    assert take(stream)[0][0] == 8


def test_packets_carry_the_audio_levels_in_turn() -> None:
    sound = Recording("audio", 48_000, 960, (Frame(0, True, (bytes(40),)),))
    ids = Extensions(audio_level=1, mid=4)
    stream = OutgoingStream(Stream("audio", 1, 111, "0"), sound, 0, ids, 0, bytes((0x99, 70)))
    assert stream.header[stream.level_at] == 0x9E
    assert [stream.level(n * 20 * MS) for n in range(3)] == [0x99, 70, 0x99]


def test_frames_of_the_base_layer_are_counted_in_every_packet() -> None:
    layers = (0, 2, 1, 2)
    made = tuple(
        Frame(n * 3600, n == 0, (bytes((0x90, 0xE0, 0x80, 0, 0, layers[n % 4] << 6, n)) * 9,),
              layers[n % 4]) for n in range(8)
    )  # fmt: skip
    video = Recording("video", 90_000, 8 * 3600, made, 3)
    stream = OutgoingStream(Stream("video", 1, 96, "1"), video, 0, Extensions(), 0)
    counted = []
    for _ in range(520):
        stream.next_frame()
        counted += [payload[4] for _, payload, _, _, _ in stream.queue]
        stream.queue.clear()
    steps = {(b - a) & 0xFF for a, b in pairwise(counted[::4])}
    assert steps == {1}
    assert all(len(set(counted[n : n + 4])) == 1 for n in range(0, 520, 4))


def test_silence_is_sent_each_400_ms_only_and_speech_at_once() -> None:
    sound = Recording("audio", 48_000, 960 * 4, tuple(Frame(n * 960, True, (bytes((n,)) * 40,))
                                                      for n in range(4)))  # fmt: skip
    levels = bytes([70] * 45 + [0x80 | 30] * 3 + [70] * 52)
    stream = OutgoingStream(
        Stream("audio", 1, 111, "0"), sound, 0, Extensions(audio_level=1), 0, levels, dtx=True
    )
    begin = stream.timestamp
    sent = []
    for step in range(100):
        stream.next_frame(step * 20 * MS)
        for _, _, timestamp, _, _ in stream.queue:
            sent.append(((timestamp - begin) & 0xFFFFFFFF) // 960)
            # Its clock goes on while nothing is sent.
            assert sent[-1] == step
        stream.queue.clear()
    assert sent == [0, 20, 40, 45, 46, 47, 48, 68, 88]


def test_interval_is_that_of_the_recording() -> None:
    assert outgoing().interval_ns == 40 * MS


def test_pacer_lets_a_burst_go_and_then_holds() -> None:
    # Burst: 2.5 * 1 Mbit/s * 40 ms = 12,500 bytes.
    pacer = Pacer(1_000_000)
    sent = 0
    while pacer.may_send(0):
        pacer.sent(1000)
        sent += 1
    assert sent == 13
    # 312 of the 500 bytes too many are gone.
    assert not pacer.may_send(1 * MS)
    assert pacer.may_send(2 * MS)


def test_phases_spread_evenly() -> None:
    for people in (2, 10, 60):
        points = sorted(phase(n, 40 * MS) for n in range(people))
        gaps = [b - a for a, b in pairwise([*points, points[0] + 40 * MS])]
        assert min(gaps) > 0
        assert max(gaps) < 3 * 40 * MS / people
