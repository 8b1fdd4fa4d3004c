"""The report as one HTML page: no script and nothing to load, light or dark, made to be printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bench.reports import beside, run_charts, studies
from bench.reports.figures import FIGURES, runs, value
from bench.reports.phone_table import phone_rows
from bench.reports.spread import spread

_MOST_TRACKS = 400
_STYLE = Path(__file__).with_name("page.css")


def render(outcome: Mapping[str, Any]) -> str:
    """The whole document."""
    listed = list(runs(outcome))
    single = listed[0][1] if len(listed) == 1 else None
    parts = [_head(outcome)]
    if single is not None and "phone" in single:
        parts += [_phone(single), run_charts.of_run(single)]
    elif listed and "phone" in listed[0][1]:
        parts += [_repeats(outcome), *(_phone(run, f"run {n}") for n, (_, run) in
                                       enumerate(listed, 1))]  # fmt: skip
    elif single is not None:
        parts += [_tiles(single), _table_of(single), run_charts.of_run(single)]
    elif listed:
        parts += [_overview(listed), _repeats(outcome), run_charts.of_points(listed)]
        for label, run in _one_each(listed):
            parts += [_table_of(run, label), run_charts.of_run(run, label)]
    else:
        parts += [run_charts.of_samples(outcome), _numbers(outcome)]
    parts += [_tracks(run) for run in [single] if run is not None and "tracks" in run]
    parts.append(_origin(outcome))
    title = f"{outcome['scenario']} – bench report"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE.read_text()}</style></head>\n"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _one_each(
    listed: Sequence[tuple[str, Mapping[str, Any]]],
) -> list[tuple[str, Mapping[str, Any]]]:
    """The first run of each label, where there are not too many to read."""
    first: dict[str, Mapping[str, Any]] = {}
    for label, run in listed:
        first.setdefault(label, run)
    return list(first.items()) if len(first) <= 12 else []


def section(title: str, body: str, note: str = "") -> str:
    """A headed part of the page; empty without a body."""
    if not body:
        return ""
    noted = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{body}{noted}</section>"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], strong: Sequence[int] = ()) -> str:
    """Cells are HTML already, the columns' names text; `strong` rows stand out."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        ('<tr class="strong">' if number in strong else "<tr>")
        + "".join(f"<td>{cell}</td>" for cell in row)
        + "</tr>"
        for number, row in enumerate(rows)
    )
    return (
        f'<div class="card wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _head(outcome: Mapping[str, Any]) -> str:
    problems = list(dict.fromkeys(outcome.get("problems", [])))
    if outcome.get("partial"):
        pill = ("warn", "partial report")
    elif outcome.get("valid", True):
        pill = ("good", "valid run")
    else:
        pill = ("bad", "not valid")
    facts = [str(outcome["title"])] if outcome.get("title") else []
    if "participants" in outcome:
        facts.append(f"{outcome['participants']} people")
    if outcome.get("rooms", 1) > 1:
        facts.append(f"{outcome['rooms']} rooms")
    if "seconds" in outcome:
        facts.append(f"measured for {outcome['seconds']:g} s")
    facts.append(str(outcome.get("at", "")).replace("T", " ").replace("Z", " UTC"))
    listed = "".join(f"<li>{escape(str(problem))}</li>" for problem in problems[:20])
    about = escape(" · ".join(facts))
    return (
        '<header><div><p class="over">Bench report</p>'
        f'<h1>{escape(outcome["scenario"])}</h1><p class="sub">{about}</p></div>'
        f'<span class="pill {pill[0]}">{pill[1]}</span></header>'
        + (f'<p class="answer">{escape(answer)}</p>' if (answer := _answer(outcome)) else "")
        + (f'<ul class="problems">{listed}</ul>' if listed else "")
    )


def _answer(outcome: Mapping[str, Any]) -> str:
    """What a search found, in a sentence."""
    return str(outcome.get("sentence", ""))


def _phone(run: Mapping[str, Any], label: str = "") -> str:
    rows = [[escape(name), escape(shown)] for name, shown in phone_rows(run)]
    note = (
        "Until there are extensions, a room of two stands for a line. Ring: from the caller's join "
        "to the callee's news of it. Voice: from the answer to the first packet of the later "
        "direction. Hang-up: from the caller's leave to the callee's news of it."
    )
    return section(f"Calls, {label}" if label else "Calls", table(["figure", "value"], rows), note)


def _tiles(run: Mapping[str, Any]) -> str:
    summary, server, tiphon = run["summary"], run["server"], run["quality"]["tiphon"]
    rows = [
        ("packet loss", f"{summary['packetLossPercent']:.2f}", "%"),
        ("one-way delay p99", _known(summary["delayMs"]["p99"], ".2f"), "ms"),
        ("throughput each", f"{summary['throughputBitsPerSecond'] / 1e6:.2f}", "Mbit/s"),
        ("server CPU", _known(server["cpuPercent"], ".1f"), "%"),
        ("CPU per packet", _known(server["cpuMicrosPerForwardedPacket"], ".1f"), "µs"),
        ("TIPHON overall", _known(tiphon["overall"], ".2f"), "of 4"),
    ]
    return (
        '<div class="tiles">'
        + "".join(
            f'<div class="card tile"><span>{escape(name)}</span>'
            f"<b>{shown}<small>{escape(unit)}</small></b></div>"
            for name, shown, unit in rows
        )
        + "</div>"
    )


def _known(number: float | None, form: str) -> str:
    return "–" if number is None else format(number, form)


def _table_of(run: Mapping[str, Any], label: str = "") -> str:
    row = beside.published(run)
    columns = ["figure", "ours", "index"]
    columns += [f"{row.source}: {row.load}", "index"] if row else []
    lines = beside.lines(run)
    cells = [
        [escape(line.figure), escape(line.ours), _grade(line.grade)]
        + ([escape(line.study), _grade(line.study_index)] if row else [])
        for line in lines
    ]
    strong = [n for n, line in enumerate(lines) if line.figure == "TIPHON overall"]
    note = (
        "Index: TIPHON bands as the Indonesian literature prints them; 4 is the best. "
        "meanInterArrival is time span / packets: the studies print it as delay, it is packet "
        "spacing and no latency. MOS is modelled, not voted. " + "; ".join(beside.models(run))
    )
    if run.get("notKnown"):
        note += f" Not known with --client {run['client']}: " + "; ".join(run["notKnown"]) + "."
    title = "Beside the study" if row else "Quality"
    return section(f"{label}: {title.lower()}" if label else title,
                   table(columns, cells, strong), note)  # fmt: skip


def _grade(index: str) -> str:
    if not index:
        return ""
    kind = "good" if float(index) >= 3 else "warn" if float(index) >= 2 else "bad"
    return f'<span class="grade {kind}">{escape(index)}</span>'


def _overview(listed: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    columns = ["run", "people", "throughput each", "delay p99", "loss", "CPU", "µs a packet",
               "TIPHON", "study", "gone", "valid"]  # fmt: skip
    rows = []
    for number, (label, run) in enumerate(listed, 1):
        numbers = {figure.name: value(run, figure.path) for figure in FIGURES}
        row = beside.published(run)
        study = studies.graded(row).overall if row else None
        rows.append(
            [
                escape(label or f"run {number}"),
                str(run.get("participants", "")),
                _unit((numbers["throughput"] or 0) / 1e6, ".3f", "Mbit/s"),
                _unit(numbers["delayP99"], ".2f", "ms"),
                _unit(numbers["loss"], ".2f", "%"),
                _unit(numbers["cpu"], ".1f", "%"),
                _known(numbers["cpuPerPacket"], ".1f"),
                _grade("" if numbers["tiphon"] is None else f"{numbers['tiphon']:.2f}"),
                _grade("" if study is None else f"{study:.2f}"),
                _known(numbers["disconnected"], ".0f"),
                "partial" if run.get("partial") else "yes" if run.get("valid") else "no",
            ]
        )
    return section("Runs", table(columns, rows))


def _unit(number: float | None, form: str, unit: str) -> str:
    return "–" if number is None else f"{number:{form}} {unit}"


def _repeats(outcome: Mapping[str, Any]) -> str:
    rows = [
        [escape(row.title), str(row.times), row.text(row.median), row.text(row.low),
         row.text(row.high), escape(row.unit)]
        for row in spread(outcome)
    ]  # fmt: skip
    columns = ["figure", "runs", "median", "lowest", "highest", "unit"]
    return section("Median and spread", table(columns, rows) if rows else "")


def _numbers(outcome: Mapping[str, Any]) -> str:
    rows = []
    for key, below in outcome.items():
        if key in ("machine", "valid", "partial", "seconds", "participants"):
            continue
        for path in [(key, name) for name in below] if isinstance(below, Mapping) else [(key,)]:
            number = value(outcome, path)
            if number is not None:
                rows.append([escape(" ".join(path)), f"{number:,.6g}"])
    return section("Figures", table(["figure", "value"], rows) if rows else "")


def _tracks(run: Mapping[str, Any]) -> str:
    rows = [
        [f"{t['from']} → {t['to']}", escape(t["kind"]), f"{t['packets']:,}", f"{t['lost']:,}",
         _known(None if (bits := t["bitsPerSecond"]) is None else bits / 1000, ",.1f"),
         _known(t["delayMs"]["mean"], ".2f"), _known(t["delayMs"]["max"], ".2f"),
         f"{t['jitterMs']:.2f}"]
        for t in run["tracks"][:_MOST_TRACKS]
    ]  # fmt: skip
    if not rows:
        return ""
    columns = ["from → to", "kind", "packets", "lost", "kbit/s", "mean delay, ms",
               "longest, ms", "jitter, ms"]  # fmt: skip
    count = len(run["tracks"])
    title = f"All {count:,} tracks" if count <= _MOST_TRACKS else f"{_MOST_TRACKS} of {count:,}"
    return f"<section><details><summary>{title}</summary>{table(columns, rows)}</details></section>"


def _origin(outcome: Mapping[str, Any]) -> str:
    machine = outcome.get("machine", {})
    temperature = machine.get("temperatureC")
    rows = [
        ("command", f"<code>{escape(str(outcome.get('command', '')))}</code>"),
        ("commit", f"<code>{escape(str(outcome.get('commit', '')))}</code>"),
        ("machine", escape(f"{machine.get('model', '')}, {machine.get('cores', '?')} cores")),
        ("kernel", escape(str(machine.get("kernel", "")))),
        ("Python", escape(str(machine.get("python", "")))),
        ("governor", escape(str(machine.get("governor", "")))),
        ("temperature", "no sensor" if temperature is None else f"{temperature} °C at the end"),
    ]
    if outcome.get("url"):
        rows.insert(2, ("server", escape(f"{outcome['url']} (elsewhere; the machine below is the"
                                         " participants')")))  # fmt: skip
    return section(
        "Where these figures come from",
        '<dl class="card">' + "".join(f"<dt>{n}</dt><dd>{v}</dd>" for n, v in rows) + "</dl>",
    )
