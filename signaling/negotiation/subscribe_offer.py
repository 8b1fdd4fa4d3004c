"""Our offers to a subscriber, and its answers to them (see `signaling.negotiation.parameters`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sfu.codecs.codec import Kind
from sfu.control import DownTrackSpec, Extensions
from signaling.negotiation.description import Codec, Description, Extension, Media
from signaling.negotiation.parameters import (
    MID,
    TRANSPORT_CC,
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
from signaling.negotiation.payload_formats import find_format, of

_OFFERED_EXTENSIONS = ((1, MID), (2, TRANSPORT_CC))
"""Of subscribe connections."""
_FEEDBACK: dict[Kind, tuple[str, ...]] = {
    "audio": ("nack", "transport-cc"),
    # With rrtr (RFC 3611 clause 4.4) a browser that only receives knows its round trip too, and
    # asks again for what it misses after that, not after the 100 ms that it assumes.
    "video": ("nack", "nack pli", "ccm fir", "transport-cc", "goog-remb", "rrtr"),
}


@dataclass(frozen=True, slots=True)
class DownLine:
    """One m-line of a subscribe connection; `track` is '' while nobody uses it."""

    mid: str
    codec: str
    """By its name in `FORMATS`; of a line that nobody uses, what it was last offered for."""
    track: str = ""
    participant: str = ""
    cname: str = ""
    ssrc: int = 0
    rtx_ssrc: int = 0

    @property
    def kind(self) -> Kind:
        return of(self.codec).codec.kind


def offer_subscribe(lines: Sequence[DownLine], local: Local, version: int) -> Description:
    """Our offer: one m-line for each of `lines`, in their order."""
    offer = Description(local.session_id, version, [line.mid for line in lines], ice_lite=True)
    offer.media = [_offer_media(line, local) for line in lines]
    return offer


def _offer_media(line: DownLine, local: Local) -> Media:
    media = Media(line.kind, mid=line.mid, direction="sendonly" if line.track else "inactive")
    entry = of(line.codec)
    known = entry.codec
    codec = Codec(entry.payload_type, known.name, known.clock_rate, known.channels)
    codec.fmtp, codec.feedback = entry.parameters, list(_FEEDBACK[known.kind])
    media.codecs = {codec.payload_type: codec}
    if entry.red_payload_type and local.redundancy:
        media.codecs[entry.red_payload_type] = red_codec(entry.red_payload_type, codec)
    if entry.rtx_payload_type:
        media.codecs[entry.rtx_payload_type] = rtx_codec(entry.rtx_payload_type, codec)
    media.extensions = [Extension(identifier, uri) for identifier, uri in _OFFERED_EXTENSIONS]
    if line.track:
        media.msid = (line.participant, line.track)
        media.ssrcs[line.ssrc] = line.cname
        if line.rtx_ssrc:
            media.ssrcs[line.rtx_ssrc] = line.cname
            media.fid_groups = [(line.ssrc, line.rtx_ssrc)]
    add_transport(media, local, "actpass")
    media.rtcp_rsize = True
    return media


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What `read_subscribe_answer` found out."""

    remote: Remote
    extensions: Extensions
    tracks: tuple[DownTrackSpec, ...]


def read_subscribe_answer(
    answer: Description, lines: Sequence[DownLine], *, redundancy: bool = True
) -> Subscribed:
    """Which of the offered `lines` the peer takes, and how. Raises `NegotiationError`.

    `redundancy`: voices may be sent more than once, in whatever form the peer takes.
    """
    if len(answer.media) != len(lines):
        raise NegotiationError("badSdp", f"{len(answer.media)} m-lines answer {len(lines)}")
    accepted = []
    for media, line in zip(answer.media, lines, strict=True):
        if media.kind != line.kind or (media.port and media.mid != line.mid):
            raise NegotiationError("badSdp", f"m-line {line.mid} is answered by another one")
        if media.port:
            accepted.append(media)
    if not accepted:
        raise NegotiationError("badSdp", "every m-line is refused")
    if len(accepted) > 1 and not {media.mid for media in accepted} <= set(answer.bundle):
        raise NegotiationError("badSdp", "all m-lines must be in one BUNDLE group")
    remote = read_remote(transport_line(answer, accepted), answering=False)
    extensions = find_extensions(accepted)
    tracks = tuple(
        spec
        for media, line in zip(answer.media, lines, strict=True)
        if media.port and line.track and (spec := _down_track(media, line, redundancy)) is not None
    )
    return Subscribed(remote, extensions, tracks)


def _down_track(media: Media, line: DownLine, redundancy: bool) -> DownTrackSpec | None:
    entry = of(line.codec)
    codec = find_format(media, entry)
    if codec is None or media.direction not in ("recvonly", "sendrecv"):
        return None
    rtx = find_rtx(media, codec) if line.rtx_ssrc else None
    red = find_red(media, codec) if entry.red_payload_type else None
    nack = "nack" in media.feedback_of(codec)
    return DownTrackSpec(
        up_track=line.track,
        mid=line.mid,
        kind=entry.codec.kind,
        codec=entry.codec.name,
        ssrc=line.ssrc,
        rtx_ssrc=line.rtx_ssrc if rtx else 0,
        payload_type=codec.payload_type,
        rtx_payload_type=rtx.payload_type if rtx else 0,
        red_payload_type=red.payload_type if red else 0,
        nack=nack,
        copies=redundancy and entry.codec.kind == "audio" and red is None and not nack,
        cname=line.cname,
    )
