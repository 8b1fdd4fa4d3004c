"""Attributes of a session description that this server understands, by a table of name to reader.

Each reader does work in proportion to its line, and what it leaves behind is bounded: attributes
of which there may be many are counted, those of which there is one are read once. What is wrong
in a line that we rely on raises `SdpError`; what a browser may add in future is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sized

from signaling.negotiation.description import (
    DIRECTIONS,
    MAX_CODECS,
    MAX_LISTED,
    MAX_STREAMS,
    Codec,
    Extension,
    Media,
    SdpError,
)
from signaling.negotiation.payload_formats import is_known

Reader = Callable[[Media, str], None]

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,64}")
_RID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ICE_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_ICE_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"([A-Za-z0-9-]{3,16}) +((?:[0-9A-Fa-f]{2}:){15,63}[0-9A-Fa-f]{2})")
_EXTMAP = re.compile(
    r"([0-9]{1,5})(?:/(sendrecv|sendonly|recvonly|inactive))? +(\S{1,200})(?: .*)?"
)
_SIMULCAST = re.compile(r" *(send|recv) +([\w~,;-]+)(?: +(send|recv) +([\w~,;-]+))?", re.ASCII)
_DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""Fingerprint hashes that are strong enough; others are passed over (RFC 8122 section 5)."""


def _match(pattern: re.Pattern[str], value: str, what: str) -> re.Match[str]:
    match = pattern.fullmatch(value)
    if match is None:
        raise SdpError(f"{what} is malformed")
    return match


def number_of(value: str, low: int, high: int, what: str) -> int:
    """A decimal number within bounds. Raises `SdpError`."""
    # isdigit alone lets through digits of other scripts.
    if not (value.isascii() and value.isdigit() and len(value) <= 20):
        raise SdpError(f"{what} is not a number")
    number = int(value)
    if not low <= number <= high:
        raise SdpError(f"{what} is not in {low}..{high}")
    return number


def _bounded(items: Sized, what: str) -> None:
    if len(items) >= MAX_STREAMS:
        raise SdpError(f"more than {MAX_STREAMS} {what} in one m-line")


def _read_mid(media: Media, value: str) -> None:
    media.mid = _match(_TOKEN, value, "the mid")[0]


def _direction(name: str) -> Reader:
    def read(media: Media, value: str) -> None:
        media.direction = name

    return read


def _read_rtpmap(media: Media, value: str) -> None:
    number, _, rest = value.strip().partition(" ")
    name, *figures = rest.lstrip().split("/", 2)
    # Who edits a description by a program often takes a format off the m-line only.
    if number not in media.offered or not is_known(name):
        return
    if not figures or not all(map(_is_short_number, figures)):
        raise SdpError("an rtpmap is malformed")
    if len(media.codecs) < MAX_CODECS:
        rate, channels = int(figures[0]), int(figures[1]) if len(figures) > 1 else 1
        media.codecs[int(number)] = Codec(int(number), name, rate, channels)


def _is_short_number(text: str) -> bool:
    # isdigit alone lets through digits of other scripts.
    return text.isdigit() and text.isascii() and len(text) < 10


def _read_fmtp(media: Media, value: str) -> None:
    number, _, rest = value.partition(" ")
    # RFC 8866 section 6.15: one line for each format. It may come before the rtpmap (Firefox sorts
    # its attributes by name), as may rtcp-fb.
    if number in media.offered:
        media.format_parameters.setdefault(number, rest)


def _read_feedback(media: Media, value: str) -> None:
    number, _, rest = value.partition(" ")
    if number == "*":
        listed = media.feedback
    elif number in media.offered:
        listed = media.format_feedback.setdefault(number, [])
    else:
        return
    if len(listed) < MAX_STREAMS:
        listed.append(" ".join(rest.split(None, 4)))


def _read_extmap(media: Media, value: str) -> None:
    match = _match(_EXTMAP, value, "an extmap")
    _bounded(media.extensions, "extmaps")
    identifier = number_of(match[1], 1, 65535, "an extension id")
    media.extensions.append(Extension(identifier, match[3], match[2] or ""))


def _read_rid(media: Media, value: str) -> None:
    parts = value.split(None, 2)
    if len(parts) < 2 or parts[1] not in ("send", "recv"):
        raise SdpError("a rid is malformed")
    _bounded(media.rids, "rids")
    media.rids.append((_match(_RID, parts[0], "a rid")[0], parts[1]))


def _read_simulcast(media: Media, value: str) -> None:
    match = _match(_SIMULCAST, value, "the simulcast line")
    if media.simulcast_send or media.simulcast_recv:
        raise SdpError("there is more than one simulcast line")
    if match[1] == match[3]:
        raise SdpError("the simulcast line is malformed")
    for direction, listed in ((match[1], match[2]), (match[3], match[4])):
        if direction == "send":
            media.simulcast_send = _rids_of(listed)
        elif direction == "recv":
            media.simulcast_recv = _rids_of(listed)


def _rids_of(listed: str) -> list[str]:
    """Of one direction: `~` marks a paused stream, `,` separates alternatives (RFC 8853 section
    5.1)."""
    items = listed.split(";", MAX_LISTED)
    rids = [item.split(",", 1)[0].lstrip("~") for item in items]
    if len(rids) > MAX_LISTED or len(set(rids)) != len(rids):
        raise SdpError("the simulcast line is malformed")
    for rid in rids:
        _match(_RID, rid, "a rid of the simulcast line")
    return rids


def _read_ssrc(media: Media, value: str) -> None:
    number, _, rest = value.strip().partition(" ")
    ssrc = number_of(number, 0, 0xFFFFFFFF, "an SSRC")
    if ssrc not in media.ssrcs:
        _bounded(media.ssrcs, "SSRCs")
        media.ssrcs[ssrc] = ""
    if rest.startswith("cname:"):
        media.ssrcs[ssrc] = rest[6:]


def _read_ssrc_group(media: Media, value: str) -> None:
    semantics, *numbers = value.split(None, MAX_LISTED + 1)[: MAX_LISTED + 1] or [""]
    if semantics == "FID":
        if len(numbers) != 2:
            raise SdpError("an FID group needs two SSRCs")
        _bounded(media.fid_groups, "FID groups")
        primary, rtx = (number_of(number, 0, 0xFFFFFFFF, "an SSRC") for number in numbers)
        media.fid_groups.append((primary, rtx))
    elif semantics == "SIM":
        _bounded(media.sim_groups, "SIM groups")
        group = tuple(number_of(number, 0, 0xFFFFFFFF, "an SSRC") for number in numbers)
        if not group or len(set(group)) != len(group):
            raise SdpError("a SIM group needs SSRCs, each once")
        media.sim_groups.append(group)


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
    role = value.lower()
    if role not in ("actpass", "active", "passive"):
        raise SdpError("setup is neither actpass, active nor passive")
    media.setup = role


def _read_bundle_only(media: Media, value: str) -> None:
    media.bundle_only = True


def _read_rtcp_mux(media: Media, value: str) -> None:
    media.rtcp_mux = True


def _read_rtcp_rsize(media: Media, value: str) -> None:
    media.rtcp_rsize = True


_DIRECTIONS: dict[str, Reader] = {name: _direction(name) for name in DIRECTIONS}

OF_SESSION: dict[str, Reader] = _DIRECTIONS | {
    "extmap": _read_extmap,
    "ice-ufrag": _read_ufrag,
    "ice-pwd": _read_pwd,
    "fingerprint": _read_fingerprint,
    "setup": _read_setup,
}
"""What may stand before the first m-line and counts for each that has none of its own."""

OF_MEDIA: dict[str, Reader] = OF_SESSION | {
    "mid": _read_mid,
    "rtpmap": _read_rtpmap,
    "fmtp": _read_fmtp,
    "rtcp-fb": _read_feedback,
    "rid": _read_rid,
    "simulcast": _read_simulcast,
    "ssrc": _read_ssrc,
    "ssrc-group": _read_ssrc_group,
    "msid": _read_msid,
    "bundle-only": _read_bundle_only,
    "rtcp-mux": _read_rtcp_mux,
    "rtcp-mux-only": _read_rtcp_mux,
    "rtcp-rsize": _read_rtcp_rsize,
}

OF_OTHERS: dict[str, Reader] = {"mid": _read_mid}
"""Of an m-line that is neither audio nor video in a profile of RTP."""
