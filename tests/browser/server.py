"""The real server, as its own process, over HTTPS."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

_ADDRESS = re.compile(r"https://localhost:(\d+)/")
ADMIN_TOKEN = "a token for the browser tests"


class Server:
    """`python -m signaling` with one worker and any free ports, until `stop`."""

    def __init__(self, data_dir: Path, *flags: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "signaling", f"--port={port}", "--media-port=0"]
        command += ["--workers=1", f"--data-dir={data_dir}", f"--admin-token={ADMIN_TOKEN}", *flags]
        self._process = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log: list[str] = []
        self._printed = threading.Event()
        self.port = 0
        threading.Thread(target=self._read, daemon=True).start()
        if not self._printed.wait(30) or not self.port:
            self.stop()
            raise RuntimeError("the server did not start:\n" + "".join(self.log))

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def stats(self) -> dict[str, Any]:
        request = urllib.request.Request(
            # Not by name: it may mean another address family first.
            f"https://127.0.0.1:{self.port}/api/stats",
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        )
        trusting = ssl._create_unverified_context()
        with urllib.request.urlopen(request, context=trusting, timeout=10) as answer:
            stats: dict[str, Any] = json.load(answer)
        return stats

    def kill_worker(self) -> int:
        """SIGKILL the media worker. Returns the pid that it had."""
        pid: int = self.stats()["workers"][0]["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.log.append(line)
            if found := _ADDRESS.search(line):
                self.port = int(found[1])
                self._printed.set()
        self._printed.set()


def now() -> float:
    """Seconds, for what a test logs; no test depends on them."""
    return time.monotonic()
