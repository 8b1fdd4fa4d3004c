"""The streams as a table for people: milliseconds, kbit/s and words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from qos.capture.report import Row

WORDS = {
    "verySatisfying": "very satisfying",
    "satisfying": "satisfying",
    "lessSatisfying": "less satisfying",
    "unsatisfying": "unsatisfying",
    "withinLimit": "within the limit",
    "tooShort": "too short",
}
"""Of the grades' keys, where the key is not the word."""
MAX_WIDTH = 400
COLUMNS = (
    ("From, to", False),
    ("SSRC, type", False),
    ("Packets, lost", True),
    ("Late, twice", True),
    ("kbit/s", True),
    ("Jitter ms\nmean, max", True),
    ("Delta ms\nmean, max", True),
    ("RTT ms", True),
    ("Grade", False),
)
"""Heading, and whether it is a column of numbers."""


def show(console: Console, rows: Sequence[Row], mode: str, profile: str) -> None:
    """Print one table a capture, two lines a stream, as wide as it needs to be."""
    for name in dict.fromkeys(row.values["file"] for row in rows):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column, is_number in COLUMNS:
            table.add_column(column, justify="right" if is_number else "left", no_wrap=True)
        for row in rows:
            if row.values["file"] == name:
                table.add_row(*(Text(cell) for cell in _cells(row.values)))
        console.print(Text(f"{name}: {mode}, graded by {profile}"), soft_wrap=True)
        # A figure that was cut off would be worse than a line that the terminal breaks.
        needed = Measurement.get(console, console.options.update(width=MAX_WIDTH), table).maximum
        console.width = max(console.width, needed)
        console.print(table)


def _cells(values: dict[str, Any]) -> list[str]:
    types = ",".join(map(str, values["payloadTypes"]))
    clock = f"{values['clockRate'] / 1000:g} kHz" if values["clockRate"] else "clock ?"
    lost = str(values["lost"])
    if values["loss"] is not None:
        lost += f" ({values['loss']:.1f} %)"
    return [
        _address(values["source"], values["sourcePort"])
        + "\n"
        + _address(values["destination"], values["destinationPort"]),
        f"{values['ssrc']:08x}\n{types} {clock}",
        f"{values['packets']}\n{lost}",
        f"{values['reordered']}\n{values['duplicates']}",
        _number(values["bitrate"], 1000),
        f"{_number(values['meanJitter'], 0.001)}\n{_number(values['maxJitter'], 0.001)}",
        f"{_number(values['meanDelta'], 0.001)}\n{_number(values['maxDelta'], 0.001)}",
        _number(values["roundTripTime"], 0.001),
        _grade(values["grades"]),
    ]


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _number(value: float | None, unit: float) -> str:
    return "-" if value is None else f"{value / unit:.2f}"


def _grade(grades: dict[str, Any]) -> str:
    words = grades["words"]
    if grades["overall"] is None:
        return WORDS.get(words, "-")
    return f"{grades['overall']:.2f}\n{WORDS.get(words, words)}"
