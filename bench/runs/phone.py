"""Phone calls in a loop: they ring, are answered, both talk, one hangs up.

Theory of operation. The server has no extensions yet, so a room of two stands for a line. Its
callee waits in the room; a caller joins it and publishes a voice. The callee's
`participantJoined` is the ring. After a seeded time the callee answers: it takes the offer that it
has held back and publishes its own voice; the call is connected when each has received a packet of
the other. They talk for a seeded time, the caller leaves, and the callee's `participantLeft` is the
hang-up. Now and then a third dials a line that is in a call and finds it busy: the room is full. A
line has one call at a time, and every wait has a limit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import time
from dataclasses import dataclass, field
from typing import Any

from bench.context import Context, Outcome
from bench.light.client import Client
from bench.light.fleet import FleetError
from bench.light.participant import LoadGenerator, load_generator
from bench.light.signaling import Message, ParticipantError
from bench.provenance import provenance
from bench.recordings.library import Library
from bench.reports import report
from bench.runs.calls import AUDIO, Recorded, counts
from bench.runs.run import InterruptedRunError, interruptible
from bench.runs.window import Window, measured_window
from bench.servers.server import Server
from bench.watch import Watch

TITLE = "phone calls ring, connect and hang up in a loop; a room of two stands for a line"
SECONDS = 30.0
LINES = 5
MOST_LINES = 100
ANSWER_SECONDS = (0.3, 1.5)
"""For how long it rings."""
TALK_SECONDS = (1.0, 4.0)
PAUSE_SECONDS = (0.1, 0.5)
"""Between two calls of a line."""
BUSY_SHARE = 0.25
"""Of calls in which somebody else dials the line."""
STEP_SECONDS = 10.0
"""For a ring, a voice or a hang-up to come; then the call has failed."""
_LINE_PEOPLE = 2
_MOST_LISTED = 20


class Callee(Client):
    """Waits for a call; takes no media before it answers."""

    def __init__(self, generator: LoadGenerator, participant: int) -> None:
        super().__init__(generator, participant)
        loop = asyncio.get_running_loop()
        self.rang: asyncio.Future[float] = loop.create_future()
        """When `participantJoined` arrived (monotonic seconds)."""
        self.hung_up: asyncio.Future[float] = loop.create_future()
        self._answered = False
        self._held: Message | None = None

    async def on_message(self, message: Message) -> None:
        kind = message["type"]
        if kind == "participantJoined" and not self.rang.done():
            self.rang.set_result(time.monotonic())
        elif kind == "participantLeft" and not self.hung_up.done():
            self.hung_up.set_result(time.monotonic())
        elif kind == "offer" and not self._answered:
            self._held = message
            return
        await super().on_message(message)

    async def answer(self) -> None:
        """Pick up. Raises `ParticipantError`, `FleetError`."""
        self._answered = True
        if self._held is not None:
            await super().on_message(self._held)
        await self.publish(AUDIO)


@dataclass
class Counts:
    """What happened on all lines, in the window."""

    begun: int = 0
    completed: int = 0
    failures: list[str] = field(default_factory=list)
    busy_dialled: int = 0
    busy_refused: int = 0
    ring: list[float] = field(default_factory=list)
    """Seconds from the caller's `join` to the callee's news of it."""
    voice: list[float] = field(default_factory=list)
    """Seconds from the answer to the first voice packet of the later direction."""
    hang_up: list[float] = field(default_factory=list)
    """Seconds from the caller's `leave` to the callee's news of it."""
    busy: list[float] = field(default_factory=list)
    """Seconds from the `join` of somebody who finds the line busy to the refusal."""


@dataclass(frozen=True)
class _Scene:
    generator: LoadGenerator
    server: Server
    lines: int

    def callee(self, line: int) -> Callee:
        return Callee(self.generator, 2 * line)

    def caller(self, line: int) -> Client:
        return Client(self.generator, 2 * line + 1)

    def stranger(self, line: int) -> Client:
        return Client(self.generator, 2 * self.lines + line)


def arguments(parser: argparse.ArgumentParser) -> None:
    """How many lines."""
    parser.add_argument("--lines", type=counts(1, MOST_LINES), default=LINES, metavar="N",
                        help="in parallel, a call at a time on each; until the server has"
                             " extensions a room of two stands for a line")  # fmt: skip


def run(context: Context) -> Outcome:
    """Calls, failures, delays and what the server used; an interrupt ends the window early."""
    options = context.options
    library = Recorded(seed=options.seed).library()
    with context.server(_LINE_PEOPLE, options.lines, options.workers) as server:
        return asyncio.run(_phone(context, library, server))


async def _phone(context: Context, library: Library, server: Server) -> Outcome:
    options, counted = context.options, Counts()
    people = 2 * options.lines
    with interruptible() as interrupt:
        async with load_generator(library, people, options.drivers, server.url) as generator:
            idle = sum(usage.rss_bytes for usage in server.usages()[0].values())
            scene = _Scene(generator, server, options.lines)
            context.announce(f"{options.lines} lines for {options.seconds:g} s (Ctrl-C ends it)")
            lines = [
                asyncio.create_task(_line(n, scene, counted, random.Random(f"{options.seed}/{n}")))
                for n in range(options.lines)
            ]
            try:
                return await _window(context, scene, counted, interrupt, idle)
            finally:
                for line in lines:
                    line.cancel()
                await asyncio.gather(*lines, return_exceptions=True)


async def _line(number: int, scene: _Scene, counted: Counts, rng: random.Random) -> None:
    while True:
        await asyncio.sleep(rng.uniform(*PAUSE_SECONDS))
        callee, caller = scene.callee(number), scene.caller(number)
        counted.begun += 1
        try:
            async with contextlib.AsyncExitStack() as stack:
                stack.push_async_callback(callee.leave)
                stack.push_async_callback(caller.leave)
                await _one_call(number, callee, caller, scene, counted, rng)
            counted.completed += 1
        except (ParticipantError, FleetError, TimeoutError) as error:
            counted.failures.append(f"line {number}: {error}")


async def _one_call(
    number: int,
    callee: Callee,
    caller: Client,
    scene: _Scene,
    counted: Counts,
    rng: random.Random,
) -> None:
    """Raises `ParticipantError`, `FleetError`."""
    # Drawn before anything happens, so that a seed means the same calls on every machine.
    ringing, talking = rng.uniform(*ANSWER_SECONDS), rng.uniform(*TALK_SECONDS)
    is_dialled = rng.random() < BUSY_SHARE
    room = str(1000 + number)
    await callee.join(room)
    await caller.join(room)
    rang = await _within(callee.rang, "it did not ring")
    counted.ring.append(rang - caller.signaling.sent["join"])
    await caller.publish(AUDIO)
    await asyncio.sleep(max(0.0, ringing - (time.monotonic() - rang)))
    answered = time.monotonic()
    await callee.answer()
    await asyncio.gather(callee.receive_all(1, STEP_SECONDS), caller.receive_all(1, STEP_SECONDS))
    counted.voice.append(time.monotonic() - answered)
    connected = time.monotonic()
    if is_dialled and callee.capacity == _LINE_PEOPLE:
        await _find_busy(number, scene, counted)
    await asyncio.sleep(max(0.0, talking - (time.monotonic() - connected)))
    for one in (callee, caller):
        if one.problem:
            raise ParticipantError(one.problem)
    # Leaving takes until the server has closed the socket, the news comes before.
    leaving = asyncio.create_task(caller.leave())
    try:
        noticed = await _within(callee.hung_up, "the callee did not learn of the hang-up")
        counted.hang_up.append(noticed - caller.signaling.sent["leave"])
    finally:
        await leaving


async def _find_busy(number: int, scene: _Scene, counted: Counts) -> None:
    """Somebody else dials. Raises `ParticipantError` when the line takes that call, too."""
    stranger = scene.stranger(number)
    counted.busy_dialled += 1
    try:
        await stranger.join(str(1000 + number))
    except ParticipantError as error:
        if error.code != "roomFull":
            raise
        counted.busy.append(time.monotonic() - stranger.signaling.sent["join"])
        counted.busy_refused += 1
    else:
        raise ParticipantError("a line in a call took another one")
    finally:
        await stranger.leave()


async def _within(news: asyncio.Future[float], otherwise: str) -> float:
    try:
        return await asyncio.wait_for(asyncio.shield(news), STEP_SECONDS)
    except TimeoutError:
        raise ParticipantError(otherwise) from None


async def _window(
    context: Context, scene: _Scene, counted: Counts, interrupt: asyncio.Event, idle: int
) -> Outcome:
    watch = context.announce if isinstance(context.announce, Watch) else Watch()
    window = await measured_window(
        scene.generator.fleet,
        scene.server,
        context.options.seconds,
        interrupt,
        watch,
        idle_rss=idle,
    )
    if window.partial and interrupt.is_set() and not counted.begun:
        raise InterruptedRunError("ended before anything was measured")
    outcome = _outcome(context, window, counted, window.problems)
    return {**outcome, "partial": window.partial, "series": window.rows}


def _outcome(context: Context, window: Window, counted: Counts, problems: list[str]) -> Outcome:
    options, results = context.options, window.results
    seconds = max(1e-3, window.seconds)
    problems += [f"a call failed: {text}" for text in counted.failures[:_MOST_LISTED]]
    if not counted.completed:
        problems.append("no call was completed")
    forwarded = report.forwarded_packets(results) + sum(result.gone for result in results)
    return {
        "scenario": "phone",
        "participants": 2 * options.lines,
        "lines": options.lines,
        "seconds": round(seconds, 3),
        "phone": figures(counted),
        "server": report.server(window.use, forwarded, 2 * options.lines),
        "packetsPerSecondOut": round((forwarded + report.extra_packets(results)) / seconds, 1),
        "loadGenerator": report.load_generator(results, seconds),
        "rooms": options.lines,
        "settings": {
            "workers": options.workers,
            "seed": options.seed,
            "answerSeconds": list(ANSWER_SECONDS),
            "talkSeconds": list(TALK_SECONDS),
            "line": "a room of two",
        },
        "valid": not problems,
        "problems": problems,
        **provenance(),
    }


def figures(counted: Counts) -> dict[str, Any]:
    """What happened to calls; percentiles (ms) are None where nothing was timed."""
    return {
        "begun": counted.begun,
        "completed": counted.completed,
        "failed": len(counted.failures),
        "open": counted.begun - counted.completed - len(counted.failures),
        "busyDialled": counted.busy_dialled,
        "busyTold": counted.busy_refused,
        "ringMs": percentiles_ms(counted.ring),
        "answerToVoiceMs": percentiles_ms(counted.voice),
        "hangUpMs": percentiles_ms(counted.hang_up),
        "busyMs": percentiles_ms(counted.busy),
    }


def percentiles_ms(seconds: list[float]) -> dict[str, float | None]:
    """p50, p95 and p99 by nearest rank, and the longest."""
    ranked = sorted(seconds)
    shares = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    if not ranked:
        return dict.fromkeys(shares)
    return {
        name: round(1000 * ranked[max(0, -(-share * len(ranked) // 100) - 1)], 2)
        for name, share in shares.items()
    }
