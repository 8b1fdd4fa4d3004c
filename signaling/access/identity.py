"""Who somebody is, once it was shown. Pure.

Theory of operation. An `Authenticator` makes an identity at the edge, of a name, a token or a
login; everything behind the edge is handed the identity and never the proof. What an identity may
do depends on its role alone (`permissions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["stranger", "guest", "member", "token", "hostLink", "admin", "service"]
"""How it was shown: not at all, by a name alone, an account of this server, a token that another
site has signed, the secret link of a room's host, the admin's token, the key or the place of a
program."""

Role = Literal["stranger", "guest", "member", "host", "admin", "service"]
"""What it is treated as. Another site's token may make a guest, a member or a host."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, or some program."""

    kind: Kind
    role: Role
    name: str = ""
    """As others see it, tidied (`naming.names`); '' for who never appears in a room."""
    subject: str = ""
    """The account, or what another site calls them; '' for who has neither."""


STRANGER = Identity("stranger", "stranger")
"""Who has not said yet who they are."""
ADMIN = Identity("admin", "admin")
"""Who has the admin's token."""
LOCAL_PROGRAM = Identity("service", "service")
"""A program on this machine, such as one that collects metrics."""


def guest(name: str) -> Identity:
    """Somebody of whom only the name is known. `name` is tidied."""
    return Identity("guest", "guest", name)
