from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aioice import Candidate

from sfu.control import Extensions, StreamSpec
from signaling.negotiation import sdp
from signaling.negotiation.parameters import Local, NegotiationError, candidates, same_peer
from signaling.negotiation.publish_answer import answer_publish
from signaling.negotiation.subscribe_offer import DownLine, offer_subscribe, read_subscribe_answer
from tests.signaling.fakes import FINGERPRINT, answer, offer

LOCAL = Local("oursours", "w" * 24, FINGERPRINT, ("192.168.1.5", "fd00::5"), 50000, 77)
BOTH = {"0": "ta", "1": "tv"}


def negotiate(text: str, tracks: dict[str, str] = BOTH, max_bps: int = 0) -> Any:
    return answer_publish(sdp.parse(text), tracks, LOCAL, 1, max_bps)


def section(text: str, index: int) -> list[str]:
    """Lines of one m-line."""
    return ("m=" + text.split("\r\nm=")[index + 1]).rstrip().split("\r\n")


def test_answer_to_chromium_line_by_line() -> None:
    text = sdp.write(negotiate(offer("chromium"), max_bps=1_500_000).answer)
    assert text.split("\r\nm=")[0].split("\r\n") == [
        "v=0",
        "o=- 77 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE 0 1",
        "a=msid-semantic: WMS *",
    ]
    transport = [
        "a=ice-ufrag:oursours",
        "a=ice-pwd:" + "w" * 24,
        "a=fingerprint:sha-256 " + FINGERPRINT.value,
        "a=setup:passive",
        "a=candidate:1 1 udp 2130706431 192.168.1.5 50000 typ host",
        "a=candidate:2 1 udp 2130706175 fd00::5 50000 typ host",
        "a=end-of-candidates",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    assert section(text, 0) == [
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=recvonly",
        *transport,
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1",
    ]
    assert section(text, 1) == [
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "c=IN IP4 0.0.0.0",
        "b=AS:1500",
        "b=TIAS:1500000",
        "a=mid:1",
        "a=recvonly",
        *transport,
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 ccm fir",
        "a=rtcp-fb:96 transport-cc",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rid:q recv",
        "a=rid:h recv",
        "a=rid:f recv",
        "a=simulcast:recv q;h;f",
    ]


def test_what_the_worker_learns_of_chromium() -> None:
    result = negotiate(offer("chromium"), max_bps=1_500_000)
    assert result.extensions == Extensions(
        mid=4, rid=10, repaired_rid=11, transport_cc=3, audio_level=1, abs_send_time=0
    )
    audio, video = result.tracks
    assert (audio.track, audio.mid, audio.payload_type) == ("ta", "0", 111)
    assert audio.streams == (StreamSpec(ssrc=1272305350),)
    assert (audio.transport_cc, audio.nack, audio.max_bitrate_bps) == (True, False, 0)
    assert (video.payload_type, video.rtx_payload_type) == (96, 97)
    assert video.streams == (StreamSpec(rid="q"), StreamSpec(rid="h"), StreamSpec(rid="f"))
    assert (video.nack, video.pli, video.fir) == (True, True, True)
    assert (video.transport_cc, video.remb, video.max_bitrate_bps) == (True, False, 1_500_000)


def test_firefox() -> None:
    result = negotiate(offer("firefox"))
    assert result.extensions == Extensions(
        mid=3, rid=9, repaired_rid=10, transport_cc=7, audio_level=1
    )
    audio, video = result.tracks
    assert (audio.payload_type, audio.streams[0].ssrc) == (109, 3299547216)
    # Nothing names the rid of an SSRC, so the rid extension decides.
    assert [(s.rid, s.ssrc, s.rtx_ssrc) for s in video.streams] == [
        ("q", 0, 0),
        ("h", 0, 0),
        ("f", 0, 0),
    ]
    lines = section(sdp.write(result.answer), 1)
    assert "a=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" in lines
    assert lines[0] == "m=video 9 UDP/TLS/RTP/SAVPF 120 124"


def test_aiortc_has_no_transport_cc() -> None:
    result = negotiate(offer("aiortc"))
    audio, video = result.tracks
    assert (video.remb, video.transport_cc, audio.remb) == (True, False, False)
    assert result.extensions.abs_send_time == 3
    assert video.streams[0].ssrc
    assert video.streams[0].rtx_ssrc
    assert [media.direction for media in result.answer.media] == ["recvonly", "recvonly"]


def test_transport_cc_needs_its_extension() -> None:
    text = "\r\n".join(line for line in offer("chromium").split("\r\n") if "holmer" not in line)
    video = negotiate(text).tracks[1]
    assert (video.remb, video.transport_cc) == (True, False)


def test_passive_offer_makes_us_the_client() -> None:
    result = negotiate(offer("chromium").replace("a=setup:actpass", "a=setup:passive"))
    assert result.remote.dtls_role == "client"
    assert [media.setup for media in result.answer.media] == ["active", "active"]


def test_inactive_and_closed_lines() -> None:
    text = offer("chromium")
    head, audio, video = text.split("m=")
    inactive = f"{head}m={audio}m={video.replace('a=sendonly', 'a=inactive')}"
    result = negotiate(inactive, {"0": "ta"})
    assert [media.direction for media in result.answer.media] == ["recvonly", "inactive"]
    assert [track.track for track in result.tracks] == ["ta"]
    closed = f"{head}m={audio}m={video.replace('video 9', 'video 0')}"
    result = negotiate(closed, {"0": "ta"})
    assert [media.port for media in result.answer.media] == [9, 0]
    assert result.answer.bundle == ["0"]


def test_bundle_only_is_not_closed() -> None:
    text = offer("firefox").replace("m=video 9", "m=video 0")
    text = text.replace("a=mid:1", "a=mid:1\r\na=bundle-only")
    result = negotiate(text)
    assert [track.mid for track in result.tracks] == ["0", "1"]
    assert [media.port for media in result.answer.media] == [9, 9]


def test_everything_closed() -> None:
    text = offer("chromium").replace("m=audio 9", "m=audio 0").replace("m=video 9", "m=video 0")
    result = negotiate(text, {})
    assert (result.remote, result.tracks) == (None, ())
    assert [media.port for media in result.answer.media] == [0, 0]


def test_data_channel_is_refused_alone() -> None:
    text = offer("chromium") + (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n"
    )
    media = negotiate(text).answer.media[2]
    assert (media.port, media.formats) == (0, ["webrtc-datachannel"])


@pytest.mark.parametrize(
    ("old", "new", "code", "reason"),
    [
        ("a=rtcp-mux\r\n", "", "badSdp", "m-line 0 has no rtcp-mux"),
        ("a=ice-ufrag:kncF\r\n", "", "badSdp", "no ice-ufrag"),
        ("fingerprint:sha-256 3C", "print:sha-256 3C", "badSdp", "no fingerprint"),
        ("UDP/TLS/RTP/SAVPF", "RTP/SAVPF2", "badSdp", "m-line 0 is of no profile of RTP"),
        ("a=extmap:10 ", "a=extmap:99 ", "badSdp", "simulcast needs"),
        ("a=extmap:4 urn", "a=extmap:2 urn", "badSdp", "extension id 2 has two meanings"),
        ("a=mid:1", "a=mid:2", "badMessage", "`tracks` names 1, which does not send"),
        ("a=sendonly", "a=recvonly", "badMessage", "names 0, which does not send"),
        ("a=mid:0\r\n", "", "badSdp", "has no mid"),
    ],
)
def test_unusable_offers(old: str, new: str, code: str, reason: str) -> None:
    with pytest.raises(NegotiationError, match=reason) as refused:
        negotiate(offer("chromium").replace(old, new))
    assert refused.value.code == code


def test_candidate_priorities_fall() -> None:
    listed = [int(line.split()[3]) for line in candidates(["10.0.0.1", "10.0.0.2", "::1"], 9)]
    assert listed == sorted(listed, reverse=True)
    assert len(set(listed)) == 3


def test_tcp_candidates_come_last() -> None:
    listed = candidates(["10.0.0.1", "fd00::1"], 50000, 50001)
    assert listed[2:] == [
        "3 1 tcp 1520435199 10.0.0.1 50001 typ host tcptype passive",
        "4 1 tcp 1520434943 fd00::1 50001 typ host tcptype passive",
    ]
    rows = [Candidate.from_sdp(line) for line in listed]
    assert [row.transport for row in rows] == ["udp", "udp", "tcp", "tcp"]
    priorities = [row.priority for row in rows]
    assert priorities == sorted(priorities, reverse=True)
    assert len({row.foundation for row in rows}) == 4
    # RFC 6544 section 4.2: the preference of the direction stands in the top bits.
    assert (priorities[2] >> 24, priorities[2] >> 21 & 7) == (90, 4)


def test_both_sides_offer_tcp() -> None:
    local = replace(LOCAL, tcp_port=50001)
    published = sdp.write(answer_publish(sdp.parse(offer("chromium")), BOTH, local, 1, 0).answer)
    subscribed = sdp.write(offer_subscribe(LINES, local, 1))
    for text in (published, subscribed):
        for index in range(text.count("m=")):
            candidate = [line for line in section(text, index) if line.endswith("tcptype passive")]
            assert len(candidate) == len(LOCAL.addresses)
            assert " 50001 typ host" in candidate[0]


def redundant(text: str) -> Any:
    local = replace(LOCAL, redundancy=True)
    return answer_publish(sdp.parse(text), BOTH, local, 1, 0)


def test_redundant_audio_comes_first_where_it_is_offered() -> None:
    result = redundant(offer("chromium"))
    assert (result.tracks[0].payload_type, result.tracks[0].red_payload_type) == (111, 63)
    lines = section(sdp.write(result.answer), 0)
    assert lines[0] == "m=audio 9 UDP/TLS/RTP/SAVPF 63 111"
    at = lines.index("a=rtpmap:63 red/48000/2")
    assert lines[at + 1 : at + 3] == ["a=fmtp:63 111/111", "a=rtpmap:111 opus/48000/2"]
    assert " red/" not in sdp.write(negotiate(offer("chromium")).answer)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=fmtp:63 111/111\r\n", ""),
        ("a=fmtp:63 111/111", "a=fmtp:63 111"),
        ("a=fmtp:63 111/111", "a=fmtp:63 111/9"),
        ("a=fmtp:63 111/111", "a=fmtp:63 111/"),
        ("a=fmtp:63 111/111", "a=fmtp:63 ;;=;"),
        ("red/48000/2", "red/48000"),
        ("red/48000/2", "red/8000/2"),
        ("red/48000/2", "green/48000/2"),
    ],
)
def test_redundancy_of_anything_else_is_left_out(old: str, new: str) -> None:
    result = redundant(offer("chromium").replace(old, new))
    assert result.tracks[0].red_payload_type == 0
    assert section(sdp.write(result.answer), 0)[0] == "m=audio 9 UDP/TLS/RTP/SAVPF 111"


@pytest.mark.parametrize("name", ["firefox", "aiortc"])
def test_who_offers_no_redundancy_gets_none(name: str) -> None:
    text = offer(name)
    assert sdp.write(redundant(text).answer) == sdp.write(negotiate(text).answer)
    assert redundant(text).tracks[0].red_payload_type == 0


def test_a_line_that_does_not_send_has_no_redundancy() -> None:
    head, audio, video = offer("chromium").split("m=")
    text = f"{head}m={audio.replace('a=sendonly', 'a=inactive')}m={video}"
    local = replace(LOCAL, redundancy=True)
    answered = answer_publish(sdp.parse(text), {"1": "tv"}, local, 1, 0).answer
    assert list(answered.media[0].codecs) == [111]


def test_nack_for_audio_is_taken_where_it_is_offered() -> None:
    text = offer("chromium").replace("a=fmtp:111", "a=rtcp-fb:111 nack\r\na=fmtp:111")
    result = negotiate(text)
    assert result.tracks[0].nack is True
    assert "a=rtcp-fb:111 nack" in section(sdp.write(result.answer), 0)


def test_the_same_peer_or_another() -> None:
    remote = negotiate(offer("aiortc")).remote
    turned = replace(remote, ufrag="new", fingerprints=remote.fingerprints[::-1])
    assert same_peer(remote, turned)
    assert not same_peer(remote, replace(remote, fingerprints=remote.fingerprints[:1]))
    assert not same_peer(remote, replace(remote, dtls_role="client"))


LINES = (
    DownLine("0", "opus", "ta", "pa", "ca", 1000),
    DownLine("1", "VP8", "tv", "pa", "ca", 2000, 2001),
    DownLine("2", "VP8"),
)


def test_subscribe_offer_line_by_line() -> None:
    text = sdp.write(offer_subscribe(LINES, LOCAL, 3))
    assert "o=- 77 3 IN" in text
    assert "a=group:BUNDLE 0 1 2" in text
    video = section(text, 1)
    assert video[0] == "m=video 9 UDP/TLS/RTP/SAVPF 96 97"
    assert video[2:4] == ["a=mid:1", "a=sendonly"]
    assert "a=setup:actpass" in video
    assert video[-4:] == [
        "a=msid:pa tv",
        "a=ssrc-group:FID 2000 2001",
        "a=ssrc:2000 cname:ca",
        "a=ssrc:2001 cname:ca",
    ]
    unused = section(text, 2)
    assert "a=inactive" in unused
    assert not any(line.startswith(("a=ssrc", "a=msid")) for line in unused)


def test_subscribe_answer() -> None:
    text = answer(sdp.write(offer_subscribe(LINES, LOCAL, 1)))
    result = read_subscribe_answer(sdp.parse(text), LINES)
    assert (result.remote.ufrag, result.remote.dtls_role) == ("peer", "server")
    assert (result.extensions.mid, result.extensions.transport_cc) == (1, 2)
    audio, video = result.tracks
    assert (audio.up_track, audio.ssrc, audio.payload_type, audio.cname) == ("ta", 1000, 111, "ca")
    assert (video.up_track, video.payload_type) == ("tv", 96)
    assert (video.rtx_payload_type, video.rtx_ssrc) == (97, 2001)


def test_what_repairs_audio_is_offered() -> None:
    local = replace(LOCAL, redundancy=True)
    audio = section(sdp.write(offer_subscribe(LINES, local, 1)), 0)
    assert audio[0] == "m=audio 9 UDP/TLS/RTP/SAVPF 111 63"
    assert "a=rtcp-fb:111 nack" in audio
    assert audio[audio.index("a=rtpmap:63 red/48000/2") + 1] == "a=fmtp:63 111/111"
    video = section(sdp.write(offer_subscribe(LINES, local, 1)), 1)
    assert video[0] == "m=video 9 UDP/TLS/RTP/SAVPF 96 97"


@pytest.mark.parametrize(
    ("taken_out", "audio", "video"),
    [
        ((), (63, True), True),
        (("a=rtcp-fb:111 nack",), (63, False), True),
        (("a=rtcp-fb:96 nack",), (63, True), False),
        (("a=fmtp:63 111/111",), (0, True), True),
        (("a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111"), (0, True), True),
    ],
)
def test_what_of_it_the_answer_keeps(
    taken_out: tuple[str, ...], audio: tuple[int, bool], video: bool
) -> None:
    text = answer(sdp.write(offer_subscribe(LINES, replace(LOCAL, redundancy=True), 1)))
    kept = "\r\n".join(line for line in text.split("\r\n") if line not in taken_out)
    if len(taken_out) == 2:
        kept = kept.replace("SAVPF 111 63", "SAVPF 111")
    voice, camera = read_subscribe_answer(sdp.parse(kept), LINES).tracks
    assert ((voice.red_payload_type, voice.nack), camera.nack) == (audio, video)
    assert not voice.copies
    assert not camera.copies
    assert camera.red_payload_type == 0


@pytest.mark.parametrize("redundancy", [True, False])
def test_who_takes_neither_redundancy_nor_asks_again_is_sent_voices_twice(
    redundancy: bool,
) -> None:
    """As Firefox answers."""
    text = answer(sdp.write(offer_subscribe(LINES, replace(LOCAL, redundancy=redundancy), 1)))
    wanted = ("a=rtcp-fb:111 nack", "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111")
    kept = "\r\n".join(line for line in text.split("\r\n") if line not in wanted)
    kept = kept.replace("SAVPF 111 63", "SAVPF 111")
    result = read_subscribe_answer(sdp.parse(kept), LINES, redundancy=redundancy)
    assert [track.copies for track in result.tracks] == [redundancy, False]


def test_refused_and_other_numbers_in_an_answer() -> None:
    text = answer(sdp.write(offer_subscribe(LINES, LOCAL, 1)))
    text = text.replace("m=audio 9", "m=audio 0").replace("a=setup:active", "a=setup:passive")
    text = text.replace("96", "120").replace("SAVPF 120 97", "SAVPF 120")
    text = "\r\n".join(line for line in text.split("\r\n") if ":97" not in line)
    result = read_subscribe_answer(sdp.parse(text), LINES)
    (video,) = result.tracks
    assert (video.payload_type, video.rtx_payload_type, video.rtx_ssrc) == (120, 0, 0)
    assert result.remote.dtls_role == "client"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=video 9 UDP/TLS/RTP/SAVPF 111", "another one"),
        ("a=mid:1", "a=mid:9", "another one"),
        ("a=setup:active", "a=setup:actpass", "active or passive"),
        (" 9 UDP", " 0 UDP", "every m-line is refused"),
    ],
)
def test_unusable_answers(old: str, new: str, reason: str) -> None:
    text = answer(sdp.write(offer_subscribe(LINES, LOCAL, 1))).replace(old, new)
    with pytest.raises(NegotiationError, match=reason):
        read_subscribe_answer(sdp.parse(text), LINES)


def test_answer_with_too_few_lines() -> None:
    text = answer(sdp.write(offer_subscribe(LINES[:2], LOCAL, 1)))
    with pytest.raises(NegotiationError, match="2 m-lines answer 3"):
        read_subscribe_answer(sdp.parse(text), LINES)


def test_an_answer_may_have_the_transport_on_its_first_line_only() -> None:
    """RFC 9143 section 7.3.3: the others of the group leave out what they share."""
    text = answer(sdp.write(offer_subscribe(LINES, LOCAL, 1)))
    head, first, *others = text.split("m=")
    shared = ("a=ice-", "a=fingerprint", "a=setup", "a=rtcp-mux")
    bare = [
        "\r\n".join(line for line in other.split("\r\n") if not line.startswith(shared))
        for other in others
    ]
    result = read_subscribe_answer(sdp.parse("m=".join([head, first, *bare])), LINES)
    assert [track.up_track for track in result.tracks] == ["ta", "tv"]
    assert result.remote.ufrag == "peer"


def test_an_answer_may_have_it_at_session_level() -> None:
    text = answer(sdp.write(offer_subscribe(LINES, LOCAL, 1)))
    lines = text.split("\r\n")
    shared = [line for line in lines if line.startswith(("a=ice-", "a=fingerprint", "a=setup"))]
    rest = [line for line in lines if line not in shared]
    at = rest.index("t=0 0") + 1
    text = "\r\n".join([*rest[:at], *dict.fromkeys(shared), *rest[at:]])
    result = read_subscribe_answer(sdp.parse(text), LINES)
    assert (len(result.tracks), result.remote.dtls_role) == (2, "server")
