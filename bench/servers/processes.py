"""CPU time, memory and descriptors of processes, from /proc; starting and ending servers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
END_SECONDS = 5.0


@dataclass(frozen=True)
class Usage:
    """One reading of one process."""

    pid: int
    name: str
    cpu_seconds: float
    """User + system, of all its threads."""
    rss_bytes: int
    descriptors: int


def usage(pid: int) -> Usage | None:
    """None when the process is gone."""
    folder = Path("/proc") / str(pid)
    try:
        text = (folder / "stat").read_text()
        descriptors = len(os.listdir(folder / "fd"))
    except OSError:
        return None
    # The name may hold anything, so the fields are counted from its closing parenthesis.
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    cpu = (int(rest[11]) + int(rest[12])) / _TICKS
    return Usage(pid, name, cpu, int(rest[21]) * _PAGE, descriptors)


def usages(pids: Iterable[int]) -> dict[int, Usage]:
    """Of those that are there."""
    return {pid: found for pid in pids if (found := usage(pid)) is not None}


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    found: list[int] = []
    for listed in (Path("/proc") / str(pid) / "task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, listed.read_text().split()):
                found += [child, *children(child)]
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end, wait, then kill whatever is left of its group.

    It must have been started with `start_new_session`, so that the group is its own; what it
    started stays in the group even when it died first.
    """
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def last_lines(path: Path, count: int = 5) -> str:
    """The end of a log, for an error message."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def wait_for_port(host: str, port: int, process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether somebody accepts TCP connections there before the process or the time ends."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            return True
        time.sleep(0.05)
    return False
