"""Real Chromium against our server: time to the first frame, and to full quality.

Theory of operation. One person stays in the room; others open the lobby, press the button, and
the page itself notes when the first remote frame was decoded (`framesDecoded` of the subscribe
connection, polled each 10 ms). Then a lone publisher is watched from its first packet on until
all that its encodings may send is really sent. The fake camera plays a textured, moving clip: the
browser's own test pattern compresses to a fraction of what a camera needs.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.provenance import provenance
from bench.real import chromium
from bench.recordings.media import MovingScene
from bench.servers.server import Server

CLIP_WIDTH, CLIP_HEIGHT, CLIP_RATE, CLIP_FRAMES = 1280, 720, 25, 50
RAMP_LIMIT = 20.0
"""Seconds that a publisher is watched at most."""
WHOLE = 0.9
"""Share of the configured maximum from which the rate counts as reached: encoders stay below."""

_ENTER = """(name) => {
  const field = document.getElementById('name');
  field.value = name;
  field.dispatchEvent(new Event('input'));
  window.pressedAt = performance.now();
  document.getElementById('join-button').click();
}"""

_FIRST_FRAME = """async () => {
  for (;;) {
    const reports = await window.conference?.subscribeConnection?.getStats();
    for (const report of reports?.values() ?? []) {
      if (report.type === 'inbound-rtp' && report.kind === 'video' && report.framesDecoded > 0) {
        return performance.now() - window.pressedAt;
      }
    }
    await new Promise((done) => setTimeout(done, 10));
  }
}"""

_SENDING = """async () => {
  const connection = window.conference?.publishConnection;
  const sender = connection?.getSenders().find(({ track }) => track?.kind === 'video');
  if (!sender) return null;
  const wanted = sender.getParameters().encodings.reduce((sum, e) => sum + e.maxBitrate, 0);
  const layers = [];
  for (const report of (await sender.getStats()).values()) {
    if (report.type === 'outbound-rtp') {
      layers.push({
        rid: report.rid ?? '', bytes: report.bytesSent, target: report.targetBitrate ?? 0,
        width: report.frameWidth ?? 0, frames: report.framesEncoded ?? 0,
      });
    }
  }
  return { wanted, layers, at: performance.now() };
}"""


class BrowserError(Exception):
    """The browser did not do what was asked; the text says what."""


def measure_browser(server: Server, runs: int, announce: Callable[[str], None]) -> dict[str, Any]:
    """`runs` joins, then one ramp. The report has seconds and bit/s."""
    from playwright.sync_api import Error, sync_playwright

    try:
        return _measure(sync_playwright, server, runs, announce)
    except Error as error:
        raise BrowserError(chromium.error_line(error)) from None


def _measure(
    sync_playwright: Any, server: Server, runs: int, announce: Callable[[str], None]
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-browser-") as folder, sync_playwright() as play:
        clip = Path(folder) / "clip.y4m"
        announce("making the clip of the fake camera")
        write_clip(clip)
        browser = play.chromium.launch(
            executable_path=chromium.executable(), args=chromium.flags(clip)
        )
        try:
            joins = _joins(browser, server, runs, announce)
            announce("watching a lone publisher")
            ramp = _ramp(browser, server)
        finally:
            browser.close()
    reached = ramp["reachedAfterSeconds"]
    return {
        "scenario": "browser",
        "joinToFirstFrameSeconds": joins,
        "joinMedianSeconds": round(statistics.median(joins), 3),
        "ramp": ramp,
        "valid": reached is not None,
        "problems": [] if reached is not None else ["the publisher never sent all it may"],
        **provenance(),
    }


def write_clip(path: Path) -> None:
    """A YUV4MPEG2 file that Chromium plays in a loop."""
    scene = MovingScene(CLIP_WIDTH, CLIP_HEIGHT)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{CLIP_WIDTH} H{CLIP_HEIGHT} F{CLIP_RATE}:1 Ip A1:1 C420\n".encode())
        for number in range(CLIP_FRAMES):
            file.write(b"FRAME\n" + scene.frame(number).tobytes())


def _enter(browser: Any, server: Server, room: str, name: str) -> Any:
    """A page of its own that has pressed the lobby's button."""
    # Playwright's waiting needs eval, which the pages' policy rightly refuses.
    page = browser.new_context(bypass_csp=True).new_page()
    page.goto(f"{server.url}/r/{room}")
    page.wait_for_function("Boolean(document.getElementById('preview').srcObject)")
    page.evaluate(_ENTER, name)
    return page


def _joins(browser: Any, server: Server, runs: int, announce: Callable[[str], None]) -> list[float]:
    host = _enter(browser, server, "join", "Ana")
    host.wait_for_function("window.conference?.publishConnection?.connectionState === 'connected'")
    found = []
    for run in range(runs):
        page = _enter(browser, server, "join", f"Budi {run + 1}")
        found.append(round(page.evaluate(_FIRST_FRAME) / 1000, 3))
        announce(f"join {run + 1} of {runs}: first frame after {found[-1]:.3f} s")
        page.context.close()
    host.context.close()
    return found


def _ramp(browser: Any, server: Server) -> dict[str, Any]:
    """From the first packet until the sum of all layers reaches what they may send."""
    page = _enter(browser, server, "ramp", "Ana")
    samples: list[dict[str, Any]] = []
    began = before = None
    reached = None
    while reached is None:
        page.wait_for_timeout(250)
        now = page.evaluate(_SENDING)
        if now is None or not any(layer["bytes"] for layer in now["layers"]):
            continue
        began = now["at"] if began is None else began
        seconds = (now["at"] - began) / 1000
        if before is not None:
            samples.append(_sample(before, now, seconds))
            if samples[-1]["targetBitsPerSecond"] >= WHOLE * now["wanted"]:
                reached = round(seconds, 2)
        before = now
        if seconds > RAMP_LIMIT:
            break
    page.context.close()
    return {
        "configuredBitsPerSecond": before["wanted"] if before else 0,
        "reachedAfterSeconds": reached,
        "samples": samples,
    }


def _sample(before: dict[str, Any], now: dict[str, Any], seconds: float) -> dict[str, Any]:
    elapsed = (now["at"] - before["at"]) / 1000
    sent = sum(layer["bytes"] for layer in now["layers"])
    sent -= sum(layer["bytes"] for layer in before["layers"])
    return {
        "at": round(seconds, 2),
        "sentBitsPerSecond": round(sent * 8 / elapsed),
        "targetBitsPerSecond": round(sum(layer["target"] for layer in now["layers"])),
        "widths": {layer["rid"]: layer["width"] for layer in now["layers"]},
    }
