"""The connection over which a participant receives: its m-lines, offers and answers. No I/O.

Theory of operation. `wanted` is set by the room to the tracks that there are; `next_offer` brings
the m-lines in line with it and gives an offer when something changed and none is open. An m-line
whose track ended is offered inactive; once the peer has answered that, it is free for another
track of its kind (a direct change of SSRC under a running receiver is what browsers do worst).
`answered` reads the answer and gives the down tracks for the worker.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from signaling.negotiation import (
    DownLine,
    Kind,
    Local,
    NegotiationError,
    Subscribed,
    offer_subscribe,
    read_subscribe_answer,
)
from signaling.sdp import MAX_MEDIA, SdpError, parse, write


@dataclass(frozen=True, slots=True)
class Wanted:
    """A track to receive."""

    track: str
    participant: str
    cname: str
    kind: Kind


@dataclass(slots=True)
class Subscription:
    """State of one subscribe connection."""

    transport: str
    ice_ufrag: str
    ice_pwd: str
    session_id: int
    lines: list[DownLine] = field(default_factory=list)
    free: set[str] = field(default_factory=set)
    """Mids of lines that the peer knows to be inactive."""
    open_offer: tuple[int, str, tuple[DownLine, ...]] | None = None
    """(id, SDP, its lines) while unanswered."""
    version: int = 0
    remote_ufrag: str = ""
    connected: bool = False
    packets_received: int = -1
    """At the last count."""
    told_restart: bool = False
    """Whether the peer has answered an offer of this connection."""

    def next_offer(self, wanted: Mapping[str, Wanted], local: Local) -> bool:
        """Open the next offer if one is needed and none is open; True when it is opened."""
        if self.open_offer is not None or not self._update(wanted):
            return False
        self.version += 1
        lines = tuple(self.lines)
        sdp = write(offer_subscribe(lines, local, self.version))
        self.open_offer = (self.version, sdp, lines)
        return True

    def _update(self, wanted: Mapping[str, Wanted]) -> bool:
        """Bring `lines` in line with `wanted`; True when something changed."""
        changed = False
        for index, line in enumerate(self.lines):
            if line.track and line.track not in wanted:
                self.lines[index] = DownLine(line.mid, line.kind)
                changed = True
        present = {line.track for line in self.lines}
        for item in wanted.values():
            if item.track not in present:
                changed |= self._place(item)
        return changed

    def _place(self, item: Wanted) -> bool:
        ssrc, rtx_ssrc = self._new_ssrc(), 0
        if item.kind == "video":
            rtx_ssrc = self._new_ssrc(besides=ssrc)
        line = DownLine("", item.kind, item.track, item.participant, item.cname, ssrc, rtx_ssrc)
        for index, old in enumerate(self.lines):
            if not old.track and old.kind == item.kind and old.mid in self.free:
                self.free.discard(old.mid)
                self.lines[index] = replace(line, mid=old.mid)
                return True
        if len(self.lines) >= MAX_MEDIA:
            return False
        self.lines.append(replace(line, mid=str(len(self.lines))))
        return True

    def _new_ssrc(self, besides: int = 0) -> int:
        used = {line.ssrc for line in self.lines} | {line.rtx_ssrc for line in self.lines}
        while True:
            ssrc = 1 + secrets.randbelow(0xFFFFFFFE)
            if ssrc not in used and ssrc != besides:
                return ssrc

    def answered(self, offer_id: int, sdp: str) -> Subscribed:
        """Close the open offer. Raises `NegotiationError`; the offer then stays open."""
        if self.open_offer is None or self.open_offer[0] != offer_id:
            raise NegotiationError("notNegotiating", f"offer {offer_id} is not open")
        lines = self.open_offer[2]
        try:
            result = read_subscribe_answer(parse(sdp), lines)
        except SdpError as error:
            raise NegotiationError("badSdp", str(error)) from None
        if self.remote_ufrag and result.remote.ufrag != self.remote_ufrag:
            raise NegotiationError("badSdp", "ICE credentials changed: ask for a new connection")
        self.remote_ufrag = result.remote.ufrag
        self.open_offer = None
        self.told_restart = True
        self.free |= {line.mid for line in lines if not line.track}
        return result
