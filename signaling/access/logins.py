"""Who is logged in. No I/O: the caller passes `now` (seconds of a monotonic clock).

A login's secret goes to one browser in a cookie; only its digest is kept, so that looking it up
shows nothing by the time it takes. Logins live in memory: a restart of the server ends them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from signaling.access import tokens
from signaling.access.identity import Identity

LIFETIME = 12 * 3600.0
"""Seconds until somebody must log in again."""
MOST = 64
"""Logins at once; beyond it the oldest ends."""


class Logins:
    """All logins that are open."""

    def __init__(self) -> None:
        self._open: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()
        """Digest of the secret -> who it is, and when the login ends."""

    def __len__(self) -> int:
        return len(self._open)

    def log_in(self, identity: Identity, now: float) -> str:
        """The secret of a new login."""
        secret = tokens.new_secret()
        self._open[_digest(secret)] = (identity, now + LIFETIME)
        while len(self._open) > MOST:
            self._open.popitem(last=False)
        return secret

    def identity(self, secret: str, now: float) -> Identity | None:
        """Whose open login has this secret."""
        identity, ends = self._open.get(_digest(secret), (None, 0.0))
        return identity if now < ends else None

    def log_out(self, secret: str) -> None:
        """End a login; one that is not there is no trouble."""
        self._open.pop(_digest(secret), None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
