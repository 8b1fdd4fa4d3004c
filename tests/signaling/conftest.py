from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import hypothesis
import pytest

from signaling import worker_pool
from signaling.conference.room import Room
from signaling.config import Config
from signaling.server import Server
from tests.signaling.fakes import Client, FakeLaunch
from tests.signaling.people import Worker, new_room

# What a test proves must not depend on how busy the machine is.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

TOKEN = "an admin token for tests"


class Running:
    """A server with a fake worker, and clients for it."""

    def __init__(self, server: Server, launch: FakeLaunch, port: int, http: Any) -> None:
        self.server, self.launch, self.http = server, launch, http
        self.clients: list[Client] = []
        self.url = f"http://127.0.0.1:{port}"

    @property
    def worker(self) -> Any:
        return self.launch.started[-1]

    async def client(self, **more: Any) -> Client:
        self.clients.append(Client(await self.http.ws_connect(self.url + "/ws", **more)))
        return self.clients[-1]

    async def joined(self, room: str = "room", name: str = "Ada", **more: Any) -> Client:
        client = await self.client()
        message = await client.join(room, name, **more)
        assert message["type"] == "welcome", message
        return client


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def room(worker: Worker) -> Room:
    return new_room(worker)


Serve = Callable[..., Awaitable[Running]]


@pytest.fixture
async def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Serve]:
    # The fake worker gives no sign of life of its own, and a test may take its time.
    monkeypatch.setattr(worker_pool, "SILENCE", 600.0)
    running: list[Running] = []
    async with aiohttp.ClientSession() as http:

        async def start(**settings: Any) -> Running:
            base: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "tls": False, "workers": 1}
            base["data_dir"] = str(tmp_path)
            launch = FakeLaunch()
            server = Server(Config(**(base | settings)), ["127.0.0.1"], launch, TOKEN)
            running.append(Running(server, launch, await server.start(None), http))
            return running[-1]

        yield start
        for one in running:
            # A client that reads no more would be waited for.
            for client in one.clients:
                await client.socket.close()
            await one.server.close()
