"""Tracks of one medium that somebody is sent in one second, as one point. No I/O.

Ten rooms of ten have 1800 outgoing tracks; so they are summed up as plain numbers first, and become
whole numbers once a medium.
"""

from __future__ import annotations

from qos import figures
from signaling.meter import judge
from signaling.meter.samples import BrowserFigures, Figures, TrackSample
from signaling.records import points


def nominal_of(track: TrackSample) -> float | None:
    """Usual bitrate of a track while it flows, bit/s; None for video of unknown size."""
    if not track.figures.bitrate:
        return None
    return judge.nominal(track.kind, track.width or 0, track.height or 0)


class Together:
    """As the meter sums up a direction: rates and packets add up, loss is weighted by packets,
    jitter is the worst, delay the mean. MOS, frame rate and reports of browsers are averaged."""

    __slots__ = (
        "_bitrate",
        "_counts",
        "_delays",
        "_freezes",
        "_jitter",
        "_judged",
        "_losses",
        "_lost",
        "_mos",
        "_news",
        "_nominal",
        "_packets",
        "_rates",
        "_round_trip_time",
        "_size",
        "mos_model",
        "tracks",
    )

    def __init__(self) -> None:
        self.tracks = 0
        self.mos_model = ""
        self._bitrate: float | None = None
        self._jitter = self._round_trip_time = -1.0
        self._delays: list[float] = []
        self._losses, self._judged = 0.0, 0
        self._packets = self._lost = 0
        self._freezes = 0
        self._counts: list[figures.Counts] = []
        self._nominal = 0.0
        self._mos: list[float] = []
        self._rates: list[float] = []
        self._size: tuple[int, int] | None = None
        self._news: list[BrowserFigures] = []

    def add(self, track: TrackSample, freezes: int, news: BrowserFigures | None) -> None:
        """One more track. `news`: its browser's report, when it is new."""
        own = track.figures
        self.tracks += 1
        self._packets += own.packets
        self._lost += own.packets_lost
        self._freezes += freezes
        self._counts.append(track.counts)
        self._nominal += nominal_of(track) or 0.0
        if own.bitrate is not None:
            self._bitrate = (self._bitrate or 0.0) + own.bitrate
        if own.jitter is not None and own.jitter > self._jitter:
            self._jitter = own.jitter
        if own.delay is not None:
            self._delays.append(own.delay)
        if own.loss is not None:
            self._losses += own.loss * own.packets
            self._judged += own.packets
        rtt = own.round_trip_time
        if rtt is not None and rtt > self._round_trip_time:
            self._round_trip_time = rtt
        if own.mos is not None:
            self._mos.append(own.mos)
            self.mos_model = own.mos_model or self.mos_model
        if track.frames_per_second is not None:
            self._rates.append(track.frames_per_second)
        if track.width and track.height and (self._size is None or track.width > self._size[0]):
            self._size = track.width, track.height
        if news is not None:
            self._news.append(news)

    def point(self) -> points.Point:
        """All tracks added, as one second of a series."""
        arrived = self._packets - self._lost
        measured = Figures(
            bitrate=self._bitrate,
            packets=self._packets,
            packets_lost=self._lost,
            loss=self._losses / self._judged if self._judged > 0 else None,
            jitter=_known(self._jitter),
            round_trip_time=_known(self._round_trip_time),
            delay=_mean(self._delays),
            mean_inter_arrival=1 / arrived if arrived > 0 else None,
            mos=_mean(self._mos),
        )
        point = points.of_figures(
            measured,
            freezes=self._freezes,
            counts=figures.added_up(self._counts),
            frames_per_second=_mean(self._rates),
            size=self._size,
            nominal_bps=self._nominal or None,
        )
        for browser in self._news:
            point = points.with_browser(point, browser)
        return point


def _known(value: float) -> float | None:
    return None if value < 0 else value


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
