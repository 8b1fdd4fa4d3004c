"""What a stream takes, and how much of it each temporal layer.

Theory of operation. The rate comes from totals that are counted anyway, read once a tick:
nothing is done per packet. How it is split between temporal layers changes slowly, so it is
learned from a sample: `SAMPLE_FRAMES` frames in a row, then nothing for `SAMPLE_INTERVAL`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from sfu.wire.packet import Packet

TIME_CONSTANT: Final = 1.0
"""Seconds over which the rate is taken."""
SILENCE: Final = 1.0
"""Seconds without a packet after which the rate begins anew. Until then it stays what it was: a
layer that was just left must not look cheap."""
WAKING: Final = 0.3
"""Seconds after that which do not count: a layer wakes up with a keyframe, and must not look
dear."""
SAMPLE_FRAMES: Final = 32
"""A multiple of all patterns of temporal layers in use (the longest has 8 frames)."""
SAMPLE_INTERVAL: Final = 2.0
"""Seconds between two samples."""
OVERHEAD: Final = 62
"""Bytes around a payload on the wire: IP and UDP (28, 48 with IPv6), RTP, its extension, tag."""


class RateMeter:
    """One a video stream. The caller does `if meter.sampling: meter.sample(packets)` a batch."""

    __slots__ = (
        "_frames",
        "_next_sample",
        "_octets",
        "_packets",
        "_sampled",
        "_seen_at",
        "_shares",
        "_skips_until",
        "_sum",
        "_temporal_id",
        "_ticked_at",
        "_weight",
        "sampling",
    )

    def __init__(self, temporal_id: Callable[[bytes], int]) -> None:
        """`temporal_id` is the codec's (`Codec.temporal_id`)."""
        self._temporal_id = temporal_id
        self.sampling = True
        """Whether packets should be shown to `sample` now."""
        self._ticked_at = -1.0
        # Up to when packets are in the rate.
        self._seen_at = -1.0
        self._skips_until = math.inf
        self._octets = 0
        self._packets = 0
        self._sum = 0.0
        self._weight = 0.0
        self._frames = 0
        self._sampled = [0, 0, 0, 0]
        self._shares: list[float] = []
        self._next_sample = math.inf

    def tick(self, octets: int, packets: int, now: float) -> None:
        """Take the stream's totals (payload bytes, packets); about ten times a second."""
        first = self._ticked_at < 0
        elapsed = now - self._ticked_at
        if not first and elapsed <= 0:
            return
        new_octets = max(0, octets - self._octets)
        new_packets = max(0, packets - self._packets)
        if first or now - self._seen_at >= SILENCE:
            self._sum = self._weight = 0.0
            self._skips_until = math.inf
        if new_packets:
            self._seen_at = now
            self._skips_until = min(self._skips_until, now + WAKING)
        waking = now < self._skips_until
        if waking or new_packets:
            self._ticked_at, self._octets, self._packets = now, octets, packets
        if new_packets and not waking:
            # With the pause before them, whose length is known only now.
            keep = math.exp(-elapsed / TIME_CONSTANT)
            rate = (new_octets + OVERHEAD * new_packets) * 8 / elapsed
            # Without the weight the first second would come out too low.
            self._sum = self._sum * keep + rate * (1 - keep)
            self._weight = self._weight * keep + (1 - keep)
        if not self.sampling and now >= self._next_sample:
            self.sampling = True
            self._next_sample = math.inf

    def sample(self, packets: Sequence[Packet]) -> None:
        """Learn from packets that follow each other, while `sampling`."""
        sampled, temporal_id = self._sampled, self._temporal_id
        for _, _, marker, payload in packets:
            sampled[max(0, temporal_id(payload)) >> 1] += len(payload) + OVERHEAD
            if marker:
                self._frames += 1
        if self._frames >= SAMPLE_FRAMES:
            self._learn()

    def _learn(self) -> None:
        total = sum(self._sampled)
        top = max(tid for tid, octets in enumerate(self._sampled) if octets)
        new = [octets / total for octets in self._sampled[: top + 1]]
        old = self._shares
        # A keyframe in the sample makes the base layer look large: halve its weight.
        self._shares = (
            [(a + b) / 2 for a, b in zip(old, new, strict=True)] if len(old) == len(new) else new
        )
        self._sampled = [0, 0, 0, 0]
        self._frames = 0
        self.sampling = False
        self._next_sample = self._ticked_at + SAMPLE_INTERVAL

    @property
    def bitrate_bps(self) -> float:
        """Of the whole stream with its headers; 0 before it is known."""
        return self._sum / self._weight if self._weight else 0.0

    @property
    def rates_bps(self) -> tuple[float, ...]:
        """By temporal layer, each with all below it; one figure while the split is not known.

        Empty until the stream has been seen for a third of `TIME_CONSTANT`.
        """
        if self._weight < 0.28 or self._sum <= 0:
            return ()
        return self.split(self.bitrate_bps)

    def split(self, bitrate_bps: float) -> tuple[float, ...]:
        """A rate by temporal layer, each with all below it, as far as the split is known."""
        if not self._shares:
            return (bitrate_bps,)
        rates: list[float] = []
        share = 0.0
        for part in self._shares:
            share += part
            rates.append(bitrate_bps * min(1.0, share))
        return tuple(rates)
