"""From checked options to a report: which scenario is run how, and how often."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from typing import Any

from bench.arguments import SIZES
from bench.attack import measure as attack
from bench.context import LOOPBACK, Context, Outcome, UsageError
from bench.impair import measure as impair
from bench.provenance import provenance
from bench.real import chromium
from bench.real import participants as real
from bench.recordings import media
from bench.recordings.library import Library
from bench.runs import browser, focus, peers
from bench.runs.calls import Recorded
from bench.runs.run import InterruptedRunError, Load, measure
from bench.runs.soak import soak
from bench.scenarios import AUDIO, AUDIO_VIDEO, SCENARIOS, TABLE
from bench.servers.remote import RemoteServer
from bench.servers.server import OwnServer, Server

ROOM_LIMIT = 50
"""People that our server lets into one room at most."""

Announce = Callable[[str], None]


def run(name: str, options: argparse.Namespace, announce: Announce) -> Outcome:
    """Raises `UsageError`, and what a run ends with."""
    if name == "browser":
        _need(name, chromium.missing())
        with OwnServer(LOOPBACK, 1, 10, 2) as server:
            return browser.measure_browser(server, options.runs, announce)
    if name == "impair":
        _need(name, impair.missing(options.browser))
        size = SIZES[options.size]
        return impair.measure_rows(options.rows, options.seconds, size, options.browser, announce)
    if name == "attack":
        return attack.measure(options.names, options.seconds, announce)
    if name in TABLE:
        real.check(name, options)
        _need(name, TABLE[name].missing())
        context = _context(options, announce)
        outcome = repeated(name, options.repeat, announce, lambda: TABLE[name].run(context))
        return _elsewhere(options, outcome)
    if name in SCENARIOS:
        real.check(name, options)
        context, load = _context(options, announce), _load(name, options)
        once = _once(name, context, load)
        return _elsewhere(options, repeated(name, options.repeat, announce, once))
    return _beside(name, options, announce)


def _need(name: str, missing: str) -> None:
    if missing:
        raise UsageError(f"{name} cannot run: {missing}")


def _context(options: argparse.Namespace, announce: Announce) -> Context:
    """The scenario's server is ours, or with `--url` the box there, whatever its settings."""
    if not getattr(options, "url", ""):
        if getattr(options, "insecure", False):
            raise UsageError("--insecure is for a box elsewhere: give its --url")
        return Context(options, announce)
    if options.workers != 1:
        raise UsageError("--workers is a setting of the box itself")

    def elsewhere(people: int, rooms: int, workers: int, loudest: int = 0) -> Server:
        return RemoteServer(options.url, options.admin_token, insecure=options.insecure)

    # A wrong address is reported at once.
    elsewhere(2, 1, 1).close()
    return Context(options, announce, elsewhere)


def _elsewhere(options: argparse.Namespace, outcome: Outcome) -> Outcome:
    url = getattr(options, "url", "")
    return {**outcome, "url": url} if url else outcome


def repeated(name: str, times: int, announce: Announce, once: Callable[[], Outcome]) -> Outcome:
    """One report of so many runs in `runs`; of one run, that one itself.

    An interrupt ends it with what was measured, unless that is nothing.
    """
    runs: list[Outcome] = []
    for number in range(times):
        if times > 1:
            announce(f"run {number + 1} of {times}")
        try:
            runs.append(once())
        except (InterruptedRunError, KeyboardInterrupt):
            if not runs:
                raise
            break
        if runs[-1].get("partial"):
            break
    if times == 1:
        return runs[0]
    flat = [one for run in runs for one in run.get("runs", [run])]
    first = flat[0]
    shared = {key: first[key] for key in ("participants", "rooms", "seconds", "settings")
              if all(run.get(key) == first.get(key) for run in flat) and key in first}  # fmt: skip
    problems = [text for run in runs for text in run["problems"]]
    sentences = list(dict.fromkeys(run["sentence"] for run in runs if run.get("sentence")))
    return {
        "scenario": name,
        **shared,
        "runs": flat,
        **({"sentence": "; ".join(sentences)} if sentences else {}),
        "valid": not problems,
        "partial": len(runs) < times or any(run.get("partial") for run in runs),
        "problems": problems,
        **provenance(),
    }


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
    talk = getattr(options, "talk", "all")
    settings = {
        "kinds": list(kinds),
        **({"talk": talk, "dtx": options.dtx, "seed": options.seed} if talk != "all" else {}),
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


def _library(name: str, options: argparse.Namespace, load: Load, announce: Announce) -> Library:
    announce("preparing the recordings (made once)")
    audio = media.audio(media.AudioSpec())
    video = media.video(media.VideoSpec(bitrate_kbps=options.video_kbps))
    talk = _talk(name, options)
    if not _simulcast(name, options):
        return Library(audio, video, **talk)
    library = Library(audio, video, focus.layers(video), **talk)
    load.settings["layersKbps"] = {
        rid: round(recording.bits_per_second / 1000) for rid, recording in library.layers.items()
    }
    if _focused(name, options):
        load.settings["looks"] = options.looks
    return library


def _once(name: str, context: Context, load: Load) -> Callable[[], Outcome]:
    """One run of a plain scenario, its recordings made."""
    options, announce = context.options, context.announce
    if not real.is_real(options):
        library = _library(name, options, load, announce)
        return lambda: _call(name, context, load, library)
    recordings = None
    if options.client == real.AIORTC:
        announce("preparing the recordings (made once)")
        recorded = Recorded(video=real.video(options.video_kbps), **_talk(name, options))
        recordings = recorded.library()
    else:
        load.settings["videoKbps"] = None
    return lambda: real.one_call(context, load, recordings)


def _talk(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Who talks when, as `Library` has it: with simulcast some at a time in any case."""
    pattern, dtx = getattr(options, "talk", "all"), getattr(options, "dtx", False)
    if dtx and pattern == "all":
        raise UsageError("--dtx needs --talk: where everybody talks there is no silence")
    if pattern == "all" and not _simulcast(name, options):
        return {}
    talk = {"talkers": options.participants, "dtx": dtx, "seed": getattr(options, "seed", 1)}
    return talk if pattern == "all" else {**talk, "pattern": pattern}


def _call(name: str, context: Context, load: Load, library: Library) -> Outcome:
    options = context.options
    focused = _focused(name, options)
    capacity = -(-load.participants // load.rooms)
    loudest = focus.LOUDEST if focused else 0
    with context.server(capacity, load.rooms, options.workers, loudest) as server:
        people = focus.participant_class(
            library, load.participants, options.looks if focused else ""
        )
        return asyncio.run(measure(load, library, server, people, context.announce))


def _beside(name: str, options: argparse.Namespace, announce: Announce) -> dict[str, Any]:
    """Those that start their servers themselves."""
    load = _load(name, options)
    if name == "peers":
        _need(name, peers.missing())
    library = _library(name, options, load, announce)
    if name == "focus":
        workers, repeat = options.workers, options.repeat
        return focus.compare(load, library, LOOPBACK, workers, options.looks, repeat, announce)
    if name == "peers":
        return peers.compare(load, library, options.workers, options.repeat, announce)
    capacity = -(-load.participants // load.rooms)
    with OwnServer(LOOPBACK, options.workers, capacity, load.rooms) as server:
        announce(f"{load.participants} seats for {load.seconds:g} s (Ctrl-C ends it)")
        return asyncio.run(soak(load, library, server))
