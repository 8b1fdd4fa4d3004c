"""A room's media: its router in a worker, and the negotiation of each participant. No I/O.

Theory of operation. `RoomMedia` is bound to one worker at a time (`place`) and to none after that
worker died (`worker_lost`). It changes the state kept in `Participant`, sends commands to the
worker, and returns what the room has to send to people. Who closes whom: a participant's connection
is closed by us (restart, leave) with `CloseTransport`, or it was closed by the worker, which then
has forgotten it already. A transport's id begins with its router's id and a dot.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from sfu.control import (
    CloseRouter,
    CloseTransport,
    Command,
    ConnectTransport,
    Fingerprint,
    OpenRouter,
    OpenTransport,
    RestartIce,
    SetDownTracks,
    SetUpTracks,
)
from signaling import messages
from signaling.access import tokens
from signaling.conference.participant import Participant
from signaling.conference.publication import Publication, Track
from signaling.conference.subscription import Subscription, Wanted
from signaling.conference.view import heard_and_seen, set_view
from signaling.negotiation.description import Description, SdpError
from signaling.negotiation.parameters import Local, NegotiationError, Remote, same_peer
from signaling.negotiation.publish_answer import MAX_PUBLISH_MEDIA, Published, answer_publish
from signaling.negotiation.sdp import parse, write
from signaling.negotiation.subscribe_offer import Subscribed
from signaling.refusals import RefusedError


class MediaWorker(Protocol):
    """What a room needs of a worker."""

    port: int
    """UDP."""
    tcp_port: int
    """0: it does not listen for TCP."""

    @property
    def fingerprint(self) -> Fingerprint:
        """Of its DTLS certificate."""

    def send(self, command: Command) -> None:
        """Never waits."""


@dataclass(slots=True)
class Change:
    """What a publish changed."""

    reply: messages.Published
    ended: list[Track]
    begun: list[Track]
    muted: list[Track]
    """Those that stay and whose mute state changed."""
    recoded: bool
    """Whether one that stays has another codec: receivers are to be offered that."""


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """The configuration of every room's media."""

    addresses: tuple[str, ...]
    """To offer as candidates, best first."""
    max_bps: int = 0
    """Of one published video; 0: no limit."""
    loudest: int = 0
    """Voices that are forwarded at the same time; 0: all."""
    redundancy: bool = True
    """Whether redundant audio is negotiated."""


class RoomMedia:
    """See the module's text."""

    def __init__(self, room: str, settings: MediaSettings) -> None:
        self.worker: MediaWorker | None = None
        self.router = ""
        self._room, self._settings = room, settings
        self._transports = 0
        self._open: dict[str, tuple[Participant, Publication | Subscription]] = {}
        """Open connections by transport."""

    def find(self, transport: str) -> tuple[Participant, Publication | Subscription] | None:
        """The open connection of a transport, and whose it is."""
        return self._open.get(transport)

    def place(self, worker: MediaWorker) -> None:
        """Begin in this worker. Call for a new room and after `worker_lost`."""
        self.worker, self.router = worker, tokens.new_id("r")
        worker.send(OpenRouter(self.router, self._room, self._settings.loudest))

    def worker_lost(self, participants: Iterable[Participant]) -> None:
        """Forget every connection; the worker is gone and needs no command."""
        self.worker = None
        self._open.clear()
        for participant in participants:
            participant.latest_publication = participant.latest_subscription = None

    def close(self) -> None:
        """The room ends; closes its transports too."""
        if self.worker is not None:
            self.worker.send(CloseRouter(self.router))

    # Publishing.

    def publish(self, participant: Participant, message: messages.Publish) -> Change:
        """Take an offer. Raises `RefusedError`; nothing has changed then."""
        worker = self._ready()
        old = participant.publication
        if old is not None and not message.restart:
            if message.id == old.last_offer[0] and message.sdp == old.last_offer[1]:
                assert old.last_reply is not None
                return Change(old.last_reply, [], [], [], recoded=False)
            if message.id <= old.last_offer[0]:
                raise RefusedError("badMessage", f"publish {message.id} comes after a later one")
        fresh = old is None or message.restart
        publication = self._new_publication() if old is None or message.restart else old
        before = participant.tracks
        kept = {} if fresh else {track.mid: track for track in before.values()}
        planned = {entry.mid: _plan(entry, kept.get(entry.mid)) for entry in message.tracks}
        if len(planned) != len(message.tracks):
            raise RefusedError("badMessage", "an m-line is named twice in `tracks`")
        result, credentials = self._negotiate(message.sdp, publication, planned, worker)
        if fresh:
            if old is not None:
                self._close(old, worker)
            participant.latest_publication = publication
            self._open_transport(participant, publication, worker)
        worker.send(SetUpTracks(publication.transport, result.extensions, result.tracks))
        if credentials is not None:
            publication.ice_ufrag, publication.ice_pwd = credentials
            worker.send(RestartIce(publication.transport, *credentials))
        if result.remote is not None:
            if publication.remote is None or credentials is not None:
                worker.send(_connect(publication.transport, result.remote))
            publication.remote = result.remote
        after = _tracks(planned, result)
        publication.replace_tracks(after)
        publication.version += 1
        reply = _reply(message.id, after, result)
        publication.last_offer, publication.last_reply = (message.id, message.sdp), reply
        return _change(reply, before, after)

    def _new_publication(self) -> Publication:
        ufrag, pwd = tokens.ice_credentials()
        return Publication(self._new_transport(), ufrag, pwd, secrets.randbits(62))

    def _negotiate(
        self, sdp: str, publication: Publication, planned: dict[str, Track], worker: MediaWorker
    ) -> tuple[Published, tuple[str, str] | None]:
        """The answer, and our new ICE credentials in it when the offer restarts ICE."""
        track_ids = {mid: track.id for mid, track in planned.items()}
        version, limit = publication.version + 1, self._settings.max_bps
        local, credentials = self._local(publication, worker), None
        try:
            offer = parse(sdp, MAX_PUBLISH_MEDIA)
            _check_kinds(offer, planned)
            result = answer_publish(offer, track_ids, local, version, limit)
            if _restarts_ice(publication.remote, result.remote):
                credentials = tokens.ice_credentials()
                local = replace(local, ice_ufrag=credentials[0], ice_pwd=credentials[1])
                result = answer_publish(offer, track_ids, local, version, limit)
        except SdpError as error:
            raise RefusedError("badSdp", str(error)) from None
        except NegotiationError as error:
            raise RefusedError(error.code, str(error)) from None
        return result, credentials

    # Subscribing.

    def next_offer(self, to: Participant, everybody: Iterable[Participant]) -> bool:
        """Bring the subscription of `to` up to date; True when a new offer is open."""
        wanted = {
            track.id: Wanted(track.id, other.id, other.cname, track.codec)
            for other in everybody
            if other is not to
            for track in other.tracks.values()
        }
        latest, subscription = to.latest_subscription, to.subscription
        if self.worker is None or (latest is not None and latest.blocks_next):
            return False
        if subscription is None:
            if not wanted:
                return False
            ufrag, pwd = tokens.ice_credentials()
            subscription = Subscription(self._new_transport(), ufrag, pwd, secrets.randbits(62))
            to.latest_subscription = subscription
            self._open_transport(to, subscription, self.worker)
        elif subscription.takes_restart:
            ufrag, pwd = tokens.ice_credentials()
            subscription.ice_ufrag, subscription.ice_pwd = ufrag, pwd
            self.worker.send(RestartIce(subscription.transport, ufrag, pwd))
        return subscription.next_offer(wanted, self._local(subscription, self.worker))

    def answer(self, participant: Participant, message: messages.Answer) -> None:
        """Take an answer. Raises `RefusedError`; the offer stays open then."""
        worker = self._ready()
        subscription = participant.subscription
        if subscription is None:
            raise RefusedError("notNegotiating", f"offer {message.id} is not open")
        before = subscription.remote
        try:
            result = subscription.answered(
                message.id, message.sdp, redundancy=self._settings.redundancy
            )
        except NegotiationError as error:
            raise RefusedError(error.code, str(error)) from None
        subscription.list_tracks(heard_and_seen(participant.view.latest, result.tracks))
        self._set_down_tracks(subscription, result, worker)
        self._set_view(participant, subscription, worker)
        if before is None or before.ufrag != result.remote.ufrag:
            worker.send(_connect(subscription.transport, result.remote))

    def view_changed(self, participant: Participant) -> None:
        """Bring what the worker sends in line with `participant.view`."""
        subscription = participant.subscription
        if self.worker is None or subscription is None or subscription.answered_with is None:
            return
        before, result = subscription.listed, subscription.answered_with
        subscription.list_tracks(heard_and_seen(participant.view.latest, result.tracks))
        if subscription.listed != before:
            self._set_down_tracks(subscription, result, self.worker)
        self._set_view(participant, subscription, self.worker)

    @staticmethod
    def _set_down_tracks(
        subscription: Subscription, result: Subscribed, worker: MediaWorker
    ) -> None:
        tracks = tuple(subscription.listed.values())
        worker.send(SetDownTracks(subscription.transport, result.extensions, tracks))

    @staticmethod
    def _set_view(
        participant: Participant, subscription: Subscription, worker: MediaWorker
    ) -> None:
        if participant.view.latest is not None:
            tracks = tuple(subscription.listed.values())
            worker.send(set_view(subscription.transport, participant.view.latest, tracks))

    def resubscribe(self, participant: Participant) -> None:
        """Forget the subscription; the next offer makes a new one."""
        if participant.subscription is not None:
            self._close(participant.subscription, self.worker)
        if participant.latest_subscription is not None:
            participant.latest_subscription.renewal_wanted = True

    # Ends.

    def leave(self, participant: Participant) -> None:
        """Close both connections of somebody who goes."""
        for connection in participant.media_connections():
            self._close(connection, self.worker)

    def ended(self, connection: Publication | Subscription, failure: str) -> None:
        """The worker has closed its transport and forgotten it."""
        self._open.pop(connection.transport, None)
        connection.end(failure)

    def _close(self, connection: Publication | Subscription, worker: MediaWorker | None) -> None:
        if worker is not None:
            worker.send(CloseTransport(connection.transport))
        self.ended(connection, "")

    def _ready(self) -> MediaWorker:
        if self.worker is None:
            raise RefusedError("serverBusy", "the media worker is starting: try again")
        return self.worker

    def _new_transport(self) -> str:
        self._transports += 1
        return f"{self.router}.{self._transports}"

    def _open_transport(
        self,
        participant: Participant,
        connection: Publication | Subscription,
        worker: MediaWorker,
    ) -> None:
        self._open[connection.transport] = (participant, connection)
        worker.send(
            OpenTransport(
                transport=connection.transport,
                router=self.router,
                participant=participant.id,
                direction=connection.direction,
                ice_ufrag=connection.ice_ufrag,
                ice_pwd=connection.ice_pwd,
            )
        )

    def _local(self, connection: Publication | Subscription, worker: MediaWorker) -> Local:
        return Local(
            connection.ice_ufrag,
            connection.ice_pwd,
            worker.fingerprint,
            self._settings.addresses,
            worker.port,
            connection.session_id,
            worker.tcp_port,
            self._settings.redundancy,
        )


def _plan(entry: messages.SourceOf, kept: Track | None) -> Track:
    """The track as it will be: the same one where the m-line still carries the same source."""
    kind = messages.SOURCE_KINDS[entry.source]
    same = kept is not None and kept.source == entry.source
    identifier = kept.id if kept is not None and same else tokens.new_id("t")
    return Track(identifier, kind, entry.source, entry.mid, entry.muted)


def _tracks(planned: dict[str, Track], result: Published) -> dict[str, Track]:
    """Of those that were planned, the ones that the answer accepts, by id."""
    specs = {spec.track: spec for spec in result.tracks}
    accepted = {track.id: track for track in planned.values() if track.id in specs}
    for track in accepted.values():
        track.codec = specs[track.id].codec
    return accepted


def _reply(number: int, tracks: Mapping[str, Track], result: Published) -> messages.Published:
    return messages.Published(
        number,
        write(result.answer),
        tuple(messages.PublishedTrack(track.mid, track.id) for track in tracks.values()),
        tuple(messages.RejectedTrack(line.mid, line.code) for line in result.rejected),
    )


def _change(
    reply: messages.Published, before: Mapping[str, Track], after: Mapping[str, Track]
) -> Change:
    stay = [(track, after[track.id]) for track in before.values() if track.id in after]
    return Change(
        reply,
        ended=[track for track in before.values() if track.id not in after],
        begun=[track for track in after.values() if track.id not in before],
        muted=[now for was, now in stay if was.muted != now.muted],
        recoded=any(was.codec != now.codec for was, now in stay),
    )


def _check_kinds(offer: Description, planned: dict[str, Track]) -> None:
    for media in offer.media:
        track = planned.get(media.mid)
        if track is not None and track.kind != media.kind:
            text = f"m-line {media.mid} is {media.kind}, but {track.source} is {track.kind}"
            raise RefusedError("badMessage", text)


def _restarts_ice(before: Remote | None, now: Remote | None) -> bool:
    """Whether an offer on a connection that stands has new ICE credentials.

    RFC 8842 section 5.5: another certificate or role would need a new DTLS association. Raises
    `NegotiationError` then.
    """
    if before is None or now is None:
        return False
    if not same_peer(before, now):
        text = "the DTLS certificate or role changed: publish with restart"
        raise NegotiationError("badSdp", text)
    return now.ufrag != before.ufrag


def _connect(transport: str, remote: Remote) -> ConnectTransport:
    return ConnectTransport(
        transport=transport,
        remote_ufrag=remote.ufrag,
        remote_pwd=remote.pwd,
        fingerprints=remote.fingerprints,
        dtls_role=remote.dtls_role,
    )
