"""The measuring window of a run: how long, what the server used in it, and what was received.

Theory of operation. A window begins a moment after it was announced to the driver processes, so
that all of them know of it in time, and ends when its time is over, when it is interrupted, or when
the server is lost. The last reading of the server decides its figures; those before make the time
series, and keep a last one of a server that dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.light.channel import Measured
from bench.light.fleet import Fleet
from bench.reports import report
from bench.reports.series import Row, Sampler
from bench.servers import processes
from bench.servers.server import Server
from bench.watch import Watch

LEAD_NS = 200_000_000
"""Between the announcement of a window and its start."""
_READING_SECONDS = 0.5


class ServerMeter:
    """What the server's processes use, from the making of this on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.before, self.media = server.usages()
        self.after = self.before
        self.began = self.ended = server.sampled_at
        """Of the first and the last reading (monotonic seconds)."""

    def read(self) -> None:
        """Read it again; of a server that has ended the last reading stays."""
        if self._server.alive:
            self.after, self.media = self._server.usages()
            self.ended = self._server.sampled_at

    def use(self, idle_rss: int, window: float) -> report.ServerUse:
        """For the report: see `ServerUse`."""
        lasted = max(self.ended - self.began, 1e-3)
        media = frozenset(self.media)
        return report.ServerUse(self.before, self.after, media, lasted, idle_rss, window)

    def problems(self, all_lost: bool) -> list[str]:
        """Why its figures are not valid. With `all_lost` every participant has lost its call, which
        is what a server that dies looks like at once, and from afar."""
        if not self._server.alive:
            return [f"the server ended in the middle: {self._server.log_tail()}"]
        if all_lost:
            return ["the server ended in the middle: every call was lost"]
        if set(self.before) != set(self.after):
            return ["a process of the server was replaced in the middle"]
        return []


@dataclass(frozen=True)
class Window:
    """One that has ended."""

    seconds: float
    partial: bool
    """It ended before its time."""
    use: report.ServerUse
    results: list[Measured]
    """Of each driver process."""
    rows: list[Row]
    """Time series."""
    problems: list[str]
    """Why it is not valid: the load generator's, then the server's."""


async def measured_window(
    fleet: Fleet,
    server: Server,
    seconds: float,
    interrupt: asyncio.Event,
    watch: Watch,
    *,
    idle_rss: int = 0,
    all_lost: Callable[[], bool] = lambda: False,
) -> Window:
    """Count for so long, or until it is interrupted or the server is lost. Raises `FleetError`.

    `idle_rss`: bytes of the server before anybody joined. `all_lost`: as `ServerMeter.problems`.
    """
    start = time.monotonic_ns() + LEAD_NS
    stop = start + int(seconds * 1e9)
    await fleet.begin_window(start, stop)
    await asyncio.sleep(LEAD_NS / 1e9)
    watch.window(seconds)
    meter, sampler = ServerMeter(server), Sampler(start / 1e9)
    while (left := stop / 1e9 - time.monotonic()) > 0:
        if not server.alive or all_lost() or interrupt.is_set():
            break
        meter.read()
        generator = processes.usages(fleet.pids())
        row = sampler.look(meter.ended, meter.after, meter.media, generator, fleet.progress())
        if row is not None:
            watch.sample(row)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(interrupt.wait(), min(left, _READING_SECONDS))
    partial = time.monotonic_ns() < stop
    if partial:
        stop = time.monotonic_ns()
        await fleet.end_window(stop)
    meter.read()
    lasted = (stop - start) / 1e9
    results = await fleet.collect(stop)
    problems = [*report.bottlenecks(results), *meter.problems(all_lost())]
    return Window(lasted, partial, meter.use(idle_rss, lasted), results, sampler.rows, problems)
