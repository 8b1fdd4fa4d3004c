"""One measurement with real participants: they join, a window passes between two snapshots at all.

Theory of operation. As `runs.run`: set-up until everybody decodes everybody, warm-up, window; an
interrupt in set-up ends the run with nothing, in the window it ends the window, and so does a
server that dies. The difference is who counts: each participant itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.light.channel import Progress
from bench.provenance import provenance
from bench.real import report as real_report
from bench.real.crew import Crew, CrewError, Part
from bench.recordings import decode_check
from bench.reports import report
from bench.reports.series import Sampler
from bench.reports.verdict import judge
from bench.runs.run import JOINS_AT_ONCE, Load, interruptible, unless
from bench.runs.window import ServerMeter
from bench.servers import processes
from bench.servers.processes import Usage
from bench.servers.server import Server
from bench.watch import Watch

_EVERY_SECONDS = 1.0
"""Between snapshots in the window."""


async def measure(
    load: Load, server: Server, crew: Crew, announce: Callable[[str], None]
) -> dict[str, Any]:
    """Run it and give the report. Raises `CrewError`, `InterruptedRunError`."""
    watch = announce if isinstance(announce, Watch) else Watch()
    idle_rss = sum(usage.rss_bytes for usage in server.usages()[0].values())
    parts = [
        Part(n, server.url, load.room(n), load.kinds_of(n), load.tracks_for(n))
        for n in range(load.participants)
    ]
    with interruptible() as interrupt:
        announce(f"starting {load.participants} participants ({crew.kind.name})")
        async with crew:
            announce(f"{load.participants} people join at {server.url}")
            await unless(interrupt, _set_up(crew, parts, load, watch))
            announce(f"measuring for {load.seconds:g} s (Ctrl-C ends it and shows what there is)")
            run = _Run(load, server, crew, interrupt, watch, idle_rss)
            outcome = await run.window()
            await crew.leave()
        outcome["partial"] = outcome["partial"] or interrupt.is_set()
    return outcome


async def _set_up(crew: Crew, parts: list[Part], load: Load, watch: Watch) -> None:
    gate = asyncio.Semaphore(JOINS_AT_ONCE)
    steps = itertools.count(1)

    async def each(part: Part, step: Callable[[Part], Any]) -> None:
        async with gate:
            await step(part)
            watch.joined(next(steps), 2 * len(parts))

    await asyncio.gather(*(each(part, crew.join) for part in parts))
    await asyncio.gather(*(each(part, crew.receive) for part in parts))
    await asyncio.sleep(load.warm_up)


@dataclass
class _Run:
    """A call that is set up."""

    load: Load
    server: Server
    crew: Crew
    interrupt: asyncio.Event
    watch: Watch
    idle_rss: int

    async def window(self) -> dict[str, Any]:
        """Until the time is over, it is interrupted, or the server or a participant dies."""
        server, crew = self.server, self.crew
        await crew.begin()
        counted = real_report.Counted(await crew.snapshots())
        used_before = self._generator()
        meter, start = ServerMeter(server), time.monotonic()
        stop = start + self.load.seconds
        self.watch.window(self.load.seconds)
        sampler = Sampler(start)
        problems: list[str] = []
        while (left := stop - time.monotonic()) > 0:
            if not server.alive or _all_lost(counted) or self.interrupt.is_set() or problems:
                break
            meter.read()
            row = sampler.look(
                meter.ended, meter.after, meter.media, self._generator(), _progress(counted)
            )
            if row is not None:
                self.watch.sample(row)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.interrupt.wait(), min(left, _EVERY_SECONDS))
            await self._look(counted, problems)
        lasted = time.monotonic() - start
        meter.read()
        generator = real_report.Generator(crew.processes(), used_before, self._generator(), lasted)
        problems += meter.problems(_all_lost(counted))
        use = meter.use(self.idle_rss, lasted)
        partial = lasted < self.load.seconds
        outcome = self._report(counted, use, generator, lasted, problems)
        return {**outcome, "partial": partial, "series": sampler.rows}

    async def _look(self, counted: real_report.Counted, problems: list[str]) -> None:
        try:
            counted.add(await self.crew.snapshots())
        except CrewError as error:
            problems.append(str(error))

    def _generator(self) -> dict[int, Usage]:
        return processes.usages(pid for part in self.crew.processes() for pid in part)

    def _report(
        self,
        counted: real_report.Counted,
        use: report.ServerUse,
        generator: real_report.Generator,
        seconds: float,
        problems: list[str],
    ) -> dict[str, Any]:
        load, kind = self.load, self.crew.kind
        rows = counted.rows()
        sent = real_report.streams(counted)
        forwarded = sum(row["packets"] for row in rows)
        used = real_report.load_generator(generator, counted, forwarded)
        checked = real_report.checked_frames(counted)
        problems = [
            *real_report.bottlenecks(kind, used, counted),
            *problems,
            *self._problems(counted),
            *decode_check.problems(checked),
        ]
        outcome = {
            "scenario": load.scenario,
            "participants": load.participants,
            "client": kind.name,
            "notKnown": list(kind.not_known),
            "seconds": round(seconds, 3),
            "server": report.server(use, forwarded, load.participants),
            "packetsPerSecondOut": round(forwarded / seconds, 1),
            "lossFrom": "sequenceNumbers",
            "summary": real_report.summary(counted, rows),
            "delayCounts": [],
            "media": real_report.published(rows, sent),
            "streams": sent,
            "pictures": checked,
            "tracks": rows,
            "loadGenerator": used,
            "rooms": load.rooms,
            "settings": {**load.settings, "client": kind.name, **kind.settings},
            "valid": not problems,
            "problems": problems,
            "lost": [
                snapshot.participant for snapshot in counted.last.values() if snapshot.problem
            ],
            **provenance(),
        }
        return {**outcome, "quality": judge(outcome)}

    def _problems(self, counted: real_report.Counted) -> list[str]:
        problems = [snapshot.problem for snapshot in counted.last.values() if snapshot.problem]
        tracks = sum(len(counted.tracks(who)) for who in counted.last)
        expected = sum(self.load.tracks_for(n) for n in range(self.load.participants))
        if tracks != expected:
            problems.append(f"{tracks} tracks were received, not {expected}")
        silent = [
            f"{row['to']} of {row['from']}: {row['kind']}"
            for row in counted.rows()
            if not row["framesDecodedPerSecond"]
        ]
        if silent:
            problems.append("nothing was decoded in the window by " + "; ".join(silent[:10]))
        return problems


def _all_lost(counted: real_report.Counted) -> bool:
    return all(snapshot.problem for snapshot in counted.last.values())


def _progress(counted: real_report.Counted) -> list[Progress]:
    """What each has received since the first snapshot, for the time series; without delay."""
    return [
        Progress(
            int(snapshot.at * 1e9),
            sum(after.packets - before.packets for before, after in counted.tracks(who)),
            counted.bytes(who),
            None,
        )
        for who, snapshot in sorted(counted.last.items())
    ]
