"""Whether a queue grows on one path, or stands: delay-based detection of overuse.

Theory of operation, after draft-ietf-rmcat-gcc-02 clause 5 with the trendline filter that replaced
its Kalman filter in libwebrtc (modules/congestion_controller/goog_cc/trendline_estimator.cc):

1. Packets sent within 5 ms are one group (clause 5.2). We send what arrived from a publisher in
   one burst, often a whole frame, so the *first* arrival of a group is what counts: it waited for
   what was in the queue before, and not for its own group's packets ahead of it.
2. The delay of each group against the one before (clause 5.1) is summed and smoothed, and a line
   is fitted through the last 20: its slope is how fast the queue grows, second a second.
3. Slope against an adaptive threshold (clause 5.4), for longer than 10 ms: overuse, unless there
   is hardly a queue: where loss and jitter leave few samples, a slope alone is soon found.

A slow growth stays below any threshold of slope, and fills the queue all the same. So the delay
above the lowest one seen in the last half minute is watched too: when it stays above 50 ms for a
quarter of a second, or above 120 ms for a tenth, that is overuse as well (`StandingQueue`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from enum import Enum
from operator import mul
from typing import Final

from sfu.congestion.history import Outcome

GROUP_SECONDS: Final = 0.005
MAX_JUMP: Final = 3.0
"""Seconds: a larger step of the delay is a new path or clock, and everything begins anew."""

WINDOW_GROUPS: Final = 20
SMOOTHING: Final = 0.9
GAIN: Final = 4.0
MAX_DELTAS: Final = 60

INITIAL_THRESHOLD_MS: Final = 12.5
MIN_THRESHOLD_MS, MAX_THRESHOLD_MS = 6.0, 600.0
THRESHOLD_UP, THRESHOLD_DOWN = 0.0087, 0.039
"""K_u and K_d of clause 5.4, per millisecond."""
MAX_ADAPT_OFFSET_MS: Final = 15.0
OVERUSE_SECONDS: Final = 0.01

LEAST_QUEUE: Final = 0.015
"""Seconds: below this a slope is jitter."""
LEAST_PACKETS: Final = 2 * 1200 * 8
"""Bits: on a slow link a few packets behind one another are no queue either."""
STANDING_SECONDS: Final = 0.05
STANDING_FOR: Final = 0.25
LARGE_SECONDS, LARGE_FOR = 0.12, 0.1
"""Is overuse sooner: a rate that is far too high."""
BASELINE_SECONDS: Final = 30.0
STUCK_SECONDS, STUCK_CHANGE = 2.0, 0.05
"""A queue that does not shrink by 50 ms in 2 s, while we back off again and again, is none of ours:
the path has become longer, or others fill it whatever we do."""


class Usage(Enum):
    """Of the path's capacity."""

    NORMAL = "normal"
    OVERUSE = "overuse"
    UNDERUSE = "underuse"


class Trendline:
    """Slope of the queueing delay over the last groups."""

    __slots__ = ("_delays", "_smoothed", "_sum", "_times", "deltas")

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=WINDOW_GROUPS)
        self._delays: deque[float] = deque(maxlen=WINDOW_GROUPS)
        self._sum = self._smoothed = 0.0
        self.deltas = 0
        """Steps seen so far."""

    def add(self, step: float, arrival: float) -> float:
        """`step`: delay against the group before; seconds. Returns the slope, 0 until known."""
        self.deltas += 1
        self._sum += step
        self._smoothed += (self._sum - self._smoothed) * (1 - SMOOTHING)
        times, delays = self._times, self._delays
        times.append(arrival)
        delays.append(self._smoothed)
        count = len(times)
        if count < WINDOW_GROUPS:
            return 0.0
        mean = sum(times) / count
        xs = [time - mean for time in times]
        spread = sum(map(mul, xs, xs))
        return sum(map(mul, xs, delays)) / spread if spread > 0 else 0.0


class OveruseDetector:
    """The slope against an adaptive threshold."""

    __slots__ = ("_count", "_over_for", "_previous", "_updated", "threshold_ms", "usage")

    def __init__(self) -> None:
        self.usage = Usage.NORMAL
        self.threshold_ms = INITIAL_THRESHOLD_MS
        self._over_for = -1.0
        self._count = 0
        self._previous = 0.0
        self._updated = -1.0

    def update(self, slope: float, deltas: int, interval: float, now: float) -> Usage:
        """`deltas` steps were seen; the last group was sent `interval` after the one before."""
        if deltas < 2:
            return Usage.NORMAL
        trend = min(deltas, MAX_DELTAS) * slope * GAIN
        if trend > self.threshold_ms:
            # Half the interval: on average it began in the middle of the first one.
            self._over_for = interval / 2 if self._over_for < 0 else self._over_for + interval
            self._count += 1
            if self._over_for > OVERUSE_SECONDS and self._count > 1 and trend >= self._previous:
                self._over_for = 0.0
                self._count = 0
                self.usage = Usage.OVERUSE
        else:
            self._over_for = -1.0
            self._count = 0
            self.usage = Usage.UNDERUSE if trend < -self.threshold_ms else Usage.NORMAL
        self._previous = trend
        self._adapt(abs(trend), now)
        return self.usage

    def _adapt(self, trend: float, now: float) -> None:
        if self._updated < 0:
            self._updated = now
        if trend <= self.threshold_ms + MAX_ADAPT_OFFSET_MS:
            gain = THRESHOLD_DOWN if trend < self.threshold_ms else THRESHOLD_UP
            elapsed_ms = min((now - self._updated) * 1000, 100.0)
            moved = self.threshold_ms + gain * (trend - self.threshold_ms) * elapsed_ms
            self.threshold_ms = min(max(moved, MIN_THRESHOLD_MS), MAX_THRESHOLD_MS)
        self._updated = now


class StandingQueue:
    """Delay above the lowest of the last `BASELINE_SECONDS`."""

    __slots__ = (
        "_low",
        "_short",
        "_standing",
        "_stuck_at",
        "_stuck_floor",
        "delay",
        "floor",
        "recent",
    )

    def __init__(self) -> None:
        self._low: deque[tuple[float, float]] = deque()
        """Time and delay, both rising: the first is the lowest of the window."""
        self._standing: deque[tuple[float, float]] = deque()
        self._short: deque[tuple[float, float]] = deque()
        self._stuck_at = self._stuck_floor = 0.0
        """Since when, and above what less the change, the floor has stayed."""
        self.delay = 0.0
        """Of the last group, seconds above the lowest."""
        self.floor = 0.0
        """The least `delay` over the last `STANDING_FOR`: what never drained."""
        self.recent = 0.0
        """The same over the last `LARGE_FOR`."""

    @property
    def lowest(self) -> float | None:
        """The lowest delay of the window, arrival less departure; None before the first."""
        return self._low[0][1] if self._low else None

    def add(self, delay: float, arrival: float) -> None:
        """`delay` is arrival less departure, on two clocks: only differences mean anything."""
        base = self._slide(self._low, delay, arrival, BASELINE_SECONDS)
        floor = self._slide(self._standing, delay, arrival, STANDING_FOR)
        recent = self._slide(self._short, delay, arrival, LARGE_FOR)
        self.delay = delay - base
        self.floor = floor - base
        self.recent = recent - base
        if self.floor <= STANDING_SECONDS or self.floor < self._stuck_floor - STUCK_CHANGE:
            self._stuck_at, self._stuck_floor = arrival, self.floor
        elif arrival > self._stuck_at + STUCK_SECONDS:
            self._low.clear()
            self._low.extend(self._standing)
            self._stuck_at = arrival

    @staticmethod
    def _slide(window: deque[tuple[float, float]], delay: float, at: float, length: float) -> float:
        """Minimum over a sliding window (a queue of rising minima)."""
        while window and window[-1][1] >= delay:
            window.pop()
        window.append((at, delay))
        while len(window) > 1 and window[0][0] < at - length:
            window.popleft()
        return window[0][1]


class DelayDetector:
    """Groups flushes and judges how the path is used."""

    __slots__ = (
        "_arrival",
        "_departure",
        "_detector",
        "_trendline",
        "queue",
        "usage",
    )

    def __init__(self) -> None:
        self.queue = StandingQueue()
        self.usage = Usage.NORMAL
        self._restart()

    def _restart(self) -> None:
        self._trendline = Trendline()
        self._detector = OveruseDetector()
        # Of the newest group: when its first packet was sent, and arrived.
        self._departure = self._arrival = -1.0

    def add(
        self,
        outcomes: Sequence[Outcome],
        now: float,
        quiet_until: float = -1.0,
        rate_bps: float = math.inf,
    ) -> Usage:
        """In order of sending, at about `rate_bps`. Returns the worst that is true of them.

        What was sent up to `quiet_until` has no slope: a burst of ours made its own queue there.
        """
        worst = Usage.NORMAL
        newest = self._departure
        for sent_at, _, _, received, arrival, _ in outcomes:
            if not received or sent_at - newest < GROUP_SECONDS:
                # Of the same group, lost, or from feedback that came late.
                continue
            if sent_at <= quiet_until:
                self.queue.add(arrival - sent_at, arrival)
                continue
            if newest >= 0:
                departed, step = sent_at - newest, arrival - self._arrival - (sent_at - newest)
                if not -MAX_JUMP < step < MAX_JUMP:
                    self._restart()
                    self.queue = StandingQueue()
                elif step < 0 and arrival - self._arrival <= GROUP_SECONDS:
                    # Held up in the network and let go together (clause 5.2): one group.
                    continue
                else:
                    slope = self._trendline.add(step, arrival)
                    deltas = self._trendline.deltas
                    usage = self._detector.update(slope, deltas, departed, now)
                    if usage is Usage.OVERUSE or worst is Usage.NORMAL:
                        worst = usage
            newest = self._departure = sent_at
            self._arrival = arrival
            self.queue.add(arrival - sent_at, arrival)
        # A frame makes a slope too, and drains before the next.
        least = max(LEAST_QUEUE, LEAST_PACKETS / rate_bps)
        if worst is Usage.OVERUSE and min(self.queue.delay, self.queue.recent) < least:
            worst = Usage.NORMAL
        if self.queue.floor > STANDING_SECONDS or self.queue.recent > LARGE_SECONDS:
            worst = Usage.OVERUSE
        self.usage = worst
        return worst
