"""The codecs that are negotiated, as session descriptions name them (RFC 8866 section 6.6).

Theory of operation. A codec is taken where its entry stands in `FORMATS` and the worker can forward
it (`sfu.codecs`); nothing else in negotiation knows one by name. Names alone do not always tell
whether two ends understand each other: H.264 of one packetization mode or profile is not that of
another (RFC 6184 section 8.2.2). So an entry judges a format that was offered (`fits`) and writes
the parameters that answer it (`answered`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sfu.codecs import opus, vp8
from sfu.codecs.codec import Codec as ForwardedCodec
from signaling.negotiation.description import Codec, Media

OPUS_PARAMETERS: Final = "minptime=10;useinbandfec=1;usedtx=1"


def _any(offered: Codec) -> bool:
    return True


def _without_parameters(offered: Codec) -> str:
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PayloadFormat:
    """One codec in descriptions. Payload types are those of our own offers, each its own in all
    entries: all m-lines of an offer share one transport (RFC 9143 section 9.1)."""

    codec: ForwardedCodec
    title: str
    """As people write it."""
    payload_type: int
    rtx_payload_type: int = 0
    """Of resends (RFC 4588); 0: it is repaired otherwise."""
    red_payload_type: int = 0
    """Of redundant audio (RFC 2198); 0: none is taken or offered."""
    parameters: str = ""
    """`fmtp` of our offers."""
    fits: Callable[[Codec], bool] = _any
    """Whether a format of this name and clock can be forwarded to who takes what we offer."""
    answered: Callable[[Codec], str] = _without_parameters
    """`fmtp` of our answer to this format."""


OPUS: Final = PayloadFormat(
    codec=opus.CODEC,
    title="Opus",
    payload_type=111,
    red_payload_type=63,
    parameters=OPUS_PARAMETERS,
    answered=lambda _: OPUS_PARAMETERS,
)
"""RFC 7587."""
VP8: Final = PayloadFormat(codec=vp8.CODEC, title="VP8", payload_type=96, rtx_payload_type=97)
"""RFC 7741."""

FORMATS: Final[dict[str, PayloadFormat]] = {"opus": OPUS, "vp8": VP8}
"""By the codec's name in lower case, which is how names compare (RFC 4855 section 3). Of several
that an m-line offers the first here is taken."""

REPAIR: Final = frozenset({"red", "rtx"})
"""Names of formats that repair others; in lower case."""


def is_known(name: str) -> bool:
    """Whether a format of this name is anything to us."""
    name = name.lower()
    return name in FORMATS or name in REPAIR


def of(codec: str) -> PayloadFormat:
    """The entry of a codec by its name (`Codec.name` of the worker). Raises `KeyError`."""
    return FORMATS[codec.lower()]


def titles(kind: str) -> str:
    """What could have been offered in an m-line of this kind, for people."""
    return " or ".join(entry.title for entry in FORMATS.values() if entry.codec.kind == kind)


def find_codec(media: Media) -> tuple[Codec, PayloadFormat] | None:
    """The one codec that we take of an m-line: our first, under its sender's preferred type."""
    for entry in FORMATS.values():
        codec = find_format(media, entry) if entry.codec.kind == media.kind else None
        if codec is not None:
            return codec, entry
    return None


def find_format(media: Media, entry: PayloadFormat) -> Codec | None:
    """The payload type in an m-line under which one codec is sent; None where there is none."""
    name, clock_rate = entry.codec.name.lower(), entry.codec.clock_rate
    fitting = {
        codec.payload_type: codec
        for codec in media.codecs.values()
        if codec.clock_rate == clock_rate and codec.name.lower() == name and entry.fits(codec)
    }
    if len(fitting) > 1:
        return next(fitting[int(number)] for number in media.formats if int(number) in fitting)
    return next(iter(fitting.values()), None)
