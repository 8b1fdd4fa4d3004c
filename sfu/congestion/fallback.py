"""A rate from what receivers without transport-wide feedback send: REMB and receiver reports.

draft-ietf-rmcat-gcc-02 clause 6 for the loss (under 2 % up, over 10 % down by half of it, between
them as it is), draft-alvestrand-rmcat-remb-03 for the bound that the receiver states.
"""

from __future__ import annotations

from math import inf
from typing import Final

GROWTH: Final = 1.08
"""A second."""
LOW, HIGH = 0.02, 0.10
LIMITED_FACTOR, LIMITED_EXTRA_BPS = 1.5, 10_000
"""Of what is sent: without more traffic there is no evidence for more."""
REMB_SECONDS: Final = 10.0
"""How long a stated bound holds: receivers repeat it about once a second."""
DECREASE_SECONDS: Final = 0.3
"""Between decreases: each down track has its own report, of the same loss."""


class ReportedRate:
    """The rate of a transport without transport-wide feedback."""

    __slots__ = (
        "_bps",
        "_decreased_at",
        "_max_bps",
        "_min_bps",
        "_remb_at",
        "_remb_bps",
        "_reported_at",
        "_sent_bytes",
        "heard",
    )

    def __init__(self, start_bps: int, min_bps: int, max_bps: int) -> None:
        self._bps = float(start_bps)
        self._min_bps = min_bps
        self._max_bps = max_bps
        self._remb_bps = inf
        self._remb_at = -inf
        self._reported_at = -1.0
        self._decreased_at = -inf
        self._sent_bytes = 0
        self.heard = False
        """A report or REMB has come."""

    def remb(self, bps: int, now: float) -> None:
        """The receiver's bound; anything from 0 to beyond 2^63."""
        self.heard = True
        self._remb_bps = float(min(max(bps, self._min_bps), self._max_bps))
        self._remb_at = now

    def remb_bps(self, now: float) -> float:
        """The bound now; infinite where there is none."""
        return self._remb_bps if now - self._remb_at <= REMB_SECONDS else inf

    def report(self, fraction_lost: float, bytes_sent: int, now: float) -> None:
        """Loss since the last report, 0 to 1; `bytes_sent` over the transport so far."""
        self.heard = True
        if self._reported_at < 0:
            self._reported_at, self._sent_bytes = now, bytes_sent
            return
        if fraction_lost > HIGH:
            if now - self._decreased_at > DECREASE_SECONDS:
                self._bps *= 1 - 0.5 * min(fraction_lost, 1.0)
                self._decreased_at = now
        elif fraction_lost < LOW and now - self._decreased_at > 1.0:
            self._increase(bytes_sent, now)
        self._bps = min(max(self._bps, self._min_bps), self._max_bps)

    def _increase(self, bytes_sent: int, now: float) -> None:
        elapsed = now - self._reported_at
        if elapsed < 0.5:
            return
        sent_bps = (bytes_sent - self._sent_bytes) * 8 / elapsed
        self._reported_at, self._sent_bytes = now, bytes_sent
        limit = LIMITED_FACTOR * sent_bps + LIMITED_EXTRA_BPS
        bound = self.remb_bps(now)
        # A receiver that states a bound has measured; one that states none is asked little by
        # little.
        more = bound if bound < inf else self._bps * GROWTH ** min(elapsed, 2.0)
        self._bps = max(self._bps, min(more, limit))

    def bps(self, now: float) -> float:
        """The rate now."""
        return min(self._bps, self.remb_bps(now))
