"""A camera exchanged in a call: what is sent follows it, and so does what the others see."""

from __future__ import annotations

import pytest

from tests.browser.cameras import camera_script, choose_camera, turn_camera, with_camera
from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import NotYet, Person, until

pytestmark = pytest.mark.browser

_SIZE = """(async () => {
  const found = [...(await conference.subscribeConnection?.getStats() ?? new Map()).values()];
  const video = found.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
  return [video?.frameWidth ?? 0, video?.frameHeight ?? 0];
})()"""

_RATE = """Math.max(...conference.publishConnection.getSenders()
  .filter(({ track }) => track?.kind === 'video')
  .flatMap((sender) => sender.getParameters().encodings)
  .filter(({ active }) => active).map(({ maxBitrate }) => maxBitrate))"""


@pytest.mark.parametrize("first", [(640, 360), (320, 240)])
async def test_another_camera_is_seen_in_its_full_size(
    first: tuple[int, int], room: str, on_chromium: Opens
) -> None:
    ana, budi = await on_chromium("Ana"), await with_camera(await on_chromium("Budi"), *first)
    assert isinstance(ana.page, ChromiumPage)
    await ana.page.page.set_viewport_size({"width": 1280, "height": 800})
    await ana.join(room)
    await budi.join(room)
    await sees_size(ana, *first)

    await budi.click("settings")
    await choose_camera(budi, 1280, 720)
    await sees_size(ana, 1280, 720)
    assert await budi.see(_RATE) == 1_500_000

    await choose_camera(budi, *first)
    await sees_size(ana, *first)
    await turn_camera(budi, 720, 1280)
    await sees_size(ana, 720, 1280)


async def test_firefox_sends_another_camera_in_its_full_size_as_well(
    room: str, on_chromium: Opens, on_firefox: Opens
) -> None:
    ana, citra = await on_chromium("Ana"), await on_firefox("Citra")
    assert isinstance(ana.page, ChromiumPage)
    await ana.page.page.set_viewport_size({"width": 1280, "height": 800})
    await ana.join(room)
    await citra.join(room)
    await ana.sees("Citra")
    await citra.see(camera_script(320, 240))
    await citra.click("settings")
    await choose_camera(citra, 320, 240)
    await sees_size(ana, 320, 240)
    await choose_camera(citra, 1280, 720)
    await sees_size(ana, 1280, 720)


async def sees_size(person: Person, width: int, height: int) -> None:
    async def it_does() -> NotYet | bool:
        size = await person.see(_SIZE)
        return True if size == [width, height] else NotYet(size)

    await until(f"{person.name} sees {width}x{height}", it_does, 40)
