"""What a worker counted in one interval: the differences of two of its messages. No I/O.

Theory of operation. The worker sends totals (`sfu.measured`) about once a second and when it
counted them. `Interval` holds two messages of one worker and looks up, for anything in the later
one, what it was in the earlier one: a stream or transport that was not there yet began from zero.
Where there is no earlier message (the worker is new, or was silent for long) nothing is known.
Totals that shrink belong to another stream under the same name; they count as begun anew.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from qos import figures
from sfu.control import TransportStats, WorkerStats
from sfu.measured import DownTotals, StreamTotals, UpTotals

_Totals = TypeVar("_Totals", StreamTotals, DownTotals)

LONGEST = 10.0
"""Seconds between two messages beyond which no rate is computed."""
SHORTEST = 0.2


class Interval:
    """Two messages of one worker; `fresh` once in its life, when it was just made."""

    def __init__(self, before: WorkerStats | None, after: WorkerStats) -> None:
        self.after = after
        self.seconds = 0.0 if before is None else after.at - before.at
        self.known = before is not None and SHORTEST <= self.seconds <= LONGEST
        """Whether there are rates."""
        self.fresh = True
        """What was counted in it is in no sample yet."""
        earlier = before if before is not None and self.known else None
        self.before = earlier
        self.transports = {entry.transport: entry for entry in after.per_transport}
        self.up: dict[str, tuple[TransportStats, UpTotals]] = {}
        """By track."""
        self.down: dict[tuple[str, str], tuple[TransportStats, DownTotals]] = {}
        """By transport and track."""
        for entry in after.per_transport:
            for up in entry.up:
                self.up[up.track] = (entry, up)
            for down in entry.down:
                self.down[entry.transport, down.up_track] = (entry, down)
        self._streams: dict[tuple[str, int], StreamTotals] = {}
        self._downs: dict[tuple[str, int], DownTotals] = {}
        for entry in () if earlier is None else earlier.per_transport:
            for up in entry.up:
                for stream in up.streams:
                    self._streams[entry.transport, stream.ssrc] = stream
            for down in entry.down:
                self._downs[entry.transport, down.ssrc] = down

    def stream(self, transport: str, now: StreamTotals) -> StreamTotals:
        """The totals of an incoming stream before the interval."""
        before = self._streams.get((transport, now.ssrc))
        if before is None or before.packets_received > now.packets_received:
            return _NO_STREAM
        return before

    def sent(self, transport: str, now: DownTotals) -> DownTotals:
        """The totals of a down track before the interval."""
        before = self._downs.get((transport, now.ssrc))
        if before is None or before.packets_sent > now.packets_sent:
            return _NO_DOWN
        return before

    def forwarding_delay(self) -> tuple[int, ...]:
        """Packets of the interval by the bounds of `qos.histogram`."""
        after = self.after.forwarding_delay
        before = () if self.before is None else self.before.forwarding_delay
        if not self.known or len(before) != len(after):
            return (0,) * len(after)
        return tuple([max(0, now - was) for now, was in zip(after, before, strict=True)])

    def drops(self) -> dict[str, int]:
        """What was dropped in the interval, by reason."""
        if self.before is None:
            return {}
        before = self.before.drops
        return {
            reason: count - before.get(reason, 0)
            for reason, count in self.after.drops.items()
            if count > before.get(reason, 0)
        }


def _zero(kind: type[_Totals]) -> _Totals:
    """Totals of what has not begun: every number 0."""
    nothing = {field.name: field.type() for field in msgspec.structs.fields(kind)}
    return kind(**(nothing | {"counts": figures.NO_COUNTS}))


_NO_STREAM = _zero(StreamTotals)
_NO_DOWN = _zero(DownTotals)


def percent(part: float, whole: float) -> float | None:
    """From 0 to 100; None of nothing."""
    return min(100.0, max(0.0, 100.0 * part / whole)) if whole > 0 else None
