"""Offers with the features that clients in use have, built line by line."""

from __future__ import annotations

from dataclasses import dataclass, field

DIGEST = ":".join(f"{number:02X}" for number in range(32))
ICE = ("ice-ufrag:Abcd", "ice-pwd:" + "p" * 24)
DTLS = (f"fingerprint:sha-256 {DIGEST}", "setup:actpass")
MUX = ("rtcp-mux",)
MID_ID = "extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid"
CC_ID = "extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
RID_ID = "extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
OPUS = (
    "rtpmap:111 opus/48000/2",
    "fmtp:111 minptime=10;useinbandfec=1",
    "rtcp-fb:111 transport-cc",
)
VP8 = (
    "rtpmap:96 VP8/90000",
    "rtcp-fb:96 transport-cc",
    "rtcp-fb:96 nack",
    "rtcp-fb:96 nack pli",
    "rtpmap:97 rtx/90000",
    "fmtp:97 apt=96",
)
H264 = ("rtpmap:96 H264/90000", *VP8[1:])
VOICE = ("ssrc:111111 cname:x",)
CAMERA = ("ssrc-group:FID 222 333", "ssrc:222 cname:x", "ssrc:333 cname:x")


@dataclass
class Section:
    """One m-line; attributes without `a=`."""

    line: str
    attributes: list[str] = field(default_factory=list)

    def without(self, *names: str) -> Section:
        """The same, but for attributes of these names."""
        kept = [one for one in self.attributes if one.split(":")[0] not in names]
        return Section(self.line, kept)

    def plus(self, *attributes: str) -> Section:
        """The same with more."""
        return Section(self.line, [*self.attributes, *attributes])

    def on(self, line: str) -> Section:
        """The same attributes under another m-line."""
        return Section(line, list(self.attributes))


def audio(mid: str = "0", direction: str = "sendonly") -> Section:
    """A voice as Chromium offers it."""
    return Section(
        "audio 9 UDP/TLS/RTP/SAVPF 111",
        [f"mid:{mid}", direction, *ICE, *DTLS, *MUX, MID_ID, CC_ID, *OPUS, *VOICE],
    )


def video(
    mid: str = "1",
    direction: str = "sendonly",
    codec: tuple[str, ...] = VP8,
    streams: tuple[str, ...] = CAMERA,
) -> Section:
    """One video, not simulcast."""
    return Section(
        "video 9 UDP/TLS/RTP/SAVPF 96 97",
        [f"mid:{mid}", direction, *ICE, *DTLS, *MUX, MID_ID, CC_ID, *codec, *streams],
    )


def text(
    *sections: Section, session: tuple[str, ...] = (), bundle: str = "0 1", end: str = "\r\n"
) -> str:
    """The whole description; `session`: attributes before the first m-line."""
    lines = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if bundle:
        lines.append(f"a=group:BUNDLE {bundle}")
    lines += [f"a={one}" for one in session]
    for section in sections:
        lines += [f"m={section.line}", "c=IN IP4 0.0.0.0"]
        lines += [f"a={one}" for one in section.attributes]
    return end.join(lines) + end
