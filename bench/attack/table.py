"""The outcome of `bench attack` on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_attack(console: Console, outcome: Mapping[str, Any]) -> None:
    """One line each: what the attack got, and what the others in a call noticed."""
    table = Table(title="attack: ten people in a call beside it", title_style="bold")
    for column in ("attack", "what it got", "others noticed", "loss %", "p99 ms", "without",
                   "healthz ms", ""):  # fmt: skip
        right = column in ("loss %", "p99 ms", "without", "healthz ms")
        table.add_column(column, justify="right" if right else "left")
    for row in outcome["attacks"]:
        others = row["others"]
        figures = (
            [f"{others['packetLossPercent']:.2f}"]
            + [f"{others[key]:.1f}" for key in ("delayP99Ms", "delayP99MsWithout", "healthzMs")]
            if others
            else ["", "", "", ""]
        )
        verdict = Text("held", style="green") if row["held"] else Text("not held", style="bold red")
        noticed = "; ".join(row["noticed"]) or ("nothing" if others else "not known")
        table.add_row(row["name"], row["found"], noticed, *figures, verdict)
    console.print(table)
    for problem in outcome["problems"]:
        console.print(f"invalid: {problem}", style="bold red", markup=False)
