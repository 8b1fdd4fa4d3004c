"""NTP timestamps as RTCP writes them (RFC 3550 clause 4): 32.32 fixed point, seconds since 1900."""

from __future__ import annotations

from typing import Final

UNIX_TO_NTP: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""


def from_unix(seconds: float) -> int:
    """64-bit NTP timestamp of a Unix time."""
    return int((seconds + UNIX_TO_NTP) * 4294967296.0) & 0xFFFFFFFFFFFFFFFF


def to_unix(ntp: int) -> float:
    """Unix time of a 64-bit NTP timestamp (until 2036)."""
    return ntp / 4294967296.0 - UNIX_TO_NTP


def middle(ntp: int) -> int:
    """The middle 32 bits, as in LSR: units of 1/65536 s."""
    return ntp >> 16 & 0xFFFFFFFF
