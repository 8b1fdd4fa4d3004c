"""People join and leave all the time: does memory or a descriptor stay behind?

Theory of operation. Each participant number is a seat. Whoever has it joins a room, publishes,
stays some seconds, leaves, and after a pause the next one comes; the times are random with a
fixed seed. The server's memory and descriptors are looked at every few seconds. Growth is the
median of the last quarter less that of the second quarter: the first is left to caches that
fill up.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from bench.light.client import Client
from bench.light.participant import LoadGenerator, load_generator
from bench.light.signaling import ParticipantError
from bench.provenance import provenance
from bench.recordings.library import Library
from bench.runs.run import Load, interruptible
from bench.servers.server import Server

SAMPLE_SECONDS = 2.0
STAY_SECONDS = (4.0, 12.0)
PAUSE_SECONDS = (0.2, 2.0)
FLAT_RSS_MIB = 4.0
"""Growth up to this is called flat: allocators keep some pages."""
FLAT_DESCRIPTORS = 4
_MIB = 1024 * 1024
_MOST_LISTED = 20


@dataclass
class _Counts:
    joins: int = 0
    failures: list[str] = field(default_factory=list)
    present: int = 0


async def soak(load: Load, library: Library, server: Server, seed: int = 1) -> dict[str, Any]:
    """Run it and give the report; Ctrl-C ends it early, with a report."""
    counts = _Counts()
    samples: list[dict[str, float]] = []
    began = time.monotonic()
    with interruptible() as interrupt:
        async with load_generator(
            library, load.participants, load.drivers, server.url
        ) as generator:
            seats = [
                asyncio.create_task(_seat(n, load, generator, counts, random.Random(seed + n)))
                for n in range(load.participants)
            ]
            try:
                while time.monotonic() - began < load.seconds and server.alive:
                    samples.append(_sample(server, counts, time.monotonic() - began))
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(interrupt.wait(), SAMPLE_SECONDS)
                        break
                samples.append(_sample(server, counts, time.monotonic() - began))
            finally:
                for seat in seats:
                    seat.cancel()
                await asyncio.gather(*seats, return_exceptions=True)
            partial = interrupt.is_set() or not server.alive
    if not server.alive:
        counts.failures.append(f"the server ended: {server.log_tail()}")
    return report(load, counts.joins, counts.failures, samples, partial)


async def _seat(
    number: int,
    load: Load,
    generator: LoadGenerator,
    counts: _Counts,
    rng: random.Random,
) -> None:
    while True:
        client = Client(generator, number)
        try:
            counts.joins += 1
            counts.present += 1
            await client.join(load.room(number))
            await client.publish(load.kinds)
            await asyncio.sleep(rng.uniform(*STAY_SECONDS))
            if client.problem:
                raise ParticipantError(client.problem)
        except ParticipantError as error:
            counts.failures.append(str(error))
        finally:
            counts.present -= 1
            await client.leave()
        await asyncio.sleep(rng.uniform(*PAUSE_SECONDS))


def _sample(server: Server, counts: _Counts, at: float) -> dict[str, float]:
    usages, _ = server.usages()
    return {
        "at": round(at, 1),
        "rssMiB": round(sum(u.rss_bytes for u in usages.values()) / _MIB, 2),
        "descriptors": sum(u.descriptors for u in usages.values()),
        "participants": counts.present,
    }


def growth(samples: list[dict[str, float]], name: str) -> float | None:
    """Median of the last quarter less that of the second; None with fewer than 8 samples."""
    quarter = len(samples) // 4
    if quarter < 2:
        return None
    early = statistics.median(s[name] for s in samples[quarter : 2 * quarter])
    late = statistics.median(s[name] for s in samples[-quarter:])
    return round(late - early, 2)


def report(
    load: Load,
    joins: int,
    failures: list[str],
    samples: list[dict[str, float]],
    partial: bool,
) -> dict[str, Any]:
    """The soak's figures."""
    rss, descriptors = growth(samples, "rssMiB"), growth(samples, "descriptors")
    return {
        "scenario": "soak",
        "participants": load.participants,
        "seconds": samples[-1]["at"] if samples else 0.0,
        "joins": joins,
        "failures": len(failures),
        "growth": {"rssMiB": rss, "descriptors": descriptors},
        "flat": None
        if rss is None or descriptors is None
        else rss <= FLAT_RSS_MIB and descriptors <= FLAT_DESCRIPTORS,
        "rssMiB": {
            "first": samples[0]["rssMiB"] if samples else 0.0,
            "last": samples[-1]["rssMiB"] if samples else 0.0,
            "highest": max((s["rssMiB"] for s in samples), default=0.0),
        },
        "samples": samples,
        "rooms": load.rooms,
        "settings": load.settings,
        "valid": not failures,
        "partial": partial,
        "problems": failures[:_MOST_LISTED],
        **provenance(),
    }
