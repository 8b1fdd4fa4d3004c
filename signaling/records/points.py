"""Points of a series as whole numbers, how they add up, and how many of them become bytes. No I/O.

Theory of operation. A point is what one series (a track, a direction of a person) did over some
seconds: sums first, then maxima, all integers, so that adding points up in any order and in any
grouping gives the same: seconds become tens of seconds and minutes without a figure bending.
Which figures there are, and in what units, is declared in `qos.figures`. A mean is kept as its sum
and its weight; a second in which it was not known weighs nothing.
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

from qos import figures
from signaling.meter.samples import BrowserFigures, Figures

Point = tuple[int, ...]
Row = tuple[int, ...]
"""Number of the series, Unix time of the begin, then the point."""

_FIRST_COUNTERS = 4
"""Of `figures.COUNTERS`, in the first release of the history. Later ones stand at the end of a
point, so that blocks of earlier releases are read as they were written."""
_COUNTERS = tuple([counter.name for counter in figures.COUNTERS])
_SUMS = (
    "seconds",
    "packets",
    "packets_lost",
    "freezes",
    *_COUNTERS[:_FIRST_COUNTERS],
    "browser_reports",
    "browser_freezes",
    "browser_freezes_ms",
    "browser_absurd",
)
_LATER = _COUNTERS[_FIRST_COUNTERS:]
COUNTS = (*_SUMS, *_LATER)
_OWN = tuple([figure for figure in figures.MEANS if figure.parts])
_BROWSER = tuple([figure for figure in figures.BROWSER if figure.parts])
MEANS = {figure.name: figure.parts for figure in _OWN} | {
    f"browser_{figure.name}": figure.parts for figure in _BROWSER
}
"""What is averaged, and the units of it that are counted: each takes a sum and a weight."""
MAXIMA = ("loss", "jitter", "delay", "round_trip_time", "mos", "size")
"""Worst seconds, -1 when not known. `mos` as the distance from 5, `size` as width and height."""

_SUMMED = len(_SUMS) + 2 * len(MEANS)
_FIRST_LENGTH = _SUMMED + len(MAXIMA)
LENGTH = _FIRST_LENGTH + len(_LATER)
_COUNT = {name: index for index, name in enumerate(_SUMS)} | {
    name: _FIRST_LENGTH + index for index, name in enumerate(_LATER)
}
_MEAN = {name: len(_SUMS) + 2 * index for index, name in enumerate(MEANS)}
_WORST = {name: _SUMMED + index for index, name in enumerate(MAXIMA)}
_BEST_MOS = 5_000
NOTHING: Point = (0,) * _SUMMED + (-1,) * len(MAXIMA) + (0,) * len(_LATER)

_OWN_PARTS = tuple([figure.parts for figure in _OWN])
_OF_FIGURES = tuple([name for name in MEANS if name in Figures.__struct_fields__])
_figures_of = operator.attrgetter(*_OF_FIGURES)
_BROWSER_PARTS = tuple([figure.parts for figure in _BROWSER])
_browser_figures_of = operator.attrgetter(*[figure.name for figure in _BROWSER])
_NO_BROWSER = [0] * 2 * len(_BROWSER_PARTS)
_LOSS, _SPACING, _MOS = (tuple(MEANS).index(name) for name in ("loss", "mean_inter_arrival", "mos"))
_WORST_OF = tuple([tuple(MEANS).index(name) for name in MAXIMA[:-2]])
_SETTLED = 10
"""Seconds after which counts of lost packets are more exact than the mean of single seconds."""
_MOST_FREEZES = 1_000
_MOST_FROZEN_MS = 60_000
"""Of one report: beyond these a browser is not believed."""
_MOST = 2**34
"""Beyond this no figure of one second is believed."""


def of_figures(
    measured: Figures,
    *,
    freezes: int = 0,
    counts: figures.Counts = figures.NO_COUNTS,
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
    known = [
        _units(value, parts)
        for value, parts in zip(
            (*_figures_of(measured), frames_per_second, estimate_bps, target_bps, nominal_bps),
            _OWN_PARTS,
            strict=True,
        )
    ]
    means: list[int] = []
    for value in known:
        means += (0, 0) if value is None else (value, 1)
    # Loss is of packets, and the mean gap is time by packets: packets are their weights.
    arrived = max(0, measured.packets - measured.packets_lost)
    for index, weight in ((_LOSS, max(0, measured.packets)), (_SPACING, arrived)):
        if known[index] is not None:
            means[2 * index : 2 * index + 2] = means[2 * index] * weight, weight
    return (
        1,
        measured.packets,
        measured.packets_lost,
        freezes,
        *counts[:_FIRST_COUNTERS],
        *_browser_counts(browser),
        *means,
        *(_NO_BROWSER if browser is None else _browser_means(browser)),
        *[-1 if (value := known[place]) is None else value for place in _WORST_OF],
        -1 if (mos := known[_MOS]) is None else max(0, _BEST_MOS - mos),
        -1 if size is None else (size[0] & 0xFFFF) << 16 | size[1] & 0xFFFF,
        *counts[_FIRST_COUNTERS:],
    )


def _browser_counts(browser: BrowserFigures | None) -> tuple[int, ...]:
    if browser is None:
        return (0, 0, 0, 0)
    frozen = min(_units(browser.freezes_duration, 1_000) or 0, _MOST_FROZEN_MS)
    return (1, believed_freezes(browser), frozen, int(browser.absurd))


def believed_freezes(browser: BrowserFigures) -> int:
    """Of one report."""
    return min(max(0, browser.freeze_count), _MOST_FREEZES)


def _browser_means(browser: BrowserFigures) -> list[int]:
    means: list[int] = []
    for value, parts in zip(_browser_figures_of(browser), _BROWSER_PARTS, strict=True):
        known = _units(value, parts)
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


def merge(left: Point, right: Point) -> Point:
    """Two stretches of one series, one after the other."""
    return (
        *map(operator.add, left[:_SUMMED], right[:_SUMMED]),
        *map(max, left[_SUMMED:_FIRST_LENGTH], right[_SUMMED:_FIRST_LENGTH]),
        *map(operator.add, left[_FIRST_LENGTH:], right[_FIRST_LENGTH:]),
    )


def with_counts(point: Point, tracks: Sequence[Point]) -> Point:
    """A point that also has the counts of `tracks` which are not seconds or packets."""
    if not tracks:
        return point
    start, stop = _COUNT["freezes"], _COUNT["browser_reports"]
    sums = [sum(column) for column in zip(*tracks, strict=True)]
    return (
        *point[:start],
        *sums[start:stop],
        *point[stop:_FIRST_LENGTH],
        *sums[_FIRST_LENGTH:],
    )


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
    """Percent of what was expected, 0 to 100; None when nothing was, or nobody reported.

    Over a while it is what was lost of what was expected, late packets taken back. Over a few
    seconds it is the mean of the seconds' own, since receivers report losses some seconds at a
    time.
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
    """Width and height of the widest video."""
    value = point[_WORST["size"]]
    return None if value < 0 else (value >> 16, value & 0xFFFF)


# Blocks.

_CODES = (("b", 1 << 7), ("h", 1 << 15), ("i", 1 << 31), ("q", 1 << 63))
_HEAD = struct.Struct("<BHI")
_FORM = 1
_FIRST_WIDTH, _WIDTH = 2 + _FIRST_LENGTH, 2 + LENGTH
"""Columns of a block, in the first release and now."""
_MOST_ROWS = 1_000_000
"""Far more than a block is made of: a column of one value says its length and nothing more."""
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
        if form != _FORM or not (width and 0 < height <= _MOST_ROWS and inflater.eof):
            raise BlockError("not a block of points")
        columns: list[Iterable[int]] = []
        offset = _HEAD.size
        for _ in range(width):
            code = raw[offset : offset + 1].decode("ascii")
            if not code:
                raise BlockError("a block of points is cut off")
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
        if width >= _FIRST_WIDTH:
            # Of another release, whose table of counters was shorter or longer.
            columns += [(0,) * height] * (_WIDTH - width)
            del columns[_WIDTH:]
        return list(zip(*columns, strict=True))
    except (zlib.error, struct.error, ValueError) as error:
        raise BlockError(f"not a block of points: {error}") from None
