"""What scenarios of calls share: recordings, participants, one call on a fresh server."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.context import Context, Outcome, UsageError
from bench.light.client import Client
from bench.light.participant import LoadGenerator
from bench.provenance import provenance
from bench.recordings import media
from bench.recordings.library import Library
from bench.runs.run import Load, ParticipantClass, measure

AUDIO = ("audio",)
AUDIO_VIDEO = ("audio", "video")
ROOM_LIMIT = 50
"""People that our server lets into one room at most."""
LOWER_LAYERS = {
    "q": media.VideoSpec(bitrate_kbps=100, width=160, height=90, temporal_layers=3),
    "h": media.VideoSpec(bitrate_kbps=300, width=320, height=180),
}
"""Of simulcast; the lowest has temporal layers, as our page asks of browsers."""
SCREEN = media.VideoSpec(bitrate_kbps=600, width=1280, height=720, frame_rate=10, screen=True)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What people in a call send."""

    video: media.VideoSpec = field(default_factory=media.VideoSpec)
    layers: dict[str, media.VideoSpec] = field(default_factory=dict)
    """Lower simulcast layers by rid, low to high; the highest is `video`, as `f`."""
    screen: media.VideoSpec | None = None
    talkers: int = 0
    """People who talk in turns; 0: everybody, all the time."""
    pattern: str = "meeting"
    dtx: bool = False
    seed: int = 1

    def library(self) -> Library:
        """From the cache, or made now: some seconds a recording."""
        top = media.video(self.video)
        layers = {rid: media.video(spec) for rid, spec in self.layers.items()}
        return Library(
            audio=media.audio(media.AudioSpec()),
            video=top,
            layers=layers | {"f": top} if layers else {},
            talkers=self.talkers,
            screen=media.video(self.screen) if self.screen is not None else None,
            pattern=self.pattern,
            seed=self.seed,
            dtx=self.dtx,
        )


class Group:
    """Makes the participants of one call and keeps them, to ask them afterwards."""

    def __init__(self, make: Callable[..., Client] = Client, **settings: Any) -> None:
        """`settings` go to each client that `make` makes."""
        self.clients: list[Client] = []
        self._make, self._settings = make, settings

    def __call__(self, generator: LoadGenerator, participant: int) -> Client:
        client = self._make(generator, participant, **self._settings)
        self.clients.append(client)
        return client

    @property
    def disconnected(self) -> int:
        """People whose call was lost before they left."""
        return sum(bool(client.problem) for client in self.clients)


def one_call(
    context: Context,
    load: Load,
    library: Library,
    people: ParticipantClass | None = None,
    loudest: int = 0,
) -> Outcome:
    """Run a call on a server of its own. Raises what `measure` raises, and `ServerError`."""
    largest = -(-load.participants // load.rooms)
    if largest > ROOM_LIMIT:
        raise UsageError(f"more than {ROOM_LIMIT} people in a room")
    with context.server(largest, load.rooms, context.options.workers, loudest) as server:
        return asyncio.run(measure(load, library, server, people or Group(), context.announce))


def several(scenario: str, runs: Sequence[Outcome], partial: bool, **more: Any) -> Outcome:
    """One report of several calls, each with a `label`; it is valid when each is."""
    problems = [f"{run['label']}: {text}" for run in runs for text in run["problems"]]
    return {
        "scenario": scenario,
        "runs": list(runs),
        **more,
        "valid": bool(runs) and not problems,
        "partial": partial or any(run["partial"] for run in runs),
        "problems": problems,
        **provenance(),
    }


def counts(low: int, high: int) -> Callable[[str], int]:
    """A type of command line arguments: a whole number between these."""

    def check(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text} is not a number from {low} to {high}")
        return int(text)

    return check
