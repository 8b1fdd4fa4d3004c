"""The server's figures beside those of the browsers at both ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from signaling.conference import events
from signaling.config import Config
from signaling.machine.addresses import machine_addresses
from signaling.meter.samples import PersonSample, Sample, TrackSample
from signaling.server import Server
from signaling.worker_pool import launcher
from tests.browser.conftest import Opens
from tests.browser.person import Person, until

pytestmark = pytest.mark.browser

WINDOW = 8
"""Seconds over which rates are compared."""

_COUNTS = """(async () => {
  const found = {};
  for (const stat of (await conference.subscribeConnection.getStats()).values()) {
    if (stat.type !== 'inbound-rtp') continue;
    found[stat.kind] = {
      at: stat.timestamp / 1000, packets: stat.packetsReceived, lost: stat.packetsLost,
      bytes: stat.bytesReceived, frames: stat.framesDecoded ?? 0,
    };
  }
  return found;
})()"""


class Metered:
    """A server in this process, and what its meter says."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.url = f"http://localhost:{port}/r/meter"
        self.samples: list[Sample] = []
        self._news = asyncio.Event()
        server.rooms.events.listen(self._event)

    def _event(self, event: events.Event) -> None:
        if isinstance(event, events.Sampled):
            self.samples.append(event.sample)
            self._news.set()

    async def second(self) -> Sample:
        """The next sample, at once when it is made."""
        self._news.clear()
        await self._news.wait()
        return self.samples[-1]


@pytest_asyncio.fixture(loop_scope="session")
async def metered(tmp_path: Path) -> AsyncIterator[Metered]:
    config = Config(port=0, tls=False, workers=1, data_dir=str(tmp_path))
    server = Server(config, machine_addresses(), launcher(0, "WARNING"), "a token")
    port = await server.start(None)
    yield Metered(server, port)
    await server.close()


def received(sample: Sample, name: str, kind: str) -> TrackSample:
    return next(
        track
        for track in person(sample, name).tracks
        if track.kind == kind and track.direction == "outbound"
    )


def person(sample: Sample, name: str) -> PersonSample:
    return next(person for person in sample.rooms[0].people if person.name == name)


async def counts(who: Person) -> dict[str, Any]:
    found: dict[str, Any] = await who.see(_COUNTS)
    return found


async def test_both_ends_agree(metered: Metered, on_chromium: Opens) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.join(metered.url)
    await budi.join(metered.url)
    await ana.sees("Budi", seconds=60)
    # The video's rate grows at first; the comparison is of a steady one.
    await until("digests of both", lambda: digests(metered), seconds=60)
    await metered.second()
    before = await counts(ana)
    for _ in range(WINDOW):
        await metered.second()
    after = await counts(ana)
    # Those that reach over both ends.
    for _ in range(2):
        await metered.second()
    for kind in ("audio", "video"):
        begin, end = before[kind]["at"], after[kind]["at"]

        def sent(sample: Sample, kind: str = kind) -> TrackSample:
            return received(sample, "Ana", kind)

        rate = mean(metered.samples, begin, end, lambda one: sent(one).figures.packets_per_second)
        bitrate = mean(metered.samples, begin, end, lambda one: sent(one).figures.bitrate)
        packets = after[kind]["packets"] - before[kind]["packets"]
        octets = after[kind]["bytes"] - before[kind]["bytes"]
        assert rate == pytest.approx(packets / (end - begin), rel=0.05)
        assert bitrate == pytest.approx(8 * octets / (end - begin), rel=0.05)
        lost = after[kind]["lost"] - before[kind]["lost"]
        loss = sent(metered.samples[-1]).figures.loss or 0.0
        assert loss == pytest.approx(100 * lost / packets, abs=0.1)
    begin, end = before["video"]["at"], after["video"]["at"]
    decoded = (after["video"]["frames"] - before["video"]["frames"]) / (end - begin)
    arrived = mean(
        metered.samples, begin, end, lambda one: published(one, "Budi").frames_per_second
    )
    assert arrived == pytest.approx(decoded, rel=0.05)


def published(sample: Sample, name: str) -> TrackSample:
    """The camera's."""
    return next(
        track
        for track in person(sample, name).tracks
        if (track.kind, track.direction) == ("video", "inbound")
    )


def mean(
    samples: list[Sample], begin: float, end: float, rate: Callable[[Sample], float | None]
) -> float:
    """Of what each sample says of the time since the one before, between two Unix times.

    The browser's own times: on a busy machine it answers late, and would be compared with
    another stretch of the call.
    """
    total = 0.0
    for before, after in pairwise(samples):
        shared = min(after.at, end) - max(before.at, begin)
        if shared > 0:
            total += shared * (rate(after) or 0.0)
    return total / (end - begin)


async def digests(metered: Metered) -> bool:
    """Whether both browsers have said something of both tracks that can be."""
    sample = await metered.second()
    if not sample.rooms or len(sample.rooms[0].people) < 2:
        return False
    tracks = [t for one in sample.rooms[0].people for t in one.tracks if t.direction == "outbound"]
    said = [track.browser for track in tracks if track.browser is not None]
    assert not any(figures.absurd for figures in said)
    return len(said) == 4


async def test_a_publisher_answers_reference_times(metered: Metered, on_chromium: Opens) -> None:
    ana = await on_chromium("Ana")
    await ana.join(metered.url)

    async def round_trip() -> float | None:
        sample = await metered.second()
        people = sample.rooms[0].people if sample.rooms else ()
        # Alone in the room she receives nothing: only her answers show it.
        return people[0].up.round_trip_time if people else None

    rtt = await until("the round trip to who only sends", round_trip)
    assert 0 < rtt < 1
