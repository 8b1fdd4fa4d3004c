"""One client: who it is, and what it may ask for at which stage. No socket.

Theory of operation. A session reads texts (`receive`) and writes to an `Outlet`, which is a
WebSocket or whatever carries messages both ways. Its stages:

    connected --join--> waiting --let in--> joined
        |                                     ^
        +------------- join, resume ----------+

A message is checked by its rule in the `MessageTable` (known type, right stage, within the budgets,
permitted) and only then handled, one after the other in the order in which they came. A `join`
that has to wait goes on beside them. In the stage `joined` the session is its participant's
`Connection`. When the outlet ends (`ended`) the participant stays in its room as away, and another
session may take it over; of somebody who waited nothing stays. What one may ask for is bounded by
kind, so that nobody makes work for all the others without end: what is over is refused with the
time to wait.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from signaling import messages
from signaling.access import permissions
from signaling.access.guesses import Allowance
from signaling.access.identity import STRANGER, Identity
from signaling.conference.participant import Participant
from signaling.conference.room import Room
from signaling.connection.decoder import MessageError
from signaling.connection.message_table import CONNECTED, MessageTable, Rule, Stage
from signaling.limits import Bucket, Budgets
from signaling.refusals import RefusedError, TooManyError

log = logging.getLogger(__name__)

MAX_BAD_MESSAGES = 20
"""Refused messages after which the session ends,"""
FORGIVEN = 0.2
"""of which this many are forgotten each second."""
RATE, BURST = 40.0, 200.0
"""Messages a second from one client, and at once."""
_COUNTED = frozenset(
    ("badMessage", "notJoined", "alreadyJoined", "tooMany", "badSdp", "noOpus", "noVp8")
)
"""Refusals that a client of ours never gets in such numbers."""
_FATAL = frozenset(("badVersion", "removed"))

End = Literal["left", "refused", "replaced", "dismissed"]
"""Why a session ends by itself."""


class OverBudgetError(TooManyError):
    """One kind of message came more often than its budget allows."""


class Outlet(Protocol):
    """What a session writes to. No method waits, none raises."""

    @property
    def open(self) -> bool:
        """Whether what is sent now may still arrive."""
        ...

    def send(self, message: messages.FromServer) -> None:
        """Queue a message; after `finish` it is dropped."""
        ...

    def finish(self, end: End) -> None:
        """Close once what waits is sent. What comes in from now on is not received any more."""
        ...


class Session:
    """See the module's text. Satisfies `conference.connection.Connection`."""

    def __init__(
        self,
        table: MessageTable,
        outlet: Outlet,
        address: str,
        guesses: Allowance,
        clock: Callable[[], float],
        on_joined: Callable[[], None] = lambda: None,
    ) -> None:
        """`address`: where the client is. `guesses`: wrong passwords that it has left. `clock`:
        monotonic seconds. `on_joined` is called when the session has a participant."""
        self.address, self.guesses, self.clock = address, guesses, clock
        self.stage: Stage = "connected"
        self._identity: Identity = STRANGER
        self._table, self._outlet, self._on_joined = table, outlet, on_joined
        self._place: tuple[Room, Participant] | None = None
        self._budgets = Budgets(table.budgets, clock())
        self._bucket = Bucket(RATE, BURST, clock())
        self._refusals = Bucket(FORGIVEN, MAX_BAD_MESSAGES, clock())
        self._entering: asyncio.Task[None] | None = None
        """A handler that may wait, until it is done."""
        self._turn = asyncio.Event()
        """That handler is done, or waits: the next message may be read."""

    # Towards the room.

    @property
    def present(self) -> bool:
        """Whether what is sent now may still reach the client."""
        return self._outlet.open

    def send(self, message: messages.FromServer) -> None:
        """To the client. Never raises."""
        self._outlet.send(message)

    def replaced(self) -> None:
        """Another session has taken the participant over."""
        self.finish("replaced")

    def dismissed(self) -> None:
        """The participant was put out."""
        self.finish("dismissed")

    # Towards the handlers.

    @property
    def identity(self) -> Identity:
        """Who it is: the participant, whose role may change during the call, or who asks to join,
        or a stranger."""
        return self._identity if self._place is None else self._place[1].identity

    @property
    def place(self) -> tuple[Room, Participant]:
        """The room and the participant; there is one in the stage `joined`."""
        assert self._place is not None
        return self._place

    def enter(self, room: Room, participant: Participant) -> None:
        """The session has a participant now, whose budgets it goes on with."""
        self.stage, self._place = "joined", (room, participant)
        if participant.budgets is None:
            participant.budgets = self._budgets
        self._budgets = participant.budgets
        self._on_joined()
        log.debug("session of %s at %s", participant.id, self.address, extra=self.fields())

    def wait(self, identity: Identity) -> None:
        """Called by a handler that may wait, for `identity`: messages that follow are read from
        now on."""
        self.stage, self._identity = "waiting", identity
        self._turn.set()

    def finish(self, end: End) -> None:
        """End the session without its participant, who left, went or is someone else's now."""
        self._leave_place()
        self._outlet.finish(end)

    def fields(self) -> dict[str, str]:
        """For log lines."""
        if self._place is None:
            return {}
        return {"room": self._place[0].name, "participant": self._place[1].id}

    # Towards the outlet.

    async def receive(self, text: str) -> None:
        """Handle one message. Returns when the next one may follow."""
        message: messages.FromClient | None = None
        try:
            # Decoded even when there are too many, so that the refusal names its type: refused
            # ones are few until the session ends.
            message = self._table.decode(text)
            self._check_rate()
            rule = self._table.rules[type(message)]
            self._check_stage(rule)
            self._check_budget(message)
            permissions.check(self.identity, rule.act)
        except RefusedError as error:
            self._refuse(error, message)
            return
        if rule.may_wait:
            await self._handle_beside(rule, message)
        else:
            await self._handle(rule, message)

    def refuse(self, text: str) -> None:
        """What came is no message at all."""
        self._refuse(MessageError(text), None)

    def ended(self, cleanly: bool, why: object) -> None:
        """The outlet is gone. `cleanly`: the client closed it, as a page that goes away does.
        `why`: for the log."""
        place, fields = self._place, self.fields()
        self._leave_place()
        if place is not None:
            room, participant = place
            room.away(participant, cleanly, self.clock())
            log.info("%s lost its connection (%s)", participant.id, why, extra=fields)

    def _leave_place(self) -> None:
        self.stage, self._identity, self._place = "connected", STRANGER, None
        if self._entering is not None:
            self._entering.cancel()

    # Messages.

    def _check_rate(self) -> None:
        if wait := self._bucket.take(self.clock()):
            raise TooManyError("too many messages", math.ceil(wait))

    def _check_budget(self, message: messages.FromClient) -> None:
        if wait := self._budgets.take(type(message), self.clock()):
            kind = messages.type_of(message)
            raise OverBudgetError(f"too many messages of type {kind}", math.ceil(wait))

    def _check_stage(self, rule: Rule) -> None:
        if self.stage in rule.stages:
            return
        if rule.stages != CONNECTED:
            raise RefusedError("notJoined", "join a room first")
        if self.stage == "waiting":
            raise RefusedError("alreadyJoined", "this connection waits to be let into a room")
        raise RefusedError("alreadyJoined", "this connection is in a room already")

    async def _handle(self, rule: Rule, message: messages.FromClient) -> None:
        try:
            await rule.handle(self, message)
        except RefusedError as error:
            self._refuse(error, message)
        except Exception:
            # The client hears of it, and the log has it; one bad moment does not end a call.
            log.exception("a message failed", extra=self.fields())
            self._refuse(RefusedError("internal", "something went wrong on the server"), message)

    async def _handle_beside(self, rule: Rule, message: messages.FromClient) -> None:
        """Returns when the handler is done or waits."""
        self._turn.clear()
        self._entering = asyncio.create_task(self._handle(rule, message))
        self._entering.add_done_callback(self._handled)
        await self._turn.wait()

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._entering = None
        if self.stage != "joined":
            self.stage, self._identity = "connected", STRANGER
        self._turn.set()

    def _refuse(self, error: RefusedError, message: messages.FromClient | None) -> None:
        code = error.code
        kind = None if message is None else messages.type_of(message)
        if isinstance(error, MessageError):
            kind = error.request
        # What is over its own budget counts as no fault: it makes no work.
        counted = code in _COUNTED and not isinstance(error, OverBudgetError)
        fatal = counted and self._refusals.take(self.clock()) > 0
        fatal = fatal or code in _FATAL or (code == "tooMany" and self.stage == "connected")
        number = getattr(message, "id", None)
        retry_after = error.retry_after if isinstance(error, TooManyError) else None
        self.send(
            messages.Error(
                code=code,
                message=str(error),
                fatal=fatal,
                id=msgspec.UNSET if number is None else number,
                retry_after=msgspec.UNSET if retry_after is None else retry_after,
                request=msgspec.UNSET if kind is None else kind,
            )
        )
        if fatal:
            self._outlet.finish("refused")
