"""The streams as a table for people: milliseconds, kbit/s and words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qos.capture.report import Row

WORDS = {
    "verySatisfying": "very satisfying",
    "satisfying": "satisfying",
    "lessSatisfying": "less satisfying",
    "unsatisfying": "unsatisfying",
    "withinLimit": "within the limit",
}
"""Of the grades' keys, where the key is not the word."""
COLUMNS = (
    ("From", "left"),
    ("To", "left"),
    ("SSRC", "right"),
    ("Type", "left"),
    ("Packets", "right"),
    ("Lost", "right"),
    ("Late", "right"),
    ("Twice", "right"),
    ("kbit/s", "right"),
    ("Jitter ms", "right"),
    ("Delta ms", "right"),
    ("RTT ms", "right"),
    ("Grade", "left"),
)


def show(console: Console, rows: Sequence[Row], mode: str, profile: str) -> None:
    """Print one table a capture; jitter and delta as mean / greatest."""
    names = list(dict.fromkeys(row.values["file"] for row in rows))
    for name in names:
        table = Table(
            title=Text(f"{name}: {mode}, graded by {profile}"), box=box.SIMPLE_HEAD, pad_edge=False
        )
        for column, justify in COLUMNS:
            table.add_column(column, justify="left" if justify == "left" else "right")
        for row in rows:
            if row.values["file"] == name:
                table.add_row(*(Text(cell, no_wrap=True) for cell in _cells(row.values)))
        console.print(table)


def _cells(values: dict[str, Any]) -> list[str]:
    types = ",".join(map(str, values["payloadTypes"]))
    clock = f"{values['clockRate'] / 1000:g} kHz" if values["clockRate"] else "clock unknown"
    lost = str(values["lost"])
    if values["loss"] is not None:
        lost += f" ({values['loss']:.1f} %)"
    return [
        _address(values["source"], values["sourcePort"]),
        _address(values["destination"], values["destinationPort"]),
        f"{values['ssrc']:08x}",
        f"{types} {clock}",
        str(values["packets"]),
        lost,
        str(values["reordered"]),
        str(values["duplicates"]),
        _number(values["bitrate"], 1000),
        f"{_number(values['meanJitter'], 0.001)} / {_number(values['maxJitter'], 0.001)}",
        f"{_number(values['meanDelta'], 0.001)} / {_number(values['maxDelta'], 0.001)}",
        _number(values["roundTripTime"], 0.001),
        _grade(values["grades"]),
    ]


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _number(value: float | None, unit: float) -> str:
    return "-" if value is None else f"{value / unit:.2f}"


def _grade(grades: dict[str, Any]) -> str:
    if grades["overall"] is None:
        return "-"
    words = grades["words"]
    return f"{grades['overall']:.2f} {WORDS.get(words, words)}"
