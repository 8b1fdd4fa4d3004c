"""Who may still vote: people who left a call a little while ago, by their session's token. No I/O.

Sessions end with the call, and the question comes after it; so who leaves is kept here for a
while, in bounded memory. Tokens are kept as digests.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from signaling.access import tokens
from signaling.limits import Bucket

FOR = 15 * 60.0
"""Seconds after leaving in which a vote counts."""
CAPACITY = 5_000
VOTES = 5
"""That one person may send, of which the last counts."""


@dataclass(slots=True)
class _Leaver:
    digest: bytes
    call: str
    at: float
    votes: Bucket


class Voters:
    """`now`: seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._leavers: OrderedDict[str, _Leaver] = OrderedDict()

    def __len__(self) -> int:
        return len(self._leavers)

    def left(self, participant: str, digest: bytes, call: str, now: float) -> None:
        """Somebody left `call`; `digest`: `tokens.digest` of their token."""
        self._forget(now)
        self._leavers.pop(participant, None)
        self._leavers[participant] = _Leaver(digest, call, now, Bucket(VOTES / FOR, VOTES, now))
        if len(self._leavers) > CAPACITY:
            self._leavers.popitem(last=False)

    def call_of(self, participant: str, token: str, now: float) -> str | None:
        """Which call they may vote on; None for a stranger, a wrong token, or too late."""
        self._forget(now)
        leaver = self._leavers.get(participant)
        if leaver is None or not secrets.compare_digest(leaver.digest, tokens.digest(token)):
            return None
        return leaver.call

    def wait(self, participant: str, now: float) -> float:
        """0.0 when a vote may be cast, and counts it; else seconds to wait."""
        leaver = self._leavers.get(participant)
        return leaver.votes.take(now) if leaver else 0.0

    def _forget(self, now: float) -> None:
        while self._leavers:
            participant, leaver = next(iter(self._leavers.items()))
            if now < leaver.at + FOR:
                return
            del self._leavers[participant]
