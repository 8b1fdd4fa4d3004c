"""Reports as tables on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.attack.table import print_attack
from bench.impair import tables as impair_tables
from bench.recordings.decoded import rows as decoded
from bench.reports import beside, compare, studies
from bench.reports.figures import FIGURES, runs
from bench.reports.figures import value as figure_of
from bench.reports.micro_table import print_micro
from bench.reports.phone_table import print_phone
from bench.reports.spread import spread


def show(console: Console, name: str, outcome: Mapping[str, Any]) -> None:
    """The tables of whatever a scenario gave, its problems, and where it was measured."""
    special: dict[str, Callable[[Console, Mapping[str, Any]], None]] = {
        "soak": print_soak,
        "browser": print_browser,
        "focus": print_focus,
        "impair": impair_tables.print_impair,
        "attack": print_attack,
        "peers": print_peers,
        "micro": print_micro,
        "phone": print_phone,
    }
    if name == "phone" and "runs" in outcome:
        _print_spread(console, outcome)
        _print_problems(console, outcome)
    elif name in special:
        special[name](console, outcome)
        if name == "phone":
            _print_problems(console, outcome)
    elif "summary" in outcome:
        print_run(console, outcome)
    else:
        print_several(console, outcome)
    print_origin(console, outcome)


def print_run(console: Console, run: Mapping[str, Any], label: str = "") -> None:
    """The table of one run: as the studies print it, then what it took."""
    row = beside.published(run)
    title = f"{run['scenario']}: {label or str(run['participants']) + ' people'}"
    if row is not None:
        title += f" (study: {row.load})"
    table = Table(title=title, title_style="bold", caption=_at_least(run))
    table.add_column("figure", no_wrap=True)
    table.add_column("ours", justify="right")
    table.add_column("index", justify="right")
    if row is not None:
        table.add_column(row.source, justify="right")
        table.add_column("index", justify="right")
    for line in beside.lines(run):
        table.add_row(*(line if row is not None else line[:3]))
    console.print(table)
    took = Table(title="what it took", title_style="bold")
    took.add_column("figure")
    took.add_column("value", justify="right")
    for name, value in rows(run):
        took.add_row(name, value)
    console.print(took)
    for model in beside.models(run):
        console.print(model, style="dim", markup=False, highlight=False, soft_wrap=True)
    for text in run.get("notKnown", []):
        text = f"not known with --client {run['client']}: {text}"
        console.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)
    _print_problems(console, run)


def _at_least(run: Mapping[str, Any]) -> str | None:
    verdict = {True: "at or above the study", False: "below the study"}
    met = beside.at_or_above(run)
    return None if met is None else f"TIPHON overall: {verdict[met]}"


COUNTED = (
    ("viewers", "viewers"),
    ("joins", "joins"),
    ("leaves", "leaves"),
    ("failures", "joins that failed"),
    ("disconnected", "people disconnected"),
)
"""What only some scenarios count."""


def rows(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a run took: name and value of each line."""
    server, load = run["server"], run["loadGenerator"]
    late = ", ".join(
        f"{p['cpuPercent']} % / {_known(p['lateP99Ms'], 'ms')}" for p in load["processes"]
    )
    memory = [server[name] for name in ("rssMiB", "rssIdleMiB", "rssMiBPerParticipant")]
    return [
        ("measured for", f"{run['seconds']:.1f} s"),
        ("packets forwarded", f"{server['forwardedPackets']:,}"),
        ("server CPU (media)", _known(server["cpuPercent"], "%")),
        ("CPU per forwarded packet", _known(server["cpuMicrosPerForwardedPacket"], "µs")),
        (
            "server memory / idle / each participant",
            _known(None if memory[0] is None else " / ".join(map(str, memory)), "MiB"),
        ),
        ("load generator CPU / late p99", late),
        *_sampled(run),
        *decoded(run),
        *((title, f"{run[key]:,}") for key, title in COUNTED if key in run),
    ]


def _sampled(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Of the videos that were sampled."""
    sampled = run.get("pictures", [])
    shown = sum(row["decoded"] for row in sampled)
    right = sum(row["right"] for row in sampled)
    share = f"{right:,} of {shown:,} decoded"
    return [("decoded frames that show the sent number", share)] if shown else []


def _known(value: Any, unit: str) -> str:
    return "not known" if value is None else f"{value} {unit}"


def print_several(console: Console, outcome: Mapping[str, Any]) -> None:
    """A line for each run, then median and spread of those that were repeated."""
    table = Table(title=outcome["scenario"], title_style="bold")
    table.add_column("run")
    for column in ("people", "kbit/s each", "p99 ms", "loss %", "CPU %", "µs/packet",
                   "TIPHON", "study", "gone"):  # fmt: skip
        table.add_column(column, justify="right")
    listed = list(runs(outcome))
    for number, (label, run) in enumerate(listed, 1):
        figures = {figure.name: figure_of(run, figure.path) for figure in FIGURES}
        row = beside.published(run)
        study = studies.graded(row).overall if row else None
        throughput = figures["throughput"]
        table.add_row(
            label or f"{number}",
            str(run.get("participants", "")),
            _number(throughput / 1000 if throughput is not None else None, ",.3f"),
            _number(figures["delayP99"], ".2f"),
            _number(figures["loss"], ".2f"),
            _number(figures["cpu"], ".1f"),
            _number(figures["cpuPerPacket"], ".1f"),
            _number(figures["tiphon"], ".2f"),
            _number(study, ".2f"),
            _number(figures["disconnected"], ".0f"),
        )
    if listed:
        console.print(table)
    _print_spread(console, outcome)
    if outcome.get("sentence"):
        console.print(outcome["sentence"], markup=False, highlight=False, style="bold")
    _print_problems(console, outcome)


def _print_spread(console: Console, outcome: Mapping[str, Any]) -> None:
    found = spread(outcome)
    if not found:
        return
    table = Table(title="median and spread", title_style="bold")
    table.add_column("figure")
    for column in ("runs", "median", "lowest", "highest", "unit"):
        table.add_column(column, justify="right")
    for row in found:
        table.add_row(row.title, str(row.times), row.text(row.median), row.text(row.low),
                      row.text(row.high), row.unit)  # fmt: skip
    console.print(table)


def _number(number: float | None, form: str) -> str:
    return "–" if number is None else format(number, form)


def print_origin(console: Console, outcome: Mapping[str, Any]) -> None:
    """Where the figures come from, in two lines."""
    machine = outcome["machine"]
    temperature = machine.get("temperatureC")
    parts = [
        f"{machine['model']}, {machine['cores']} cores",
        f"Linux {machine['kernel']}",
        f"Python {machine['python']}",
        f"governor {machine['governor']}",
        "no temperature sensor" if temperature is None else f"{temperature} °C",
    ]
    if outcome.get("url"):
        parts.append(f"server elsewhere: {outcome['url']}")
    for line in (", ".join(parts), f"{outcome['command']}  at commit {outcome['commit']}"):
        console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


def print_compare(console: Console, first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    """Both reports' medians, their ratio, and whether that is more than noise."""
    found = compare.compare(first, second)
    table = Table(title=f"{first['scenario']}: medians (lowest–highest)", title_style="bold")
    table.add_column("figure", no_wrap=True)
    for column in ("first", "second", "ratio", ""):
        table.add_column(column, justify="right", no_wrap=column == "")
    styles = {"differs": "bold yellow", "too few runs": "dim"}
    for row in found:
        ratio = "–" if row.ratio is None else f"{row.ratio:.3f}"
        verdict = Text(row.verdict, style=styles.get(row.verdict, ""))
        cells = [
            short(median) + (f" ({short(min(got))}–{short(max(got))})" if len(got) > 1 else "")
            for median, got in zip(row.medians, (row.first, row.second), strict=True)
        ]
        table.add_row(row.name, *cells, ratio, verdict)
    console.print(table)
    if any(row.verdict == "too few runs" for row in found):
        needed = compare.runs_needed()
        console.print(
            f"Too few runs for a verdict: {needed} of each side are needed (--repeat {needed}).",
            markup=False, highlight=False,
        )  # fmt: skip
    for warning in compare.warnings(first, second):
        console.print(f"beware: {warning}", style="yellow", markup=False, highlight=False)


def short(number: float) -> str:
    """Four digits, thousands and millions as k and M."""
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if abs(number) >= limit:
            return f"{number / (1e6 if unit == 'M' else 1e3):.4g}{unit}"
    return f"{number:.4g}"


def print_studies(console: Console) -> None:
    """What is published, with the grades that our tables give it."""
    table = Table(title="published rows", title_style="bold")
    table.add_column("source and load")
    for column in ("kbit/s", "“delay” ms", "“jitter” ms", "loss %", "TIPHON"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in studies.ROWS:
        graded = studies.graded(row)
        table.add_row(
            f"{row.source}: {row.load}",
            _number(None if row.throughput is None else row.throughput / 1000, ",.3f"),
            f"{1000 * row.spacing:.3f}",
            f"{1000 * row.variation:.3f}",
            f"{row.loss:.2f}",
            _number(graded.overall, ".2f"),
        )
    console.print(table)


def print_peers(console: Console, outcome: Mapping[str, Any]) -> None:
    """Both sides beside each other."""
    table = Table(title=f"peers: {outcome['participants']} people", title_style="bold")
    for column in ("figure", "ours", "Janus", "ratio", "Janus, per feed", "ratio"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    ratio, per_feed = outcome["ratio"], outcome["ratioPerFeed"]
    for name, title in (
        ("cpuPerForwardedPacket", "CPU per forwarded packet, µs"),
        ("delayP50", "one-way delay p50, ms"),
        ("delayP95", "one-way delay p95, ms"),
        ("delayP99", "one-way delay p99, ms"),
        ("packetLossPercent", "packet loss, %"),
        ("forwardedPackets", "packets forwarded"),
        ("rssMiB", "memory, MiB"),
    ):
        ours, janus, classic = (outcome[s][name] for s in ("ours", "janus", "janusPerFeed"))
        table.add_row(
            title,
            f"{ours:,}",
            f"{janus:,}",
            f"{ratio.get(name, '')}",
            f"{classic:,}",
            f"{per_feed.get(name, '')}",
        )
    console.print(table)
    console.print(
        "Janus: one connection for all that a participant receives; per feed: one for each"
        " publisher, as most of its clients do. Ratio: ours / theirs.",
        highlight=False,
        soft_wrap=True,
    )
    if outcome.get("relayRatio") is not None:
        ours, relay = (outcome[s]["cpuPerForwardedPacket"] for s in ("oursBesideRelay", "relay"))
        console.print(
            f"{outcome['relayParticipants']} people beside a naive aiortc relay:"
            f" {ours:,} µs a packet, the relay {relay:,} µs, ratio {outcome['relayRatio']}",
            highlight=False,
            soft_wrap=True,
        )
    _print_problems(console, outcome)


def print_focus(console: Console, outcome: Mapping[str, Any]) -> None:
    """Everything to everybody beside what is viewed and heard."""
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
    verdict = {None: "cannot be decided", True: "met", False: "not met"}[outcome["met"]]
    console.print(f"at most {outcome['required']:.3f} of packets and of CPU: {verdict}")
    _print_problems(console, outcome)


def print_browser(console: Console, outcome: Mapping[str, Any]) -> None:
    """Time to the first frame, and to full quality."""
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
        ("flat", {None: "too short to decide", True: "yes", False: "no"}[outcome["flat"]]),
    ):
        table.add_row(name, value)
    console.print(table)
    _print_problems(console, outcome)


def _print_problems(console: Console, outcome: Mapping[str, Any]) -> None:
    for problem in dict.fromkeys(outcome["problems"]):
        console.print(f"invalid: {problem}", style="bold red", markup=False)
