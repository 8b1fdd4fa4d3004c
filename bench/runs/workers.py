"""One media worker beside several, under the same load of rooms.

Where cores are left for it, several carry more; where the load generator needs them, what can be
compared is CPU per packet. A worker is one loop on one core, so what so many carry is
`carriedRatio` = workers * CPU per packet of one / CPU per packet of all: an extrapolation to full
cores, not a measurement at them.
"""

from __future__ import annotations

import argparse
from typing import Any

from bench.context import Context, Outcome, UsageError
from bench.recordings.media import VideoSpec
from bench.runs.calls import AUDIO_VIDEO, Recorded, counts, one_call, several
from bench.runs.run import InterruptedRunError, Load

TITLE = "one media worker beside two under the same rooms, in CPU per packet"
SECONDS = 10.0
ROOM_OF = 5
REQUIRED_RATIO = 1.8


def arguments(parser: argparse.ArgumentParser) -> None:
    """How many of each."""
    parser.add_argument("--several", type=counts(2, 64), default=2, metavar="W",
                        help="workers beside one")  # fmt: skip
    parser.add_argument("--fives", type=counts(2, 100), default=4, metavar="R",
                        help="rooms of five people on camera")  # fmt: skip


def run(context: Context) -> Outcome:
    """`runs` with `workers`, and `carriedRatio`; None unless both were measured."""
    if context.options.url:
        raise UsageError("a box elsewhere keeps its number of workers")
    options = context.options
    runs: list[Outcome] = []
    partial = False
    for number in (1, options.several):
        context.announce(f"{options.fives} rooms of {ROOM_OF}, workers: {number}")
        try:
            runs.append(_call(context, number))
        except (InterruptedRunError, KeyboardInterrupt):
            if not runs:
                raise
            partial = True
        if partial or runs[-1]["partial"]:
            break
    ratio = carried_ratio(runs, options.several)
    return several(
        "workers", runs, partial, carriedRatio=ratio, required=REQUIRED_RATIO,
        met=None if ratio is None else ratio >= REQUIRED_RATIO * options.several / 2,
    )  # fmt: skip


def _call(context: Context, workers: int) -> Outcome:
    options = context.options
    options = argparse.Namespace(**{**vars(options), "workers": workers})
    load = Load(
        scenario="workers",
        participants=ROOM_OF * options.fives,
        seconds=options.seconds,
        kinds=AUDIO_VIDEO,
        rooms=options.fives,
        warm_up=options.warm_up,
        drivers=options.drivers,
        settings={"videoKbps": options.video_kbps, "workers": workers},
    )
    library = Recorded(video=VideoSpec(bitrate_kbps=options.video_kbps)).library()
    outcome = one_call(Context(options, context.announce), load, library)
    words = "1 worker" if workers == 1 else f"{workers} workers"
    return {"label": words, "workers": workers, **outcome}


def carried_ratio(runs: list[dict[str, Any]], workers: int) -> float | None:
    """What `workers` carry of what one carries, by the CPU of their processes for a packet."""
    if len(runs) < 2:
        return None
    one, all_of_them = (run["server"]["cpuMicrosPerForwardedPacket"] for run in runs)
    return round(workers * one / all_of_them, 2) if all_of_them else None
