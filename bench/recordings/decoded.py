"""What real participants made of what they received, as lines of a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any


def rows(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What real participants made of what they received; empty with light ones."""
    found = []
    video = [t for t in run["tracks"] if t["kind"] != "audio" and "framesDecodedPerSecond" in t]
    if video:
        rates = [track["framesDecodedPerSecond"] for track in video]
        text = f"{statistics.median(rates):.1f} (lowest {min(rates):.1f}) a second"
        found.append(("frames decoded, each video, median", text))
    for key, title, unit in (
        ("freezes", "freezes, all videos", ""),
        ("frozenSeconds", "frozen, all videos", " s"),
    ):
        counted = [track[key] for track in run["tracks"] if track.get(key) is not None]
        if counted:
            found.append((title, f"{sum(counted):g}{unit}"))
    concealed = [
        t["concealedPercent"] for t in run["tracks"] if t.get("concealedPercent") is not None
    ]
    if concealed:
        found.append(("sound made up by decoders, mean", f"{statistics.fmean(concealed):.2f} %"))
    return found
