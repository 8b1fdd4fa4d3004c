"""Devices and screens that somebody allowed: shown to those who are meant, or not running."""

from __future__ import annotations

import pytest

from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import until

pytestmark = pytest.mark.browser

# The browser's question stays open until the test answers it.
_PICKER = """
window.given = [];
window.picking = [];
MediaDevices.prototype.getDisplayMedia = () => new Promise((resolve) => {
  window.picking.push(() => {
    const canvas = document.createElement('canvas');
    canvas.getContext('2d').fillRect(0, 0, 1, 1);
    const stream = canvas.captureStream(5);
    window.given.push(...stream.getTracks());
    resolve(stream);
  });
});
"""

_CAPTURED = "given.filter(({ readyState }) => readyState === 'live').length"


async def test_a_screen_chosen_after_the_call_is_neither_captured_nor_shown(
    room: str, on_chromium: Opens
) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    assert isinstance(ana.page, ChromiumPage)
    await ana.page.page.add_init_script(_PICKER)
    await ana.join(room)
    await budi.join(room, bare=True)
    await ana.click("share")
    await ana.click("share")
    assert await ana.see("picking.length") == 1, "one question at a time"
    await ana.click("leave")
    await ana.see("picking[0]()")
    assert await ana.see("given.length") == 1
    await until("nothing is captured", lambda: ana.see(f"{_CAPTURED} === 0"))
    await ana.click("rejoin")
    await ana.enter()
    await ana.inside()
    await budi.alone_with("Ana")
    assert await ana.see("sharing.hidden")

    await ana.click("share")
    await ana.see("picking[1]()")
    await budi.alone_with("Ana", "Screen of Ana")
    assert await ana.see(_CAPTURED) == 1
    await ana.click("leave")
    assert await ana.see(_CAPTURED) == 0
