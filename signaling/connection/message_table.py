"""What may be asked for over a connection: one rule a type of message. Pure.

Theory of operation. Each subject (the conference; others beside it) brings a part of the table
with the messages that it handles. A `MessageTable` is all of them: what it does not list is refused
by name, before anything else is looked at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from signaling.access.permissions import Act
from signaling.connection.decoder import Decoder
from signaling.messages import FromClient, type_of

Stage = Literal["connected", "waiting", "joined"]
"""Nobody is identified yet; waits to be let into a room; is in the room."""

CONNECTED: frozenset[Stage] = frozenset({"connected"})
JOINED: frozenset[Stage] = frozenset({"joined"})
WAITING_OR_JOINED: frozenset[Stage] = frozenset({"waiting", "joined"})


@dataclass(frozen=True, slots=True)
class Rule:
    """How one type of message is handled."""

    act: Act
    """What its sender must be allowed to do."""
    handle: Callable[..., Awaitable[None]]
    """Is given the `Session` and the message. Raises `RefusedError`, which becomes an `error`."""
    stages: frozenset[Stage] = JOINED
    """When it may come."""
    budget: tuple[float, float] | None = None
    """Of one participant, for what makes work for others: a second, and at once."""
    may_wait: bool = False
    """`handle` may call `Session.wait` and go on beside the messages that follow."""


Part = Mapping[type[FromClient], Rule]


class MessageTable:
    """All parts together."""

    def __init__(self, *parts: Part) -> None:
        """Raises `ValueError` when two rules are for one type."""
        self.rules: dict[type[FromClient], Rule] = {}
        named: set[str] = set()
        for part in parts:
            for kind, rule in part.items():
                if type_of(kind) in named:
                    raise ValueError(f"two rules for messages of type {type_of(kind)!r}")
                named.add(type_of(kind))
                self.rules[kind] = rule
        self.budgets = {
            kind: rule.budget for kind, rule in self.rules.items() if rule.budget is not None
        }
        self.decode = Decoder(self.rules).decode
        """One message of a client. Raises `MessageError`."""
