"""A publisher's NTP clock against ours, by its sender reports (RFC 3550 clause 6.4.1).

Theory of operation. A report names one instant on the publisher's clock and on a stream's timeline.
One offset serves all streams of a publisher, so that its lips stay in step: the least that was
seen, since what a report took to come can only add to it, and a 64th of what is later more, for
clocks drift.

A clock that is set steps: the report's two times no longer go together as in the one before, and
the offset has changed by as much. Then the offset is changed at once, and so are the known instants
of the streams that have not reported since, for their next reports may be a second away. Neither
alone is a step: a late report keeps its two times together, and a timeline that jumps leaves the
offset as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sfu.receive.rtp_stream import RtpStream

DRIFT: Final = 1 / 64
"""Share of a later offset that is taken over: follows drift, ignores queues."""
LEAST_STEP: Final = 0.1
"""Seconds: what lips may be apart unnoticed, and more than reports wobble."""
AGREEMENT: Final = 0.5
"""Share of a step by which the offset's change may differ from it: the report's own delay."""

_SECOND: Final = 4294967296.0
_NTP: Final = (1 << 64) - 1


class PublisherClock:
    """One a publisher."""

    __slots__ = ("offset",)

    def __init__(self) -> None:
        self.offset: float | None = None
        """Seconds that our NTP clock is ahead of the publisher's, by the quickest report."""

    def report(
        self, stream: RtpStream, ntp: int, rtp: int, ntp_now: int, streams: Iterable[RtpStream]
    ) -> None:
        """`stream` reports `ntp` (64 bits) as the instant of its timestamp `rtp`; `streams` are
        all of the publisher's."""
        offset = (ntp_now - ntp) / _SECOND
        step = self._step(stream, ntp, rtp, offset)
        if step:
            for other in streams:
                if other.sender_ntp and other is not stream:
                    other.sender_ntp = (other.sender_ntp + int(step * _SECOND)) & _NTP
        stream.sender_ntp = ntp
        stream.sender_rtp = rtp
        if self.offset is None or step or offset < self.offset:
            self.offset = offset
        else:
            self.offset += (offset - self.offset) * DRIFT

    def _step(self, stream: RtpStream, ntp: int, rtp: int, offset: float) -> float:
        """Seconds by which the publisher's clock was set since the stream's last report; 0: not."""
        if self.offset is None or not stream.sender_ntp:
            return 0.0
        ticks = (rtp - stream.sender_rtp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        step = (ntp - stream.sender_ntp) / _SECOND - ticks / stream.clock_rate
        changed = self.offset - offset
        if abs(step) < LEAST_STEP or abs(changed - step) > AGREEMENT * abs(step):
            return 0.0
        return step
