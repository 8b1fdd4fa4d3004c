"""When a participant is sent a subscribe offer, and what is in it. No I/O.

Theory of operation. `make` offers what has changed, `renew` is called twice a second. Between two
calls of `renew` a participant is offered once: the first change at once, all that follows in one
offer when the time has come. So the cost of a room in which much happens is bounded by time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from signaling import messages
from signaling.conference.participant import Participant
from signaling.conference.room_media import RoomMedia
from signaling.conference.subscription import Subscription
from signaling.negotiation.subscribe_offer import DownLine

log = logging.getLogger(__name__)


class Offers:
    """Of one room."""

    def __init__(
        self, room: str, media: RoomMedia, participants: Mapping[str, Participant]
    ) -> None:
        """`room`: its name, for the log. `participants`: by id; the room's own, which changes."""
        self._room, self._media, self._participants = room, media, participants
        self._offered: set[str] = set()
        """Who was offered since `renew`."""
        self._waiting: set[str] = set()
        """For whom something may have changed since that offer."""

    def make(self, to: Iterable[Participant] | None = None) -> None:
        """Offer what has changed to `to`, or to everybody."""
        everybody = list(self._participants.values())
        for participant in everybody if to is None else to:
            if participant.id in self._offered:
                self._waiting.add(participant.id)
                continue
            try:
                if self._media.next_offer(participant, everybody):
                    self._offered.add(participant.id)
                    self.send(participant)
            except Exception:
                # A fault about one must not keep the others from being offered.
                log.exception("no offer for %s", participant.id, extra={"room": self._room})

    def renew(self) -> None:
        """Everybody may be offered again, and what waited is."""
        waiting = [one for one in self._participants.values() if one.id in self._waiting]
        self._offered.clear()
        self._waiting.clear()
        self.make(waiting)

    def send(self, participant: Participant) -> None:
        """The offer that is open, if any."""
        subscription = participant.subscription
        if subscription is not None and subscription.open_offer is not None:
            participant.send(self._message(subscription, *subscription.open_offer))

    def _message(
        self, subscription: Subscription, number: int, sdp: str, lines: Iterable[DownLine]
    ) -> messages.Offer:
        offered = []
        for line in lines:
            publisher = self._participants.get(line.participant)
            track = publisher.tracks.get(line.track) if publisher else None
            if track is not None:
                offered.append(
                    messages.OfferedTrack(
                        line.mid, line.track, line.participant, line.kind, track.source
                    )
                )
        first = subscription.answered_with is None
        return messages.Offer(number, sdp, tuple(offered), restart=first)
