"""The delay-based rate: additive increase, multiplicative decrease.

draft-ietf-rmcat-gcc-02 clause 5.5, with what libwebrtc made of it since
(modules/remote_bitrate_estimator/aimd_rate_control.cc): on overuse down to 0.85 of what arrived;
from there up in small steps as long as the capacity is thought to be near, otherwise by 8 % a
second; never above 1.5 of what arrives, except where a probe has shown more.

The small step is ours. The draft adds one packet a response time: at 200 kbit/s that is a third
more in a second, and at 20 Mbit/s it takes a minute to be back. A step by the root of the rate is
less than proportional, so that two who share a link still come to equal shares, and is 15 % a
second at 200 kbit/s and 2 % at 20 Mbit/s.
"""

from __future__ import annotations

from math import sqrt
from typing import Final

from sfu.congestion.delay import STANDING_SECONDS, Usage

BETA: Final = 0.85
UNSURE_BETA: Final = 0.75
"""At most down to this share of the rate while a queue does not stand yet."""
GROWTH: Final = 1.08
"""A second, far from convergence."""
LIMITED_FACTOR: Final = 1.5
LIMITED_EXTRA_BPS: Final = 10_000
STEP: Final = 10.0
"""Near convergence: times the root of the rate, a response time of a round trip and 100 ms."""
SETTLE_SECONDS: Final = 0.2
"""After a decrease its effect is waited for as long as this and a round trip."""


HASTE_SECONDS: Final = 0.08
"""Between decreases while less than half of the rate arrives."""
LARGEST_STEP: Final = 0.5
FLOOR_BPS: Final = 150_000
FLOOR_SECONDS: Final = 3.0
"""Some voices and a slow video: below that only when overuse goes on there for so long."""


class LinkCapacity:
    """Where overuse began lately: mean, and deviation as a share of it."""

    __slots__ = ("_variance", "bps")

    def __init__(self) -> None:
        self.bps = 0.0
        """0: not known."""
        self._variance = 0.4

    @property
    def _deviation(self) -> float:
        # Kept relative to the mean, in kbit/s, as in libwebrtc's link_capacity_estimator.cc.
        return sqrt(self._variance * self.bps / 1000) * 1000

    def overused_at(self, bps: float) -> None:
        """What arrived when the queue began to grow."""
        if not self.bps:
            self.bps = bps
            return
        self.bps += (bps - self.bps) * 0.05
        error = (bps - self.bps) / 1000
        variance = 0.95 * self._variance + 0.05 * error * error / max(self.bps / 1000, 1.0)
        self._variance = min(max(variance, 0.4), 2.5)

    def contains(self, bps: float) -> bool:
        """Is it within three deviations of the mean?"""
        return bool(self.bps) and abs(bps - self.bps) <= 3 * self._deviation

    def forget(self) -> None:
        """The link is not what it was."""
        self.bps = 0.0


class RateController:
    """Turns usage and what arrives into a rate."""

    __slots__ = (
        "_decreased_at",
        "_floor_at",
        "_max_bps",
        "_min_bps",
        "_updated",
        "before_bps",
        "bps",
        "capacity",
    )

    def __init__(self, start_bps: int, min_bps: int, max_bps: int) -> None:
        self._min_bps = min_bps
        self._max_bps = max_bps
        self.bps = float(start_bps)
        self.capacity = LinkCapacity()
        self.before_bps = 0.0
        """The rate before the last decrease; 0: there was none."""
        self._updated = -1.0
        self._decreased_at = -1e9
        self._floor_at = -1e9
        """When it last came down to `FLOOR_BPS`."""

    def update(
        self,
        usage: Usage,
        acked_bps: int,
        recent_bps: int,
        ceiling_bps: float,
        rtt: float,
        now: float,
        queue: float = 0.0,
    ) -> bool:
        """After each feedback; returns whether it backed off. `queue` on the path, seconds.

        `acked_bps` over half a second or so, `recent_bps` over as short a time as means anything;
        0 where not known. Nothing grows beyond `ceiling_bps`.
        """
        elapsed = 0.0 if self._updated < 0 else min(now - self._updated, 1.0)
        self._updated = now
        if usage is Usage.OVERUSE:
            return self._decrease(acked_bps, recent_bps, rtt, now, queue)
        if usage is Usage.NORMAL:
            self._increase(acked_bps, ceiling_bps, rtt, elapsed)
        return False

    def _decrease(
        self, acked_bps: int, recent_bps: int, rtt: float, now: float, queue: float
    ) -> bool:
        arrives = recent_bps or acked_bps or self.bps
        since = now - self._decreased_at
        settled = since > rtt + SETTLE_SECONDS
        # A rate that is far too high cannot wait for the effect of the last step.
        if not settled and (arrives > 0.5 * self.bps or since < HASTE_SECONDS):
            return False
        # Somebody else's burst may keep our packets for a moment: never down by much at once.
        bps = max(BETA * arrives, LARGEST_STEP * self.bps)
        if queue < STANDING_SECONDS:
            # What arrived may be what was sent: only a queue that stands shows all that can.
            bps = max(bps, UNSURE_BETA * self.bps)
        if bps >= self.bps:
            # We send less than we might, and still a queue grew: others are on the link.
            bps = min(self.bps, BETA * self.bps) if settled and arrives > self.bps else self.bps
        if not self.capacity.contains(arrives):
            self.capacity.forget()
        self.capacity.overused_at(arrives)
        self.before_bps = self.bps
        self._decreased_at = now
        self._set(self._above_floor(bps, now))
        return True

    def _above_floor(self, bps: float, now: float) -> float:
        """A moment's trouble must not take everything away."""
        if bps >= FLOOR_BPS:
            return bps
        if self.bps > FLOOR_BPS:
            self._floor_at = now
        return bps if now - self._floor_at > FLOOR_SECONDS else min(self.bps, FLOOR_BPS)

    def _increase(self, acked_bps: int, ceiling_bps: float, rtt: float, elapsed: float) -> None:
        capacity = self.capacity
        if capacity.bps and acked_bps > capacity.bps and not capacity.contains(acked_bps):
            capacity.forget()
        if capacity.bps:
            step = STEP * sqrt(self.bps) / (rtt + 0.1) * elapsed
        else:
            step = max(self.bps * (GROWTH**elapsed - 1), 1000 * elapsed)
        bps = self.bps + step
        if acked_bps:
            ceiling_bps = min(ceiling_bps, LIMITED_FACTOR * acked_bps + LIMITED_EXTRA_BPS)
        self._set(min(bps, max(self.bps, ceiling_bps)))

    def raise_to(self, bps: float) -> None:
        """A probe has shown that the link carries this."""
        if bps > self.bps:
            if not self.capacity.contains(bps):
                self.capacity.forget()
            self._set(bps)

    def lower_to(self, bps: float) -> None:
        """Something else has shown that it is too much."""
        if bps < self.bps:
            self._set(bps)

    def _set(self, bps: float) -> None:
        self.bps = min(max(bps, self._min_bps), self._max_bps)
