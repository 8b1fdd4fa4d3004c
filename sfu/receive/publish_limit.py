"""What a publisher may send of one track, held by dropping when it does not hold itself.

Theory of operation. The limit goes to the publisher in the answer (b=TIAS) and by REMB; browsers
keep to it. Whether others do is measured: its layers' bytes over a second. Above the limit and a
quarter in `OFFENCES` intervals in a row, the highest layer that still passes is shut: its packets
are counted and dropped until all layers together, shut ones included, keep to the limit for `QUIET`
intervals. So one participant cannot take the box's network from the others, whatever it runs.

A voice has one layer and a rate that its codec cannot exceed (`Codec.max_bitrate_bps`; redundancy
is taken off before), so what is beyond that is no voice: it is shut at once, for as long as
the limit takes to make up for what came.
"""

from __future__ import annotations

from typing import Final

INTERVAL: Final = 1.0
"""Seconds over which the rate is taken."""
SLACK: Final = 1.25
"""Times the limit; a keyframe must not count as an offence."""
OFFENCES: Final = 2
QUIET: Final = 3
VOICE_BURST: Final = 1.0
"""Seconds of it that may come at once, as after a stall of the network."""
VOICE_DEBT: Final = 3.0
"""Seconds that a voice is shut at most, once what came is within the limit again."""


class PublishLimit:
    """The measure of one up track; `shut` is how many layers, from the highest, are dropped."""

    __slots__ = ("_at", "_bytes", "_high", "_low", "limit_bps", "shut")

    def __init__(self, limit_bps: int) -> None:
        """`limit_bps` of all layers together; 0: none."""
        self.limit_bps = limit_bps
        self.shut = 0
        self._at = 0.0
        self._bytes = -1
        self._high = 0
        self._low = 0

    def update(self, total_bytes: int, layers: int, now: float) -> bool:
        """Take the rate, if it is time; whether `shut` has changed.

        `total_bytes` came of all layers so far, dropped ones included; `layers` there are.
        """
        if not self.limit_bps or now - self._at < INTERVAL:
            return False
        elapsed, came = now - self._at, total_bytes - self._bytes
        first = self._bytes < 0
        self._at, self._bytes = now, total_bytes
        if first or came < 0:
            return False
        above = came * 8 / elapsed > self.limit_bps * SLACK
        self._high = self._high + 1 if above else 0
        self._low = 0 if above else self._low + 1
        if self._high >= OFFENCES and self.shut < layers:
            self.shut += 1
            self._high = 0
            return True
        if self._low >= QUIET and self.shut:
            self.shut -= 1
            self._low = 0
            return True
        return False


class VoiceLimit:
    """As `PublishLimit`, of a track with one stream."""

    __slots__ = ("_at", "_bytes", "_left", "limit_bps", "shut")

    def __init__(self, limit_bps: int) -> None:
        self.limit_bps = limit_bps
        self.shut = 0
        self._at = 0.0
        self._bytes = 0
        self._left = 0.0

    def update(self, total_bytes: int, layers: int, now: float) -> bool:
        """As above; at each call."""
        rate = self.limit_bps * SLACK / 8
        earned = (now - self._at) * rate
        spent = max(0, total_bytes - self._bytes)
        self._at, self._bytes = now, total_bytes
        self._left = min(self._left + earned, VOICE_BURST * rate) - spent
        self._left = max(self._left, -VOICE_DEBT * rate)
        shut = int(self._left < 0)
        if shut == self.shut:
            return False
        self.shut = shut
        return True
