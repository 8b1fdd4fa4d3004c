"""The browsers of a call on bad networks, each in a namespace of its own, its page ready to join.

Playwright drives the Chromiums; Firefox is driven over WebDriver BiDi, with the same few calls.
Chromium plays its clips by its own fake devices. Firefox can play no files, so a script in its
page stands in for the camera (`capture.js`) and gets the same frames; its voice is the test tone of
its own fake microphone, for without a sound card nothing else runs there.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from bench.impair import clip
from bench.impair.rig import Spoke, inside
from bench.real import chromium, firefox
from bench.real.room_page import SAMPLER
from bench.servers import netns

WINDOW = {"viewer": (1280, 720), "publisher": (640, 360)}
"""Of the pages (pixels)."""
CAPTURE = Path(__file__).with_name("capture.js")
_SEND_ONLY = """
localStorage.setItem('settings', JSON.stringify({ audioOnly: true, soundElsewhere: true }));
"""
"""Publishers receive nothing: decoding takes cores that the viewer needs."""
_ACTION_SECONDS = 40.0


class Page(Protocol):
    """What a call needs of a browser's page."""

    def goto(self, url: str) -> Any: ...
    def evaluate(self, expression: str) -> Any: ...
    def wait_for_timeout(self, timeout: float) -> None: ...


@dataclass(frozen=True)
class Place:
    """Where a browser is to be opened, and what its camera and microphone play."""

    spoke: Spoke
    url: str
    """Of the server."""
    scratch: Path
    """A folder for what must not outlive the call."""
    size: tuple[int, int]
    """Of the camera's frames (pixels)."""
    voice: int
    """Number of the voice (`clip.speech`)."""
    publishes: bool

    @property
    def window(self) -> tuple[int, int]:
        return WINDOW["publisher" if self.publishes else "viewer"]


def open_chromium(place: Place, play: Any, stack: contextlib.ExitStack) -> Page:
    """A page of a Chromium that ends with `stack`; `play` is Playwright."""
    camera, voice = clip.clip(*place.size), clip.speech(place.voice)
    flags = chromium.flags(camera, voice, place.url)
    browser = play.chromium.launch(executable_path=_wrapper(place.scratch, place.spoke), args=flags)
    stack.callback(_close, browser)
    width, height = place.window
    context = browser.new_context(viewport={"width": width, "height": height})
    if place.publishes:
        context.add_init_script(_SEND_ONLY)
    context.add_init_script(path=SAMPLER)
    page: Page = context.new_page()
    page.set_default_timeout(_ACTION_SECONDS * 1000)  # type: ignore[attr-defined]
    return page


def _wrapper(folder: Path, spoke: Spoke) -> str:
    """An executable that is Chromium in the spoke's namespace."""
    path = folder / f"chromium-{spoke.namespace}"
    words = [*inside(spoke.namespace), chromium.executable() or "chromium"]
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o700)
    return str(path)


def _close(browser: Any) -> None:
    """A browser that has crashed is closed already; what is left of it dies with its namespace."""
    from playwright.sync_api import Error

    with contextlib.suppress(Error):
        browser.close()


class FirefoxSeat(firefox.FirefoxThread):
    """Firefox's page, whose camera is fed once it has been loaded."""

    feed = ""
    """JavaScript that gives it what it plays."""

    def goto(self, url: str) -> None:
        super().goto(url)
        if self.feed:
            self.evaluate(self.feed)


def open_firefox(place: Place, stack: contextlib.ExitStack) -> Page:
    """A page of a Firefox that ends with `stack`. Raises `TimeoutError`, `OSError`."""
    profile = place.scratch / f"firefox-{place.spoke.namespace}"
    profile.mkdir()
    host = place.url.removeprefix("http://").partition(":")[0]
    preferences = {
        # Cameras are for secure pages only; the server of a row speaks plain HTTP.
        "dom.securecontext.allowlist": json.dumps(host),
        "media.devices.insecure.enabled": "true",
        "media.getusermedia.insecure.enabled": "true",
        "media.peerconnection.ice.obfuscate_host_addresses": "false",
        "network.proxy.type": "0",
    }
    page = FirefoxSeat(
        firefox.executable() or "firefox",
        profile,
        preferences,
        partial(netns.entered, place.spoke.namespace),
    )
    stack.callback(page.close)
    page.set_viewport_size(*place.window)
    page.add_init_script(SAMPLER.read_text())
    if place.publishes:
        page.add_init_script(_SEND_ONLY + CAPTURE.read_text())
        frames = [base64.b64encode(frame).decode() for frame in clip.jpegs(*place.size)]
        page.feed = f"bench.feed({json.dumps(frames)}, {clip.CLIP_RATE})"
    return page
