"""How losses lie: bursts and gaps after RFC 3611, and the burst ratio of the E-model. No I/O.

Two forms for two uses:

- `LossRuns` stands beside the packet path. It is called only when something is missing or late,
  keeps two integers, and gives the burst ratio at any moment.
- `Bursts` reads a whole stream in the order of its sequence numbers and gives what an RFC 3611
  VoIP metrics block carries (clause 4.7.2).

All lengths are packets; multiply by the packets' spacing to get seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

GMIN = 16
"""Packets in a row that must arrive to end a burst: the default of RFC 3611 clause 4.7.2."""
REACH = 1024
"""How far behind the highest number a late packet may be, as in `qos.receive`."""


def burst_ratio(lost: int, runs: int, expected: int) -> float:
    """BurstR of ITU-T G.107 clause 7.5: mean length of the loss runs over that of random loss.

    `lost` packets of `expected` were lost in `runs` runs of consecutive ones. At random with
    probability p a run is 1 / (1 - p) long. 1 means random, 2 means runs twice as long; below 1
    the losses lie more evenly than chance. 1 where it is not defined: nothing lost, or everything.
    """
    if lost <= 0 or runs <= 0 or expected <= lost:
        return 1.0
    return lost / runs * (1 - lost / expected)


class LossRuns:
    """Lost packets and the runs that they lie in, while packets come. Attributes are to be read.

    A late packet fills its place again: it makes a run shorter, takes it away, or cuts it in two.
    Numbers are extended sequence numbers (`qos.receive`). At most `REACH` numbers back are
    remembered, so memory is bounded whatever comes.
    """

    __slots__ = ("_ends", "_starts", "lost", "runs")

    def __init__(self) -> None:
        self.lost = 0
        """Packets that did not come, or not yet."""
        self.runs = 0
        """Runs of consecutive ones."""
        self._starts: list[int] = []
        self._ends: list[int] = []

    def passed(self, first: int, end: int) -> None:
        """The numbers from `first` to `end` - 1 were passed over; `end` came.

        Numbers grow from call to call.
        """
        if end <= first:
            return
        self.lost += end - first
        self.runs += 1
        starts, ends = self._starts, self._ends
        # What no late packet can reach any more is settled. Every run that can be reached is
        # followed by a received number, so there are no more than REACH / 2.
        if len(ends) >= REACH // 2:
            settled = bisect_right(ends, end - REACH)
            del starts[:settled], ends[:settled]
        starts.append(first)
        ends.append(end)

    def late(self, number: int) -> bool:
        """A number at or below the highest came; False if it was not missing: a duplicate."""
        starts, ends = self._starts, self._ends
        place = bisect_right(starts, number) - 1
        if place < 0 or number >= ends[place]:
            return False
        self.lost -= 1
        start, end = starts[place], ends[place]
        if end - start == 1:
            self.runs -= 1
            del starts[place], ends[place]
        elif number == start:
            starts[place] = number + 1
        elif number == end - 1:
            ends[place] = number
        else:
            self.runs += 1
            ends[place] = number
            starts.insert(place + 1, number + 1)
            ends.insert(place + 1, end)
        return True

    def burst_ratio(self, expected: int) -> float:
        """See `burst_ratio`; `expected` is the number of packets that should have come."""
        return burst_ratio(self.lost, self.runs, expected)


class BurstMetrics(NamedTuple):
    """RFC 3611 clause 4.7.2. Densities 0 to 1 (the block has them times 256), lengths in packets.

    A burst begins and ends with a lost packet and holds no `gmin` received ones in a row; a lost
    packet alone belongs to the gap around it. A gap is what lies before, between and after bursts.
    """

    packets: int
    lost: int
    runs: int
    """Runs of consecutive losses, in bursts and gaps."""
    bursts: int
    burst_packets: int
    """In all bursts, the received ones among them too."""
    burst_lost: int
    gaps: int
    gap_packets: int
    gap_lost: int

    @property
    def burst_density(self) -> float:
        """Share of the packets of bursts that were lost; 0 without bursts."""
        return self.burst_lost / self.burst_packets if self.burst_packets else 0.0

    @property
    def gap_density(self) -> float:
        """Share of the packets of gaps that were lost; 0 without gaps."""
        return self.gap_lost / self.gap_packets if self.gap_packets else 0.0

    @property
    def burst_length(self) -> float:
        """Mean, in packets; 0 without bursts. Times the packets' spacing: burst duration."""
        return self.burst_packets / self.bursts if self.bursts else 0.0

    @property
    def gap_length(self) -> float:
        """Mean, in packets; 0 without gaps. Times the packets' spacing: gap duration."""
        return self.gap_packets / self.gaps if self.gaps else 0.0

    @property
    def burst_ratio(self) -> float:
        """BurstR of ITU-T G.107."""
        return burst_ratio(self.lost, self.runs, self.packets)


class Bursts:
    """Reads a stream in the order of its sequence numbers; `metrics` may be asked at any time.

    Raises ValueError for a `gmin` outside 1 to 255, the range of its field.
    """

    __slots__ = (
        "_burst_lost",
        "_burst_packets",
        "_bursts",
        "_gaps",
        "_last_burst_end",
        "_length",
        "_lost",
        "_lost_now",
        "_packets",
        "_received",
        "_runs",
        "gmin",
    )

    def __init__(self, gmin: int = GMIN) -> None:
        if not 1 <= gmin <= 255:
            raise ValueError(f"gmin {gmin}: 1 to 255")
        self.gmin = gmin
        self._packets = self._lost = self._runs = 0
        self._bursts = self._burst_packets = self._burst_lost = 0
        self._gaps = self._last_burst_end = 0
        # The burst that may be growing: its packets up to the last lost one, the lost ones among
        # them, and what was received since. The session counts as preceded by gmin received ones.
        self._length = self._lost_now = 0
        self._received = gmin

    def received(self, count: int = 1) -> None:
        """The next `count` packets arrived."""
        if count > 0:
            self._packets += count
            self._received += count

    def lost(self, count: int = 1) -> None:
        """The next `count` packets are missing."""
        if count <= 0:
            return
        if self._received >= self.gmin:
            self._close()
            self._length = count
            self._lost_now = count
            self._runs += 1
        else:
            if self._received:
                self._runs += 1
            self._length += self._received + count
            self._lost_now += count
        self._received = 0
        self._packets += count
        self._lost += count

    def numbers(self, numbers: Iterable[int]) -> None:
        """Extended numbers that arrived, in rising order; what lies between them is missing."""
        last: int | None = None
        for number in numbers:
            if last is not None and number > last + 1:
                self.lost(number - last - 1)
            if last is None or number > last:
                self.received()
                last = number

    def metrics(self) -> BurstMetrics:
        """What was read so far, as if at least gmin received packets followed."""
        bursts, packets, lost = self._bursts, self._burst_packets, self._burst_lost
        gaps = self._gaps
        if self._lost_now > 1:
            bursts += 1
            packets += self._length
            lost += self._lost_now
            gaps += self._gap_before() + (self._received > 0)
        elif self._packets:
            gaps += 1
        return BurstMetrics(
            packets=self._packets,
            lost=self._lost,
            runs=self._runs,
            bursts=bursts,
            burst_packets=packets,
            burst_lost=lost,
            gaps=gaps,
            gap_packets=self._packets - packets,
            gap_lost=self._lost - lost,
        )

    def _gap_before(self) -> bool:
        """Whether anything lies between the burst that may be growing and the one before it."""
        return self._packets - self._received - self._length > self._last_burst_end

    def _close(self) -> None:
        """What was growing is over: a burst, or a lost packet alone."""
        if self._lost_now > 1:
            self._gaps += self._gap_before()
            self._bursts += 1
            self._burst_packets += self._length
            self._burst_lost += self._lost_now
            self._last_burst_end = self._packets - self._received
