"""People join and leave all the time, and those who stay must not notice.

Theory of operation. The first participants are residents: they stay, and what they send each
other is measured. All others are seats that somebody takes, who publishes, waits until every
resident is heard and seen, stays a moment and leaves; times are random with a fixed seed. The
load is bounded: a seat has one person at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bench.context import Context, Outcome
from bench.light.channel import Measured
from bench.light.client import Client
from bench.light.fleet import FleetError
from bench.light.participant import LoadGenerator, load_generator
from bench.light.signaling import ParticipantError
from bench.provenance import provenance
from bench.recordings import decode_check
from bench.recordings.library import Library
from bench.recordings.media import VideoSpec
from bench.reports import report
from bench.reports.verdict import judge
from bench.runs.calls import AUDIO, AUDIO_VIDEO, ROOM_LIMIT, Recorded, counts
from bench.runs.run import InterruptedRunError, interruptible
from bench.runs.window import Window, measured_window
from bench.servers.server import Server
from bench.watch import Watch

TITLE = "people join and leave all the time; what those who stay notice of it"
SECONDS = 30.0
RESIDENTS, SEATS = 4, 4
STAY_SECONDS = (0.5, 3.0)
PAUSE_SECONDS = (0.1, 1.0)
JOIN_SECONDS = 20.0
"""Until all residents must be received."""
_MOST_LISTED = 20


@dataclass
class _Counts:
    joins: int = 0
    leaves: int = 0
    waits: list[float] = field(default_factory=list)
    """Seconds from the join to media of every resident."""
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Scene:
    generator: LoadGenerator
    server: Server
    kinds: tuple[str, ...]
    residents: int

    def client(self, number: int) -> Client:
        residents = frozenset(range(self.residents)) - {number}
        return Client(self.generator, number, awaited=residents)


def arguments(parser: argparse.ArgumentParser) -> None:
    """How many stay, how many come and go."""
    parser.add_argument("--residents", type=counts(2, ROOM_LIMIT - 1), default=RESIDENTS,
                        metavar="N", help="people who stay")  # fmt: skip
    parser.add_argument("--seats", type=counts(1, ROOM_LIMIT - 2), default=SEATS,
                        metavar="N", help="places that people take and leave")  # fmt: skip
    parser.add_argument("--voice-only", action="store_true", help="no video")


def run(context: Context) -> Outcome:
    """The report of a run, over the residents, with `joins`, `leaves`, `failures`,
    `joinToMediaSeconds` and `joinsPerSecond`; an interrupt ends the window early.
    """
    options = context.options
    library = Recorded(video=VideoSpec(bitrate_kbps=options.video_kbps)).library()
    people = min(options.residents + options.seats, ROOM_LIMIT)
    with context.server(people, 1, options.workers) as server:
        return asyncio.run(_churn(context, library, server, people))


async def _churn(context: Context, library: Library, server: Server, people: int) -> Outcome:
    options, counted = context.options, _Counts()
    kinds = AUDIO if options.voice_only else AUDIO_VIDEO
    with interruptible() as interrupt:
        async with load_generator(library, people, options.drivers, server.url) as generator:
            scene = _Scene(generator, server, kinds, options.residents)
            residents = [scene.client(number) for number in range(options.residents)]
            seats: list[asyncio.Task[None]] = []
            try:
                context.announce(f"{len(residents)} people join at {server.url} to stay")
                await _settle(residents, kinds, options.warm_up)
                if interrupt.is_set():
                    raise InterruptedRunError("ended before anything was measured")
                seats = [
                    asyncio.create_task(_seat(n, scene, counted, random.Random(options.seed + n)))
                    for n in range(options.residents, people)
                ]
                context.announce(f"{len(seats)} seats change hands for {options.seconds:g} s")
                return await _window(context, library, scene, residents, counted, interrupt)
            finally:
                for seat in seats:
                    seat.cancel()
                await asyncio.gather(*seats, return_exceptions=True)
                await asyncio.gather(*(c.leave() for c in residents), return_exceptions=True)


async def _settle(residents: list[Client], kinds: tuple[str, ...], warm_up: float) -> None:
    for client in residents:
        await client.join("1000")
        await client.publish(kinds)
    expected = (len(residents) - 1) * len(kinds)
    await asyncio.gather(*(client.receive_all(expected, JOIN_SECONDS) for client in residents))
    await asyncio.sleep(warm_up)


async def _seat(number: int, scene: _Scene, counted: _Counts, rng: random.Random) -> None:
    expected = scene.residents * len(scene.kinds)
    while True:
        await asyncio.sleep(rng.uniform(*PAUSE_SECONDS))
        client = scene.client(number)
        try:
            counted.joins += 1
            began = time.monotonic()
            await client.join("1000")
            await client.publish(scene.kinds)
            await client.receive_all(expected, JOIN_SECONDS)
            counted.waits.append(time.monotonic() - began)
            await asyncio.sleep(rng.uniform(*STAY_SECONDS))
            if client.problem:
                raise ParticipantError(client.problem)
        except (ParticipantError, FleetError) as error:
            counted.failures.append(str(error))
        finally:
            await client.leave()
            counted.leaves += 1


async def _window(
    context: Context,
    library: Library,
    scene: _Scene,
    residents: list[Client],
    counted: _Counts,
    interrupt: asyncio.Event,
) -> Outcome:
    watch = context.announce if isinstance(context.announce, Watch) else Watch()
    fleet, server = scene.generator.fleet, scene.server
    window = await measured_window(fleet, server, context.options.seconds, interrupt, watch)
    problems = window.problems
    problems += [client.problem for client in residents if client.problem]
    outcome = _outcome(context, library, window, counted, problems)
    disconnected = sum(bool(client.problem) for client in residents)
    more = {"partial": window.partial, "disconnected": disconnected, "series": window.rows}
    return {**outcome, **more}


def _outcome(
    context: Context,
    library: Library,
    window: Window,
    counted: _Counts,
    problems: list[str],
) -> Outcome:
    options, results, seconds = context.options, window.results, window.seconds
    stayed = [residents_only(result, options.residents) for result in results]
    checked = decode_check.check(library, results)
    problems += decode_check.problems(checked)
    problems += [f"a join failed: {text}" for text in counted.failures[:_MOST_LISTED]]
    forwarded = report.forwarded_packets(results) + sum(result.gone for result in results)
    outcome = {
        "scenario": "churn",
        "participants": options.residents,
        "seats": options.seats,
        "seconds": round(seconds, 3),
        "joins": counted.joins,
        "leaves": counted.leaves,
        "failures": len(counted.failures),
        "joinsPerSecond": round(counted.joins / max(seconds, 1e-9), 2),
        "joinToMediaSeconds": waits(counted.waits),
        "server": report.server(window.use, forwarded, options.residents + options.seats),
        "packetsPerSecondOut": round((forwarded + report.extra_packets(results)) / seconds, 1),
        "lossFrom": "packetsSent",
        "summary": report.summary(stayed, seconds),
        "delayCounts": report.delay_counts(stayed),
        "media": report.published(library),
        "pictures": checked,
        "streams": report.streams(stayed),
        "tracks": report.tracks(stayed, seconds),
        "loadGenerator": report.load_generator(results, seconds),
        "rooms": 1,
        "settings": {"videoKbps": options.video_kbps, "workers": options.workers},
        "valid": not problems,
        "problems": problems,
        **provenance(),
    }
    return {**outcome, "quality": judge(outcome)}


def residents_only(result: Measured, residents: int) -> Measured:
    """What residents sent each other: all of it flowed during the whole window."""
    return msgspec.structs.replace(
        result,
        sent=tuple(s for s in result.sent if s.participant < residents),
        received=tuple(
            t for t in result.received if t.participant < residents and t.publisher < residents
        ),
        delays={who: found for who, found in result.delays.items() if who < residents},
    )


def waits(seconds: list[float]) -> dict[str, Any]:
    """Median and longest; empty when nobody has joined so far."""
    if not seconds:
        return {}
    return {"median": round(statistics.median(seconds), 3), "longest": round(max(seconds), 3)}
