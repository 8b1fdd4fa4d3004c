"""Offers and answers of simulated participants, read by two parsers."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription

from bench.light import sdp
from bench.light.sdp import Credentials, NegotiationError
from sfu.control import Fingerprint
from signaling.negotiation.sdp import parse

FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
CREDENTIALS = Credentials("abcd", "p" * 22)

SERVER_OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE 0 1 2",
        "a=fingerprint:sha-256 " + ":".join(["CD"] * 32),
        "a=ice-ufrag:serv",
        "a=ice-pwd:" + "q" * 24,
        "a=setup:actpass",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendonly",
        "a=rtcp-mux",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:7 urn:example:unknown",
        "a=rtpmap:111 opus/48000/2",
        "a=ssrc:11 cname:a",
        "a=candidate:1 1 udp 2130706431 192.168.1.5 50000 typ host",
        "a=candidate:2 1 UDP 2130706430 10.99.0.1 50000 typ host",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98",
        "c=IN IP4 0.0.0.0",
        "a=mid:1",
        "a=sendonly",
        "a=rtcp-mux",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        f"a=extmap:5 {sdp.TRANSPORT_CC_URI}",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rtpmap:98 H264/90000",
        "a=ssrc-group:FID 21 22",
        "a=ssrc:21 cname:a",
        "a=ssrc:22 cname:a",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        "a=mid:2",
        "a=inactive",
        "a=rtcp-mux",
        "a=rtpmap:96 VP8/90000",
        "",
    ]
)


def test_publish_offer_is_what_a_browser_would_send() -> None:
    text, streams = sdp.publish_offer(3, CREDENTIALS, FINGERPRINT, ("audio", "video"))
    audio, video = parse(text).media
    assert [(s.kind, s.mid, s.payload_type) for s in streams] == [
        ("audio", "0", sdp.OPUS),
        ("video", "1", sdp.VP8),
    ]
    assert (audio.direction, audio.setup, audio.ice_ufrag) == ("sendonly", "actpass", "abcd")
    assert list(audio.ssrcs) == [streams[0].ssrc]
    assert video.fid_groups[0][0] == streams[1].ssrc
    # One CNAME: lip-sync.
    assert len({*audio.ssrcs.values(), *video.ssrcs.values()}) == 1
    # The same id means the same on every m-line (RFC 8843 clause 10).
    ids = [{e.uri: e.id for e in media.extensions} for media in (audio, video)]
    assert all(ids[0][uri] == number for uri, number in ids[1].items())
    oracle = SessionDescription.parse(text)
    assert [m.kind for m in oracle.media] == ["audio", "video"]
    assert [c.mimeType for c in oracle.media[1].rtp.codecs] == ["video/VP8", "video/rtx"]


def test_simulcast_is_offered_as_chromium_does() -> None:
    rids = ("q", "h", "f")
    text, streams = sdp.publish_offer(3, CREDENTIALS, FINGERPRINT, ("audio", "video"), rids)
    audio, video = parse(text).media
    assert [(s.mid, s.rid) for s in streams] == [("0", ""), ("1", "q"), ("1", "h"), ("1", "f")]
    assert len({s.ssrc for s in streams}) == 4
    assert audio.ssrcs
    assert not video.ssrcs
    assert video.simulcast_send == list(rids)
    assert video.rids == [(rid, "send") for rid in rids]
    ids = sdp.extensions(parse(text))
    assert 0 not in (ids.mid, ids.rid, ids.transport_cc, ids.audio_level)
    assert len({e.id for e in audio.extensions + video.extensions}) == 5


def test_voice_only_offers_no_video() -> None:
    text, streams = sdp.publish_offer(0, CREDENTIALS, FINGERPRINT, ("audio",))
    assert [m.kind for m in parse(text).media] == ["audio"]
    assert len(streams) == 1


def test_answer_takes_what_is_offered_and_known() -> None:
    answer = parse(sdp.subscribe_answer(parse(SERVER_OFFER), CREDENTIALS, FINGERPRINT))
    assert [(m.mid, m.direction, m.setup) for m in answer.media] == [
        ("0", "recvonly", "active"),
        ("1", "recvonly", "active"),
        ("2", "inactive", "active"),
    ]
    assert list(answer.media[1].codecs) == [96, 97]
    assert [e.uri for e in answer.media[0].extensions] == [sdp.MID_URI]
    assert answer.bundle == ["0", "1", "2"]


def test_plan_from_the_servers_offer() -> None:
    plan = sdp.transport_plan(
        transport=1,
        participant=2,
        text=SERVER_OFFER,
        host="10.99.0.1",
        credentials=CREDENTIALS,
        offered_by_us=False,
    )
    assert plan.address == ("10.99.0.1", 50_000)
    assert (plan.remote_ufrag, plan.local_ufrag, plan.dtls_role) == ("serv", "abcd", "client")
    assert plan.fingerprint.value.startswith("CD:")
    assert (plan.extensions.mid, plan.extensions.transport_cc) == (4, 5)


@pytest.mark.parametrize(("setup", "role"), [("active", "server"), ("passive", "client")])
def test_role_is_the_other_one_than_the_answers(setup: str, role: str) -> None:
    plan = sdp.transport_plan(
        transport=1,
        participant=2,
        text=SERVER_OFFER.replace("actpass", setup),
        host="127.0.0.1",
        credentials=CREDENTIALS,
        offered_by_us=True,
    )
    assert plan.dtls_role == role


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("10.99.0.1", "10.99.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("box.local", "192.168.1.5"),
    ],
)
def test_address_prefers_the_host_that_signaling_has(host: str, expected: str) -> None:
    assert sdp.server_address(SERVER_OFFER, host) == (expected, 50_000)


def test_a_description_without_candidate_or_transport_is_refused() -> None:
    with pytest.raises(NegotiationError, match="candidate"):
        sdp.server_address("v=0", "127.0.0.1")
    bare = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
    with pytest.raises(NegotiationError, match="transport"):
        sdp.transport_plan(
            transport=1,
            participant=1,
            text=bare,
            host="h",
            credentials=CREDENTIALS,
            offered_by_us=True,
        )
