"""One presenter with camera, microphone and a shared screen; everybody else receives only.

The presenter's camera is simulcast. Each viewer reports its tiles: the screen large, the
presenter as a thumbnail. So the server chooses what to send on, and loss is counted by the gaps in
sequence numbers.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from bench.context import Context, Outcome
from bench.light.client import Client
from bench.real import participants as real
from bench.recordings import media
from bench.runs.calls import (
    AUDIO_VIDEO,
    LOWER_LAYERS,
    ROOM_LIMIT,
    SCREEN,
    Group,
    Recorded,
    counts,
    one_call,
)
from bench.runs.run import Load

TITLE = "one presenter with camera and screen, and viewers"
SECONDS = 30.0
VIEWERS = 20
_PRESENTER = 0


def arguments(parser: argparse.ArgumentParser) -> None:
    """How many viewers."""
    parser.add_argument("--viewers", type=counts(1, ROOM_LIMIT - 1), default=VIEWERS, metavar="N")


class Seat(Client):
    """The presenter is participant 0; all others send nothing."""

    async def publish(self, kinds: tuple[str, ...]) -> None:
        """Of the presenter only."""
        if self.participant == _PRESENTER:
            await super().publish(kinds)


@dataclass(frozen=True)
class Class(Load):
    """Everybody but the presenter receives all that the presenter sends."""

    def kinds_of(self, participant: int) -> tuple[str, ...]:
        return self.kinds if participant == _PRESENTER else ()

    def tracks_for(self, participant: int) -> int:
        return 0 if participant == _PRESENTER else len(self.kinds)


def run(context: Context) -> Outcome:
    """One call; `viewers` and `disconnected` beside what a call reports."""
    options = context.options
    people = options.viewers + 1
    load = Class(
        scenario="classroom",
        participants=people,
        seconds=options.seconds,
        kinds=(*AUDIO_VIDEO, "screen"),
        warm_up=options.warm_up,
        drivers=min(options.drivers, people),
        by_sequence=True,
        settings={
            "videoKbps": options.video_kbps,
            "screenKbps": SCREEN.bitrate_kbps,
            "workers": options.workers,
        },
    )
    if real.is_real(options):
        return {**_real(context, load), "viewers": options.viewers}
    recorded = Recorded(
        video=media.VideoSpec(bitrate_kbps=options.video_kbps),
        layers=LOWER_LAYERS,
        screen=SCREEN,
        seed=options.seed,
    )
    library = recorded.library()
    group = Group(Seat, rids=tuple(library.layers), main=_PRESENTER)
    outcome = one_call(context, load, library, group)
    return {**outcome, "viewers": options.viewers, "disconnected": group.disconnected}


def _real(context: Context, load: Load) -> Outcome:
    """aiortc shares a recorded screen, and a browser its own."""
    library = None
    if context.options.client == real.AIORTC:
        recorded = Recorded(video=real.video(context.options.video_kbps), screen=real.SCREEN)
        library = recorded.library()
    else:
        load.settings.update(videoKbps=None, screenKbps=None)
    outcome = real.one_call(context, load, library)
    return {**outcome, "disconnected": real.disconnected(outcome)}
