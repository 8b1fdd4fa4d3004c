"""A disk that is slow, full or not there keeps nobody waiting."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from sfu.process.capture_file import CHUNK, MAX_WAITING, CaptureFile

DEADLINE = 30.0


def test_all_that_was_taken_is_written_in_order(tmp_path: Path) -> None:
    path = tmp_path / "one"
    file = CaptureFile(str(path))
    blocks = [number.to_bytes(4, "big") * 500 for number in range(200)]
    for block in blocks:
        file.write(block)
    file.finish()
    file.wait(DEADLINE)
    assert (file.is_done, file.error) == (True, "")
    assert path.read_bytes() == b"".join(blocks)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_slow_disk_does_not_take_is_refused_and_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A pipe that nobody reads is the slowest disk there is.
    reading, writing = os.pipe()
    monkeypatch.setattr("sfu.process.capture_file.os.open", lambda *_: writing)
    file = CaptureFile("")
    taken = 0
    with suppress(BufferError):
        while taken < 10 * MAX_WAITING:
            file.write(bytes(1000))
            taken += 1000
    assert MAX_WAITING - 1000 <= taken <= MAX_WAITING + 2 * CHUNK
    file.finish()
    assert not file.is_done
    came = 0
    while came < taken:
        came += len(os.read(reading, 1 << 20))
    file.wait(DEADLINE)
    os.close(reading)
    assert (file.is_done, file.error) == (True, "")
    assert came == taken


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/dev/full", "/dev/null"])
def test_a_file_that_cannot_be_made_says_why(path: str) -> None:
    file = CaptureFile(path)
    file.write(b"something")
    file.finish()
    file.wait(DEADLINE)
    assert file.is_done
    assert file.error
