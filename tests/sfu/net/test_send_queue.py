"""What is sent, and what is not, to a peer that reads too slowly; in simulated time."""

from __future__ import annotations

from sfu.net.framing import FrameReader, frame
from sfu.net.send_queue import (
    AUDIO_BYTES,
    CHUNK,
    CONTROL_BYTES,
    STALE,
    VIDEO_BYTES,
    VIDEO_WAIT,
    SendQueue,
)

VOICE, CAMERA, SCREEN = 8000, 7000, 7500


def packet(ssrc: int, seq: int, timestamp: int, size: int = 1000, marker: bool = False) -> bytes:
    second = 100 | (0x80 if marker else 0)
    head = bytes((0x80, second)) + seq.to_bytes(2, "big") + timestamp.to_bytes(4, "big")
    return head + ssrc.to_bytes(4, "big") + bytes(size - 12)


def drained(queue: SendQueue, now: float, step: int = 700) -> list[bytes]:
    """Everything that waits, as a reader sees it that takes `step` bytes at a time."""
    reader = FrameReader()
    found = []
    while chunk := queue.chunk(now):
        found += reader.feed(chunk[:step])
        queue.sent(len(chunk[:step]))
    return found


def numbers(packets: list[bytes], ssrc: int) -> list[int]:
    wanted = ssrc.to_bytes(4, "big")
    return [int.from_bytes(p[2:4], "big") for p in packets if p[8:12] == wanted]


def test_control_and_voices_go_first_and_nothing_is_torn() -> None:
    queue = SendQueue()
    video = [packet(CAMERA, n, 0, 1100) for n in range(40)]
    for one in video:
        queue.put_video(one, 0.0)
    begun = queue.chunk(0.0)
    queue.sent(10)
    voice, answer = packet(VOICE, 1, 0, 80), b"\x01\x01answer"
    queue.put_audio(voice, 0.0)
    assert queue.put_control(answer)
    reader = FrameReader()
    found = reader.feed(begun[:10])
    while chunk := queue.chunk(0.0):
        found += reader.feed(chunk)
        queue.sent(len(chunk))
    first = found.index(answer)
    assert found[first + 1] == voice
    assert CHUNK // 1102 <= first <= CHUNK // 1102 + 1
    assert [p for p in found if p in video] == video
    assert queue.dropped == 0
    assert not queue


def test_too_much_video_is_dropped_frame_by_frame() -> None:
    queue = SendQueue()
    accepted = 0
    for number in range(40):
        for part in range(10):
            seq = number * 10 + part
            queue.put_video(packet(CAMERA, seq, number * 3000, marker=part == 9), 0.0)
        accepted = max(accepted, queue.size)
        queue.put_audio(packet(VOICE, number, number * 960, 100), 0.0)
    assert accepted <= VIDEO_BYTES + AUDIO_BYTES
    found = drained(queue, 0.1)
    assert numbers(found, VOICE) == list(range(40))
    video = numbers(found, CAMERA)
    assert video == list(range(VIDEO_BYTES // 1002))
    assert queue.dropped == 400 - len(video)


def test_video_that_waits_too_long_lets_no_more_in() -> None:
    queue = SendQueue()
    queue.put_video(packet(CAMERA, 0, 0), 0.0)
    queue.put_video(packet(CAMERA, 1, 3000), VIDEO_WAIT)
    queue.put_video(packet(CAMERA, 2, 6000), VIDEO_WAIT + 0.01)
    queue.put_video(packet(SCREEN, 0, 0), VIDEO_WAIT + 0.01)
    queue.put_audio(packet(VOICE, 0, 0), VIDEO_WAIT + 0.01)
    assert queue.dropped == 2
    now = VIDEO_WAIT + 0.02
    found = drained(queue, now)
    assert (numbers(found, CAMERA), numbers(found, VOICE)) == ([0, 1], [0])
    # The rest of the frame may come when there is room again: it stays away.
    queue.put_video(packet(CAMERA, 4, 9000), now)
    assert numbers(drained(queue, now), CAMERA) == [4]


def test_the_end_of_a_dropped_frame_is_dropped_though_there_is_room() -> None:
    queue = SendQueue()
    for seq in range(300):
        queue.put_video(packet(CAMERA, seq, 3000), 0.0)
    dropped = queue.dropped
    assert dropped > 0
    queue.chunk(0.0)
    queue.sent(CHUNK)
    queue.put_video(packet(CAMERA, 300, 3000, marker=True), 0.0)
    assert queue.dropped == dropped + 1


def test_what_an_outage_made_stale_is_not_sent() -> None:
    queue = SendQueue()
    queue.put_audio(packet(VOICE, 1, 0, 100), 0.0)
    queue.put_video(packet(CAMERA, 1, 0), 0.0)
    queue.put_video(packet(CAMERA, 2, 0), 0.5)
    queue.put_video(packet(CAMERA, 3, 3000), 0.5)
    assert queue.put_control(b"\x16alert")
    now = STALE + 0.1
    queue.put_audio(packet(VOICE, 2, 960, 100), now)
    found = drained(queue, now)
    assert found[0] == b"\x16alert"
    assert numbers(found, VOICE) == [2]
    assert numbers(found, CAMERA) == [3]
    assert queue.dropped == 3


def test_how_long_the_oldest_waits_is_known_while_it_is_written_too() -> None:
    queue = SendQueue()
    assert queue.waited(9.0) == 0
    queue.put_control(b"check")
    assert queue.waited(9.0) == 0
    queue.put_video(packet(CAMERA, 1, 0), 10.0)
    queue.put_audio(packet(VOICE, 1, 0, 100), 10.2)
    assert queue.waited(10.5) == 0.5
    chunk = queue.chunk(10.5)
    queue.sent(100)
    queue.put_video(packet(CAMERA, 2, 3000), 11.0)
    assert queue.waited(11.25) == 1.25
    queue.sent(len(chunk) - 100)
    assert queue.waited(11.25) == 0.25
    queue.sent(len(queue.chunk(11.25)))
    assert queue.waited(12.0) == 0


def test_every_lane_is_bounded() -> None:
    queue = SendQueue()
    for number in range(1000):
        queue.put_control(bytes(200))
        queue.put_audio(packet(VOICE, number, number * 960, 200), 0.0)
        queue.put_video(packet(CAMERA, number, number * 3000, 1200), 0.0)
    assert queue.size <= CONTROL_BYTES + AUDIO_BYTES + VIDEO_BYTES
    assert not queue.put_control(bytes(200))
    found = drained(queue, 0.0)
    assert sum(len(frame(datagram)) for datagram in found) > AUDIO_BYTES + VIDEO_BYTES
