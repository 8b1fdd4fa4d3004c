from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs import opus
from tests.sfu import voice


@pytest.mark.parametrize(
    ("payload", "samples"),
    [
        (b"\x00a", 480),  # SILK narrowband, 10 ms
        (b"\x18a", 2880),  # SILK narrowband, 60 ms
        (b"\x40a", 480),  # SILK wideband, 10 ms
        (b"\x60a", 480),  # hybrid, 10 ms
        (b"\x78a", 960),  # hybrid fullband, 20 ms
        (b"\x80a", 120),  # CELT narrowband, 2.5 ms
        (b"\xf8a", 960),  # CELT fullband, 20 ms
        (b"\xfc\xff\xfe", 960),  # stereo
        (b"\xf9ab", 1920),  # two frames of one size
        (b"\xfa\x01ab", 1920),  # two frames of two sizes
        (b"\xfb\x03abc", 2880),  # three frames
        (b"\xfb\x83\x01\x01abc", 2880),  # the same, of varying size
        (b"\xfb\x06", 5760),
        (b"\xfb\x07", 0),  # 140 ms: longer than a packet may be
        (b"\xfb\x00", 0),  # no frame
        (b"\xfb", 0),
        (b"", 0),
    ],
)
def test_the_duration_of_a_packet(payload: bytes, samples: int) -> None:
    assert opus.duration(payload) == samples


@given(st.binary(max_size=8))
def test_any_bytes_have_a_duration_within_bounds(payload: bytes) -> None:
    assert 0 <= opus.duration(payload) <= opus.MAX_DURATION


@pytest.mark.parametrize(
    ("payload", "pause"),
    [(b"\x78", True), (b"\x78\x07", True), (b"\x78\x07\x01", False), (opus.SILENCE, True)],
)
def test_a_packet_of_two_bytes_is_a_pause(payload: bytes, pause: bool) -> None:
    assert opus.is_silent(payload) is pause


@pytest.mark.parametrize("packet", opus.PAUSE)
def test_a_pause_is_of_whole_frames_and_known_as_such(packet: bytes) -> None:
    assert opus.duration(packet) == opus.FRAME_DURATION
    assert opus.is_silent(packet)


def test_a_pause_begins_with_silence_and_ends_in_discontinued_transmission() -> None:
    assert opus.PAUSE[0] == opus.SILENCE
    assert len(opus.PAUSE[-1]) <= opus.MAX_DTX


def test_a_pause_fades_a_voice_out_and_the_next_one_in() -> None:
    packets = voice.encode(seconds=2)
    assert {opus.duration(packet) for packet in packets} == {960}
    decoder, plain = voice.Decoder(), voice.Decoder()
    whole = [plain.decode(packet) for packet in packets]
    before = [decoder.decode(packet) for packet in packets[:50]]
    silence = [decoder.decode(packet) for packet in opus.PAUSE]
    after = [decoder.decode(packet) for packet in packets[75:]]
    assert voice.loudness(before[-1]) > 1000
    # Gone after 10 ms.
    assert voice.loudness(silence[0][480:]) == 0
    assert all(voice.loudness(frame) == 0 for frame in silence[1:])
    # No click: nowhere a steeper step than in the voice itself.
    assert voice.steepest(before[-2:] + silence + after[:10]) <= voice.steepest(whole) * 1.05
    # It comes back from below, and after 200 ms it is the voice as it was.
    levels = [
        voice.loudness(frame) / voice.loudness(whole[75 + i]) for i, frame in enumerate(after)
    ]
    assert levels[0] < 0.5
    assert levels[10] == pytest.approx(1, abs=0.05)
    assert max(levels) < 1.1
