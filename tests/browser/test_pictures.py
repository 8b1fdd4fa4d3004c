"""Whose video a tile shows: never that of the one who had its m-line before."""

from __future__ import annotations

import pytest

from tests.browser.cameras import with_camera
from tests.browser.conftest import Opens
from tests.browser.person import until

pytestmark = pytest.mark.browser

_WATCH = """(() => {
  window.seen = {};
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [16, 9];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const look = () => {
    requestAnimationFrame(look);
    for (const tile of document.querySelectorAll('.tile.person')) {
      const video = tile.querySelector('video');
      if (!tile.classList.contains('with-video') || !video.videoWidth) continue;
      context.drawImage(video, 0, 0, 16, 9);
      const [red, , blue] = context.getImageData(8, 4, 1, 1).data;
      const colour = red > blue + 60 ? 'red' : blue > red + 60 ? 'blue' : 'none';
      const times = (window.seen[tile.getAttribute('aria-label')] ??= {});
      times[colour] = (times[colour] ?? 0) + 1;
    }
  };
  look();
})()"""


async def test_a_newcomer_is_never_shown_with_the_video_of_who_left(
    room: str, on_chromium: Opens, on_firefox: Opens
) -> None:
    citra = await on_firefox("Citra")
    ana = await with_camera(await on_chromium("Ana"), 640, 360, "#d00000")
    budi = await with_camera(await on_chromium("Budi"), 640, 360, "#0000d0")
    await ana.join(room)
    await citra.join(room)
    await citra.sees("Ana")
    await citra.see(_WATCH)
    await budi.open(room)
    await ana.click("leave")
    await citra.alone_with()
    await budi.enter()
    await until("Budi's own video", lambda: citra.see("seen.Budi?.blue > 10"))
    seen = await citra.see("seen")
    assert seen["Ana"]["red"] > 0, "the colours differ"
    assert "red" not in seen["Budi"], seen
