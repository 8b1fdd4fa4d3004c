"""How the bench starts Chromium: headless, with fake devices, through Playwright."""

from __future__ import annotations

import shutil
from pathlib import Path

from qos.install_hint import how_to_get

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)
"""A headless Chromium with fake devices that asks for no permission and contacts no service."""


def flags(camera: Path, voice: Path | None = None, origin: str = "") -> list[str]:
    """`FLAGS`, with what the fake devices play in a loop.

    `camera` is a YUV4MPEG2 file and `voice` a WAV file; without one the microphone gives
    Chromium's own test tone. `origin` is a server of plain HTTP whose pages may use devices.
    """
    found = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
    if voice is not None:
        found.append(f"--use-file-for-fake-audio-capture={voice}")
    if origin:
        found.append(f"--unsafely-treat-insecure-origin-as-secure={origin}")
    return found


def executable() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


def missing() -> str:
    """What is not there, in words; empty when Chromium can be driven."""
    if executable() is None:
        return "Chromium is not installed: Debian package chromium (apt install chromium)"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        hint = how_to_get("playwright", "bench")
        return f"Playwright for Python is not installed: {hint}"
    return ""


def error_line(error: Exception) -> str:
    """What Playwright says went wrong, without its log."""
    return f"Chromium: {str(error).splitlines()[0]}"
