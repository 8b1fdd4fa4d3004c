"""What people look at and how it arrives: views, resting layers, choices, reasons, new paths."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import Person, until

pytestmark = pytest.mark.browser

_LISTEN = """
window.sent = [];
window.WebSocket = class extends WebSocket {
  send(text) { window.sent.push(JSON.parse(text)); super.send(text); }
};
"""

_CAMERA = "conference.participants[0].tracks.find(({ source }) => source === 'camera')"

_DECODED = """(async () => {
  let frames = 0;
  for (const stat of (await conference.subscribeConnection.getStats()).values()) {
    if (stat.type === 'inbound-rtp' && stat.kind === 'video') frames += stat.framesDecoded ?? 0;
  }
  return frames;
})()"""

_RECEIVED = """(async () => {
  let packets = 0;
  for (const stat of (await conference.subscribeConnection.getStats()).values()) {
    if (stat.type === 'inbound-rtp' && stat.kind === 'KIND') packets += stat.packetsReceived;
  }
  return packets;
})()"""

_ACTIVE = """conference.publishConnection.getSenders()
  .filter(({ track }) => track?.kind === 'video')
  .flatMap((sender) => sender.getParameters().encodings)
  .filter(({ active }) => active).length"""

_HEIGHT = """(async () => {
  const found = [...(await conference.subscribeConnection.getStats()).values()];
  const video = found.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
  return video?.frameHeight ?? 0;
})()"""

_NOTICES = """(() => {
  window.notices = [];
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) notices.push(node.textContent.trim());
    }
  }).observe(document.getElementById('toasts'), { childList: true });
})()"""

_LIMIT = """(() => {
  const [{ id }] = conference.participants[0].tracks.filter(({ kind }) => kind === 'video');
  clearInterval(window.limiting);
  window.limiting = setInterval(() => conference.view.receiving({
    tracks: [{ track: id, state: 'flowing', layer: 0, limited: LIMITED }],
  }), 100);
})()"""

_HIDE = """(() => {
  Object.defineProperty(document, 'visibilityState', { value: STATE, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
})()"""


async def two(room: str, opens: Opens, other: Opens | None = None) -> tuple[Person, Person]:
    """Ana, whose messages are noted in `sent`, and Budi, whom she sees."""
    ana, budi = await opens("Ana"), await (other or opens)("Budi")
    assert isinstance(ana.page, ChromiumPage)
    await ana.page.page.add_init_script(_LISTEN)
    await ana.join(room)
    await budi.join(room)
    await ana.sees("Budi", seconds=60)
    return ana, budi


async def view(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = await person.see("sent.filter(({ type }) => type === 'view').at(-1)")
    return found


async def test_views_follow_what_is_on_the_screen(room: str, on_chromium: Opens) -> None:
    ana, _ = await two(room, on_chromium)
    track = await ana.see(f"{_CAMERA}.id")
    box = await ana.see(
        "(({ width, height }) => [width, height].map(Math.round))"
        "(document.querySelector('.tile.person').getBoundingClientRect())"
    )
    [seen] = (await view(ana))["tracks"]
    assert [seen["track"], seen["width"], seen["height"]] == [track, *box]

    await ana.see(_HIDE.replace("STATE", "'hidden'"))
    await until("nothing is seen", lambda: shown_width(ana, 0))
    await ana.see(_HIDE.replace("STATE", "'visible'"))
    await until("it is seen again", lambda: shown_width(ana, box[0]))

    assert isinstance(ana.page, ChromiumPage)
    await ana.page.page.set_viewport_size({"width": 390, "height": 844})
    await until("it is smaller", lambda: shown_width(ana, 374))
    await ana.click("chat")
    await until("the chat covers it", lambda: shown_width(ana, 0))


async def test_a_pinned_tile_is_large_and_says_so(room: str, on_chromium: Opens) -> None:
    ana, _ = await two(room, on_chromium)
    assert isinstance(ana.page, ChromiumPage)
    page = ana.page.page
    await page.focus(".tile.person .tile-menu")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await until(
        "it is large", lambda: ana.see("Boolean(document.querySelector('#screens .person'))")
    )
    await until("the server knows", lambda: importance(ana, "main"))
    await ana.sees("Budi")
    assert await ana.see("document.activeElement.className") == "tile-menu"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
async def test_audio_only_stops_the_video_and_rests_its_encoders(
    room: str, browser: str, on_chromium: Opens, on_firefox: Opens
) -> None:
    other = {"chromium": on_chromium, "firefox": on_firefox}[browser]
    ana, budi = await two(room, on_chromium, other)
    assert await budi.see(_ACTIVE) > 0
    await ana.click("audio-only")
    await until("Budi's encoders rest", lambda: equals(budi, _ACTIVE, 0))
    await until("the face is shown", lambda: ana.see(f"!({_SHOWN})"))
    await until("no frame comes", lambda: stands_still(ana, _DECODED))
    await ana.hears("Budi")
    await ana.click("video-again")
    await until("Budi's encoders work", lambda: budi.see(f"{_ACTIVE} > 0"), 90)
    await ana.sees("Budi", seconds=90)


@pytest.mark.timeout(300)
async def test_the_choice_of_quality_is_what_comes(room: str, on_chromium: Opens) -> None:
    ana, budi = await two(room, on_chromium)
    sent = await budi.see(
        "conference.publishConnection.getSenders()"
        ".find(({ track }) => track?.kind === 'video').track.getSettings().height"
    )

    async def choose(quality: str) -> None:
        await ana.see(f"document.querySelector('#quality input[value={quality}]').click()")

    async def comes_at_most(height: float) -> bool:
        return 0 < await ana.see(_HEIGHT) <= height

    async def comes_above(height: float) -> bool:
        return bool(await ana.see(_HEIGHT) > height)

    await choose("low")
    await until("the server knows", lambda: asked_for(ana, "low"))
    await until("a small video comes", lambda: comes_at_most(sent / 2), 90)
    low = await ana.see(_HEIGHT)
    await choose("high")
    await until("the server knows", lambda: asked_for(ana, "high"))
    await until("a larger one comes", lambda: comes_above(low), 90)


@pytest.mark.timeout(180)
async def test_a_poor_connection_is_reported_once_and_its_end_once(
    room: str, on_chromium: Opens
) -> None:
    ana, _ = await two(room, on_chromium)
    await ana.see(_NOTICES)
    reported = "notices.filter((text) => text.includes('connection is'))"
    lowered = "Your connection is poor: video lowered."
    await ana.see(_LIMIT.replace("LIMITED", "true"))
    await until("it is reported", lambda: equals(ana, reported, [lowered]))
    # As the page's own clock has it, twice as long as it takes to be sure.
    await ana.see("new Promise((done) => setTimeout(done, 10_000))")
    assert await ana.see(reported) == [lowered]
    await ana.see(_LIMIT.replace("LIMITED", "false"))
    back = "Your connection is good again: video is back to normal."
    await until("its end is reported", lambda: equals(ana, reported, [lowered, back]))


async def test_another_device_plays_the_sound(room: str, on_chromium: Opens) -> None:
    ana, _ = await two(room, on_chromium)
    await ana.hears("Budi")
    await ana.click("sound-elsewhere")
    silent = "[...document.querySelectorAll('audio')].every(({ muted }) => muted)"
    assert await ana.see(silent)
    sound = _RECEIVED.replace("KIND", "audio")
    await until("no sound comes", lambda: stands_still(ana, sound))
    assert await ana.see("!silent.hidden")
    await ana.click("sound-here")
    await ana.hears("Budi")
    assert not await ana.see(silent)


async def test_the_check_names_the_step_that_fails(room: str, on_chromium: Opens) -> None:
    ana, budi = await two(room, on_chromium)
    await ana.click("check-connection")
    await until("all is well", lambda: step_is(ana, "Camera", "flowing"))
    await budi.click("camera")
    await until("turned off", lambda: step_is(ana, "Camera", "muted"))
    # In one task: the page learns that the panel closed only after it has opened again.
    await ana.see(
        "document.getElementById('why-dialog').close(),"
        "document.getElementById('check-connection').click()"
    )
    await budi.click("camera")
    await until("turned on again", lambda: step_is(ana, "Camera", "flowing"))
    await ana.see("document.getElementById('audio-only').click()")
    await until("their own choice", lambda: step_is(ana, "Camera", "audioOnly"))


async def test_every_tile_says_in_words_how_it_arrives(room: str, on_chromium: Opens) -> None:
    ana, _ = await two(room, on_chromium)
    marks = "[...document.querySelectorAll('.tile .bars')].map(({ ariaLabel }) => ariaLabel)"
    await until("both marks", lambda: equals(ana, f"{marks}.filter(Boolean).length", 2))
    words = await ana.see(marks)
    assert any("Budi" in one for one in words)
    assert any("our connection" in one for one in words)


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
async def test_another_network_finds_new_paths_without_a_new_connection(
    room: str, browser: str, on_chromium: Opens, on_firefox: Opens
) -> None:
    other = {"chromium": on_chromium, "firefox": on_firefox}[browser]
    ana, budi = await two(room, on_chromium, other)
    await budi.sees("Ana")
    credentials = (
        "[window.up.localDescription, window.down.remoteDescription]"
        ".map(({ sdp }) => /ice-ufrag:(.*)/.exec(sdp)[1])"
    )
    await budi.see("window.up = conference.publishConnection")
    await budi.see("window.down = conference.subscribeConnection")
    before = await budi.see(credentials)
    await budi.see("dispatchEvent(new Event('online'))")
    await until("new paths are agreed on", lambda: all_differ(budi, credentials, before))
    await ana.sees("Budi")
    await budi.sees("Ana")
    assert await budi.see(
        "up === conference.publishConnection && down === conference.subscribeConnection"
    ), "the connections were kept"


_SHOWN = "document.querySelector('.tile.person').classList.contains('with-video')"


async def shown_width(person: Person, width: int) -> bool:
    tracks = (await view(person))["tracks"]
    return [one["width"] for one in tracks] == [width]


async def asked_for(person: Person, quality: str) -> bool:
    return bool((await view(person))["quality"] == quality)


async def importance(person: Person, wanted: str) -> bool:
    return [one["importance"] for one in (await view(person))["tracks"]] == [wanted]


async def equals(person: Person, expression: str, wanted: object) -> bool:
    return bool(await person.see(expression) == wanted)


async def all_differ(person: Person, expression: str, before: list[str]) -> bool:
    now = await person.see(expression)
    return all(one != other for one, other in zip(now, before, strict=True))


async def stands_still(person: Person, counter: str) -> bool:
    """Over a second, as the page's own clock has it."""
    first = await person.see(counter)
    await person.see("new Promise((done) => setTimeout(done, 1000))")
    return bool(await person.see(counter) == first)


async def step_is(person: Person, source: str, step: str) -> bool:
    found = await person.see(
        "[...document.querySelectorAll('.why-verdict')]"
        f".filter((one) => one.textContent.startsWith({json.dumps(source)}))"
        ".map(({ dataset }) => dataset.step)"
    )
    return bool(found == [step])
