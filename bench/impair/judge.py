"""What each row of the network table asks for, and whether it was met: pure functions.

A judge gets the `Evidence` of one run and gives the criteria with their values. A figure of
several tiles or voices is of all together unless its name says `worst`; freezes are the mean of
the tiles, in seconds a minute, as other servers' figures are given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.impair.stats import (
    Received,
    Sample,
    Sent,
    bins,
    bitrate,
    mean,
    pooled,
    received,
    sound,
    video_figures,
)

VIEWER = "Viewer"
"""Name of the participant whose reception is measured."""
SPEAKER = 0
"""Number of the publisher who speaks most of the time."""
MOVING_FRAMES = 5.0
"""Frames a second from which a video moves."""
FLOWING = 0.5
"""Share of the camera's frames from which a video counts as restored."""
ADAPTED_SECONDS = 8.0
"""After a cut of the uplink: by then its publisher has found out."""
UNHARMED = 0.9
"""Share of the frames and the height before, from which a video counts as unchanged."""


@dataclass(frozen=True)
class Criterion:
    """One figure and its limit."""

    name: str
    value: float | None
    """None: it never happened."""
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        if self.value is None:
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def report(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "limit": self.limit,
            "unit": self.unit,
            "atLeast": self.at_least,
            "met": self.met,
        }


@dataclass(frozen=True)
class Evidence:
    """What a run has left."""

    names: tuple[str, ...]
    """Of the publishers, in order."""
    samples: Sequence[Sample]
    """The viewer's."""
    tracks: Received
    sent: Mapping[str, Sent]
    marks: Mapping[str, float]
    """`begin` and `end` of the window, and what was done to the network."""
    pressed: Mapping[str, float]
    """When each participant pressed the join button."""
    top_height: float
    """Of the cameras' frames (pixels)."""
    people_seen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Who is in the room in the end, as each page lists the others."""
    reloaded: tuple[str, ...] = ()
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The participant ids that each page had."""
    paths: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Protocols of the connections that each page had in the end."""

    @property
    def window(self) -> tuple[float, float]:
        return self.marks["begin"], self.marks["end"]

    def videos(self, begin: float, end: float) -> dict[str, dict[str, float]]:
        """By publisher."""
        return {
            name: video_figures(self.tracks[name, "video"], self.sent[name], begin, end)
            for name in self.names
            if (name, "video") in self.tracks
        }

    def sounds(self, begin: float, end: float) -> dict[str, dict[str, float]]:
        return {
            name: sound(self.tracks[name, "audio"], self.sent[name], begin, end)
            for name in self.names
            if (name, "audio") in self.tracks
        }

    def downlink(self, begin: float, end: float) -> float:
        """Bit/s of everything that the viewer received."""
        return sum(bitrate(track, begin, end) for track in self.tracks.values())


Judge = Callable[[Evidence], list[Criterion]]


def _concealed(
    evidence: Evidence, begin: float, end: float, limit: float, worst: bool = False
) -> Criterion:
    sounds = list(evidence.sounds(begin, end).values())
    if len(sounds) < len(evidence.names):
        return Criterion("concealed audio", None, limit, "%")
    if worst:
        value = max(figures["concealedPercent"] for figures in sounds)
        return Criterion("concealed audio, worst", value, limit, "%")
    value = pooled(sounds, "concealedSamples", "samples")
    return Criterion("concealed audio", value, limit, "%")


def loss(frames: float, freezes: float, concealed: float) -> Judge:
    """Limits: percent of sent frames decoded, freezes in seconds a minute, percent of audio."""

    def judge(evidence: Evidence) -> list[Criterion]:
        videos = list(evidence.videos(*evidence.window).values())
        whole = len(videos) == len(evidence.names)
        return [
            Criterion(
                "frames decoded",
                pooled(videos, "decodedFrames", "expectedFrames") if whole else None,
                frames, "%", at_least=True,
            ),
            Criterion(
                "freezes a minute",
                mean(videos, "frozenSecondsPerMinute") if whole else None,
                freezes, "s",
            ),
            _concealed(evidence, *evidence.window, concealed),
        ]  # fmt: skip

    return judge


def far_publisher(evidence: Evidence) -> list[Criterion]:
    """What the viewer, whose own link is clean, gets of the last publisher, and of the others."""
    *near, far = evidence.names
    videos, sounds = evidence.videos(*evidence.window), evidence.sounds(*evidence.window)
    shown, sound = videos.get(far, {}), sounds.get(far, {})
    decoded = [videos[name]["decodedPercent"] for name in near if name in videos]
    begin, end = evidence.window
    nacks = shown.get("nacks")
    asked = None if nacks is None else round(nacks * 60 / (end - begin), 1)
    return [
        Criterion(f"{far}: frames decoded", shown.get("decodedPercent"), 90, "%", at_least=True),
        Criterion(f"{far}: freezes a minute", shown.get("frozenSecondsPerMinute"), 0.5, "s"),
        # Its own link loses nothing: what it asks for, the server has not got.
        Criterion(f"{far}: requests by the viewer a minute", asked, 10, ""),
        Criterion(f"{far}: concealed audio", sound.get("concealedPercent"), 1, "%"),
        Criterion(
            "others: frames decoded, worst",
            min(decoded) if decoded and len(decoded) == len(near) else None,
            98, "%", at_least=True,
        ),
    ]  # fmt: skip


def cut(evidence: Evidence) -> list[Criterion]:
    """The speaker's video and all voices during the cut, and how soon the rate is back."""
    began, ended = evidence.marks["cut"], evidence.marks["restored"]
    speaker = evidence.videos(began + 3, ended).get(evidence.names[SPEAKER])
    gap = speaker["longestGapSeconds"] if speaker else None
    return [
        Criterion("speaker stands at most, after 3 s of the cut", gap, 1.0, "s"),
        _concealed(evidence, began, ended, 2.0),
        Criterion(
            "back at 90 % of the former bitrate after",
            back_at(evidence, began - 5, began, ended, 0.9), 10.0, "s",
        ),
    ]  # fmt: skip


def back_at(
    evidence: Evidence, reference: float, began: float, ended: float, share: float
) -> float | None:
    """Seconds from `ended` to the end of the first two seconds that carry that share of what
    flowed between `reference` and `began`; in one second, a burst would pass."""
    wanted = share * evidence.downlink(reference, began)
    for begin, end in bins(ended + 1, evidence.marks["end"]):
        if evidence.downlink(begin - 1, end) >= wanted:
            return round(end - ended, 2)
    return None


def thin(evidence: Evidence) -> list[Criterion]:
    """Everybody's voice below the limit, at least one video moving."""
    rates = [f["framesPerSecond"] for f in evidence.videos(*evidence.window).values()]
    best = max(rates, default=None)
    return [
        _concealed(evidence, *evidence.window, 2.0, worst=True),
        Criterion("frames a second, best tile", best, MOVING_FRAMES, "1/s", at_least=True),
    ]


def uplink(evidence: Evidence) -> list[Criterion]:
    """The videos of publishers with an unimpaired uplink, compared with before. The uplink of the
    last is cut: its video is to keep moving, and to recover soon afterwards."""
    began, restored = evidence.marks["cut"], evidence.marks["restored"]
    before = evidence.videos(evidence.marks["begin"], began)
    during = evidence.videos(began + 3, restored)
    criteria = []
    for name in evidence.names[:-1]:
        if name not in before or name not in during:
            criteria.append(Criterion(f"{name}: video", None, 0, ""))
            continue
        for figure, title in (("framesPerSecond", "frames"), ("meanHeight", "mean height")):
            was = before[name][figure]
            share = round(during[name][figure] / was, 2) if was else None
            criteria.append(
                Criterion(f"{name}: {title}, during / before", share, UNHARMED, "", at_least=True)
            )
    last = evidence.names[-1]
    later = evidence.videos(began + ADAPTED_SECONDS, restored).get(last, {})
    rate = later.get("framesPerSecond")
    return [
        *criteria,
        Criterion(f"{last}: frames a second, later in the cut", rate, 15.0, "1/s", at_least=True),
        Criterion(f"{last}: whole again after", _whole_again(evidence, last), 14.0, "s"),
    ]


def _whole_again(evidence: Evidence, name: str) -> float | None:
    """Seconds from the end of the cut to the first two seconds that are no worse than before it."""
    track, marks = evidence.tracks.get((name, "video")), evidence.marks
    if track is None:
        return None
    fps = track.gained("framesDecoded", marks["begin"], marks["cut"]) / (
        marks["cut"] - marks["begin"]
    )
    height = track.gauge("frameHeight", marks["cut"] - 1)
    for begin, end in bins(marks["restored"], marks["end"] - 1):
        high = min(track.gauge("frameHeight", at) for at in (begin, end, end + 1))
        if high >= height and track.gained("framesDecoded", begin, end + 1) >= (
            UNHARMED * fps * (end + 1 - begin)
        ):
            return round(begin - marks["restored"], 2)
    return None


def outage(evidence: Evidence) -> list[Criterion]:
    """All media is restored soon after the link is back; nobody is listed twice; no reload."""
    ids = {name: len(set(found)) for name, found in evidence.ids.items()}
    return [
        *(
            Criterion(f"{name}: {title} back after", _flows_again(evidence, name, kind), 3.0, "s")
            for name in evidence.names
            for kind, title in (("audio", "voice"), ("video", "video"))
        ),
        Criterion("ghosts and missing people", float(ghosts(evidence.people_seen)), 0, ""),
        Criterion("pages loaded again", float(len(evidence.reloaded)), 0, ""),
        Criterion("people who had to join anew", float(sum(n > 1 for n in ids.values())), 0, ""),
    ]  # fmt: skip


def _flows_again(evidence: Evidence, name: str, kind: str) -> float | None:
    """Seconds from the link's return until packets of the voice arrive; for a video, until the
    second begins in which at least half of the camera's frames are decoded."""
    track, back, limit = evidence.tracks.get((name, kind)), evidence.marks["up"], evidence.window[1]
    if track is None:
        return None
    camera = evidence.sent[name].camera
    for at in track.rises("framesDecoded" if kind == "video" else "packetsReceived"):
        if not back < at <= limit - 1:
            continue
        wanted = FLOWING * camera.gained("frames", at, at + 1) if kind == "video" else 0.0
        if track.gained("framesDecoded", at, at + 1) >= wanted:
            return round(at - back, 2)
    return None


def ghosts(people_seen: Mapping[str, Sequence[str]]) -> int:
    """How often a page lists somebody twice or too many, or misses somebody."""
    everybody = set(people_seen)
    wrong = 0
    for name, others in people_seen.items():
        wanted = everybody - {name}
        wrong += len(wanted - set(others)) + len(others) - len(wanted & set(others))
    return wrong


def tcp_lossy(frames: float, height: float) -> Judge:
    """Retransmission by TCP must not be visible or audible. Limits: percent of sent frames
    decoded, share of the cameras' height."""

    def judge(evidence: Evidence) -> list[Criterion]:
        videos = list(evidence.videos(*evidence.window).values())
        whole = len(videos) == len(evidence.names)
        gap = max((figures["longestGapSeconds"] for figures in videos), default=None)
        over_tcp = evidence.paths.get(VIEWER, ()).count("tcp")
        return [
            Criterion(
                "frames decoded",
                pooled(videos, "decodedFrames", "expectedFrames") if whole else None,
                frames, "%", at_least=True,
            ),
            Criterion(
                "mean height", mean(videos, "meanHeight") if whole else None,
                height * evidence.top_height, "", at_least=True,
            ),
            Criterion("longest freeze at most", gap if whole else None, 1.0, "s"),
            _concealed(evidence, *evidence.window, 1.0),
            Criterion(f"connections of {VIEWER} over TCP", float(over_tcp), 1, "", at_least=True),
        ]  # fmt: skip

    return judge


def tcp(evidence: Evidence) -> list[Criterion]:
    """The viewer and the last publisher have no UDP."""
    begin, end = evidence.pressed[VIEWER], evidence.marks["end"]
    blocked = evidence.names[-1]
    sends = evidence.sent[blocked].audio.rises("packetsSent")
    sent_after = round(sends[0] - evidence.pressed[blocked], 2) if sends else None
    criteria = [Criterion(f"{blocked} sends over TCP after", sent_after, 5.0, "s")]
    for name in evidence.names:
        track = evidence.tracks.get((name, "video"))
        seen = [at for at in track.rises("framesDecoded") if at <= end] if track else []
        first = round(seen[0] - begin, 2) if seen else None
        how = "both over TCP" if name == blocked else "the viewer over TCP"
        criteria.append(Criterion(f"video of {name} ({how}) after", first, 5.0, "s"))
    for name in (VIEWER, blocked):
        over_tcp = evidence.paths.get(name, ()).count("tcp")
        criteria.append(
            Criterion(f"{name}: connections over TCP", float(over_tcp), 1, "", at_least=True)
        )
    return criteria


def clean(evidence: Evidence) -> list[Criterion]:
    """How soon each tile shows the top layer."""
    pressed = evidence.pressed[VIEWER]
    criteria = []
    for name in evidence.names:
        track = evidence.tracks.get((name, "video"))
        reached = None
        if track is not None:
            for at, height, frames in zip(
                track.at, track.gauges["frameHeight"], track.totals["framesDecoded"], strict=True
            ):
                if frames and height >= evidence.top_height:
                    reached = round(at - pressed, 2)
                    break
        criteria.append(Criterion(f"{name}: top layer after", reached, 5.0, "s"))
    return criteria


def evidence_of(
    names: tuple[str, ...],
    viewer: Sequence[Sample],
    publishers: Mapping[str, Sequence[Sample]],
    **rest: Any,
) -> Evidence:
    """Combine what the pages have reported."""
    pages = {**publishers, VIEWER: viewer}
    return Evidence(
        names=names,
        samples=viewer,
        tracks=received(viewer),
        sent={name: Sent.of(samples) for name, samples in publishers.items()},
        people_seen={
            page: [person["name"] for person in samples[-1]["people"]]
            for page, samples in pages.items()
            if samples
        },
        ids={
            page: [sample["id"] for sample in samples if sample["id"]]
            for page, samples in pages.items()
        },
        paths={
            page: [
                connection["path"]["protocol"]
                for connection in samples[-1]["connections"]
                if connection["path"]
            ]
            for page, samples in pages.items()
            if samples
        },
        **rest,
    )
