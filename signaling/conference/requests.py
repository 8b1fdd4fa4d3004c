"""What a client may ask of the conference: one function a type of message, and their table.

Theory of operation. A function is called by the `Session` of whoever asks, after all that the rule
of its message says was checked; what only the room can know is refused by the room. So these
functions are short: they find the room and the participant and hand the message on.
"""

from __future__ import annotations

import asyncio
import time

from signaling import messages
from signaling.access import permissions
from signaling.access.authenticator import Authenticator, Claim
from signaling.conference.entrance import Entry
from signaling.conference.rooms import Rooms
from signaling.connection.message_table import CONNECTED, WAITING_OR_JOINED, Part, Rule
from signaling.connection.session import Session
from signaling.naming import names
from signaling.refusals import RefusedError


class Requests:
    """The conference's part of the `MessageTable`."""

    def __init__(self, rooms: Rooms, authenticator: Authenticator) -> None:
        """`authenticator`: of those who join."""
        self._rooms, self._authenticator = rooms, authenticator

    def part(self) -> Part:
        """All rules of the conference."""
        return {
            messages.Join: Rule("introduce", self._join, CONNECTED, may_wait=True),
            messages.Resume: Rule("introduce", self._resume, CONNECTED),
            messages.Leave: Rule("join", self._leave, WAITING_OR_JOINED),
            messages.Ping: Rule("join", self._ping, WAITING_OR_JOINED),
            messages.Publish: Rule("publish", self._publish, budget=(2.0, 6.0)),
            messages.Mute: Rule("publish", self._mute, budget=(5.0, 20.0)),
            messages.Answer: Rule("receive", self._answer),
            messages.Resubscribe: Rule("receive", self._resubscribe),
            messages.View: Rule("receive", self._view, budget=(10.0, 20.0)),
            messages.Digest: Rule("receive", self._digest),
            messages.RestartIce: Rule("receive", self._restart_ice),
            messages.Why: Rule("receive", self._why),
            messages.Candidate: Rule("receive", self._candidate),
            messages.Chat: Rule("chat", self._chat, budget=(2.0, 10.0)),
        }

    # Coming and going.

    async def _join(self, session: Session, message: messages.Join) -> None:
        self._rooms.entrance.count_attempt(session.address)
        _check_version(message.version)
        room_name = names.clean_room_name(message.room)
        if room_name is None:
            raise RefusedError("badRoomName", "a room's name has 1 to 64 plain characters")
        claim = Claim(session.address, message.name)
        identity = await self._authenticator.identify(claim, session.clock())
        if identity is None:
            raise RefusedError("notAllowed", "it could not be shown who you are")
        permissions.check(identity, "join")
        features = frozenset(message.features) & frozenset(messages.FEATURES)
        entry = Entry(room_name, message.password, session.address, session.guesses, features)
        session.enter(
            *await self._rooms.join(identity, entry, session, lambda: session.wait(identity))
        )

    async def _resume(self, session: Session, message: messages.Resume) -> None:
        _check_version(message.version)
        session.enter(*self._rooms.resume(message.token, session))

    async def _leave(self, session: Session, message: messages.Leave) -> None:
        if session.stage == "joined":
            self._rooms.leave(*session.place)
        session.finish("left")

    async def _ping(self, session: Session, message: messages.Ping) -> None:
        session.send(messages.Pong(message.t))

    # Sending.

    async def _publish(self, session: Session, message: messages.Publish) -> None:
        room, participant = session.place
        room.publish(participant, message)

    async def _mute(self, session: Session, message: messages.Mute) -> None:
        room, participant = session.place
        room.mute(participant, message)

    async def _chat(self, session: Session, message: messages.Chat) -> None:
        room, participant = session.place
        text = names.clean_text(message.text)
        if text is None:
            raise RefusedError("badMessage", "the chat message is empty")
        room.chat(participant, text, time.time())

    # Receiving.

    async def _answer(self, session: Session, message: messages.Answer) -> None:
        room, participant = session.place
        room.answer(participant, message)

    async def _resubscribe(self, session: Session, message: messages.Resubscribe) -> None:
        room, participant = session.place
        room.resubscribe(participant)

    async def _view(self, session: Session, message: messages.View) -> None:
        room, participant = session.place
        wait = room.view(participant, message, session.clock())
        if wait:
            loop = asyncio.get_running_loop()
            loop.call_later(wait, lambda: room.view_due(participant, session.clock()))

    async def _digest(self, session: Session, message: messages.Digest) -> None:
        room, participant = session.place
        room.digest(participant, message, session.clock())

    async def _restart_ice(self, session: Session, message: messages.RestartIce) -> None:
        room, participant = session.place
        room.restart_ice(participant)

    async def _why(self, session: Session, message: messages.Why) -> None:
        room, participant = session.place
        room.why(participant, message.participant)

    async def _candidate(self, session: Session, message: messages.Candidate) -> None:
        """Not needed: the server learns addresses from the checks."""


def _check_version(version: int) -> None:
    if version != messages.VERSION:
        raise RefusedError("badVersion", f"this server speaks version {messages.VERSION}")
