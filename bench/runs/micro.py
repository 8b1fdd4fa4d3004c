"""Microseconds a packet in each stage of the hot path, and beside another source tree.

Theory of operation. `runs.micro_room` measures one room in a process of its own. Processes are
started in turns, this tree and with `--against` another, and of each stage the quickest round of
all counts: on a machine with other work, the minimum of many short rounds is what repeats, where a
mean does not. `spread` is by how much the processes' own minima differ: what differs by less
between two trees is noise. The other tree's `sfu` and `qos` are measured with this tree's bench.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.context import Context, Outcome, UsageError
from bench.provenance import provenance
from bench.runs.calls import ROOM_LIMIT, counts
from bench.runs.micro_room import STAGES, WHOLE

TITLE = "microseconds per stage of the hot path, in this process, without a network"
SECONDS = 1.0
PROCESS_SECONDS = 120.0
PEOPLE, ROUNDS, PROCESSES = 10, 60, 5
_ROOT = Path(__file__).parents[2]
_CHILD = """\
import sys
tree, *sys.argv[1:] = sys.argv[1:]
sys.path.insert(0, tree)
from bench.runs.micro_room import main
main()
"""
"""Each tree is driven by its own `micro_room`, which knows where its modules are."""


class MicroError(UsageError):
    """A process of the measurement failed; the text has its last line."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """How much, and beside what."""
    parser.add_argument("--people", type=counts(2, ROOM_LIMIT), default=PEOPLE, metavar="N")
    parser.add_argument("--rounds", type=counts(1, 10_000), default=ROUNDS, metavar="R",
                        help="of 40 ms of a call, in each process")  # fmt: skip
    parser.add_argument("--processes", type=counts(1, 100), default=PROCESSES, metavar="T",
                        help="of each tree, in turns; the quickest of all counts")  # fmt: skip
    parser.add_argument("--against", type=Path, metavar="FOLDER",
                        help="another source tree, as it was before a change")  # fmt: skip


def run(context: Context) -> Outcome:
    """`stages` with `microseconds`, `median`, `spread` and, with `--against`, `before` and `ratio`.

    An interrupt ends it with the processes that have run. Raises `UsageError`.
    """
    options = context.options
    trees = {"now": _ROOT} | ({"before": _tree(options.against)} if options.against else {})
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in trees}
    partial = False
    try:
        for number in range(options.processes):
            for name in trees if number % 2 == 0 else list(trees)[::-1]:
                context.announce(f"process {number + 1} of {options.processes}: {name}")
                found[name].append(_measure(trees[name], options.people, options.rounds))
    except KeyboardInterrupt:
        if not all(found.values()):
            raise
        partial = True
    problems = [
        f"{name}: {child['packetsOut']} of {child['expectedOut']} packets were sent on"
        for name, children in found.items()
        for child in children
        if child["packetsOut"] != child["expectedOut"] or child["dropped"]
    ]
    sides = {name: figures(children) for name, children in found.items()}
    return {
        "scenario": "micro",
        "people": options.people,
        "rounds": options.rounds,
        "processes": options.processes,
        "profile": found["now"][0]["profile"],
        "stages": stages(sides),
        "microsecondsPerPacketOut": {
            name: round(whole(side, options.people), 3) for name, side in sides.items()
        },
        "valid": not problems and not partial,
        "partial": partial,
        "problems": problems,
        **provenance(),
    }


def _tree(path: Path) -> Path:
    folder = path.resolve()
    if not (folder / "bench" / "runs" / "micro_room.py").is_file():
        raise UsageError(f"{path} is no source tree of this server")
    return folder


def _measure(tree: Path, people: int, rounds: int) -> dict[str, Any]:
    command = [sys.executable, "-c", _CHILD, str(tree), str(people), str(rounds)]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=PROCESS_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise MicroError(f"no result within {PROCESS_SECONDS:.0f} s: fewer --rounds") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise MicroError(f"measuring {tree} failed: {last}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def figures(children: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each stage the minimum of all rounds, the median of medians, and the spread of minima."""
    found = {}
    for stage in STAGES:
        best = [child["microseconds"][stage] for child in children]
        medians = sorted(child["medians"][stage] for child in children)
        found[stage] = {
            "microseconds": min(best),
            "median": medians[len(medians) // 2],
            "spread": round(sorted(best)[len(best) // 2] - min(best), 3),
        }
    return found


def stages(sides: dict[str, dict[str, dict[str, float]]]) -> list[dict[str, Any]]:
    """One row a stage; `ratio` is now over before, `noise` whether they differ by less than the
    spread of either."""
    rows = []
    for stage, words in STAGES.items():
        row: dict[str, Any] = {"stage": stage, "for": words, **sides["now"][stage]}
        if "before" in sides:
            before = sides["before"][stage]
            row["before"] = before["microseconds"]
            if before["microseconds"]:
                row["ratio"] = round(row["microseconds"] / before["microseconds"], 3)
            difference = abs(row["microseconds"] - before["microseconds"])
            row["noise"] = difference <= max(row["spread"], before["spread"])
        rows.append(row)
    return rows


def whole(side: dict[str, dict[str, float]], people: int) -> float:
    """Microseconds of the whole path a packet sent on: one that comes in goes to all others."""
    out = people - 1
    return sum(
        side[stage]["microseconds"] / (out if stage in ("receive", "ingress") else 1)
        for stage in WHOLE
    )
