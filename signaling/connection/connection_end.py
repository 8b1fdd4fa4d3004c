"""Ending connections at once."""

from __future__ import annotations

import asyncio
import contextlib


def abort(transport: asyncio.BaseTransport | None) -> None:
    """End a connection without a close frame; in whatever state it is, and any number of times."""
    if isinstance(transport, asyncio.Transport):
        # asyncio's transport over TLS forgets its protocol when it is closed a second time, by
        # aiohttp or by us, and then raises AttributeError (CPython 3.11 to 3.13, sslproto.py).
        with contextlib.suppress(AttributeError):
            transport.abort()
