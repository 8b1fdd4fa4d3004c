"""The link program as seen from outside: started in its namespace, given profiles, asked."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from bench.impair.line import Profile
from bench.servers import processes
from bench.servers.netns import NamespaceError

_ANSWER_SECONDS = 5.0


class LinkProcess:
    """One link program; it ends with `close`, or when this process does."""

    def __init__(self, inside: list[str], interfaces: tuple[str, str], seed: int) -> None:
        """`inside` are the words that put a command into the namespace of both `interfaces`.

        Returns when frames pass. Raises `NamespaceError`.
        """
        self._process = subprocess.Popen(
            [*inside, sys.executable, "-m", "bench.impair.link", *interfaces, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        try:
            self.counters()
        except NamespaceError:
            self.close()
            raise

    def change(self, down: Profile | None = None, up: Profile | None = None) -> None:
        """Profiles that are in force from now on; None leaves a direction as it is."""
        given = {"down": down, "up": up}
        self._ask({name: asdict(profile) for name, profile in given.items() if profile})

    def counters(self) -> dict[str, Any]:
        """Packets `passed`, `lost`, `overflowed` by direction; `latestMs`, by how much the
        program itself was late at worst since the last change."""
        return self._ask({})

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        if requests.closed:
            raise NamespaceError("the link program has ended")
        try:
            requests.write(json.dumps(request).encode() + b"\n")
            requests.flush()
        except BrokenPipeError:
            raise NamespaceError("the link program has ended") from None
        return _answer(answers)

    def close(self) -> None:
        """End it; nothing passes any more."""
        processes.end(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _answer(answers: IO[bytes]) -> dict[str, Any]:
    if not select.select([answers], [], [], _ANSWER_SECONDS)[0]:
        raise NamespaceError(f"the link program gave no answer within {_ANSWER_SECONDS:g} s")
    line = answers.readline()
    if not line:
        raise NamespaceError("the link program has ended")
    answer: dict[str, Any] = json.loads(line)
    return answer
