"""`python -m bench NAME`: the command line. Alone it lists what there is."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import arguments, commands, output
from bench.context import UsageError
from bench.impair import measure as impair
from bench.light import wire
from bench.light.fleet import FleetError
from bench.light.signaling import ParticipantError
from bench.live import LineWatch, LiveWatch
from bench.real.crew import CrewError
from bench.reports import compare, tables
from bench.reports.verdict import completed
from bench.runs import browser
from bench.runs.run import END_SIGNALS, InterruptedRunError
from bench.servers.netns import NamespaceError
from bench.servers.server import ServerError

FAILURES = (
    browser.BrowserError,
    impair.BusyError,
    ParticipantError,
    CrewError,
    FleetError,
    ServerError,
    NamespaceError,
    output.OutputError,
)
"""What ends a run with one line and status 1."""

console = Console()


def list_commands() -> None:
    """What `python -m bench` alone prints."""
    console.print("usage: python -m bench NAME [options]; NAME --help shows them\n", markup=False)
    for name, title in arguments.names().items():
        console.print(f"  {name:10} {title}", highlight=False, soft_wrap=True, markup=False)


def _measured(name: str, options: argparse.Namespace) -> int:
    files: dict[str, Path] = {
        form: path for form in output.FORMATS if (path := getattr(options, form)) is not None
    }
    for path in files.values():
        output.check(path)
    with LiveWatch(console) if console.is_terminal else LineWatch(console) as watch:
        outcome = completed(commands.run(name, options, watch))
    outcome["title"] = arguments.names()[name]
    tables.show(console, name, outcome)
    return max(_write(files, outcome), 0 if outcome["valid"] else 1)


def _write(files: dict[str, Path], outcome: dict[str, Any]) -> int:
    """One file that cannot be written keeps no other from it: 1 if there is such a one."""
    status = 0
    for form, path in files.items():
        try:
            output.write(path, output.FORMATS[form](outcome))
        except output.OutputError as error:
            print(f"bench: {error}", file=sys.stderr)
            status = 1
    return status


def _ask(name: str, rest: Sequence[str]) -> int:
    arguments.check_name(name)
    parser = arguments.parser(name)
    options = parser.parse_args(arguments.with_token(rest, parser))
    if name == "compare":
        first, second = compare.load(options.first), compare.load(options.second)
        tables.print_compare(console, first, second)
        return 0
    if name == "studies":
        tables.print_studies(console)
        return 0
    if not wire.supported():
        raise UsageError("the load generator needs Linux (recvmmsg, sendmmsg)")
    return _measured(name, options)


def main(given: Sequence[str] | None = None) -> int:
    """Exit status: 0 valid, 1 not valid or failed, 2 wrong use, 130 interrupted."""
    # Whatever ends the bench must end what it started, too.
    for number in END_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    words = list(sys.argv[1:] if given is None else given)
    if not words or words[0] in ("-h", "--help", "list"):
        list_commands()
        return 0
    try:
        return _ask(words[0], words[1:])
    except UsageError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except FAILURES as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (InterruptedRunError, KeyboardInterrupt) as error:
        print(f"bench: {str(error) or 'ended'}", file=sys.stderr)
        return 130
    except OSError as error:
        # As a disk that is full when the server's folder or a recording is made.
        place = f": {error.filename}" if error.filename else ""
        print(f"bench: {error.strerror or error}{place}", file=sys.stderr)
        return 1
