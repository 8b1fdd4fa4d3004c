"""Reports as files: JSON, CSV, HTML. A file is there whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.context import UsageError
from bench.reports import page
from bench.reports.figures import FIGURES, PHONE, runs, value


class OutputError(Exception):
    """A report could not be written; the text says which and why, in one line."""


def as_json(outcome: Mapping[str, Any]) -> str:
    """Everything that was measured."""
    return json.dumps(outcome, indent=1, allow_nan=False) + "\n"


def as_csv(outcome: Mapping[str, Any]) -> str:
    """One row a run, with where it comes from (RFC 4180)."""
    machine = outcome.get("machine", {})
    text = io.StringIO()
    writer = csv.writer(text)
    origin = ("valid", "partial", "at", "commit", "command")
    listed = list(runs(outcome))
    figures = (*FIGURES, *PHONE) if any("phone" in run for _, run in listed) else FIGURES
    writer.writerow(
        ["scenario", "label", "run", "participants", "rooms", "seconds"]
        + [f"{figure.name} ({figure.unit})" if figure.unit else figure.name for figure in figures]
        + [*origin, *machine]
    )
    numbers: dict[str, int] = {}
    for label, run in listed:
        numbers[label] = numbers.get(label, 0) + 1
        writer.writerow(
            [run.get("scenario", outcome["scenario"]), label, numbers[label]]
            + [run.get(name, "") for name in ("participants", "rooms", "seconds")]
            + ["" if (v := value(run, f.path)) is None else f"{v:.{f.digits}f}" for f in figures]
            + [run.get(name, outcome.get(name, "")) for name in origin]
            + list(machine.values())
        )
    return text.getvalue()


FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "json": as_json,
    "csv": as_csv,
    "html": page.render,
}
"""Option of the command line -> what it writes."""


def check(path: Path) -> None:
    """Before a long run rather than after it. Raises `UsageError`."""
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder")
    place = path if path.exists() and not path.is_file() else path.parent
    if not place.exists():
        raise UsageError(f"cannot write to {place}: there is no such folder")
    if not os.access(place, os.W_OK):
        raise UsageError(f"cannot write to {place}: not allowed")


def write(path: Path, text: str) -> None:
    """Put a report in its place; what was there before stays if that fails.

    Raises `OutputError`.
    """
    try:
        if path.exists() and not path.is_file():  # a device or a pipe: nothing to replace
            path.write_text(text)
            return
        _replace(path, text)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
