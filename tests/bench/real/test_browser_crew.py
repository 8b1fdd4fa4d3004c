"""What a page's sample says of its participant."""

from __future__ import annotations

from typing import Any

from bench.real.browser_crew import snapshot_of
from bench.real.crew import named, number_of


def sample(*streams: dict[str, Any], state: str = "joined") -> dict[str, Any]:
    person = {"name": "bench 3", "audio": "a3", "video": "v3", "screen": "s3"}
    stranger = {"name": "Ana", "audio": "aX", "video": "vX", "screen": ""}
    return {
        "at": 1000.5,
        "state": state,
        "people": [person, stranger],
        "connections": [{"streams": [stream]} for stream in streams],
    }


def inbound(track: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "inbound-rtp", "kind": kind, "trackIdentifier": track, **fields}


def outbound(kind: str, mid: str, rid: str = "", **fields: Any) -> dict[str, Any]:
    return {"type": "outbound-rtp", "kind": kind, "mid": mid, "rid": rid, **fields}


def test_tracks_belong_to_those_whose_names_are_the_benchs() -> None:
    snapshot = snapshot_of(
        1,
        sample(
            inbound("v3", "video", packetsReceived=10, packetsLost=2, jitter=0.003,
                    bytesReceived=900, headerBytesReceived=100, framesDecoded=7, frameHeight=180),
            inbound("s3", "video", framesDecoded=1),
            inbound("vX", "video", packetsReceived=99, bytesReceived=50),
        ),
    )  # fmt: skip
    video, screen = snapshot.received
    assert (video.publisher, video.kind, video.packets, video.lost) == (3, "video", 10, 2)
    assert (video.jitter_ms, video.bytes, video.frames, video.height) == (3.0, 1000, 7, 180)
    assert screen.kind == "screen"
    # What a stranger sends is received all the same.
    assert snapshot.bytes == 1050
    assert (snapshot.participant, snapshot.at, snapshot.problem) == (1, 1000.5, "")


def test_sound_that_is_made_up_is_not_decoded() -> None:
    (audio,) = snapshot_of(
        0,
        sample(inbound("a3", "audio", totalSamplesReceived=96_000, concealedSamples=48_000,
                       silentConcealedSamples=38_400)),
    ).received  # fmt: skip
    assert audio.frames == 50
    assert (audio.samples, audio.concealed) == (96_000, 9_600)
    (nothing,) = snapshot_of(0, sample(inbound("a3", "audio"))).received
    assert nothing.frames == 0


def test_a_screen_is_distinguished_from_a_camera() -> None:
    sent = snapshot_of(
        0,
        sample(
            outbound("audio", "0"),
            outbound("video", "1", "q", qualityLimitationReason="cpu"),
            outbound("video", "1", "f", qualityLimitationReason="none", framesEncoded=9),
            outbound("video", "10"),
        ),
    ).sent
    assert [(track.kind, track.rid) for track in sent] == [
        ("audio", ""), ("video", "q"), ("video", "f"), ("screen", ""),
    ]  # fmt: skip
    assert [track.limited for track in sent] == ["", "cpu", "", ""]
    assert sent[2].frames == 9


def test_a_page_that_is_not_in_the_call_has_a_problem() -> None:
    assert snapshot_of(4, sample(state="reconnecting")).problem == (
        "participant 4: the page is reconnecting"
    )


def test_names_show_numbers() -> None:
    assert [number_of(named(n)) for n in (0, 17)] == [0, 17]
    assert [number_of(name) for name in ("bench", "bench x", "Bench 1", "bench 1 2", "Ana")] == (
        [None] * 5
    )
