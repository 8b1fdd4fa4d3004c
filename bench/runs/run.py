"""One measurement: people join a server, media flows, a window is counted.

Theory of operation. Set-up: everybody joins and publishes, then everybody waits until a packet
of every track has arrived; warm-up; window; drain. An interrupt (Ctrl-C) in set-up ends the run
with nothing; in the window it ends the window, and the report covers what was measured. So does
a server that dies. Every wait has a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.light.channel import Measured
from bench.light.fleet import Fleet
from bench.light.participant import LightParticipant, LoadGenerator, load_generator
from bench.provenance import provenance
from bench.recordings import decode_check
from bench.recordings.library import Library
from bench.reports import report
from bench.reports.verdict import judge
from bench.runs.window import Window, measured_window
from bench.servers.server import Server
from bench.watch import Watch

JOINS_AT_ONCE = 4
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RECEIVE_SECONDS = 30.0


class InterruptedRunError(Exception):
    """The user ended the run before anything was measured."""


class ParticipantClass(Protocol):
    """Makes a participant of a given number, as a subclass of `LightParticipant` does."""

    def __call__(self, generator: LoadGenerator, participant: int, /) -> LightParticipant: ...


@dataclass(frozen=True)
class Load:
    """Who sends what, for how long."""

    scenario: str
    participants: int
    seconds: float
    kinds: tuple[str, ...]
    rooms: int = 1
    warm_up: float = 3.0
    drivers: int = 1
    """Processes of the load generator."""
    by_sequence: bool = False
    """Whether the server may leave things out, so that loss must be counted by sequence numbers."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Shown in the report, such as the video's bitrate."""

    def room(self, participant: int) -> str:
        """Rooms have numbers as names, because Janus knows no other."""
        return str(1000 + participant % self.rooms)

    def kinds_of(self, participant: int) -> tuple[str, ...]:
        """What this participant publishes."""
        return self.kinds

    def tracks_for(self, participant: int) -> int:
        """How many tracks this participant is to receive."""
        room = self.room(participant)
        others = sum(self.room(n) == room for n in range(self.participants)) - 1
        return others * len(self.kinds)


@contextlib.contextmanager
def interruptible() -> Iterator[asyncio.Event]:
    """An event that `END_SIGNALS` set, in place of what they do otherwise."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in END_SIGNALS}
    for number in END_SIGNALS:
        loop.add_signal_handler(number, event.set)
    try:
        yield event
    finally:
        for number, action in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, action)


async def measure(
    load: Load,
    library: Library,
    server: Server,
    participant_class: ParticipantClass,
    announce: Callable[[str], None],
) -> dict[str, Any]:
    """Run it and give the report; `announce` gets a line at each step, a `Watch` all that happens.

    Raises `ParticipantError`, `FleetError`, `InterruptedRunError`.
    """
    watch = announce if isinstance(announce, Watch) else Watch()
    with interruptible() as interrupt:
        async with load_generator(
            library, load.participants, load.drivers, server.url
        ) as generator:
            clients = [participant_class(generator, number) for number in range(load.participants)]
            try:
                idle_rss = sum(usage.rss_bytes for usage in server.usages()[0].values())
                announce(f"{load.participants} people join at {server.url}")
                await unless(interrupt, set_up(clients, load, watch))
                announce(
                    f"measuring for {load.seconds:g} s (Ctrl-C ends it and shows what there is)"
                )
                run = _Run(
                    load, library, generator.fleet, server, clients, interrupt, watch, idle_rss
                )
                outcome = await run.window()
            finally:
                await asyncio.gather(*(c.leave() for c in clients), return_exceptions=True)
        # Who ends it while people leave means all that was to follow.
        outcome["partial"] = outcome["partial"] or interrupt.is_set()
        return outcome


async def unless(interrupt: asyncio.Event, work: Any) -> None:
    """Do the work, or raise `InterruptedRunError` when the event comes first."""
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(interrupt.wait())
    await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise InterruptedRunError("ended before anything was measured")
    await task


async def set_up(clients: Sequence[LightParticipant], load: Load, watch: Watch) -> None:
    """Everybody joins and publishes, then receives all tracks; then the warm-up. Raises
    `ParticipantError`."""
    gate = asyncio.Semaphore(JOINS_AT_ONCE)
    steps = itertools.count(1)

    async def come(client: LightParticipant) -> None:
        async with gate:
            await client.join(load.room(client.participant))
            await client.publish(load.kinds)
            watch.joined(next(steps), 2 * len(clients))

    async def listen(client: LightParticipant) -> None:
        async with gate:
            await client.receive_all(load.tracks_for(client.participant), RECEIVE_SECONDS)
            watch.joined(next(steps), 2 * len(clients))

    await asyncio.gather(*(come(client) for client in clients))
    await asyncio.gather(*(listen(client) for client in clients))
    await asyncio.sleep(load.warm_up)


@dataclass
class _Run:
    """A call that is set up."""

    load: Load
    library: Library
    fleet: Fleet
    server: Server
    clients: Sequence[LightParticipant]
    interrupt: asyncio.Event
    watch: Watch
    idle_rss: int

    async def window(self) -> dict[str, Any]:
        """Count for as long as the load sets, or until it is interrupted or the server dies."""
        window = await measured_window(
            self.fleet,
            self.server,
            self.load.seconds,
            self.interrupt,
            self.watch,
            idle_rss=self.idle_rss,
            all_lost=self._all_lost,
        )
        problems = [*window.problems, *self._problems(window.results)]
        outcome = _report(self.load, self.library, window, problems)
        outcome["series"] = window.rows
        outcome["layersNamed"] = {c.participant: sorted(c.named) for c in self.clients if c.named}
        return outcome

    def _all_lost(self) -> bool:
        return all(client.problem for client in self.clients)

    def _problems(self, results: list[Measured]) -> list[str]:
        """Why the call is not as it should be; empty when it is."""
        problems = [client.problem for client in self.clients if client.problem]
        problems += [f"a transport was lost: {reason}" for reason in self.fleet.failures()]
        tracks = sum(len(result.received) for result in results)
        expected = sum(self.load.tracks_for(client.participant) for client in self.clients)
        if tracks != expected:
            problems.append(f"{tracks} tracks were received, not {expected}")
        return problems


def _report(load: Load, library: Library, window: Window, problems: list[str]) -> dict[str, Any]:
    results, seconds = window.results, window.seconds
    forwarded, extra = report.forwarded_packets(results), report.extra_packets(results)
    checked = decode_check.check(library, results)
    problems = problems + decode_check.problems(checked)
    outcome = {
        "scenario": load.scenario,
        "participants": load.participants,
        "seconds": round(seconds, 3),
        "server": report.server(window.use, forwarded, load.participants),
        "packetsPerSecondOut": round((forwarded + extra) / seconds, 1),
        "lossFrom": "sequenceNumbers" if load.by_sequence else "packetsSent",
        "summary": report.summary(results, seconds, by_sequence=load.by_sequence),
        "delayCounts": report.delay_counts(results),
        "media": report.published(library),
        "streams": report.streams(results),
        "pictures": checked,
        "tracks": report.tracks(results, seconds, by_sequence=load.by_sequence),
        "loadGenerator": report.load_generator(results, seconds),
        "rooms": load.rooms,
        "settings": load.settings,
        "valid": not problems,
        "partial": window.partial,
        "problems": problems,
        **provenance(),
    }
    return {**outcome, "quality": judge(outcome)}
