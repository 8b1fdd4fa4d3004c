"""Session descriptions (RFC 8866, as browsers write them after RFC 8829): a parser and a writer.

Theory of operation. `parse` turns text into a `Description` and keeps only the lines that this
server understands; `write` turns a `Description` back into text. Attributes are read by a table
of name to function. What a browser may add in future is ignored; what is wrong in a line that we
rely on raises `SdpError` with a reason that may be shown to the sender. Attributes of ICE and
DTLS at session level are inherited by each m-line that has none (RFC 8839 section 5.4).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sized
from dataclasses import dataclass, field

MAX_BYTES = 256 * 1024
MAX_LINES = 16_000
MAX_LINE = 2_000
"""Characters."""
MAX_MEDIA = 256
"""M-lines of one description."""
MAX_STREAMS = 32
"""SSRCs, rids or extensions of one m-line."""

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

_MEDIA_LINE = re.compile(
    r"([a-z]{1,16}) ([0-9]{1,5})(?:/[0-9]{1,3})? ([A-Z/]{3,24})((?: \S{1,32})+)"
)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,32}")
_RID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_ICE_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_ICE_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{3,16}) ((?:[0-9A-Fa-f]{2}:){15,63}[0-9A-Fa-f]{2})")
_RTPMAP = re.compile(r"([0-9]{1,3}) ([A-Za-z0-9._-]{1,32})/([0-9]{1,6})(?:/([0-9]{1,2}))?")
_EXTMAP = re.compile(r"([0-9]{1,5})(?:/(sendrecv|sendonly|recvonly|inactive))? (\S{1,200})(?: .*)?")
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""Fingerprint hashes that are strong enough; others are passed over (RFC 8122 section 5)."""


class SdpError(ValueError):
    """The description cannot be used; the text says why, in words for whoever sent it."""


@dataclass(slots=True)
class Codec:
    """One payload type."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    parameters: dict[str, str] = field(default_factory=dict)
    """`fmtp`; a parameter without `=` has the value ''."""
    feedback: list[str] = field(default_factory=list)
    """`rtcp-fb` values, as `nack pli`."""


@dataclass(slots=True)
class Extension:
    """A header extension, RFC 8285."""

    id: int
    uri: str
    direction: str = ""
    """As its m-line's when empty."""


@dataclass(slots=True)
class Media:
    """One m-line and its attributes."""

    kind: str
    port: int = 9
    protocol: str = "UDP/TLS/RTP/SAVPF"
    formats: list[str] = field(default_factory=list)
    mid: str = ""
    direction: str = "sendrecv"
    codecs: dict[int, Codec] = field(default_factory=dict)
    """By payload type; `formats` has their order of preference."""
    extensions: list[Extension] = field(default_factory=list)
    rids: list[tuple[str, str]] = field(default_factory=list)
    """(id, `send` or `recv`)."""
    simulcast_send: list[str] = field(default_factory=list)
    """Rids, in order; of alternatives the first."""
    simulcast_recv: list[str] = field(default_factory=list)
    ssrcs: dict[int, str] = field(default_factory=dict)
    """SSRC to cname ('' when not told)."""
    fid_groups: list[tuple[int, int]] = field(default_factory=list)
    """(media SSRC, RTX SSRC), RFC 5576 and RFC 4588."""
    msid: tuple[str, str] | None = None
    bandwidth_bps: int = 0
    """`b=TIAS`, RFC 3890; 0 when not told."""
    ice_ufrag: str = ""
    ice_pwd: str = ""
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    """(hash in lower case, upper-case pairs with colons)."""
    setup: str = ""
    bundle_only: bool = False
    """Port 0 then does not mean that the m-line is closed (RFC 9143 section 6)."""
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    candidates: list[str] = field(default_factory=list)
    """Values of `a=candidate`; kept when writing only, the server learns addresses from checks."""
    end_of_candidates: bool = False


@dataclass(slots=True)
class Description:
    """A whole session description."""

    session_id: int = 0
    session_version: int = 0
    bundle: list[str] = field(default_factory=list)
    """Mids of the first BUNDLE group, RFC 9143."""
    ice_lite: bool = False
    media: list[Media] = field(default_factory=list)


def parse(text: str) -> Description:
    """Raises `SdpError`."""
    lines = _split(text)
    session, inherited = Description(), Media("session")
    media: Media | None = None
    seen_mids: set[str] = set()
    for number, (letter, value) in enumerate(lines, 1):
        try:
            if letter == "m":
                media = _media_line(value)
                session.media.append(media)
                if len(session.media) > MAX_MEDIA:
                    raise SdpError(f"more than {MAX_MEDIA} m-lines")
            elif letter == "a":
                name, _, rest = value.partition(":")
                if media is None:
                    _session_attribute(session, inherited, name, rest)
                else:
                    _media_attribute(media, name, rest)
        except SdpError as error:
            raise SdpError(f"line {number}: {error}") from None
    for media in session.media:
        _inherit(media, inherited)
        if media.mid:
            if media.mid in seen_mids:
                raise SdpError(f"mid {media.mid} is used twice")
            seen_mids.add(media.mid)
    return session


def _split(text: str) -> list[tuple[str, str]]:
    if len(text) > MAX_BYTES:
        raise SdpError(f"longer than {MAX_BYTES} bytes")
    rows = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(rows) > MAX_LINES:
        raise SdpError(f"more than {MAX_LINES} lines")
    if rows[0] != "v=0":
        raise SdpError("not a session description: it does not begin with v=0")
    lines = []
    for number, row in enumerate(rows, 1):
        if len(row) > MAX_LINE:
            raise SdpError(f"line {number} is longer than {MAX_LINE} characters")
        if len(row) < 2 or row[1] != "=" or not row[0].isascii() or not row[0].islower():
            raise SdpError(f"line {number} is not of the form x=value")
        if not row.isprintable():
            raise SdpError(f"line {number} has a control character")
        lines.append((row[0], row[2:]))
    return lines


def _match(pattern: re.Pattern[str], value: str, what: str) -> re.Match[str]:
    match = pattern.fullmatch(value)
    if match is None:
        raise SdpError(f"{what} is malformed")
    return match


def _number(value: str, low: int, high: int, what: str) -> int:
    # isdigit alone lets through digits of other scripts.
    if not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise SdpError(f"{what} is not a number")
    number = int(value)
    if not low <= number <= high:
        raise SdpError(f"{what} is not in {low}..{high}")
    return number


def _media_line(value: str) -> Media:
    match = _match(_MEDIA_LINE, value, "the m-line")
    port = _number(match[2], 0, 65535, "the port")
    media = Media(match[1], port, match[3], match[4].split())
    if media.kind in ("audio", "video"):
        for payload_type in media.formats:
            _number(payload_type, 0, 127, "a payload type")
        if len(set(media.formats)) != len(media.formats):
            raise SdpError("a payload type is listed twice")
    return media


def _session_attribute(session: Description, inherited: Media, name: str, value: str) -> None:
    if name == "group":
        kind, *mids = value.split()[: MAX_MEDIA + 1] or [""]
        if kind == "BUNDLE" and not session.bundle:
            session.bundle = mids
    elif name == "ice-lite":
        session.ice_lite = True
    elif name in _INHERITED or name in DIRECTIONS:
        _media_attribute(inherited, name, value)


def _inherit(media: Media, session: Media) -> None:
    if not media.ice_ufrag:
        media.ice_ufrag, media.ice_pwd = session.ice_ufrag, session.ice_pwd
    media.fingerprints = media.fingerprints or session.fingerprints
    media.setup = media.setup or session.setup


def _media_attribute(media: Media, name: str, value: str) -> None:
    if name in DIRECTIONS:
        media.direction = name
    elif (read := _ATTRIBUTES.get(name)) is not None:
        read(media, value)


def _read_mid(media: Media, value: str) -> None:
    media.mid = _match(_TOKEN, value, "the mid")[0]


def _read_rtpmap(media: Media, value: str) -> None:
    match = _match(_RTPMAP, value, "an rtpmap")
    payload_type = _number(match[1], 0, 127, "a payload type")
    if match[1] not in media.formats:
        raise SdpError(f"the rtpmap's payload type {payload_type} is not on the m-line")
    codec = _codec(media, payload_type)
    codec.name, codec.clock_rate, codec.channels = match[2], int(match[3]), int(match[4] or 1)


def _codec(media: Media, payload_type: int) -> Codec:
    # rtcp-fb and fmtp may come before the rtpmap (Firefox sorts its attributes by name).
    return media.codecs.setdefault(payload_type, Codec(payload_type, "", 0))


def _read_fmtp(media: Media, value: str) -> None:
    number, _, rest = value.partition(" ")
    if number not in media.formats or not number.isdigit():
        return
    parameters = _codec(media, int(number)).parameters
    for part in rest.split(";"):
        name, _, text = part.strip().partition("=")
        if name:
            parameters[name] = text


def _read_feedback(media: Media, value: str) -> None:
    number, _, rest = value.partition(" ")
    targets = media.formats if number == "*" else [number]
    for target in targets:
        if target in media.formats and target.isdigit():
            feedback = _codec(media, int(target)).feedback
            if len(feedback) < MAX_STREAMS:
                feedback.append(rest.strip())


def _read_extmap(media: Media, value: str) -> None:
    match = _match(_EXTMAP, value, "an extmap")
    _bounded(media.extensions, "extmaps")
    identifier = _number(match[1], 1, 65535, "an extension id")
    media.extensions.append(Extension(identifier, match[3], match[2] or ""))


def _read_rid(media: Media, value: str) -> None:
    parts = value.split()
    if len(parts) < 2 or parts[1] not in ("send", "recv"):
        raise SdpError("a rid is malformed")
    _bounded(media.rids, "rids")
    media.rids.append((_match(_RID, parts[0], "a rid")[0], parts[1]))


def _read_simulcast(media: Media, value: str) -> None:
    parts = value.split()
    if len(parts) not in (2, 4):
        raise SdpError("the simulcast line is malformed")
    for direction, listed in zip(parts[::2], parts[1::2], strict=True):
        # `~` marks a paused stream, `,` separates alternatives (RFC 8853 section 5.1).
        rids = [item.split(",")[0].lstrip("~") for item in listed.split(";")]
        if len(rids) > MAX_STREAMS or len(set(rids)) != len(rids):
            raise SdpError("the simulcast line is malformed")
        for rid in rids:
            _match(_RID, rid, "a rid of the simulcast line")
        if direction == "send":
            media.simulcast_send = rids
        elif direction == "recv":
            media.simulcast_recv = rids
        else:
            raise SdpError("the simulcast line is malformed")


def _read_ssrc(media: Media, value: str) -> None:
    number, _, rest = value.partition(" ")
    ssrc = _number(number, 0, 0xFFFFFFFF, "an SSRC")
    if ssrc not in media.ssrcs:
        _bounded(media.ssrcs, "SSRCs")
        media.ssrcs[ssrc] = ""
    if rest.startswith("cname:"):
        media.ssrcs[ssrc] = rest[6:]


def _read_ssrc_group(media: Media, value: str) -> None:
    semantics, *numbers = value.split()[:MAX_STREAMS] or [""]
    if semantics != "FID":
        return
    if len(numbers) != 2:
        raise SdpError("an FID group needs two SSRCs")
    _bounded(media.fid_groups, "FID groups")
    primary, rtx = (_number(number, 0, 0xFFFFFFFF, "an SSRC") for number in numbers)
    media.fid_groups.append((primary, rtx))


def _read_msid(media: Media, value: str) -> None:
    stream, _, track = value.partition(" ")
    media.msid = (stream, track)


def _read_ufrag(media: Media, value: str) -> None:
    media.ice_ufrag = _match(_ICE_UFRAG, value, "ice-ufrag")[0]


def _read_pwd(media: Media, value: str) -> None:
    media.ice_pwd = _match(_ICE_PWD, value, "ice-pwd")[0]


def _read_fingerprint(media: Media, value: str) -> None:
    match = _match(_FINGERPRINT, value, "a fingerprint")
    algorithm, digest = match[1].lower(), match[2].upper()
    size = _DIGEST_BYTES.get(algorithm)
    if size is None:
        return
    if len(digest) != 3 * size - 1:
        raise SdpError(f"a {algorithm} fingerprint of the wrong length")
    _bounded(media.fingerprints, "fingerprints")
    media.fingerprints.append((algorithm, digest))


def _read_setup(media: Media, value: str) -> None:
    if value not in ("actpass", "active", "passive"):
        raise SdpError("setup is neither actpass, active nor passive")
    media.setup = value


def _read_bundle_only(media: Media, value: str) -> None:
    media.bundle_only = True


def _read_rtcp_mux(media: Media, value: str) -> None:
    media.rtcp_mux = True


def _read_rtcp_rsize(media: Media, value: str) -> None:
    media.rtcp_rsize = True


def _bounded(items: Sized, what: str) -> None:
    if len(items) >= MAX_STREAMS:
        raise SdpError(f"more than {MAX_STREAMS} {what} in one m-line")


_ATTRIBUTES: dict[str, Callable[[Media, str], None]] = {
    "mid": _read_mid,
    "rtpmap": _read_rtpmap,
    "fmtp": _read_fmtp,
    "rtcp-fb": _read_feedback,
    "extmap": _read_extmap,
    "rid": _read_rid,
    "simulcast": _read_simulcast,
    "ssrc": _read_ssrc,
    "ssrc-group": _read_ssrc_group,
    "msid": _read_msid,
    "ice-ufrag": _read_ufrag,
    "ice-pwd": _read_pwd,
    "fingerprint": _read_fingerprint,
    "setup": _read_setup,
    "bundle-only": _read_bundle_only,
    "rtcp-mux": _read_rtcp_mux,
    "rtcp-rsize": _read_rtcp_rsize,
}
_INHERITED = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")


def write(description: Description) -> str:
    """The text, with CRLF line ends."""
    lines = [
        "v=0",
        f"o=- {description.session_id} {description.session_version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
    ]
    if description.ice_lite:
        lines.append("a=ice-lite")
    if description.bundle:
        lines.append("a=group:BUNDLE " + " ".join(description.bundle))
    lines.append("a=msid-semantic: WMS *")
    for media in description.media:
        lines += _media_lines(media)
    return "\r\n".join(lines) + "\r\n"


def _media_lines(media: Media) -> list[str]:
    formats = media.formats or [str(number) for number in media.codecs]
    lines = [f"m={media.kind} {media.port} {media.protocol} {' '.join(formats)}"]
    lines.append("c=IN IP4 0.0.0.0")
    if media.bandwidth_bps:
        # Firefox reads TIAS, every browser AS (kbit/s).
        lines.append(f"b=AS:{media.bandwidth_bps // 1000}")
        lines.append(f"b=TIAS:{media.bandwidth_bps}")
    if media.mid:
        lines.append(f"a=mid:{media.mid}")
    lines.append(f"a={media.direction}")
    lines += _transport_lines(media)
    for extension in media.extensions:
        direction = f"/{extension.direction}" if extension.direction else ""
        lines.append(f"a=extmap:{extension.id}{direction} {extension.uri}")
    for codec in media.codecs.values():
        lines += _codec_lines(codec)
    lines += [f"a=rid:{rid} {direction}" for rid, direction in media.rids]
    if media.simulcast_send:
        lines.append("a=simulcast:send " + ";".join(media.simulcast_send))
    if media.simulcast_recv:
        lines.append("a=simulcast:recv " + ";".join(media.simulcast_recv))
    if media.msid:
        lines.append(f"a=msid:{media.msid[0]} {media.msid[1]}")
    lines += [f"a=ssrc-group:FID {primary} {rtx}" for primary, rtx in media.fid_groups]
    lines += [f"a=ssrc:{ssrc} cname:{cname}" for ssrc, cname in media.ssrcs.items()]
    return lines


def _transport_lines(media: Media) -> list[str]:
    lines = []
    if media.ice_ufrag:
        lines += [f"a=ice-ufrag:{media.ice_ufrag}", f"a=ice-pwd:{media.ice_pwd}"]
    lines += [f"a=fingerprint:{algorithm} {digest}" for algorithm, digest in media.fingerprints]
    if media.setup:
        lines.append(f"a=setup:{media.setup}")
    lines += [f"a=candidate:{candidate}" for candidate in media.candidates]
    if media.end_of_candidates:
        lines.append("a=end-of-candidates")
    if media.rtcp_mux:
        lines.append("a=rtcp-mux")
    if media.rtcp_rsize:
        lines.append("a=rtcp-rsize")
    return lines


def _codec_lines(codec: Codec) -> list[str]:
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}{channels}"]
    lines += [f"a=rtcp-fb:{codec.payload_type} {feedback}" for feedback in codec.feedback]
    if codec.parameters:
        text = ";".join(f"{k}={v}" if v else k for k, v in codec.parameters.items())
        lines.append(f"a=fmtp:{codec.payload_type} {text}")
    return lines
