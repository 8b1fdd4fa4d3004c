from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from sfu.control import Drain, WorkerStats
from signaling import worker_pool
from signaling.worker_pool import Worker, WorkerPool, WorkerStartError, launcher
from tests.signaling.fakes import FakeLaunch, FakeWorker, stats


class Listener:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.ready: list[Worker] = []
        self.lost: list[Worker] = []
        self.news = asyncio.Event()

    def worker_ready(self, worker: Worker) -> None:
        self.ready.append(worker)
        self.news.set()

    def worker_lost(self, worker: Worker) -> None:
        self.lost.append(worker)

    def worker_event(self, worker: Worker, event: Any) -> None: ...

    def worker_stats(self, worker: Worker, stats: WorkerStats) -> None:
        self.news.set()

    async def until_ready(self, count: int) -> None:
        while len(self.ready) < count:
            self.news.clear()
            await self.news.wait()


async def test_starts_all_and_drains_all() -> None:
    launch, listener = FakeLaunch(), Listener()
    pool = WorkerPool(3, launch, listener)
    await pool.start()
    assert len(listener.ready) == len(pool.workers) == 3
    await pool.close(5.0)
    assert all(worker.all(Drain) for worker in launch.started)
    assert len(launch.started) == 3


@pytest.mark.parametrize("how", ["ends", "nonsense", "oversized"])
async def test_a_lost_worker_is_killed_and_replaced(how: str) -> None:
    launch, listener = FakeLaunch(), Listener()
    pool = WorkerPool(1, launch, listener)
    await pool.start()
    first = launch.started[0]
    if how == "ends":
        first.die()
    else:
        first.send_raw(b"\x00\x00\x00\x02\xc1\xc1" if how == "nonsense" else b"\xff" * 8)
    await listener.until_ready(2)
    assert first.killed
    assert listener.lost == listener.ready[:1]
    assert pool.workers == listener.ready[1:]
    # To a worker that is gone: dropped.
    listener.ready[0].send(Drain())
    await pool.close(5.0)


async def test_a_silent_worker_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "SILENCE", 0.05)
    launch, listener = FakeLaunch(), Listener()
    pool = WorkerPool(1, launch, listener)
    await pool.start()
    await listener.until_ready(2)
    assert launch.started[0].killed
    await pool.close(5.0)


async def test_a_box_that_stood_still_keeps_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "SILENCE", 1.0)
    launch, listener = FakeLaunch(), Listener()
    pool = WorkerPool(1, launch, listener)
    await pool.start()
    # Everything: no timer of ours runs, and nothing is read.
    time.sleep(1.5)
    launch.started[0].send(stats(packets_received=9))
    while pool.workers[0].stats is None:
        listener.news.clear()
        await listener.news.wait()
    assert not listener.lost
    assert not launch.started[0].killed
    await pool.close(5.0)


async def test_statistics_are_kept() -> None:
    launch, listener = FakeLaunch(), Listener()
    pool = WorkerPool(1, launch, listener)
    await pool.start()
    launch.started[0].send(stats(packets_received=9))
    while pool.workers[0].stats is None:
        listener.news.clear()
        await listener.news.wait()
    assert pool.workers[0].stats.packets_received == 9
    await pool.close(5.0)


class Dying(FakeLaunch):
    """Workers that end at once, from the `after`-th on."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    async def __call__(self, index: int, channel: socket.socket) -> FakeWorker:
        if len(self.started) >= self.after:
            channel.shutdown(socket.SHUT_RDWR)
        return await super().__call__(index, channel)


async def test_a_worker_that_never_starts_is_reported() -> None:
    pool = WorkerPool(1, Dying(0), Listener())
    with pytest.raises(WorkerStartError, match="media worker 0 does not start"):
        await pool.start()


async def test_pauses_grow_while_workers_keep_dying(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    real_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await real_sleep(0)

    launch = Dying(1)
    pool = WorkerPool(1, launch, Listener())
    await pool.start()
    monkeypatch.setattr("signaling.worker_pool.asyncio.sleep", sleep)
    launch.started[0].die()
    await launch.nth(10)
    await pool.close(5.0)
    assert pauses[0] == 0
    assert pauses[1:5] == [0.4, 0.8, 1.6, 3.2]
    assert max(pauses) == 10.0


class Faulty(Listener):
    """A listener with a fault of its own."""

    def worker_stats(self, worker: Worker, stats: WorkerStats) -> None:
        super().worker_stats(worker, stats)
        if stats.routers == 1:
            raise ValueError("a fault of ours")


async def test_a_fault_of_the_listener_costs_no_worker() -> None:
    launch, listener = FakeLaunch(), Faulty()
    pool = WorkerPool(1, launch, listener)
    await pool.start()
    launch.started[0].send(stats(routers=1))
    launch.started[0].send(stats(routers=2))
    while pool.workers[0].stats is None or pool.workers[0].stats.routers != 2:
        listener.news.clear()
        await listener.news.wait()
    assert len(launch.started) == 1
    await pool.close(5.0)


@pytest.mark.parametrize(("tcp", "form"), [(True, "text"), (False, "json")])
async def test_the_command_line_of_a_worker(
    monkeypatch: pytest.MonkeyPatch, tcp: bool, form: str
) -> None:
    started: list[tuple[str, ...]] = []

    async def execute(*arguments: str, **more: Any) -> Any:
        started.append(arguments)
        raise OSError("not really")

    monkeypatch.setattr("signaling.worker_pool.asyncio.create_subprocess_exec", execute)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(OSError, match="not really"):
        await launcher(5000, "info", tcp, form)(3, theirs)
    (line,) = started
    assert line[1:3] == ("-m", "sfu.process.worker")
    assert line[line.index("--port") + 1] == "5003"
    assert line[line.index("--log-format") + 1] == form
    assert ("--no-tcp" in line) is not tcp
