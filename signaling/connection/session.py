"""One WebSocket: reads messages, dispatches them by table, and writes what the room sends.

Theory of operation. A session begins without a participant; `join` or `resume` gives it one.
When the socket ends, the participant stays in its room as away, and another session may take it
over. Outgoing messages wait in a `Backlog`; a reader that does not take the answers to its own
requests is cut off, and may resume. What one may ask for is bounded by kind (`BUDGETS`), so that
nobody makes work for all the others without end: what is over is refused with the time to wait.
The heartbeat is aiohttp's: a ping every 10 s, and the end 5 s later without a pong.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from signaling import messages
from signaling.access import permissions
from signaling.access.authenticator import Claim, GuestByName
from signaling.conference.participant import Participant
from signaling.conference.room import Room
from signaling.conference.rooms import Entry, Rooms
from signaling.connection.backlog import Backlog
from signaling.connection.connection_end import abort
from signaling.connection.decoder import Decoder, MessageError
from signaling.limits import Bucket, Budgets
from signaling.naming import names
from signaling.refusals import RefusedError, TooManyError

log = logging.getLogger(__name__)

HEARTBEAT = 10.0
"""Seconds between pings."""
JOIN_TIMEOUT = 120.0
"""Seconds that a socket may stay without a participant; a person may be typing a password."""
MAX_QUEUED = 1000
"""Messages that may wait for a slow reader."""
MAX_BAD_MESSAGES = 20
"""Refused messages after which the socket is closed,"""
FORGIVEN = 0.2
"""of which this many are forgotten each second."""
RATE, BURST = 40.0, 200.0
"""Messages a second from one client, and at once."""
BUDGETS: dict[type, tuple[float, float]] = {
    messages.Publish: (2.0, 6.0),
    messages.Chat: (2.0, 10.0),
    messages.View: (10.0, 20.0),
    messages.Mute: (5.0, 20.0),
}
"""Of one participant, those that make work for others: a second, and at once."""
CLOSE_REPLACED = 4001
"""Another socket resumed the session."""
CLOSE_REMOVED = 4002
"""The admin put this participant out."""
CLOSE_SECONDS = 2.0
"""That a client has to answer our close frame."""
_COUNTED = frozenset(
    ("badMessage", "notJoined", "alreadyJoined", "tooMany", "badSdp", "noOpus", "noVp8")
)
"""Refusals that a client of ours never gets in such numbers."""
_CLEAN = (WSCloseCode.OK, WSCloseCode.GOING_AWAY)


class OverBudgetError(TooManyError):
    """One kind of message came more often than its budget allows."""


class Session:
    """See the module's text."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        address: str,
        on_joined: Callable[[], None] = lambda: None,
    ) -> None:
        """`socket` is prepared; `address` is where the client is. `on_joined` is called when the
        session has a participant."""
        self._socket, self._transport, self._address = socket, request.transport, address
        self._backlog, self._news = Backlog(MAX_QUEUED), asyncio.Event()
        self._written = asyncio.Event()
        """Nothing is written any more: all was, or the client is gone."""
        self._rooms: Rooms = request.app[ROOMS]
        self._authenticator = GuestByName()
        self._guesses = self._rooms.guesses.of_socket()
        self._bucket = Bucket(RATE, BURST, time.monotonic())
        self._refusals = Bucket(FORGIVEN, MAX_BAD_MESSAGES, time.monotonic())
        self._end_code: int | None = None
        """Closes the socket once all that waits is written."""
        self._on_joined = on_joined
        self._close_code: int | None = None
        """All is written: closes it now."""
        self._place: tuple[Room, Participant] | None = None

    async def run(self) -> None:
        """Until the socket has ended."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        timer = asyncio.get_running_loop().call_later(JOIN_TIMEOUT, self._join_timeout)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._written.set()
            if self._close_code is not None:
                # Nobody reads any more, so this waits for the client's own close frame: ending
                # the connection before it came would look to the client like a fault.
                await self._socket.close(code=self._close_code)
            self._ended()

    async def _read(self) -> None:
        async for message in self._socket:
            if self._end_code is not None:
                # It is being closed; what still comes counts no more.
                continue
            if message.type is WSMsgType.TEXT:
                await self._receive(message.data)
            else:
                self._refuse("badMessage", "messages are text")

    @property
    def present(self) -> bool:
        """Whether what is sent now may still reach the client."""
        return self._end_code is None

    def send(self, message: messages.FromServer) -> None:
        """Queue a message; a client that does not read is cut off. Never raises."""
        if self._end_code is not None:
            return
        if self._backlog.add(message):
            self._news.set()
        else:
            log.warning("a client at %s reads too slowly", self._address, extra=self._fields())
            self._end_code = WSCloseCode.TRY_AGAIN_LATER
            abort(self._transport)

    async def close(self, message: messages.FromServer, code: int) -> None:
        """Send a last message and close."""
        self.send(message)
        self._queue_end(code)
        await self._written.wait()

    def _queue_end(self, code: int = WSCloseCode.OK) -> None:
        """Close once what waits is written; what comes later is not."""
        if self._end_code is None:
            self._end_code = code
            self._news.set()

    def abort(self) -> None:
        """End the connection without a word."""
        abort(self._transport)

    def _join_timeout(self) -> None:
        if self._place is None:
            self.abort()

    async def _write(self) -> None:
        while True:
            message = self._backlog.take()
            try:
                if message is not None:
                    await self._socket.send_str(messages.encode(message))
                elif self._end_code is not None:
                    self._close_code = self._end_code
                    return
                else:
                    self._news.clear()
                    await self._news.wait()
            except ConnectionError:
                # The reading side sees the end too, and tidies up.
                return
            except Exception:
                log.exception("writing to a client failed", extra=self._fields())
                return

    def _fields(self) -> dict[str, str]:
        if self._place is None:
            return {}
        return {"room": self._place[0].name, "participant": self._place[1].id}

    # Receiving.

    async def _receive(self, text: str) -> None:
        message: messages.FromClient | None = None
        try:
            # Decoded even when there are too many, so that the refusal says of what: refused ones
            # are few until the socket is closed.
            message = DECODER.decode(text)
            self._check_budgets(message)
            before_join, handler = _TABLE[type(message)]
            if before_join and self._place is not None:
                raise RefusedError("alreadyJoined", "this connection is in a room already")
            if not before_join and self._place is None:
                raise RefusedError("notJoined", "join a room first")
            await handler(self, message)
        except MessageError as error:
            self._refuse("badMessage", str(error), error.request)
        except OverBudgetError as error:
            # Not counted: who asks again in time is welcome, and who does not makes no work.
            self._refuse("tooMany", str(error), message, error.retry_after, counted=False)
        except TooManyError as error:
            self._refuse("tooMany", str(error), message, error.retry_after)
        except RefusedError as error:
            self._refuse(error.code, str(error), message)
        except Exception:
            # The client is told, and the log has it; one bad moment does not end a call.
            log.exception("a message failed", extra=self._fields())
            self._refuse("internal", "something went wrong on the server", message)

    def _check_budgets(self, message: messages.FromClient) -> None:
        """Raises `TooManyError`."""
        now = time.monotonic()
        if wait := self._bucket.take(now):
            raise TooManyError("too many messages", math.ceil(wait))
        budgets = self._place[1].budgets if self._place is not None else None
        if budgets is not None and (wait := budgets.take(type(message), now)):
            kind = messages.type_of(message)
            raise OverBudgetError(f"too many messages of type {kind}", math.ceil(wait))

    def _refuse(
        self,
        code: messages.ErrorCode,
        text: str,
        request: messages.FromClient | str | None = None,
        retry_after: int | None = None,
        counted: bool = True,
    ) -> None:
        counted = counted and code in _COUNTED
        fatal = counted and self._refusals.take(time.monotonic()) > 0
        fatal = fatal or code in ("badVersion", "removed")
        fatal = fatal or (code == "tooMany" and self._place is None)
        if isinstance(request, messages.FromClient):
            number, request = getattr(request, "id", None), messages.type_of(request)
        else:
            number = None
        error = messages.Error(
            code=code,
            message=text,
            fatal=fatal,
            id=msgspec.UNSET if number is None else number,
            retry_after=msgspec.UNSET if retry_after is None else retry_after,
            request=msgspec.UNSET if request is None else request,
        )
        self.send(error)
        if fatal:
            self._queue_end()

    def _joined(self) -> tuple[Room, Participant]:
        assert self._place is not None  # `_receive` has seen to it
        return self._place

    def _take(self, room: Room, participant: Participant) -> None:
        self._place = (room, participant)
        if participant.budgets is None:
            participant.budgets = Budgets(BUDGETS, time.monotonic())
        self._on_joined()
        log.debug("session of %s at %s", participant.id, self._address, extra=self._fields())

    async def _join(self, message: messages.Join) -> None:
        self._rooms.count_attempt(self._address)
        _check_version(message.version)
        room_name = names.clean_room_name(message.room)
        if room_name is None:
            raise RefusedError("badRoomName", "a room's name has 1 to 64 plain characters")
        claim = Claim(self._address, message.name)
        identity = await self._authenticator.identify(claim, time.monotonic())
        if identity is None:
            raise RefusedError("notAllowed", "it could not be shown who you are")
        permissions.check(identity, "join")
        entry = Entry(room_name, message.password, self._address, self._guesses)
        self._take(*await self._rooms.join(identity, entry, self))

    async def _resume(self, message: messages.Resume) -> None:
        _check_version(message.version)
        self._take(*self._rooms.resume(message.token, self))

    def replaced(self) -> None:
        """Another session resumed: close with `CLOSE_REPLACED`."""
        self._place = None
        self._queue_end(CLOSE_REPLACED)

    def dismissed(self) -> None:
        """The admin put the participant out: close with `CLOSE_REMOVED`."""
        self._place = None
        self._queue_end(CLOSE_REMOVED)

    async def _publish(self, message: messages.Publish) -> None:
        room, participant = self._joined()
        room.publish(participant, message)

    async def _answer(self, message: messages.Answer) -> None:
        room, participant = self._joined()
        room.answer(participant, message)

    async def _resubscribe(self, message: messages.Resubscribe) -> None:
        room, participant = self._joined()
        room.resubscribe(participant)

    async def _view(self, message: messages.View) -> None:
        room, participant = self._joined()
        wait = room.view(participant, message, time.monotonic())
        if wait:
            loop = asyncio.get_running_loop()
            loop.call_later(wait, lambda: room.view_due(participant, time.monotonic()))

    async def _digest(self, message: messages.Digest) -> None:
        room, participant = self._joined()
        room.digest(participant, message, time.monotonic())

    async def _restart_ice(self, message: messages.RestartIce) -> None:
        room, participant = self._joined()
        room.restart_ice(participant)

    async def _why(self, message: messages.Why) -> None:
        room, participant = self._joined()
        room.why(participant, message.participant)

    async def _mute(self, message: messages.Mute) -> None:
        room, participant = self._joined()
        room.mute(participant, message)

    async def _chat(self, message: messages.Chat) -> None:
        room, participant = self._joined()
        text = names.clean_text(message.text)
        if text is None:
            raise RefusedError("badMessage", "the chat message is empty")
        room.chat(participant, text, time.time())

    async def _candidate(self, message: messages.Candidate) -> None:
        """Not needed: the server learns addresses from the checks."""

    async def _leave(self, message: messages.Leave) -> None:
        room, participant = self._joined()
        self._place = None
        self._rooms.leave(room, participant)
        self._queue_end()

    async def _ping(self, message: messages.Ping) -> None:
        self.send(messages.Pong(message.t))

    def _ended(self) -> None:
        if self._place is None:
            return
        room, participant = self._place
        if participant.connection is self:
            cleanly = self._socket.close_code in _CLEAN
            room.away(participant, cleanly, time.monotonic())
            log.info(
                "%s lost its WebSocket (%s)",
                participant.id,
                self._socket.close_code,
                extra=self._fields(),
            )


def _check_version(version: int) -> None:
    if version != messages.VERSION:
        raise RefusedError("badVersion", f"this server speaks version {messages.VERSION}")


ROOMS = web.AppKey("rooms", Rooms)

_Handler = Callable[..., Awaitable[None]]
_TABLE: dict[type[messages.FromClient], tuple[bool, _Handler]] = {
    messages.Join: (True, Session._join),
    messages.Resume: (True, Session._resume),
    messages.Publish: (False, Session._publish),
    messages.Answer: (False, Session._answer),
    messages.Resubscribe: (False, Session._resubscribe),
    messages.View: (False, Session._view),
    messages.Digest: (False, Session._digest),
    messages.RestartIce: (False, Session._restart_ice),
    messages.Why: (False, Session._why),
    messages.Mute: (False, Session._mute),
    messages.Chat: (False, Session._chat),
    messages.Candidate: (False, Session._candidate),
    messages.Leave: (False, Session._leave),
    messages.Ping: (False, Session._ping),
}
"""Message -> (whether it is for those who have not joined, what to do)."""

KINDS = tuple(_TABLE)
DECODER = Decoder(KINDS)
