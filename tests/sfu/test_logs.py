from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from sfu import logs
from sfu.logs import JsonFormatter, TextFormatter, Throttle
from tests.sfu.peers import Browser, WorkerProcess, open_room


def record(message: str, *values: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("sfu.rooms", logging.WARNING, "rooms.py", 1, message, values, None)
    made.__dict__.update(fields)
    return made


def fail() -> logging.LogRecord:
    made = record("it failed", room="r")
    try:
        raise ValueError("for a reason")
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_an_object_a_line_has_what_the_text_has() -> None:
    line = JsonFormatter().format(record("%s is\nmuted", "Bó", room="r 1", participant="p"))
    assert "\n" not in line
    entry = json.loads(line)
    assert entry.pop("time") > 1e9
    assert entry == {
        "level": "warning",
        "logger": "sfu.rooms",
        "pid": os.getpid(),
        "message": "Bó is\nmuted",
        "room": "r 1",
        "participant": "p",
    }


def test_a_traceback_stays_on_its_line() -> None:
    line = JsonFormatter().format(fail())
    assert "\n" not in line
    assert "ValueError: for a reason" in json.loads(line)["traceback"]


def test_text_names_room_and_participant_before_a_traceback() -> None:
    text = TextFormatter("%(name)s: %(message)s")
    assert text.format(record("closed")) == "sfu.rooms: closed"
    assert text.format(record("closed", room="r", participant="p")) == (
        "sfu.rooms: closed (room='r', participant='p')"
    )
    first, *rest = text.format(fail()).splitlines()
    assert first == "sfu.rooms: it failed (room='r')"
    assert rest[-1] == "ValueError: for a reason"


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_worker_logs_in_the_form_that_was_asked_for(form: str) -> None:
    worker = WorkerProcess("--log-format", form, stderr=subprocess.PIPE)
    try:
        open_room(worker)
        browser = Browser(worker, "ada", "publish")
        browser.connect()
    finally:
        worker.close()
        browser.close()
    assert worker.process.stderr is not None
    with worker.process.stderr as errors:
        (connected,) = (line for line in errors if "is connected" in line)
    if form == "text":
        expected = "sfu.worker: publish transport is connected (room='Room', participant='ada')"
        assert connected.rstrip().endswith(expected)
        return
    entry = json.loads(connected)
    assert (entry["logger"], entry["room"], entry["participant"]) == ("sfu.worker", "Room", "ada")
    assert entry["pid"] == worker.process.pid


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_no_place_writes_more_than_its_share() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    written = [throttle.filter(record("one of %d", n)) for n in range(10_000)]
    assert sum(written) == logs.LINES
    elsewhere = record("rare")
    elsewhere.lineno = 2
    assert throttle.filter(elsewhere)
    clock.now = 3600.0
    after = record("one more of %s", "many")
    assert throttle.filter(after)
    assert after.getMessage() == "one more of many [9900 more like this were left out]"


def test_tracebacks_are_rarer_than_lines() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    written = 0
    for second in range(3600):
        clock.now = float(second)
        written += sum(throttle.filter(fail()) for _ in range(100))
    assert written == logs.TRACEBACKS + 3600 // logs.TRACEBACK_SECONDS - 1


def test_a_message_is_one_line_of_bounded_length() -> None:
    made = record("%s joins", "x\n2026-01-01 00:00:00 ERROR sfu: forged\x1b[2J" + "x" * 5000)
    assert Throttle().filter(made)
    line = TextFormatter("%(levelname)s %(message)s").format(made)
    assert line.startswith("WARNING x\\n2026-01-01")
    assert line.isprintable()
    assert len(line) < logs.LONGEST + 50
