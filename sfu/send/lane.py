"""What the hot path needs of a receiver: its lane, one flat tuple a down track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from sfu.codecs.codec import Codec
from sfu.send.egress import Egress
from sfu.send.packet_map import Segment

ONE_BYTE_PROFILE: Final = 0xBEDE0001
"""A one-byte header extension block of one word (RFC 8285 clause 4.2)."""
PATCHED: Final = 0x100
"""Bit of `layout`: frame numbers are shifted."""
REMEMBERED: Final = 0x200
"""Bit of `layout`: protected packets are kept for resends without RTX."""
TAG_MASK: Final = 0xFF
"""Bits of `layout`: bytes that protection adds."""
HEADER_SHIFT: Final = 16
"""Above this in `layout`: bytes of the RTP header."""

Item = tuple[int, int, int, int, int]
"""Offset in the group, marker and padding bits, sequence number, timestamp, length."""


class Receiver(Protocol):
    """What the forwarder needs of a down track besides its lane."""

    codec: Codec
    closed: bool
    """Its SRTP state is gone: nothing may be sent to it."""

    def remember(self, items: Sequence[Item], position: int, segment: Segment) -> None:
        """Keep the protected packets that stand at `position` of its egress; only where the lane's
        layout has `REMEMBERED`."""


Lane = tuple[
    int,
    Egress,
    bytearray,
    Any,
    Any,
    list[tuple[int, int]],
    int,
    int,
    int,
    int,
    int,
    Segment,
    Receiver,
]
"""What the forwarder needs of a down track for a packet, in one tuple: layout, egress, its data,
pointer, SRTP context and runs, first header word, SSRC word, extension word, sequence number and
timestamp deltas, the segment they are of, the down track. Made anew whenever one changes."""
SEGMENT: Final = 11
"""Place in a `Lane`."""
RECEIVER: Final = 12
"""Place of the down track in a `Lane`."""
