"""What offers and answers of both connections have in common (RFC 3264, RFC 9429): pure functions.

Theory of operation. The two connections of a participant never share an offerer.
`publish_answer` reads a browser's offer and gives our answer together with what the media worker
must know; `subscribe_offer` writes our offer and reads which of its m-lines the browser takes. All
of a connection's m-lines share one transport (BUNDLE, rtcp-mux); the server is ICE-lite, so its
candidates are complete from the start. Which codecs there are stands in `payload_formats`.

Nothing in these modules keeps state: whoever calls remembers mids, SSRCs and whether a transport
is connected.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sfu.control import Extensions, Fingerprint
from signaling.negotiation.description import Codec, Description, Media

Code = Literal["badSdp", "noOpus", "noVp8", "badMessage", "notNegotiating"]

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"


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
    tcp_port: int = 0
    """Of passive TCP candidates; 0: none."""
    redundancy: bool = False
    """Whether redundant audio (RFC 2198) is taken and offered."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The peer's end, as its description says."""

    ufrag: str
    pwd: str
    fingerprints: tuple[Fingerprint, ...]
    dtls_role: Literal["server", "client"]
    """Ours."""


def transport_line(description: Description, taken: Sequence[Media]) -> Media:
    """The m-line whose ICE, DTLS and rtcp-mux count for all of `taken`, which share one transport.

    RFC 9143 section 9: the first of the BUNDLE group has them; the others may repeat them or, when
    they are bundle-only, leave them out. Raises `NegotiationError`.
    """
    places = {mid: place for place, mid in enumerate(description.bundle)}
    last = len(places)
    order = sorted(taken, key=lambda media: places.get(media.mid, last))
    group = [media for media in description.media if media.mid in places]
    group.sort(key=lambda media: places[media.mid])
    first = next((media for media in [*order, *group] if media.ice_ufrag), order[0])
    if not first.rtcp_mux:
        raise NegotiationError("badSdp", f"m-line {first.mid} has no rtcp-mux")
    return first


def same_peer(before: Remote, now: Remote) -> bool:
    """Whether `now` can go on with the DTLS association of `before`, whatever its ICE says."""
    return set(before.fingerprints) == set(now.fingerprints) and before.dtls_role == now.dtls_role


def read_remote(first: Media, answering: bool) -> Remote:
    """The peer's end, of the m-line that has the transport. Raises `NegotiationError`."""
    if not first.ice_ufrag or not first.ice_pwd:
        raise NegotiationError("badSdp", "no ice-ufrag and ice-pwd")
    if not first.fingerprints:
        raise NegotiationError("badSdp", "no fingerprint of SHA-256 or better")
    if not answering and first.setup not in ("active", "passive"):
        raise NegotiationError("badSdp", "an answer's setup is active or passive")
    # RFC 5763 section 5: offered actpass, the answerer chooses; we wait for the ClientHello,
    # because only the peer knows when its checks have opened the path.
    role: Literal["server", "client"] = "client" if first.setup == "passive" else "server"
    prints = tuple(Fingerprint(algorithm, digest) for algorithm, digest in first.fingerprints)
    return Remote(first.ice_ufrag, first.ice_pwd, prints, role)


_APT = re.compile(r"(?:^|;)[ \t]*apt[ \t]*=[ \t]*([0-9]{1,3})[ \t]*(?:;|$)", re.IGNORECASE)
"""The format that an RTX format repairs, RFC 4588 section 8.6."""


def find_rtx(media: Media, codec: Codec) -> Codec | None:
    """The payload type of resends of `codec`."""
    for other in media.codecs.values():
        apt = _APT.search(other.fmtp) if other.name.lower() == "rtx" else None
        if apt is not None and int(apt[1]) == codec.payload_type:
            return other
    return None


def find_red(media: Media, primary: Codec) -> Codec | None:
    """Redundant audio (RFC 2198) whose blocks are all of `primary`."""
    like_it = (primary.clock_rate, primary.channels)
    for codec in media.codecs.values():
        if codec.name.lower() != "red" or (codec.clock_rate, codec.channels) != like_it:
            continue
        # RFC 2198 section 5: `a=fmtp:63 111/111`, the types of the blocks.
        blocks = codec.fmtp.partition(";")[0].strip().split("/")
        if len(blocks) > 1 and set(blocks) == {str(primary.payload_type)}:
            return codec
    return None


def find_extensions(sending: Sequence[Media]) -> Extensions:
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


def rtx_codec(payload_type: int, primary: Codec) -> Codec:
    """RFC 4588 section 8.6: with the clock of what it repairs."""
    return Codec(payload_type, "rtx", primary.clock_rate, fmtp=f"apt={primary.payload_type}")


def red_codec(payload_type: int, primary: Codec) -> Codec:
    """A voice, and the packet before it once more (RFC 2198 section 5)."""
    blocks = f"{primary.payload_type}/{primary.payload_type}"
    return Codec(payload_type, "red", primary.clock_rate, primary.channels, blocks)


def add_transport(media: Media, local: Local, setup: str) -> None:
    """Our end of the connection, on one m-line."""
    media.ice_ufrag, media.ice_pwd = local.ice_ufrag, local.ice_pwd
    media.fingerprints = [(local.fingerprint.algorithm, local.fingerprint.value)]
    media.setup = setup
    media.candidates = candidates(local.addresses, local.port, local.tcp_port)
    media.end_of_candidates = media.rtcp_mux = True


_UDP_PREFERENCE, _TCP_PREFERENCE = 126, 90
"""Type preferences of host candidates: TCP is for networks that let nothing else through."""
_PASSIVE = 4
"""Direction preference of a passive host candidate, RFC 6544 section 4.2."""


def candidates(addresses: Sequence[str], port: int, tcp_port: int = 0) -> list[str]:
    """Host candidates of component 1, best first; RFC 8839 section 5.1, RFC 6544 section 4.5.

    Priorities are as RFC 8445 section 5.1.2.1 has them. `tcp_port` 0: UDP only.
    """
    listed = [
        f"{index + 1} 1 udp {_priority(_UDP_PREFERENCE, 65535 - index)} {address} {port} typ host"
        for index, address in enumerate(addresses)
    ]
    for index, address in enumerate(addresses if tcp_port else ()):
        priority = _priority(_TCP_PREFERENCE, (_PASSIVE << 13) + 8191 - index)
        foundation = len(addresses) + index + 1
        listed.append(
            f"{foundation} 1 tcp {priority} {address} {tcp_port} typ host tcptype passive"
        )
    return listed


def _priority(type_preference: int, local_preference: int) -> int:
    return (type_preference << 24) + (local_preference << 8) + 255
