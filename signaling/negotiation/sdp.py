"""Session descriptions (RFC 8866, as browsers write them after RFC 9429): a parser and a writer.

Theory of operation. `parse` turns text into a `Description` and keeps only the lines that this
server understands; `write` turns a `Description` back into text. Attributes are read by a table
of name to function (`sdp_attributes`). What stands before the first m-line is inherited by each
m-line that has none of its own: direction (RFC 8866 section 6.7), header extensions (RFC 8285
section 5), and what belongs to ICE and DTLS (RFC 8839 section 5.4, RFC 8122, RFC 8842).

Work is linear in the size of the text, and small for each line: descriptions come from strangers
and are read on the event loop that all rooms share.
"""

from __future__ import annotations

import re

from signaling.negotiation.description import (
    MAX_BYTES,
    MAX_LINE,
    MAX_LINES,
    MAX_MEDIA,
    Codec,
    Description,
    Media,
    SdpError,
)
from signaling.negotiation.sdp_attributes import OF_MEDIA, OF_OTHERS, OF_SESSION, number_of

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_KIND = re.compile(r"[A-Za-z0-9.+-]{1,32}")
_PROTOCOL = re.compile(r"[A-Za-z0-9./+-]{1,32}")
_PAYLOAD_TYPES = frozenset(map(str, range(128)))


def parse(text: str, max_media: int = MAX_MEDIA) -> Description:
    """`max_media`: m-lines that are expected at most. Raises `SdpError`."""
    session, inherited = Description(), Media("session")
    rows, number = _rows(text), 0
    media: Media | None = None
    target, readers = inherited, OF_SESSION
    try:
        for row in rows:
            number += 1
            if len(row) > MAX_LINE:
                raise SdpError(f"longer than {MAX_LINE} characters")
            if row.startswith("a="):
                name, _, value = row[2:].rstrip().partition(":")
                if (reader := readers.get(name)) is not None:
                    reader(target, value)
                elif media is None:
                    _session_attribute(session, name, value)
            elif row.startswith("m="):
                target = media = _media_line(row[2:])
                readers = OF_MEDIA if media.is_rtp else OF_OTHERS
                session.media.append(media)
                if len(session.media) > max_media:
                    raise SdpError(f"more than {max_media} m-lines")
            elif row[1:2] != "=" or not "a" <= row[0] <= "z":
                raise SdpError("not of the form x=value")
    except SdpError as error:
        raise SdpError(f"line {number}: {error}") from None
    _inherit(session, inherited)
    for one in session.media:
        for codec in one.codecs.values():
            payload_type = str(codec.payload_type)
            codec.fmtp = one.format_parameters.get(payload_type, "")
            codec.feedback = one.format_feedback.get(payload_type, [])
    return session


def _rows(text: str) -> list[str]:
    if len(text) > MAX_BYTES:
        raise SdpError(f"longer than {MAX_BYTES} bytes")
    # RFC 8866 section 5: CRLF ends a line, and a parser should take LF alone too.
    text = text.replace("\r\n", "\n").rstrip()
    if text.count("\n") >= MAX_LINES:
        raise SdpError(f"more than {MAX_LINES} lines")
    rows = text.split("\n")
    # Nearly always nothing is unprintable, which is seen ten times as fast.
    if not "".join(rows).isprintable() and (control := _CONTROLS.search(text)) is not None:
        raise SdpError(f"line {text.count(chr(10), 0, control.start()) + 1}: a control character")
    if rows[0].rstrip() != "v=0":
        raise SdpError("not a session description: it does not begin with v=0")
    return rows


def _media_line(value: str) -> Media:
    kind, port, protocol, *formats = [*value.split(), "", "", ""]
    del formats[-3:]
    if not (_KIND.fullmatch(kind) and _PROTOCOL.fullmatch(protocol) and formats):
        raise SdpError("the m-line is malformed")
    media = Media(kind, number_of(port.partition("/")[0], 0, 65535, "the port"), protocol, formats)
    if media.is_rtp:
        media.offered = frozenset(formats)
        if not media.offered <= _PAYLOAD_TYPES:
            raise SdpError("a payload type is not in 0..127")
        if len(media.offered) != len(formats):
            raise SdpError("a payload type is listed twice")
    return media


def _session_attribute(session: Description, name: str, value: str) -> None:
    if name == "group" and not session.bundle:
        semantics, *mids = value.split(None, MAX_MEDIA + 1)[: MAX_MEDIA + 1] or [""]
        if semantics == "BUNDLE":
            session.bundle = mids
    elif name == "ice-lite":
        session.ice_lite = True


def _inherit(session: Description, inherited: Media) -> None:
    seen_mids: set[str] = set()
    for media in session.media:
        media.direction = media.direction or inherited.direction or "sendrecv"
        if not media.ice_ufrag:
            media.ice_ufrag, media.ice_pwd = inherited.ice_ufrag, inherited.ice_pwd
        media.fingerprints = media.fingerprints or inherited.fingerprints
        media.setup = media.setup or inherited.setup
        media.extensions += inherited.extensions
        if media.mid:
            if media.mid in seen_mids:
                raise SdpError(f"mid {media.mid} is used twice")
            seen_mids.add(media.mid)


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
    lines.append(f"a={media.direction or 'sendrecv'}")
    lines += _transport_lines(media)
    for extension in media.extensions:
        direction = f"/{extension.direction}" if extension.direction else ""
        lines.append(f"a=extmap:{extension.id}{direction} {extension.uri}")
    for codec in media.codecs.values():
        lines += _codec_lines(codec)
    lines += [f"a=rtcp-fb:* {feedback}" for feedback in media.feedback]
    lines += [f"a=rid:{rid} {direction}" for rid, direction in media.rids]
    if media.simulcast_send:
        lines.append("a=simulcast:send " + ";".join(media.simulcast_send))
    if media.simulcast_recv:
        lines.append("a=simulcast:recv " + ";".join(media.simulcast_recv))
    if media.msid:
        lines.append(f"a=msid:{media.msid[0]} {media.msid[1]}")
    lines += [f"a=ssrc-group:SIM {' '.join(map(str, group))}" for group in media.sim_groups]
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
    if codec.fmtp:
        lines.append(f"a=fmtp:{codec.payload_type} {codec.fmtp}")
    return lines
