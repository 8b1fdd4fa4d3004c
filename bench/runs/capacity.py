"""How many people, voices and rooms this box carries, by search.

Theory of operation. One question at a time: a call of so many is held on a fresh server, and it
is carried when nothing of `LIMITS` is broken. The number doubles until it is not carried, then
the gap is halved until it is found. What is not carried is tried a second time, so that one hiccup
of the machine does not decide. Everybody sends all the time and receives everybody else in the
room in full: no layers, no tiles, every voice. So a real meeting needs less.

When the load generator is the bottleneck, nothing is known of the server beyond: the answer is
then "at least", and the report states it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from bench.context import Context, Outcome
from bench.light.fleet import FleetError
from bench.light.signaling import ParticipantError
from bench.provenance import provenance
from bench.recordings.media import VideoSpec
from bench.runs.calls import AUDIO, AUDIO_VIDEO, ROOM_LIMIT, Recorded, counts, one_call
from bench.runs.run import InterruptedRunError, Load

TITLE = "how many people at 720p, voices, and rooms of five this box carries"
SECONDS = 5.0
MAX_LOSS_PERCENT = 1.0
MAX_DELAY_P99_MS = 50.0
MAX_CPU_PERCENT = 85.0
"""Of a core, of the busiest process that carries media."""
TRIES = 2
ROOM_OF = 5
VIDEO = VideoSpec(bitrate_kbps=1500, width=1280, height=720, seconds=10)

By = Literal["", "quality", "loadGenerator"]


class Trial(NamedTuple):
    """What came of one number."""

    by: By
    """What broke; empty: it is carried."""
    why: str = ""


class Found(NamedTuple):
    """The answer of a search."""

    carried: int
    """The highest number that was; 0: none."""
    broken: int | None
    """The lowest number above it that was not; None: the search's end was carried."""
    by: By
    why: str


@dataclass(frozen=True)
class Question:
    """What is counted."""

    first: int
    most: int
    kinds: tuple[str, ...]
    each: int = 1
    """People for each one counted."""
    words: str = ""
    """Behind the number."""

    def rooms(self, count: int) -> int:
        """In so many rooms they sit."""
        return count if self.each > 1 else -(-count // ROOM_LIMIT)


QUESTIONS = {
    "people": Question(2, ROOM_LIMIT, AUDIO_VIDEO, words="people at 720p"),
    "voices": Question(10, 500, AUDIO, words="voices"),
    "rooms": Question(1, 100, AUDIO_VIDEO, ROOM_OF, f"rooms of {ROOM_OF}"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which questions, and where they end."""
    parser.add_argument("--questions", choices=list(QUESTIONS), nargs="+", default=list(QUESTIONS))
    parser.add_argument("--most", type=counts(1, 500), metavar="N",
                        help="try no more than so many")  # fmt: skip


def search(trial: Callable[[int], Trial], first: int, most: int) -> Found:
    """The highest number from `first` to `most` that is carried, if larger ones are harder.

    At most 2 log2(most / first) + 2 trials.
    """
    carried, number = 0, min(first, most)
    outcome = trial(number)
    while not outcome.by:
        carried = number
        if number == most:
            return Found(carried, None, "", "")
        number = min(2 * number, most)
        outcome = trial(number)
    broken, reason = number, outcome
    # Below `first` there may be a number that is carried.
    while broken - carried > 1:
        number = (carried + broken) // 2
        outcome = trial(number)
        if outcome.by:
            broken, reason = number, outcome
        else:
            carried = number
    return Found(carried, broken, reason.by, reason.why)


def judge(outcome: Outcome) -> Trial:
    """Which limit a call's report exceeds. The load generator's own come first: where it was
    the bottleneck, the other figures are its, too."""
    generator = [text for text in outcome["problems"] if "load generator" in text]
    if generator:
        return Trial("loadGenerator", generator[0])
    if outcome["problems"]:
        return Trial("quality", outcome["problems"][0])
    loss = outcome["summary"]["packetLossPercent"]
    if loss > MAX_LOSS_PERCENT:
        return Trial("quality", f"loss {loss:.2f} % (at most {MAX_LOSS_PERCENT:g} %)")
    delay = outcome["summary"]["delayMs"]["p99"]
    if delay > MAX_DELAY_P99_MS:
        return Trial("quality", f"delay p99 {delay:.1f} ms (at most {MAX_DELAY_P99_MS:g} ms)")
    cpu = max((p["cpuPercent"] for p in outcome["server"]["processes"] if p["media"]), default=0.0)
    if cpu > MAX_CPU_PERCENT:
        return Trial("quality", f"CPU {cpu:.0f} % of a core (at most {MAX_CPU_PERCENT:g} %)")
    return Trial("")


def run(context: Context) -> Outcome:
    """`answers` by question, `sentence`, and in `runs` each call that was held.

    An interrupt ends it with the questions that were answered.
    """
    answers: dict[str, Found] = {}
    runs: list[Outcome] = []
    partial = False
    for name in context.options.questions:
        try:
            answers[name] = _answer(context, name, runs)
        except (InterruptedRunError, KeyboardInterrupt):
            if not runs:
                raise
            partial = True
            break
    for name, found in answers.items():
        context.announce(words(name, found))
    return {
        "scenario": "capacity",
        "answers": {name: found._asdict() for name, found in answers.items()},
        "sentence": sentence(answers),
        "limits": {
            "lossPercent": MAX_LOSS_PERCENT,
            "delayP99Ms": MAX_DELAY_P99_MS,
            "cpuPercent": MAX_CPU_PERCENT,
        },
        "runs": runs,
        "seconds": context.options.seconds,
        "settings": {"videoKbps": VIDEO.bitrate_kbps, "workers": context.options.workers},
        "valid": bool(answers) and not partial,
        "partial": partial,
        "problems": [] if answers else ["nothing was answered"],
        **provenance(),
    }


def _answer(context: Context, name: str, runs: list[Outcome]) -> Found:
    question = QUESTIONS[name]
    most = min(question.most, context.options.most or question.most)

    def trial(count: int) -> Trial:
        last = Trial("")
        for _ in range(TRIES):
            last = _try(context, question, count, runs)
            context.announce(f"{count} {question.words}: {last.why or 'carried'}")
            if not last.by:
                break
        return last

    return search(trial, question.first, most)


def _try(context: Context, question: Question, count: int, runs: list[Outcome]) -> Trial:
    options = context.options
    people = max(2, count * question.each)
    load = Load(
        scenario="capacity",
        participants=people,
        seconds=options.seconds,
        kinds=question.kinds,
        rooms=question.rooms(count),
        warm_up=options.warm_up,
        drivers=min(options.drivers, people),
        settings={"videoKbps": VIDEO.bitrate_kbps, "workers": options.workers},
    )
    try:
        outcome = one_call(context, load, Recorded(video=VIDEO).library())
    except (ParticipantError, FleetError) as error:
        return Trial("quality", f"the call did not come about: {error}")
    if outcome["partial"]:
        raise InterruptedRunError("ended in the middle of a call")
    result = judge(outcome)
    runs.append(
        {"label": f"{count} {question.words}", "count": count, "broken": result.why, **outcome}
    )
    return result


def words(name: str, found: Found) -> str:
    """One question's answer, with what broke beyond."""
    question = QUESTIONS[name]
    if found.broken is None:
        return f"{found.carried} {question.words} are carried, and more was not tried"
    if found.by == "loadGenerator":
        return (
            f"at least {found.carried} {question.words}; at {found.broken} {found.why}, so that"
            " nothing is known of the server beyond"
        )
    return f"{found.carried} {question.words}; at {found.broken}: {found.why}"


def sentence(answers: dict[str, Found]) -> str:
    """What the box carries, in one line."""
    parts = []
    for name, found in answers.items():
        known = found.by == "quality"
        parts.append(f"{'' if known else 'at least '}{found.carried} {QUESTIONS[name].words}")
    return f"this box carries {', '.join(parts)}" if parts else ""
