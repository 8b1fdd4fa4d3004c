"""The dearest messages that a client can send: every attribute, as often as the limits let it.

For each attribute a function gives its n-th line. The lines are put into descriptions with one,
with a publish connection's most, and with the most m-lines of all, each filled up to the limits on
bytes and lines; some of them are refused, others are answered, and either must be cheap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from signaling.negotiation.description import MAX_BYTES, MAX_LINE, MAX_LINES, MAX_MEDIA
from signaling.negotiation.publish_answer import MAX_PUBLISH_MEDIA, MAX_SENDING

_BYTES, _LINES = MAX_BYTES - 16 * 1024, MAX_LINES - 8
"""What is left of the limits for the description; the rest is JSON's, which doubles line ends."""

_DIGEST = ":".join(["AB"] * 32)
_SESSION = (
    "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n"
    f"a=ice-ufrag:abcd\na=ice-pwd:{'p' * 24}\na=fingerprint:sha-256 {_DIGEST}\na=setup:actpass\n"
)
_MANY = MAX_LINE // 2 - 40

ATTRIBUTES: dict[str, Callable[[int], str]] = {
    "rtpmap": lambda n: f"a=rtpmap:{n % 128} VP8/90000",
    "rtpmap of one format": lambda n: "a=rtpmap:96 " + "x" * 64 + "/90000/255",
    "rtcp-fb of all formats": lambda n: f"a=rtcp-fb:* ccm tmmbr {n}",
    "rtcp-fb": lambda n: f"a=rtcp-fb:{n % 128} nack x{n}",
    "rtx of a format": lambda n: f"a=fmtp:{n % 128} apt={(n + 1) % 128}",
    "fmtp of many parameters": lambda n: f"a=fmtp:{n % 128} " + ";a" * _MANY,
    "fmtp of spaces": lambda n: f"a=fmtp:{n % 128} x" + " " * (MAX_LINE - 40) + "apt",
    "fmtp of many blocks": lambda n: f"a=fmtp:{n % 128} " + "111/" * (MAX_LINE // 4 - 9),
    "extmap": lambda n: f"a=extmap:{1 + n % 14}/sendrecv urn:x:{n} " + "x" * 20,
    "rid": lambda n: f"a=rid:r{n} send pt=96;max-width=1280",
    "simulcast": lambda n: "a=simulcast:send " + ";".join(f"{n}x{i}" for i in range(16)),
    "simulcast of commas": lambda n: "a=simulcast:send " + ",~" * _MANY + "a",
    "simulcast of many": lambda n: "a=simulcast:send " + "a;" * _MANY + "a",
    "ssrc": lambda n: f"a=ssrc:{1000 + n % 32} cname:{n}",
    "ssrc of one": lambda n: f"a=ssrc:1 msid:{n} {n}",
    "ssrc-group of resends": lambda n: f"a=ssrc-group:FID {n} {n + 1}",
    "ssrc-group of layers": lambda n: "a=ssrc-group:SIM " + " ".join(str(n + i) for i in range(16)),
    "ssrc-group of many": lambda n: "a=ssrc-group:SIM " + "1 " * _MANY,
    "ssrc-group unknown": lambda n: "a=ssrc-group:FEC-FR " + "1 " * _MANY,
    "msid": lambda n: f"a=msid:s{n} t{n}",
    "ice-ufrag": lambda n: "a=ice-ufrag:" + "a" * 256,
    "ice-pwd": lambda n: "a=ice-pwd:" + "a" * 256,
    "ice-pwd that ends badly": lambda n: "a=ice-pwd:" + "a" * 250 + "-",
    "fingerprint": lambda n: "a=fingerprint:sha-256 " + _DIGEST,
    "fingerprint of another hash": lambda n: "a=fingerprint:sha-1 " + ":".join(["ab"] * 20),
    "setup": lambda n: "a=setup:actpass",
    "mid": lambda n: f"a=mid:{n}",
    "direction": lambda n: "a=sendrecv",
    "candidate": lambda n: f"a=candidate:{n} 1 udp 1 10.0.0.1 {n % 65536} typ host",
    "unknown": lambda n: f"a=x-unknown-{n}:value",
    "flag": lambda n: "a=rtcp-mux",
    "group": lambda n: "a=group:BUNDLE " + "a " * _MANY,
    "bandwidth": lambda n: f"b=AS:{n}",
    "connection": lambda n: "c=IN IP4 0.0.0.0",
    "short": lambda n: "a=",
    "long": lambda n: "a=" + "x" * (MAX_LINE - 2),
    "not ASCII": lambda n: "a=x:" + "é\u0301" * 200,
}
_EACH = tuple(ATTRIBUTES.values())
ATTRIBUTES["each in turn"] = lambda n: _EACH[n % len(_EACH)](n)
_SHAPES = {
    "one": 1,
    "publish": MAX_PUBLISH_MEDIA,
    "most": MAX_MEDIA,
}


def _section(index: int, own: list[str]) -> str:
    kind, codec = ("video", "VP8/90000") if index % 2 else ("audio", "opus/48000/2")
    formats = " ".join(str(number) for number in range(128) if number != 96)
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {formats} 96",
        f"a=mid:m{index}",
        "a=sendonly" if index < MAX_SENDING else "a=inactive",
        "a=rtcp-mux",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        *own,
        f"a=rtpmap:96 {codec}",
    ]
    return "\n".join(lines) + "\n"


def descriptions() -> Iterator[tuple[str, str]]:
    """(name, SDP) of every attribute in every shape."""
    for name, line in ATTRIBUTES.items():
        yield f"{name}, session", _fill([_SESSION], lambda n, line=line: line(n)) + _section(0, [])
        for shape, count in _SHAPES.items():
            group = "a=group:BUNDLE " + " ".join(f"m{index}" for index in range(count)) + "\n"
            frame = _SESSION + group
            empty = len(_section(count, [])) + 8
            share, lines = (_BYTES - len(frame)) // count - empty, _LINES // count - 8
            sections, number = [frame], 0
            for index in range(count):
                own: list[str] = []
                left = share
                while len(own) < lines and left > (size := len(line(number)) + 2):
                    own.append(line(number))
                    left, number = left - size, number + 1
                sections.append(_section(index, own))
            yield f"{name}, {shape}", "".join(sections)


def _fill(parts: list[str], line: Callable[[int], str]) -> str:
    size, lines = sum(map(len, parts)), 40
    while lines < _LINES - 20 and size + len(line(lines)) < _BYTES - 1024:
        text = line(lines) + "\n"
        parts.append(text)
        size, lines = size + len(text) + 1, lines + 1
    return "".join(parts)


def tracks_of(sdp: str) -> list[dict[str, object]]:
    """What a `publish` says of such a description's m-lines."""
    count = min(sdp.count("\nm="), MAX_SENDING)
    sources = ("microphone", "camera")
    return [{"mid": f"m{index}", "source": sources[index % 2]} for index in range(count)]


def publish(sdp: str, number: int = 1) -> str:
    """The message with this offer."""
    return json.dumps({"type": "publish", "id": number, "sdp": sdp, "tracks": tracks_of(sdp)})
