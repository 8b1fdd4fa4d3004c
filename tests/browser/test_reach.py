"""What must stay in reach whatever is open and however small the screen: to mute, to hang up."""

from __future__ import annotations

import pytest

from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import until

pytestmark = pytest.mark.browser

SIZES = [
    (320, 568),
    (344, 640),
    (360, 740),
    (383, 800),
    (568, 320),
    (740, 360),
    (768, 1024),
    (1280, 720),
]

# Buttons that are not whole within the window, or that something else lies on.
_OUT_OF_REACH = """(() => ['microphone', 'camera', 'leave', 'people', 'chat', 'settings']
  .filter((id) => {
    const button = document.getElementById(id);
    const { left, top, right, bottom, width, height } = button.getBoundingClientRect();
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return left < 0 || top < 0 || right > innerWidth || bottom > innerHeight
      || Math.min(width, height) < 44 || !button.contains(hit);
  }))()"""

_UNCOVERED = """(() => {
  const button = document.getElementById('%s');
  const { left, top, width, height } = button.getBoundingClientRect();
  return button.contains(document.elementFromPoint(left + width / 2, top + height / 2));
})()"""


@pytest.mark.parametrize("sharing", [True, False])
async def test_the_controls_are_in_reach_on_every_screen(
    sharing: bool, room: str, on_chromium: Opens
) -> None:
    ana = await on_chromium("Ana")
    assert isinstance(ana.page, ChromiumPage)
    page = ana.page.page
    await ana.join(room)
    # Phones cannot share a screen, narrow windows can.
    await ana.see(f"document.getElementById('share').hidden = {str(not sharing).lower()}")
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        for panel in ("", "chat", "people"):
            if panel:
                await ana.click(panel)
            found = await ana.see(_OUT_OF_REACH)
            assert found == [], f"{width}x{height} with {panel or 'nothing'} open"
            if panel:
                await ana.click(panel)


async def test_what_is_shown_in_passing_covers_no_button_and_ends_with_the_call(
    room: str, on_chromium: Opens
) -> None:
    ana = await on_chromium("Ana")
    assert isinstance(ana.page, ChromiumPage)
    page = ana.page.page
    await ana.join(room)
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        await ana.see("document.getElementById('toasts').replaceChildren()")
        await ana.click("copy")
        await until("the toast", lambda: ana.see("toasts.childElementCount > 0"))
        for button in ("copy-alone", "microphone", "leave"):
            assert await ana.see(_UNCOVERED % button), f"{button} at {width}x{height}"
    await ana.click("leave")
    assert await ana.see("toasts.childElementCount") == 0
