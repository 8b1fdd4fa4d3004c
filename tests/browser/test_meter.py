"""The server's figures beside those of the browsers at both ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from signaling.addresses import machine_addresses
from signaling.config import Config
from signaling.meter.samples import PersonSample, Sample, TrackSample
from signaling.server import Server
from signaling.worker_pool import launcher
from tests.browser.conftest import Opens
from tests.browser.person import Person, until

pytestmark = pytest.mark.browser

WINDOW = 8
"""Samples over which rates are compared."""

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
        server.back_office.meter.on_sample(self._take)

    def _take(self, sample: Sample) -> None:
        self.samples.append(sample)
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
    # The picture's rate grows at first; the comparison is of a steady one.
    await until("digests of both", lambda: digests(metered), seconds=60)
    await metered.second()
    before = await counts(ana)
    window = [await metered.second() for _ in range(WINDOW)]
    after = await counts(ana)
    for kind in ("audio", "video"):
        seconds = after[kind]["at"] - before[kind]["at"]
        tracks = [received(sample, "Ana", kind) for sample in window]
        rate = sum(track.figures.packets_per_second or 0.0 for track in tracks) / WINDOW
        bitrate = sum(track.figures.bitrate or 0.0 for track in tracks) / WINDOW
        packets = after[kind]["packets"] - before[kind]["packets"]
        octets = after[kind]["bytes"] - before[kind]["bytes"]
        assert rate == pytest.approx(packets / seconds, rel=0.05)
        assert bitrate == pytest.approx(8 * octets / seconds, rel=0.05)
        lost = after[kind]["lost"] - before[kind]["lost"]
        assert (tracks[-1].figures.loss or 0.0) == pytest.approx(100 * lost / packets, abs=0.1)
    cameras = [
        track
        for sample in window
        for track in person(sample, "Budi").tracks
        if (track.kind, track.direction) == ("video", "inbound")
    ]
    seconds = after["video"]["at"] - before["video"]["at"]
    decoded = (after["video"]["frames"] - before["video"]["frames"]) / seconds
    arrived = sum(camera.frames_per_second or 0.0 for camera in cameras) / WINDOW
    assert arrived == pytest.approx(decoded, rel=0.05)


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
        # Alone in the room she receives nothing: only her answers tell it.
        return people[0].up.round_trip_time if people else None

    rtt = await until("the round trip to who only sends", round_trip)
    assert 0 < rtt < 1
