"""The table of the hot path's stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_micro(console: Console, outcome: Mapping[str, Any]) -> None:
    """One line a stage; with another tree its figure, the ratio, and whether that is noise."""
    beside = "before" in outcome["microsecondsPerPacketOut"]
    table = Table(title=f"hot path, {outcome['people']} people, {outcome['profile']}")
    table.add_column("stage")
    table.add_column("µs", justify="right")
    for name in ("median", "spread", *(("before", "ratio") if beside else ())):
        table.add_column(name, justify="right")
    table.add_column("for")
    for row in outcome["stages"]:
        cells = [row["stage"], f"{row['microseconds']:.2f}"]
        cells += [f"{row['median']:.2f}", f"{row['spread']:.2f}"]
        if beside:
            ratio = f"{row['ratio']:.3f}" if "ratio" in row else "-"
            cells += [f"{row['before']:.2f}", f"{ratio} (noise)" if row["noise"] else ratio]
        table.add_row(*cells, row["for"])
    console.print(table)
    whole = outcome["microsecondsPerPacketOut"]
    line = f"the whole path: {whole['now']:.2f} µs a packet sent on"
    if beside:
        line += f"; before {whole['before']:.2f} µs, ratio {whole['now'] / whole['before']:.3f}"
    console.print(line, highlight=False, soft_wrap=True)
    for problem in outcome["problems"]:
        console.print(f"not valid: {problem}", markup=False, highlight=False, soft_wrap=True)
