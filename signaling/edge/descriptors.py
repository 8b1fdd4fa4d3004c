"""File descriptors: as many as the system lets us have, and some kept for ourselves."""

from __future__ import annotations

import logging
import resource

log = logging.getLogger(__name__)

RESERVE = 256
"""For listening sockets, workers' channels and processes, the history, captures, and pages that
are being sent: with these free, no connection can make opening one of them fail."""
_ENOUGH = 1 << 20
"""Where the system sets no limit, or one that cannot be read."""


def raise_limit() -> int:
    """Raise this process's limit as far as it may go (its children inherit it); gives the limit.

    A shell's 1,024 is a soft limit from the days of select(2); any process may raise it to the
    hard one.
    """
    try:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    except (OSError, ValueError) as error:
        log.warning("the limit of open files cannot be read (%s)", error)
        return _ENOUGH
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        log.warning("the limit of %d open files cannot be raised (%s)", soft, error)
        return soft
    return wanted


def connections_within(limit: int, wanted: int) -> int:
    """How many connections there may be under a limit of descriptors, at most `wanted`."""
    most = max(16, min(wanted, limit - RESERVE))
    if most < wanted:
        log.warning(
            "only %d connections at once (max_connections is %d): the system allows %d open files",
            most,
            wanted,
            limit,
        )
    return most
