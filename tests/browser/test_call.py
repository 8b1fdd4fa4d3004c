"""Calls in real browsers against the real server: video, sound, people, chat, screen."""

from __future__ import annotations

import pytest

from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import Person, until

pytestmark = pytest.mark.browser


@pytest.mark.timeout(300)
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
    tiles = await budi.see(
        "['.tile', '.tile.self'].map((of) => document.querySelectorAll(of).length)"
    )
    assert tiles == [2, 1], "the call before shows nothing any more"


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
async def test_mute_and_camera_off_show_and_come_back(
    room: str, browser: str, on_chromium: Opens, on_firefox: Opens
) -> None:
    ana = await on_chromium("Ana")
    budi = await {"chromium": on_chromium, "firefox": on_firefox}[browser]("Budi")
    await ana.join(room)
    await budi.join(room)
    await ana.sees("Budi")

    await budi.click("microphone")
    await until("Budi is muted", lambda: tile_is(ana, "Budi", muted=True))
    await budi.click("camera")
    await until("Budi has no video", lambda: tile_is(ana, "Budi", shown=False))
    assert await budi.see(
        "conference.publishConnection.getSenders().every(({ track }) => track?.kind !== 'video')"
    ), "the camera is closed, not only hidden"

    await budi.click("microphone")
    await budi.click("camera")
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


async def test_firefox_shares_its_screen(room: str, on_chromium: Opens, on_firefox: Opens) -> None:
    ana, citra = await on_chromium("Ana"), await on_firefox("Citra")
    await ana.join(room)
    await citra.join(room)
    # Without a display there is no screen to capture, so a drawing takes its place.
    await citra.see(
        """(() => {
          const canvas = document.createElement('canvas');
          [canvas.width, canvas.height] = [800, 600];
          const context = canvas.getContext('2d');
          let count = 0;
          setInterval(() => {
            context.fillStyle = `hsl(${(count += 5)} 80% 60%)`;
            context.fillRect(0, 0, 800, 600);
          }, 50);
          navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(15);
        })()"""
    )
    for _ in range(2):
        await citra.click("share")
        await ana.sees("Screen of Citra", "Citra")
        await citra.click("share")
        await ana.alone_with("Citra")


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


async def test_a_long_chat_keeps_its_last_lines_each_under_a_name(
    room: str, on_chromium: Opens
) -> None:
    ana = await on_chromium("Ana")
    await ana.join(room, bare=True)
    await ana.see(
        "(() => { for (let n = 0; n < 1200; n += 1) conference.emit('chat', {"
        " participant: `p${n >> 2}`, name: `Nama ${n >> 2}`, text: `${n}`, at: n }); })()"
    )
    lines = await ana.see("[...document.querySelectorAll('.chat-text')].map((p) => p.textContent)")
    assert 490 < len(lines) <= 500
    assert lines[-1] == "1199"
    assert await ana.see("Boolean(document.querySelector('.chat-line:first-child .chat-from'))")


async def test_sound_held_back_by_the_browser_waits_for_a_tap(
    room: str, on_chromium: Opens
) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    assert isinstance(budi.page, ChromiumPage)
    await budi.page.page.add_init_script(
        "const { play } = HTMLAudioElement.prototype;"
        "HTMLAudioElement.prototype.play = function () {"
        " return window.tapped ? play.call(this)"
        " : Promise.reject(new DOMException('tap first', 'NotAllowedError')); };"
        "addEventListener('pointerdown', () => { window.tapped = true; }, true);"
    )
    await ana.join(room)
    await budi.join(room)
    await until("the button", lambda: budi.see("!hear.hidden"))
    await budi.page.page.click("#hear")
    await until("the button is gone", lambda: budi.see("hear.hidden"))
    await until(
        "Ana is played",
        lambda: budi.see("[...document.querySelectorAll('audio')].every(({ paused }) => !paused)"),
    )


async def test_everything_in_a_call_has_a_name_and_the_keyboard_reaches_it(
    room: str, on_chromium: Opens
) -> None:
    ana = await on_chromium("Ana")
    assert isinstance(ana.page, ChromiumPage)
    await ana.join(room)
    assert await ana.see("document.activeElement.id") == "call-room"
    for key in ("c", "Escape", "p"):
        await press(ana, key)
    nameless = await ana.see(
        "[...document.querySelectorAll('#call button, #call input, #call textarea')]"
        ".filter((one) => one.checkVisibility() && !one.ariaLabel && !one.textContent.trim())"
        ".map(({ outerHTML }) => outerHTML)"
    )
    assert nameless == []
    reached = set()
    for _ in range(20):
        await press(ana, "Tab")
        reached.add(await ana.see("document.activeElement.id"))
    wanted = {"microphone", "camera", "share", "leave", "people", "chat", "settings", "help"}
    assert wanted <= reached
    await press(ana, "Escape")
    assert await ana.see("panel.hidden && document.activeElement.id === 'people'")
    await press(ana, "?")
    assert await ana.see("document.getElementById('help-dialog').open")


async def test_a_tile_has_the_colour_of_its_person(room: str, on_chromium: Opens) -> None:
    ana = await on_chromium("Ana")
    await ana.join(room, bare=True)
    colours = await ana.see(
        "[0, 120, 240].map((hue) => {"
        "  const tile = document.querySelector('.tile.self');"
        "  tile.style.setProperty('--hue', hue);"
        "  return getComputedStyle(tile).backgroundColor;"
        "})"
    )
    assert len(set(colours)) == 3, colours


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
