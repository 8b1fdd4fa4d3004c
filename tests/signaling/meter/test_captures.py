"""Captures as signaling keeps them, with a worker that only takes commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sfu.control import CaptureState, StartCapture, StopCapture
from signaling.meter.captures import (
    KEEP_SECONDS,
    KEPT,
    CaptureRefusedError,
    Captures,
    RunningCapture,
)
from tests.signaling.conftest import Running, Serve
from tests.signaling.fakes import Client


class Scene:
    def __init__(self, running: Running, folder: Path, client: Client) -> None:
        self.running, self.client, self.folder = running, client, folder
        self.now = 1000.0
        self.captures = Captures(running.server.rooms, folder, lambda: self.now)

    def start(self, **changed: Any) -> RunningCapture:
        fields: dict[str, Any] = {"headers_only": True, "seconds": 60.0, "limit_bytes": 10_000}
        return self.captures.start(self.client.me, **(fields | changed))

    async def reports(self, state: CaptureState) -> None:
        """The worker reports this, and signaling has it."""
        self.running.worker.send(state)
        found = next(one for one in self.captures.all if one.id == state.capture)
        while found.packets != state.packets:
            await self.client.send("ping", t=1)
            await self.client.get("pong")


@pytest.fixture
async def scene(serve: Serve, tmp_path: Path) -> Scene:
    running = await serve()
    client = await running.joined()
    await client.publish()
    return Scene(running, tmp_path / "captures", client)


async def test_begin_and_end(scene: Scene) -> None:
    made = scene.start()
    command = await scene.running.worker.expect(StartCapture)
    assert command.path == str(made.path)
    assert len(command.transports) == 1
    assert (command.max_bytes, command.max_seconds, command.headers_only) == (10_000, 60.0, True)
    assert made.name == "Ada"
    assert made.room == "room"
    assert scene.captures.file(made.id) is None
    scene.captures.stop(made.id)
    assert (await scene.running.worker.expect(StopCapture)).capture == made.id
    made.path.write_bytes(b"packets")
    await scene.reports(CaptureState(made.id, 7, 900, "stopped"))
    assert (made.state, made.bytes) == ("done", 900)
    assert scene.captures.file(made.id) == made.path


async def test_bounds(scene: Scene) -> None:
    made = scene.start(seconds=1e9, limit_bytes=10**12)
    assert (made.seconds, made.limit_bytes) == (600.0, 100_000_000)


async def test_refusals(scene: Scene) -> None:
    with pytest.raises(CaptureRefusedError, match="notFound"):
        scene.captures.start("nobody", headers_only=True, seconds=1.0, limit_bytes=1)
    scene.start()
    with pytest.raises(CaptureRefusedError, match="tooMany"):
        scene.start()
    scene.captures.stop("no such capture")
    assert scene.captures.file("no such capture") is None


async def test_a_folder_that_cannot_be_made(scene: Scene) -> None:
    scene.folder.write_text("a file stands there")
    with pytest.raises(CaptureRefusedError, match="failed"):
        scene.start()


async def test_a_silent_one_ends_by_the_clock(scene: Scene) -> None:
    made = scene.start(seconds=30.0)
    scene.now += 31.0
    scene.captures.sweep()
    assert (await scene.running.worker.expect(StopCapture)).capture == made.id


async def test_the_oldest_files_make_room(scene: Scene) -> None:
    for number in range(KEPT + 3):
        made = scene.start()
        made.path.write_bytes(b"packets")
        await scene.reports(CaptureState(made.id, number + 1, 1, "full"))
    assert len(scene.captures.all) == KEPT
    assert len(list(scene.folder.iterdir())) == KEPT


def left_by_an_earlier_run(folder: Path, number: int, written: float) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"capture{number}.pcapng"
    path.write_bytes(b"packets")
    os.utime(path, (written, written))
    return path


async def test_files_of_earlier_runs_count_too_and_none_stays_for_ever(scene: Scene) -> None:
    scene.now = 100 * 86_400.0
    other = scene.folder / "notes.txt"
    files = [left_by_an_earlier_run(scene.folder, n, scene.now - n) for n in range(KEPT + 3)]
    old = left_by_an_earlier_run(scene.folder, 99, scene.now - KEEP_SECONDS - 1)
    other.write_text("not ours")
    scene.captures.sweep()
    assert not old.exists()
    assert [path.exists() for path in files] == [True] * KEPT + [False] * 3
    made = scene.start()
    made.path.write_bytes(b"packets")
    assert [path.exists() for path in files] == [True] * (KEPT - 1) + [False] * 4
    await scene.reports(CaptureState(made.id, 1, 1, "full"))
    scene.now += KEEP_SECONDS + 1
    scene.captures.sweep()
    assert [path.name for path in scene.folder.iterdir()] == ["notes.txt"]
    assert scene.captures.all == ()


async def test_a_worker_that_dies_ends_its_captures(scene: Scene) -> None:
    made = scene.start()
    worker = scene.running.worker
    worker.die()
    await scene.client.get("reset")
    assert made.state == "failed"
