"""Offers of many kinds of clients, from the text to what the media worker learns."""

from __future__ import annotations

import pytest

from sfu.control import StreamSpec, UpTrackSpec
from signaling.negotiation import sdp
from signaling.negotiation.description import PROFILES
from signaling.negotiation.parameters import Local, NegotiationError
from signaling.negotiation.publish_answer import Published, answer_publish
from tests.signaling import offers
from tests.signaling.fakes import FINGERPRINT
from tests.signaling.offers import audio, text, video

LOCAL = Local("oursours", "w" * 24, FINGERPRINT, ("192.168.1.5",), 50000, 77)
BOTH = {"0": "ta", "1": "tv"}


def negotiate(offer: str, tracks: dict[str, str] = BOTH) -> Published:
    return answer_publish(sdp.parse(offer), tracks, LOCAL, 1, 0)


def ports(result: Published) -> list[int]:
    return [media.port for media in result.answer.media]


def mids(result: Published) -> list[str]:
    return [track.mid for track in result.tracks]


def camera(result: Published) -> UpTrackSpec:
    (track,) = [track for track in result.tracks if track.kind == "video"]
    return track


# Profiles and ports.


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_profile_name_is_taken_and_repeated(profile: str) -> None:
    lines = (audio().on(f"audio 9 {profile} 111"), video().on(f"video 9 {profile} 96 97"))
    result = negotiate(text(*lines))
    assert mids(result) == ["0", "1"]
    assert [media.protocol for media in result.answer.media] == [profile, profile]


def test_another_profile_is_rejected_beside_a_good_line() -> None:
    odd = video().on("video 9 UDP/WHATEVER 96 97")
    result = negotiate(text(audio(), odd))
    assert ports(result) == [9, 0]
    assert [(one.mid, one.code) for one in result.rejected] == [("1", "badSdp")]
    assert "m=video 0 UDP/WHATEVER 96 97" in sdp.write(result.answer)


def test_a_port_with_a_count_is_a_port() -> None:
    result = negotiate(text(audio().on("audio 50000/2 UDP/TLS/RTP/SAVPF 111"), video()))
    assert mids(result) == ["0", "1"]


# BUNDLE.


BARE = video().without("ice-ufrag", "ice-pwd", "fingerprint", "setup", "rtcp-mux")


def test_a_bundle_only_line_has_the_transport_of_the_first() -> None:
    bare = BARE.on("video 0 UDP/TLS/RTP/SAVPF 96 97").plus("bundle-only")
    result = negotiate(text(audio(), bare))
    assert (mids(result), ports(result)) == (["0", "1"], [9, 9])
    assert camera(result).streams == (StreamSpec(ssrc=222, rtx_ssrc=333),)
    assert result.answer.bundle == ["0", "1"]
    assert "bundle-only" not in sdp.write(result.answer)


def test_a_bundle_only_line_comes_before_the_one_that_has_the_transport() -> None:
    bare = BARE.on("video 0 UDP/TLS/RTP/SAVPF 96 97").plus("bundle-only")
    assert mids(negotiate(text(bare, audio(), bundle="0 1"))) == ["1", "0"]


def test_the_transport_is_of_a_line_that_is_itself_rejected() -> None:
    bare = BARE.on("video 0 UDP/TLS/RTP/SAVPF 96 97").plus("bundle-only")
    no_opus = audio().without("rtpmap")
    result = negotiate(text(no_opus, bare))
    assert (mids(result), ports(result), result.answer.bundle) == (["1"], [0, 9], ["1"])
    assert result.remote is not None
    assert result.remote.ufrag == "Abcd"


def test_port_0_outside_of_the_bundle_group_is_closed() -> None:
    bare = BARE.on("video 0 UDP/TLS/RTP/SAVPF 96 97").plus("bundle-only")
    result = negotiate(text(audio(), bare, bundle="0"), {"0": "ta"})
    assert (mids(result), ports(result)) == (["0"], [9, 0])


def test_what_is_outside_of_the_bundle_group_is_rejected_alone() -> None:
    result = negotiate(text(audio(), video(), bundle="0"))
    assert (mids(result), ports(result)) == (["0"], [9, 0])
    assert [(one.mid, one.code) for one in result.rejected] == [("1", "badSdp")]


def test_without_a_group_the_first_line_is_taken() -> None:
    result = negotiate(text(audio(), video(), bundle=""))
    assert (mids(result), ports(result), result.answer.bundle) == (["0"], [9, 0], [])
    alone = negotiate(text(video(), bundle=""), {"1": "tv"})
    assert (mids(alone), alone.answer.bundle) == (["1"], [])


def test_without_rtcp_mux_anywhere_it_is_refused() -> None:
    with pytest.raises(NegotiationError, match="m-line 0 has no rtcp-mux"):
        negotiate(text(audio().without("rtcp-mux"), video().without("rtcp-mux")))


def test_rtcp_mux_only_is_rtcp_mux() -> None:
    only = audio().without("rtcp-mux").plus("rtcp-mux-only")
    assert mids(negotiate(text(only, BARE))) == ["0", "1"]


# What stands at session level.


@pytest.mark.parametrize(
    ("direction", "sends"), [("recvonly", []), ("inactive", []), ("sendrecv", ["1"])]
)
def test_a_direction_is_inherited(direction: str, sends: list[str]) -> None:
    offer = text(audio(), video().without("sendonly"), session=(direction,))
    result = negotiate(offer, {"0": "ta"} | dict.fromkeys(sends, "tv"))
    assert mids(result) == ["0", *sends]
    assert ports(result) == [9, 9]


def test_without_any_direction_a_line_sends() -> None:
    assert mids(negotiate(text(audio().without("sendonly"), video()))) == ["0", "1"]


def test_ice_and_dtls_are_inherited() -> None:
    names = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
    offer = text(
        audio().without(*names),
        video().without(*names),
        session=(*offers.ICE, "ice-options:trickle", *offers.DTLS),
    )
    result = negotiate(offer)
    assert mids(result) == ["0", "1"]
    assert result.remote is not None
    assert (result.remote.ufrag, result.remote.dtls_role) == ("Abcd", "server")
    assert result.remote.fingerprints[0].value == offers.DIGEST


def test_a_lines_own_ice_counts_before_the_sessions() -> None:
    session = ("ice-ufrag:other", "ice-pwd:" + "o" * 24)
    result = negotiate(text(audio(), video(), session=session))
    assert result.remote is not None
    assert result.remote.ufrag == "Abcd"


def test_header_extensions_are_inherited() -> None:
    session = (offers.MID_ID, offers.CC_ID)
    lines = (audio().without("extmap"), video().without("extmap"))
    result = negotiate(text(*lines, session=session))
    assert (result.extensions.mid, result.extensions.transport_cc) == (4, 3)
    assert [track.transport_cc for track in result.tracks] == [True, True]
    assert f"a={offers.MID_ID}" in sdp.write(result.answer)


# Lines that cannot be used.


def test_video_without_vp8_is_rejected_beside_audio() -> None:
    result = negotiate(text(audio(), video(codec=offers.H264)))
    assert (mids(result), ports(result)) == (["0"], [9, 0])
    assert [(one.mid, one.code) for one in result.rejected] == [("1", "noVp8")]
    assert result.answer.bundle == ["0"]


def test_a_line_that_is_rejected_need_not_be_named() -> None:
    offer = text(audio(), video(codec=offers.H264))
    assert negotiate(offer, {"0": "ta"}).rejected == negotiate(offer).rejected
    with pytest.raises(NegotiationError, match="m-line 1 sends but is not in `tracks`"):
        negotiate(text(audio(), video()), {"0": "ta"})


def test_audio_without_opus_is_rejected_beside_video() -> None:
    voice = audio().without("rtpmap", "fmtp", "rtcp-fb").on("audio 9 UDP/TLS/RTP/SAVPF 0 8")
    result = negotiate(text(voice, video()))
    assert (mids(result), ports(result)) == (["1"], [0, 9])
    assert [(one.mid, one.code) for one in result.rejected] == [("0", "noOpus")]


@pytest.mark.parametrize("others", [(), (audio(direction="inactive"),), (audio("0", "recvonly"),)])
def test_it_is_refused_where_nothing_is_left(others: tuple[offers.Section, ...]) -> None:
    with pytest.raises(NegotiationError, match="m-line 1 offers no VP8") as refused:
        negotiate(text(*others, video(codec=offers.H264)), {"1": "tv"})
    assert refused.value.code == "noVp8"


@pytest.mark.parametrize("direction", ["inactive", "recvonly"])
def test_a_line_that_does_not_send_is_closed_without_a_word(direction: str) -> None:
    result = negotiate(text(audio(), video("1", direction, offers.H264)), {"0": "ta"})
    assert (ports(result), result.rejected) == ([9, 0], ())


@pytest.mark.parametrize(
    "line", ["video 0 UDP/TLS/RTP/SAVPF 96 97", "video 9 UDP/TLS/RTP/SAVPF 96 97"]
)
def test_an_idle_line_needs_no_mid(line: str) -> None:
    idle = video(direction="inactive").without("mid").on(line)
    result = negotiate(text(audio(), idle, idle, bundle="0"), {"0": "ta"})
    assert (mids(result), ports(result)) == (["0"], [9, 0, 0])


@pytest.mark.parametrize(
    "line",
    [
        "application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "application 9 DTLS/SCTP 5000",
        "application 9 UDP/TLS/RTP/SAVPF 100",
        "text 9 RTP/AVP 98",
        "image 0 udptl t38",
        "message 2855 TCP/MSRP *",
    ],
)
def test_what_is_neither_audio_nor_video_is_answered_with_port_0(line: str) -> None:
    other = offers.Section(line, ["mid:2", "setup:holdconn", "fmtp:x", "rtpmap:", "ssrc:x"])
    result = negotiate(text(audio(), video(), other, bundle="0 1 2"))
    assert (ports(result), result.rejected) == ([9, 9, 0], ())
    kind, _, rest = line.split(" ", 2)
    assert f"m={kind} 0 {rest}\r\n" in sdp.write(result.answer)
    assert "a=mid:2" in sdp.write(result.answer)


# Codecs.


@pytest.mark.parametrize("spelling", ["VP8", "vp8", "Vp8"])
def test_names_of_codecs_have_no_case(spelling: str) -> None:
    offer = text(audio(), video()).replace("VP8/", f"{spelling}/").replace("rtx/", "RTX/")
    offer = offer.replace("opus/48000/2", "OPUS/48000/2").replace("apt=", "APT=")
    result = negotiate(offer)
    assert (camera(result).payload_type, camera(result).rtx_payload_type) == (96, 97)
    assert f"a=rtpmap:96 {spelling}/90000" in sdp.write(result.answer)


def test_static_payload_types_need_no_rtpmap() -> None:
    voice = audio().on("audio 9 UDP/TLS/RTP/SAVPF 0 8 9 13 111").plus("fmtp:13 x", "rtcp-fb:0 nack")
    assert negotiate(text(voice, video())).tracks[0].payload_type == 111


def test_an_rtpmap_that_is_not_on_the_m_line_is_passed_over() -> None:
    rest = ("rtpmap:102 H264/90000", "fmtp:102 x=1", "rtcp-fb:102 nack")
    assert mids(negotiate(text(audio(), video().plus(*rest)))) == ["0", "1"]


def test_the_order_on_the_m_line_decides_between_two_of_a_kind() -> None:
    line = video().on("video 9 UDP/TLS/RTP/SAVPF 98 97 96").plus("rtpmap:98 VP8/90000")
    result = negotiate(text(audio(), line))
    assert (camera(result).payload_type, camera(result).rtx_payload_type) == (98, 0)


def test_feedback_for_all_formats() -> None:
    line = video().without("rtcp-fb").plus("rtcp-fb:* nack", "rtcp-fb:* nack pli")
    track = camera(negotiate(text(audio(), line)))
    assert (track.nack, track.pli, track.fir, track.transport_cc) == (True, True, False, False)


def test_parameters_may_have_blanks() -> None:
    line = video().without("fmtp").plus("fmtp:97 rtx-time=200; apt = 96 ")
    assert camera(negotiate(text(audio(), line))).rtx_payload_type == 97


# Text.


@pytest.mark.parametrize("end", ["\n", "\r\n", " \r\n", "\t\n"])
@pytest.mark.parametrize("tail", ["", "\r\n", "\n\n \n"])
def test_line_ends(end: str, tail: str) -> None:
    assert mids(negotiate(text(audio(), video(), end=end) + tail)) == ["0", "1"]


@pytest.mark.parametrize("mid", ["video", "{0c3a}".strip("{}"), "a.b-c_d", "x" * 64, "!#$%&'*+"])
def test_mids_are_any_token(mid: str) -> None:
    result = negotiate(text(audio(), video(mid), bundle=f"0 {mid}"), {"0": "ta", mid: "tv"})
    assert mids(result) == ["0", mid]
    assert f"a=mid:{mid}" in sdp.write(result.answer)


def test_what_nobody_knows_is_passed_over() -> None:
    odd = ("x", "x:", "x:\u00a0\u200d", "mid-of:1", "extmap-allow-mixed", "framerate:30", "end")
    session = (*odd, "msid-semantic:WMS *", "identity:x", "tls-id:1", "ssrc:x", "rtpmap:")
    assert mids(negotiate(text(audio().plus(*odd), video().plus(*odd), session=session))) == [
        "0",
        "1",
    ]


# Streams.


SIM = (
    "ssrc-group:FID 201 301",
    "ssrc-group:SIM 201 202 203",
    "ssrc-group:FID 202 302",
    "ssrc-group:FID 203 303",
    *(f"ssrc:{number} cname:x" for number in (201, 301, 202, 302, 203, 303)),
)


def test_a_sim_group_is_three_layers_with_their_resends() -> None:
    result = negotiate(text(audio(), video(streams=SIM)))
    assert camera(result).streams == (
        StreamSpec(rid="0", ssrc=201, rtx_ssrc=301),
        StreamSpec(rid="1", ssrc=202, rtx_ssrc=302),
        StreamSpec(rid="2", ssrc=203, rtx_ssrc=303),
    )
    assert "a=rid" not in sdp.write(result.answer)
    assert "a=simulcast" not in sdp.write(result.answer)


def test_a_sim_group_without_rtx() -> None:
    line = video(streams=SIM).without("fmtp")
    streams = camera(negotiate(text(audio(), line))).streams
    assert [(one.ssrc, one.rtx_ssrc) for one in streams] == [(201, 0), (202, 0), (203, 0)]


def test_a_sim_group_of_one_is_no_simulcast() -> None:
    streams = ("ssrc-group:SIM 222", *offers.CAMERA)
    result = negotiate(text(audio(), video(streams=streams)))
    assert camera(result).streams == (StreamSpec(ssrc=222, rtx_ssrc=333),)


def test_a_sim_group_of_four_is_too_many() -> None:
    streams = ("ssrc-group:SIM 1 2 3 4", "ssrc:1 cname:x")
    with pytest.raises(NegotiationError, match="more than 3 simulcast streams"):
        negotiate(text(audio(), video(streams=streams)))


def test_of_two_cameras_in_one_m_line_the_first_is_taken() -> None:
    streams = tuple(
        line
        for first, second, name in ((222, 333, "a"), (444, 555, "b"))
        for line in (
            f"ssrc-group:FID {first} {second}",
            f"ssrc:{first} cname:x",
            f"ssrc:{first} msid:s {name}",
            f"ssrc:{second} cname:x",
        )
    )
    result = negotiate(text(audio(), video(streams=streams)))
    assert camera(result).streams == (StreamSpec(ssrc=222, rtx_ssrc=333),)


def test_rids_count_before_ssrcs() -> None:
    line = video(streams=SIM).plus(offers.RID_ID, "rid:a send", "rid:b send", "simulcast:send a;b")
    result = negotiate(text(audio(), line))
    assert camera(result).streams == (StreamSpec(rid="a"), StreamSpec(rid="b"))
    assert "a=simulcast:recv a;b" in sdp.write(result.answer)


# Clients, each with what is peculiar to its offers. Made up after what they are known to write.

BARE_TRANSPORT = ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "rtcp-mux")


def web_standard() -> str:
    """As the examples of RFC 9429 section 7: tokens as mids, whole sets of options, bundle-only."""
    voice = audio("a1").on("audio 56500 UDP/TLS/RTP/SAVPF 96 0 8 97 98").without("rtpmap", "fmtp")
    voice = voice.without("rtcp-fb").plus(
        "rtpmap:96 opus/48000/2",
        "rtpmap:0 PCMU/8000",
        "rtpmap:8 PCMA/8000",
        "rtpmap:97 telephone-event/8000",
        "rtpmap:98 telephone-event/48000",
        "fmtp:97 0-15",
        "fmtp:98 0-15",
        "maxptime:120",
        "msid:47017fee-b6c1-4162-929c-a25110252400",
        "rtcp:56501 IN IP4 203.0.113.100",
        "rtcp-mux-only",
        "candidate:1 1 udp 2113929471 203.0.113.100 56500 typ host",
        "end-of-candidates",
    )
    section = video("v1", streams=()).without(*BARE_TRANSPORT).plus("bundle-only", "imageattr:96 *")
    section = section.plus(offers.RID_ID, "rid:1 send", "rid:2 send", "rid:3 send")
    section = section.plus("simulcast:send 1;2;3").on("video 0 UDP/TLS/RTP/SAVPF 96 97")
    data = offers.Section("application 0 UDP/DTLS/SCTP webrtc-datachannel", ["mid:d1"])
    data = data.plus("sctp-port:5000", "max-message-size:65536", "bundle-only")
    session = ("ice-options:trickle ice2", "group:LS a1 v1")
    return text(voice, section, data, session=session, bundle="a1 v1 d1")


def pipeline() -> str:
    """GStreamer's webrtcbin: names as mids, both forms of rtcp-mux, bundle-only."""
    voice = audio("audio0").plus("rtcp-mux-only", "framerate:0", "ssrc:111111 msid:user appsrc0")
    section = video("video1").on("video 0 UDP/TLS/RTP/SAVPF 96 97").plus("bundle-only")
    section = section.without("rtcp-fb").plus("rtcp-fb:96 nack  pli", "rtcp-fb:96 ccm  fir")
    return text(voice, section, session=("ice-options:trickle",), bundle="audio0 video1")


def library() -> str:
    """libdatachannel: everything at session level, no extensions, SSRCs only, lines end with LF."""
    names = ("ice-ufrag", "ice-pwd", "fingerprint", "setup", "extmap", "rtcp-fb")
    session = (*offers.ICE, "ice-options:ice2,trickle", *offers.DTLS, "group:LS audio video")
    lines = (audio("audio").without(*names), video("video").without(*names))
    return text(*lines, session=session, bundle="audio video", end="\n")


def blanks() -> str:
    """Two blanks where one belongs, and some at the end, as programs write that join words."""
    offer = text(audio(), video(), end=" \r\n").replace(" UDP/", "  UDP/")
    return offer.replace("sha-256 ", "sha-256  ").replace("extmap:4 ", "extmap:4  ")


def telephone() -> str:
    """A gateway: another rate of Opus first, names in capitals, one video on hold."""
    voice = audio().on("audio 20040 RTP/SAVPF 109 111 18 0 8 9 101").without("rtpmap", "fmtp")
    voice = voice.plus("rtpmap:109 OPUS/16000", "rtpmap:111 OPUS/48000/2", "rtpmap:18 g729/8000")
    voice = voice.plus("fmtp:18 annexb=no", "rtpmap:101 telephone-event/8000", "rtcp:20041")
    held = video(direction="inactive").on("video 0 RTP/SAVPF 96 97").without("mid")
    return text(voice, held, bundle="0")


def old_chromium() -> str:
    """Plan B: one m-line for all of a kind, layers by SSRC, profile of before 2015."""
    streams = tuple(f"ssrc:{n} {rest}" for n in (201, 202, 203, 301, 302, 303)
                    for rest in ("cname:x", "msid:s t", "mslabel:s", "label:t"))  # fmt: skip
    groups = (
        "ssrc-group:SIM 201 202 203",
        *(f"ssrc-group:FID {n} {n + 100}" for n in range(201, 204)),
    )
    section = video("video", streams=(*groups, *streams)).plus("x-google-flag:conference")
    lines = (audio("audio").on("audio 9 RTP/SAVPF 111"), section.on("video 9 RTP/SAVPF 96 97"))
    return text(*lines, session=("msid-semantic: WMS s",), bundle="audio video")


def broadcaster() -> str:
    """Of FFmpeg and OBS: passive, H.264 only."""
    lines = (audio(), video(codec=offers.H264))
    return text(*lines, session=("extmap-allow-mixed",)).replace("setup:actpass", "setup:passive")


@pytest.mark.parametrize(
    ("offer", "sent", "answered"),
    [
        (web_standard(), [("a1", 1), ("v1", 3)], [9, 9, 0]),
        (pipeline(), [("audio0", 1), ("video1", 1)], [9, 9]),
        (library(), [("audio", 1), ("video", 1)], [9, 9]),
        (blanks(), [("0", 1), ("1", 1)], [9, 9]),
        (telephone(), [("0", 1)], [9, 0]),
        (old_chromium(), [("audio", 1), ("video", 3)], [9, 9]),
        (broadcaster(), [("0", 1)], [9, 0]),
    ],
    ids=["standard", "pipeline", "library", "blanks", "telephone", "plan b", "broadcaster"],
)
def test_offers_of_clients(offer: str, sent: list[tuple[str, int]], answered: list[int]) -> None:
    description = sdp.parse(offer)
    tracks = {
        media.mid: f"t{media.mid}"
        for media in description.media
        if media.direction.startswith("send") and media.kind in ("audio", "video") and media.mid
    }
    result = answer_publish(description, tracks, LOCAL, 1, 0)
    assert [(track.mid, len(track.streams)) for track in result.tracks] == sent
    assert ports(result) == answered
    assert result.remote is not None
    assert result.remote.fingerprints[0].value == offers.DIGEST
    # What we answer reads back as what was meant.
    again = sdp.parse(sdp.write(result.answer))
    assert [media.port for media in again.media] == answered
    assert [media.mid for media in again.media] == [media.mid for media in description.media]
    assert [media.protocol for media in again.media] == [m.protocol for m in description.media]


def test_feedback_is_found_whatever_the_blanks() -> None:
    track = camera(negotiate(pipeline(), {"audio0": "ta", "video1": "tv"}))
    assert (track.pli, track.fir) == (True, True)
