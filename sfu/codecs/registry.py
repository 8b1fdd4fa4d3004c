"""The codecs that a worker can forward, by name."""

from __future__ import annotations

from typing import Final

from sfu.codecs import opus, vp8
from sfu.codecs.codec import Codec

CODECS: Final[dict[str, Codec]] = {codec.name: codec for codec in (opus.CODEC, vp8.CODEC)}
"""What signaling offers is its own choice among them (`signaling.negotiation`)."""


def find(name: str) -> Codec:
    """The codec of a track's description. Raises `KeyError` for one that signaling made up."""
    return CODECS[name]
