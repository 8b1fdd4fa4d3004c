"""Calls in real browsers against the real server: pictures, sound, people, chat, screen."""

from __future__ import annotations

import pytest

from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import Person, until

pytestmark = pytest.mark.browser


async def test_three_people_see_and_hear_each_other(
    room: str, on_chromium: Opens, on_firefox: Opens
) -> None:
    people = [await on_chromium("Ana"), await on_chromium("Budi"), await on_firefox("Citra")]
    for person in people:
        await person.join(room)
    for person in people:
        others = [one.name for one in people if one is not person]
        await person.sees(*others)
        await person.hears(*others)


async def test_who_leaves_is_gone_and_may_come_back(room: str, on_chromium: Opens) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.join(room)
    await budi.join(room)
    await ana.alone_with("Budi")
    await budi.click("leave")
    await ana.alone_with()
    assert await budi.see("!goodbye.hidden")
    assert await budi.text("goodbye-title") == "You left the room"
    await budi.click("rejoin")
    await until("the lobby", lambda: budi.see("!lobby.hidden && Boolean(preview.srcObject)"))
    await budi.enter()
    await budi.inside()
    await ana.sees("Budi")
    await budi.sees("Ana")


async def test_mute_and_camera_off_show_and_come_back(room: str, on_chromium: Opens) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.join(room)
    await budi.join(room)
    await ana.sees("Budi")

    await press(budi, "m")
    await until("Budi is muted", lambda: tile_is(ana, "Budi", muted=True))
    await press(budi, "v")
    await until("Budi has no picture", lambda: tile_is(ana, "Budi", shown=False))
    assert await budi.see(
        "conference.publishConnection.getSenders().every(({ track }) => track?.kind !== 'video')"
    ), "the camera is closed, not only hidden"

    await press(budi, "m")
    await press(budi, "v")
    await until("Budi is not muted", lambda: tile_is(ana, "Budi", muted=False))
    await ana.sees("Budi")
    await ana.hears("Budi")


async def test_somebody_without_devices_sees_and_can_turn_on_later(
    room: str, on_chromium: Opens
) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.join(room)
    await budi.join(room, bare=True)
    await budi.sees("Ana")
    assert await tile_is(ana, "Budi", shown=False, muted=True)
    await press(budi, "v")
    await ana.sees("Budi")
    await press(budi, "m")
    await ana.hears("Budi")


async def test_screen_is_shared_and_stopped_and_shared_again(
    room: str, on_chromium: Opens, on_firefox: Opens
) -> None:
    ana, citra = await on_chromium("Ana"), await on_firefox("Citra")
    await ana.join(room)
    await citra.join(room)
    for _ in range(2):
        await press(ana, "s")
        await citra.sees("Screen of Ana", "Ana")
        assert await ana.see("!sharing.hidden")
        await ana.click("stop-sharing")
        await citra.alone_with("Ana")
    await citra.sees("Ana")


async def test_chat_reaches_everybody_and_counts_the_unread(room: str, on_chromium: Opens) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.join(room)
    await budi.join(room)
    await press(budi, "c")
    await say(budi, "Halo <b>semua</b>, lihat https://example.org/a?b=1.")
    await until(
        "the badge", lambda: ana.see("document.getElementById('chat-badge').textContent === '1'")
    )
    await press(ana, "c")
    lines = await ana.see("[...document.querySelectorAll('.chat-text')].map((p) => p.textContent)")
    assert lines == ["Halo <b>semua</b>, lihat https://example.org/a?b=1."]
    link = await ana.see("document.querySelector('.chat-text a').href")
    assert link == "https://example.org/a?b=1"
    assert await ana.see("document.getElementById('chat-badge').hidden")
    # Who comes later reads what was said.
    citra = await on_chromium("Citra")
    await citra.join(room)
    assert "Halo <b>semua</b>" in await citra.text("chat-lines")


async def tile_is(person: Person, name: str, **expected: bool) -> bool:
    tile = (await person.tiles()).get(name, {})
    return all(tile.get(key) == value for key, value in expected.items())


async def press(person: Person, key: str) -> None:
    """A key as the person's keyboard sends it, with the rights that come with a real one."""
    assert isinstance(person.page, ChromiumPage)
    await person.page.page.keyboard.press(key)


async def say(person: Person, text: str) -> None:
    assert isinstance(person.page, ChromiumPage)
    await person.page.page.fill("#chat-text", text)
    await person.page.page.keyboard.press("Enter")
