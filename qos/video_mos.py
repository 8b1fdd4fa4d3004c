"""Quality of video, modelled: the video part of ITU-T G.1070 (06/2018).

Opinion model for video telephony, with the coefficients that its annexes print for some codecs
and screens. **None is published for VP8**: what we show for VP8 is computed with an
H.264 set and labelled so. H.264 and VP8 need about the same bit rate, but that is no validation.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Table(NamedTuple):
    """Coefficients v1 to v12 for one codec, video size and screen, as printed."""

    name: str
    v1: float
    v2: float
    v3: float
    v4: float
    v5: float
    v6: float
    v7: float
    v8: float
    v9: float
    v10: float
    v11: float
    v12: float


H264_VGA_9_INCH = Table(
    "H.264 VGA 9.2 inch (B.2 #5)",
    5.517,
    0.0129,
    3.459,
    178.53,
    1.02,
    1.15,
    0.000355,
    0.114,
    513.77,
    0.736,
    -6.451,
    13.684,
)
H264_6_INCH = Table(
    "H.264 6 inch (B.4 #1)",
    6.743,
    0.009998,
    3.051,
    168.1,
    1.766,
    1.130,
    0.001834,
    1.232,
    53.25,
    3.353,
    6.025,
    80.752,
)
MAX_BITRATE = 1e9
"""bit/s. A larger one is computed as this one, whose quality is the ceiling by far."""
TABLES: tuple[Table, ...] = (H264_VGA_9_INCH, H264_6_INCH)


class Estimate(NamedTuple):
    """What the model gives."""

    mos: float
    """1 to 5."""
    model: str
    """Recommendation and coefficient set, and what codec it was not made for."""


def g1070_mos(
    *,
    bitrate: float,
    frame_rate: float,
    loss: float,
    table: Table = H264_VGA_9_INCH,
    codec: str = "VP8",
) -> Estimate:
    """Estimated video quality Vq, 1 to 5 (ITU-T G.1070, video quality estimation function).

    `bitrate` in bit/s, `frame_rate` in frames a second, `loss` of packets after repair in percent.
    `codec` is what was really sent: the label names it where the table was made for another.
    Negative loss counts as 0, loss above 100 as 100; without bits or frames there is no video
    and the value is 1. Raises ValueError for a figure that is not finite.
    """
    for name, value in (("bitrate", bitrate), ("frame_rate", frame_rate), ("loss", loss)):
        if not math.isfinite(value):
            raise ValueError(f"{name} {value} is not a number to compute with")
    model = f"G.1070, {table.name}"
    if not table.name.startswith(codec):
        model += f"; no set is published for {codec}"
    if bitrate <= 0 or frame_rate <= 0:
        return Estimate(1.0, model)
    loss = min(100.0, max(0.0, loss))
    kbps = min(bitrate, MAX_BITRATE) / 1000
    quality = coding_quality(table, kbps, frame_rate)
    return Estimate(1 + quality * math.exp(-loss / robustness(table, kbps, frame_rate)), model)


def coding_quality(table: Table, kbps: float, frame_rate: float) -> float:
    """Icod, 0 to 4: what coding leaves, without loss. kbit/s and frames a second, both positive.

    The frame rate that is best for the bit rate (Ofr) is held to what the model knows, 1 to 30:
    beyond it the line of the table leads far outside of any experiment.
    """
    best_rate = min(30.0, max(1.0, table.v1 + table.v2 * kbps))
    best: float = table.v3 * (1 - 1 / (1 + (kbps / table.v4) ** table.v5))
    width = table.v6 + table.v7 * kbps
    distance = math.log(min(frame_rate, 30.0)) - math.log(best_rate)
    return min(4.0, max(0.0, best * math.exp(-(distance**2) / (2 * width**2))))


def robustness(table: Table, kbps: float, frame_rate: float) -> float:
    """DPpl: percent of loss that leaves 1/e of the quality; larger is better."""
    value = (
        table.v10
        + table.v11 * math.exp(-frame_rate / table.v8)
        + table.v12 * math.exp(-kbps / table.v9)
    )
    # At a frame or two a second the printed set of 9.2 inch goes below 0, which has no meaning.
    return max(0.1, value)
