from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from signaling.machine.private_files import UMASK, keep_private


@pytest.fixture(autouse=True)
def lax() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fill(folder: Path) -> list[Path]:
    (folder / "captures").mkdir(parents=True)
    names = (
        "history.db",
        "history.db-wal",
        "history.db.broken-1",
        "admin-token",
        "captures/a.pcapng",
    )
    files = [folder / name for name in names]
    for file in files:
        file.write_bytes(b"x")
    return files


def test_a_new_folder_is_its_owners_only(tmp_path: Path) -> None:
    keep_private(tmp_path / "a" / "data")
    assert mode(tmp_path / "a" / "data") == 0o700


def test_what_an_earlier_start_left_open_is_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    files = fill(data)
    assert mode(files[0]) == 0o644
    keep_private(data)
    assert {mode(file) for file in files} == {0o600}
    assert mode(data) == mode(data / "captures") == 0o700


def test_a_folder_with_other_things_stays_open_and_they_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "home"
    files = fill(data)
    other = data / "letters.txt"
    other.write_text("x")
    with caplog.at_level(logging.WARNING):
        keep_private(data)
    assert (mode(data), mode(other)) == (0o755, 0o644)
    assert {mode(file) for file in files} == {0o600}
    assert "holds other things too" in caplog.text


def test_links_are_not_followed(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data.mkdir()
    elsewhere.write_text("x")
    (data / "history.db").symlink_to(elsewhere)
    keep_private(data)
    assert mode(elsewhere) == 0o644


def test_what_cannot_be_changed_is_no_reason_not_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = fill(tmp_path / "data")

    def refuse(path: Path, wanted: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)
    keep_private(tmp_path / "data")
    assert mode(files[0]) == 0o644
    assert "cannot be changed" in caplog.text


def test_the_mask_leaves_nothing_to_others() -> None:
    assert UMASK == 0o077
