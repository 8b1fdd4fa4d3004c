"""Work that waits its turn, fairly by address. No I/O."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """One of each address in turn: a thousand of one delay another's first by one."""

    def __init__(self) -> None:
        # The address whose turn is next comes first.
        self._waiting: dict[str, deque[T]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, key: str, item: T) -> None:
        """Behind what waits of the same address."""
        self._waiting.setdefault(key, deque()).append(item)

    def next(self) -> T:
        """Take the next; there must be one."""
        key = next(iter(self._waiting))
        of_key = self._waiting.pop(key)
        item = of_key.popleft()
        if of_key:
            self._waiting[key] = of_key
        return item
