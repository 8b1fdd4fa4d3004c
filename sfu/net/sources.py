"""The SSRCs that one inbound context keeps SRTP state of: bounded, and never begun twice.

Theory of operation. libsrtp makes a stream for each SSRC of which an authentic packet comes, RTP
and RTCP alike, and finds it by looking at one after the other. A peer that has the keys could so
make each of its packets cost more than the one before. The SSRC is clear in both (RFC 3711
clause 3), so whoever is about to unprotect asks `refuses` first, and calls `heard` when the packet
was authentic: what is forged leaves nothing behind.

SSRCs that carry a stream of the publisher are *bound*: few, and found by the receive path before
it comes here. All others are kept in the order in which they were last heard. When there are too
many, the one that was silent for longest makes room, if that is long enough. With its stream goes
the list of the numbers that were seen (RFC 3711 clause 3.3.2), and whoever recorded its packets
could send them again; so an SSRC that was forgotten is *retired*: not accepted again under these
keys. When as many are retired as one association will ever need, no new ones are let in.

Work and memory do not depend on what comes: a few look-ups a packet, some kilobytes a transport.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final

from sfu.drops import DropReason

MAX_KNOWN: Final = 256
"""Besides bound ones. Firefox reports under one SSRC for each track that it receives; libsrtp's
search through so many takes a microsecond."""
IDLE: Final = 60.0
"""Seconds of silence after which an SSRC may be forgotten: reports come every five at least."""
MAX_RETIRED: Final = 2048
"""Days of a large room where people come and go."""


class Sources:
    """Of one inbound context."""

    __slots__ = ("_known", "_remove", "_retired", "bound")

    def __init__(self, remove: Callable[[int], object]) -> None:
        """`remove(ssrc)` makes libsrtp forget a stream."""
        self.bound: tuple[Container[int], ...] = ()
        """Tables of SSRCs that are in use in any case; read live."""
        self._remove = remove
        self._known: dict[int, float] = {}
        """When each was last heard; the one that was silent for longest comes first."""
        self._retired: set[int] = set()

    def __len__(self) -> int:
        """Streams that libsrtp keeps, besides bound ones that were not heard here."""
        return len(self._known)

    def refuses(self, ssrc: int, now: float) -> DropReason | None:
        """Why a packet of `ssrc` must not be unprotected; None when it may. Changes nothing."""
        if ssrc in self._known or self._is_bound(ssrc):
            return None
        if ssrc in self._retired:
            return DropReason.SSRC_RETIRED
        if len(self._known) < MAX_KNOWN:
            return None
        oldest = next(iter(self._known.values()))
        may_retire = len(self._retired) < MAX_RETIRED and now - oldest >= IDLE
        return None if may_retire else DropReason.TOO_MANY_SSRCS

    def heard(self, ssrc: int, now: float) -> None:
        """An authentic packet of `ssrc` came at `now`; or it was bound, and is not any more."""
        known = self._known
        known.pop(ssrc, None)
        known[ssrc] = now
        while len(known) > MAX_KNOWN:
            oldest = next(iter(known))
            del known[oldest]
            if not self._is_bound(oldest):
                self._remove(oldest)
                self._retired.add(oldest)

    def may_bind(self, ssrc: int) -> bool:
        """Whether a stream may be announced or learned under `ssrc`."""
        if ssrc in self._known:
            return True
        return ssrc not in self._retired and len(self._retired) < MAX_RETIRED

    def _is_bound(self, ssrc: int) -> bool:
        return any(ssrc in table for table in self.bound)
