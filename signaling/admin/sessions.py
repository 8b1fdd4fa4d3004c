"""Who is logged in as the admin. No I/O: the caller passes `now` (seconds of a monotonic clock).

A session's secret goes to one browser in a cookie; only its digest is kept, so that looking it up
tells nothing by the time it takes. Sessions live in memory: a restart of the server ends them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from signaling.access import tokens
from signaling.limits import AddressLimit

LIFETIME = 12 * 3600.0
"""Seconds until an admin must log in again."""
MOST = 64
"""Sessions at once; beyond it the oldest ends."""
WRONG_PER_MINUTE = 10
"""Wrong tokens from one address."""
MAX_TOKEN = 512
"""Characters of a token that are looked at."""


class TooManyError(Exception):
    """Too many wrong tokens from this address."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        """Until the next try."""


class Sessions:
    """All sessions of the one admin."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._ends: OrderedDict[bytes, float] = OrderedDict()
        self._wrong = AddressLimit(WRONG_PER_MINUTE)

    def __len__(self) -> int:
        return len(self._ends)

    def log_in(self, token: str, address: str, now: float) -> str | None:
        """The secret of a new session; None when the token is wrong. Raises `TooManyError`."""
        if not self.knows(token, address, now):
            return None
        secret = tokens.new_secret()
        self._ends[_digest(secret)] = now + LIFETIME
        while len(self._ends) > MOST:
            self._ends.popitem(last=False)
        return secret

    def knows(self, token: str, address: str, now: float) -> bool:
        """Whether this is the admin's token; wrong ones are limited. Raises `TooManyError`."""
        if wait := self._wrong.wait(address, now):
            raise TooManyError(wait)
        # What is no text at all (half of a surrogate pair) could not even be compared.
        fit = len(token) <= MAX_TOKEN and token.encode(errors="ignore").decode() == token
        if fit and tokens.same(token, self._token):
            return True
        self._wrong.take(address, now)
        return False

    def valid(self, secret: str, now: float) -> bool:
        """Whether a session with this secret is open."""
        ends = self._ends.get(_digest(secret))
        return ends is not None and now < ends

    def log_out(self, secret: str) -> None:
        """End a session; one that is not there is no trouble."""
        self._ends.pop(_digest(secret), None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
