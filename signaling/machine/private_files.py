"""What the server keeps is for its own user only, whatever it was when it was made.

Keys, the admin's token, the history and captures stand in one folder. A folder that holds other
things too (somebody gave his home, or /srv) is not ours to close; the files in it that are ours
are closed all the same.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

UMASK = 0o077
"""For the whole process and its workers: nothing that they make is for others."""
_FOLDER, _FILE = 0o700, 0o600
_OURS = ("certificate.pem", "certificate-key.pem", "admin-token", "history.db", "captures")
"""In `data_dir`; with endings of their own for what SQLite keeps beside, or is set aside."""


def keep_private(folder: Path) -> None:
    """Make `data_dir`, or mend the permissions of an earlier one. Raises `OSError`.

    Permissions that cannot be changed (of another user's files, or on a disk that has none) are
    logged, and are no reason not to start.
    """
    folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    entries = list(folder.iterdir())
    if all(_is_ours(entry) for entry in entries):
        _close(folder, _FOLDER)
    else:
        log.warning("%s holds other things too: only the server's own files are closed", folder)
    for entry in entries:
        if _is_ours(entry):
            for path, mode in _parts(entry):
                _close(path, mode)


def _is_ours(entry: Path) -> bool:
    return entry.name.startswith(_OURS)


def _parts(entry: Path) -> Iterator[tuple[Path, int]]:
    if entry.is_symlink():
        return
    if not entry.is_dir():
        yield entry, _FILE
        return
    yield entry, _FOLDER
    for path in entry.iterdir():
        if path.is_file() and not path.is_symlink():
            yield path, _FILE


def _close(path: Path, mode: int) -> None:
    try:
        if stat.S_IMODE(path.stat().st_mode) & UMASK:
            os.chmod(path, mode)
            log.info("%s is for the server's own user only now", path)
    except OSError as error:
        log.warning("%s can be read by others, and that cannot be changed: %s", path, error)
