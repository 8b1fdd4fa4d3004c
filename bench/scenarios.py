"""All that `python -m bench NAME` can run: one table of names, one line each, and functions.

A scenario is asked in this order: `arguments` adds its own flags to the parser, `missing` says
what this machine lacks for it, `run` does it. The flags that all scenarios share are in
`bench.context.Context`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from bench.context import Context, Outcome
from bench.runs import capacity, churn, classroom, elearning, micro, phone, workers
from bench.runs.calls import AUDIO as AUDIO
from bench.runs.calls import AUDIO_VIDEO as AUDIO_VIDEO


@dataclass(frozen=True)
class Scenario:
    """A call: everybody sends all `kinds` and receives everybody else's."""

    title: str
    participants: int
    kinds: tuple[str, ...]


SCENARIOS = {
    "scenario1": Scenario("voice call, two people", 2, AUDIO),
    "scenario2": Scenario("video call, two people", 2, AUDIO_VIDEO),
    "scenario3": Scenario("call conference, ten people on camera", 10, AUDIO_VIDEO),
}

OTHERS = {
    "soak": "people join and leave all the time; memory and descriptors over time",
    "browser": "Chromium: seconds from join to the first frame, and to full quality",
    "impair": "browsers on bad networks: loss, thin links, outages, no UDP (needs root)",
    "attack": "a call of ten people, and what they notice while others attack the server",
    "focus": "one large tile, thumbnails, the loudest voices, beside everything to everybody",
    "peers": "the same load against our server and Janus VideoRoom in turns (needs root)",
}


def _no_flags(_: argparse.ArgumentParser) -> None:
    """It has none of its own."""


def _nothing() -> str:
    return ""


@dataclass(frozen=True)
class Entry:
    """One row of the table of those that bring their own function."""

    title: str
    """One line."""
    run: Callable[[Context], Outcome]
    """Raises `UsageError`, or what ends a run with one line (`ParticipantError`, `FleetError`,
    `ServerError`, `NamespaceError`, `InterruptedRunError`)."""
    seconds: float
    """Of one window, unless `--seconds` says otherwise."""
    arguments: Callable[[argparse.ArgumentParser], None] = _no_flags
    missing: Callable[[], str] = _nothing
    """What this machine lacks, in words; empty when it can run."""


TABLE: dict[str, Entry] = {
    "elearning": Entry(elearning.TITLE, elearning.run, elearning.SECONDS, elearning.arguments),
    "classroom": Entry(classroom.TITLE, classroom.run, classroom.SECONDS, classroom.arguments),
    "capacity": Entry(capacity.TITLE, capacity.run, capacity.SECONDS, capacity.arguments),
    "phone": Entry(phone.TITLE, phone.run, phone.SECONDS, phone.arguments),
    "churn": Entry(churn.TITLE, churn.run, churn.SECONDS, churn.arguments),
    "micro": Entry(micro.TITLE, micro.run, micro.SECONDS, micro.arguments),
    "workers": Entry(workers.TITLE, workers.run, workers.SECONDS, workers.arguments),
}
"""By name. `SCENARIOS` and `OTHERS` have the others."""
