"""The form of log lines: text for people, JSON for machines; room and participant on each.

One form for all processes of a server: the media workers write to the same standard error as
signaling.
"""

from __future__ import annotations

import json
import logging
import sys

_FIELDS = ("room", "participant")


class TextFormatter(logging.Formatter):
    """`time level name: text (room=..., participant=...)`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback, of which there should be none, on more."""
        line = super().format(record)
        told = [f"{name}={getattr(record, name)!r}" for name in _FIELDS if hasattr(record, name)]
        if not told:
            return line
        # Before the traceback, where there is one.
        first, newline, rest = line.partition("\n")
        return f"{first} ({', '.join(told)}){newline}{rest}"


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


def set_up(level: str, form: str) -> None:
    """Log to standard error. `form`: `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonFormatter())
    else:
        text = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        handler.setFormatter(TextFormatter(text, datefmt="%Y-%m-%d %H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # aiohttp and asyncio speak only of what a person should look at.
    for name in ("aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
