"""One measurement with real participants: they join, a window passes between two looks at all.

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
from bench.recordings import pictures_check
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
"""Between looks in the window."""


async def measure(
    load: Load, server: Server, crew: Crew, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Run it and give the report. Raises `CrewError`, `InterruptedRunError`."""
    watch = tell if isinstance(tell, Watch) else Watch()
    idle_rss = sum(usage.rss_bytes for usage in server.usages()[0].values())
    parts = [
        Part(n, server.url, load.room(n), load.kinds_of(n), load.tracks_for(n))
        for n in range(load.participants)
    ]
    with interruptible() as interrupt:
        tell(f"starting {load.participants} participants ({crew.kind.name})")
        async with crew:
            tell(f"{load.participants} people join at {server.url}")
            await unless(interrupt, _set_up(crew, parts, load, watch))
            tell(f"measuring for {load.seconds:g} s (Ctrl-C ends it and shows what there is)")
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

    await asyncio.gather(*(each(part, crew.come) for part in parts))
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
        heard = real_report.Heard(await crew.looks())
        used_before = self._generator()
        meter, start = ServerMeter(server), time.monotonic()
        stop = start + self.load.seconds
        self.watch.window(self.load.seconds)
        sampler = Sampler(start)
        problems: list[str] = []
        while (left := stop - time.monotonic()) > 0:
            if not server.alive or _all_lost(heard) or self.interrupt.is_set() or problems:
                break
            meter.look()
            row = sampler.look(
                meter.ended, meter.after, meter.media, self._generator(), _progress(heard)
            )
            if row is not None:
                self.watch.sample(row)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.interrupt.wait(), min(left, _EVERY_SECONDS))
            await self._look(heard, problems)
        lasted = time.monotonic() - start
        meter.look()
        generator = real_report.Generator(crew.processes(), used_before, self._generator(), lasted)
        problems += meter.problems(_all_lost(heard))
        use = meter.use(self.idle_rss, lasted)
        partial = lasted < self.load.seconds
        outcome = self._report(heard, use, generator, lasted, problems)
        return {**outcome, "partial": partial, "series": sampler.rows}

    async def _look(self, heard: real_report.Heard, problems: list[str]) -> None:
        try:
            heard.add(await self.crew.looks())
        except CrewError as error:
            problems.append(str(error))

    def _generator(self) -> dict[int, Usage]:
        return processes.usages(pid for part in self.crew.processes() for pid in part)

    def _report(
        self,
        heard: real_report.Heard,
        use: report.ServerUse,
        generator: real_report.Generator,
        seconds: float,
        problems: list[str],
    ) -> dict[str, Any]:
        load, kind = self.load, self.crew.kind
        rows = heard.rows()
        sent = real_report.streams(heard)
        forwarded = sum(row["packets"] for row in rows)
        used = real_report.load_generator(generator, heard, forwarded)
        pictures = real_report.pictures(heard)
        problems = [
            *real_report.bottlenecks(kind, used, heard),
            *problems,
            *self._problems(heard),
            *pictures_check.problems(pictures),
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
            "summary": real_report.summary(heard, rows),
            "delayCounts": [],
            "media": real_report.published(rows, sent),
            "streams": sent,
            "pictures": pictures,
            "tracks": rows,
            "loadGenerator": used,
            "rooms": load.rooms,
            "settings": {**load.settings, "client": kind.name, **kind.settings},
            "valid": not problems,
            "problems": problems,
            "lost": [look.participant for look in heard.last.values() if look.problem],
            **provenance(),
        }
        return {**outcome, "quality": judge(outcome)}

    def _problems(self, heard: real_report.Heard) -> list[str]:
        problems = [look.problem for look in heard.last.values() if look.problem]
        tracks = sum(len(heard.tracks(who)) for who in heard.last)
        expected = sum(self.load.tracks_for(n) for n in range(self.load.participants))
        if tracks != expected:
            problems.append(f"{tracks} tracks were received, not {expected}")
        silent = [
            f"{row['to']} of {row['from']}: {row['kind']}"
            for row in heard.rows()
            if not row["framesDecodedPerSecond"]
        ]
        if silent:
            problems.append("nothing was decoded in the window by " + "; ".join(silent[:10]))
        return problems


def _all_lost(heard: real_report.Heard) -> bool:
    return all(look.problem for look in heard.last.values())


def _progress(heard: real_report.Heard) -> list[Progress]:
    """What each has received since the first look, for the time series; of delay nobody knows."""
    return [
        Progress(
            int(look.at * 1e9),
            sum(after.packets - before.packets for before, after in heard.tracks(who)),
            heard.bytes(who),
            None,
        )
        for who, look in sorted(heard.last.items())
    ]
