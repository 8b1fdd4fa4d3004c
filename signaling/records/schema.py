"""The tables of the history, and opening the file that holds them, whatever state it is in."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "history.db"
SET_ASIDE_KEPT = 2
"""Broken files that are kept for analysis."""
_PAGE = 4096

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE calls (
    number INTEGER PRIMARY KEY,
    call TEXT NOT NULL,
    room TEXT NOT NULL,
    started REAL NOT NULL,
    ended REAL,
    events_left_out INTEGER NOT NULL DEFAULT 0,
    total BLOB,
    mos REAL
);
CREATE INDEX calls_by_start ON calls (started);
CREATE INDEX calls_by_call ON calls (call);
CREATE TABLE people (
    call INTEGER NOT NULL,
    participant TEXT NOT NULL,
    name TEXT NOT NULL,
    joined REAL NOT NULL,
    left REAL,
    PRIMARY KEY (call, participant)
) WITHOUT ROWID;
CREATE TABLE series (
    call INTEGER NOT NULL,
    number INTEGER NOT NULL,
    participant TEXT NOT NULL,
    direction TEXT NOT NULL,
    track TEXT NOT NULL,
    publisher TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    codec TEXT NOT NULL,
    mos_model TEXT NOT NULL,
    total BLOB,
    PRIMARY KEY (call, number)
) WITHOUT ROWID;
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL,
    step INTEGER NOT NULL,
    at INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX blocks_by_call ON blocks (call, step, at);
CREATE INDEX blocks_by_age ON blocks (step, at);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    call INTEGER NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    participant TEXT NOT NULL,
    name TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX events_by_call ON events (call, at);
CREATE TABLE votes (
    call INTEGER NOT NULL,
    participant TEXT NOT NULL,
    at REAL NOT NULL,
    audio INTEGER CHECK (audio BETWEEN 1 AND 5),
    video INTEGER CHECK (video BETWEEN 1 AND 5),
    PRIMARY KEY (call, participant)
) WITHOUT ROWID;
INSERT INTO meta VALUES ('rolled', 0);
"""
"""`blocks.step`: 1, 10 or 60 seconds a point. `series.total` and `calls.total`: one row, a block,
of all that was rolled up so far; `meta.rolled` is the last block of seconds that is in them."""

_SPELLS = """
ALTER TABLE calls ADD COLUMN spells_kept INTEGER NOT NULL DEFAULT 0;
CREATE TABLE spells (
    call INTEGER NOT NULL,
    number INTEGER NOT NULL,
    participant TEXT NOT NULL,
    kind TEXT NOT NULL,
    began REAL NOT NULL,
    ended REAL NOT NULL,
    seconds REAL NOT NULL,
    share REAL NOT NULL,
    side TEXT NOT NULL,
    cause TEXT NOT NULL,
    other TEXT NOT NULL,
    badness REAL NOT NULL,
    PRIMARY KEY (call, number)
) WITHOUT ROWID;
"""
"""Stretches of trouble, see `signaling.records.spells`; `calls.spells_kept` is 0 where an earlier
release wrote the call."""

MIGRATIONS = (_FIRST, _SPELLS)
"""Each takes the file from the version that is its index to the next, in one transaction."""
VERSION = len(MIGRATIONS)


class NewerVersionError(Exception):
    """A newer release wrote this file; it is left alone."""


def connect(file: Path, max_bytes: int) -> sqlite3.Connection:
    """Open for writing, making or migrating what is there.

    Every commit is synced (`FULL`), so that a power cut takes only what was not committed.
    Raises sqlite3.Error, or `NewerVersionError`.
    """
    unclean = _size(wal_of(file)) > 0
    connection = sqlite3.connect(file, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size={_PAGE}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA journal_size_limit={4 * 1024 * 1024}")
        if unclean:
            _check(connection)
        _migrate(connection)
        # Never below what is there: SQLite takes the larger of both.
        connection.execute(f"PRAGMA max_page_count={max(64, max_bytes // _PAGE)}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(file: Path) -> sqlite3.Connection:
    """Open for queries. Raises sqlite3.Error, also when there is no file yet."""
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5, check_same_thread=False
    )
    connection.create_function("folded", 1, lambda text: str(text).casefold(), deterministic=True)
    return connection


def used_bytes(connection: sqlite3.Connection) -> int:
    """Of the file, without the pages that are free to be used again."""
    pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    return (pages - free) * _PAGE


def broken(error: sqlite3.Error) -> bool:
    """Whether it means that the file itself is damaged."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def set_aside(file: Path, now: float) -> Path:
    """Rename a broken file, and delete earlier ones beyond the last few."""
    target = file.with_name(f"{file.name}.broken-{int(now)}")
    while target.exists():
        now += 1
        target = file.with_name(f"{file.name}.broken-{int(now)}")
    file.rename(target)
    for leftover in (wal_of(file), file.with_name(file.name + "-shm")):
        leftover.unlink(missing_ok=True)
    earlier = sorted(file.parent.glob(f"{file.name}.broken-*"), key=lambda path: path.name)
    for path in earlier[:-SET_ASIDE_KEPT]:
        with contextlib.suppress(OSError):
            path.unlink()
    return target


def wal_of(file: Path) -> Path:
    """The write-ahead log beside the file."""
    return file.with_name(file.name + "-wal")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _check(connection: sqlite3.Connection) -> None:
    """After the process was killed or the power failed."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        error = sqlite3.DatabaseError(f"damaged: {found}")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _migrate(connection: sqlite3.Connection) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise NewerVersionError(f"version {version}, and this release knows {VERSION}")
    for number in range(version, VERSION):
        connection.executescript(
            f"BEGIN IMMEDIATE;{MIGRATIONS[number]};PRAGMA user_version={number + 1};COMMIT;"
        )
        if number:
            log.info("history moved from version %d to %d", number, number + 1)
