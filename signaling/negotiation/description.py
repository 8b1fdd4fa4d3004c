"""What a session description holds, as far as this server understands it. Plain data, and bounds.

The module `sdp` reads and writes the text; `parameters` and its neighbours decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_BYTES = 256 * 1024
MAX_LINES = 5_000
"""A browser's first offer has 150; its answer to the hundred tracks of a full room 2,200."""
MAX_LINE = 2_000
"""Characters."""
MAX_MEDIA = 192
"""M-lines of one description."""
MAX_STREAMS = 32
"""SSRCs, rids, extensions or fingerprints of one m-line, and feedback of one format."""
MAX_LISTED = 16
"""Rids of one direction of a simulcast line, and SSRCs of a SIM group."""
MAX_CODECS = 32
"""That are known by name, in one m-line: browsers offer RTX for each of a dozen formats."""
MAX_PARAMETERS = 32
"""Of one format; what is behind them is not read."""

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
PROFILES = frozenset(
    {
        "RTP/AVP",
        "RTP/AVPF",
        "RTP/SAVP",
        "RTP/SAVPF",
        "TCP/DTLS/RTP/SAVP",
        "TCP/DTLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "UDP/TLS/RTP/SAVPF",
    }
)
"""Of RTP: all mean the same here, and the answer repeats what was offered (RFC 9429 section
5.1.2)."""


class SdpError(ValueError):
    """The description cannot be used; the text says why, in words for whoever sent it."""


@dataclass(slots=True)
class Codec:
    """One payload type."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    fmtp: str = ""
    """Format parameters as they stand in the line; read when somebody asks for them."""
    feedback: list[str] = field(default_factory=list)
    """`rtcp-fb` values, as `nack pli`; those of all formats are in `Media.feedback`."""

    @property
    def parameters(self) -> dict[str, str]:
        """`fmtp` by name, in lower case; a parameter without `=` has the value ''."""
        found = {}
        for part in self.fmtp.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS]:
            name, _, value = part.partition("=")
            if name := name.strip().lower():
                found[name] = value.strip()
        return found


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
    direction: str = ""
    """'' until it is known: `sendrecv` when neither the m-line nor the session says another."""
    codecs: dict[int, Codec] = field(default_factory=dict)
    """By payload type; `formats` has their order of preference. Of a description that was read only
    those that are known by name (`payload_formats.is_known`)."""
    offered: frozenset[str] = frozenset()
    """The payload types of `formats` once more, when it was read."""
    format_parameters: dict[str, str] = field(default_factory=dict)
    """`fmtp` as it was read, by payload type."""
    format_feedback: dict[str, list[str]] = field(default_factory=dict)
    """`rtcp-fb` as it was read, by payload type."""
    feedback: list[str] = field(default_factory=list)
    """`rtcp-fb:*`, of every format."""
    extensions: list[Extension] = field(default_factory=list)
    rids: list[tuple[str, str]] = field(default_factory=list)
    """(id, `send` or `recv`)."""
    simulcast_send: list[str] = field(default_factory=list)
    """Rids, in order; of alternatives the first."""
    simulcast_recv: list[str] = field(default_factory=list)
    ssrcs: dict[int, str] = field(default_factory=dict)
    """SSRC to cname ('' when none is named)."""
    fid_groups: list[tuple[int, int]] = field(default_factory=list)
    """(media SSRC, RTX SSRC), RFC 5576 and RFC 4588."""
    sim_groups: list[tuple[int, ...]] = field(default_factory=list)
    """Media SSRCs of simulcast without rids, low to high, as Chromium's Plan B wrote it."""
    msid: tuple[str, str] | None = None
    bandwidth_bps: int = 0
    """`b=TIAS`, RFC 3890; 0 when the line is absent."""
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

    @property
    def is_rtp(self) -> bool:
        """Whether it is audio or video in one of the profiles; others are for nobody here."""
        return self.kind in ("audio", "video") and self.protocol in PROFILES

    def feedback_of(self, codec: Codec) -> list[str]:
        """All feedback offered for one of the codecs."""
        return codec.feedback + self.feedback


@dataclass(slots=True)
class Description:
    """A whole session description."""

    session_id: int = 0
    session_version: int = 0
    bundle: list[str] = field(default_factory=list)
    """Mids of the first BUNDLE group, RFC 9143."""
    ice_lite: bool = False
    media: list[Media] = field(default_factory=list)
