"""`python -m bench attack [NAME ...]`: what ten people in a call notice while others attack.

Theory of operation. A server with the settings that it has by itself, one media worker; ten
people are in a call there, and stay. Windows with an attack and windows without take turns, all
counted in the same way: loss and delay of the call, how long `/healthz` takes over connections
made anew, memory, and what the log grew by. An attack is judged against the windows beside it.
After one that ends the server or the call, both are made anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from bench.attack.catalogue import ATTACKS
from bench.context import LOOPBACK, Outcome
from bench.light.client import Client
from bench.light.participant import LoadGenerator, load_generator
from bench.provenance import provenance
from bench.recordings import media
from bench.recordings.library import Library
from bench.reports import report
from bench.runs.run import Load, interruptible, set_up, unless
from bench.servers.server import OwnServer
from bench.watch import Watch

Announce = Callable[[str], None]

PEOPLE = 10
MAX_LOSS_PERCENT = 0.005
"""Of the call's packets: what reads 0.00 %."""
MAX_DELAY_RATIO = 1.5
"""Of the 99th percentile of the delay, against that without an attack."""
MAX_HEALTHZ_MS = 200.0
MAX_MEMORY_MIB = 16.0
"""That the server's processes may grow by in one attack."""
MAX_LOG_BYTES = 1_000_000
FEW = 3
"""Attacks that are given more time each."""
SETTINGS: dict[str, object] = {
    "tls": True,
    "max_rooms": None,
    "rooms_per_address": None,
    "joins_per_minute": None,
    "max_publish_kbps": None,
    "log_level": None,
}
"""What the server decides by itself here, unlike in other measurements."""
_LEAD_NS = 100_000_000
_DRAIN_SECONDS = 0.3
_PROBE_SECONDS = 0.1
_ANSWER_SECONDS = 30.0
_FIRST_SUBNET = 11


@dataclass(frozen=True)
class Window:
    """What the call and the server were like for some seconds."""

    loss_percent: float
    delay_p99_ms: float
    healthz_ms: float
    """The slowest."""
    memory_mib: float
    """Growth."""
    log_bytes: int
    """Growth."""
    problems: tuple[str, ...]
    """Why the call or the server is not what it was; a new one is needed."""
    bottlenecks: tuple[str, ...]
    """Why it is not valid."""


def measure(names: Sequence[str], seconds: float | None, announce: Announce) -> Outcome:
    """Attack by these names, of the catalogue. Raises what a run ends with."""
    few = len(names) <= FEW
    lengths = (4.0, seconds or 8.0) if few else (1.8, seconds or 3.5)
    video = media.video(media.VideoSpec(bitrate_kbps=1000))
    library = Library(media.audio(media.AudioSpec()), video)
    attacks: list[dict[str, Any]] = []
    left = list(names)
    while left:
        settings = {**SETTINGS, "room_capacity": None}
        server = OwnServer(LOOPBACK, 1, PEOPLE, 1, settings=settings)
        with server:
            found = asyncio.run(_Siege(server, library, lengths, announce).run(left))
        attacks += found
        left = left[len(found) :]
    problems = [f"{one['name']}: {text}" for one in attacks for text in one.pop("invalid")]
    return {
        "scenario": "attack",
        "held": all(one["held"] for one in attacks),
        "attacks": attacks,
        "valid": not problems,
        "problems": problems,
        **provenance(),
    }


class _Attacker:
    """The other process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> _Attacker:
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bench.attack.attacker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        )

    async def ask(self, order: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Its answer, or an `error` of ours when there is none."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
            answer: dict[str, Any] = json.loads(line)
        except (OSError, TimeoutError, ValueError):
            return {"error": "the attacker's process did not answer"}
        return answer

    async def end(self) -> None:
        """It goes when its input ends, and is made to if it does not."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 3)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class _Siege:
    """One server, one call, and attacks until they are all made or the call is broken."""

    def __init__(
        self, server: OwnServer, library: Library, lengths: tuple[float, float], announce: Announce
    ) -> None:
        self._server, self._library, self._lengths, self._announce = (
            server,
            library,
            lengths,
            announce,
        )
        self._clients: list[Client] = []

    async def run(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """A row for each attack that was made; at least one."""
        with interruptible() as interrupt:
            async with load_generator(self._library, PEOPLE, 1, self._server.url) as generator:
                self._fleet = generator.fleet
                rows: list[dict[str, Any]] = []
                attacker = await _Attacker.start()
                try:
                    await unless(interrupt, self._call(generator))
                    await unless(interrupt, self._attacks(names, attacker, rows))
                finally:
                    await attacker.end()
                    await asyncio.gather(
                        *(client.leave() for client in self._clients), return_exceptions=True
                    )
                return rows

    async def _call(self, generator: LoadGenerator) -> None:
        load = Load("attack", PEOPLE, 0.0, ("audio", "video"), warm_up=1.0)
        self._clients = [Client(generator, number) for number in range(PEOPLE)]
        self._announce(f"{PEOPLE} people join at {self._server.url}")
        await set_up(self._clients, load, Watch())

    async def _attacks(
        self, names: Sequence[str], attacker: _Attacker, rows: list[dict[str, Any]]
    ) -> None:
        without, with_attack = self._lengths
        before = await self._window(without)
        for name in names:
            order = {
                "name": name,
                "url": self._server.url,
                "subnet": _FIRST_SUBNET + list(ATTACKS).index(name),
            }
            self._announce(f"{name}: {ATTACKS[name].title}")
            answer = await attacker.ask(order, _ANSWER_SECONDS)
            if "error" in answer:
                rows.append(_not_made(name, answer["error"]))
                continue
            asked = asyncio.create_task(
                attacker.ask({"seconds": with_attack}, with_attack + _ANSWER_SECONDS)
            )
            during = await self._window(with_attack)
            answer = await asked
            if "error" in answer:
                rows.append(_not_made(name, answer["error"]))
                continue
            broken = during.problems
            after = before if broken else await self._window(without)
            rows.append(judged(name, answer, before, during, after))
            if broken or after.problems:
                return
            before = after

    async def _window(self, seconds: float) -> Window:
        """Count for so long."""
        server, fleet = self._server, self._fleet
        start = time.monotonic_ns() + _LEAD_NS
        stop = start + int(seconds * 1e9)
        await fleet.begin_window(start, stop)
        before, log = server.usages()[0], _size(server)
        probes = asyncio.create_task(self._probe(stop / 1e9))
        results = await fleet.collect(stop, _DRAIN_SECONDS)
        slowest = await probes
        after = server.usages()[0]
        figures = report.summary(results, seconds)
        problems = [client.problem for client in self._clients if client.problem]
        problems += [f"a transport was lost: {reason}" for reason in fleet.failures()]
        if not server.alive or set(before) != set(after):
            problems.append(f"a process of the server ended: {server.log_tail()}")
        memory = sum(u.rss_bytes for u in after.values()) - sum(
            u.rss_bytes for u in before.values()
        )
        return Window(
            loss_percent=figures["packetLossPercent"],
            delay_p99_ms=figures["delayMs"]["p99"],
            healthz_ms=slowest,
            memory_mib=memory / 2**20,
            log_bytes=_size(server) - log,
            problems=tuple(problems),
            bottlenecks=tuple(report.bottlenecks(results)),
        )

    async def _probe(self, until: float) -> float:
        """The slowest answer of `/healthz`, in ms; no answer counts as the whole wait."""
        slowest, limit = 0.0, 3.0
        connector = aiohttp.TCPConnector(force_close=True)
        timeout = aiohttp.ClientTimeout(total=limit)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            while time.monotonic() < until:
                begin = time.monotonic()
                took = limit
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    async with session.get(f"{self._server.url}/healthz", ssl=False) as answer:
                        if answer.status == 200:
                            took = time.monotonic() - begin
                slowest = max(slowest, took)
                await asyncio.sleep(_PROBE_SECONDS)
        return 1e3 * slowest


def _size(server: OwnServer) -> int:
    """Bytes of the server's log."""
    with contextlib.suppress(OSError):
        return (server.folder / "log").stat().st_size
    return 0


def _not_made(name: str, why: str) -> dict[str, Any]:
    """An attack that did not come about proves nothing."""
    return {
        "name": name,
        "title": ATTACKS[name].title,
        "held": False,
        "found": f"not made: {why}",
        "others": None,
        "noticed": [],
        "invalid": [why],
    }


def judged(
    name: str, answer: dict[str, Any], before: Window, during: Window, after: Window
) -> dict[str, Any]:
    """The row of an attack that was made: `answer` has its own verdict."""
    without = max(before.delay_p99_ms, after.delay_p99_ms)
    noticed = list(during.problems)
    if during.loss_percent >= MAX_LOSS_PERCENT:
        noticed.append(f"{during.loss_percent:.2f} % lost")
    if during.delay_p99_ms > MAX_DELAY_RATIO * without:
        noticed.append(f"p99 {during.delay_p99_ms:.1f} ms instead of {without:.1f}")
    if during.healthz_ms >= MAX_HEALTHZ_MS:
        noticed.append(f"/healthz took {during.healthz_ms:.0f} ms")
    if during.memory_mib > MAX_MEMORY_MIB:
        noticed.append(f"memory grew by {during.memory_mib:.0f} MiB")
    if during.log_bytes > MAX_LOG_BYTES:
        noticed.append(f"the log grew by {during.log_bytes / 1e6:.1f} MB")
    return {
        "name": name,
        "title": ATTACKS[name].title,
        "held": bool(answer["held"]) and not noticed,
        "found": answer["text"],
        "others": {
            "packetLossPercent": round(during.loss_percent, 4),
            "delayP99Ms": during.delay_p99_ms,
            "delayP99MsWithout": without,
            "healthzMs": round(during.healthz_ms, 1),
            "memoryMiB": round(during.memory_mib, 1),
            "logBytes": during.log_bytes,
        },
        "noticed": noticed,
        "windows": [asdict(window) for window in (before, during, after)],
        "invalid": [*before.bottlenecks, *during.bottlenecks, *after.bottlenecks],
    }
