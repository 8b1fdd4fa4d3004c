"""Codecs in descriptions: one that is not offered today is negotiated by its entry alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sfu import control
from signaling.negotiation import sdp
from signaling.negotiation.description import Codec
from signaling.negotiation.parameters import Local
from signaling.negotiation.payload_formats import (
    FORMATS,
    OPUS,
    VP8,
    PayloadFormat,
    find_codec,
    is_known,
    of,
)
from signaling.negotiation.publish_answer import Published, answer_publish
from signaling.negotiation.subscribe_offer import DownLine, offer_subscribe, read_subscribe_answer
from tests.sfu import h264
from tests.signaling.fakes import FINGERPRINT, answer, offer
from tests.signaling.people import Person, Worker, new_room

LOCAL = Local("oursours", "w" * 24, FINGERPRINT, ("192.168.1.5",), 50000, 77)
OURS = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
CONSTRAINED_BASELINE = re.compile("42[4-7c-f][0-9a-f]{3}")
"""Of `profile-level-id`: profile 66 with constraint_set1_flag (RFC 6184 section 8.1)."""


def fits(offered: Codec) -> bool:
    """Packetization modes do not mix, and what everybody decodes is one profile only."""
    found = offered.parameters
    profile = found.get("profile-level-id", "42000a").lower()
    mode = found.get("packetization-mode", "0")
    return mode == "1" and CONSTRAINED_BASELINE.fullmatch(profile) is not None


def answered(offered: Codec) -> str:
    """RFC 6184 section 8.2.2: mode and profile are those of the offer."""
    profile = offered.parameters["profile-level-id"]
    return f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}"


H264 = PayloadFormat(
    codec=h264.CODEC,
    title="H.264",
    payload_type=108,
    rtx_payload_type=109,
    parameters=OURS,
    fits=fits,
    answered=answered,
)


@pytest.fixture(autouse=True)
def _offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "h264", H264)


def negotiate(text: str) -> Published:
    return answer_publish(sdp.parse(text), {"0": "ta", "1": "tv"}, LOCAL, 1, 0)


def without_vp8(text: str) -> str:
    return text.replace("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP9/90000")


def lines_of(text: str, mid: int) -> list[str]:
    return text.split("\r\nm=")[mid + 1].split("\r\n")


def test_payload_types_of_our_offers_are_each_of_one_entry() -> None:
    taken = [
        number
        for entry in FORMATS.values()
        for number in (entry.payload_type, entry.rtx_payload_type, entry.red_payload_type)
        if number
    ]
    assert len(set(taken)) == len(taken)
    # RFC 3551 section 6: dynamic ones; below 96 those that no static type or RTCP uses (RFC 5761).
    assert all(96 <= number <= 127 or 35 <= number <= 63 for number in taken)


@pytest.mark.parametrize("name", ["opus", "VP8", "vp8", "H264", "red", "RTX"])
def test_names_are_known_in_any_case(name: str) -> None:
    assert is_known(name)
    assert not is_known(name + "x")


def test_each_entry_is_found_by_its_codecs_name() -> None:
    assert [of(entry.codec.name) for entry in FORMATS.values()] == [OPUS, VP8, H264]
    with pytest.raises(KeyError):
        of("rtx")


def test_a_browsers_offer_without_vp8_is_answered_with_the_profile_that_fits() -> None:
    """Of six payload types the third is of our packetization mode and profile."""
    result = negotiate(without_vp8(offer("chromium")))
    assert result.rejected == ()
    camera = result.tracks[1]
    assert (camera.codec, camera.kind) == ("H264", "video")
    assert (camera.payload_type, camera.rtx_payload_type) == (108, 109)
    assert (camera.nack, camera.pli, camera.transport_cc) == (True, True, True)
    assert [stream.rid for stream in camera.streams] == ["q", "h", "f"]
    lines = lines_of(sdp.write(result.answer), 1)
    assert lines[0] == "video 9 UDP/TLS/RTP/SAVPF 108 109"
    assert "a=rtpmap:108 H264/90000" in lines
    assert f"a=fmtp:108 {OURS}" in lines
    assert "a=fmtp:109 apt=108" in lines


def test_the_first_of_our_codecs_is_taken_where_both_are_offered() -> None:
    assert [track.codec for track in negotiate(offer("chromium")).tracks] == ["opus", "VP8"]


@pytest.mark.parametrize(
    "parameters",
    [
        "packetization-mode=0;profile-level-id=42e01f",
        "profile-level-id=42e01f",
        "packetization-mode=1",
        "packetization-mode=1;profile-level-id=42001f",
        "packetization-mode=1;profile-level-id=64001f",
        "",
    ],
)
def test_another_mode_or_profile_is_another_codec(parameters: str) -> None:
    text = without_vp8(offer("chromium"))
    text = re.sub(r"(a=fmtp:\d+ )level-asymmetry[^\r]*", rf"\g<1>{parameters}", text)
    assert find_codec(sdp.parse(text).media[1]) is None
    (rejected,) = negotiate(text).rejected
    assert (rejected.code, rejected.text) == ("noVp8", "m-line 1 offers no VP8 or H.264")


def test_the_senders_order_decides_among_types_that_fit() -> None:
    text = without_vp8(offer("chromium")).replace(
        "packetization-mode=0;p", "packetization-mode=1;p"
    )
    (media,) = [media for media in sdp.parse(text).media if media.kind == "video"]
    found = find_codec(media)
    assert found is not None
    assert found[0].payload_type == 108
    media.formats.remove("114")
    media.formats.insert(0, "114")
    found = find_codec(media)
    assert found is not None
    assert found[0].payload_type == 114


def test_a_receiver_is_offered_the_codec_of_the_track() -> None:
    lines = (
        DownLine("0", "opus", "ta", "pa", "ca", 1000),
        DownLine("1", "H264", "tv", "pa", "ca", 2000, 2001),
        DownLine("2", "VP8", "tw", "pb", "cb", 3000, 3001),
    )
    text = sdp.write(offer_subscribe(lines, LOCAL, 1))
    offered = lines_of(text, 1)
    assert offered[0] == "video 9 UDP/TLS/RTP/SAVPF 108 109"
    assert [line for line in offered if ":108 " in line or ":109 " in line] == [
        "a=rtpmap:108 H264/90000",
        "a=rtcp-fb:108 nack",
        "a=rtcp-fb:108 nack pli",
        "a=rtcp-fb:108 ccm fir",
        "a=rtcp-fb:108 transport-cc",
        "a=rtcp-fb:108 goog-remb",
        "a=rtcp-fb:108 rrtr",
        f"a=fmtp:108 {OURS}",
        "a=rtpmap:109 rtx/90000",
        "a=fmtp:109 apt=108",
    ]
    tracks = read_subscribe_answer(sdp.parse(answer(text)), lines).tracks
    assert [(t.codec, t.kind, t.payload_type, t.rtx_payload_type) for t in tracks] == [
        ("opus", "audio", 111, 0),
        ("H264", "video", 108, 109),
        ("VP8", "video", 96, 97),
    ]


def test_an_answer_with_another_codec_takes_nothing() -> None:
    lines = (
        DownLine("0", "opus", "ta", "pa", "ca", 1000),
        DownLine("1", "H264", "tv", "pa", "ca", 2000, 2001),
    )
    text = answer(sdp.write(offer_subscribe(lines, LOCAL, 1)))
    for other in (
        text.replace("108 H264/90000", "108 VP8/90000"),
        text.replace("packetization-mode=1", "packetization-mode=0"),
    ):
        tracks = read_subscribe_answer(sdp.parse(other), lines).tracks
        assert [track.codec for track in tracks] == ["opus"]


def test_the_codec_goes_with_a_track_through_the_room_and_over_the_channel() -> None:
    worker = Worker()
    room = new_room(worker)
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    ada.publish(sdp=without_vp8(offer("chromium")))
    bo.take()
    for command in (worker.last(control.SetUpTracks), worker.last(control.SetDownTracks)):
        assert [track.codec for track in command.tracks] == ["opus", "H264"]
        (body,) = control.Unframer().feed(control.frame(command))
        assert control.decode_command(body) == command


def test_a_track_that_comes_back_with_another_codec_gets_a_new_line() -> None:
    worker = Worker()
    room = new_room(worker)
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    ada.publish(sdp=without_vp8(offer("chromium")))
    bo.take()
    before = worker.last(control.SetDownTracks).tracks
    ada.publish(2)
    assert [track.codec for track in worker.last(control.SetUpTracks).tracks] == ["opus", "VP8"]
    bo.take()
    after = worker.last(control.SetDownTracks).tracks
    assert (before[0].codec, after[0]) == ("opus", before[0])
    assert (before[1].codec, after[1].codec) == ("H264", "VP8")
    assert after[1].up_track == before[1].up_track
    assert not {after[1].ssrc, after[1].rtx_ssrc} & {before[1].ssrc, before[1].rtx_ssrc}


def test_what_nothing_repairs_has_no_stream_of_resends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "h264", replace(H264, rtx_payload_type=0))
    worker = Worker()
    room = new_room(worker)
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    ada.publish(sdp=without_vp8(offer("chromium")))
    camera = worker.last(control.SetUpTracks).tracks[1]
    assert camera.rtx_payload_type == 0
    bo.take()
    assert worker.last(control.SetDownTracks).tracks[1].rtx_ssrc == 0
