"""What real participants (`--client aiortc`, `--client browser`) can run, and the run."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses

from bench.context import CLIENTS, Context, Outcome, UsageError
from bench.real import call as real_call
from bench.real import chromium
from bench.real.crew import Crew
from bench.recordings import media
from bench.recordings.library import Library
from bench.runs import calls
from bench.runs.run import Load
from bench.servers.server import Server

LIGHT, AIORTC, BROWSER = CLIENTS
MOST = {AIORTC: 30, BROWSER: 20}
"""Participants: each decodes all others, and a machine that runs more of them measures itself."""
AIORTC_KEYFRAME_SECONDS = 1
SCREEN = dataclasses.replace(calls.SCREEN, keyframe_seconds=AIORTC_KEYFRAME_SECONDS)

_DECODES = (
    "real participants decode all that they receive, so a machine is full of them long before"
)
REASONS = {
    "capacity": f"it looks for the load that breaks the server, and {_DECODES}: light ones only",
    "workers": f"it fills whole workers, and {_DECODES}: light ones only",
    "churn": "it times joins to 10 ms while others join, which browsers on the same cores would"
    " slow down by themselves: light ones only; `browser` times Chromium's joins alone",
    "phone": "it times first packets, which real participants do not report: light ones only",
}
"""Why a scenario takes light participants only."""


def check(name: str, options: argparse.Namespace) -> None:
    """Raises `UsageError` where a kind of participants and the rest do not go together."""
    client = options.client
    if client == LIGHT:
        return
    if name in REASONS:
        raise UsageError(f"--client {client}: {name} cannot: {REASONS[name]}")
    if options.drivers != 1:
        raise UsageError(f"--drivers is for light participants: {client} has its own processes")
    if getattr(options, "simulcast", False) or getattr(options, "focus", False):
        why = (
            "aiortc has no simulcast"
            if client == AIORTC
            else "the page sends simulcast and snapshots at its tiles anyway"
        )
        raise UsageError(f"--simulcast and --focus are for light participants: {why}")
    if client == BROWSER and getattr(options, "talk", "all") != "all":
        raise UsageError("--talk is for recordings: a browser's fake microphone plays one voice")
    if client == BROWSER and options.video_kbps != 1000:
        raise UsageError("--video-kbps is for recordings: the page decides by itself what it sends")
    if client == BROWSER and (reason := chromium.missing()):
        raise UsageError(f"--client browser cannot run: {reason}")


def is_real(options: argparse.Namespace) -> bool:
    """Whether the participants are no light ones."""
    client: str = options.client
    return client != LIGHT


def video(bitrate_kbps: int) -> media.VideoSpec:
    """What an aiortc participant sends; its tracks learn of no request for a keyframe."""
    return media.VideoSpec(bitrate_kbps=bitrate_kbps, keyframe_seconds=AIORTC_KEYFRAME_SECONDS)


def one_call(context: Context, load: Load, library: Library | None, loudest: int = 0) -> Outcome:
    """Run a call on a server of its own. `library`: what aiortc sends; a browser needs none.

    Raises `UsageError`, `ServerError`, and what `real_call.measure` raises.
    """
    client = context.options.client
    if load.participants > MOST[client]:
        raise UsageError(
            f"more than {MOST[client]} participants of --client {client}: each decodes all others,"
            " so the machine would measure itself; light ones can be more"
        )
    largest = -(-load.participants // load.rooms)
    with context.server(largest, load.rooms, context.options.workers, loudest) as server:
        crew = _crew(client, server, load, library)
        return asyncio.run(real_call.measure(load, server, crew, context.announce))


def _crew(client: str, server: Server, load: Load, library: Library | None) -> Crew:
    if client == BROWSER:
        from bench.real.browser_crew import BrowserCrew

        return BrowserCrew(server.url)
    from bench.real.aiortc_crew import AiortcCrew

    assert library is not None
    return AiortcCrew(library, load.participants)


def disconnected(outcome: Outcome) -> int:
    """People whose call was lost before they left."""
    return len(outcome["lost"])
