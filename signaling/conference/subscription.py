"""The connection over which a participant receives: its m-lines, offers and answers. No I/O.

Theory of operation. `wanted` is set by the room to the tracks that there are; `next_offer` brings
the m-lines in line with it and gives an offer when something changed and none is open. An m-line
whose track ended is offered inactive; once the peer has answered that, it is free for another
track of its kind (a direct change of SSRC under a running receiver is what browsers do worst).
`answered` reads the answer and gives the down tracks for the worker.

ICE restarts (RFC 8839 section 4.4.1.1.1) by the next offer: `restart_wanted` asks for one; whoever
calls `next_offer` has given the subscription new credentials by then (`takes_restart`). Only the
answer to such an offer may come with another user name, and never with another certificate.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from sfu.control import DownTrackSpec
from signaling import messages
from signaling.conference.media_connection import MediaConnection
from signaling.negotiation import payload_formats
from signaling.negotiation.description import MAX_MEDIA, SdpError
from signaling.negotiation.parameters import (
    Local,
    NegotiationError,
    same_peer,
)
from signaling.negotiation.sdp import parse, write
from signaling.negotiation.subscribe_offer import (
    DownLine,
    Subscribed,
    offer_subscribe,
    read_subscribe_answer,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A track to receive."""

    track: str
    participant: str
    cname: str
    codec: str
    """By its name, as it is published: nothing is transcoded."""


@dataclass(slots=True)
class Subscription(MediaConnection):
    """State of one subscribe connection."""

    direction: ClassVar[messages.MediaConnection] = "subscribe"

    lines: list[DownLine] = field(default_factory=list)
    free: set[str] = field(default_factory=set)
    """Mids of lines that the peer knows to be inactive."""
    open_offer: tuple[int, str, tuple[DownLine, ...]] | None = None
    """(id, SDP, its lines) while unanswered."""
    answered_with: Subscribed | None = None
    """The latest answer."""
    listed: dict[int, DownTrackSpec] = field(default_factory=dict)
    """By SSRC: what the worker sends."""
    spent: set[int] = field(default_factory=set)
    """SSRCs that it sent and must not send again, as long as a line or an answer names them."""
    restart_wanted: bool = False
    """The peer's network changed; the next offer has new ICE credentials."""
    restart_open: bool = False
    """The open offer has."""
    receiving: messages.Receiving | None = None
    """The latest that the worker has reported of it."""
    renewal_wanted: bool = False
    """It has ended and the client has asked for another one."""

    @property
    def takes_restart(self) -> bool:
        """Whether the next offer restarts ICE, and may be opened now."""
        return self.restart_wanted and self.open_offer is None and self.remote is not None

    @property
    def blocks_next(self) -> bool:
        """Whether it failed and the client, which must drop its end first, has not asked yet."""
        return not self.open and not self.renewal_wanted

    def end(self, failure: str = "") -> None:
        """Nothing is received over it any more."""
        MediaConnection.end(self, failure)
        self.receiving = None

    def restart_ice(self) -> None:
        """Ask for an ICE restart; while the offer of one is open, that one is meant."""
        self.restart_wanted = not self.restart_open

    def next_offer(self, wanted: Mapping[str, Wanted], local: Local) -> bool:
        """Open the next offer if one is needed and none is open; True when it is opened."""
        if self.open_offer is not None:
            return False
        restart = self.takes_restart
        if not self._update(wanted) and not restart:
            return False
        self.restart_wanted, self.restart_open = False, restart
        self.version += 1
        lines = tuple(self.lines)
        sdp = write(offer_subscribe(lines, local, self.version))
        self.open_offer = (self.version, sdp, lines)
        return True

    def _update(self, wanted: Mapping[str, Wanted]) -> bool:
        """Bring `lines` in line with `wanted`; True when something changed."""
        changed = False
        for index, line in enumerate(self.lines):
            if not line.track:
                continue
            item = wanted.get(line.track)
            if item is None or item.codec != line.codec or line.ssrc in self.spent:
                self.lines[index] = DownLine(line.mid, line.codec)
                changed = True
        present = {line.track for line in self.lines}
        for item in wanted.values():
            if item.track not in present:
                changed |= self._place(item)
        return changed

    def _place(self, item: Wanted) -> bool:
        ssrc, rtx_ssrc = self._new_ssrc(), 0
        if payload_formats.of(item.codec).rtx_payload_type:
            rtx_ssrc = self._new_ssrc(besides=ssrc)
        line = DownLine("", item.codec, item.track, item.participant, item.cname, ssrc, rtx_ssrc)
        for index, old in enumerate(self.lines):
            if not old.track and old.kind == line.kind and old.mid in self.free:
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

    def list_tracks(self, tracks: Sequence[DownTrackSpec]) -> None:
        """Bring `listed` in line with the tracks of the answer that are to be sent.

        What left the list comes back under another SSRC only, by the next offer: a sender that
        begins anew would encrypt other packets under numbers used before (RFC 3711 section 9.1),
        and the receiver would take them for replays.
        """
        listed = {
            track.ssrc: track
            for track in tracks
            if track.ssrc not in self.spent and self.listed.get(track.ssrc, track) == track
        }
        self.spent |= self.listed.keys() - listed.keys()
        self.listed = listed
        # What no line and no answer names any more cannot come back, so it need not be remembered.
        offered = self.lines if self.open_offer is None else [*self.lines, *self.open_offer[2]]
        answered = self.answered_with.tracks if self.answered_with is not None else ()
        self.spent &= {line.ssrc for line in offered} | {track.ssrc for track in answered}

    def answered(self, offer_id: int, sdp: str, *, redundancy: bool = True) -> Subscribed:
        """Close the open offer; `redundancy` as in `read_subscribe_answer`.

        Raises `NegotiationError`; the offer then stays open.
        """
        if self.open_offer is None or self.open_offer[0] != offer_id:
            raise NegotiationError("notNegotiating", f"offer {offer_id} is not open")
        lines = self.open_offer[2]
        try:
            result = read_subscribe_answer(parse(sdp, len(lines)), lines, redundancy=redundancy)
        except SdpError as error:
            raise NegotiationError("badSdp", str(error)) from None
        if self.remote is not None:
            if not same_peer(self.remote, result.remote):
                text = "the DTLS certificate or role changed: ask for a new connection"
                raise NegotiationError("badSdp", text)
            if not self.restart_open and result.remote.ufrag != self.remote.ufrag:
                text = "ICE credentials changed: ask for a new connection"
                raise NegotiationError("badSdp", text)
        self.remote, self.answered_with = result.remote, result
        self.open_offer, self.restart_open = None, False
        self.free |= {line.mid for line in lines if not line.track}
        return result
