"""Where figures come from: machine, commit, command and time."""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SECRET = "--admin-token"


def provenance() -> dict[str, Any]:
    """What every report says of itself."""
    return {
        "machine": machine(),
        "commit": commit(),
        "command": command(sys.argv[1:]),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def command(arguments: Sequence[str]) -> str:
    """What was typed, without the secret in it."""
    shown, secret = [], False
    for argument in arguments:
        if secret:
            argument = "..."
        elif argument.startswith(f"{SECRET}="):
            argument = f"{SECRET}=..."
        secret = argument == SECRET
        shown.append(argument)
    return shlex.join(["python", "-m", "bench", *shown])


def machine() -> dict[str, Any]:
    """What the participants ran on; the server, too, unless it was elsewhere (`--url`)."""
    governor = _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()
    return {
        "model": model(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "governor": governor or "unknown",
        "temperatureC": temperature(),
    }


def model() -> str:
    """The board's name where it has one, as a Raspberry Pi, else the processor's."""
    if board := _text("/proc/device-tree/model").strip("\0 \n"):
        return board
    for line in _text("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or platform.machine()


def temperature(folder: Path = Path("/sys/class/thermal")) -> float | None:
    """Of the hottest sensor now, in degrees Celsius; None without any, as in virtual machines."""
    found = []
    for sensor in folder.glob("thermal_zone*/temp"):
        with contextlib.suppress(ValueError):
            found.append(int(_text(str(sensor))) / 1000)
    return round(max(found), 1) if found else None


def commit() -> str:
    """Of this source tree, with `+` when it has changes; `unknown` without git."""
    folder = Path(__file__).parent
    try:
        revision = _git(folder, "rev-parse", "--short", "HEAD")
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return revision + ("+" if changes else "")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10)
    return done.stdout.strip()


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
