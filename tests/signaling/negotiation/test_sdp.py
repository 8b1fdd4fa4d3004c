from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.negotiation import sdp
from tests.signaling.fakes import offer

NAMES = ("chromium", "firefox", "aiortc")


def test_chromium() -> None:
    description = sdp.parse(offer("chromium"))
    audio, video = description.media
    assert description.bundle == ["0", "1"]
    assert (audio.kind, audio.mid, audio.direction) == ("audio", "0", "sendonly")
    assert audio.codecs[111].parameters == {"minptime": "10", "useinbandfec": "1"}
    assert list(audio.ssrcs) == [1272305350]
    assert video.simulcast_send == ["q", "h", "f"]
    assert video.ssrcs == {}
    assert video.codecs[96].feedback[-1] == "nack pli"
    assert (video.codecs[97].name, video.codecs[97].parameters) == ("rtx", {"apt": "96"})


def test_firefox() -> None:
    description = sdp.parse(offer("firefox"))
    audio, video = description.media
    # At session level, and of both m-lines.
    assert audio.fingerprints == video.fingerprints
    assert audio.fingerprints[0][1].startswith("16:39:21")
    assert video.fid_groups[0] == (555310185, 3194891653)
    assert video.extensions[-1].direction == "sendonly"
    assert audio.codecs[109].name == "opus"


def test_aiortc() -> None:
    audio, video = sdp.parse(offer("aiortc")).media
    assert [name for name, _ in audio.fingerprints] == ["sha-256", "sha-384", "sha-512"]
    assert video.codecs[97].name == "VP8"
    assert len(video.fid_groups) == 1


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_reads_the_same(name: str) -> None:
    once = sdp.parse(offer(name))
    text = sdp.write(once)
    again = sdp.parse(text)
    assert again.bundle == once.bundle
    assert [media.codecs for media in again.media] == [media.codecs for media in once.media]
    assert [media.ssrcs for media in again.media] == [media.ssrcs for media in once.media]
    assert sdp.write(again) == text


M = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "does not begin with v=0"),
        ("hello", "does not begin with v=0"),
        ("v=1\r\n", "does not begin with v=0"),
        ("v=0\r\nnonsense\r\n", "line 2: not of the form"),
        ("v=0\r\na=x\x00y\r\n", "control character"),
        ("v=0\r\n\r\na=x\r\n", "line 2: not of the form"),
        ("v=0\r\nm=audio\r\n", "line 2: the m-line is malformed"),
        ("v=0\r\nm=audio 99999 UDP/TLS/RTP/SAVPF 111\r\n", "the port is not in 0..65535"),
        ("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 300\r\n", "a payload type is not in 0..127"),
        ("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96 96\r\n", "listed twice"),
        (M + "a=rtpmap:111 opus\r\n", "line 3: an rtpmap is malformed"),
        (M + "a=ice-ufrag:a b c d\r\n", "ice-ufrag is malformed"),
        (M + "a=ice-pwd:short\r\n", "ice-pwd is malformed"),
        (M + "a=fingerprint:sha-256 AB:CD\r\n", "a fingerprint is malformed"),
        (M + "a=fingerprint:sha-256 " + ":".join(["AB"] * 20) + "\r\n", "of the wrong length"),
        (M + "a=setup:maybe\r\n", "setup is neither"),
        (M + "a=ssrc:-1 cname:x\r\n", "an SSRC is not a number"),
        (M + "a=ssrc:4294967296 cname:x\r\n", "an SSRC is not in"),
        (M + "a=ssrc:٣ cname:x\r\n", "an SSRC is not a number"),
        (M + "a=ssrc-group:FID 1\r\n", "needs two SSRCs"),
        (M + "a=extmap:0 urn:x\r\n", "an extension id is not in"),
        (M + "a=rid:q\r\n", "a rid is malformed"),
        (M + "a=simulcast:send q;q\r\n", "the simulcast line is malformed"),
        (M + "a=simulcast:both q;h\r\n", "the simulcast line is malformed"),
        (M + "a=mid:a b\r\n", "the mid is malformed"),
        (M + "a=mid:0\r\n" + M[5:] + "a=mid:0\r\n", "mid 0 is used twice"),
        ("v=0\r\n" + M[5:] * 193, "more than 192 m-lines"),
        (M + "".join(f"a=ssrc:{n} cname:x\r\n" for n in range(33)), "more than 32 SSRCs"),
        ("v=0\r\n" + "a=x\r\n" * 5_000, "more than 5000 lines"),
        ("v=0\r\na=" + "x" * 3000, "line 2: longer than 2000 characters"),
        ("v=0\r\n" + ("a=" + "x" * 1000 + "\r\n") * 300, "longer than 262144 bytes"),
    ],
)
def test_nonsense_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(sdp.SdpError, match=reason.replace("(", r"\(")):
        sdp.parse(text)


def test_weak_fingerprints_are_passed_over() -> None:
    text = M + "a=fingerprint:sha-1 " + ":".join(["AB"] * 20) + "\r\n"
    assert sdp.parse(text).media[0].fingerprints == []


def test_paused_and_alternative_rids() -> None:
    text = M + "a=simulcast:send ~q,p;h recv f\r\n"
    media = sdp.parse(text).media[0]
    assert (media.simulcast_send, media.simulcast_recv) == (["q", "h"], ["f"])


@given(st.text(max_size=300))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for body in (text, "v=0\n" + text, M + "a=" + text):
        try:
            description = sdp.parse(body)
        except sdp.SdpError:
            continue
        sdp.write(description)


@given(st.sampled_from(NAMES), st.data())
def test_damaged_offers_parse_or_are_refused(name: str, data: st.DataObject) -> None:
    text = offer(name)
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 9)) :]
    with contextlib.suppress(sdp.SdpError):
        sdp.write(sdp.parse(damaged))
