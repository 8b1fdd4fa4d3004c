"""Captures of participants' packets: started and stopped here, written by the workers.

Theory of operation. Each capture is a pcapng file in one folder, named by its id. A worker that
dies leaves the file as far as it was written, which is readable. The newest `KEPT` are kept, those
of earlier runs of the server among them, and none for longer than `KEEP_SECONDS`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from sfu.control import CaptureState, StartCapture, StopCapture
from signaling.access import tokens
from signaling.conference import events
from signaling.conference.rooms import Rooms
from signaling.meter.capture import MAX_BYTES, MAX_SECONDS, Capture
from signaling.worker_pool import Worker

KEPT: Final = 10
KEEP_SECONDS: Final = 30 * 86_400.0
"""As long as the history keeps calls."""
TIDY_SECONDS: Final = 3600.0
"""Between two searches for files that are too old."""


class CaptureRefusedError(Exception):
    """It cannot be started; the code is `notFound` (no such participant, or nothing of theirs is
    connected), `failed` (the folder cannot be made) or `tooMany` (one of theirs is running)."""

    def __init__(self, code: Literal["notFound", "failed", "tooMany"]) -> None:
        super().__init__(code)
        self.code: Literal["notFound", "failed", "tooMany"] = code


class RunningCapture(Capture, kw_only=True):
    """One capture, with where it is written and by whom."""

    path: Path
    worker: Worker


class Captures:
    """See the module's text."""

    def __init__(self, rooms: Rooms, folder: Path, clock: Callable[[], float]) -> None:
        """`clock` gives Unix time. The folder is made when it is needed."""
        self._rooms, self._folder, self._clock = rooms, folder, clock
        self._all: dict[str, RunningCapture] = {}
        self._tidied = -math.inf
        rooms.events.listen(self._event)

    @property
    def all(self) -> tuple[RunningCapture, ...]:
        """The newest first."""
        return tuple(reversed(self._all.values()))

    def start(
        self, participant: str, *, headers_only: bool, seconds: float, limit_bytes: int
    ) -> RunningCapture:
        """Start one. Raises `CaptureRefusedError`."""
        found = self._rooms.find(participant)
        if found is None:
            raise CaptureRefusedError("notFound")
        room, person = found
        if not isinstance(room.media.worker, Worker):
            raise CaptureRefusedError("notFound")
        transports = tuple(one.transport for one in person.media_connections())
        if not transports:
            raise CaptureRefusedError("notFound")
        if any(one.participant == participant and one.state == "running" for one in self.all):
            raise CaptureRefusedError("tooMany")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            raise CaptureRefusedError("failed") from None
        self._remove_oldest()
        name = tokens.new_id("capture")
        made = RunningCapture(
            id=name,
            participant=participant,
            name=person.name,
            room=room.name,
            started=self._clock(),
            headers_only=headers_only,
            seconds=min(max(1.0, seconds), MAX_SECONDS),
            limit_bytes=min(max(1000, limit_bytes), MAX_BYTES),
            path=self._folder / f"{name}.pcapng",
            worker=room.media.worker,
        )
        self._all[name] = made
        made.worker.send(
            StartCapture(
                capture=name,
                path=str(made.path.absolute()),
                transports=transports,
                headers_only=headers_only,
                max_bytes=made.limit_bytes,
                max_seconds=made.seconds,
            )
        )
        return made

    def _remove_oldest(self) -> None:
        """So that one more is no more than `KEPT`."""
        done = [one for one in self._all.values() if one.state != "running"]
        for old in done[: max(0, len(self._all) - KEPT + 1)]:
            self._remove(old)
        self._tidy(KEPT - 1)

    def _tidy(self, most: int) -> None:
        """Remove what is too old, and files of earlier runs beyond `most` together with ours."""
        now = self._tidied = self._clock()
        for old in [one for one in self._all.values() if now - one.started > KEEP_SECONDS]:
            if old.state != "running":
                self._remove(old)
        ours = {one.path for one in self._all.values()}
        earlier = []
        with contextlib.suppress(OSError):
            for path in self._folder.glob("capture*.pcapng"):
                if path not in ours:
                    earlier.append((path.stat().st_mtime, path))
        for place, (written, path) in enumerate(sorted(earlier, reverse=True)):
            if place >= most - len(ours) or now - written > KEEP_SECONDS:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    def _remove(self, old: RunningCapture) -> None:
        del self._all[old.id]
        with contextlib.suppress(OSError):
            old.path.unlink(missing_ok=True)

    def stop(self, capture: str) -> None:
        """Stop one; nothing happens when it has ended or never was."""
        found = self._all.get(capture)
        if found is not None and found.state == "running":
            found.worker.send(StopCapture(capture))

    def file(self, capture: str) -> Path | None:
        """Of one that is done and has one."""
        found = self._all.get(capture)
        if found is None or found.state == "running" or not found.path.is_file():
            return None
        return found.path

    def _event(self, event: events.Event) -> None:
        if isinstance(event, events.CaptureChanged):
            self._changed(event.state)
        elif isinstance(event, events.WorkerLost):
            self._worker_lost(event.pid)

    def _changed(self, state: CaptureState) -> None:
        found = self._all.get(state.capture)
        if found is None:
            return
        found.packets, found.bytes = state.packets, state.bytes
        if state.ended:
            found.state = "failed" if state.ended == "failed" else "done"

    def _worker_lost(self, pid: int) -> None:
        for found in self._all.values():
            if found.worker.process.pid == pid and found.state == "running":
                found.state = "failed"

    def sweep(self) -> None:
        """Stop what has run for its time: without packets the worker does not notice."""
        now = self._clock()
        if now - self._tidied >= TIDY_SECONDS:
            self._tidy(KEPT)
        for found in self._all.values():
            if found.state == "running" and not 0 <= now - found.started <= found.seconds:
                self.stop(found.id)
