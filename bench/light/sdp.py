"""Offers and answers of a simulated participant, written as a browser would."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.light.channel import OpenTransport, Stream
from bench.light.sender import cname
from sfu.control import Extensions, Fingerprint
from signaling.negotiation import sdp
from signaling.negotiation.description import Codec, Description, Extension, Media

OPUS = 111
VP8 = 96
RTX = 97

MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
AUDIO_LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
RID_URI = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID_URI = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
_URIS = (AUDIO_LEVEL_URI, TRANSPORT_CC_URI, MID_URI)

_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", re.I | re.M)


class NegotiationError(Exception):
    """The server's description lacks something; the text says what."""


@dataclass(frozen=True)
class Credentials:
    """ICE user name and password of one transport (RFC 8445 clause 5.3)."""

    ufrag: str = field(default_factory=lambda: secrets.token_hex(4))
    pwd: str = field(default_factory=lambda: secrets.token_hex(16))


def publish_offer(
    participant: int,
    credentials: Credentials,
    fingerprint: Fingerprint,
    kinds: tuple[str, ...],
    rids: Sequence[str] = (),
) -> tuple[str, tuple[Stream, ...]]:
    """An offer to send one track of each kind (`audio`, `video`, `screen`), and its streams.

    With `rids` video is simulcast of these layers, low to high. As Chromium does, the offer then
    names no SSRC of it: mid and rid on the packets do.
    """
    media, streams = [], []
    for number, kind in enumerate(kinds):
        mid = str(number)
        of = "audio" if kind == "audio" else "video"
        line = _media(of, mid, "sendonly", credentials, fingerprint, "actpass")
        line.codecs = _codecs(of)
        line.extensions = [Extension(n, uri) for n, uri in enumerate(_URIS, 1)]
        ssrc, rtx_ssrc = secrets.randbits(32), secrets.randbits(32)
        line.msid = (f"stream-{participant}", f"{kind}-{participant}")
        media.append(line)
        if kind == "video" and rids:
            streams += _offer_simulcast(line, mid, rids)
            continue
        line.ssrcs = {ssrc: cname(participant)}
        if of == "video":
            line.extensions = line.extensions[1:]
            line.ssrcs[rtx_ssrc] = cname(participant)
            line.fid_groups = [(ssrc, rtx_ssrc)]
            streams.append(Stream(kind, ssrc, VP8, mid, "", rtx_ssrc, RTX))
        else:
            streams.append(Stream(kind, ssrc, OPUS, mid))
    return _description(media), tuple(streams)


def receive_offer(credentials: Credentials, fingerprint: Fingerprint, kinds: Sequence[str]) -> str:
    """An offer to receive one track for each of `kinds`."""
    media = []
    for number, kind in enumerate(kinds):
        line = _media(kind, str(number), "recvonly", credentials, fingerprint, "actpass")
        line.codecs = _codecs(kind)
        media.append(line)
    return _description(media)


def _offer_simulcast(line: Media, mid: str, rids: Sequence[str]) -> list[Stream]:
    uris = (*_URIS, RID_URI, REPAIRED_RID_URI)
    line.extensions = [Extension(n, uri) for n, uri in enumerate(uris, 1)][1:]
    line.rids = [(rid, "send") for rid in rids]
    line.simulcast_send = list(rids)
    return [
        Stream("video", secrets.randbits(32), VP8, mid, rid, secrets.randbits(32), RTX)
        for rid in rids
    ]


def subscribe_answer(offer: Description, credentials: Credentials, fingerprint: Fingerprint) -> str:
    """Take everything that is offered."""
    media = []
    for offered in offer.media:
        direction = "recvonly" if offered.direction in ("sendonly", "sendrecv") else "inactive"
        line = _media(offered.kind, offered.mid, direction, credentials, fingerprint, "active")
        line.codecs = _known_codecs(offered)
        line.formats = [str(number) for number in line.codecs] or offered.formats
        line.extensions = [e for e in offered.extensions if e.uri in _URIS]
        line.port = 9 if offered.port else 0
        media.append(line)
    return _description(media)


def _description(media: list[Media]) -> str:
    bundle = [line.mid for line in media if line.port]
    return sdp.write(Description(secrets.randbits(62), 2, bundle, media=media))


def _media(
    kind: str,
    mid: str,
    direction: str,
    credentials: Credentials,
    fingerprint: Fingerprint,
    setup: str,
) -> Media:
    return Media(
        kind,
        mid=mid,
        direction=direction,
        ice_ufrag=credentials.ufrag,
        ice_pwd=credentials.pwd,
        fingerprints=[(fingerprint.algorithm, fingerprint.value)],
        setup=setup,
        rtcp_mux=True,
        rtcp_rsize=True,
    )


def _codecs(kind: str) -> dict[int, Codec]:
    if kind == "audio":
        parameters = "minptime=10;useinbandfec=1"
        return {OPUS: Codec(OPUS, "opus", 48_000, 2, parameters, ["transport-cc"])}
    feedback = ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"]
    return {
        VP8: Codec(VP8, "VP8", 90_000, feedback=feedback),
        RTX: Codec(RTX, "rtx", 90_000, fmtp=f"apt={VP8}"),
    }


def _known_codecs(offered: Media) -> dict[int, Codec]:
    known = {n: c for n, c in offered.codecs.items() if c.name.lower() in ("opus", "vp8")}
    rtx = {
        n: c
        for n, c in offered.codecs.items()
        if c.name.lower() == "rtx" and c.parameters.get("apt") in [str(k) for k in known]
    }
    return known | rtx


def extensions(description: Description) -> Extensions:
    """The ids in use on a transport (with BUNDLE one set for all m-lines)."""
    found = {e.uri: e.id for line in description.media for e in line.extensions}
    return Extensions(
        mid=found.get(MID_URI, 0),
        transport_cc=found.get(TRANSPORT_CC_URI, 0),
        audio_level=found.get(AUDIO_LEVEL_URI, 0),
        rid=found.get(RID_URI, 0),
        repaired_rid=found.get(REPAIRED_RID_URI, 0),
    )


def server_address(text: str, host: str) -> tuple[str, int]:
    """Where to send: the candidate on the host that signaling is reached at, else the first.

    `host` is a name or an address. A server reached on loopback listens there too, whatever
    addresses it offers. Raises `NegotiationError`.
    """
    candidates = [(address, int(port)) for address, port in _CANDIDATE.findall(text)]
    if not candidates:
        raise NegotiationError("the server's description has no UDP candidate")
    for address, port in candidates:
        if address == host:
            return address, port
    if host == "localhost" or _is_loopback(host):
        return ("127.0.0.1" if host == "localhost" else host), candidates[0][1]
    return candidates[0]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def transport_plan(
    *,
    transport: int,
    participant: int,
    text: str,
    host: str,
    credentials: Credentials,
    offered_by_us: bool,
    streams: tuple[Stream, ...] = (),
) -> OpenTransport:
    """What the driver needs to connect, from the server's description `text`.

    Raises `NegotiationError` or `signaling.negotiation.description.SdpError`.
    """
    description = sdp.parse(text)
    line = next((m for m in description.media if m.ice_ufrag and m.port), None)
    if line is None or not line.fingerprints:
        raise NegotiationError("the server's description has no transport")
    # In our answers we are active (`subscribe_answer`); in the server's it names its role.
    server_is_active = offered_by_us and line.setup == "active"
    algorithm, value = line.fingerprints[0]
    return OpenTransport(
        transport=transport,
        participant=participant,
        address=server_address(text, host),
        local_ufrag=credentials.ufrag,
        local_pwd=credentials.pwd,
        remote_ufrag=line.ice_ufrag,
        remote_pwd=line.ice_pwd,
        fingerprint=Fingerprint(algorithm, value),
        dtls_role="server" if server_is_active else "client",
        extensions=extensions(description),
        streams=streams,
    )
