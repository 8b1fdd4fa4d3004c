"""One address of a peer: whether it is its own, whether it is proven, and what may be sent there.

Theory of operation. A check that is signed with our password proves that its sender knows the
session description, not that it is where its source address says: anybody in a call could let us
send all of its media to somebody who never asked for it, with one forged datagram. So an address
is *proven* only by an answer that nobody could give without having got what we sent there: to our
own check, whose transaction id is random (RFC 8445 clause 7, and RFC 7675 for as long as the call
lasts), or to our flight of the DTLS handshake. A TCP connection is proven by its own handshake.
(Feedback on media is no proof: the numbers that it names can be guessed.)

Until then no more than `FACTOR` times the bytes that came from there go there (as QUIC has it,
RFC 9000 clause 8.1), and none of it is media.

A proof lasts as long as consent does, and is asked for again whenever the peer checks. Media also
needs life: an address from which nothing authentic has come for `SILENCE` is sent nothing more.

Sans-I/O; times are monotonic seconds.
"""

from __future__ import annotations

import math
import secrets
from typing import Final

FACTOR: Final = 3
"""RFC 9000 clause 8.1."""
SILENCE: Final = 7.0
"""Browsers check every 2.5 to 6 s, also where media flows in one direction only."""
PROOF_LASTS: Final = 30.0
"""RFC 7675 clause 5.1."""
REFRESH: Final = 4.0
"""Age of a proof from which on a check of the peer's is answered with one of ours."""
FIRST_RETRY: Final = 0.2
"""Seconds until a check that was not answered is sent again; then twice as long each time."""
LAST_RETRY: Final = 1.6
UNSURE: Final = 4.5
"""Seconds of silence after which we ask by ourselves, so that one lost check pauses nothing."""
ASK_INTERVAL: Final = 0.5
"""Seconds between our checks while a proven address is silent: it is to be used again at once."""
TAG_BYTES: Final = 4
"""At the start of each transaction id: which transport asks."""


class Path:
    """Owned by its `Transport`."""

    __slots__ = (
        "_ask_again_at",
        "_asked_at",
        "_retry",
        "address",
        "heard_at",
        "is_connection",
        "owned",
        "proven_at",
        "pwd",
        "received",
        "sent",
        "transaction",
    )

    def __init__(self, address: bytes, is_connection: bool, now: float) -> None:
        self.address = address
        self.is_connection = is_connection
        self.owned = False
        """Datagrams from there are its transport's: no other has the address."""
        self.heard_at = now
        """When something authentic last came."""
        self.proven_at = -math.inf
        self.received = 0
        """Bytes of checks and DTLS, as long as it is not proven."""
        self.sent = 0
        """Bytes that went there meanwhile."""
        self.transaction = b""
        """Of our check that waits for an answer."""
        self.pwd = b""
        """The peer's, with which we check; empty while its description is not known."""
        self._asked_at = self._ask_again_at = -math.inf
        self._retry = FIRST_RETRY

    def is_proven(self, now: float) -> bool:
        """Whether whoever is there got, not long ago, what we sent there."""
        if not self.owned or self.is_connection:
            return self.owned
        if not self.pwd:
            # It cannot be asked again: it is believed as long as it is heard.
            return self.proven_at > -math.inf
        return now - self.proven_at < PROOF_LASTS

    def is_usable(self, now: float) -> bool:
        """Whether media may go there."""
        return now - self.heard_at <= SILENCE and self.is_proven(now)

    def may_take(self, size: int, now: float) -> bool:
        """Whether `size` bytes that are no media may go there; they count as sent."""
        if self.is_proven(now):
            return True
        if self.sent + size > FACTOR * self.received:
            return False
        self.sent += size
        return True

    def wants_check(self, now: float, *, checked: bool) -> bool:
        """Whether a check of ours is due; `checked`: the peer has just sent one."""
        if not self.pwd or (self.is_connection and self.owned):
            return False
        if checked:
            due = now - self.proven_at >= REFRESH or not self.owned
            return due and now - self._asked_at >= FIRST_RETRY
        if now < self._ask_again_at:
            return False
        if self.transaction:
            return True
        return self.is_proven(now) and now - self.heard_at >= UNSURE

    def begin_check(self, tag: bytes, now: float) -> bytes:
        """The transaction id of the check that is sent now."""
        if not self.transaction:
            self.transaction = tag + secrets.token_bytes(12 - len(tag))
            self._retry = FIRST_RETRY
        self._asked_at = now
        self._ask_again_at = now + min(self._retry, ASK_INTERVAL if self.is_proven(now) else 60.0)
        self._retry = min(2 * self._retry, LAST_RETRY)
        return self.transaction

    def prove(self, now: float) -> None:
        """Somebody is there who got what we sent."""
        self.proven_at = self.heard_at = now
        self.received = self.sent = 0
