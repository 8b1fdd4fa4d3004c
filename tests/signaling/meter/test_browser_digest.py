from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling import messages
from signaling.connection.decoder import MessageError
from signaling.meter import browser_digest
from signaling.meter.samples import BrowserFigures
from tests.signaling.decoding import decode

GOOD: dict[str, Any] = {
    "track": "t1",
    "packets": 250,
    "lost": 5,
    "bytes": 312_500,
    "jitter": 0.004,
    "buffer": 0.06,
    "samples": 240_000,
    "concealed": 2_400,
    "frames": 150,
    "width": 640,
    "height": 360,
    "freezes": 1,
    "frozen": 0.4,
}


def read(seconds: float = 5.0, rtt: float | None = 0.03, **changed: Any) -> BrowserFigures:
    message = {
        "type": "digest",
        "seconds": seconds,
        "roundTripTime": rtt,
        "tracks": [GOOD | changed],
    }
    decoded = decode(json.dumps(message))
    assert isinstance(decoded, messages.Digest)
    return browser_digest.checked(decoded, 7.0).tracks["t1"]


def test_figures_of_an_honest_browser() -> None:
    assert read() == BrowserFigures(
        age=0.0,
        seconds=5.0,
        bitrate=500_000.0,
        loss=2.0,
        jitter=0.004,
        round_trip_time=0.03,
        jitter_buffer_delay=0.06,
        concealed=1.0,
        frames_per_second=30.0,
        width=640,
        height=360,
        freeze_count=1,
        freezes_duration=0.4,
    )


@pytest.mark.parametrize(
    ("field", "value", "left_out"),
    [
        ("lost", -1, "loss"),
        ("lost", 251, "loss"),
        ("bytes", 1e300, "bitrate"),
        ("jitter", -0.1, "jitter"),
        ("jitter", 1e9, "jitter"),
        ("buffer", 61.0, "jitter_buffer_delay"),
        ("concealed", 240_001, "concealed"),
        ("frames", 1e7, "frames_per_second"),
        ("width", 1e6, "width"),
        ("height", -5, "height"),
    ],
)
def test_what_cannot_be_is_left_out_and_marked(field: str, value: float, left_out: str) -> None:
    figures = read(**{field: value})
    assert figures.absurd
    assert getattr(figures, left_out) is None
    assert figures.freeze_count == 1


@pytest.mark.parametrize("seconds", [0.0, -5.0, 1e9])
def test_without_a_time_there_are_no_rates(seconds: float) -> None:
    figures = read(seconds=seconds)
    assert figures.bitrate is None
    assert figures.frames_per_second is None
    assert figures.absurd is (seconds != 0.0)


def test_what_is_not_said_is_not_absurd() -> None:
    message = decode('{"type": "digest", "seconds": 5, "tracks": [{"track": "t1"}]}')
    assert isinstance(message, messages.Digest)
    assert browser_digest.checked(message, 1.0).tracks["t1"] == BrowserFigures(age=0.0, seconds=5.0)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "digest", "seconds": NaN, "tracks": []}',
        '{"type": "digest", "seconds": "5", "tracks": []}',
        '{"type": "digest", "seconds": 5}',
        '{"type": "digest", "seconds": 5, "tracks": [{"track": "t", "lost": "1"}]}',
        json.dumps({"type": "digest", "seconds": 5, "tracks": [{"track": "t"}] * 65}),
        json.dumps({"type": "digest", "seconds": 5, "tracks": [{"track": "t" * 65}]}),
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(MessageError):
        decode(text)


NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers()


@given(seconds=st.floats(), rtt=NUMBERS, values=st.lists(NUMBERS, min_size=12, max_size=12))
def test_nothing_that_a_browser_says_gets_through_unbounded(
    seconds: float, rtt: float | None, values: list[float | None]
) -> None:
    names = [name for name in GOOD if name != "track"]
    track = messages.DigestTrack("t1", **dict(zip(names, values, strict=True)))
    digest = browser_digest.checked(messages.Digest(seconds, (track,), rtt), 1.0)
    figures = msgspec.to_builtins(digest.tracks["t1"])
    for name, value in figures.items():
        if isinstance(value, float):
            assert math.isfinite(value), name
            assert 0 <= value <= browser_digest.MAX_BITRATE, name
