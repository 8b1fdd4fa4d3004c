"""What the aiortc participant makes of an offer, of decoded frames, and of its recordings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from bench.lateness import Lateness
from bench.real.aiortc_peer import ShownFrames, without_rtx
from bench.real.aiortc_tracks import RecordedTrack
from bench.recordings.media import draw_counter
from bench.recordings.recording import Frame, Recording, depacketize_vp8, packetize_vp8

STEP = 3600
COUNT = 4


def recording(kind: str = "video") -> Recording:
    frames = [
        (packetize_vp8(bytes([n]) * 3000) if kind == "video" else (bytes([n]) * 40,))
        for n in range(COUNT)
    ]
    clock, step = (90_000, STEP) if kind == "video" else (48_000, 960)
    made = tuple(Frame(n * step, n == 0, payloads) for n, payloads in enumerate(frames))
    return Recording(kind, clock, COUNT * step, made)


def decoded_frame(shown: int, pts: int) -> Any:
    luma = np.full((32, 256), 100.0)
    draw_counter(luma, shown)

    class Plane(bytearray):
        line_size = 256

    return SimpleNamespace(pts=pts, width=256, planes=[Plane(luma.astype(np.uint8).tobytes())])


def test_frames_are_right_when_they_show_what_their_time_says() -> None:
    seen = ShownFrames(recording(), 7)
    for place, shown in enumerate((2, 3, 0, 1, 2)):  # round the end of the recording
        seen.see(decoded_frame(shown, place * STEP))
    reported = seen.result()
    assert (reported.publisher, reported.decoded, reported.right, reported.missing) == (7, 5, 5, 0)


def test_a_wrong_frame_and_a_missing_one_are_reported() -> None:
    seen = ShownFrames(recording(), 0)
    for shown, pts in ((0, 0), (0, STEP), (3, 3 * STEP)):
        seen.see(decoded_frame(shown, pts))
    reported = seen.result()
    assert (reported.decoded, reported.right, reported.missing) == (3, 2, 1)
    seen.clear()
    seen.see(decoded_frame(0, 4 * STEP))
    assert (seen.result().decoded, seen.result().right, seen.result().missing) == (1, 1, 0)


async def test_a_track_hands_over_the_recording_again_and_again() -> None:
    track = RecordedTrack(recording("audio"), "microphone", late := Lateness())
    packets = [await track.recv() for _ in range(COUNT + 1)]
    assert [bytes(packet)[0] for packet in packets] == [0, 1, 2, 3, 0]
    assert [packet.pts for packet in packets] == [n * 960 for n in range(COUNT + 1)]
    middle, longest = late.percentile_ms(0.5), late.percentile_ms(1.0)
    assert middle is not None
    assert longest is not None
    assert 0 <= middle <= longest
    late.clear()
    assert late.percentile_ms(0.99) is None


async def test_video_is_the_encoders_frame_without_descriptors() -> None:
    made = recording()
    packet = await RecordedTrack(made, "camera", Lateness()).recv()
    assert bytes(packet) == depacketize_vp8(made.frames[0].payloads) == bytes(3000)


async def test_silence_is_one_packet_in_twenty() -> None:
    silent = RecordedTrack(recording("audio"), "microphone", Lateness(), bytes([70]))
    first, second = await silent.recv(), await silent.recv()
    assert (first.pts, second.pts) == (0, 20 * 960)
    voice = RecordedTrack(recording("audio"), "microphone", Lateness(), bytes([0x80 | 30]))
    assert [(await voice.recv()).pts for _ in range(3)] == [0, 960, 1920]


async def offer(kinds: tuple[str, ...]) -> str:
    connection = RTCPeerConnection()
    for kind in kinds:
        connection.addTransceiver(kind, "sendonly")
    await connection.setLocalDescription(await connection.createOffer())
    text = connection.localDescription.sdp
    await connection.close()
    return text


@pytest.mark.parametrize("kinds", [("audio",), ("audio", "video", "video")])
async def test_an_offer_without_rtx_is_answered_without_it(kinds: tuple[str, ...]) -> None:
    given = await offer(kinds)
    assert ("rtx/90000" in given) == ("video" in kinds)
    stripped = without_rtx(given)
    assert "rtx" not in stripped
    assert "ssrc-group:FID" not in stripped
    assert stripped.count("\r\nm=") == len(kinds)
    assert stripped.count("a=rtpmap:") < given.count("a=rtpmap:") or "video" not in kinds
    peer = RTCPeerConnection()
    await peer.setRemoteDescription(RTCSessionDescription(stripped, "offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    answer = peer.localDescription.sdp
    await peer.close()
    assert "rtx" not in answer
    assert ("VP8/90000" in answer) == ("video" in kinds)
