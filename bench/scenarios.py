"""The scenarios of the studies, each a kind of call of a few people."""

from __future__ import annotations

from dataclasses import dataclass

AUDIO = ("audio",)
AUDIO_VIDEO = ("audio", "video")


@dataclass(frozen=True)
class Scenario:
    """A call: everybody sends all `kinds` and receives everybody else's."""

    title: str
    participants: int
    kinds: tuple[str, ...]


SCENARIOS = {
    "scenario1": Scenario("voice call, two people", 2, AUDIO),
    "scenario2": Scenario("video call, two people", 2, AUDIO_VIDEO),
    "scenario3": Scenario("call conference, ten people on camera", 10, AUDIO_VIDEO),
}

OTHERS = {
    "soak": "people join and leave all the time; memory and descriptors over time",
    "browser": "Chromium: seconds from join to the first picture, and to full quality",
    "impair": "Chromium on bad networks: loss, thin links, outages, no UDP (needs root)",
    "focus": "one large tile, thumbnails, the loudest voices, beside everything to everybody",
    "peers": "the same load against our server and Janus VideoRoom in turns (needs root)",
}
