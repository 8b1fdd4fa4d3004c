"""Our answer to what a browser offers to publish (see `signaling.negotiation`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from sfu.control import Extensions, StreamSpec, UpTrackSpec
from signaling.negotiation import (
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    OPUS_PARAMETERS,
    REPAIRED_RID,
    RID,
    TRANSPORT_CC,
    Kind,
    Local,
    NegotiationError,
    Remote,
    add_transport,
    bundled_lines,
    find_codec,
    find_extensions,
    find_red,
    find_rtx,
    read_remote,
    red_codec,
    rtx_codec,
)
from signaling.sdp import Codec, Description, Extension, Media

MAX_SENDING = 8
"""Tracks that one participant may publish at once."""
MAX_PUBLISH_MEDIA = 64
"""M-lines of a publish connection; those of ended tracks stay in it."""
MAX_SIMULCAST = 3


@dataclass(frozen=True, slots=True)
class Published:
    """What `answer_publish` found out."""

    answer: Description
    remote: Remote | None
    """None when every m-line is closed."""
    extensions: Extensions
    tracks: tuple[UpTrackSpec, ...]


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
    bundled = bundled_lines(offer, accepted) if accepted else []
    remote = read_remote(bundled, answering=True) if bundled else None
    extensions = find_extensions([media for media in offer.media if media.mid in sending])
    answer = Description(local.session_id, version, [m.mid for m in bundled], ice_lite=True)
    setup = "active" if remote and remote.dtls_role == "client" else "passive"
    tracks = []
    for media in offer.media:
        if media.mid not in accepted:
            answer.media.append(_rejected(media))
            continue
        spec = None
        if media.mid in sending:
            spec = _up_track(media, track_ids[media.mid], extensions, max_bps, local.redundancy)
            tracks.append(spec)
        answer.media.append(_answer_media(media, spec, extensions, setup, local))
    return Published(answer, remote, extensions, tuple(tracks))


def _acceptable(media: Media) -> bool:
    """Whether the m-line stays open; an unusable one that would send raises."""
    closed = media.port == 0 and not media.bundle_only
    if closed or media.kind not in ("audio", "video"):
        return False
    if find_codec(media) is not None:
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


def _up_track(
    media: Media, track: str, extensions: Extensions, max_bps: int, redundancy: bool
) -> UpTrackSpec:
    codec = find_codec(media)
    assert codec is not None  # `_acceptable` has seen to it
    rtx = find_rtx(media, codec) if media.kind == "video" else None
    red = find_red(media, codec) if media.kind == "audio" and redundancy else None
    feedback = _feedback(media, codec, extensions.transport_cc)
    return UpTrackSpec(
        track=track,
        mid=media.mid,
        kind=cast(Kind, media.kind),
        payload_type=codec.payload_type,
        rtx_payload_type=rtx.payload_type if rtx else 0,
        red_payload_type=red.payload_type if red else 0,
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
    codec = find_codec(media)
    assert codec is not None  # `_acceptable` has seen to it
    rtx = find_rtx(media, codec) if media.kind == "video" else None
    ours = Codec(codec.payload_type, codec.name, codec.clock_rate, codec.channels)
    ours.feedback = _feedback(media, codec, extensions.transport_cc)
    if media.kind == "audio":
        ours.parameters = dict(OPUS_PARAMETERS)
    answer = Media(media.kind, mid=media.mid, direction="recvonly" if spec else "inactive")
    answer.codecs = {ours.payload_type: ours}
    if spec and spec.red_payload_type:
        # A browser sends what comes first.
        red = red_codec(spec.red_payload_type, ours.payload_type)
        answer.codecs = {red.payload_type: red, **answer.codecs}
    if rtx:
        answer.codecs[rtx.payload_type] = rtx_codec(rtx.payload_type, ours.payload_type)
    answer.extensions = _answer_extensions(media, extensions)
    if spec and spec.streams[0].rid:
        answer.simulcast_recv = [stream.rid for stream in spec.streams]
        answer.rids = [(rid, "recv") for rid in answer.simulcast_recv]
    if spec:
        answer.bandwidth_bps = spec.max_bitrate_bps
    add_transport(answer, local, setup)
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
