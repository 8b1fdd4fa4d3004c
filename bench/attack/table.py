"""The outcome of `bench attack` on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_FIGURES = ("packetLossPercent", "delayP99Ms", "delayP99MsWithout", "healthzMs")


def print_attack(console: Console, outcome: Mapping[str, Any]) -> None:
    """One line each with what the others in a call noticed, then what each attack got."""
    table = Table(title="ten people in a call beside each attack", title_style="bold")
    table.add_column("attack", no_wrap=True)
    table.add_column("others noticed")
    for column in ("loss %", "p99 ms", "without", "healthz"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for row in outcome["attacks"]:
        others = row["others"]
        cells = ["", "", "", ""]
        if others:
            cells = [f"{others[key]:.{2 if 'Loss' in key else 1}f}" for key in _FIGURES]
        verdict = Text("held", style="green") if row["held"] else Text("not held", style="bold red")
        noticed = "; ".join(row["noticed"]) or ("nothing" if others else "not known")
        table.add_row(row["name"], noticed, *cells, verdict)
    console.print(table)
    for row in outcome["attacks"]:
        text = f"{row['name']}: {row['found']}"
        console.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)
    for problem in outcome["problems"]:
        console.print(f"invalid: {problem}", style="bold red", markup=False, soft_wrap=True)
