"""From the pages' samples to figures: pure functions over time series.

Theory of operation. A browser counts from zero on each new connection and stream, so a `Series`
adds up what was gained between samples, under one name, whatever connection carried it. Values
between two samples are interpolated; all pages run on one machine and share its clock.

How many frames a viewer should have decoded: the window is cut into seconds; in each, the frames
that the publisher really sent of the layer with the height that the viewer decodes. In a second
in which layers switch or nothing is decoded there is no such layer, and the frames of the
camera count instead. So a layer's own lower frame rate is no loss, but a frozen video is.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Sample = Mapping[str, Any]

SPEECH_RMS = 0.003
"""Above this a microphone carries speech (of full scale; about -50 dBFS)."""
SPEECH_SECONDS = 0.5
"""Resolution of speech and silence: twice the publishers' sampling interval."""
HELD_SECONDS = 0.5
"""A video that ends its window so long without a frame is frozen: no browser counts it yet."""


@dataclass
class Series:
    """Counters and gauges of one track or layer over time."""

    at: list[float] = field(default_factory=list)
    totals: dict[str, list[float]] = field(default_factory=dict)
    gauges: dict[str, list[float]] = field(default_factory=dict)
    _key: str = ""
    _before: dict[str, float] = field(default_factory=dict)

    def add(self, at: float, stream: Sample) -> None:
        """One sample of whichever stream carries it now."""
        numbers = {
            name: float(value)
            for name, value in stream.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        if stream["key"] != self._key:
            self._key, self._before = stream["key"], {}
        for name in {*self.totals, *numbers}:
            value = numbers.get(name, self._before.get(name, 0.0))
            gained = value - self._before.get(name, 0.0)
            total = self.totals.setdefault(name, [0.0] * len(self.at))
            total.append((total[-1] if total else 0.0) + max(0.0, gained))
            self.gauges.setdefault(name, [0.0] * len(self.at)).append(value)
        self.at.append(at)
        self._before |= numbers

    def total(self, name: str, at: float) -> float:
        """The counter then, interpolated; before the first sample and after the last, as there."""
        values = self.totals.get(name)
        if not values:
            return 0.0
        after = bisect_right(self.at, at)
        if after == 0:
            return values[0]
        if after == len(self.at):
            return values[-1]
        begin, end = self.at[after - 1], self.at[after]
        part = (at - begin) / (end - begin)
        return values[after - 1] + part * (values[after] - values[after - 1])

    def gained(self, name: str, begin: float, end: float) -> float:
        return self.total(name, end) - self.total(name, begin)

    def gauge(self, name: str, at: float) -> float:
        """The last value at or before that time; 0 without one."""
        after = bisect_right(self.at, at)
        values = self.gauges.get(name)
        return values[after - 1] if values and after else 0.0

    def rises(self, name: str) -> list[float]:
        """When the counter was seen to have grown."""
        values = self.totals.get(name, [])
        return [
            at for at, low, high in zip(self.at[1:], values, values[1:], strict=False) if high > low
        ]


@dataclass
class Sent:
    """What a publisher sends."""

    layers: dict[str, Series] = field(default_factory=dict)
    """Video by rid."""
    audio: Series = field(default_factory=Series)
    camera: Series = field(default_factory=Series)
    microphone: Series = field(default_factory=Series)

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> Sent:
        sent = cls()
        for sample in samples:
            for stream in _streams(sample):
                series = sent._series(stream)
                if series is not None:
                    series.add(sample["at"], stream)
        return sent

    def _series(self, stream: Sample) -> Series | None:
        video = stream["kind"] == "video"
        if stream["type"] == "media-source":
            return self.camera if video else self.microphone
        if stream["type"] != "outbound-rtp":
            return None
        return self.layers.setdefault(stream.get("rid", ""), Series()) if video else self.audio

    def speaks(self, begin: float, end: float) -> bool:
        """Whether the microphone carried speech."""
        seconds = self.microphone.gained("totalSamplesDuration", begin, end)
        energy = self.microphone.gained("totalAudioEnergy", begin, end)
        return seconds > 0 and math.sqrt(energy / seconds) > SPEECH_RMS


Received = dict[tuple[str, str], Series]
"""What a viewer receives, by the publisher's name and kind."""


def received(samples: Iterable[Sample]) -> Received:
    """The inbound tracks of each person in the room."""
    found: Received = {}
    for sample in samples:
        inbound = {
            stream["trackIdentifier"]: stream
            for stream in _streams(sample)
            if stream["type"] == "inbound-rtp"
        }
        for person in sample["people"]:
            for kind in ("audio", "video"):
                if stream := inbound.get(person[kind]):
                    found.setdefault((person["name"], kind), Series()).add(sample["at"], stream)
    return found


def _streams(sample: Sample) -> Iterable[Sample]:
    for connection in sample["connections"]:
        yield from connection["streams"]


def bins(begin: float, end: float, seconds: float = 1.0) -> list[tuple[float, float]]:
    """The window in parts of so many seconds, as nearly as it goes."""
    count = max(1, round((end - begin) / seconds))
    width = (end - begin) / count
    return [(begin + n * width, begin + (n + 1) * width) for n in range(count)]


def expected_frames(track: Series, sent: Sent, begin: float, end: float) -> float:
    """Frames to decode in these seconds; see the top of this module."""
    return sum(_expected(track, sent, *second) for second in bins(begin, end))


def _expected(track: Series, sent: Sent, begin: float, end: float) -> float:
    camera = sent.camera.gained("frames", begin, end)
    height = track.gauge("frameHeight", begin)
    decoded = track.gained("framesDecoded", begin, end)
    if not decoded or height != track.gauge("frameHeight", end):
        return camera
    for layer in sent.layers.values():
        if layer.gauge("frameHeight", end) == height:
            frames = layer.gained("framesSent", begin, end)
            return frames or camera
    return camera


def longest_gap(track: Series, begin: float, end: float) -> float:
    """Seconds for which no further frame was decoded; the window's edges count as frames."""
    return longest_pause(track.rises("framesDecoded"), begin, end)


def longest_pause(moments: Sequence[float], begin: float, end: float) -> float:
    """Seconds without one of these moments, the edges of the window taken as such."""
    edges = [begin, *(at for at in moments if begin <= at <= end), end]
    return max(later - earlier for earlier, later in itertools.pairwise(edges))


def frozen_seconds(track: Series, begin: float, end: float) -> float:
    """What the browser counted as freezes, and the one that it cannot have counted yet."""
    counted = track.gained("totalFreezesDuration", begin, end)
    moments = [at for at in track.rises("framesDecoded") if begin <= at <= end]
    standing = end - (moments[-1] if moments else begin)
    return min(end - begin, counted + (standing if standing > HELD_SECONDS else 0.0))


def video_figures(track: Series, sent: Sent, begin: float, end: float) -> dict[str, float]:
    """The figures of one tile. Rates are a second, `bitrateBps` with headers."""
    expected = expected_frames(track, sent, begin, end)
    decoded = track.gained("framesDecoded", begin, end)
    seconds = end - begin
    heights = _heights(track, begin, end)
    return {
        "expectedFrames": round(expected, 1),
        "decodedFrames": round(decoded, 1),
        "decodedPercent": _percent(decoded, expected),
        "receivedFrames": round(track.gained("framesReceived", begin, end)),
        "droppedFrames": round(track.gained("framesDropped", begin, end)),
        "framesPerSecond": round(decoded / seconds, 2),
        "freezes": round(track.gained("freezeCount", begin, end)),
        "frozenSecondsPerMinute": round(frozen_seconds(track, begin, end) * 60 / seconds, 2),
        "longestGapSeconds": round(longest_gap(track, begin, end), 2),
        "lowestHeight": min(heights),
        "highestHeight": max(heights),
        "meanHeight": round(sum(heights) / len(heights), 1),
        "bitrateBps": round(bitrate(track, begin, end)),
        "lostPercent": _lost_percent(track, begin, end),
        "retransmittedPackets": round(track.gained("retransmittedPacketsReceived", begin, end)),
        "nacks": round(track.gained("nackCount", begin, end)),
        "plis": round(track.gained("pliCount", begin, end)),
        "keyframes": round(track.gained("keyFramesDecoded", begin, end)),
    }


def _heights(track: Series, begin: float, end: float) -> list[float]:
    return [track.gauge("frameHeight", at) for at in track.at if begin <= at <= end] or [0.0]


def bitrate(track: Series, begin: float, end: float) -> float:
    """Bit/s that arrived, RTP headers included."""
    got = track.gained("bytesReceived", begin, end)
    return (got + track.gained("headerBytesReceived", begin, end)) * 8 / (end - begin)


def _lost_percent(track: Series, begin: float, end: float) -> float:
    """Packets that did not come by themselves; what RTX repaired is among them."""
    # The browser's count goes down when a late one arrives, so the plain value is the true one.
    lost = max(0.0, track.gauge("packetsLost", end) - track.gauge("packetsLost", begin))
    came = track.gained("packetsReceived", begin, end)
    return _percent(lost, lost + came)


def sound(track: Series, sent: Sent, begin: float, end: float) -> dict[str, float]:
    """The figures of one voice.

    `concealedPercent` is what the table's limits are about: samples made up by the receiver.
    Concealed silence counts only while the publisher spoke, because the rest is not audible.
    """
    audible = 0.0
    for part in bins(begin, end, SPEECH_SECONDS):
        concealed = track.gained("concealedSamples", *part)
        silent = track.gained("silentConcealedSamples", *part)
        # Interpolation may put a little more silence than there is into one part.
        audible += max(0.0, concealed - (0.0 if sent.speaks(*part) else silent))
    total = track.gained("totalSamplesReceived", begin, end)
    concealed = track.gained("concealedSamples", begin, end)
    silent = track.gained("silentConcealedSamples", begin, end)
    arrived = track.gained("packetsReceived", begin, end)
    return {
        "samples": round(total),
        "concealedSamples": round(audible),
        "concealedPercent": _percent(audible, total),
        "concealedButSilentPercent": _percent(concealed - silent, total),
        "concealedWithSilencePercent": _percent(concealed, total),
        "packetsArrivedPercent": _percent(arrived, sent.audio.gained("packetsSent", begin, end)),
        "lostPercent": _lost_percent(track, begin, end),
        "retransmittedPackets": round(track.gained("retransmittedPacketsReceived", begin, end)),
        "fecPackets": round(track.gained("fecPacketsReceived", begin, end)),
        "nacks": round(track.gained("nackCount", begin, end)),
        "jitterBufferMs": round(_buffer_ms(track, begin, end), 1),
    }


def _buffer_ms(track: Series, begin: float, end: float) -> float:
    played = track.gained("jitterBufferEmittedCount", begin, end)
    return 1000 * track.gained("jitterBufferDelay", begin, end) / played if played else 0.0


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def pooled(figures: Sequence[Mapping[str, float]], part: str, whole: str) -> float:
    """Of all tracks together, percent."""
    return _percent(sum(f[part] for f in figures), sum(f[whole] for f in figures))


def mean(figures: Sequence[Mapping[str, float]], name: str) -> float:
    return round(sum(f[name] for f in figures) / len(figures), 2) if figures else 0.0


def timeline(tracks: Received, begin: float, end: float) -> dict[str, Any]:
    """What to plot, a value a second: of each tile and voice, and of all together."""
    seconds = bins(begin, end)
    people: dict[str, dict[str, list[float]]] = {}
    for (name, kind), track in tracks.items():
        person = people.setdefault(name, {})
        person[f"{kind}Kbps"] = [round(bitrate(track, *s) / 1000, 1) for s in seconds]
        if kind == "video":
            person["framesPerSecond"] = [
                round(track.gained("framesDecoded", *s) / (s[1] - s[0]), 1) for s in seconds
            ]
            person["height"] = [track.gauge("frameHeight", s[1]) for s in seconds]
        else:
            person["concealedPercent"] = [
                _percent(
                    track.gained("concealedSamples", *s), track.gained("totalSamplesReceived", *s)
                )
                for s in seconds
            ]
    return {
        "at": [round(s[0] - begin, 2) for s in seconds],
        "totalKbps": [
            round(sum(bitrate(track, *s) for track in tracks.values()) / 1000, 1) for s in seconds
        ],
        "people": people,
    }


def sending_timeline(sent: Sent, begin: float, end: float) -> dict[str, Any]:
    """What a publisher sent, a value a second and layer."""
    return {
        rid or "single": {
            "kbps": [
                round(layer.gained("bytesSent", *s) * 8 / (s[1] - s[0]) / 1000, 1)
                for s in bins(begin, end)
            ],
            "framesPerSecond": [
                round(layer.gained("framesSent", *s) / (s[1] - s[0]), 1) for s in bins(begin, end)
            ],
            "height": [layer.gauge("frameHeight", s[1]) for s in bins(begin, end)],
        }
        for rid, layer in sorted(sent.layers.items())
    }
