"""The cells of the e-learning study: 5, 7 and 10 users, cameras off, on, and on for long.

`off`: microphones only, a lecture: the first talks most of the time, silent microphones send a
packet each 400 ms (DTX). `on`: everybody sends and receives every camera and voice, all the
time. `sustained`: the same for long, the question being whether anybody is disconnected.
"""

from __future__ import annotations

import argparse

from bench.context import Context, Outcome
from bench.real import participants as real
from bench.recordings import media
from bench.runs.calls import (
    AUDIO,
    AUDIO_VIDEO,
    ROOM_LIMIT,
    Group,
    Recorded,
    counts,
    one_call,
    several,
)
from bench.runs.run import InterruptedRunError, Load

TITLE = "5, 7 and 10 users, cameras off, on, and on for long, as in the e-learning study"
SECONDS = 10.0
USERS = (5, 7, 10)
CAMERAS = ("off", "on", "sustained")
SUSTAINED_SECONDS = 30
MAX_SUSTAINED = 24 * 3600


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which cells."""
    parser.add_argument("--users", type=counts(2, ROOM_LIMIT), nargs="+", default=list(USERS),
                        metavar="N")  # fmt: skip
    parser.add_argument("--cameras", choices=CAMERAS, nargs="+", default=list(CAMERAS))
    parser.add_argument("--sustained", type=counts(1, MAX_SUSTAINED), default=SUSTAINED_SECONDS,
                        metavar="S", help="seconds of the sustained cells")  # fmt: skip


def run(context: Context) -> Outcome:
    """All cells, each on a fresh server: `runs`, with `users`, `cameras` and `disconnected`.

    An interrupt ends it with the cells that were measured.
    """
    options = context.options
    cells = [(cameras, users) for cameras in options.cameras for users in options.users]
    runs: list[Outcome] = []
    for cameras, users in cells:
        context.announce(f"{users} users, cameras {cameras}")
        try:
            runs.append(_cell(context, users, cameras))
        except (InterruptedRunError, KeyboardInterrupt):
            if not runs:
                raise
            return several("elearning", runs, partial=True)
        if runs[-1]["partial"]:
            break
    return several("elearning", runs, partial=len(runs) < len(cells))


def _cell(context: Context, users: int, cameras: str) -> Outcome:
    options = context.options
    off = cameras == "off"
    seconds = float(options.sustained) if cameras == "sustained" else options.seconds
    aiortc = options.client == real.AIORTC
    spec = real.video if aiortc else lambda kbps: media.VideoSpec(bitrate_kbps=kbps)
    recorded = Recorded(
        video=spec(options.video_kbps),
        talkers=users if off else 0,
        pattern="lecture",
        dtx=off,
        seed=options.seed,
    )
    load = Load(
        scenario="elearning",
        participants=users,
        seconds=seconds,
        kinds=AUDIO if off else AUDIO_VIDEO,
        warm_up=options.warm_up,
        drivers=min(options.drivers, users),
        settings={"videoKbps": 0 if off else options.video_kbps, "workers": options.workers},
    )
    label = {"label": f"{users} users, cameras {cameras}", "users": users, "cameras": cameras}
    if real.is_real(options):
        if not aiortc:
            load.settings["videoKbps"] = None
        outcome = real.one_call(context, load, recorded.library() if aiortc else None)
        return {**label, "disconnected": real.disconnected(outcome), **outcome}
    group = Group()
    outcome = one_call(context, load, recorded.library(), group)
    return {**label, "disconnected": group.disconnected, **outcome}
