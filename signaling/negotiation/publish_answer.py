"""Our answer to what a browser offers to publish (see `signaling.negotiation.parameters`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sfu.control import Extensions, StreamSpec, UpTrackSpec
from signaling.negotiation.description import Codec, Description, Extension, Media
from signaling.negotiation.parameters import (
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    TRANSPORT_CC,
    Code,
    Local,
    NegotiationError,
    Remote,
    add_transport,
    find_extensions,
    find_red,
    find_rtx,
    read_remote,
    red_codec,
    rtx_codec,
    transport_line,
)
from signaling.negotiation.payload_formats import PayloadFormat, find_codec, titles

MAX_SENDING = 8
"""Tracks that one participant may publish at once."""
MAX_PUBLISH_MEDIA = 64
"""M-lines of an offer, for whoever parses it; those of ended tracks stay in it."""
MAX_SIMULCAST = 3


@dataclass(frozen=True, slots=True)
class Rejected:
    """An m-line that would send and is answered with port 0, beside others that are taken."""

    mid: str
    code: Code
    text: str


@dataclass(frozen=True, slots=True)
class Published:
    """What `answer_publish` found out."""

    answer: Description
    remote: Remote | None
    """None when every m-line is closed."""
    extensions: Extensions
    tracks: tuple[UpTrackSpec, ...]
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """An m-line that stays open, and what is taken of it."""

    media: Media
    codec: Codec
    format: PayloadFormat
    rtx: Codec | None
    red: Codec | None
    sends: bool


def answer_publish(
    offer: Description, track_ids: Mapping[str, str], local: Local, version: int, max_bps: int
) -> Published:
    """Answer a browser's offer.

    `track_ids`: mid -> id of the track, for every m-line that is to send. `version`: grows with
    each answer. `max_bps`: what one participant may send in each video, 0 for no limit.
    An m-line that cannot be used is rejected alone (RFC 9429 section 5.3.1) as long as another
    one sends. Raises `NegotiationError`.
    """
    lines, rejected = _read_lines(offer, local.redundancy)
    sending = [line.media for line in lines.values() if line.sends]
    mids = [media.mid for media in sending]
    _check_tracks(mids, [line.mid for line in rejected], track_ids)
    if rejected and not sending:
        raise NegotiationError(rejected[0].code, rejected[0].text)
    remote = None
    if lines:
        taken = [line.media for line in lines.values()]
        remote = read_remote(transport_line(offer, taken), answering=True)
    extensions = find_extensions(sending)
    open_mids = {line.media.mid for line in lines.values()}
    bundle = [mid for mid in offer.bundle if mid in open_mids]
    answer = Description(local.session_id, version, bundle, ice_lite=True)
    setup = "active" if remote and remote.dtls_role == "client" else "passive"
    tracks = []
    for place, media in enumerate(offer.media):
        line, spec = lines.get(place), None
        if line is None:
            answer.media.append(_rejection(media))
            continue
        if line.sends:
            spec = _up_track(line, track_ids[media.mid], extensions, max_bps)
            tracks.append(spec)
        answer.media.append(_answer_media(line, spec, extensions, setup, local))
    return Published(answer, remote, extensions, tuple(tracks), tuple(rejected))


def _read_lines(offer: Description, redundancy: bool) -> tuple[dict[int, _Line], list[Rejected]]:
    """The m-lines that stay open, by place, and those that would send and cannot be used."""
    group = set(offer.bundle)
    usable: dict[int, _Line] = {}
    rejected: list[Rejected] = []
    for place, media in enumerate(offer.media):
        # RFC 9143 section 6: a bundle-only m-line has port 0 and is open all the same.
        if media.port == 0 and not (media.bundle_only and media.mid in group):
            continue
        sends = media.direction.startswith("send")
        found = find_codec(media) if media.is_rtp else None
        if found is not None:
            usable[place] = _line(media, *found, sends, redundancy)
        elif sends and media.kind in ("audio", "video"):
            rejected.append(_no_codec(media))
    # All that is taken shares one transport: the BUNDLE group, or the first m-line alone.
    bundled = {place: line for place, line in usable.items() if line.media.mid in group}
    taken = bundled or dict(list(usable.items())[:1])
    for place, line in usable.items():
        if place not in taken and line.sends:
            text = "all m-lines must be in one BUNDLE group"
            rejected.append(Rejected(line.media.mid, "badSdp", text))
    return taken, rejected


def _line(media: Media, codec: Codec, entry: PayloadFormat, sends: bool, redundancy: bool) -> _Line:
    rtx = find_rtx(media, codec) if entry.rtx_payload_type else None
    redundant = redundancy and sends and entry.red_payload_type != 0
    red = find_red(media, codec) if redundant else None
    return _Line(media, codec, entry, rtx, red, sends)


def _no_codec(media: Media) -> Rejected:
    if not media.is_rtp:
        return Rejected(media.mid, "badSdp", f"m-line {media.mid} is of no profile of RTP")
    code: Code = "noOpus" if media.kind == "audio" else "noVp8"
    return Rejected(media.mid, code, f"m-line {media.mid} offers no {titles(media.kind)}")


def _check_tracks(
    sending: Sequence[str], rejected: Sequence[str], named: Mapping[str, str]
) -> None:
    """`sending` and `rejected`: mids of the m-lines that would send, `named`: those of the tracks.

    One that is rejected need not be named: its sender may have known.
    """
    if "" in sending or "" in rejected:
        raise NegotiationError("badSdp", "an m-line that sends has no mid")
    if missing := sorted(set(sending) - named.keys()):
        raise NegotiationError("badMessage", f"m-line {missing[0]} sends but is not in `tracks`")
    if extra := sorted(named.keys() - {*sending, *rejected}):
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


def _feedback(line: _Line, transport_cc: int) -> list[str]:
    """What we take of the feedback offered, RFC 4585; one congestion feedback only."""
    offered = line.media.feedback_of(line.codec)
    wanted = ["nack", "nack pli", "ccm fir", "transport-cc", "goog-remb"]
    if line.media.kind == "audio":
        wanted = ["nack", "transport-cc", "goog-remb"]
    takes_transport_cc = "transport-cc" in offered and any(
        extension.uri == TRANSPORT_CC and extension.id == transport_cc
        for extension in line.media.extensions
    )
    # REMB and transport-wide feedback answer the same question; the latter needs its extension.
    wanted.remove("goog-remb" if takes_transport_cc else "transport-cc")
    return [value for value in wanted if value in offered]


def _up_track(line: _Line, track: str, extensions: Extensions, max_bps: int) -> UpTrackSpec:
    media = line.media
    feedback = _feedback(line, extensions.transport_cc)
    return UpTrackSpec(
        track=track,
        mid=media.mid,
        kind=line.format.codec.kind,
        codec=line.format.codec.name,
        payload_type=line.codec.payload_type,
        rtx_payload_type=line.rtx.payload_type if line.rtx else 0,
        red_payload_type=line.red.payload_type if line.red else 0,
        streams=_streams(media, extensions, line.rtx is not None),
        nack="nack" in feedback,
        pli="nack pli" in feedback,
        fir="ccm fir" in feedback,
        remb="goog-remb" in feedback,
        transport_cc="transport-cc" in feedback,
        max_bitrate_bps=max_bps if media.kind == "video" else 0,
    )


def _rids(media: Media) -> list[str]:
    if media.kind != "video":
        return []
    declared = {rid for rid, direction in media.rids if direction == "send"}
    return [rid for rid in media.simulcast_send if rid in declared]


def _streams(media: Media, extensions: Extensions, has_rtx: bool) -> tuple[StreamSpec, ...]:
    rids = _rids(media)
    # Simulcast without rids: the SSRCs of a SIM group are the layers, low to high.
    group = media.sim_groups[0] if media.sim_groups and media.kind == "video" and not rids else ()
    if max(len(rids), len(group)) > MAX_SIMULCAST:
        raise NegotiationError("badSdp", f"more than {MAX_SIMULCAST} simulcast streams")
    if rids:
        if not extensions.rid or not extensions.mid:
            raise NegotiationError("badSdp", "simulcast needs the mid and rid header extensions")
        # SSRCs are left to be learned: nothing in an SDP says which of them belongs to which rid.
        return tuple(StreamSpec(rid=rid) for rid in rids)
    fid = dict(media.fid_groups) if has_rtx else {}
    if len(group) > 1:
        return tuple(
            StreamSpec(rid=str(place), ssrc=ssrc, rtx_ssrc=fid.get(ssrc, 0))
            for place, ssrc in enumerate(group)
        )
    repair = {rtx for _, rtx in media.fid_groups}
    # Of several (Plan B put all cameras into one m-line) the first is the track.
    primary = next((ssrc for ssrc in media.ssrcs if ssrc not in repair), None)
    if primary is None:
        if not extensions.mid:
            raise NegotiationError("badSdp", f"m-line {media.mid} names neither SSRC nor mid")
        return (StreamSpec(),)
    return (StreamSpec(ssrc=primary, rtx_ssrc=fid.get(primary, 0)),)


def _answer_media(
    line: _Line, spec: UpTrackSpec | None, extensions: Extensions, setup: str, local: Local
) -> Media:
    media, codec = line.media, line.codec
    ours = Codec(codec.payload_type, codec.name, codec.clock_rate, codec.channels)
    ours.feedback = _feedback(line, extensions.transport_cc)
    ours.fmtp = line.format.answered(codec)
    answer = Media(media.kind, protocol=media.protocol, mid=media.mid)
    answer.direction = "recvonly" if spec else "inactive"
    answer.codecs = {ours.payload_type: ours}
    if line.red is not None:
        # A browser sends what comes first.
        red = red_codec(line.red.payload_type, ours)
        answer.codecs = {red.payload_type: red, **answer.codecs}
    if line.rtx is not None:
        rtx = rtx_codec(line.rtx.payload_type, ours)
        answer.codecs[rtx.payload_type] = rtx
    answer.extensions = _answer_extensions(media, extensions)
    if spec is not None:
        answer.bandwidth_bps = spec.max_bitrate_bps
        answer.simulcast_recv = _rids(media)
        answer.rids = [(rid, "recv") for rid in answer.simulcast_recv]
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


def _rejection(media: Media) -> Media:
    """RFC 3264 section 6: port 0, and the formats as offered."""
    return Media(
        media.kind, 0, media.protocol, list(media.formats), mid=media.mid, direction="inactive"
    )
