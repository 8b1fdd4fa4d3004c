"""A room while people are in it: participants, tracks, chat, who speaks. No I/O.

Theory of operation. Every method that changes something sends it to everybody concerned by
`Participant.send`, then opens the subscribe offers that became necessary (`offers`), so that
changes made within one call go into one offer, and emits its events last. `now` is always passed
in, in seconds of one monotonic clock, except where a time of day is meant (`at`).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping

from sfu.control import DownTrackStates, LayersWanted, TransportChanged, TransportStats
from signaling import messages
from signaling.access import tokens
from signaling.access.identity import Identity
from signaling.conference import events, quality, reasons
from signaling.conference.offers import Offers
from signaling.conference.participant import Participant
from signaling.conference.publication import Publication, Track
from signaling.conference.room_description import RoomDescription
from signaling.conference.room_media import MediaWorker, RoomMedia
from signaling.conference.subscription import Subscription
from signaling.meter import browser_digest
from signaling.naming import twins
from signaling.refusals import RefusedError

log = logging.getLogger(__name__)

SPEAKING_STALE = 1.0
"""Seconds after which levels that nobody repeated are silence."""


class Room:
    """One room; made by the first to join, over when `participants` is empty."""

    def __init__(
        self,
        description: RoomDescription,
        media: RoomMedia,
        room_events: events.RoomEvents,
    ) -> None:
        """`room_events`: where it emits what happens in it."""
        self.description = description
        self.skeletons = twins.skeletons(description.name)
        """Its name without differences that the eye misses (`naming.twins`)."""
        self.media = media
        self.events = room_events
        self.participants: dict[str, Participant] = {}
        self.call = tokens.new_id("call")
        """Names this use of the room, in statistics."""
        self.creator = ""
        """The `limits.address_key` of who made it; '' for one that is not counted."""
        self.started = 0.0
        """Unix time."""
        self._chat: deque[messages.ChatEntry] = deque(maxlen=description.chat_kept)
        self._speaking: tuple[messages.SpeakingLevel, ...] = ()
        self._speaking_at = 0.0
        self._quality = quality.QualityReports()
        self._offers = Offers(self.name, media, self.participants)

    @property
    def name(self) -> str:
        """Of its description."""
        return self.description.name

    @property
    def full(self) -> bool:
        """Whether nobody else may come in."""
        return len(self.participants) >= self.description.capacity

    def __contains__(self, participant: object) -> bool:
        return (
            isinstance(participant, Participant)
            and self.participants.get(participant.id) is participant
        )

    # Coming and going.

    def join(self, identity: Identity) -> Participant:
        """Add somebody; the caller sets `connection` and sends `welcome`, then calls `joined`."""
        participant = Participant(
            tokens.new_id("p"), identity, tokens.new_secret(), cname=tokens.new_id("c")
        )
        self.participants[participant.id] = participant
        return participant

    def joined(self, participant: Participant) -> None:
        """Announce somebody to the others, and offer them what there is."""
        self._send_others(participant, messages.ParticipantJoined(participant.info()))
        if self._quality.latest:
            participant.send(messages.Quality(self._quality.latest))
        self._offers.make()
        self.events.emit(events.Joined(**self._who(participant), identity=participant.identity))

    def welcome(self, participant: Participant, resumed: bool) -> messages.Welcome:
        """The whole state, for `participant`."""
        return messages.Welcome(
            version=messages.VERSION,
            participant=participant.id,
            token=participant.token,
            resumed=resumed,
            room=messages.RoomInfo(
                self.name, self.description.capacity, bool(self.description.password_hash)
            ),
            participants=tuple(
                other.info() for other in self.participants.values() if other is not participant
            ),
            chat=tuple(self._chat),
        )

    def resume(self, participant: Participant) -> None:
        """Somebody is back, with a new `connection`: send all that it may have missed."""
        participant.away_since = None
        participant.send(self.welcome(participant, resumed=True))
        missed, participant.missed = participant.missed, {}
        for message in missed.values():
            participant.send(message)
        self._offers.send(participant)
        if self._speaking:
            participant.send(messages.Speaking(self._speaking))
        self._send_layers(participant)
        if participant.subscription is not None and participant.subscription.receiving is not None:
            participant.send(participant.subscription.receiving)
        if self._quality.latest:
            participant.send(messages.Quality(self._quality.latest))

    def away(self, participant: Participant, cleanly: bool, now: float) -> None:
        """The connection is gone. `cleanly`: it was closed as by a page that goes away."""
        participant.connection = None
        participant.away_since, participant.left_cleanly = now, cleanly

    def remove(self, participant: Participant, reason: events.LeaveReason) -> None:
        """Somebody goes for good."""
        if self.participants.pop(participant.id, None) is None:
            return
        log.info("%s (%s) %s", participant.name, participant.id, reason, extra=self.fields())
        ended = list(participant.tracks.values())
        self.media.leave(participant)
        self._send_all(messages.ParticipantLeft(participant.id, reason))
        self._offers.make()
        self._emit_tracks(events.TrackEnded, participant, ended)
        digest = tokens.digest(participant.token)
        self.events.emit(events.Left(**self._who(participant), reason=reason, token_digest=digest))

    def remove_gone(self, now: float) -> None:
        """Remove those who were away for too long, and let stale levels fall silent."""
        for participant in list(self.participants.values()):
            gone_at = participant.gone_at()
            if gone_at is not None and gone_at <= now:
                self.remove(participant, "left" if participant.left_cleanly else "lost")
        if self._speaking and now - self._speaking_at > SPEAKING_STALE:
            self._set_speaking(())

    def renew_offers(self) -> None:
        """Everybody may be offered again, and what waited is; call twice a second."""
        self._offers.renew()

    # What participants ask for.

    def publish(self, participant: Participant, message: messages.Publish) -> None:
        """An offer of a participant. Raises `RefusedError`."""
        change = self.media.publish(participant, message)
        participant.missed.pop("publish", None)
        participant.send(change.reply)
        self._send_layers(participant)
        for track in change.ended:
            self._send_others(participant, messages.TrackUnpublished(participant.id, track.id))
        for track in change.begun:
            self._send_others(participant, messages.TrackPublished(participant.id, track.info()))
        for track in change.muted:
            self._send_muted(participant, track)
        if change.ended or change.begun or change.recoded:
            self._offers.make()
        self._emit_tracks(events.TrackEnded, participant, change.ended)
        self._emit_tracks(events.TrackPublished, participant, change.begun)
        self._emit_tracks(events.TrackMuted, participant, change.muted)

    def answer(self, participant: Participant, message: messages.Answer) -> None:
        """Raises `RefusedError`."""
        self.media.answer(participant, message)
        self._offers.make([participant])

    def resubscribe(self, participant: Participant) -> None:
        """The participant's subscribe connection failed on its side."""
        self.media.resubscribe(participant)
        self._offers.make([participant])

    def restart_ice(self, participant: Participant) -> None:
        """The participant's network changed: offer its subscribe connection with an ICE restart.

        Without one there is nothing to restart; while an offer is open, the next one does it.
        """
        if participant.subscription is not None:
            participant.subscription.restart_ice()
            self._offers.make([participant])

    def view(self, participant: Participant, message: messages.View, now: float) -> float:
        """What the participant looks at. Gives the seconds after which to call `view_due`, or 0."""
        wait = participant.view.put(message, now)
        if wait == 0:
            self._report_view(participant, now)
        return wait or 0.0

    def view_due(self, participant: Participant, now: float) -> None:
        """The newest view that came too soon after the one before is reported now."""
        if participant.view.waits:
            self._report_view(participant, now)

    def _report_view(self, participant: Participant, now: float) -> None:
        participant.view.reported(now)
        if participant in self:
            self.media.view_changed(participant)
            self._offers.make([participant])

    def digest(self, participant: Participant, message: messages.Digest, now: float) -> None:
        """What the participant's browser counts; more often than is useful is left out."""
        before = participant.digest
        if before is None or now - before.at >= browser_digest.MIN_INTERVAL:
            participant.digest = browser_digest.checked(message, now)

    def why(self, participant: Participant, other: str) -> None:
        """Send what keeps one from another. Raises `RefusedError`."""
        if other == participant.id:
            raise RefusedError("badMessage", "that is you")
        publisher = self.participants.get(other)
        found = reasons.explain(participant, publisher) if publisher else reasons.absent(other)
        participant.send(found)

    def mute(self, participant: Participant, message: messages.Mute) -> None:
        """Raises `RefusedError`."""
        track = participant.tracks.get(message.track)
        if track is None:
            raise RefusedError("unknownTrack", f"you publish no track {message.track}")
        if track.muted != message.muted:
            track.muted = message.muted
            self._send_muted(participant, track)
            self._emit_tracks(events.TrackMuted, participant, [track])

    def chat(self, participant: Participant, text: str, at: float) -> None:
        """`at`: Unix time."""
        entry = messages.ChatEntry(participant.id, participant.name, text, at)
        self._chat.append(entry)
        self._send_all(messages.ChatMessage(entry.participant, entry.name, entry.text, entry.at))

    # What the worker reports.

    def placed(self, worker: MediaWorker) -> None:
        """A worker took the room over after its own died; everyone rebuilds."""
        self.media.place(worker)
        self._send_all(messages.Reset())

    def worker_lost(self) -> None:
        """The room has no media until `placed`."""
        ended = [(one, list(one.tracks.values())) for one in self.participants.values()]
        for participant, tracks in ended:
            for track in tracks:
                self._send_others(participant, messages.TrackUnpublished(participant.id, track.id))
        self.media.worker_lost(self.participants.values())
        self._set_speaking(())
        for participant, tracks in ended:
            self._emit_tracks(events.TrackEnded, participant, tracks)

    def transport_changed(self, event: TransportChanged) -> None:
        """A transport of this room connected, failed or closed."""
        found = self.media.find(event.transport)
        if found is None:
            return
        participant, connection = found
        log.debug(
            "%s of %s %s", connection.direction, participant.id, event.state, extra=self.fields()
        )
        if event.state == "checked":
            connection.state = event.state
            self._offers.make()
            return
        ended: list[Track] = []
        if event.state == "connected":
            connection.state = event.state
        else:
            if isinstance(connection, Publication):
                ended = list(connection.tracks.values())
            self.media.ended(connection, event.reason)
        participant.send(messages.Transport(connection.direction, event.state, event.reason))
        for track in ended:
            self._send_others(participant, messages.TrackUnpublished(participant.id, track.id))
        self._offers.make()
        self._emit_tracks(events.TrackEnded, participant, ended)

    def layers_wanted(self, event: LayersWanted) -> None:
        """Which encodings of a track somebody receives."""
        match self.media.find(event.transport):
            case (participant, Publication() as publication):
                if event.track in publication.tracks:
                    publication.layers[event.track] = event.rids
                    participant.send(messages.Layers(event.track, event.rids))

    def down_track_states(self, event: DownTrackStates) -> None:
        """What a participant is sent."""
        match self.media.find(event.transport):
            case (participant, Subscription() as subscription):
                tracks = tuple(
                    messages.ReceivedTrack(one.up_track, one.state, one.spatial, one.limited)
                    for one in event.tracks
                )
                subscription.receiving = messages.Receiving(tracks, event.estimate_bps)
                participant.send(subscription.receiving)

    def transport_stats(self, stats: TransportStats, now: float) -> None:
        """Counters of one of this room's transports: whether its participant can still be heard."""
        found = self.media.find(stats.transport)
        if found is not None:
            participant, connection = found
            before, connection.stats = connection.stats, stats
            if before is None or before.packets_received != stats.packets_received:
                participant.received_at = now

    def grade(self, now: float) -> None:
        """Everybody's network; call once a second, after `transport_stats` of all."""
        for participant in self.participants.values():
            publication, subscription = participant.publication, participant.subscription
            figures = quality.measure(
                publication.stats if publication else None,
                subscription.stats if subscription else None,
            )
            if figures is None or participant.sends_nothing(now):
                participant.network.set_lost()
            else:
                participant.network.add(figures)
        networks = {one.id: one.network for one in self.participants.values()}
        report = self._quality.next(networks, now)
        if report is not None:
            self._send_all(messages.Quality(report))

    def audio_levels(self, levels: Mapping[str, int], now: float) -> None:
        """Who speaks now."""
        self._speaking_at = now
        self._set_speaking(
            tuple(
                messages.SpeakingLevel(participant, level)
                for participant, level in sorted(levels.items())
                if participant in self.participants
            )
        )

    @property
    def speaking(self) -> frozenset[str]:
        """Ids of those who speak now."""
        return frozenset(entry.id for entry in self._speaking)

    def _set_speaking(self, speaking: tuple[messages.SpeakingLevel, ...]) -> None:
        if speaking != self._speaking:
            self._speaking = speaking
            self._send_all(messages.Speaking(speaking))

    # Sending.

    def fields(self) -> dict[str, str]:
        """For log lines."""
        return {"room": self.name}

    def _emit_tracks(
        self,
        kind: type[events.TrackPublished | events.TrackEnded | events.TrackMuted],
        participant: Participant,
        tracks: Iterable[Track],
    ) -> None:
        for track in tracks:
            self.events.emit(kind(**self._who(participant), track=track.info()))

    def _who(self, participant: Participant) -> dict[str, str]:
        """For an event of a participant."""
        return {
            "room": self.name,
            "call": self.call,
            "participant": participant.id,
            "name": participant.name,
        }

    def _send_all(self, message: messages.FromServer) -> None:
        for participant in list(self.participants.values()):
            participant.send(message)

    def _send_others(self, participant: Participant, message: messages.FromServer) -> None:
        for other in list(self.participants.values()):
            if other is not participant:
                other.send(message)

    def _send_muted(self, participant: Participant, track: Track) -> None:
        message = messages.TrackMuted(participant.id, track.id, track.muted)
        self._send_others(participant, message)

    @staticmethod
    def _send_layers(participant: Participant) -> None:
        if participant.publication is not None:
            for track, rids in participant.publication.layers.items():
                participant.send(messages.Layers(track, rids))
