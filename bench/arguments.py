"""The flags of the command line, and the errors for wrong ones."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from bench.attack.catalogue import ATTACKS
from bench.context import CLIENTS, UsageError
from bench.impair.measure import BROWSERS
from bench.impair.rows import ROWS
from bench.light.talk import PATTERNS
from bench.output import FORMATS
from bench.provenance import SECRET
from bench.runs import focus
from bench.scenarios import OTHERS, SCENARIOS, TABLE

MAX_PARTICIPANTS = 500
MAX_SECONDS = 7 * 24 * 3600
MAX_REPEAT = 100
SIZES = {"640x360": (640, 360), "1280x720": (1280, 720)}
TOKEN_VARIABLE = "SFU_ADMIN_TOKEN"
COMMANDS = {
    "compare": "two reports beside each other: ratios, and what differs beyond noise",
    "studies": "the rows of the published studies, with their grades",
}
"""What is no measurement."""
HERE_ONLY = ("micro",)
"""What of the table holds no call: none of the flags of calls are for it."""

ORDER = (
    "scenario1", "scenario2", "scenario3", "elearning", "classroom", "phone", "churn",
    "capacity", "soak", "micro", "impair", "attack", "peers", "focus", "browser", "compare",
    "studies",
)  # fmt: skip


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def names() -> dict[str, str]:
    """Everything that can be asked for, with its line, in the order of the list."""
    found = {name: scenario.title for name, scenario in SCENARIOS.items()}
    found |= OTHERS | {name: entry.title for name, entry in TABLE.items()} | COMMANDS
    places = {name: place for place, name in enumerate(ORDER)}
    return dict(sorted(found.items(), key=lambda pair: places.get(pair[0], len(places))))


def check_name(name: str) -> None:
    """Raises `UsageError` for one that is not there, with the nearest."""
    known = names()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.5)
        raise UsageError(f"no scenario {name}" + (f"; did you mean {near[0]}?" if near else ""))


def number(kind: Callable[[str], float], low: float, high: float) -> Callable[[str], Any]:
    """A type of arguments: a number between these."""

    def check(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not a number from {low:g} to {high:g}")
        return value

    return check


def parser(name: str) -> argparse.ArgumentParser:
    """Of what `check_name` lets pass."""
    # A shortened --admin-token would not be recognised where a report leaves the token out.
    made = _Parser(prog=f"python -m bench {name}", description=names()[name], allow_abbrev=False)
    if name == "compare":
        made.add_argument("first", type=Path, metavar="A.json")
        made.add_argument("second", type=Path, metavar="B.json")
        return made
    if name == "studies":
        return made
    if name == "browser":
        made.add_argument("--runs", type=number(int, 1, 100), default=5, metavar="N",
                          help="joins; the median counts")  # fmt: skip
    elif name == "impair":
        _impair(made)
    elif name == "attack":
        _attack(made)
    elif name in HERE_ONLY:
        TABLE[name].arguments(made)
        made.set_defaults(repeat=1, client=CLIENTS[0], seconds=TABLE[name].seconds)
    else:
        _load(made, name)
        if name in TABLE:
            TABLE[name].arguments(made)
        else:
            _own(made, name)
    _outputs(made)
    return made


def with_token(words: Sequence[str], made: argparse.ArgumentParser) -> list[str]:
    """The words with a token joined to its flag, because a token may begin with `-` and argparse
    takes that for a flag. A word that is a flag of this parser stays one."""
    flags = {flag for action in made._actions for flag in action.option_strings}
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == SECRET and word.partition("=")[0] not in flags:
            joined[-1] = f"{SECRET}={word}"
        else:
            joined.append(word)
    return joined


def _outputs(made: argparse.ArgumentParser) -> None:
    for form, what in zip(FORMATS, ("everything", "one row a run", "a page to read and print"),
                          strict=True):  # fmt: skip
        made.add_argument(f"--{form}", type=Path, metavar="FILE", help=f"write {what}, too")


def _load(made: argparse.ArgumentParser, name: str) -> None:
    plain = name in SCENARIOS
    if name not in TABLE:
        usual = SCENARIOS[name].participants if plain else 10
        made.add_argument("--participants", type=number(int, 2, MAX_PARTICIPANTS), default=usual,
                          metavar="N")  # fmt: skip
        made.add_argument("--rooms", type=number(int, 1, 100), default=1, metavar="R",
                          help="the people are spread evenly over so many rooms")  # fmt: skip
    seconds = TABLE[name].seconds if name in TABLE else 600.0 if name == "soak" else 30.0
    made.add_argument("--seconds", type=number(float, 1, MAX_SECONDS), default=seconds)
    made.add_argument("--warm-up", type=number(float, 0, 600), default=3.0, metavar="S",
                      help="seconds of media before the window")  # fmt: skip
    made.add_argument("--video-kbps", type=number(int, 50, 8000), default=1000, metavar="K")
    made.add_argument("--workers", type=number(int, 1, 64), default=1, metavar="W",
                      help="media workers of our server")  # fmt: skip
    made.add_argument("--drivers", type=number(int, 1, 64), default=1, metavar="D",
                      help="processes of the load generator")  # fmt: skip
    if name != "soak":
        made.add_argument("--repeat", type=number(int, 1, MAX_REPEAT), default=1, metavar="T",
                          help="so many runs; medians count")  # fmt: skip
    if name in TABLE or plain:
        made.add_argument("--client", choices=CLIENTS, default=CLIENTS[0],
                          help="kind of participants: the bench's own, aiortc peers, or"
                               " Chromium with the real page")  # fmt: skip
        made.add_argument("--seed", type=number(int, 0, 2**31), default=1, metavar="N",
                          help="of everything that is random")  # fmt: skip
        _elsewhere(made)


def _elsewhere(made: argparse.ArgumentParser) -> None:
    made.add_argument("--url", default="", metavar="URL",
                      help="a box elsewhere, as https://box.local")  # fmt: skip
    made.add_argument("--insecure", action="store_true", help="take any certificate of the box")
    made.add_argument("--admin-token", default=os.environ.get(TOKEN_VARIABLE, ""), metavar="T",
                      help=f"of the box, for its CPU and memory; or ${TOKEN_VARIABLE}")  # fmt: skip


def _own(made: argparse.ArgumentParser, name: str) -> None:
    if name == "scenario3":
        made.add_argument("--simulcast", action="store_true",
                          help="three layers each; two or three talk at a time")  # fmt: skip
        made.add_argument("--focus", action="store_true",
                          help="simulcast, and each looks at one person large, at the others as"
                               " thumbnails, and hears the loudest")  # fmt: skip
    if name in SCENARIOS:
        made.add_argument("--talk", choices=("all", *PATTERNS), default="all",
                          help="who speaks when; all: everybody all the time, as in the"
                               " studies' captures")  # fmt: skip
        made.add_argument("--dtx", action="store_true",
                          help="with --talk: the silent send a packet each 400 ms")  # fmt: skip
    if name in ("scenario3", "focus"):
        made.add_argument("--looks", choices=focus.LOOKS, default=focus.LOOKS[0],
                          help="each at the next one, or all at one speaker")  # fmt: skip
    if name in ("peers", "soak"):
        made.add_argument("--voice-only", action="store_true", help="no video")


def _impair(made: argparse.ArgumentParser) -> None:
    listed = "; ".join(f"{name}: {row.title}" for name, row in ROWS.items())
    made.add_argument("rows", nargs="*", metavar="ROW", default=list(ROWS), type=_row,
                      help=f"all without any. {listed}".replace("%", "%%"))  # fmt: skip
    made.add_argument("--seconds", type=number(float, 2, 600), metavar="S",
                      help="of the window, instead of each row's own")  # fmt: skip
    made.add_argument("--size", choices=SIZES, default="640x360",
                      help="of the cameras' frames; two cores carry four 640x360")  # fmt: skip
    made.add_argument("--browser", choices=BROWSERS, default=BROWSERS[0],
                      help="behind the impaired link: the viewer, or the publisher where it is"
                           " that one's; all others are Chromiums")  # fmt: skip


def _attack(made: argparse.ArgumentParser) -> None:
    listed = "; ".join(f"{name}: {one.title}" for name, one in ATTACKS.items())
    made.add_argument("names", nargs="*", metavar="NAME", default=list(ATTACKS), type=_attack_name,
                      help=f"all without any. {listed}".replace("%", "%%"))  # fmt: skip
    made.add_argument("--seconds", type=number(float, 1, 600), metavar="S",
                      help="of each attack; 8 for up to three of them, else 3.5")  # fmt: skip


def _attack_name(text: str) -> str:
    if text not in ATTACKS:
        raise argparse.ArgumentTypeError(f"no attack {text}; there are {', '.join(ATTACKS)}")
    return text


def _row(text: str) -> str:
    if text not in ROWS:
        raise argparse.ArgumentTypeError(f"no row {text}; there are {', '.join(ROWS)}")
    return text
