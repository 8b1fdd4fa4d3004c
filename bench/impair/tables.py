"""The outcome of `bench impair` on the terminal.

Of video: `frozen` is in seconds a minute, `gap` the longest one in seconds, `height`
its mean. Of sounds: `conc` is the share that the limits are about, `audible` what was made up
and not silent, `all` what was made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

_VIDEO = (
    ("decodedPercent", "dec %"),
    ("framesPerSecond", "fps"),
    ("frozenSecondsPerMinute", "frozen"),
    ("longestGapSeconds", "gap"),
    ("meanHeight", "height"),
    ("bitrateBps", "bit/s"),
    ("retransmittedPackets", "resent"),
    ("plis", "PLI"),
)
_SOUND = (
    ("concealedPercent", "conc %"),
    ("concealedButSilentPercent", "audible %"),
    ("concealedWithSilencePercent", "all %"),
    ("packetsArrivedPercent", "arrived %"),
    ("retransmittedPackets", "resent"),
)


def print_impair(console: Console, outcome: Mapping[str, Any]) -> None:
    """One table of the criteria, and for each row one of what the viewer received."""
    kind = str(outcome.get("browser", "chromium")).capitalize()
    table = Table(title=f"impair: {kind} on bad networks", title_style="bold")
    for column in ("row", "network", "figure", "value", "must", ""):
        table.add_column(column, justify="right" if column in ("value", "must") else "left")
    for name, row in outcome["rows"].items():
        for number, criterion in enumerate(row["criteria"]):
            head = (name, row["title"]) if number == 0 else ("", "")
            table.add_row(*head, *_cells(criterion), end_section=False)
        if not row["criteria"]:
            table.add_row(name, row["title"], "not measured", "", "", "[red]not met[/]")
        table.add_section()
    console.print(table)
    for name, row in outcome["rows"].items():
        if row.get("pictures") or row.get("sounds"):
            _print_people(console, name, row)
        for missing in row.get("neverArrived", ()):
            console.print(f"{name}: never arrived: {missing}", style="bold red", markup=False)
    for problem in outcome["problems"]:
        console.print(f"invalid: {problem}", style="bold red", markup=False)


def _cells(criterion: Mapping[str, Any]) -> tuple[str, str, str, str]:
    unit = f" {criterion['unit']}" if criterion["unit"] else ""
    value = "never" if criterion["value"] is None else f"{criterion['value']:g}{unit}"
    bound = "≥" if criterion["atLeast"] else "≤"
    verdict = "[green]met[/]" if criterion["met"] else "[red]not met[/]"
    return criterion["name"], value, f"{bound} {criterion['limit']:g}{unit}", verdict


def _print_people(console: Console, name: str, row: Mapping[str, Any]) -> None:
    for kind, columns in (("pictures", _VIDEO), ("sounds", _SOUND)):
        table = Table(title=f"{name}: {kind}, whole window", title_style="dim")
        table.add_column("of")
        for _, title in columns:
            table.add_column(title, justify="right")
        for person, figures in row[kind].items():
            table.add_row(person, *(f"{figures[field]:,.6g}" for field, _ in columns))
        console.print(table)
