"""Reports as tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_run(console: Console, report: Mapping[str, Any]) -> None:
    """The table of one run."""
    table = Table(
        title=f"{report['scenario']}: {report['participants']} people", title_style="bold"
    )
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in rows(report):
        table.add_row(name, value)
    console.print(table)
    _print_problems(console, report)


def rows(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each line of the table."""
    figures, server_part = report["summary"], report["server"]
    delay = figures["delayMs"]
    load = report["loadGenerator"]
    by_sequence = report["lossFrom"] == "sequenceNumbers"
    late = ", ".join(f"{p['cpuPercent']} % / {p['lateP99Ms']} ms" for p in load["processes"])
    return [
        ("measured for", f"{report['seconds']:.1f} s"),
        (
            "throughput, each participant",
            f"{figures['throughputBitsPerSecond'] / 1000:,.1f} kbit/s",
        ),
        (
            "packet loss" + (", by sequence numbers" if by_sequence else ""),
            f"{figures['packetLossPercent']:.2f} %",
        ),
        ("one-way delay p50 / p95 / p99", f"{delay['p50']} / {delay['p95']} / {delay['p99']} ms"),
        ("jitter", f"{figures['jitterMs']} ms"),
        ("mean inter-arrival", f"{figures['meanInterArrivalMs']} ms"),
        ("packets forwarded", f"{server_part['forwardedPackets']:,}"),
        ("server CPU (media)", f"{server_part['cpuPercent']} %"),
        ("CPU per forwarded packet", f"{server_part['cpuMicrosPerForwardedPacket']} µs"),
        (
            "server memory / idle / each participant",
            f"{server_part['rssMiB']} / {server_part['rssIdleMiB']} / "
            f"{server_part['rssMiBPerParticipant']} MiB",
        ),
        ("load generator CPU / late p99", late),
    ]


def print_peers(console: Console, outcome: Mapping[str, Any]) -> None:
    """Both sides beside each other."""
    table = Table(title=f"peers: {outcome['participants']} people", title_style="bold")
    for column in ("figure", "ours", "Janus", "ours / Janus"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    ratio = outcome["ratio"]
    for name, title in (
        ("cpuPerForwardedPacket", "CPU per forwarded packet, µs"),
        ("delayP50", "one-way delay p50, ms"),
        ("delayP95", "one-way delay p95, ms"),
        ("delayP99", "one-way delay p99, ms"),
        ("packetLossPercent", "packet loss, %"),
        ("forwardedPackets", "packets forwarded"),
        ("rssMiB", "memory, MiB"),
    ):
        ours, janus = outcome["ours"][name], outcome["janus"][name]
        table.add_row(title, f"{ours:,}", f"{janus:,}", f"{ratio.get(name, '')}")
    console.print(table)
    _print_problems(console, outcome)


def print_focus(console: Console, outcome: Mapping[str, Any]) -> None:
    """Everything to everybody beside what people look at and listen to."""
    table = Table(title=f"focus: {outcome['participants']} people", title_style="bold")
    for column in ("figure", "everything", "focus", "ratio"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    ratio = outcome["ratio"]
    sides = [outcome.get(side) for side in ("everything", "focus")]
    for name, title in (
        ("packetsPerSecondIn", "packets a second in"),
        ("packetsPerSecondOut", "packets a second out"),
        ("cpuPercentPerParticipant", "CPU each participant, %"),
        ("cpuPercent", "CPU of the server, %"),
        ("receivedBitsPerSecond", "bit/s to each participant"),
        ("packetLossPercent", "packet loss, by sequence numbers, %"),
        ("voicesHeard", "voices heard, of all pairs"),
    ):
        values = [f"{side[name]:,}" if side else "" for side in sides]
        table.add_row(title, *values, f"{ratio[name]:.3f}" if name in ratio else "")
    for percent in ("p50", "p99"):
        values = [f"{side['delayMs'][percent]}" if side else "" for side in sides]
        table.add_row(f"one-way delay {percent}, ms", *values, "")
    layers = [
        ", ".join(f"{rid} {count:,}" for rid, count in side["receivedLayers"].items())
        if side
        else ""
        for side in sides
    ]
    table.add_row("video packets by layer", *layers, "")
    console.print(table)
    verdict = {None: "cannot be told", True: "met", False: "not met"}[outcome["met"]]
    console.print(f"at most {outcome['required']:.3f} of packets and of CPU: {verdict}")
    _print_problems(console, outcome)


def print_browser(console: Console, outcome: Mapping[str, Any]) -> None:
    """How soon a picture, how soon a whole one."""
    table = Table(title="browser: Chromium", title_style="bold")
    table.add_column("figure")
    table.add_column("value", justify="right")
    joins, ramp = outcome["joinToFirstFrameSeconds"], outcome["ramp"]
    reached = ramp["reachedAfterSeconds"]
    table.add_row("join to first frame, median", f"{outcome['joinMedianSeconds']:.3f} s")
    table.add_row("fastest / slowest", f"{min(joins):.3f} / {max(joins):.3f} s")
    table.add_row("a publisher may send", f"{ramp['configuredBitsPerSecond'] / 1000:,.0f} kbit/s")
    table.add_row("its target gets there after", "never" if reached is None else f"{reached} s")
    console.print(table)
    _print_problems(console, outcome)


def print_soak(console: Console, outcome: Mapping[str, Any]) -> None:
    """What stayed behind."""
    table = Table(title=f"soak: {outcome['participants']} seats", title_style="bold")
    table.add_column("figure")
    table.add_column("value", justify="right")
    memory = outcome["rssMiB"]
    for name, value in (
        ("lasted", f"{outcome['seconds']:.0f} s"),
        ("joins", f"{outcome['joins']:,}"),
        ("of them failed", f"{outcome['failures']:,}"),
        (
            "memory first / last / highest",
            f"{memory['first']} / {memory['last']} / {memory['highest']} MiB",
        ),
        ("memory growth", f"{outcome['growth']['rssMiB']} MiB"),
        ("descriptor growth", f"{outcome['growth']['descriptors']}"),
        ("flat", {None: "too short to say", True: "yes", False: "no"}[outcome["flat"]]),
    ):
        table.add_row(name, value)
    console.print(table)
    _print_problems(console, outcome)


def _print_problems(console: Console, outcome: Mapping[str, Any]) -> None:
    for problem in dict.fromkeys(outcome["problems"]):
        console.print(f"invalid: {problem}", style="bold red", markup=False)
