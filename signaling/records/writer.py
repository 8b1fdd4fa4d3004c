"""The thread that writes the history: one transaction each five seconds, whatever the disk does.

Theory of operation. The event loop puts samples, events and votes into a bounded queue and never
waits. This thread turns them into rows (`Intake`) and, each time a block of seconds is full, writes
all that changed in one synced transaction; once a minute it also rolls up and deletes. When that
fails, everything stays marked as it was: `state` has the reason, and each later turn tries again.
A file that turns out to be damaged is set aside, and a new one begun.
"""

from __future__ import annotations

import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from signaling.meter.samples import Event, Sample
from signaling.records import points, rollup, schema
from signaling.records.experience import badness
from signaling.records.intake import BLOCK, Intake, OpenCall, changed_series

log = logging.getLogger(__name__)

State = Literal["ok", "off", "diskFull", "cannotWrite", "newerVersion"]
"""`newerVersion`: a newer release wrote the file, which is left alone; `off`: closed."""

_JUMP = 3600.0
"""Seconds between two readings of the clock that only a clock which was set explains."""


@dataclass(frozen=True)
class VoteCast:
    """One person's vote after a call: 5 excellent to 1 bad."""

    call: str
    participant: str
    at: float
    audio: int | None
    video: int | None


class Barrier:
    """Asks for all that came before it to be written."""

    def __init__(self) -> None:
        self.done = threading.Event()


@dataclass(frozen=True)
class Stop:
    """The last item."""


Item = Sample | Event | VoteCast | Barrier | Stop


class Writer(threading.Thread):
    """Owns the file. `items` is filled by others."""

    def __init__(
        self,
        file: Path,
        keep: rollup.Keep,
        keep_free: int,
        outbound_tracks: bool,
        items: queue.Queue[Item],
    ) -> None:
        """`keep_free`: bytes of the disk that are left to others."""
        super().__init__(name="history", daemon=True)
        self._file, self._keep, self._keep_free = file, keep, keep_free
        self._outbound_tracks, self._items = outbound_tracks, items
        self.state: State = "ok"
        self.samples = 0
        """That were taken from `items`."""
        self._connection: sqlite3.Connection | None = None
        self._intake = Intake(1, outbound_tracks)
        self._votes: list[VoteCast] = []
        self._next_block = 1
        self._at = 0.0
        self._minute: int | None = None
        self._tidied_at: float | None = None
        self._opened_before = False

    def run(self) -> None:
        """Until `Stop`."""
        self._attempt(self._open)
        last = time.monotonic()
        while True:
            try:
                item = self._items.get(timeout=BLOCK)
            except queue.Empty:
                item = None
            if isinstance(item, Stop):
                break
            due = item is not None and self._take(item)
            if not due and time.monotonic() > last + 2 * BLOCK:
                # No samples come, or their clock stands still.
                self._intake.cut()
                due = True
            if due:
                last = time.monotonic()
                self._turn(self._at)
            if isinstance(item, Barrier):
                item.done.set()
        self._close()

    def _take(self, item: Item) -> bool:
        """True when it is time to write."""
        if isinstance(item, Sample):
            full = self._intake.add_sample(item)
            self._at = item.at
            self.samples += 1
            return full
        if isinstance(item, Event):
            self._intake.event(item)
        elif isinstance(item, VoteCast):
            self._votes = [*self._votes[-999:], item]
        elif isinstance(item, Barrier):
            self._intake.cut()
            return True
        return False

    # Opening and closing.

    def _open(self) -> None:
        """Raises sqlite3.Error, OSError or NewerVersionError."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = schema.connect(self._file, self._keep.max_bytes)
        except sqlite3.Error as error:
            if not schema.broken(error):
                raise
            self._set_aside(error)
            connection = schema.connect(self._file, self._keep.max_bytes)
        self._connection = connection
        last = connection.execute("SELECT max(id) FROM blocks").fetchone()[0] or 0
        rolled = connection.execute("SELECT value FROM meta WHERE key = 'rolled'").fetchone()[0]
        self._next_block = max(last, rolled) + 1
        if not self._opened_before:
            self._opened_before = True
            _end_interrupted(connection)
            number = connection.execute("SELECT max(number) FROM calls").fetchone()[0] or 0
            self._renumber(number + 1)

    def _renumber(self, first: int) -> None:
        """Calls that began before the file could be opened come after those in it."""
        waiting = self._intake.calls
        self._intake = Intake(first + len(waiting), self._outbound_tracks)
        for number, call in enumerate(waiting.values(), first):
            call.number = number
            self._intake.calls[call.call] = call

    def _set_aside(self, error: sqlite3.Error) -> None:
        target = schema.set_aside(self._file, time.time())
        log.error(
            "the history in %s is damaged (%s): set aside as %s, a new one is begun",
            self._file,
            error,
            target.name,
        )

    def _close(self) -> None:
        self._intake.cut()
        self._turn(self._at)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.state = "off"

    # Writing.

    def _turn(self, now: float) -> None:
        """Write what has changed; on failure keep it for the next turn."""
        if self.state == "newerVersion":
            self._intake.written()
            return
        if self._connection is None:
            self._attempt(self._open)
        if self._connection is not None:
            self._attempt(lambda: self._write(now))
        self._intake.limit()

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except schema.NewerVersionError as error:
            self._say("newerVersion", str(error))
        except sqlite3.Error as error:
            self._failed(error)
        except OSError as error:
            self._say("cannotWrite", str(error))
        except Exception:
            # The history may be lost; the thread must go on, and log it.
            log.exception("a fault in the history")
            self._say("cannotWrite", "a fault of its own")

    def _failed(self, error: sqlite3.Error) -> None:
        if schema.broken(error) and self._connection is not None:
            self._connection.close()
            self._connection = None
            self._set_aside(error)
            self._begin_anew()
            return
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_IOERR and self._connection is not None:
            # What it knows of the file may not be true any more.
            self._connection.close()
            self._connection = None
        full = code == sqlite3.SQLITE_FULL or not self._has_room()
        self._say("diskFull" if full else "cannotWrite", str(error))

    def _begin_anew(self) -> None:
        """All that is known of the calls that are on goes into the next file."""
        for call in self._intake.calls.values():
            call.changed = True
            for person in call.people.values():
                person.changed = True
            for series in call.series.values():
                series.changed = True
            for spell in call.spells.all:
                spell.changed = True

    def _say(self, state: State, why: str = "") -> None:
        if state == self.state:
            return
        if state == "ok":
            log.info("the history is written again")
        else:
            log.warning("the history is not written (%s): %s", state, why)
        self.state = state

    def _has_room(self) -> bool:
        try:
            room = os.statvfs(self._file.parent)
        except OSError:
            return True
        return room.f_bavail * room.f_frsize >= self._keep_free

    def _write(self, now: float) -> None:
        if not self._has_room():
            self._say("diskFull", f"less than {self._keep_free // 2**20} MiB are free")
            return
        connection = self._connection
        assert connection is not None
        next_block = self._next_block
        connection.execute("BEGIN IMMEDIATE")
        try:
            rollup.forget_most(connection, self._keep)
            for call in self._intake.calls.values():
                next_block = _write_call(connection, call, next_block)
            for vote in self._votes:
                _write_vote(connection, vote)
            next_block = self._tidy(connection, now, next_block)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._next_block = next_block
        self._minute = int(now) // 60
        self._votes = []
        self._intake.written()
        self._say("ok")

    def _tidy(self, connection: sqlite3.Connection, now: float, next_block: int) -> int:
        """Once a minute."""
        if int(now) // 60 == self._minute:
            return next_block
        next_block = rollup.roll_up(connection, next_block)
        # A clock that was set wrong for a moment must not make everything look old.
        settled = self._tidied_at is not None and abs(now - self._tidied_at) < _JUMP
        if settled:
            rollup.forget_old(connection, now, self._keep)
        self._tidied_at = now
        return next_block


def _end_interrupted(connection: sqlite3.Connection) -> None:
    """Calls that were on when the process ended: they end with their last sample."""
    for number, started in connection.execute(
        "SELECT number, started FROM calls WHERE ended IS NULL"
    ).fetchall():
        block = connection.execute(
            "SELECT data FROM blocks WHERE call = ? AND step = 1 ORDER BY id DESC LIMIT 1",
            (number,),
        ).fetchone()
        ended = started
        if block is not None:
            ended = max(started, 1.0 + max(row[1] for row in points.decode(block[0])))
        connection.execute("UPDATE calls SET ended = ? WHERE number = ?", (ended, number))
        connection.execute(
            "UPDATE people SET left = max(joined, ?) WHERE call = ? AND left IS NULL",
            (ended, number),
        )


def _write_call(connection: sqlite3.Connection, call: OpenCall, next_block: int) -> int:
    if call.changed:
        connection.execute(
            "INSERT INTO calls (number, call, room, started, ended, events_left_out, spells_kept)"
            " VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT (number) DO UPDATE SET"
            " started = excluded.started, ended = excluded.ended,"
            " events_left_out = excluded.events_left_out",
            (call.number, call.call, call.room, call.started, call.ended, call.events_left_out),
        )
    for person in call.people.values():
        if person.changed:
            connection.execute(
                "INSERT INTO people VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET left = excluded.left",
                (call.number, person.participant, person.name, person.joined, person.left),
            )
    for series in changed_series(call):
        connection.execute(
            "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE"
            " SET publisher = excluded.publisher, source = excluded.source,"
            " codec = excluded.codec, mos_model = excluded.mos_model",
            (
                call.number,
                series.number,
                series.key[1],
                series.key[0],
                series.key[2],
                series.publisher,
                series.key[3],
                series.source,
                series.codec,
                series.mos_model,
            ),
        )
    _write_spells(connection, call)
    for at, data in call.blocks:
        connection.execute(
            "INSERT INTO blocks VALUES (?, ?, 1, ?, ?)", (next_block, call.number, at, data)
        )
        next_block += 1
    connection.executemany(
        "INSERT INTO events (call, at, kind, participant, name, detail) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (call.number, event.at, event.kind, event.participant, event.name, event.detail)
            for event in call.events
        ],
    )
    return next_block


def _write_spells(connection: sqlite3.Connection, call: OpenCall) -> None:
    for spell in call.spells.all:
        if not spell.changed:
            continue
        why = spell.why
        connection.execute(
            "INSERT INTO spells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET ended = excluded.ended, seconds = excluded.seconds, share = excluded.share,"
            " side = excluded.side, cause = excluded.cause, other = excluded.other,"
            " badness = excluded.badness",
            (
                call.number,
                spell.number,
                spell.participant,
                spell.kind,
                spell.began,
                spell.ended,
                spell.seconds,
                spell.share,
                why.side,
                why.cause,
                why.other,
                badness(spell.kind, why.cause, spell.seconds),
            ),
        )


def _write_vote(connection: sqlite3.Connection, vote: VoteCast) -> None:
    """A later vote of the same person replaces the one before; of strangers there are none."""
    connection.execute(
        "INSERT INTO votes SELECT people.call, people.participant, ?, ?, ? FROM people"
        " JOIN calls ON calls.number = people.call WHERE calls.call = ? AND people.participant = ?"
        " ON CONFLICT DO UPDATE SET at = excluded.at, audio = excluded.audio,"
        " video = excluded.video",
        (vote.at, vote.audio, vote.video, vote.call, vote.participant),
    )
