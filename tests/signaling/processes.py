"""The real server as a process of its own."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


class ServerProcess:
    """`python -m signaling` on free ports."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, data: Path) -> None:
        self.process, self.url, self.data = process, url, data

    @classmethod
    async def start(
        cls, data: Path, *flags: str, log: Path | None = None, under: Sequence[str] = ()
    ) -> ServerProcess:
        """`log`: where its log goes, instead of to the test's own output. `under`: a command that
        runs another one, and its arguments."""
        errors = None if log is None else log.open("wb")
        process = await asyncio.create_subprocess_exec(
            *(*under, sys.executable),
            *("-m", "signaling", "--host", "127.0.0.1", "--port", "0", "--media-port", "0"),
            *("--workers", "1", "--data-dir", str(data), *flags),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
        if errors is not None:
            errors.close()
        assert process.stdout is not None
        while line := (await process.stdout.readline()).decode():
            if match := re.search(r"https?://127\.0\.0\.1:[0-9]+", line):
                return cls(process, match[0], data)
        raise AssertionError(f"the server ended: {await process.wait()}")

    async def stop(self) -> int:
        """SIGTERM, and its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()
