"""The room's page as the bench drives it: its lobby, and the script that samples its statistics."""

from __future__ import annotations

import json
from pathlib import Path

SAMPLER = Path(__file__).with_name("sampler.js")
"""The script in each page that reports its statistics; it makes `window.bench`."""


def lobby_is_ready(*, with_devices: bool) -> str:
    """JavaScript that is true when one can join, and camera and microphone are on."""
    if with_devices:
        return "Boolean(document.getElementById('preview')?.srcObject)"
    return "Boolean(document.getElementById('join-bare'))"


def press_join(name: str, *, with_devices: bool) -> str:
    """JavaScript that joins under this name."""
    button = "join-button" if with_devices else "join-bare"
    return f"bench.enter({json.dumps(name)}, '{button}')"
