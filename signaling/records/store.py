"""The history store: takes one sample a second, keeps it small, and answers questions about it.

`add_sample`, `event` and `vote` are for the event loop: they never wait and never raise. What asks
(`calls`, `series`, `report`, `opinions`) reads the file and may take a while: call it in a thread.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from signaling.meter.samples import Event, Sample
from signaling.records import charts, findings, opinions, queries, rollup, schema
from signaling.records.report import CallList, Chart, FindingList, Opinions, Report, Word
from signaling.records.writer import Barrier, Item, State, Stop, VoteCast, Writer

log = logging.getLogger(__name__)

SCORES: dict[Word, int] = {"excellent": 5, "good": 4, "fair": 3, "poor": 2, "bad": 1}
"""ITU-T P.800 Annex B."""
EVERY_FINDING = findings.FindingsWanted()
_WAITING_SAMPLES, _WAITING = 60, 5_000
"""Of samples, and of everything: what waits for the writer when a newcomer is left out."""

_Answer = TypeVar("_Answer")


class NoHistoryError(Exception):
    """There is nothing to read from at the moment."""


@dataclass(frozen=True)
class Settings:
    """How much is kept, and for how long."""

    max_bytes: int = 200 * 1024 * 1024
    """Size of the file; the oldest goes first. The log beside it takes some 4 MiB more."""
    keep_free: int = 64 * 1024 * 1024
    """Bytes of the disk that are left to others: below them nothing is written."""
    keep_seconds: int = 3600
    """Seconds for which points of 1 s are kept."""
    keep_tens: int = 86_400
    """Seconds for which points of 10 s are kept."""
    keep_minutes: int = 30 * 86_400
    """Seconds for which points of 1 min, calls, events and votes are kept."""
    outbound_tracks: bool = False
    """Also keep each track that each participant was sent, besides their sums by medium. Ten rooms
    of ten then write many times as much."""

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be."""
        if self.max_bytes < 1024 * 1024:
            raise ValueError("max_bytes must be 1 MiB or more")
        if self.keep_free < 0:
            raise ValueError("keep_free must not be negative")
        if not 120 <= self.keep_seconds <= self.keep_tens <= self.keep_minutes:
            raise ValueError("keep_seconds, keep_tens and keep_minutes must grow, from 120 s on")


class Records:
    """The history in one folder. Call `close` at the end."""

    def __init__(
        self,
        folder: Path,
        settings: Settings = Settings(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock`: Unix time, for votes and for when a report was made.

        The file is opened by the writer's own thread: a disk that is full, slow or gone shows in
        `state` and delays nobody.
        """
        self._file = folder / schema.FILE
        self._clock = clock
        self._items: queue.Queue[Item] = queue.Queue()
        keep = rollup.Keep(
            settings.keep_seconds, settings.keep_tens, settings.keep_minutes, settings.max_bytes
        )
        self._writer = Writer(
            self._file, keep, settings.keep_free, settings.outbound_tracks, self._items
        )
        self._samples = 0
        self.dropped = 0
        """Samples, events and votes that found the queue full."""
        self._writer.start()

    @property
    def state(self) -> State:
        """`ok`, or why nothing is being written: for `ServerSample.history`."""
        return self._writer.state

    @property
    def waiting(self) -> int:
        """Samples that the writer has not looked at yet."""
        return self._samples - self._writer.samples

    # For the event loop.

    def add_sample(self, sample: Sample) -> None:
        """One second of everything."""
        if self.waiting >= _WAITING_SAMPLES:
            self._drop()
            return
        self._samples += 1
        self._items.put(sample)

    def event(self, event: Event) -> None:
        """Something that happened in a call. Give it before the sample of its second."""
        self._put(event)

    def vote(
        self, call: str, participant: str, audio: Word | None = None, video: Word | None = None
    ) -> None:
        """A participant's vote after the call; a later one replaces it.

        Whoever was not in the call has no vote; that is found out when it is written.
        """
        scores = [None if word is None else SCORES[word] for word in (audio, video)]
        self._put(VoteCast(call, participant, self._clock(), *scores))

    def _put(self, item: Item) -> None:
        if self._items.qsize() >= _WAITING:
            self._drop()
            return
        self._items.put(item)

    def _drop(self) -> None:
        if not self.dropped:
            log.warning("the history does not keep up: something is left out")
        self.dropped += 1

    # For others; these may wait.

    def flush(self, timeout: float = 30.0) -> bool:
        """Write all that was taken so far; False when that took longer."""
        barrier = Barrier()
        self._items.put(barrier)
        return barrier.done.wait(timeout)

    def close(self, timeout: float = 30.0) -> None:
        """Write what is left and let go of the file. May be called again."""
        if not self._writer.is_alive():
            return
        self._items.put(Stop())
        self._writer.join(timeout)
        if self._writer.is_alive():
            log.warning("the history is stuck: its last seconds are lost")

    def calls(self, wanted: queries.CallsWanted = queries.EVERY_CALL) -> CallList:
        """A page of the list of calls. Raises `NoHistoryError`."""
        now = self._clock()
        return self._read(lambda connection: queries.calls(connection, wanted, now))

    def findings(self, wanted: findings.FindingsWanted = EVERY_FINDING) -> FindingList:
        """What people experienced, the worst first. Raises `NoHistoryError`."""
        now = self._clock()
        return self._read(lambda connection: findings.findings(connection, wanted, now))

    def series(self, call: str, wanted: charts.SeriesWanted = charts.WHOLE_CALL) -> Chart | None:
        """Points for a chart; None for a call that is not known. Raises `NoHistoryError`."""
        return self._read(lambda connection: charts.chart(connection, call, wanted))

    def report(self, call: str) -> Report | None:
        """Everything about one call; None when it is not known. Raises `NoHistoryError`."""
        made = self._clock()
        return self._read(lambda connection: queries.report(connection, call, made))

    def opinions(self, since: float = 0.0, until: float | None = None) -> Opinions:
        """Votes against the model, and sessions by likeness. Raises `NoHistoryError`."""
        end = self._clock() if until is None else until
        return self._read(lambda connection: opinions.opinions(connection, since, end))

    def _read(self, question: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        try:
            with closing(schema.connect_to_read(self._file)) as connection:
                # One state of the file for the whole answer.
                connection.execute("BEGIN")
                return question(connection)
        except (sqlite3.Error, ValueError) as error:
            log.warning("the history cannot be read: %s", error)
            raise NoHistoryError(str(error)) from None
