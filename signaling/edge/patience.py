"""How long a peer is waited for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Seconds that a peer is waited for."""

    headers: float = 10.0
    """From the connection to the end of its first request's headers, the TLS handshake included."""
    body: float = 20.0
    """For the whole body of a request."""
    next_request: float = 30.0
    """Between requests of one connection."""
    reading: float = 30.0
    """While it reads nothing of what is ready for it."""
