"""Somebody in a browser, and what they see and hear."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

_ENTER = """(() => {
  const put = (id, text) => {
    const field = document.getElementById(id);
    field.value = text;
    field.dispatchEvent(new Event('input'));
  };
  put('name', %(name)s);
  const [password, own] = [%(password)s, %(own_password)s];
  if (password) put('password', password);
  if (own) {
    document.getElementById('protect-on').click();
    put('new-password', own);
  }
  document.getElementById(%(button)s).click();
})()"""

# A connection that is closed meanwhile never answers: then there is nothing to report.
_REPORTS = """const reportsOf = async (connection) => {
  const late = new Promise((resolve) => { setTimeout(resolve, 2000, new Map()); });
  return [...(await Promise.race([connection?.getStats(), late]))?.values() ?? []];
};"""

# What is played of each other participant: the tile's own elements, and the decoder's counters.
_TILES = (
    "(async () => {"
    + _REPORTS
    + """
  const frames = {};
  for (const stat of await reportsOf(conference.subscribeConnection)) {
    if (stat.type === 'inbound-rtp' && stat.kind === 'video') {
      frames[stat.mid] = stat.framesDecoded ?? 0;
    }
  }
  const mids = new Map((conference.subscribeConnection?.getTransceivers() ?? [])
    .map(({ mid, receiver }) => [receiver.track.id, mid]));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [64, 36];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  return [...document.querySelectorAll('.tile:not(.self)')].map((tile) => {
    const video = tile.querySelector('video');
    const track = video.srcObject?.getVideoTracks()[0];
    context.fillRect(0, 0, 64, 36);
    if (video.videoWidth) context.drawImage(video, 0, 0, 64, 36);
    const pixels = context.getImageData(0, 0, 64, 36).data;
    const light = [];
    for (let at = 0; at < pixels.length; at += 4) {
      light.push(0.3 * pixels[at] + 0.59 * pixels[at + 1] + 0.11 * pixels[at + 2]);
    }
    const mean = light.reduce((a, b) => a + b, 0) / light.length;
    return {
      name: tile.getAttribute('aria-label'),
      shown: tile.classList.contains('with-video'),
      muted: !tile.querySelector('.tile-muted').hidden,
      speaking: tile.classList.contains('speaking'),
      width: video.videoWidth,
      frames: frames[mids.get(track?.id)] ?? 0,
      mean,
      variance: light.reduce((a, b) => a + (b - mean) ** 2, 0) / light.length,
    };
  });
})()"""
)

_LOUDEST = (
    "(async () => {"
    + _REPORTS
    + """
  const mids = new Map((conference.subscribeConnection?.getTransceivers() ?? [])
    .map(({ mid, receiver }) => [receiver.track.id, mid]));
  const levels = {};
  for (const stat of await reportsOf(conference.subscribeConnection)) {
    if (stat.type === 'inbound-rtp' && stat.kind === 'audio') levels[stat.mid] = stat.audioLevel;
  }
  return Object.fromEntries(conference.participants.map(({ id, name }) => {
    const track = conference.streamOf(id, 'person')?.getAudioTracks()[0];
    return [name, levels[mids.get(track?.id)] ?? 0];
  }));
})()"""
)


class NotYet(str):
    """What is still missing: false, and a failure's message shows it."""

    def __bool__(self) -> bool:
        return False


class Page(Protocol):
    async def goto(self, url: str) -> None: ...
    async def evaluate(self, expression: str) -> Any: ...
    async def close(self) -> None: ...


async def until(what: str, condition: Callable[[], Awaitable[Any]], seconds: float = 30) -> Any:
    """The first true value of `condition`; fails with what was last seen when none comes."""
    last: Any = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                last = await condition()
                if last:
                    return last
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:.0f} s: {what} (last: {last!r})") from None


class Person:
    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name

    async def open(self, url: str) -> None:
        """To the lobby, until camera and microphone are on."""
        await self.page.goto(url)
        await until(
            f"the preview of {self.name}",
            lambda: self.see("Boolean(document.getElementById('preview').srcObject)"),
        )

    async def enter(
        self, *, password: str = "", own_password: str = "", bare: bool = False
    ) -> None:
        """Fill in the lobby and press the button; `bare` joins without devices."""
        await self.see(
            _ENTER
            % {
                "name": repr(self.name),
                "password": repr(password),
                "own_password": repr(own_password),
                "button": repr("join-bare" if bare else "join-button"),
            }
        )

    async def join(self, url: str, **how: Any) -> None:
        await self.open(url)
        await self.enter(**how)
        await self.inside()

    async def inside(self) -> None:
        await until(
            f"{self.name} is inside",
            lambda: self.see("window.conference?.state === 'joined' && !call.hidden"),
        )

    async def see(self, expression: str) -> Any:
        return await self.page.evaluate(expression)

    async def click(self, button: str) -> None:
        await self.see(f"document.getElementById({button!r}).click()")

    async def text(self, element: str) -> str:
        text: str = await self.see(f"document.getElementById({element!r}).textContent")
        return text

    async def tiles(self) -> dict[str, dict[str, Any]]:
        """By the name on the tile; one's own is not among them."""
        return {tile["name"]: tile for tile in await self.see(_TILES)}

    async def sees(self, *names: str, seconds: float = 90) -> None:
        """Each of these is decoded, on and on, and is not black.

        The limit is for machines on which several browsers encode on two slow cores.
        """
        first: dict[str, int] = {}

        async def all_of_them() -> NotYet | bool:
            tiles = await self.tiles()
            for name in names:
                tile = tiles.get(name)
                if tile is None or not tile["shown"] or tile["width"] <= 300:
                    return NotYet(tile)
                if tile["mean"] < 12 and tile["variance"] < 30:
                    return NotYet(tile)
                # A new connection counts from zero again.
                first[name] = min(first.get(name, tile["frames"]), tile["frames"])
                if tile["frames"] < first[name] + 10:
                    return NotYet(tile)
            return True

        await until(f"{self.name} sees {', '.join(names)}", all_of_them, seconds)

    async def hears(self, *names: str) -> None:
        heard: set[str] = set()

        async def all_of_them() -> bool:
            levels = await self.see(_LOUDEST)
            heard.update(name for name, level in levels.items() if level > 0)
            return heard >= set(names)

        await until(f"{self.name} hears {', '.join(names)}", all_of_them, 60)

    async def alone_with(self, *names: str) -> None:
        """Exactly these others have a tile."""

        async def names_match() -> bool:
            return set(await self.tiles_named()) == set(names)

        await until(f"{self.name} is with {', '.join(names) or 'nobody'}", names_match)

    async def tiles_named(self) -> list[str]:
        named: list[str] = await self.see(
            "[...document.querySelectorAll('.tile:not(.self)')]"
            ".map((tile) => tile.getAttribute('aria-label'))"
        )
        return named
