"""Offers and answers, as pure functions (RFC 3264, RFC 8829): descriptions in, descriptions out.

Theory of operation. The two connections of a participant never share an offerer.
`answer_publish` reads a browser's offer and gives our answer together with what the media worker
must know. `offer_subscribe` writes our offer from a list of `DownLine`, and `read_subscribe_answer`
reads which of them the browser takes. All of a connection's m-lines share one transport (BUNDLE,
rtcp-mux); the server is ICE-lite, so its candidates are complete from the start.

Nothing here keeps state: whoever calls remembers mids, SSRCs and whether a transport is connected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from sfu.control import DownTrackSpec, Extensions, Fingerprint, StreamSpec, UpTrackSpec
from signaling.sdp import Codec, Description, Extension, Media

Kind = Literal["audio", "video"]

Code = Literal["badSdp", "noOpus", "noVp8", "badMessage", "notNegotiating"]

MAX_SENDING = 8
"""Tracks that one participant may publish at once."""
MAX_PUBLISH_MEDIA = 64
"""M-lines of a publish connection; those of ended tracks stay in it."""
MAX_SIMULCAST = 3

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"

_OFFERED_EXTENSIONS = ((1, MID), (2, TRANSPORT_CC))
"""Of subscribe connections."""
_OPUS_PARAMETERS = {"minptime": "10", "useinbandfec": "1", "usedtx": "1"}
OPUS_PAYLOAD_TYPE, VP8_PAYLOAD_TYPE, RTX_PAYLOAD_TYPE = 111, 96, 97
"""Of subscribe connections."""


class NegotiationError(Exception):
    """The other side's description cannot be used. `code` is an error code of the protocol."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code: Code = code


@dataclass(frozen=True, slots=True)
class Local:
    """Our end of one connection."""

    ice_ufrag: str
    ice_pwd: str
    fingerprint: Fingerprint
    addresses: tuple[str, ...]
    """IP addresses to offer, best first."""
    port: int
    """UDP."""
    session_id: int


@dataclass(frozen=True, slots=True)
class Remote:
    """The peer's end, as its description says."""

    ufrag: str
    fingerprints: tuple[Fingerprint, ...]
    dtls_role: Literal["server", "client"]
    """Ours."""


@dataclass(frozen=True, slots=True)
class Published:
    """What `answer_publish` found out."""

    answer: Description
    remote: Remote | None
    """None when every m-line is closed."""
    extensions: Extensions
    tracks: tuple[UpTrackSpec, ...]


@dataclass(frozen=True, slots=True)
class DownLine:
    """One m-line of a subscribe connection; `track` is '' while nobody uses it."""

    mid: str
    kind: Kind
    track: str = ""
    participant: str = ""
    cname: str = ""
    ssrc: int = 0
    rtx_ssrc: int = 0


# Publishing.


def answer_publish(
    offer: Description, track_ids: Mapping[str, str], local: Local, version: int, max_bps: int
) -> Published:
    """Answer a browser's offer.

    `track_ids`: mid -> id of the track, for every m-line that is to send. `version`: grows with
    each answer. `max_bps`: what one participant may send in each video, 0 for no limit.
    Raises `NegotiationError`.
    """
    if len(offer.media) > MAX_PUBLISH_MEDIA:
        raise NegotiationError("badSdp", f"more than {MAX_PUBLISH_MEDIA} m-lines")
    accepted = {media.mid for media in offer.media if _acceptable(media)}
    sending = {m.mid for m in offer.media if m.mid in accepted and m.direction.startswith("send")}
    _check_tracks(sending, set(track_ids))
    bundled = _bundled(offer, accepted) if accepted else []
    remote = _remote(bundled, answering=True) if bundled else None
    extensions = _extensions([media for media in offer.media if media.mid in sending])
    answer = Description(local.session_id, version, [m.mid for m in bundled], ice_lite=True)
    setup = "active" if remote and remote.dtls_role == "client" else "passive"
    tracks = []
    for media in offer.media:
        if media.mid not in accepted:
            answer.media.append(_rejected(media))
            continue
        spec = None
        if media.mid in sending:
            spec = _up_track(media, track_ids[media.mid], extensions, max_bps)
            tracks.append(spec)
        answer.media.append(_answer_media(media, spec, extensions, setup, local))
    return Published(answer, remote, extensions, tuple(tracks))


def _acceptable(media: Media) -> bool:
    """Whether the m-line stays open; an unusable one that would send raises."""
    closed = media.port == 0 and not media.bundle_only
    if closed or media.kind not in ("audio", "video"):
        return False
    if _codec(media) is not None:
        return True
    if not media.direction.startswith("send"):
        return False
    if media.kind == "audio":
        raise NegotiationError("noOpus", f"m-line {media.mid} offers no Opus")
    raise NegotiationError("noVp8", f"m-line {media.mid} offers no VP8")


def _check_tracks(sending: set[str], named: set[str]) -> None:
    if "" in sending:
        raise NegotiationError("badSdp", "an m-line that sends has no mid")
    if missing := sorted(sending - named):
        raise NegotiationError("badMessage", f"m-line {missing[0]} sends but is not in `tracks`")
    if extra := sorted(named - sending):
        raise NegotiationError("badMessage", f"`tracks` names {extra[0]}, which does not send")
    if len(sending) > MAX_SENDING:
        raise NegotiationError("badSdp", f"more than {MAX_SENDING} tracks at once")


def _bundled(description: Description, accepted: set[str]) -> list[Media]:
    """The open m-lines, the one that carries the transport's attributes first."""
    by_mid = {media.mid: media for media in description.media if media.mid in accepted}
    if len(accepted) > 1 and not accepted <= set(description.bundle):
        raise NegotiationError("badSdp", "all m-lines must be in one BUNDLE group")
    order = [mid for mid in description.bundle if mid in by_mid] or list(by_mid)
    for media in by_mid.values():
        if not media.rtcp_mux:
            raise NegotiationError("badSdp", f"m-line {media.mid} has no rtcp-mux")
        if media.protocol != "UDP/TLS/RTP/SAVPF":
            raise NegotiationError("badSdp", f"m-line {media.mid} is not UDP/TLS/RTP/SAVPF")
    return [by_mid[mid] for mid in dict.fromkeys(order)]


def _remote(bundled: Sequence[Media], answering: bool) -> Remote:
    first = bundled[0]
    if not first.ice_ufrag or not first.ice_pwd:
        raise NegotiationError("badSdp", "no ice-ufrag and ice-pwd")
    if not first.fingerprints:
        raise NegotiationError("badSdp", "no fingerprint of SHA-256 or better")
    if not answering and first.setup not in ("active", "passive"):
        raise NegotiationError("badSdp", "an answer's setup is active or passive")
    # RFC 5763 section 5: offered actpass, the answerer chooses; we wait for the ClientHello,
    # because only the peer knows when its checks have opened the way.
    role: Literal["server", "client"] = "client" if first.setup == "passive" else "server"
    prints = tuple(Fingerprint(algorithm, digest) for algorithm, digest in first.fingerprints)
    return Remote(first.ice_ufrag, prints, role)


def _codec(media: Media) -> Codec | None:
    """The one codec that we take of an m-line: Opus (RFC 7587) or VP8 (RFC 7741)."""
    name, rate = ("opus", 48000) if media.kind == "audio" else ("vp8", 90000)
    for number in media.formats:
        codec = media.codecs.get(int(number)) if number.isdigit() else None
        if codec is not None and codec.name.lower() == name and codec.clock_rate == rate:
            return codec
    return None


def _rtx(media: Media, codec: Codec) -> Codec | None:
    for other in media.codecs.values():
        if other.name.lower() == "rtx" and other.parameters.get("apt") == str(codec.payload_type):
            return other
    return None


def _extensions(sending: Sequence[Media]) -> Extensions:
    """Ids of the extensions that we read; an id means the same on every m-line of the bundle."""
    ids: dict[str, int] = {}
    meanings: dict[int, str] = {}
    for media in sending:
        for extension in media.extensions:
            if meanings.setdefault(extension.id, extension.uri) != extension.uri:
                raise NegotiationError("badSdp", f"extension id {extension.id} has two meanings")
            # 15 is reserved and larger ids need the two-byte form (RFC 8285 section 4.2).
            if extension.direction not in ("recvonly", "inactive") and extension.id <= 14:
                ids.setdefault(extension.uri, extension.id)
    transport_cc = ids.get(TRANSPORT_CC, 0)
    return Extensions(
        mid=ids.get(MID, 0),
        rid=ids.get(RID, 0),
        repaired_rid=ids.get(REPAIRED_RID, 0),
        transport_cc=transport_cc,
        audio_level=ids.get(AUDIO_LEVEL, 0),
        abs_send_time=0 if transport_cc else ids.get(ABS_SEND_TIME, 0),
    )


def _accepted_uris(extensions: Extensions) -> dict[str, int]:
    pairs = (
        (MID, extensions.mid),
        (RID, extensions.rid),
        (REPAIRED_RID, extensions.repaired_rid),
        (TRANSPORT_CC, extensions.transport_cc),
        (AUDIO_LEVEL, extensions.audio_level),
        (ABS_SEND_TIME, extensions.abs_send_time),
    )
    return {uri: identifier for uri, identifier in pairs if identifier}


def _feedback(media: Media, codec: Codec, transport_cc: int) -> list[str]:
    """What we take of the feedback offered, RFC 4585; one congestion feedback only."""
    wanted = ["nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"]
    if media.kind == "audio":
        wanted = ["nack", "transport-cc", "goog-remb"]
    takes_transport_cc = "transport-cc" in codec.feedback and any(
        extension.uri == TRANSPORT_CC and extension.id == transport_cc
        for extension in media.extensions
    )
    # REMB and transport-wide feedback answer the same question; the latter needs its extension.
    wanted.remove("goog-remb" if takes_transport_cc else "transport-cc")
    return [value for value in wanted if value in codec.feedback]


def _up_track(media: Media, track: str, extensions: Extensions, max_bps: int) -> UpTrackSpec:
    codec = _codec(media)
    assert codec is not None  # `_acceptable` has seen to it
    rtx = _rtx(media, codec) if media.kind == "video" else None
    feedback = _feedback(media, codec, extensions.transport_cc)
    return UpTrackSpec(
        track=track,
        mid=media.mid,
        kind=cast(Kind, media.kind),
        payload_type=codec.payload_type,
        rtx_payload_type=rtx.payload_type if rtx else 0,
        streams=_streams(media, extensions, rtx is not None),
        nack="nack" in feedback,
        pli="nack pli" in feedback,
        fir="ccm fir" in feedback,
        remb="goog-remb" in feedback,
        transport_cc="transport-cc" in feedback,
        max_bitrate_bps=max_bps if media.kind == "video" else 0,
    )


def _rids(media: Media) -> list[str]:
    declared = {rid for rid, direction in media.rids if direction == "send"}
    return [rid for rid in media.simulcast_send if rid in declared]


def _streams(media: Media, extensions: Extensions, has_rtx: bool) -> tuple[StreamSpec, ...]:
    rids = _rids(media) if media.kind == "video" else []
    if len(rids) > MAX_SIMULCAST:
        raise NegotiationError("badSdp", f"more than {MAX_SIMULCAST} simulcast streams")
    if rids:
        if not extensions.rid or not extensions.mid:
            raise NegotiationError("badSdp", "simulcast needs the mid and rid header extensions")
        # SSRCs are left to be learned: nothing in an SDP says which of them belongs to which rid.
        return tuple(StreamSpec(rid=rid) for rid in rids)
    fid = dict(media.fid_groups)
    repair = set(fid.values())
    primary = [ssrc for ssrc in media.ssrcs if ssrc not in repair]
    if not primary:
        if not extensions.mid:
            raise NegotiationError("badSdp", f"m-line {media.mid} tells neither SSRC nor mid")
        return (StreamSpec(),)
    return (StreamSpec(ssrc=primary[0], rtx_ssrc=fid.get(primary[0], 0) if has_rtx else 0),)


def _answer_media(
    media: Media, spec: UpTrackSpec | None, extensions: Extensions, setup: str, local: Local
) -> Media:
    codec = _codec(media)
    assert codec is not None  # `_acceptable` has seen to it
    rtx = _rtx(media, codec) if media.kind == "video" else None
    ours = Codec(codec.payload_type, codec.name, codec.clock_rate, codec.channels)
    ours.feedback = _feedback(media, codec, extensions.transport_cc)
    if media.kind == "audio":
        ours.parameters = dict(_OPUS_PARAMETERS)
    answer = Media(media.kind, mid=media.mid, direction="recvonly" if spec else "inactive")
    answer.codecs = {ours.payload_type: ours}
    if rtx:
        answer.codecs[rtx.payload_type] = _rtx_codec(rtx.payload_type, ours.payload_type)
    answer.extensions = _answer_extensions(media, extensions)
    if spec and spec.streams[0].rid:
        answer.simulcast_recv = [stream.rid for stream in spec.streams]
        answer.rids = [(rid, "recv") for rid in answer.simulcast_recv]
    if spec:
        answer.bandwidth_bps = spec.max_bitrate_bps
    _add_transport(answer, local, setup)
    answer.rtcp_rsize = media.rtcp_rsize
    return answer


def _answer_extensions(media: Media, extensions: Extensions) -> list[Extension]:
    accepted = _accepted_uris(extensions)
    return [
        Extension(offered.id, offered.uri, "recvonly" if offered.direction == "sendonly" else "")
        for offered in media.extensions
        if accepted.get(offered.uri) == offered.id
        and offered.direction not in ("recvonly", "inactive")
    ]


def _rejected(media: Media) -> Media:
    """RFC 3264 section 6: port 0, and the formats as offered."""
    return Media(
        media.kind, 0, media.protocol, list(media.formats), mid=media.mid, direction="inactive"
    )


def _rtx_codec(payload_type: int, primary: int) -> Codec:
    return Codec(payload_type, "rtx", 90000, parameters={"apt": str(primary)})


def _add_transport(media: Media, local: Local, setup: str) -> None:
    media.ice_ufrag, media.ice_pwd = local.ice_ufrag, local.ice_pwd
    media.fingerprints = [(local.fingerprint.algorithm, local.fingerprint.value)]
    media.setup = setup
    media.candidates = candidates(local.addresses, local.port)
    media.end_of_candidates = media.rtcp_mux = True


def candidates(addresses: Sequence[str], port: int) -> list[str]:
    """Host candidates of component 1, RFC 8839 section 5.1; priorities as RFC 8445 5.1.2.1."""
    return [
        f"{index + 1} 1 udp {(126 << 24) + ((65535 - index) << 8) + 255} {address} {port} typ host"
        for index, address in enumerate(addresses)
    ]


# Subscribing.


def offer_subscribe(lines: Sequence[DownLine], local: Local, version: int) -> Description:
    """Our offer: one m-line for each of `lines`, in their order."""
    offer = Description(local.session_id, version, [line.mid for line in lines], ice_lite=True)
    offer.media = [_offer_media(line, local) for line in lines]
    return offer


def _offer_media(line: DownLine, local: Local) -> Media:
    media = Media(line.kind, mid=line.mid, direction="sendonly" if line.track else "inactive")
    if line.kind == "audio":
        opus = Codec(OPUS_PAYLOAD_TYPE, "opus", 48000, 2, dict(_OPUS_PARAMETERS), ["transport-cc"])
        media.codecs = {OPUS_PAYLOAD_TYPE: opus}
    else:
        feedback = ["nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"]
        vp8 = Codec(VP8_PAYLOAD_TYPE, "VP8", 90000, feedback=feedback)
        rtx = _rtx_codec(RTX_PAYLOAD_TYPE, VP8_PAYLOAD_TYPE)
        media.codecs = {VP8_PAYLOAD_TYPE: vp8, RTX_PAYLOAD_TYPE: rtx}
    media.extensions = [Extension(identifier, uri) for identifier, uri in _OFFERED_EXTENSIONS]
    if line.track:
        media.msid = (line.participant, line.track)
        media.ssrcs[line.ssrc] = line.cname
        if line.rtx_ssrc:
            media.ssrcs[line.rtx_ssrc] = line.cname
            media.fid_groups = [(line.ssrc, line.rtx_ssrc)]
    _add_transport(media, local, "actpass")
    media.rtcp_rsize = True
    return media


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What `read_subscribe_answer` found out."""

    remote: Remote
    extensions: Extensions
    tracks: tuple[DownTrackSpec, ...]


def read_subscribe_answer(answer: Description, lines: Sequence[DownLine]) -> Subscribed:
    """Which of the offered `lines` the peer takes, and how. Raises `NegotiationError`."""
    if len(answer.media) != len(lines):
        raise NegotiationError("badSdp", f"{len(answer.media)} m-lines answer {len(lines)}")
    accepted = set()
    for media, line in zip(answer.media, lines, strict=True):
        if media.kind != line.kind or (media.port and media.mid != line.mid):
            raise NegotiationError("badSdp", f"m-line {line.mid} is answered by another one")
        if media.port:
            accepted.add(media.mid)
    if not accepted:
        raise NegotiationError("badSdp", "every m-line is refused")
    bundled = _bundled(answer, accepted)
    remote = _remote(bundled, answering=False)
    extensions = _extensions(bundled)
    tracks = tuple(
        spec
        for media, line in zip(answer.media, lines, strict=True)
        if line.mid in accepted and line.track and (spec := _down_track(media, line)) is not None
    )
    return Subscribed(remote, extensions, tracks)


def _down_track(media: Media, line: DownLine) -> DownTrackSpec | None:
    codec = _codec(media)
    if codec is None or media.direction not in ("recvonly", "sendrecv"):
        return None
    rtx = _rtx(media, codec) if line.rtx_ssrc else None
    return DownTrackSpec(
        up_track=line.track,
        mid=line.mid,
        kind=line.kind,
        ssrc=line.ssrc,
        rtx_ssrc=line.rtx_ssrc if rtx else 0,
        payload_type=codec.payload_type,
        rtx_payload_type=rtx.payload_type if rtx else 0,
        cname=line.cname,
    )
