"""A run of phone calls as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.reports.figures import PHONE, value

LINE = "until there are extensions, a room of two stands for a line"


def print_phone(console: Console, outcome: Mapping[str, Any]) -> None:
    """Calls, how long each step took, and what the server used."""
    table = Table(title=f"phone: {outcome['lines']} lines", title_style="bold", caption=LINE)
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, shown in phone_rows(outcome):
        table.add_row(name, shown)
    console.print(table)


def phone_rows(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each line of a run of phone calls."""
    server, load = run["server"], run["loadGenerator"]
    rows = [("measured for", f"{run['seconds']:.1f} s")]
    for figure in PHONE:
        number = value(run, figure.path)
        shown = "–" if number is None else f"{number:,.{figure.digits}f} {figure.unit}".strip()
        rows.append((figure.title, shown))
    late = ", ".join(f"{p['cpuPercent']} % / {p['lateP99Ms']} ms" for p in load["processes"])
    return [
        *rows,
        ("server CPU (media)", _shown(server["cpuPercent"], "%")),
        ("server memory", _shown(server["rssMiB"], "MiB")),
        ("load generator CPU / late p99", late),
    ]


def _shown(value: Any, unit: str) -> str:
    return "not known" if value is None else f"{value} {unit}"
