"""Who somebody is: authenticators turn what is claimed into an identity. No I/O of their own.

The caller passes `now`, in seconds of one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from signaling.access import tokens
from signaling.access.identity import ADMIN, Identity, guest
from signaling.limits import AddressLimit
from signaling.naming import names
from signaling.refusals import RefusedError, TooManyError

WRONG_PER_MINUTE = 10
"""Wrong tokens of the admin's from one address."""
MAX_TOKEN = 512
"""Characters of a token that are compared."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says of themselves; nothing of it is checked."""

    address: str
    """Where they are; '' when that is not known."""
    name: str = ""
    token: str = ""


class Authenticator(Protocol):
    """Checks one kind of claim."""

    async def identify(self, claim: Claim, now: float) -> Identity | None:
        """Who it is; None when the claim is false. Raises `RefusedError` when it cannot be
        checked, `TooManyError` for instance."""
        ...


class GuestByName:
    """Satisfies `Authenticator`: anybody is who they say they are."""

    async def identify(self, claim: Claim, now: float) -> Identity | None:
        """A guest. Raises `RefusedError` for a name that cannot be shown."""
        name = names.clean_name(claim.name)
        if name is None:
            raise RefusedError("badName", "a name has 1 to 64 plain characters")
        return guest(name)


class AdminByToken:
    """Satisfies `Authenticator`: whoever has the one token is the admin."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._wrong = AddressLimit(WRONG_PER_MINUTE)

    async def identify(self, claim: Claim, now: float) -> Identity | None:
        """The admin or None; wrong tokens are limited by address. Raises `TooManyError`."""
        if wait := self._wrong.wait(claim.address, now):
            raise TooManyError("too many wrong tokens", wait)
        # What is no text at all (half of a surrogate pair) could not even be compared.
        token = claim.token
        fit = len(token) <= MAX_TOKEN and token.encode(errors="ignore").decode() == token
        if fit and tokens.same(token, self._token):
            return ADMIN
        self._wrong.take(claim.address, now)
        return None
