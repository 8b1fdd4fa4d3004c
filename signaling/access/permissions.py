"""Which role may do what: one table. Pure.

Every type of message and every route of the admin's names one act; whoever dispatches them asks
here before anything is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from signaling.access.identity import Identity, Role
from signaling.refusals import RefusedError

Act = Literal[
    "introduce",
    "join",
    "receive",
    "publish",
    "chat",
    "putOut",
    "logOut",
    "watch",
    "readMetrics",
    "readHistory",
    "removeAnybody",
    "closeAnyRoom",
    "capture",
]

_PEOPLE: frozenset[Role] = frozenset({"guest", "member", "host"})

GRANTS: Mapping[Act, frozenset[Role]] = {
    # Saying who one is, by `join` or `resume`.
    "introduce": frozenset({"stranger"}),
    # Being in a room, once it is known who it is.
    "join": _PEOPLE | {"service"},
    "receive": _PEOPLE | {"service"},
    "publish": _PEOPLE | {"service"},
    "chat": _PEOPLE,
    # What is done to others in the room one is in.
    "putOut": frozenset({"host"}),
    # What concerns all rooms of the server.
    "logOut": frozenset({"member", "host", "admin"}),
    "watch": frozenset({"admin"}),
    "readMetrics": frozenset({"admin", "service"}),
    "readHistory": frozenset({"admin"}),
    "removeAnybody": frozenset({"admin"}),
    "closeAnyRoom": frozenset({"admin"}),
    "capture": frozenset({"admin"}),
}
"""Act -> the roles that may do it."""


def allows(identity: Identity, act: Act) -> bool:
    """Whether somebody may do something."""
    return identity.role in GRANTS[act]


def check(identity: Identity, act: Act) -> None:
    """Raises `RefusedError` for who may not do it."""
    if not allows(identity, act):
        raise RefusedError("notAllowed", f"a {identity.role} may not do this ({act})")
