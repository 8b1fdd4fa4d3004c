"""What a scenario is given to run with."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bench.servers.server import OwnServer, Server

LOOPBACK = "127.0.0.1"
CLIENTS = ("light", "aiortc", "browser")
"""Kinds of participants."""

Outcome = dict[str, Any]
"""A report: at least `scenario`, `valid`, `partial`, `problems`, and the provenance."""


class UsageError(Exception):
    """The command line asks for what cannot be; the text is one line."""


class ServerFactory(Protocol):
    """Makes the server that people join, not started yet: `with` it."""

    def __call__(self, people: int, rooms: int, workers: int, loudest: int = 0) -> Server:
        """`people` in one room at most, `rooms` at most, `loudest` voices sent on (0: all)."""
        ...


def own_server(people: int, rooms: int, workers: int, loudest: int = 0) -> Server:
    """Ours from this source tree, on loopback."""
    return OwnServer(LOOPBACK, workers, people, rooms, loudest=loudest)


@dataclass(frozen=True)
class Context:
    """One call of `python -m bench`.

    `options` has what the scenario's `arguments` declared, and for all of them `seconds`,
    `warm_up`, `workers`, `drivers`, `video_kbps`, `client` and `seed`.
    """

    options: argparse.Namespace
    announce: Callable[[str], None]
    """Gets a line at each step."""
    server: ServerFactory = own_server
