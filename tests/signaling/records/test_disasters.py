"""The process is killed, the power fails, the disk is full, the file is broken."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from signaling.records import points, queries, schema
from signaling.records.store import Records, Settings
from tests.signaling.records.conftest import Open, feed
from tests.signaling.samples import START, Calls

FORK = multiprocessing.get_context("fork")
KILLS = 50
MOST_LOST = 10
"""Seconds."""


def given(records: Records, calls: Calls) -> int:
    """One second, and the writer has looked at it; returns its Unix time."""
    sample, events = calls.step()
    for event in events:
        records.event(event)
    records.add_sample(sample)
    while records.waiting:
        time.sleep(0.0002)
    return int(sample.at)


def write_until_killed(folder: Path, run: int, pipe: Connection) -> None:
    records = Records(folder, Settings(keep_free=0))
    calls = Calls(rooms=2, people=2, seed=run, start=START + 1000 * run)
    while True:
        pipe.send(given(records, calls))


def last_second(connection: sqlite3.Connection, call: str) -> int:
    blocks = connection.execute(
        "SELECT data FROM blocks JOIN calls ON calls.number = blocks.call"
        " WHERE calls.call = ? AND step = 1",
        (call,),
    )
    return max((row[1] for (data,) in blocks for row in points.decode(data)), default=0)


def kill_a_writer(folder: Path, run: int, seconds: int) -> int:
    """Let it write for so many of its own seconds; returns the last one that it was given."""
    here, there = FORK.Pipe(duplex=False)
    process = FORK.Process(target=write_until_killed, args=(folder, run, there))
    process.start()
    there.close()
    last = 0
    for _ in range(seconds):
        last = here.recv()
    process.kill()
    process.join()
    try:
        while True:
            last = here.recv()
    except EOFError:
        return last


@pytest.mark.timeout(600)
def test_fifty_kills_lose_ten_seconds_at_most(tmp_path: Path, open_records: Open) -> None:
    source = random.Random(4)
    for run in range(1, KILLS + 1):
        last = kill_a_writer(tmp_path, run, source.randrange(1, 140))
        with closing(sqlite3.connect(tmp_path / schema.FILE)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            found = last_second(connection, f"call{run:03d}x001")
        assert last - max(found, START + 1000 * run - 1) <= MOST_LOST
    records = open_records()
    assert records.flush()
    listed = records.calls(queries.CallsWanted(limit=200))
    assert listed.total > KILLS
    assert all(row.ended is not None and row.ended >= row.started for row in listed.calls)
    assert not list(tmp_path.glob("*.broken-*"))


def test_a_torn_log_is_no_broken_history(tmp_path: Path) -> None:
    """As when the power fails: of the end of the log any part may be missing, or be anything."""
    live = tmp_path / "live"
    kill_a_writer(live, 1, 61)
    log = schema.wal_of(live / schema.FILE).read_bytes()
    source = random.Random(5)
    before = 0
    for number, cut in enumerate(sorted(source.randrange(len(log)) for _ in range(25))):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(live / schema.FILE, folder)
        torn = log[:cut] + source.randbytes(source.choice((0, 0, 1, 5000)))
        schema.wal_of(folder / schema.FILE).write_bytes(torn)
        records = Records(folder, Settings(keep_free=0))
        assert records.flush()
        records.close()
        assert not list(folder.glob("*.broken-*"))
        with closing(sqlite3.connect(folder / schema.FILE)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            found = last_second(connection, "call001x001")
        assert found >= before
        before = found
    assert before > START


def in_a_child(work: Callable[..., None], *values: Any) -> None:
    """For what must not be done to the test's own process."""
    process = FORK.Process(target=work, args=values)
    process.start()
    process.join()
    assert process.exitcode == 0


def state_of(records: Records) -> str:
    """Its state, which may be another one each time."""
    return records.state


def fill_up(folder: Path, stop: Callable[[], None], go: Callable[[], None]) -> None:
    """Write, be stopped, live on, be let go, write again."""
    records = Records(folder, Settings(keep_free=0))
    calls = Calls(rooms=2, people=3)
    feed(records, 20, calls)
    assert state_of(records) == "ok"
    stop()
    for _ in range(600):
        given(records, calls)
        if state_of(records) != "ok":
            break
    assert state_of(records) in ("diskFull", "cannotWrite")
    # The live view goes on, and what was written can still be read.
    for _ in range(300):
        given(records, calls)
    assert records.dropped == 0
    assert state_of(records) in ("diskFull", "cannotWrite")
    assert records.calls().total == 2
    go()
    feed(records, 20, calls, end=True)
    assert state_of(records) == "ok"
    report = records.report("call001x000")
    assert report is not None
    assert report.ended is not None
    assert len(report.people) == 3
    assert report.events[-1].kind == "callEnded"
    with closing(sqlite3.connect(folder / schema.FILE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    records.close()


def under_a_limit(folder: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    # Enough for readers (32 KiB of shared memory), too little for the file and for its log.
    fill_up(folder, lambda: limit(40_000), lambda: limit(hard))


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    in_a_child(under_a_limit, tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid():
        pytest.skip("needs root to mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    ballast = small_disk / "ballast"

    def stop() -> None:
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    fill_up(small_disk, stop, ballast.unlink)


def test_a_disk_that_is_full_from_the_start(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(8 * 1024 * 1024 - 8192))
    records = Records(small_disk, Settings(keep_free=0))
    calls = Calls(rooms=1, people=2)
    for _ in range(30):
        given(records, calls)
    assert records.flush()
    assert state_of(records) in ("diskFull", "cannotWrite")
    ballast.unlink()
    feed(records, 30, calls)
    assert state_of(records) == "ok"
    report = records.report("call001x000")
    assert report is not None
    assert report.people[0].up.seconds == 60
    records.close()


def test_room_is_left_to_others(
    open_records: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = open_records(keep_free=2**62)
    assert records.flush()
    assert records.state == "diskFull"
    assert "not written (diskFull)" in caplog.text


def make_history(folder: Path) -> Path:
    records = Records(folder, Settings(keep_free=0))
    feed(records, 70, Calls(rooms=2, people=4), end=True)
    records.close()
    return folder / schema.FILE


def garbage(file: Path) -> None:
    file.write_bytes(b"this is no history at all" * 1000)


def cut_short(file: Path) -> None:
    make_history(file.parent)
    file.write_bytes(file.read_bytes()[:30_000])
    # A log beside it shows that the end was not a clean one.
    schema.wal_of(file).write_bytes(b"x")


def overwritten(file: Path) -> None:
    make_history(file.parent)
    data = bytearray(file.read_bytes())
    data[4096:12_288] = random.Random(1).randbytes(8192)
    file.write_bytes(data)


@pytest.mark.parametrize("damage", [garbage, cut_short, overwritten])
def test_a_broken_file_is_set_aside(
    damage: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damage(tmp_path / schema.FILE)
    records = Records(tmp_path, Settings(keep_free=0))
    feed(records, 30, Calls(rooms=1, people=2, seed=9), end=True)
    assert records.state == "ok"
    assert [row.call for row in records.calls().calls] == ["call009x000"]
    records.close()
    (aside,) = tmp_path.glob("*.broken-*")
    assert f"set aside as {aside.name}, a new one is begun" in caplog.text


def test_few_broken_files_are_kept(tmp_path: Path) -> None:
    for now in range(5):
        (tmp_path / schema.FILE).write_text(str(now))
        schema.set_aside(tmp_path / schema.FILE, now=1e9 + now)
    kept = sorted(tmp_path.glob("*.broken-*"))
    assert [file.read_text() for file in kept] == ["3", "4"]


def test_a_newer_release_s_file_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = make_history(tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = file.read_bytes()
    records = Records(tmp_path, Settings(keep_free=0))
    feed(records, 30, Calls(rooms=1, people=2, seed=9), end=True)
    assert records.state == "newerVersion"
    records.close()
    assert file.read_bytes() == before
    assert "newerVersion" in caplog.text


def test_a_file_of_an_older_release_is_moved_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_history(tmp_path)
    more = (*schema.MIGRATIONS, "ALTER TABLE calls ADD COLUMN note TEXT")
    monkeypatch.setattr(schema, "MIGRATIONS", more)
    monkeypatch.setattr(schema, "VERSION", len(more))
    records = Records(tmp_path, Settings(keep_free=0))
    feed(records, 10, Calls(rooms=1, people=2, seed=9, start=START + 100))
    assert records.state == "ok"
    assert records.calls().total == 3
    records.close()
    with closing(sqlite3.connect(tmp_path / schema.FILE)) as connection:
        assert connection.execute("SELECT count(note) FROM calls").fetchone()[0] == 0
