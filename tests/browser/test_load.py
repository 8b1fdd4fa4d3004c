"""What a page costs to load, and what it must not load any more once the network is away."""

from __future__ import annotations

import pytest

from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import Person, until

pytestmark = pytest.mark.browser

# An icon is drawn when what it uses has a size.
_BLANK = """[...document.querySelectorAll('#call svg.icon')]
  .filter((svg) => svg.checkVisibility())
  .filter((svg) => !svg.querySelector('use').getBBox().width)
  .map((svg) => svg.innerHTML)"""


async def test_a_room_that_was_loaded_before_asks_for_three_things_at_most(
    room: str, on_chromium: Opens
) -> None:
    ana = await on_chromium("Ana")
    await ana.open(room)
    assert isinstance(ana.page, ChromiumPage)
    page = ana.page.page
    asked: dict[str, str] = {}
    client = await page.context.new_cdp_session(page)
    await client.send("Network.enable")
    client.on(
        "Network.requestWillBeSent",
        lambda event: asked.__setitem__(event["requestId"], event["request"]["url"]),
    )
    client.on("Network.requestServedFromCache", lambda event: asked.pop(event["requestId"], None))
    client.on(
        "Network.responseReceived",
        lambda event: event["response"].get("fromDiskCache") and asked.pop(event["requestId"], 0),
    )
    await ana.open(room)
    assert len(asked) <= 3, asked


async def test_icons_are_there_though_the_server_is_not(room: str, on_chromium: Opens) -> None:
    ana = await on_chromium("Ana")
    await ana.join(room)
    assert await ana.see(_BLANK) == []
    await without_server(ana)
    for button in ("microphone", "camera", "chat", "people"):
        await ana.click(button)
    await until(
        "the camera is off",
        lambda: ana.see("!document.querySelector('.tile.self video').srcObject"),
    )
    assert await ana.see(_BLANK) == []


async def without_server(person: Person) -> None:
    """From now on nothing more can be fetched."""
    assert isinstance(person.page, ChromiumPage)
    page = person.page.page
    client = await page.context.new_cdp_session(page)
    await client.send("Network.enable")
    await client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    await page.context.set_offline(True)
