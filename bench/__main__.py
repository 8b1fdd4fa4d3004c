"""`python -m bench NAME`: the command line. Alone it lists what there is."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from bench import browser, focus, impair, impair_tables, media, peers, tables, wire
from bench.client import ClientError
from bench.driver import Library
from bench.fleet import FleetError
from bench.impair_rows import ROWS
from bench.netns import NamespaceError
from bench.run import END_SIGNALS, InterruptedRunError, Load, measure
from bench.scenarios import AUDIO, AUDIO_VIDEO, OTHERS, SCENARIOS
from bench.server import OwnServer, ServerError
from bench.soak import soak

LOOPBACK = "127.0.0.1"
MAX_PARTICIPANTS = 500
MAX_SECONDS = 7 * 24 * 3600
SIZES = {"640x360": (640, 360), "1280x720": (1280, 720)}
ROOM_LIMIT = 50
"""People that our server lets into one room at most."""

FAILURES = (
    browser.BrowserError,
    impair.BusyError,
    ClientError,
    FleetError,
    ServerError,
    NamespaceError,
)
"""What ends a run with one line and status 1."""

console = Console()


class UsageError(Exception):
    """The command line asks for what cannot be; the text is one line."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _number(kind: Callable[[str], float], low: float, high: float) -> Callable[[str], Any]:
    def check(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not a number from {low:g} to {high:g}")
        return value

    return check


def _parser(name: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=f"python -m bench {name}", description=_title(name))
    if name == "browser":
        parser.add_argument("--runs", type=_number(int, 1, 100), default=5, metavar="N",
                            help="joins; the median counts")  # fmt: skip
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here, too")
        return parser
    if name == "impair":
        return _impair_arguments(parser)
    count = _number(int, 2, MAX_PARTICIPANTS)
    usual = SCENARIOS[name].participants if name in SCENARIOS else 10
    seconds = 600.0 if name == "soak" else 30.0
    parser.add_argument("--participants", type=count, default=usual, metavar="N")
    parser.add_argument("--rooms", type=_number(int, 1, 100), default=1, metavar="R",
                        help="the people are spread evenly over so many rooms")  # fmt: skip
    parser.add_argument("--seconds", type=_number(float, 1, MAX_SECONDS), default=seconds)
    parser.add_argument("--warm-up", type=_number(float, 0, 600), default=3.0, metavar="S",
                        help="seconds of media before the window")  # fmt: skip
    parser.add_argument("--video-kbps", type=_number(int, 50, 8000), default=1000, metavar="K")
    parser.add_argument("--workers", type=_number(int, 1, 64), default=1, metavar="W",
                        help="media workers of our server")  # fmt: skip
    parser.add_argument("--drivers", type=_number(int, 1, 64), default=1, metavar="D",
                        help="processes of the load generator")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here, too")
    if name == "scenario3":
        parser.add_argument("--simulcast", action="store_true",
                            help="three layers each; two or three talk at a time")  # fmt: skip
        parser.add_argument("--focus", action="store_true",
                            help="simulcast, and each looks at one person large, at the others as"
                                 " thumbnails, and hears the loudest")  # fmt: skip
    if name in ("scenario3", "focus"):
        parser.add_argument("--looks", choices=focus.LOOKS, default=focus.LOOKS[0],
                            help="each at the next one, or all at one speaker")  # fmt: skip
    if name in ("peers", "focus"):
        parser.add_argument("--repeat", type=_number(int, 1, 100), default=1, metavar="T",
                            help="runs of each side; the median counts")  # fmt: skip
    if name in ("peers", "soak"):
        parser.add_argument("--voice-only", action="store_true", help="no video")
    return parser


def _impair_arguments(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    listed = "; ".join(f"{name}: {row.title}" for name, row in ROWS.items())
    parser.add_argument("rows", nargs="*", metavar="ROW", default=list(ROWS), type=_row,
                        help=f"all without any. {listed}".replace("%", "%%"))  # fmt: skip
    parser.add_argument("--seconds", type=_number(float, 2, 600), metavar="S",
                        help="of the window, instead of each row's own")  # fmt: skip
    parser.add_argument("--size", choices=SIZES, default="640x360",
                        help="of the cameras' pictures; two cores carry four 640x360")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report here, too")
    return parser


def _row(text: str) -> str:
    if text not in ROWS:
        raise argparse.ArgumentTypeError(f"no row {text}; there are {', '.join(ROWS)}")
    return text


def _title(name: str) -> str:
    return SCENARIOS[name].title if name in SCENARIOS else OTHERS[name]


def list_commands() -> None:
    """What `python -m bench` alone prints."""
    console.print("usage: python -m bench NAME [options]; NAME --help shows them\n", markup=False)
    for name in (*SCENARIOS, *OTHERS):
        console.print(f"  {name:10} {_title(name)}", highlight=False, soft_wrap=True)


def _load(name: str, options: argparse.Namespace) -> Load:
    if options.participants < 2 * options.rooms:
        raise UsageError(f"{options.participants} people in {options.rooms} rooms: each needs two")
    if -(-options.participants // options.rooms) > ROOM_LIMIT:
        raise UsageError(f"more than {ROOM_LIMIT} people in a room: use --rooms")
    if options.rooms > 1 and _focused(name, options):
        raise UsageError("one room only when people look at each other in a ring")
    kinds = SCENARIOS[name].kinds if name in SCENARIOS else AUDIO_VIDEO
    if getattr(options, "voice_only", False):
        kinds = AUDIO
    settings = {
        "kinds": list(kinds),
        "videoKbps": options.video_kbps if "video" in kinds else 0,
        "workers": options.workers,
        "drivers": options.drivers,
    }
    return Load(
        scenario=name,
        participants=options.participants,
        seconds=options.seconds,
        kinds=kinds,
        rooms=options.rooms,
        warm_up=options.warm_up,
        drivers=min(options.drivers, options.participants),
        by_sequence=_simulcast(name, options),
        settings=settings,
    )


def _focused(name: str, options: argparse.Namespace) -> bool:
    return name == "focus" or getattr(options, "focus", False)


def _simulcast(name: str, options: argparse.Namespace) -> bool:
    return _focused(name, options) or getattr(options, "simulcast", False)


def _library(name: str, options: argparse.Namespace) -> Library:
    with console.status("preparing the recordings (made once)"):
        audio = media.audio(media.AudioSpec())
        video = media.video(media.VideoSpec(bitrate_kbps=options.video_kbps))
        if not _simulcast(name, options):
            return Library(audio, video)
        return Library(audio, video, focus.layers(video), options.participants)


def _run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    _check_output(options.json)
    if name == "browser":
        if reason := browser.missing():
            raise UsageError(f"browser cannot run: {reason}")
        with OwnServer(LOOPBACK, 1, 10, 2) as server:
            return browser.measure_browser(server, options.runs, tell)
    if name == "impair":
        if reason := impair.missing():
            raise UsageError(f"impair cannot run: {reason}")
        return impair.measure_rows(options.rows, options.seconds, SIZES[options.size], tell)
    load = _load(name, options)
    if name == "peers" and (reason := peers.missing()):
        raise UsageError(f"peers cannot run: {reason}")
    library = _library(name, options)
    if library.layers:
        rates = {rid: round(r.bits_per_second / 1000) for rid, r in library.layers.items()}
        load.settings["layersKbps"] = rates
    if _focused(name, options):
        load.settings["looks"] = options.looks
    if name == "focus":
        workers, repeat = options.workers, options.repeat
        return focus.compare(load, library, LOOPBACK, workers, options.looks, repeat, tell)
    if name == "peers":
        return peers.compare(load, library, options.workers, options.repeat, tell)
    capacity = -(-load.participants // load.rooms)
    focused = _focused(name, options)
    loudest = focus.LOUDEST if focused else 0
    with OwnServer(LOOPBACK, options.workers, capacity, load.rooms, loudest=loudest) as server:
        if name == "soak":
            tell(f"{load.participants} seats for {load.seconds:g} s (Ctrl-C ends it)")
            return asyncio.run(soak(load, library, server))
        looks = options.looks if focused else ""
        people = focus.participant_class(library, load.participants, looks)
        return asyncio.run(measure(load, library, server, people, tell))


def tell(line: str) -> None:
    """One step of a run."""
    console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)


def _check_output(path: Path | None) -> None:
    """Before a long run rather than after it."""
    if path is not None and not os.access(path.parent, os.W_OK):
        raise UsageError(f"cannot write to {path.parent}")


def _show(name: str, outcome: dict[str, Any]) -> None:
    if name == "soak":
        tables.print_soak(console, outcome)
    elif name == "browser":
        tables.print_browser(console, outcome)
    elif name == "focus":
        tables.print_focus(console, outcome)
    elif name == "impair":
        impair_tables.print_impair(console, outcome)
    elif name == "peers":
        tables.print_peers(console, outcome)
    else:
        tables.print_run(console, outcome)


def _write(path: Path, outcome: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(outcome, indent=1) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 valid, 1 not valid or failed, 2 wrong use, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "list"):
        list_commands()
        return 0
    name, *rest = given
    # Whatever ends the bench must end what it started, too.
    for number in END_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        if name not in SCENARIOS and name not in OTHERS:
            near = difflib.get_close_matches(name, [*SCENARIOS, *OTHERS], 1, 0.5)
            raise UsageError(f"no scenario {name}" + (f"; did you mean {near[0]}?" if near else ""))
        if not wire.supported():
            raise UsageError("the load generator needs Linux (recvmmsg, sendmmsg)")
        options = _parser(name).parse_args(rest)
        outcome = _run(name, options)
        _show(name, outcome)
        if options.json is not None:
            _write(options.json, outcome)
    except UsageError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except FAILURES as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except (InterruptedRunError, KeyboardInterrupt) as error:
        print(f"bench: {str(error) or 'ended'}", file=sys.stderr)
        return 130
    return 0 if outcome["valid"] else 1


if __name__ == "__main__":
    sys.exit(main())
