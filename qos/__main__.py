"""`python -m qos FILE...`: figures of the RTP in captures."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from qos.grades import PROFILES
from qos.install_hint import how_to_get

try:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TransferSpeedColumn,
    )

    from qos.capture import plot, report, table
    from qos.capture.analysis import Analysis
    from qos.capture.files import CaptureError, CaptureFile, Packet
    from qos.capture.streams import MODES
except ModuleNotFoundError as error:
    sys.exit(f"The analyser needs {error.name}, which is not here: {how_to_get('.', 'qos')}")

USABLE, UNUSABLE = 0, 2
"""Exit status: every file was read to its end; at least one was not."""
PROGRESS_STEP = 8192
"""Packets between two checks of how far a file is read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Analyse, print, and give the exit status."""
    options = _parser().parse_args(arguments)
    if options.plot and not plot.available():
        hint = how_to_get(".[qos]", "qos")
        print(f"A plot needs matplotlib, which is not installed: {hint}", file=sys.stderr)
        return UNUSABLE
    messages = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    rows: list[report.Row] = []
    status = USABLE
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
               TransferSpeedColumn())  # fmt: skip
    # In a file or a pipe a bar would be a line of rubbish among the messages.
    with Progress(*columns, console=messages, disable=not messages.is_terminal) as progress:
        for path in options.files:
            try:
                status = max(status, _analyse(path, options, progress, messages, rows))
            except OSError as error:
                messages.print(f"{path}: cannot be read: {error.strerror or error}")
                status = UNUSABLE
    return max(status, _put_out(rows, options, messages))


def _analyse(
    path: Path,
    options: argparse.Namespace,
    progress: Progress,
    messages: Console,
    rows: list[report.Row],
) -> int:
    """Add the rows of one file, print what was left out and what is wrong; the exit status."""
    task = progress.add_task(path.name, total=path.stat().st_size)
    analysis = Analysis(options.mode, dict(options.clock))
    status = USABLE
    with path.open("rb") as source:
        try:
            capture = CaptureFile(source)
        except CaptureError as error:
            messages.print(f"{path}: {error}")
            return UNUSABLE
        try:
            analysis.run(_counted(capture, progress, task))
        except CaptureError as error:
            messages.print(f"{path}: {error}; what comes before it was analysed")
            status = UNUSABLE
        progress.update(task, completed=capture.position)
    found = analysis.finish()
    grading = report.Grading(options.profile, options.nominal)
    rows += report.rows(str(path), capture.start, analysis, found, grading)
    messages.print(f"{path}: {_summary(analysis)}")
    if analysis.merged:
        done = "one packet each" if options.mode == "wireshark" else "taken apart"
        messages.print(f"{path}: {analysis.merged} datagrams were not cut yet when captured "
                       f"(UDP_SEGMENT): {done}")  # fmt: skip
    if capture.untimed:
        messages.print(f"{path}: {capture.untimed} packets without a time (simple packet blocks): "
                       "what depends on when they came is not known")  # fmt: skip
    return status


def _counted(capture: CaptureFile, progress: Progress, task: TaskID) -> Iterator[Packet]:
    """The same packets; the bar moves with them."""
    left = PROGRESS_STEP
    for packet in capture:
        left -= 1
        if not left:
            left = PROGRESS_STEP
            progress.update(task, completed=capture.position)
        yield packet


def _summary(analysis: Analysis) -> str:
    named = ", ".join(f"{name} {count}" for name, count in analysis.skipped.most_common())
    return (
        f"{analysis.packets} packets, RTCP {analysis.rtcp_packets}, "
        f"SRTCP (encrypted) {analysis.srtcp_packets}; skipped: {named or 'none'}"
    )


def _put_out(rows: list[report.Row], options: argparse.Namespace, messages: Console) -> int:
    """Print the result, write the plot; the exit status."""
    if options.json:
        print(report.as_json(rows))
    elif options.csv:
        print(report.as_csv(rows), end="")
    else:
        table.show(Console(highlight=False), rows, options.mode, options.profile)
    if options.plot:
        try:
            plot.draw(rows, options.plot)
        except OSError as error:
            messages.print(f"{options.plot}: cannot be written: {error.strerror or error}")
            return UNUSABLE
    return USABLE


def _clock(text: str) -> tuple[int, int]:
    """PT=RATE."""
    payload_type, _, rate = text.partition("=")
    if not (payload_type.isdecimal() and rate.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text} is not PT=RATE, such as 96=90000")
    if int(payload_type) > 127 or not 1000 <= int(rate) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text}: PT is 0 to 127, RATE 1000 to 1000000 Hz")
    return int(payload_type), int(rate)


def _bits(text: str) -> float:
    """Kbit/s, as bit/s."""
    try:
        value = float(text) * 1000
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a bandwidth in kbit/s")
    return value


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".png":
        raise argparse.ArgumentTypeError(f"{text} must end with .png")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m qos",
        description="Find the RTP streams of pcap and pcapng captures and measure them.",
        epilog="Exit status: 0; 2 when a file is no capture or damaged (what comes before the "
        "damage is analysed), or the options are wrong.",
    )
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE", help="pcap or pcapng")
    add("--mode", choices=tuple(MODES), default="rfc3550",
        help="count and compute as an RTP receiver, or as Wireshark")  # fmt: skip
    add("--profile", choices=PROFILES, default=PROFILES[0], help="of the grades")
    add("--nominal", type=_bits, metavar="KBIT/S",
        help="nominal bandwidth, for tiphon-percent")  # fmt: skip
    add("--clock", type=_clock, action="append", default=[], metavar="PT=RATE",
        help="clock rate of a payload type; without it dynamic ones are measured")  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON on standard output")
    form.add_argument("--csv", action="store_true", help="CSV on standard output")
    add("--plot", type=_picture, metavar="FILE.png", help="draw the streams over time")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # The reader has closed the pipe; keep the interpreter from reporting that again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(USABLE)
    except KeyboardInterrupt:
        sys.exit(130)
