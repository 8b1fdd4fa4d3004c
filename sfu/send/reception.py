"""What a receiver reports of one track (RFC 3550 clause 6.4.1)."""

from __future__ import annotations

from sfu.wire.rtcp import ReportBlock


class Reception:
    """The latest report block, and how many have come."""

    __slots__ = ("fraction_lost", "highest_seq", "jitter", "packets_lost", "reports")

    def __init__(self) -> None:
        self.reports = 0
        """Report blocks that came."""
        self.fraction_lost = 0
        """Since the report before, in 256ths."""
        self.packets_lost = 0
        """In all."""
        self.highest_seq = 0
        """Extended sequence number."""
        self.jitter = 0
        """Timestamp units."""

    def note(self, block: ReportBlock) -> None:
        """One more has come."""
        self.reports += 1
        self.fraction_lost = block.fraction_lost
        self.packets_lost = block.packets_lost
        self.highest_seq = block.highest_seq
        self.jitter = block.jitter
