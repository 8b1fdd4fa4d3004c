"""Recordings: a decoder accepts them, and what is drawn and cut comes back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from bench.recordings import media
from bench.recordings.media import AudioSpec, VideoSpec
from bench.recordings.recording import (
    KEY_BYTES,
    MAX_VP8_PAYLOAD,
    Frame,
    Recording,
    RecordingError,
    depacketize_vp8,
    index_layers,
    index_payloads,
    packetize_apart,
    packetize_vp8,
)
from bench.runs import calls

VIDEO = VideoSpec(bitrate_kbps=600, seconds=2, keyframe_seconds=1)
AUDIO = AudioSpec(seconds=2)


@pytest.fixture(scope="module")
def video() -> Recording:
    return media.make_video(VIDEO)


@pytest.fixture(scope="module")
def audio() -> Recording:
    return media.make_audio(AUDIO)


def decode_video(frames: list[Frame]) -> list[np.ndarray]:
    codec = av.CodecContext.create("vp8", "r")
    decoded = []
    for frame in frames:
        for shown in codec.decode(av.Packet(depacketize_vp8(frame.payloads))):
            decoded.append(shown.to_ndarray(format="gray"))
    return decoded


def test_every_frame_decodes_and_shows_its_number(video: Recording) -> None:
    decoded = decode_video(list(video.frames))
    assert [media.read_counter(shown) for shown in decoded] == list(range(50))
    assert decoded[0].shape == (360, 640)


def test_frame_has_texture_and_motion(video: Recording) -> None:
    decoded = decode_video(list(video.frames))
    assert decoded[10].std() > 20
    assert np.abs(decoded[10].astype(int) - decoded[20].astype(int)).mean() > 3


def test_video_bitrate_and_keyframes_are_as_asked(video: Recording) -> None:
    assert video.bits_per_second == pytest.approx(600_000, rel=0.25)
    assert [n for n, frame in enumerate(video.frames) if frame.keyframe] == [0, 25]
    assert [frame.timestamp for frame in video.frames[:3]] == [0, 3600, 7200]
    assert video.seconds == 2


@pytest.mark.parametrize("layers", [2, 3])
def test_every_temporal_layer_decodes_without_those_above_it(layers: int) -> None:
    spec = VideoSpec(
        bitrate_kbps=150, width=320, height=180, seconds=2, keyframe_seconds=1,
        temporal_layers=layers,
    )  # fmt: skip
    made = media.make_video(spec)
    assert made.temporal_layers == layers
    for top in range(layers):
        kept = [frame for frame in made.frames if frame.temporal <= top]
        codec = av.CodecContext.create("vp8", "r")
        found = [
            media.read_counter(shown.to_ndarray(format="gray"))
            for frame in kept
            for shown in codec.decode(
                av.Packet(depacketize_vp8(frame.payloads, made.descriptor_bytes))
            )
        ]
        assert found == [made.frames.index(frame) for frame in kept]
    # RFC 7741 clause 4.2: X; then I, L and T; TID in the sixth byte.
    for frame in made.frames:
        for payload in frame.payloads:
            assert (payload[0] & 0x80, payload[1]) == (0x80, 0xE0)
            assert payload[5] >> 6 == frame.temporal
            assert frame.temporal == 0 or not frame.keyframe


def test_loop_decodes_from_any_keyframe(video: Recording) -> None:
    start = 25
    decoded = decode_video([*video.frames[start:], *video.frames[:3]])
    assert [media.read_counter(p) for p in decoded] == [*range(start, 50), 0, 1, 2]


def test_voice_decodes_to_sound(audio: Recording) -> None:
    codec = av.CodecContext.create("opus", "r")
    codec.sample_rate = 48_000
    samples = np.concatenate(
        [
            block.to_ndarray().reshape(-1)
            for frame in audio.frames
            for block in codec.decode(av.Packet(frame.payloads[0]))
        ]
    )
    assert len(audio.frames) == 100
    assert {b.timestamp - a.timestamp for a, b in pairwise(audio.frames)} == {960}
    assert np.isfinite(samples).all()
    assert np.abs(samples.astype(float)).mean() > 0.001 * np.abs(samples).max()


def test_keys_are_unique_over_the_recording(video: Recording, audio: Recording) -> None:
    for recording, skip in ((video, 4), (audio, 0)):
        payloads = [payload for frame in recording.frames for payload in frame.payloads]
        index = index_payloads(recording)
        assert len(index) == recording.packets
        for number, payload in enumerate(payloads):
            assert index[payload[-KEY_BYTES:]] == (number, payload[skip:], "")


def test_layers_share_one_index_and_numbers_go_on(video: Recording) -> None:
    low = Recording("video", 90_000, 7200, tuple(frame(n) for n in range(2)))
    index = index_layers([("q", low), ("f", video)])
    assert len(index) == 2 + video.packets
    last = low.frames[1].payloads[0]
    assert index[last[-KEY_BYTES:]] == (1, last[4:], "q")
    first = video.frames[0].payloads[0]
    assert index[first[-KEY_BYTES:]] == (2, first[4:], "f")
    with pytest.raises(RecordingError, match="layer h"):
        index_layers([("q", low), ("h", low)])


def frame(number: int) -> Frame:
    return Frame(3600 * number, number == 0, (bytes((0x90, 0x80, 0x80, 0, number)) * 4,))


@pytest.mark.parametrize("payloads", [(b"x" * 20, b"x" * 20), (b"short",)])
def test_a_recording_without_own_keys_is_refused(payloads: tuple[bytes, ...]) -> None:
    recording = Recording("video", 90_000, 3600, (Frame(0, True, payloads),))
    with pytest.raises(RecordingError):
        index_payloads(recording)


@pytest.mark.parametrize("size", [1, KEY_BYTES, 1095, 1096, 1097, 2192, 2193, 10_000, 50_001])
def test_packets_of_a_frame_differ_by_at_most_one_byte(size: int) -> None:
    frame = bytes(n * 7 & 0xFF for n in range(size))
    payloads = packetize_vp8(frame)
    sizes = [len(payload) for payload in payloads]
    assert depacketize_vp8(payloads) == frame
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= MAX_VP8_PAYLOAD
    # RFC 7741 clause 4.2: X, then I, then M and 15 bits; S on the first packet only.
    assert [payload[0] for payload in payloads] == [0x90] + [0x80] * (len(payloads) - 1)
    assert all(payload[1:4] == b"\x80\x80\x00" for payload in payloads)


def test_a_frame_is_cut_elsewhere_where_its_keys_are_taken() -> None:
    frame = bytes(np.random.default_rng(3).integers(0, 256, 2000, np.uint8))
    taken: set[bytes] = set()
    once = packetize_apart(frame, taken)
    assert once == packetize_vp8(frame)
    assert taken == {payload[-KEY_BYTES:] for payload in once}
    # Another frame that is the same up to its end.
    other = frame[:-1] + bytes((frame[-1] ^ 1,))
    again = packetize_apart(other, taken)
    assert depacketize_vp8(again) == other
    assert len(taken) == len(once) + len(again)
    assert {len(payload) for payload in again} <= set(range(MAX_VP8_PAYLOAD + 1))
    with pytest.raises(RecordingError, match="however it is cut"):
        packetize_apart(other, taken)


def test_a_screen_that_is_frozen_has_keys_of_its_own() -> None:
    screen = media.make_video(calls.SCREEN)
    assert len(index_payloads(screen)) == screen.packets


def test_cache_is_used_and_a_broken_file_is_replaced(tmp_path: Path) -> None:
    spec = AudioSpec(seconds=1)
    made = media.audio(spec, tmp_path)
    (path,) = tmp_path.iterdir()
    assert msgspec.msgpack.decode(path.read_bytes(), type=Recording) == made
    path.write_bytes(b"broken")
    assert media.audio(spec, tmp_path).packets == made.packets
    assert path.read_bytes() != b"broken"


def test_cache_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert media.cache_folder() == tmp_path / "sfu-bench"


def test_an_unwritable_cache_costs_nothing_but_time(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    assert media.audio(AudioSpec(seconds=1), blocker / "inside").packets == 50
