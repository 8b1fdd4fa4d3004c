"""Points of a series as whole numbers, how they add up, and how many of them become bytes. No I/O.

Theory of operation. A point is what one series (a track, a direction of a person) did over some
seconds: sums first, then maxima, all integers, so that adding points up in any order and in any
grouping gives the same: seconds become tens of seconds and minutes without a figure bending.
A mean is kept as its sum and its weight; a second in which it was not known weighs nothing.
Sums of losses stay signed, since late packets take losses back.

A block is many points as columns: each column in the narrowest integers that hold it, or just once
when all are equal, and then deflated. Ten people with their tracks take some 200 bytes a second.
"""

from __future__ import annotations

import math
import operator
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence

from signaling.meter.samples import BrowserFigures, Figures

Point = tuple[int, ...]
Row = tuple[int, ...]
"""Number of the series, Unix time of the begin, then the point."""

COUNTS = (
    "seconds",
    "packets",
    "packets_lost",
    "freezes",
    "nack_count",
    "pli_count",
    "retransmitted",
    "key_frames",
    "browser_reports",
    "browser_freezes",
    "browser_freezes_ms",
    "browser_absurd",
)
MEANS = {
    "loss": 1_000,
    "bitrate": 1,
    "jitter": 1_000_000,
    "round_trip_time": 1_000_000,
    "delay": 1_000_000,
    "mean_inter_arrival": 1_000_000,
    "mos": 1_000,
    "frames_per_second": 100,
    "estimate_bps": 1,
    "target_bps": 1,
    "nominal_bps": 1,
    "browser_bitrate": 1,
    "browser_loss": 1_000,
    "browser_jitter": 1_000_000,
    "browser_round_trip_time": 1_000_000,
    "browser_jitter_buffer_delay": 1_000_000,
    "browser_concealed": 1_000,
    "browser_frames_per_second": 100,
}
"""What is averaged, and the units of it that are counted: each takes a sum and a weight."""
MAXIMA = ("loss", "jitter", "delay", "round_trip_time", "mos", "size")
"""Worst seconds, -1 when not known. `mos` as the distance from 5, `size` as width and height."""

_SUMMED = len(COUNTS) + 2 * len(MEANS)
LENGTH = _SUMMED + len(MAXIMA)
_COUNT = {name: index for index, name in enumerate(COUNTS)}
_MEAN = {name: len(COUNTS) + 2 * index for index, name in enumerate(MEANS)}
_WORST = {name: _SUMMED + index for index, name in enumerate(MAXIMA)}
_BEST_MOS = 5_000
NOTHING: Point = (0,) * _SUMMED + (-1,) * len(MAXIMA)

_FIRST_OF_BROWSER = tuple(MEANS).index("browser_bitrate")
_OWN_UNITS = tuple(MEANS.values())[:_FIRST_OF_BROWSER]
_BROWSER_UNITS = tuple(MEANS.values())[_FIRST_OF_BROWSER:]
_NO_BROWSER = [0] * 2 * len(_BROWSER_UNITS)
_LOSS = tuple(MEANS).index("loss")
_SPACING = tuple(MEANS).index("mean_inter_arrival")
_SETTLED = 10
"""Seconds after which counts of lost packets say more than the single seconds' percentages."""
_MOST_FREEZES = 1_000
_MOST_FROZEN_MS = 60_000
"""Of one report: beyond these a browser is not believed."""
_MOST = 2**34
"""Beyond this no figure of one second is believed."""


def of_figures(
    figures: Figures,
    *,
    freezes: int = 0,
    nack_count: int = 0,
    pli_count: int = 0,
    retransmitted: int = 0,
    key_frames: int = 0,
    frames_per_second: float | None = None,
    size: tuple[int, int] | None = None,
    estimate_bps: float | None = None,
    target_bps: float | None = None,
    nominal_bps: float | None = None,
    browser: BrowserFigures | None = None,
) -> Point:
    """One second of a series. What is not finite counts as not known.

    `size`: width, height. `browser`: only when it is news.
    """
    counts = (
        1,
        figures.packets,
        figures.packets_lost,
        freezes,
        nack_count,
        pli_count,
        retransmitted,
        key_frames,
        *_browser_counts(browser),
    )
    arrived = max(0, figures.packets - figures.packets_lost)
    values = (
        figures.loss,
        figures.bitrate,
        figures.jitter,
        figures.round_trip_time,
        figures.delay,
        figures.mean_inter_arrival,
        figures.mos,
        frames_per_second,
        estimate_bps,
        target_bps,
        nominal_bps,
    )
    known = [_units(value, units) for value, units in zip(values, _OWN_UNITS, strict=True)]
    means: list[int] = []
    for value in known:
        means += (0, 0) if value is None else (value, 1)
    # Loss is of packets, and the mean gap is time by packets: packets are their weights.
    for index, weight in ((_LOSS, max(0, figures.packets)), (_SPACING, arrived)):
        if known[index] is not None:
            means[2 * index : 2 * index + 2] = means[2 * index] * weight, weight
    means += _NO_BROWSER if browser is None else _browser_means(browser)
    loss_units, _, jitter, round_trip_time, delay, _, mos, *_ = known
    maxima = (
        _or_none(loss_units),
        _or_none(jitter),
        _or_none(delay),
        _or_none(round_trip_time),
        -1 if mos is None else max(0, _BEST_MOS - mos),
        -1 if size is None else (size[0] & 0xFFFF) << 16 | size[1] & 0xFFFF,
    )
    return (*counts, *means, *maxima)


def _browser_counts(browser: BrowserFigures | None) -> tuple[int, ...]:
    if browser is None:
        return (0, 0, 0, 0)
    frozen = min(_units(browser.freezes_duration, 1_000) or 0, _MOST_FROZEN_MS)
    return (1, believed_freezes(browser), frozen, int(browser.absurd))


def believed_freezes(browser: BrowserFigures) -> int:
    """Of one report."""
    return min(max(0, browser.freeze_count), _MOST_FREEZES)


def _browser_means(browser: BrowserFigures) -> list[int]:
    values = (
        browser.bitrate,
        browser.loss,
        browser.jitter,
        browser.round_trip_time,
        browser.jitter_buffer_delay,
        browser.concealed,
        browser.frames_per_second,
    )
    means: list[int] = []
    for value, units in zip(values, _BROWSER_UNITS, strict=True):
        known = _units(value, units)
        means += (0, 0) if known is None else (known, 1)
    return means


def _units(value: float | None, units: int) -> int | None:
    if value is None:
        return None
    scaled = value * units
    if 0 <= scaled < _MOST:
        return round(scaled)
    if not math.isfinite(value):
        return None
    return 0 if scaled < 0 else _MOST


def _or_none(value: int | None) -> int:
    return -1 if value is None else value


def merge(left: Point, right: Point) -> Point:
    """Two stretches of one series, one after the other."""
    return (
        *map(operator.add, left[:_SUMMED], right[:_SUMMED]),
        *map(max, left[_SUMMED:], right[_SUMMED:]),
    )


def with_counts(point: Point, tracks: Sequence[Point]) -> Point:
    """A point that also has the counts of `tracks` which are not seconds or packets."""
    start, stop = _COUNT["freezes"], _COUNT["key_frames"] + 1
    sums = [sum(column) for column in zip(*(t[start:stop] for t in tracks), strict=True)]
    return (*point[:start], *sums, *point[stop:]) if sums else point


def with_browser(point: Point, browser: BrowserFigures) -> Point:
    """A point to which one more report of a browser is added."""
    values = list(point)
    for index, value in enumerate(_browser_counts(browser), _COUNT["browser_reports"]):
        values[index] += value
    for index, value in enumerate(_browser_means(browser), _MEAN["browser_bitrate"]):
        values[index] += value
    return tuple(values)


# Reading a point.


def count(point: Point, name: str) -> int:
    """One of `COUNTS`."""
    return point[_COUNT[name]]


def mean(point: Point, name: str) -> float | None:
    """One of `MEANS`, in seconds, bit/s, MOS or frames a second; None when never known."""
    index = _MEAN[name]
    total, weight = point[index], point[index + 1]
    return round(total / weight / MEANS[name], 6) if weight else None


def loss(point: Point) -> float | None:
    """Percent of what was expected, 0 to 100; None when nothing was, or nobody said.

    Over a while it is what was lost of what was expected, late packets taken back. Over a few
    seconds it is the mean of the seconds' own, since receivers tell losses some seconds at a time.
    """
    known = mean(point, "loss")
    expected = point[_COUNT["packets"]]
    if known is None or point[_COUNT["seconds"]] < _SETTLED or expected <= 0:
        return known
    lost = point[_COUNT["packets_lost"]]
    return round(min(100.0, max(0.0, 100 * lost / expected)), 6)


def worst(point: Point, name: str) -> float | None:
    """Of the single seconds: loss in percent, times in seconds, or the least MOS."""
    value = point[_WORST[name]]
    if value < 0:
        return None
    if name == "mos":
        return (_BEST_MOS - value) / MEANS["mos"]
    return value / MEANS[name]


def size(point: Point) -> tuple[int, int] | None:
    """Width and height of the widest picture."""
    value = point[_WORST["size"]]
    return None if value < 0 else (value >> 16, value & 0xFFFF)


# Blocks.

_CODES = (("b", 1 << 7), ("h", 1 << 15), ("i", 1 << 31), ("q", 1 << 63))
_HEAD = struct.Struct("<BHI")
_FORM = 1
_MOST_INFLATED = 32 * 1024 * 1024


class BlockError(ValueError):
    """These bytes are no block."""


def encode(rows: Sequence[Row]) -> bytes:
    """`rows`: at least one, all of one length."""
    out = bytearray(_HEAD.pack(_FORM, len(rows[0]), len(rows)))
    for column in zip(*rows, strict=True):
        first = column[0]
        low, high = min(column), max(column)
        if low == high:
            out += b"c" + struct.pack("<q", first)
            continue
        code = next(code for code, bound in _CODES if -bound <= low and high < bound)
        values = array(code, column)
        if sys.byteorder == "big":
            values.byteswap()
        out += code.encode() + values.tobytes()
    return zlib.compress(bytes(out), 6)


def decode(data: bytes) -> list[Row]:
    """The rows of a block. Raises `BlockError`."""
    try:
        inflater = zlib.decompressobj()
        raw = inflater.decompress(data, _MOST_INFLATED)
        form, width, height = _HEAD.unpack_from(raw)
        if form != _FORM or not inflater.eof:
            raise BlockError("not a block of points")
        columns: list[Iterable[int]] = []
        offset = _HEAD.size
        for _ in range(width):
            code = raw[offset : offset + 1].decode("ascii")
            offset += 1
            if code == "c":
                columns.append((struct.unpack_from("<q", raw, offset)[0],) * height)
                offset += 8
                continue
            values = array(code)
            values.frombytes(raw[offset : offset + values.itemsize * height])
            if sys.byteorder == "big":
                values.byteswap()
            columns.append(values)
            offset += values.itemsize * height
        return list(zip(*columns, strict=True))
    except (zlib.error, struct.error, ValueError) as error:
        raise BlockError(f"not a block of points: {error}") from None
