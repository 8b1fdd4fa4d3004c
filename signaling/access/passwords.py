"""Room passwords: only their argon2id hash is kept (RFC 9106).

Hashing takes tens of milliseconds and 16 MiB, so it runs in threads, at most two at once, and
the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")

MAX_WAITING = 64
"""Checks that may wait for a thread; beyond it a join is refused for the moment."""


_M_MMAP_THRESHOLD = -3
"""Of mallopt(3), malloc.h of glibc."""
_LARGE = 128 * 1024
"""Bytes of a block that goes back to the system as soon as it is free: what glibc begins with."""


class OverloadedError(Exception):
    """Too many passwords are being checked."""


class Passwords:
    """Makes and checks hashes."""

    def __init__(self) -> None:
        _give_large_blocks_back()
        # A small box has little memory: RFC 9106's second profile, with 16 MiB and 3 passes.
        self._hasher = PasswordHasher(time_cost=3, memory_cost=16 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="password")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Raises `OverloadedError`."""
        return await self._run(self._hasher.hash, password)

    async def verify(self, hashed: str, password: str) -> bool:
        """Raises `OverloadedError`."""
        return await self._run(self._check, hashed, password)

    def close(self) -> None:
        """Lets running checks end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, function: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= MAX_WAITING:
            raise OverloadedError
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, function, *arguments)
        finally:
            self._waiting -= 1


def _give_large_blocks_back() -> None:
    """So that what a burst took is not the server's for ever: 16 MiB for each hash at a time.

    glibc raises its threshold for such blocks to the largest that was freed, and keeps those below
    it, unless a threshold is set; that costs a fifth of a hash more time. Other C libraries give
    back what is large, and know no mallopt.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
