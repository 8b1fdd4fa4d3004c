"""A call of real browsers on a star of links: publishers with camera and voice, and a viewer.

Theory of operation. `call` builds the star, starts our server in its hub and one browser in each
spoke. Publishers come in through the lobby with their fake devices; the viewer comes in last,
without devices. A script in each page samples its statistics by itself, so that a busy machine
delays no sample for another's sake; they are fetched when the run is over.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.impair import clip as impair_clip
from bench.impair.browsers import Page, Place, open_chromium, open_firefox
from bench.impair.judge import VIEWER
from bench.impair.rig import HUB_ADDRESS, Spoke, congestion_control, star
from bench.real import chromium, room_page
from bench.servers import netns
from bench.servers.server import OwnServer

SAMPLE_MS = {"viewer": 100, "publisher": 250}
_ROOM = "impair"
_LOOK_SECONDS = 0.05

Announce = Callable[[str], None]


class SetUpError(Exception):
    """The call did not come about, so that nothing was measured; the text says what failed."""


@dataclass
class Seat:
    """One participant: the page, the link, and what the page has reported so far."""

    name: str
    spoke: Spoke
    page: Page
    samples: list[dict[str, Any]] = field(default_factory=list)
    pressed: float = 0.0
    """When the join button was pressed (Unix time)."""
    began: float = 0.0

    def take(self) -> None:
        """Fetch what the page has sampled since."""
        self.samples += self.page.evaluate("bench.take()")

    def until(self, what: str, expression: str, seconds: float) -> None:
        """Wait for a JavaScript expression to be true. Raises `SetUpError`."""
        limit = time.monotonic() + seconds
        while not self.page.evaluate(expression):
            if time.monotonic() > limit:
                raise SetUpError(f"{self.name}: not within {seconds:g} s: {what}")
            self.page.wait_for_timeout(_LOOK_SECONDS * 1000)

    def open(self, url: str) -> None:
        """To the lobby."""
        self.page.goto(url)
        self.began = self.page.evaluate("bench.began")

    def enter(self, with_devices: bool, sample_ms: int) -> None:
        """Press the lobby's button."""
        what = "camera and microphone are on" if with_devices else "the lobby is there"
        self.until(what, room_page.lobby_is_ready(with_devices=with_devices), 20)
        self.page.evaluate(f"void bench.start({sample_ms})")
        self.page.evaluate(room_page.press_join(self.name, with_devices=with_devices))
        self.pressed = self.page.evaluate("bench.pressed")

    def reloaded(self) -> bool:
        return bool(self.page.evaluate("bench.began") != self.began)


@dataclass
class Call:
    """Everybody in the room, the viewer last."""

    server: OwnServer
    hub: str
    publishers: list[Seat]
    viewer: Seat
    announce: Announce
    marks: dict[str, float] = field(default_factory=dict)
    """What was done to the network, by name (Unix time)."""

    @property
    def seats(self) -> list[Seat]:
        return [*self.publishers, self.viewer]

    def mark(self, name: str) -> float:
        """Note the present under this name."""
        self.marks[name] = time.time()
        return self.marks[name]

    def watch(self, seconds: float, doing: str) -> None:
        """Let so much time pass."""
        self.announce(f"{doing} ({seconds:g} s)")
        self.viewer.page.wait_for_timeout(seconds * 1000)

    def take(self) -> None:
        """Fetch what all pages have sampled."""
        for seat in self.seats:
            seat.take()

    def server_stats(self) -> dict[str, Any]:
        """Counters of the media worker; empty when the server does not answer."""
        token = (self.server.folder / "admin-token").read_text().strip()
        with contextlib.suppress(OSError, ValueError, IndexError), netns.entered(self.hub):
            host, port = self.server.url.removeprefix("http://").split(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=3)
            try:
                connection.request(
                    "GET", "/api/stats", headers={"Authorization": f"Bearer {token}"}
                )
                worker: dict[str, Any] = json.load(connection.getresponse())["workers"][0]
                return worker
            finally:
                connection.close()
        return {}

    def publish(self, *, udp_blocked: frozenset[int] = frozenset()) -> None:
        """Everybody but the viewer comes in and is connected. Raises `SetUpError`."""
        for number, seat in enumerate(self.publishers):
            if number in udp_blocked:
                seat.spoke.no_udp()
            seat.open(f"{self.server.url}/r/{_ROOM}")
        for number, seat in enumerate(self.publishers):
            seat.enter(True, SAMPLE_MS["publisher"])
            if number not in udp_blocked:
                seat.until(
                    "it publishes",
                    "window.conference?.publishConnection?.connectionState === 'connected'",
                    20,
                )

    def admit_viewer(self) -> None:
        """The viewer presses the button; nothing is waited for."""
        self.viewer.open(f"{self.server.url}/r/{_ROOM}")
        self.viewer.enter(False, SAMPLE_MS["viewer"])

    def viewer_sees_all(self, seconds: float) -> None:
        """Wait until a frame of everybody was decoded. Raises `SetUpError`."""
        limit = time.monotonic() + seconds
        wanted = {seat.name for seat in self.publishers}
        while missing := wanted - self._seen():
            if time.monotonic() > limit:
                names = ", ".join(sorted(missing))
                raise SetUpError(f"no frame of {names} within {seconds:g} s")
            self.viewer.page.wait_for_timeout(200)
            self.viewer.take()

    def _seen(self) -> set[str]:
        if not self.viewer.samples:
            return set()
        sample = self.viewer.samples[-1]
        moving = {
            stream["trackIdentifier"]
            for connection in sample["connections"]
            for stream in connection["streams"]
            if stream["type"] == "inbound-rtp" and stream.get("framesDecoded", 0) > 0
        }
        return {person["name"] for person in sample["people"] if person["video"] in moving}


@contextlib.contextmanager
def call(
    publishers: int,
    size: tuple[int, int],
    announce: Announce,
    linked: Collection[int] = (),
    firefox: Collection[int] = (),
    congestion: str = "",
) -> Iterator[Call]:
    """Namespaces, server and browsers; nobody has joined yet. `size` is of the cameras (pixels).

    The seats numbered in `linked` sit behind link programs; the viewer's number is that of the
    publishers. Those numbered in `firefox` are Firefoxes, the others Chromiums.
    `congestion`: TCP's congestion control at the server; empty: the kernel's default.

    Raises `SetUpError`, `NamespaceError`, `ServerError`.
    """
    from playwright.sync_api import Error, sync_playwright

    announce("making the clips of the fake cameras and microphones (kept for the next time)")
    impair_clip.clip(*size)
    with contextlib.ExitStack() as stack:
        network = stack.enter_context(star(publishers + 1, linked))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-impair-")))
        if congestion:
            stack.enter_context(congestion_control(network.hub, congestion))
        with netns.entered(network.hub):
            server = OwnServer(HUB_ADDRESS, 1, publishers + 2, 2)
            stack.push(server)
            server.start()
        others = len(firefox)
        announce(f"starting {publishers + 1 - others} Chromiums" + (others > 0) * " and a Firefox")
        try:
            play = stack.enter_context(sync_playwright())
            seats = []
            for number, spoke in enumerate(network.spokes):
                publishes = number < publishers
                voice = min(number, publishers - 1)
                place = Place(spoke, server.url, scratch, size, voice, publishes)
                if number in firefox:
                    page = open_firefox(place, stack)
                else:
                    page = open_chromium(place, play, stack)
                seats.append(Seat(f"Publisher {number + 1}" if publishes else VIEWER, spoke, page))
            yield Call(server, network.hub, seats[:-1], seats[-1], announce)
        except Error as error:
            raise SetUpError(chromium.error_line(error)) from None
        except (RuntimeError, TimeoutError) as error:
            raise SetUpError(f"Firefox: {error}") from None
