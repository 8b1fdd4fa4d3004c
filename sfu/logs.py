"""The form of log lines: text for people, JSON for machines; room and participant on each.

One form for all processes of a server: the media workers write to the same standard error as
signaling.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable

LINES, LINE_SECONDS = 100, 1.0
"""Lines of one place in the code that are written at once, and seconds until there may be one
more. Strangers can cause some of them as often as they like; no more than 9 MB a day of each."""
TRACEBACKS, TRACEBACK_SECONDS = 5, 60.0
"""The same of lines with a traceback: the first few suffice."""
LONGEST = 2000
"""Characters of a message; what follows is cut."""
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(0x7F, 0xA0))}
_FIELDS = ("room", "participant")


class TextFormatter(logging.Formatter):
    """`time level name: text (room=..., participant=...)`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback, of which there should be none, on more."""
        line = super().format(record)
        fields = [f"{name}={getattr(record, name)!r}" for name in _FIELDS if hasattr(record, name)]
        if not fields:
            return line
        # Before the traceback, where there is one.
        first, newline, rest = line.partition("\n")
        return f"{first} ({', '.join(fields)}){newline}{rest}"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """One line, whatever names and words of strangers are in it."""
        record.message = record.message.translate(_CONTROLS)
        return super().formatMessage(record)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """With `time` in Unix seconds; `pid` tells the processes apart."""
        entry: dict[str, object] = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
        }
        entry |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


class Throttle(logging.Filter):
    """Lets no place in the code write more than its share, and reports how many lines it left out.

    One instance a process, on the handler, so that it sees the lines of libraries too. Messages
    are of bounded length, whatever names and words of strangers are in them.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now`: seconds of a clock that only goes forward."""
        super().__init__()
        self._now = now
        # By place: what it may still write, as of when, and how many lines were left out.
        self._places: dict[tuple[str, int, bool], tuple[float, float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write it."""
        traceback = bool(record.exc_info)
        most, seconds = (TRACEBACKS, TRACEBACK_SECONDS) if traceback else (LINES, LINE_SECONDS)
        place, now = (record.pathname, record.lineno, traceback), self._now()
        left, at, left_out = self._places.get(place, (float(most), now, 0))
        left = min(most, left + (now - at) / seconds)
        if left < 1:
            self._places[place] = left, now, left_out + 1
            return False
        self._places[place] = left - 1, now, 0
        text = record.getMessage()
        if len(text) > LONGEST:
            text = text[:LONGEST] + "..."
        if left_out:
            text += f" [{left_out} more like this were left out]"
        record.msg, record.args = text, None
        return True


def set_up(level: str, form: str) -> None:
    """Log to standard error. `form`: `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Throttle())
    if form == "json":
        handler.setFormatter(JsonFormatter())
    else:
        text = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        handler.setFormatter(TextFormatter(text, datefmt="%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # aiohttp and asyncio speak only of what a person should look at.
    for name in ("aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
