"""Which track gets how much of what the path to one participant carries.

Theory of operation. Audio is served first: its rate is taken off before (`reserved_bps`). Then
every visible video gets the lowest step at which it moves, the most important first, before any is
raised: few that move are better than many that stutter. Then they are raised in the same order, a
more important one as far as it wants before a lesser one at all. Videos of equal importance and
about equal size are raised in turn, step by step.

A step is a layer and its price. A price is what was measured where the layer flows, and what such
a video usually costs where it does not: a layer that is switched off can be wanted too.

Two things keep it steady. A step that is held stays while it fits; a step that is new must leave
a fifth of the budget free. And the first video may go a little past the budget, more so while it
flows, because a frozen video of the speaker is the worst that can happen after silence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from sfu.control import TrackView
from sfu.send.layer_selector import ALL, NONE, Layer

HEADROOM: Final = 1.25
"""A new step must fit this many times: over 1.1 / 0.9, so that a budget which wobbles by 10 %
changes nothing."""
FIRST_OVER_NEW: Final = 0.20
"""Share of the budget by which the first video may go past it, in order to start."""
FIRST_OVER_HELD: Final = 0.50
"""The same for one that flows: 0.9 * 1.5 is over 1.1 * 1.2."""
FIRST_STEADY_OVER_HELD: Final = 0.25
"""The same for one that flows at the lowest step that moves, which may begin where it just fits:
0.9 * 1.25 is over 1.1. Nobody else is raised meanwhile, and it is taken back at any frame."""
SLACK: Final = 1.25
"""A video may be enlarged this much before the next higher layer is wanted."""
MAX_SIDE: Final = 16384
"""Pixels; a larger tile counts as this."""

_RANKS: Final = {"screen": 0, "main": 1, "tile": 2}
_NOMINAL_PIXELS: Final = 320 * 180
_NOMINAL_BPS: Final = 150_000.0
_NOMINAL_POWER: Final = 0.83
"""By these 640x360 costs 475 and 1280x720 1500 kbit/s, what browsers are asked to send."""
_ASSUMED_TOP: Final = {1: (640, 360), 2: (640, 360)}
"""Size of the highest layer where no keyframe gave it, by how many layers there are."""


class LayerOffer(NamedTuple):
    """A spatial layer that can be had."""

    spatial: int
    width: int = 0
    """Pixels, from its last keyframe; 0: not known."""
    height: int = 0
    rates_bps: tuple[float, ...] = ()
    """Measured, by temporal layer, each with all below it; empty: not measured."""


class VideoRequest(NamedTuple):
    """One video to one participant."""

    layers: Sequence[LayerOffer]
    """Low to high; empty while nothing comes from the publisher."""
    view: TrackView | None = None
    """None: seen in full."""
    current: Layer = NONE
    """What was allotted the last time."""


class Allotment(NamedTuple):
    """What a video gets."""

    layer: Layer
    limited: bool = False
    """The network, not the view, is why it is no more."""
    rate_bps: float = 0.0
    preferred: Layer = NONE
    """What the view asks for; `NONE` when it is not seen."""


class _Step(NamedTuple):
    layer: Layer
    rate_bps: float


def nominal_bps(width: int, height: int) -> float:
    """What a camera's video of this size usually takes."""
    pixels = max(1, width * height)
    rate: float = _NOMINAL_BPS * (pixels / _NOMINAL_PIXELS) ** _NOMINAL_POWER
    return max(30_000.0, min(4_000_000.0, rate))


def allocate(
    budget_bps: float,
    requests: Sequence[VideoRequest],
    *,
    reserved_bps: float = 0.0,
    max_bitrate_bps: float = 0.0,
) -> list[Allotment]:
    """Share out a budget (`math.inf`: not known, no limit); one answer a request, in order.

    `reserved_bps` is what audio takes of it, `max_bitrate_bps` the viewer's own limit for all
    video (0: none). The sum stays within both but for the first video, see `FIRST_OVER_NEW`.
    """
    network = budget_bps - reserved_bps
    capped = 0 < max_bitrate_bps <= network
    available = max_bitrate_bps if capped else network
    whole = max_bitrate_bps if capped else max(0.0, budget_bps)
    ladders = [_ladder(request) for request in requests]
    held = [
        _held(ladder, request.current) for ladder, request in zip(ladders, requests, strict=True)
    ]
    groups = _by_importance(requests, ladders)
    chosen = [-1] * len(requests)
    used = _lowest(groups, ladders, held, chosen, available, whole)
    _raise(groups, ladders, held, chosen, available, used)
    answers: list[Allotment] = []
    for ladder, step in zip(ladders, chosen, strict=True):
        if not ladder:
            answers.append(Allotment(NONE))
            continue
        limited = step < len(ladder) - 1 and not capped
        layer, rate = ladder[step] if step >= 0 else _Step(NONE, 0.0)
        answers.append(Allotment(layer, limited, rate, ladder[-1].layer))
    return answers


def wanted_bps(requests: Sequence[VideoRequest], max_bitrate_bps: float = 0.0) -> float:
    """The video budget at which everybody gets what the views ask for.

    More than this and what audio takes need not be looked for.
    """
    ladders = (_ladder(request) for request in requests)
    total = sum(ladder[-1].rate_bps for ladder in ladders if ladder)
    if max_bitrate_bps > 0:
        total = min(total, max_bitrate_bps)
    return total * HEADROOM


def _lowest(
    groups: Sequence[Sequence[int]],
    ladders: Sequence[Sequence[_Step]],
    held: Sequence[int],
    chosen: list[int],
    available: float,
    whole: float,
) -> float:
    """The lowest step that moves, in order of importance; the sum of their rates.

    Only the first may have less than that, or go past what is available for it.
    """
    spare = available / HEADROOM
    used = 0.0
    for index in (index for group in groups for index in group):
        ladder = ladders[index]
        step = _steady(ladder)
        if used + ladder[step].rate_bps <= (available if held[index] >= step else spare):
            chosen[index] = step
            used += ladder[step].rate_bps
        elif not used:
            chosen[index] = _first(ladder, held[index], available, whole)
            used += ladder[chosen[index]].rate_bps if chosen[index] >= 0 else 0.0
    return used


def _first(ladder: Sequence[_Step], held: int, available: float, whole: float) -> int:
    """The step of the most important video, for which there is too little; -1: none."""
    step = _steady(ladder)
    if ladder[step].rate_bps <= available + whole * (FIRST_STEADY_OVER_HELD * (held >= step)):
        return step
    limit = available + whole * (FIRST_OVER_HELD if held >= 0 else FIRST_OVER_NEW)
    return 0 if ladder[0].rate_bps <= limit else -1


def _steady(ladder: Sequence[_Step]) -> int:
    """The lowest step at which a video moves: a quarter of the frame rate is none."""
    return int(ladder[0].layer.temporal == 0 and len(ladder) > 1 and ladder[1].layer.temporal == 1)


def _raise(
    groups: Sequence[Sequence[int]],
    ladders: Sequence[Sequence[_Step]],
    held: Sequence[int],
    chosen: list[int],
    available: float,
    used: float,
) -> None:
    """One group after the other, within a group in turn, a step at a time."""
    for group in groups:
        rising = [index for index in group if chosen[index] >= 0]
        while rising:
            still: list[int] = []
            for index in rising:
                ladder, step = ladders[index], chosen[index] + 1
                if step >= len(ladder):
                    continue
                extra = ladder[step].rate_bps - ladder[step - 1].rate_bps
                limit = available if step <= held[index] else available / HEADROOM
                if used + extra <= limit:
                    chosen[index] = step
                    used += extra
                    still.append(index)
            rising = still


def _by_importance(
    requests: Sequence[VideoRequest], ladders: Sequence[Sequence[_Step]]
) -> list[list[int]]:
    """Indexes of what is seen, the most important group first; half an octave of area is equal."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, request in enumerate(requests):
        if ladders[index]:
            width, height = _shown(request.view)
            rank = _RANKS[request.view.importance] if request.view else _RANKS["tile"]
            key = (rank, -round(2 * math.log2(width * height)))
            groups.setdefault(key, []).append(index)
    return [groups[key] for key in sorted(groups)]


def _shown(view: TrackView | None) -> tuple[int, int]:
    """Size on the screen, within reason; (0, 0): not seen."""
    if view is None:
        return MAX_SIDE, MAX_SIDE
    if view.width <= 0 or view.height <= 0:
        return 0, 0
    return min(view.width, MAX_SIDE), min(view.height, MAX_SIDE)


def _ladder(request: VideoRequest) -> list[_Step]:
    """Steps that this view may take, each better and dearer than the one before."""
    view, layers = request.view, request.layers
    width, height = _shown(view)
    if not width or not layers:
        return []
    sizes = _sizes(layers)
    quality = view.quality if view else "auto"
    fits = min if view and view.importance == "screen" else max
    steps: list[_Step] = []
    for position, offer in enumerate(layers):
        steps += _temporal_steps(offer, sizes[position], position > 0 and fits is max)
        if quality == "low":
            break
        wide, high = sizes[position]
        if quality == "auto" and fits(width / wide, height / high) <= SLACK:
            break
    ladder: list[_Step] = []
    for step in reversed(steps):
        # What costs no less than something better is not worth having.
        if not ladder or step.rate_bps < ladder[-1].rate_bps:
            ladder.append(step)
    ladder.reverse()
    return ladder


def _temporal_steps(offer: LayerOffer, size: tuple[int, int], moving: bool) -> list[_Step]:
    """The temporal layers of a spatial layer.

    `moving`: a quarter of the frame rate at a higher resolution is no gain where people move, it
    is where a screen is read.
    """
    rates = offer.rates_bps
    if not rates or rates[-1] <= 0:
        return [_Step(Layer(offer.spatial, ALL), nominal_bps(*size))]
    top = len(rates) - 1
    lowest = 1 if moving and top >= 2 else 0
    return [
        _Step(Layer(offer.spatial, ALL if tid == top else tid), max(1.0, rates[tid]))
        for tid in range(lowest, top + 1)
    ]


def _sizes(layers: Sequence[LayerOffer]) -> list[tuple[int, int]]:
    """Width and height of each layer; what no keyframe gave follows from the others by halves."""
    known = [n for n, layer in enumerate(layers) if layer.width > 0 and layer.height > 0]
    sizes: list[tuple[int, int]] = []
    for position, layer in enumerate(layers):
        if known:
            near = min(known, key=lambda n: abs(n - position))
            reference, width, height = near, layers[near].width, layers[near].height
        else:
            reference = len(layers) - 1
            width, height = _ASSUMED_TOP.get(len(layers), (1280, 720))
        away = layer.spatial - layers[reference].spatial
        scale = 2.0 ** max(-4, min(4, away))
        sizes.append((max(1, round(width * scale)), max(1, round(height * scale))))
    return sizes


def _held(ladder: Sequence[_Step], current: Layer) -> int:
    """The highest step that is no more than what flows; -1: none."""
    return max((n for n, step in enumerate(ladder) if step.layer <= current), default=-1)
