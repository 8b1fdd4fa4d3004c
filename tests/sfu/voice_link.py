"""A voice over a bad link, in simulated time: which repair leaves how much of it concealed?

Theory of operation. A server sends a packet each 20 ms through a seeded link that loses and
delays. The receiver plays as NetEq, the jitter buffer of Chromium and Firefox, is known to: its
target delay is the larger of what 95 % of the half-second maxima of delay need, and what late
packets are worth at 20 ms a percent of loss; playing moves towards it by stretching time; what is
missing when its turn comes is concealed, and when nothing at all is there playing stands still.
It asks for what is missing (NACK) while the answer can be in time, or would be worth waiting for
at the same price. `python -m tests.sfu.voice_link` prints the table of docs/performance.md.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sfu.send.audio_repair import worth_asking

FRAME = 20.0
"""Milliseconds, as all times here."""
BUCKET = 20.0
PRICE = 20.0
"""Milliseconds of delay that one percent of loss is worth."""
STRETCH = 2.0
"""How far a frame is stretched or shortened."""
WARM_UP = 10_000.0

Asks = Callable[[float, float, float], bool]
"""Round trip and age of a missing packet (seconds), share missing: whether to ask for it."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What is done about loss."""

    red: int = 0
    """Blocks of earlier frames that each packet carries."""
    fec: bool = False
    """Each packet has a copy of the frame before, at a low rate, for the decoder (LBRR)."""
    nack: bool = False
    """The receiver asks again."""
    copies: bool = False
    """Each packet is sent once more, right behind the next."""
    rtt_known: bool = False
    """The receiver knows its round trip; else it takes it for 100 ms."""
    asks: Asks | None = None
    """A server in between asks; the receiver, right behind it, gets late what comes late."""


@dataclass(slots=True)
class Heard:
    """What came of it."""

    concealed_percent: float
    delay_ms: float
    """Mean time from arrival over the fastest path to playing."""
    overhead_percent: float
    """Packets sent again, of all."""


class _Histogram:
    def __init__(self, memory: float) -> None:
        self.buckets: list[float] = [0.0] * 30
        self._memory = memory
        self._count = 0

    def add(self, delay: float) -> None:
        # The first ones weigh as much as their number allows, so that it settles quickly.
        self._count += 1
        keep = min(self._memory, 1 - 2 / (self._count + 1)) if self._count > 1 else 0.0
        self.buckets = [bucket * keep for bucket in self.buckets]
        self.buckets[min(int(delay / BUCKET), len(self.buckets) - 1)] += 1 - keep

    def quantile(self, share: float) -> float:
        total = 0.0
        for index, bucket in enumerate(self.buckets):
            total += bucket
            if total >= share - 1e-9:
                return (index + 1) * BUCKET
        return len(self.buckets) * BUCKET

    def cheapest(self, base: float) -> float:
        left, best, delay = 1.0, float("inf"), 0.0
        for index, bucket in enumerate(self.buckets):
            left -= bucket
            cost = max(0.0, index * BUCKET - base) + 100 * PRICE * max(left, 0.0)
            if cost < best - 1e-6:
                best, delay = cost, (index + 1) * BUCKET
        return delay


class _Target:
    """The delay that the jitter buffer aims at."""

    def __init__(self) -> None:
        self.ms = 80.0
        self._underrun = _Histogram(0.983)
        self._late = _Histogram(0.9993)
        self._recent: deque[tuple[float, float]] = deque()
        self._worst = self._since = 0.0

    def base(self) -> float:
        return min(transit for _, transit in self._recent) if self._recent else 0.0

    def arrived(self, frame: int, now: float, late: bool) -> None:
        transit = now - frame * FRAME
        self._recent.append((now, transit))
        while self._recent[0][0] < now - 2000:
            self._recent.popleft()
        delay = transit - self.base()
        if not late:
            self._worst = max(self._worst, delay)
            if now - self._since > 500:
                self._underrun.add(self._worst)
                self._worst, self._since = 0.0, now
        under = self._underrun.quantile(0.95)
        self._late.add(delay if late else 0.0)
        self.ms = max(under, self._late.cheapest(under))


class _Call:
    def __init__(
        self, repair: Repair, rtt: float, loss: float, burst: float, jitter: float, seed: int
    ) -> None:
        self.repair, self.rtt, self.jitter = repair, rtt, jitter
        # Two states (Gilbert): everything is lost in one, nothing in the other.
        self.leaves_bad = 1 / burst
        self.enters_bad = loss * self.leaves_bad / (1 - loss)
        self.bad = [False, False]
        self.random = random.Random(seed)
        self.events: list[tuple[float, int, Callable[[float], None]]] = []
        self.count = self.resent = self.sent = 0
        self.link_free = 0.0
        self.target = _Target()
        self.buffer: set[int] = set()
        self.fec: set[int] = set()
        self.newest = -1
        self.came: set[int] = set()
        self.missing: dict[int, float] = {}
        """When it may be asked for next."""
        self.loss_seen = 0.0
        self.next_frame = 0
        self.concealed = self.played = self.delays = 0.0

    def at(self, when: float, what: Callable[[float], None]) -> None:
        self.count += 1
        heapq.heappush(self.events, (when, self.count, what))

    def lost(self, back: bool = False) -> bool:
        """Whether the next packet, towards the receiver or `back` from it, is lost."""
        chance = 1 - self.leaves_bad if self.bad[back] else self.enters_bad
        self.bad[back] = self.random.random() < chance
        return self.bad[back]

    def begin(self, frame: int, now: float) -> None:
        """A frame leaves for the first time."""
        self.send(frame, now)
        if self.repair.copies and frame:
            self.resend(frame - 1, now)

    def send(self, frame: int, now: float) -> None:
        self.sent += 1
        if self.lost():
            return
        delay = self.rtt / 2 + self.random.expovariate(1 / self.jitter)
        self.link_free = max(self.link_free, now + delay)
        self.at(self.link_free, lambda then: self.arrive(frame, then))

    def arrive(self, frame: int, now: float) -> None:
        if self.repair.copies and frame in self.came:
            # SRTP takes it for a replay.
            return
        self.came.add(frame)
        late = frame < self.newest
        self.target.arrived(frame, now, late)
        self.missing.pop(frame, None)
        for number in range(frame - self.repair.red, frame + 1):
            if number >= self.next_frame:
                self.buffer.add(number)
            if self.repair.asks is not None:
                self.missing.pop(number, None)
        if self.repair.fec and frame > self.next_frame:
            self.fec.add(frame - 1)
        first_lost = self.newest + 1
        # NetEq asks for what redundancy has given it too; the server knows better.
        end = frame if self.repair.asks is None else max(first_lost, frame - self.repair.red)
        for number in range(first_lost, end):
            self.missing[number] = now
            self.loss_seen = self.loss_seen * 0.996 + 0.004
        if not late:
            self.newest = frame
            self.loss_seen *= 0.996
        if self.newest == frame or late:
            self.ask(now)

    def ask(self, now: float) -> None:
        if self.repair.asks is not None:
            self.ask_for_receiver(now, self.repair.asks)
        if not self.repair.nack:
            return
        rtt = self.rtt if self.repair.rtt_known else 100.0
        for frame, due in list(self.missing.items()):
            if frame < self.next_frame:
                del self.missing[frame]
                continue
            left = (frame - self.next_frame + 1) * FRAME
            age = (self.newest - frame) * FRAME
            if due <= now and (left > rtt or age + rtt < 100 * PRICE * self.loss_seen):
                self.missing[frame] = now + 5 + 1.5 * rtt
                self.request(frame, now)

    def ask_for_receiver(self, now: float, asks: Asks) -> None:
        for frame, due in list(self.missing.items()):
            age = now - frame * FRAME - self.rtt / 2
            if not asks(self.rtt / 1000, age / 1000, self.loss_seen):
                del self.missing[frame]
            elif due <= now:
                self.missing[frame] = now + 1.5 * max(self.rtt, 20.0)
                self.request(frame, now)

    def request(self, frame: int, now: float) -> None:
        if not self.lost(back=True):
            self.at(now + self.rtt / 2, lambda then: self.resend(frame, then))

    def resend(self, frame: int, now: float) -> None:
        self.resent += 1
        self.send(frame, now)

    def play(self, now: float) -> None:
        """One step of playing; the next follows when this one has been heard."""
        delay = now - self.next_frame * FRAME - self.target.base()
        heard, good = FRAME, True
        if self.next_frame in self.buffer or self.next_frame in self.fec:
            if delay < self.target.ms * 0.75:
                heard += STRETCH
            elif delay > max(self.target.ms, self.target.ms * 0.75 + 20):
                heard -= STRETCH
            self.next_frame += 1
        elif self.newest > self.next_frame and delay >= self.target.ms * 0.75:
            good = False
            self.next_frame += 1
        else:
            good, heard = False, FRAME / 2
        if now >= WARM_UP:
            self.played += heard
            self.delays += heard * delay
            if not good:
                self.concealed += heard
        self.buffer.discard(self.next_frame - 1)
        self.fec.discard(self.next_frame - 1)
        self.at(now + heard, self.play)

    def run(self, seconds: float) -> Heard:
        end = WARM_UP + seconds * 1000
        for frame in range(int(end / FRAME)):
            self.at(frame * FRAME, lambda now, frame=frame: self.begin(frame, now))
        self.at(self.rtt / 2 + 80, self.play)
        while self.events and self.events[0][0] < end:
            now, _, what = heapq.heappop(self.events)
            what(now)
        return Heard(
            100 * self.concealed / self.played,
            self.delays / self.played,
            100 * self.resent / self.sent,
        )


def listen(
    repair: Repair, rtt_ms: float, loss: float, *, burst: float = 0.0, jitter_ms: float = 4.0,
    seconds: float = 120.0, seed: int = 1,
) -> Heard:  # fmt: skip
    """Play `seconds` of a voice; the same arguments give the same result.

    `loss` is a share of all packets, `burst` the mean number lost in a row; 0: each for itself.
    """
    burst = burst or 1 / (1 - loss)
    return _Call(repair, rtt_ms, loss, burst, jitter_ms, seed).run(seconds)


REPAIRS = {
    "nothing": Repair(),
    "FEC in every packet": Repair(fec=True),
    "browser asks": Repair(nack=True),
    "each twice": Repair(copies=True),
    "RED 1": Repair(red=1),
    "RED 2": Repair(red=2),
    "RED 2, browser asks": Repair(red=2, nack=True),
    "server asks": Repair(asks=worth_asking),
    "RED 1, server asks": Repair(red=1, asks=worth_asking),
}


def table(burst: float) -> Iterator[str]:
    """Rows of Markdown: percent concealed, and delay of playing in ms."""
    names = list(REPAIRS)
    yield "| RTT, loss | " + " | ".join(names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for rtt in (10, 50, 150):
        for loss in (0.02, 0.05, 0.10):
            cells = []
            for repair in REPAIRS.values():
                heard = [listen(repair, rtt, loss, burst=burst, seed=seed) for seed in (1, 2, 3)]
                concealed = sum(one.concealed_percent for one in heard) / 3
                delay = sum(one.delay_ms for one in heard) / 3
                cells.append(f"{concealed:.2f} ({delay:.0f})")
            yield f"| {rtt} ms, {loss:.0%} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    for mean in (0.0, 3.0):
        print(f"\nBursts of {mean:.0f}:\n" if mean else "Each packet for itself:\n")
        for row in table(mean):
            print(row)
