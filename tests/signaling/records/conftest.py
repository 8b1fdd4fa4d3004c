from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from signaling.records.store import Records, Settings
from tests.signaling.samples import START, Calls

Open = Callable[..., Records]


class Clock:
    """Unix time as the made-up calls have it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_records(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens the same folder each time."""
    opened: list[Records] = []

    def start(folder: Path = tmp_path, **settings: Any) -> Records:
        opened.append(Records(folder, Settings(**({"keep_free": 0} | settings)), clock))
        return opened[-1]

    yield start
    for records in opened:
        records.close()


def feed(records: Records, seconds: int, calls: Calls, end: bool = False) -> None:
    """As `samples.fill`, but never faster than the writer."""
    for number in range(seconds + end):
        sample, events = calls.end() if number == seconds else calls.step()
        for event in events:
            records.event(event)
        records.add_sample(sample)
        if number % 30 == 29:
            assert records.flush()
    assert records.flush()
    assert records.dropped == 0
