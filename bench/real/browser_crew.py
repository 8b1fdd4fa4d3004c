"""Participants in a headless Chromium: the real page with fake devices, a context for each.

Theory of operation. One Chromium for all, because on a small machine its processes are what is
short; each participant has a context and a page of its own, comes in through the lobby, and is
asked for its statistics by the script that `impair` uses. What they say is W3C webrtc-stats.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Sequence
from typing import Any

from bench.impair import clip as impair_clip
from bench.real import chromium, room_page
from bench.real.crew import (
    CONNECT_SECONDS,
    RECEIVE_SECONDS,
    SNAPSHOT_SECONDS,
    CrewError,
    InboundTrack,
    KindOfClient,
    OutboundTrack,
    Part,
    Snapshot,
    named,
    number_of,
)
from bench.servers import processes

KIND = KindOfClient(
    "browser",
    not_known=(
        "one-way delay: a browser does not report when a packet was sent on the receiver's clock",
        "how late packets are sent: a browser paces them by itself",
    ),
    shares_cores=True,
    camera_rate=impair_clip.CLIP_RATE,
    settings={
        "video": "simulcast as the page decides, from a fake camera of 640x360, 25 frames a"
        " second; each viewer gets what its tiles and its network carry",
    },
)
_CAMERA = (640, 360)
_POLL_SECONDS = 0.1
_OPUS_SAMPLES = 960
"""Of one frame (20 ms at 48 kHz)."""
_ANSWER_SECONDS = 2.0
_PROBLEM = "document.getElementById('join-problem')?.textContent.trim() ?? ''"
_JOINED = """
window.conference?.state === 'joined'
  && (!{publishes} || window.conference.publishConnection?.connectionState === 'connected')
"""


class BrowserCrew:
    """See `real.crew.Crew`."""

    kind = KIND

    def __init__(self, url: str) -> None:
        self._url = url
        self._stack = contextlib.AsyncExitStack()
        self._browser: Any = None
        self._root = 0
        """Playwright's process, from which all others descend."""
        self._pages: dict[int, Any] = {}

    async def __aenter__(self) -> BrowserCrew:
        from playwright.async_api import Error, async_playwright

        before = set(processes.children(os.getpid()))
        camera = impair_clip.clip(*_CAMERA)
        flags = chromium.flags(camera, impair_clip.speech(0), self._url)
        try:
            play = await self._stack.enter_async_context(async_playwright())
            self._browser = await play.chromium.launch(
                executable_path=chromium.executable(),
                args=flags,
                # Ctrl-C is for the bench, which asks the pages before it ends them.
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        except Error as error:
            await self._stack.aclose()
            raise CrewError(chromium.error_line(error)) from None
        except BaseException:
            await self._stack.aclose()
            raise
        started = set(processes.children(os.getpid())) - before
        self._root = max(started, key=lambda pid: len(processes.children(pid)), default=0)
        return self

    async def __aexit__(self, *_: object) -> None:
        from playwright.async_api import Error

        try:
            if self._browser is not None:
                with contextlib.suppress(Error):
                    await self._browser.close()
        finally:
            await self._stack.aclose()

    async def join(self, part: Part) -> None:
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._come(part)
        except TimeoutError:
            problem = await self._join_problem(part.participant)
            raise CrewError(
                f"participant {part.participant} is not in the call after {CONNECT_SECONDS:g} s"
                + (f"; the page reports: {problem}" if problem else "")
            ) from None
        except Error as error:
            raise _lost(part, error) from None

    async def _join_problem(self, participant: int) -> str:
        """The lobby's message about a failed join; empty without one."""
        from playwright.async_api import Error

        page = self._pages.get(participant)
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                return str(await page.evaluate(_PROBLEM)) if page is not None else ""
        return ""

    async def _come(self, part: Part) -> None:
        context = await self._browser.new_context(ignore_https_errors=True)
        await context.add_init_script(path=room_page.SAMPLER)
        page = await context.new_page()
        self._pages[part.participant] = page
        await page.goto(f"{part.url}/r/{part.room}")
        devices = bool(part.kinds)
        await _until(page, room_page.lobby_is_ready(with_devices=devices))
        if devices and "video" not in part.kinds:
            await page.evaluate("document.getElementById('lobby-camera').click()")
            await _until(page, "!document.getElementById('preview').srcObject?.active")
        await page.evaluate(room_page.press_join(named(part.participant), with_devices=devices))
        await _until(page, _JOINED.format(publishes=json.dumps(devices)))
        if "screen" in part.kinds:
            # A key as the keyboard sends it has the rights that sharing needs.
            await page.keyboard.press("s")

    async def receive(self, part: Part) -> None:
        """Something of every track was decoded and played."""
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(RECEIVE_SECONDS):
                while True:
                    snapshot = await self._snapshot(part.participant)
                    if sum(track.frames > 0 for track in snapshot.received) >= part.tracks:
                        return
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise CrewError(
                f"participant {part.participant} does not receive all tracks after"
                f" {RECEIVE_SECONDS:g} s"
            ) from None
        except Error as error:
            raise _lost(part, error) from None

    async def begin(self) -> None:
        """Pages count on and on."""

    async def snapshots(self) -> list[Snapshot]:
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(SNAPSHOT_SECONDS):
                return list(await asyncio.gather(*map(self._snapshot, sorted(self._pages))))
        except TimeoutError:
            raise CrewError(f"Chromium gave no answer for {SNAPSHOT_SECONDS:g} s") from None
        except Error as error:
            raise CrewError(chromium.error_line(error)) from None

    async def _snapshot(self, participant: int) -> Snapshot:
        return snapshot_of(participant, await self._pages[participant].evaluate("bench.snapshot()"))

    async def leave(self) -> None:
        """By the button, as people do."""
        from playwright.async_api import Error

        for page in self._pages.values():
            with contextlib.suppress(Error):
                await page.evaluate("void document.getElementById('leave').click()")

    def processes(self) -> Sequence[Sequence[int]]:
        return [[self._root, *processes.children(self._root)]]


def _lost(part: Part, error: Exception) -> CrewError:
    return CrewError(f"participant {part.participant}: {chromium.error_line(error)}")


async def _until(page: Any, expression: str) -> None:
    """The page's policy refuses what Playwright waits with."""
    while not await page.evaluate(expression):
        await asyncio.sleep(_POLL_SECONDS)


def snapshot_of(participant: int, sample: dict[str, Any]) -> Snapshot:
    """The snapshot in a page's sample (`sampler.js`)."""
    owners = {}
    for person in sample["people"]:
        number = number_of(person["name"])
        for kind in ("audio", "video", "screen"):
            if number is not None and person[kind]:
                owners[person[kind]] = number, kind
    tracks, received_bytes = [], 0
    streams = [stream for one in sample["connections"] for stream in one["streams"]]
    for stream in streams:
        if stream["type"] == "inbound-rtp":
            received_bytes += stream.get("bytesReceived", 0) + stream.get("headerBytesReceived", 0)
            owner = owners.get(stream.get("trackIdentifier"))
            if owner is not None:
                tracks.append(_inbound(stream, *owner))
    state = sample["state"]
    return Snapshot(
        participant=participant,
        at=sample["at"],
        bytes=received_bytes,
        received=tuple(tracks),
        sent=tuple(_outbound(streams)),
        problem="" if state == "joined" else f"participant {participant}: the page is {state}",
    )


def _inbound(stream: dict[str, Any], publisher: int, kind: str) -> InboundTrack:
    samples = concealed = None
    frames = stream.get("framesDecoded", 0)
    if kind == "audio":
        samples = stream.get("totalSamplesReceived", 0)
        concealed = stream.get("concealedSamples", 0)
        # What is made up is not decoded.
        frames = (samples - concealed) // _OPUS_SAMPLES
        concealed -= stream.get("silentConcealedSamples", 0)
    return InboundTrack(
        publisher=publisher,
        kind=kind,
        packets=stream.get("packetsReceived", 0),
        lost=stream.get("packetsLost", 0),
        jitter_ms=1000 * stream.get("jitter", 0.0),
        bytes=stream.get("bytesReceived", 0) + stream.get("headerBytesReceived", 0),
        frames=frames,
        recovered=stream.get("retransmittedPacketsReceived"),
        height=stream.get("frameHeight"),
        freezes=stream.get("freezeCount"),
        frozen_seconds=stream.get("totalFreezesDuration"),
        samples=samples,
        concealed=concealed,
    )


def _outbound(streams: list[dict[str, Any]]) -> list[OutboundTrack]:
    """The camera comes into the offer before a screen does."""
    outbound = [stream for stream in streams if stream["type"] == "outbound-rtp"]
    videos = sorted({int(s["mid"]) for s in outbound if s["kind"] == "video" and "mid" in s})
    found = []
    for stream in outbound:
        kind = stream["kind"]
        if kind == "video" and videos and int(stream.get("mid", 0)) != videos[0]:
            kind = "screen"
        reason = stream.get("qualityLimitationReason", "none")
        found.append(
            OutboundTrack(
                kind=kind,
                rid=stream.get("rid", ""),
                packets=stream.get("packetsSent", 0),
                bytes=stream.get("bytesSent", 0),
                frames=stream.get("framesEncoded"),
                limited="" if reason == "none" else reason,
                keyframe_requests=stream.get("pliCount"),
                resent=stream.get("retransmittedPacketsSent"),
            )
        )
    return found
