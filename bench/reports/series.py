"""The window's time series: one row a second, for charts and the live view.

A row: `at` (seconds from the window's start), `cpuPercent` (of the server's media processes),
`cpuAllPercent` (all its processes), `rssMiB`, `generatorCpuPercent` (the busiest process of the
load generator), `receivedMbps` (all participants together), `delayMeanMs` (of the packets since
the row before). What is not known is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.light.channel import Progress
from bench.servers.processes import Usage

Row = dict[str, float | None]
EVERY_SECONDS = 1.0
MOST_ROWS = 3600
"""Beyond it every second row goes, so that hours stay readable and bounded."""
_MIB = 1024 * 1024


class Sampler:
    """Makes rows out of readings; `rows` is to be read only."""

    def __init__(self, start: float) -> None:
        """`start`: the window's, in monotonic seconds."""
        self.rows: list[Row] = []
        self._start = start
        self._every = EVERY_SECONDS
        self._reported: dict[int, Progress] = {}
        self._last: tuple[float, Mapping[int, Usage], Mapping[int, Usage]] | None = None

    def look(
        self,
        now: float,
        server: Mapping[int, Usage],
        media: Iterable[int],
        generator: Mapping[int, Usage],
        progress: Sequence[Progress] = (),
    ) -> Row | None:
        """A reading of all processes and the newest progress of each driver; gives a row when the
        last one is long enough ago."""
        if self._last is None:
            self._last = now, server, generator
            return None
        before, server_before, generator_before = self._last
        seconds = now - before
        if seconds < self._every * 0.99:
            return None
        self._last = now, server, generator
        percent = {
            pid: 100 * (usage.cpu_seconds - server_before[pid].cpu_seconds) / seconds
            for pid, usage in server.items()
            if pid in server_before
        }
        busiest = max(
            (
                100 * (usage.cpu_seconds - generator_before[pid].cpu_seconds) / seconds
                for pid, usage in generator.items()
                if pid in generator_before
            ),
            default=None,
        )
        row: Row = {
            "at": round(now - self._start, 2),
            "cpuPercent": _sum(percent[pid] for pid in media if pid in percent),
            "cpuAllPercent": _sum(percent.values()),
            "rssMiB": _sum(usage.rss_bytes / _MIB for usage in server.values()),
            "generatorCpuPercent": None if busiest is None else round(busiest, 1),
            **self._media(progress),
        }
        self.rows.append(row)
        if len(self.rows) > MOST_ROWS:
            del self.rows[::2]
            self._every *= 2
        return row

    def _media(self, progress: Sequence[Progress]) -> Row:
        """What was received between the drivers' newest report and the one before."""
        bits = packets = 0.0
        delay: float | None = 0.0
        for number, newest in enumerate(progress):
            before = self._reported.get(number)
            self._reported[number] = newest
            # A track that ended takes its counts with it.
            if before is None or newest.at <= before.at or newest.packets < before.packets:
                continue
            bits += 8 * (newest.bytes - before.bytes) / ((newest.at - before.at) / 1e9)
            packets += newest.packets - before.packets
            if delay is None or newest.delay_sum is None or before.delay_sum is None:
                delay = None
            else:
                delay += newest.delay_sum - before.delay_sum
        return {
            "receivedMbps": round(bits / 1e6, 3) if packets else None,
            "delayMeanMs": round(delay / packets / 1e6, 3)
            if packets and delay is not None
            else None,
        }


def _sum(values: Iterable[float]) -> float | None:
    listed = list(values)
    return round(sum(listed), 1) if listed else None
