"""Waiting for descriptors, one call whatever the system has."""

from __future__ import annotations

import select
from typing import Protocol


class Poller(Protocol):
    """As much of `select.epoll` as the worker needs."""

    def register(self, fd: int, eventmask: int, /) -> object:
        """Wait for `eventmask` (`select.POLLIN`) of `fd` too."""

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Descriptors that are ready and for what; waits for at most `timeout` seconds."""


class _Poll:
    """`select.poll` with `select.epoll`'s unit of time, for systems without epoll."""

    def __init__(self) -> None:
        self._poll = select.poll()

    def register(self, fd: int, eventmask: int, /) -> None:
        self._poll.register(fd, eventmask)

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        return self._poll.poll(timeout * 1000)


def poller() -> Poller:
    """The best that this system has."""
    try:
        return select.epoll()
    except (AttributeError, OSError):
        # Not on this system, or not in its sandbox.
        return _Poll()
