"""One measurement: people join a server, media flows, a window is counted.

Theory of operation. Set-up: everybody joins and publishes, then everybody waits until a packet
of every track has arrived; warm-up; window; drain. An interrupt (Ctrl-C) in set-up ends the run
with nothing; in the window it ends the window, and the report covers what was measured. So does
a server that dies. Every wait has a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp

from bench import report
from bench.channel import Measured
from bench.driver import Library
from bench.fleet import Fleet
from bench.provenance import provenance
from bench.server import Server

JOINS_AT_ONCE = 4
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RECEIVE_SECONDS = 30.0
_LOOK_SECONDS = 0.5
_LEAD_NS = 200_000_000
"""Between telling the window and its start."""


class InterruptedRunError(Exception):
    """The user ended the run before anything was measured."""


class Participant(Protocol):
    """What a run asks of a client; all may raise `ClientError`."""

    participant: int
    problem: str
    named: set[str]

    async def join(self, room: str) -> None: ...
    async def publish(self, kinds: tuple[str, ...]) -> None: ...
    async def receive_all(self, count: int, seconds: float) -> None: ...
    async def leave(self) -> None: ...


class ParticipantClass(Protocol):
    """`Client` or `JanusClient`."""

    def __call__(
        self,
        fleet: Fleet,
        session: aiohttp.ClientSession,
        url: str,
        participant: int,
        people: dict[str, int],
    ) -> Participant: ...


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
    """Whether the server may leave things out, so that loss must be told by sequence numbers."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Told in the report, as the video's bitrate."""

    def room(self, participant: int) -> str:
        """Rooms have numbers as names, because Janus knows no other."""
        return str(1000 + participant % self.rooms)

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
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Run it and give the report; `tell` gets a line at each step.

    Raises `ClientError`, `FleetError`, `InterruptedRunError`.
    """
    with interruptible() as interrupt:
        async with (
            Fleet(library, load.participants, load.drivers) as fleet,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            people: dict[str, int] = {}
            clients = [
                participant_class(fleet, session, server.url, number, people)
                for number in range(load.participants)
            ]
            try:
                idle_rss = sum(usage.rss_bytes for usage in server.usages()[0].values())
                tell(f"{load.participants} people join at {server.url}")
                await _unless(interrupt, _set_up(clients, load))
                tell(f"measuring for {load.seconds:g} s (Ctrl-C ends it and shows what there is)")
                return await _window(load, fleet, server, clients, interrupt, idle_rss)
            finally:
                await asyncio.gather(*(c.leave() for c in clients), return_exceptions=True)


async def _unless(interrupt: asyncio.Event, work: Any) -> None:
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(interrupt.wait())
    await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise InterruptedRunError("ended before anything was measured")
    await task


async def _set_up(clients: Sequence[Participant], load: Load) -> None:
    gate = asyncio.Semaphore(JOINS_AT_ONCE)

    async def come(client: Participant) -> None:
        async with gate:
            await client.join(load.room(client.participant))
            await client.publish(load.kinds)

    async def listen(client: Participant) -> None:
        async with gate:
            await client.receive_all(load.tracks_for(client.participant), RECEIVE_SECONDS)

    await asyncio.gather(*(come(client) for client in clients))
    await asyncio.gather(*(listen(client) for client in clients))
    await asyncio.sleep(load.warm_up)


async def _window(
    load: Load,
    fleet: Fleet,
    server: Server,
    clients: Sequence[Participant],
    interrupt: asyncio.Event,
    idle_rss: int,
) -> dict[str, Any]:
    start = time.monotonic_ns() + _LEAD_NS
    stop = start + int(load.seconds * 1e9)
    await fleet.begin_window(start, stop)
    await asyncio.sleep(_LEAD_NS / 1e9)
    before, media = server.usages()
    began = time.monotonic()
    after = before
    while (left := stop / 1e9 - time.monotonic()) > 0 and server.alive and not interrupt.is_set():
        # One look at the end decides; those before keep a last one of a server that dies.
        after, media = server.usages()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(interrupt.wait(), min(left, _LOOK_SECONDS))
    partial = time.monotonic_ns() < stop
    if partial:
        stop = time.monotonic_ns()
        await fleet.end_window(stop)
    if server.alive:
        after, media = server.usages()
    lasted = time.monotonic() - began
    use = report.ServerUse(before, after, frozenset(media), lasted, idle_rss)
    results = await fleet.collect(stop)
    problems = _problems(load, server, fleet, clients, use, results)
    outcome = _report(load, results, use, (stop - start) / 1e9, partial, problems)
    outcome["layersNamed"] = {c.participant: sorted(c.named) for c in clients if c.named}
    return outcome


def _problems(
    load: Load,
    server: Server,
    fleet: Fleet,
    clients: Sequence[Participant],
    use: report.ServerUse,
    results: list[Measured],
) -> list[str]:
    """Why the run is not valid; empty when it is."""
    problems = report.bottlenecks(results)
    if not server.alive:
        problems.append(f"the server ended in the middle: {server.log_tail()}")
    elif set(use.before) != set(use.after):
        problems.append("a process of the server was replaced in the middle")
    problems += [client.problem for client in clients if client.problem]
    problems += [f"a transport was lost: {reason}" for reason in fleet.failures()]
    tracks = sum(len(result.received) for result in results)
    expected = sum(load.tracks_for(client.participant) for client in clients)
    if tracks != expected:
        problems.append(f"{tracks} tracks were received, not {expected}")
    return problems


def _report(
    load: Load,
    results: list[Measured],
    use: report.ServerUse,
    seconds: float,
    partial: bool,
    problems: list[str],
) -> dict[str, Any]:
    forwarded, extra = report.forwarded_packets(results), report.extra_packets(results)
    return {
        "scenario": load.scenario,
        "participants": load.participants,
        "seconds": round(seconds, 3),
        "server": report.server(use, forwarded, load.participants),
        "packetsPerSecondOut": round((forwarded + extra) / seconds, 1),
        "lossFrom": "sequenceNumbers" if load.by_sequence else "packetsSent",
        "summary": report.summary(results, seconds, by_sequence=load.by_sequence),
        "streams": report.streams(results),
        "tracks": report.tracks(results, seconds, by_sequence=load.by_sequence),
        "loadGenerator": report.load_generator(results, seconds),
        "rooms": load.rooms,
        "settings": load.settings,
        "valid": not problems,
        "partial": partial,
        "problems": problems,
        **provenance(),
    }
