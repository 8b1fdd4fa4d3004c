"""The admin's side alone: made-up calls, actions that only take notes, and a web server."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
from aiohttp import web

from signaling.admin.actions import ActionError
from signaling.admin.routes import Admin
from signaling.edge.forwarded import Forwarded
from signaling.meter.capture import Capture
from signaling.meter.samples import Sample
from signaling.site import pages
from tests.signaling.samples import Calls, Episode

TOKEN = "an admin token for tests"
BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128)


class FakeActions:
    """Satisfies `Actions`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.removed: list[str] = []
        self.closed: list[str] = []
        self.started: list[tuple[str, bool, float, int]] = []
        self.known: dict[str, Capture] = {}

    @property
    def did_nothing(self) -> bool:
        return not any((self.removed, self.closed, self.started))

    async def remove(self, participant: str) -> None:
        if participant == "nobody":
            raise ActionError("notFound")
        self.removed.append(participant)

    async def close_room(self, room: str) -> None:
        self.closed.append(room)

    async def start_capture(
        self, participant: str, headers_only: bool, seconds: float, limit_bytes: int
    ) -> str:
        if any(capture.state == "running" for capture in self.known.values()):
            raise ActionError("busy")
        self.started.append((participant, headers_only, seconds, limit_bytes))
        name = f"c{len(self.known)}"
        self.known[name] = _capture(name, participant, "running")
        return name

    async def stop_capture(self, capture: str) -> None:
        found = self._find(capture)
        (self.folder / f"{capture}.pcapng").write_bytes(b"\n\r\r\n")
        self.known[capture] = _capture(capture, found.participant, "done")

    def captures(self) -> list[Capture]:
        return list(self.known.values())

    def capture_file(self, capture: str) -> Path:
        self._find(capture)
        return self.folder / f"{capture}.pcapng"

    def _find(self, capture: str) -> Capture:
        if capture not in self.known:
            raise ActionError("notFound")
        return self.known[capture]


def _capture(name: str, participant: str, state: str) -> Capture:
    return Capture(
        id=name,
        participant=participant,
        name="Ada",
        room="Physics 2",
        started=1_800_000_000.0,
        headers_only=True,
        seconds=60.0,
        limit_bytes=20_000_000,
        bytes=120_000,
        packets=900,
        state="running" if state == "running" else "done",
    )


class Running:
    """A server on loopback."""

    def __init__(self, admin: Admin, actions: FakeActions, port: int) -> None:
        self.admin, self.actions, self.port = admin, actions, port
        self.url = f"http://127.0.0.1:{port}"


@contextlib.asynccontextmanager
async def serve(folder: Path, port: int = 0, token: str = TOKEN) -> AsyncIterator[Running]:
    """Until the block ends; give it samples by `running.admin.add_sample`."""
    actions = FakeActions(folder)
    admin = Admin(token, Forwarded(), actions, BOUNDS)
    app = web.Application()
    pages.add_routes(app)
    admin.add_routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield Running(admin, actions, runner.addresses[0][1])
    finally:
        await admin.close()
        await runner.cleanup()


async def play(running: Running, samples: Sequence[Sample], every: float = 1.0) -> None:
    """One second after the other, over and over, without those who were removed, until cancelled.

    Made beforehand: to make ten rooms of ten costs more than all that is done with them.
    """
    begun = time.time()
    for number in itertools.count():
        sample = samples[number % len(samples)]
        sample = msgspec.structs.replace(sample, at=begun + number)
        running.admin.add_sample(without(sample, running.actions))
        await asyncio.sleep(every)


def without(sample: Sample, actions: FakeActions) -> Sample:
    """The sample as it is after what the admin did."""
    rooms = tuple(
        msgspec.structs.replace(
            room,
            people=tuple(p for p in room.people if p.participant not in actions.removed),
        )
        for room in sample.rooms
        if room.room not in actions.closed
    )
    return msgspec.structs.replace(sample, rooms=rooms)


@functools.cache
def recent(rooms: int, people: int, seconds: int, count: int = 10) -> tuple[Sample, ...]:
    """`count` samples of calls of which `seconds` have passed unseen.

    From the twentieth second on one network in each room is bad, and stays so.
    """
    episode = Episode(begin=20, end=10_000, every=10_000)
    calls = Calls(rooms=rooms, people=people, start=time.time() - seconds, episode=episode)
    calls.skip(seconds)
    return tuple(calls.step()[0] for _ in range(count))
