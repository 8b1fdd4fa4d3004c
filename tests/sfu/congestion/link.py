"""A network in simulated time: a bottleneck, who sends into it, and who reports what arrived.

Everything random comes from a seed. `VirtualLink` may be shared by any number of senders.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sfu.congestion.estimator import BandwidthEstimator
from sfu.congestion.feedback import TransportCcFeedback
from sfu.congestion.history import HEADERS
from sfu.wire import transport_cc
from sfu.wire.transport_cc import TransportCc

MTU = 1200
"""Bytes of a datagram of media."""
TICK = 0.005


class VirtualLink:
    """A drop-tail queue in front of a wire.

    `rates`: bit/s, or steps of (from second, bit/s). `queue_seconds`: how long a packet may wait
    at most; `queue_bytes` likewise. `burst_bytes`: a token bucket, so much passes at once after a
    while of less than the rate. `jitter`: up to so many seconds more, in order unless
    `reorder`, the share of packets that take `reorder_seconds` more and may be overtaken.
    """

    def __init__(
        self,
        rates: float | Sequence[tuple[float, float]],
        *,
        seed: int = 1,
        delay: float = 0.02,
        jitter: float = 0.0,
        loss: float = 0.0,
        queue_seconds: float = 0.3,
        queue_bytes: float = float("inf"),
        burst_bytes: float = 0.0,
        reorder: float = 0.0,
        reorder_seconds: float = 0.01,
    ) -> None:
        steps = [(0.0, float(rates))] if isinstance(rates, (int, float)) else list(rates)
        self._times = [at for at, _ in steps]
        self._rates = [bps for _, bps in steps]
        self._random = random.Random(seed)
        self.delay, self.jitter, self.loss = delay, jitter, loss
        self.queue_seconds, self.queue_bytes = queue_seconds, queue_bytes
        self.burst_bytes = burst_bytes
        self.reorder, self.reorder_seconds = reorder, reorder_seconds
        self._free_at = 0.0
        self._latest = 0.0
        self.dropped = 0

    def rate(self, now: float) -> float:
        """Bit/s at that time."""
        return self._rates[bisect_right(self._times, now) - 1]

    def queue(self, now: float) -> float:
        """Seconds that a packet sent now waits."""
        return max(0.0, self._free_at - now)

    def _served(self, bits: float, start: float) -> float:
        """When the last bit is on the wire, through whatever steps of the rate."""
        index = bisect_right(self._times, start) - 1
        while index + 1 < len(self._times):
            fits = (self._times[index + 1] - start) * self._rates[index]
            if fits >= bits:
                break
            bits -= fits
            index += 1
            start = self._times[index]
        return start + bits / self._rates[index]

    def send(self, size: int, now: float) -> float | None:
        """When a packet of `size` bytes arrives; None: it is lost."""
        waits = self.queue(now)
        if waits > self.queue_seconds or waits * self.rate(now) / 8 > self.queue_bytes:
            self.dropped += 1
            return None
        saved = self.burst_bytes * 8 / self.rate(now)
        self._free_at = self._served(size * 8, max(now - saved, self._free_at))
        if self.loss and self._random.random() < self.loss:
            return None
        arrival = max(now, self._free_at) + self.delay
        if self.jitter:
            arrival += self._random.random() * self.jitter
        if self.reorder and self._random.random() < self.reorder:
            return arrival + self.reorder_seconds
        self._latest = arrival = max(arrival, self._latest)
        return arrival


class Receiver:
    """Reports arrivals as a browser does."""

    def __init__(
        self,
        *,
        interval: float = 0.05,
        return_delay: float = 0.02,
        granularity: float = 0.0,
        clock: float = 5000.0,
    ) -> None:
        """`granularity`: of arrival times, seconds; `clock`: what it is ahead of the sender."""
        self._feedback = TransportCcFeedback(1)
        self._arrivals: list[tuple[float, int]] = []
        self._reports: list[tuple[float, TransportCc]] = []
        self._interval, self._return_delay = interval, return_delay
        self._granularity, self._clock = granularity, clock
        self._next_at = interval

    def expect(self, number: int, arrival: float) -> None:
        """A packet is in the network."""
        heapq.heappush(self._arrivals, (arrival, number))

    def _note(self, now: float) -> None:
        arrivals = self._arrivals
        while arrivals and arrivals[0][0] <= now:
            at, number = heapq.heappop(arrivals)
            at += self._clock
            if self._granularity:
                at = int(at / self._granularity) * self._granularity
            self._feedback.packet(number, at)

    def reports(self, now: float) -> list[TransportCc]:
        """Feedback that has come back to the sender by now."""
        while self._next_at <= now:
            self._note(self._next_at)
            for data in self._feedback.build(self._next_at + self._clock, 2):
                body = data[4 : len(data) - (data[-1] if data[0] & 0x20 else 0)]
                at = self._next_at + self._return_delay
                self._reports.append((at, transport_cc.decode(body)))
            self._next_at += self._interval
        ready = [packet for at, packet in self._reports if at <= now]
        self._reports = [entry for entry in self._reports if entry[0] > now]
        return ready


Source = Callable[[float, int], int]
"""Bytes of media at this tick, given the target in bit/s."""


def greedy(fps: float = 0.0) -> Source:
    """Media at exactly the target: spread evenly, or in whole frames."""
    credit = 0.0
    last = next_frame = 0.0

    def source(now: float, target_bps: int) -> int:
        nonlocal credit, last, next_frame
        credit += (now - last) * target_bps / 8
        last = now
        if fps:
            if now < next_frame:
                return 0
            next_frame += 1 / fps
            size = int(credit)
        else:
            size = int(credit) // MTU * MTU
        credit -= size
        return size

    return source


def layered(
    layers: Iterable[int], fps: float = 25.0, seed: int = 1, keyframe_every: float = 1e9
) -> Source:
    """A voice of 40 kbit/s every 20 ms, and frames of the highest layer that fits the target.

    Frames vary in size by a third; a keyframe has five times the size.
    """
    rates = sorted(layers)
    draw = random.Random(seed)
    frame_at = voice_at = 0.0
    keyframe_at = keyframe_every

    def source(now: float, target_bps: int) -> int:
        nonlocal frame_at, voice_at, keyframe_at
        size = 0
        if now >= voice_at:
            voice_at += 0.02
            size += 100
        if now >= frame_at:
            frame_at += 1 / fps
            fits = [bps for bps in rates if bps + 40_000 <= target_bps]
            if fits:
                frame = fits[-1] / 8 / fps * draw.uniform(0.67, 1.33)
                if now >= keyframe_at:
                    keyframe_at += keyframe_every
                    frame *= 5
                size += int(frame)
        return size

    return source


@dataclass
class Trace:
    """What was at one tick."""

    at: list[float] = field(default_factory=list)
    target_bps: list[int] = field(default_factory=list)
    queue: list[float] = field(default_factory=list)
    sent_bytes: list[int] = field(default_factory=list)

    def _between(self, start: float, end: float) -> slice:
        return slice(bisect_right(self.at, start), bisect_right(self.at, end))

    def target(self, start: float, end: float) -> float:
        """Mean target."""
        values = self.target_bps[self._between(start, end)]
        return sum(values) / len(values)

    def lowest_target(self, start: float, end: float) -> float:
        return min(self.target_bps[self._between(start, end)])

    def sent(self, start: float, end: float) -> float:
        """Bit/s sent."""
        return sum(self.sent_bytes[self._between(start, end)]) * 8 / (end - start)

    def queue_share(self, start: float, end: float, share: float) -> float:
        """Queueing delay that this share of the time stays below; seconds."""
        values = sorted(self.queue[self._between(start, end)])
        return values[min(len(values) - 1, int(share * len(values)))]

    def standing_queue(self, start: float, end: float, over: float = 0.5) -> float:
        """The longest queueing delay that did not shrink for `over` seconds."""
        values = self.queue[self._between(start, end)]
        width = int(over / TICK)
        return max(min(values[i : i + width]) for i in range(0, len(values) - width, width // 2))


class Sender:
    """A subscriber's sending side: media, padding, an estimator."""

    def __init__(
        self,
        link: VirtualLink,
        source: Source,
        *,
        wanted_bps: int = 50_000_000,
        receiver: Receiver | None = None,
        estimator: BandwidthEstimator | None = None,
        first_number: int = 0,
        starts: float = 0.0,
    ) -> None:
        self.link, self.source, self.wanted_bps = link, source, wanted_bps
        self.receiver = receiver or Receiver()
        self.estimator = estimator or BandwidthEstimator(starts, first_number=first_number)
        self.trace = Trace()
        self.starts = starts
        self.number = first_number
        self.read = 0
        """Reports that the estimator wanted."""
        self._next_tick = 0.0

    def step(self, now: float) -> None:
        """One round of the worker."""
        if now < self.starts:
            return
        estimator = self.estimator
        for report in self.receiver.reports(now):
            if estimator.wants_feedback(now):
                self.read += 1
                estimator.feedback(report, now)
        if now >= self._next_tick:
            self._next_tick = now + 0.1
            estimator.tick(now)
        media, first = self.source(now, estimator.target_bps), self.number
        size = self._send(media, MTU, now)
        # The prober counts the media of this round only once it is sent.
        padding = max(0, estimator.padding_due(now, self.wanted_bps) - size)
        size += self._send(padding, 250 if padding < 2 * MTU else MTU, now)
        if size:
            # What a link carries has headers, what is flushed has none.
            datagrams = max(0, size - HEADERS * (self.number - first))
            estimator.sent(self.number & 0xFFFF, datagrams, now)
        trace = self.trace
        trace.at.append(now)
        trace.target_bps.append(estimator.target_bps)
        trace.queue.append(self.link.queue(now))
        trace.sent_bytes.append(size)

    def _send(self, size: int, largest: int, now: float) -> int:
        left = size
        while left > 0:
            part = min(left, largest)
            left -= part
            arrival = self.link.send(part, now)
            if arrival is not None:
                self.receiver.expect(self.number & 0xFFFF, arrival)
            self.number += 1
        return size


def run(senders: Sequence[Sender], seconds: float) -> None:
    """From the beginning to `seconds`."""
    for index in range(int(seconds / TICK)):
        now = index * TICK
        for sender in senders:
            sender.step(now)
