"""Questions to the system that it may not answer.

Emulated and sandboxed kernels (qemu-user, gVisor), containers and odd devices refuse calls that any
Linux answers, and libraries that parse their answers raise whatever parsing raises. Nothing that is
only shown, or only guides a choice, may end a start: it is unknown then, and logged once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")


class System:
    """Remembers what had no answer, so that it is logged once."""

    def __init__(self) -> None:
        self._silent: set[str] = set()

    def ask(
        self, what: str, read: Callable[[], _Answer], otherwise: Callable[[], _Answer]
    ) -> _Answer:
        """What `read` finds, or `otherwise` when it raises. `what`: in words, for the log."""
        try:
            return read()
        except Exception as error:
            if what not in self._silent:
                self._silent.add(what)
                log.warning(
                    "this system does not answer: %s (%s: %s)", what, type(error).__name__, error
                )
            return otherwise()
