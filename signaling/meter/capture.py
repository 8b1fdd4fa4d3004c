"""What is known of one capture of packets, and how long and large it may be. Pure."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

MAX_SECONDS: Final = 600.0
MAX_BYTES: Final = 100_000_000


class Capture(msgspec.Struct, rename="camel", kw_only=True):
    """One capture, running or done, as the admin's pages get it."""

    id: str
    participant: str
    name: str
    """The participant's."""
    room: str
    started: float
    """Unix time."""
    headers_only: bool
    seconds: float
    """It ends by itself after so long,"""
    limit_bytes: int
    """or when the file is so large."""
    bytes: int = 0
    """So far."""
    packets: int = 0
    state: Literal["running", "done", "failed"] = "running"
