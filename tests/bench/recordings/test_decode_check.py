"""Decoded samples: what is whole shows its own number, what is not is reported."""

from __future__ import annotations

import pytest

from bench.recordings import media
from bench.recordings.decode_check import Checked, decode, problems
from bench.recordings.recording import Recording


@pytest.fixture(scope="module")
def video() -> Recording:
    return media.make_video(
        media.VideoSpec(bitrate_kbps=300, width=320, height=180, seconds=2, keyframe_seconds=1)
    )


@pytest.fixture(scope="module")
def small() -> Recording:
    return media.make_video(
        media.VideoSpec(bitrate_kbps=100, width=160, height=90, seconds=2, keyframe_seconds=1)
    )


def first_packets(video: Recording) -> list[int]:
    starts, count = [], 0
    for frame in video.frames:
        starts.append(count)
        count += len(frame.payloads)
    return starts


def test_all_that_came_is_right_but_for_the_two_at_the_edges(video: Recording) -> None:
    # The loop begins again.
    packets = [*range(video.packets), *range(video.packets)]
    assert decode([video], packets) == Checked(98, 0, 98, 98)


def test_a_lost_packet_costs_the_frames_up_to_the_next_keyframe(video: Recording) -> None:
    starts = first_packets(video)
    lost = next(n for n in range(30, 45) if len(video.frames[n].payloads) > 1)
    packets = [*range(video.packets), *range(video.packets)]
    packets.remove(starts[lost])
    found = decode([video], packets)
    seen = 98 - (49 - lost)
    assert found == Checked(seen, 1, seen - 1, seen - 1)


def test_a_packet_out_of_order_completes_its_frame(video: Recording) -> None:
    packets = list(range(video.packets))
    at = first_packets(video)[30]
    packets[at], packets[at + 1] = packets[at + 1], packets[at]
    assert decode([video], packets).incomplete == 0


def test_layers_are_distinguished_and_a_switch_is_at_a_keyframe(
    video: Recording, small: Recording
) -> None:
    low, high = first_packets(small), first_packets(video)
    packets = [*range(low[25]), *(small.packets + n for n in range(high[25], video.packets))]
    packets = [packets[0], *packets]
    found = decode([small, video], packets)
    assert found.right == found.decoded == found.frames
    assert found.frames >= 40


def test_a_frame_that_is_another_one_is_not_right(video: Recording) -> None:
    swapped = list(video.frames)
    for number in range(25, 50):
        swapped[number] = video.frames[number - 25]
    wrong = Recording("video", video.clock_rate, video.duration, tuple(swapped))
    found = decode([wrong], [*range(wrong.packets)] * 2)
    assert found.right < found.decoded


@pytest.mark.parametrize(
    ("checked", "expected"),
    [
        (Checked(50, 0, 50, 50), 0),
        (Checked(50, 3, 47, 47), 0),  # loss counts as loss
        (Checked(50, 0, 50, 49), 1),
        (Checked(50, 3, 46, 46), 1),
    ],
)
def test_a_whole_frame_that_shows_another_frame_makes_a_run_not_valid(
    checked: Checked, expected: int
) -> None:
    rows = [{"from": 1, "to": 0, "kind": "video", **checked._asdict()}]
    assert len(problems(rows)) == expected


def test_nothing_is_nothing(video: Recording) -> None:
    assert decode([video], []) == decode([video], [0]) == Checked(0, 0, 0, 0)
