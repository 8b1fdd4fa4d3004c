"""The loss-based bound: losses that a lower rate would avoid, and losses that it would not.

draft-ietf-rmcat-gcc-02 clause 6 lowers the rate above 10 % loss, whatever its cause; on a bad
Wi-Fi that starves a call whose queue is empty. libwebrtc's second version
(modules/congestion_controller/goog_cc/loss_based_bwe_v2.cc) therefore splits loss into what the
link inherently loses and what comes of sending too much. This is the same idea as an experiment:

- Loss while a queue stands is judged by the draft's rule: above 10 % down by half the loss.
- Loss above 10 % without a queue starts a *trial*: the rate goes down to 0.85 of what arrives, and
  the loss is measured again. If it is gone, a policer or a short buffer drops what is too much:
  the lower rate stays. If not, it is inherent in the link: the rate is as before at once, and
  from then on only loss beyond that counts.
- Below 2 % (beyond the inherent) the bound goes, up to 10 % it stays.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Final

LOW, HIGH = 0.02, 0.10
TRIAL_FACTOR: Final = 0.85
CURED: Final = 0.5
"""Share of the loss that may be left for a trial to have helped."""
WINDOW_SECONDS: Final = 0.5
MIN_PACKETS: Final = 40
MAX_WINDOW_SECONDS: Final = 3.0
RETRY_SECONDS: Final = 8.0
"""Between a trial that did not help and the next."""
MAX_INHERENT: Final = 0.5
RELEASE: Final = 1.08
"""A second: how fast a bound rises when nothing is lost."""


class LossController:
    """Bound on the rate by loss."""

    __slots__ = (
        "_began",
        "_lost",
        "_packets",
        "_queued",
        "_retry_at",
        "_settled_at",
        "_trial_loss",
        "bound_bps",
        "inherent",
        "loss",
        "unqueued",
    )

    def __init__(self) -> None:
        self.bound_bps = inf
        self.loss = 0.0
        """Of the last window, 0 to 1."""
        self.unqueued = 0.0
        """Of the last window in which no queue stood, 0 to 1: what redundancy is good against.
        A queue that overflows it would only make longer."""
        self.inherent = 0.0
        """Share that the link loses whatever the rate."""
        self._began = -1.0
        self._packets = self._lost = 0
        self._queued = False
        self._trial_loss = 0.0
        """What a running trial tries to cure; 0: none."""
        self._settled_at = 0.0
        self._retry_at = 0.0

    @property
    def trying(self) -> bool:
        """Whether a trial runs."""
        return self._trial_loss > 0

    def add(
        self, packets: int, lost: int, queued: bool, acked_bps: int, rtt: float, now: float
    ) -> bool:
        """After each feedback; `queued`: a queue stands on the path. Returns whether it backed off.

        `lost` may be negative: packets that were thought lost have come.
        """
        if now < self._settled_at:
            return False
        if self._began < 0:
            self._began = now
        self._packets += packets
        self._lost += lost
        self._queued = self._queued or queued
        elapsed = now - self._began
        if elapsed < WINDOW_SECONDS:
            return False
        if self._packets < MIN_PACKETS and elapsed < MAX_WINDOW_SECONDS:
            return False
        return self._judge(acked_bps, rtt, elapsed, now)

    def _judge(self, acked_bps: int, rtt: float, elapsed: float, now: float) -> bool:
        packets, queued = self._packets, self._queued
        self._restart(now)
        if packets < MIN_PACKETS // 4:
            return False
        loss = self.loss
        # By chance alone a window strays this far from a loss that is no different.
        doubt = 2 * sqrt(loss * (1 - loss) / packets)
        if self._trial_loss:
            return self._end_trial(loss, now)
        self._follow(loss, doubt)
        excess = max(0.0, loss - self.inherent)
        if queued:
            doubt = 0.0
        if excess > HIGH + doubt and acked_bps:
            if queued:
                self._lower(acked_bps * (1 - 0.5 * excess))
                self._settled_at = now + rtt + 0.2
                return True
            if now >= self._retry_at or loss > 2 * self.inherent + HIGH:
                self._trial_loss = loss
                self._lower(TRIAL_FACTOR * acked_bps)
                self._settled_at = now + rtt + 0.3
                return True
        elif excess < LOW + doubt and self.bound_bps < inf:
            self.bound_bps *= RELEASE**elapsed
        return False

    def _follow(self, loss: float, doubt: float) -> None:
        """The inherent loss, once a trial has shown it, changes with the weather."""
        if self.inherent and loss < self.inherent + doubt:
            gain = 0.1 if loss > self.inherent - doubt else 0.3
            self.inherent += gain * (loss - self.inherent)

    def _end_trial(self, loss: float, now: float) -> bool:
        if loss - self.inherent > CURED * (self._trial_loss - self.inherent):
            self.inherent = min(loss, self._trial_loss, MAX_INHERENT)
            self.bound_bps = inf
            self._retry_at = now + RETRY_SECONDS
        self._trial_loss = 0.0
        return False

    def _lower(self, bps: float) -> None:
        self.bound_bps = min(self.bound_bps, bps)

    def _restart(self, now: float) -> None:
        self.loss = max(0, self._lost) / self._packets if self._packets else 0.0
        if not self._queued:
            self.unqueued = self.loss
        self._began = now
        self._packets = self._lost = 0
        self._queued = False

    def raise_to(self, bps: float) -> None:
        """A probe brought this much through, losses left out."""
        self.bound_bps = max(self.bound_bps, bps)
