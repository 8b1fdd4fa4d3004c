"""A virtual link from a seed: what it does to each packet is known exactly, before and after."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Packet:
    """One packet of a stream: its extended number, when it was sent and when it comes, seconds."""

    number: int
    timestamp: int
    sent: float
    arrival: float


def scattered(rng: Random, packets: int, percent: float) -> set[int]:
    """Places of exactly `percent` of the packets, spread at random; never the first or last."""
    return set(rng.sample(range(1, packets - 1), round(packets * percent / 100)))


def in_runs(rng: Random, packets: int, percent: float, length: int) -> set[int]:
    """As `scattered`, but in runs of exactly `length` with a packet between them, at least."""
    runs = round(packets * percent / 100) // length
    free = packets - 2 - runs * (length + 1)
    starts = sorted(rng.sample(range(free + runs), runs))
    lost: set[int] = set()
    for i, start in enumerate(starts):
        first = 1 + start + i * length
        lost.update(range(first, first + length))
    return lost


def carry(
    packets: int,
    lost: Collection[int],
    delay: Callable[[int], float],
    *,
    first: int = 0,
    clock_rate: int = 48000,
    interval: float = 0.02,
) -> list[Packet]:
    """Packets in the order in which they arrive; `delay` gives each one's delay, in seconds."""
    sent = [
        Packet(
            number=first + i,
            timestamp=round(i * interval * clock_rate) & 0xFFFFFFFF,
            sent=i * interval,
            arrival=i * interval + delay(i),
        )
        for i in range(packets)
        if i not in lost
    ]
    return sorted(sent, key=lambda packet: packet.arrival)
