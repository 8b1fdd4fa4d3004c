"""What a voice sounds like, modelled: the E-model of ITU-T G.107, G.107.1 and G.107.2.

R = Ro - Is - Id - Ie,eff + A (G.107 clause 7.1). Everything but the network is at its default, so
Ro - Is is the R of a clean line, A is 0 and Id is the delay's part Idd alone (no echo: browsers
cancel it). R becomes an estimated conversational MOS from 1 to 4.5 (G.107 Annex B). It is an
estimate of what people would vote, not a vote, and it knows nothing of microphones and rooms.

The scales differ (a clean narrowband line has R 93.2, a clean fullband one 148); a codec's Ie and
Bpl hold on the scale that they were published for and are never mixed.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

MAX_BURST_RATIO = 8.0
"""BurstR is held between 1 (random) and this: beyond it the formula hardly changes."""


class Scale(NamedTuple):
    """One of the three E-models."""

    name: str
    clean: float
    """R without any impairment."""
    ceiling: float
    """What Ie,eff tends to as everything is lost: C of the Ie,eff formula."""
    stretch: float
    """k: how much longer this scale is than the narrowband one."""


NARROWBAND = Scale("G.107", 93.2, 95.0, 1.0)
"""300 to 3,400 Hz. ITU-T G.107 clause 7."""
WIDEBAND = Scale("G.107.1", 129.0, 95.0, 1.29)
"""50 to 7,000 Hz. ITU-T G.107.1 clause 7."""
FULLBAND = Scale("G.107.2", 148.0, 132.0, 1.48)
"""20 to 20,000 Hz. ITU-T G.107.2 clause 7."""


class OpusRow(NamedTuple):
    """Opus at one bit rate on the fullband scale."""

    kbps: float
    equipment: float
    """Ie: impairment by coding alone."""
    robustness: float
    """Bpl under random loss: packet loss robustness factor."""


OPUS: tuple[OpusRow, ...] = (
    OpusRow(16, 30.16, 11.83),
    OpusRow(22, 20.22, 10.47),
    OpusRow(25, 20.21, 11.28),
    OpusRow(31, 16.83, 10.44),
    OpusRow(40, 10.67, 9.79),
)
"""Opus, super-wideband, variable bit rate: Alahmadi, Pocta and Melvin 2021, doi 10.1145/3458751.

The paper has a second Bpl, of bursty loss. It is not used: G.107.2 takes the Bpl of random loss
and the measured BurstR, which fits every burst length. At BurstR 2 and up to 3 % loss the two
come out within 2 R of each other; at more loss ours is the stricter one.
"""
OPUS_MODEL = "G.107.2, Opus super-wideband (Alahmadi 2021)"


class Estimate(NamedTuple):
    """What a model gives."""

    mos: float
    """1 to 4.5."""
    r: float
    """Transmission rating, 0 to the scale's clean value."""
    model: str
    """Recommendation and codec table."""


def opus_mos(*, bitrate: float, loss: float, delay: float, burst_ratio: float = 1.0) -> Estimate:
    """Estimated conversational quality of an Opus voice, fullband (ITU-T G.107.2).

    `bitrate` is what the encoder makes of speech, in bit/s. Between the rows of `OPUS` it is
    interpolated; below 16 and above 40 kbit/s the nearest row holds, since nothing is published
    there. `loss` is what stays missing after repair, in percent; `delay` is one way, mouth to ear,
    in seconds; `burst_ratio` is BurstR as `qos.bursts.burst_ratio` gives it.

    Negative loss and delay count as 0, loss above 100 as 100, the burst ratio is held between 1
    and 8. Raises ValueError for a figure that is not finite and for a bit rate of 0 or less:
    there was no voice to judge.
    """
    _refuse_not_finite("bitrate", bitrate)
    if bitrate <= 0:
        raise ValueError(f"bitrate {bitrate} bit/s: there is nothing to hear")
    row = opus_row(bitrate / 1000)
    r = rating(
        FULLBAND,
        delay=delay,
        loss=loss,
        equipment=row.equipment,
        robustness=row.robustness,
        burst_ratio=burst_ratio,
    )
    return Estimate(mos_of_rating(FULLBAND, r), r, OPUS_MODEL)


def g107_mos(
    *, loss: float, delay: float, equipment: float, robustness: float, burst_ratio: float = 1.0
) -> Estimate:
    """Narrowband (ITU-T G.107) for a codec whose Ie and Bpl are on that scale (G.113 Appendix I).

    Units, bounds and errors as `rating`.
    """
    r = rating(
        NARROWBAND,
        delay=delay,
        loss=loss,
        equipment=equipment,
        robustness=robustness,
        burst_ratio=burst_ratio,
    )
    return Estimate(mos_of_rating(NARROWBAND, r), r, NARROWBAND.name)


def g1071_mos(
    *, loss: float, delay: float, equipment: float, robustness: float, burst_ratio: float = 1.0
) -> Estimate:
    """Wideband (ITU-T G.107.1) for a codec whose Ie and Bpl are on that scale (G.113 Appendix IV).

    Units, bounds and errors as `rating`.
    """
    r = rating(
        WIDEBAND,
        delay=delay,
        loss=loss,
        equipment=equipment,
        robustness=robustness,
        burst_ratio=burst_ratio,
    )
    return Estimate(mos_of_rating(WIDEBAND, r), r, WIDEBAND.name)


def rating(
    scale: Scale,
    *,
    delay: float,
    loss: float,
    equipment: float,
    robustness: float,
    burst_ratio: float = 1.0,
) -> float:
    """R of a connection, from 0 to the scale's clean value (clause 7.1 of each Recommendation).

    `delay` in seconds, `loss` in percent, the rest without unit. Bounded as in `opus_mos`.
    Raises ValueError for what is not finite, an Ie outside 0 to the scale's ceiling, or a Bpl
    that is not positive.
    """
    lost = equipment_impairment(
        scale, loss=loss, equipment=equipment, robustness=robustness, burst_ratio=burst_ratio
    )
    return max(0.0, scale.clean - delay_impairment(scale, delay) - lost)


def delay_impairment(scale: Scale, delay: float) -> float:
    """Idd of a one-way delay in seconds: none up to 100 ms (G.107 clause 7.4).

    Default delay sensitivity (sT = 1, mT = 100 ms). Raises ValueError for what is not finite.
    """
    _refuse_not_finite("delay", delay)
    if delay <= 0.1:
        return 0.0
    # Idd tends to 50 k; from a minute on it does not move, and a larger delay overflows.
    x = math.log2(min(delay, 60.0) / 0.1)
    inner: float = (1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2
    return scale.stretch * 25 * inner


def equipment_impairment(
    scale: Scale, *, loss: float, equipment: float, robustness: float, burst_ratio: float = 1.0
) -> float:
    """Ie,eff: codec and loss together (clause 7.5 of G.107 and of G.107.2; 7.5 of G.107.1).

    Ie + (C - Ie) * Ppl / (Ppl / BurstR + Bpl), held at C. Units, bounds and errors as `rating`.
    """
    _refuse_not_finite("loss", loss)
    _refuse_not_finite("burst_ratio", burst_ratio)
    if not 0 <= equipment <= scale.ceiling:
        raise ValueError(f"Ie {equipment} is not on the scale of {scale.name}")
    if not 0 < robustness < math.inf:
        raise ValueError(f"Bpl {robustness} is not positive")
    loss = min(100.0, max(0.0, loss))
    burst_ratio = min(MAX_BURST_RATIO, max(1.0, burst_ratio))
    share = loss / (loss / burst_ratio + robustness)
    return equipment + (scale.ceiling - equipment) * min(1.0, share)


def mos_of_rating(scale: Scale, r: float) -> float:
    """Estimated MOS, 1 to 4.5, of an R on a scale (G.107 Annex B; G.107.1 and G.107.2 Annex A).

    Raises ValueError for what is not finite.
    """
    _refuse_not_finite("r", r)
    x = r / scale.stretch
    if x <= 0:
        return 1.0
    if x >= 100:
        return 4.5
    mos = 1 + 0.035 * x + x * (x - 60) * (100 - x) * 7e-6
    # The cubic dips below 1 for small x.
    return min(4.5, max(1.0, mos))


def opus_row(kbps: float) -> OpusRow:
    """Ie and Bpl of a bit rate in kbit/s, linear between the rows and held outside of them."""
    kbps = min(OPUS[-1].kbps, max(OPUS[0].kbps, kbps))
    for low, high in pairwise(OPUS):
        if kbps <= high.kbps:
            share = (kbps - low.kbps) / (high.kbps - low.kbps)
            return OpusRow(
                kbps,
                low.equipment + share * (high.equipment - low.equipment),
                low.robustness + share * (high.robustness - low.robustness),
            )
    return OPUS[-1]


def _refuse_not_finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} {value} is not a number to compute with")
