"""Counters that only grow, added up from samples. No I/O.

A sample has what was new in its second; a counter must have what there was in all, so that it may
be read as seldom as one likes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from qos import figures
from signaling.meter.samples import Figures, RoomSample, Sample, WorkerSample

MAX_GAP = 10.0
"""Seconds that one sample may stand for: a clock that jumps must not count hours of traffic."""
MAX_ROOMS = 100
"""Rooms that get counters of their own. Those that come later wait until one of them is gone."""


_COUNTED = any(counter.metric is not None for counter in figures.COUNTERS)
"""Whether /metrics shows any counter of tracks."""


@dataclass(slots=True)
class WorkerTotals:
    """Of one worker, since the server began."""

    packets_received: float = 0.0
    packets_sent: float = 0.0
    bytes_received: float = 0.0
    bytes_sent: float = 0.0
    drops: Counter[str] = field(default_factory=Counter)
    """Packets by reason."""
    forwarding_delay: list[int] = field(default_factory=list)
    """Packets by the bounds of the histogram, not added up."""


@dataclass(slots=True)
class RoomTotals:
    """Of one room, since it began."""

    call: str
    bytes_received: float = 0.0
    bytes_sent: float = 0.0
    counts: figures.Counts = figures.NO_COUNTS
    """Of all tracks that people publish or are sent."""


class Totals:
    """Of all samples."""

    def __init__(self) -> None:
        self.workers: dict[int, WorkerTotals] = {}
        self.rooms: dict[str, RoomTotals] = {}
        """By name: at most `MAX_ROOMS` of those that are."""
        self.rooms_left_out = 0
        self._at: float | None = None

    def add_sample(self, sample: Sample) -> None:
        """The next second."""
        gap = 1.0 if self._at is None else min(max(0.0, sample.at - self._at), MAX_GAP)
        self._at = sample.at
        for worker in sample.workers:
            self._worker(worker, gap)
        present = {room.room: room for room in sample.rooms}
        self.rooms = {name: totals for name, totals in self.rooms.items() if name in present}
        self.rooms_left_out = 0
        for name, room in present.items():
            self._room(name, room, gap)

    def _worker(self, worker: WorkerSample, gap: float) -> None:
        totals = self.workers.setdefault(worker.worker, WorkerTotals())
        totals.packets_received += worker.packets_received_per_second * gap
        totals.packets_sent += worker.packets_sent_per_second * gap
        totals.bytes_received += worker.bitrate_received * gap / 8
        totals.bytes_sent += worker.bitrate_sent * gap / 8
        totals.drops.update(worker.drops)
        missing = len(worker.forwarding_delay) - len(totals.forwarding_delay)
        totals.forwarding_delay += [0] * missing
        for place, count in enumerate(worker.forwarding_delay):
            totals.forwarding_delay[place] += count

    def _room(self, name: str, room: RoomSample, gap: float) -> None:
        totals = self.rooms.get(name)
        if totals is None or totals.call != room.call:
            if totals is None and len(self.rooms) >= MAX_ROOMS:
                self.rooms_left_out += 1
                return
            totals = self.rooms[name] = RoomTotals(room.call)
        totals.bytes_received += _bytes([person.up for person in room.people], gap)
        totals.bytes_sent += _bytes([person.down for person in room.people], gap)
        if _COUNTED:
            new = [track.counts for person in room.people for track in person.tracks]
            totals.counts = figures.added_up([totals.counts, *new])


def _bytes(directions: list[Figures], gap: float) -> float:
    return sum(one.bitrate or 0.0 for one in directions) * gap / 8
