"""Where figures come from: machine, commit, command and time."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def provenance() -> dict[str, Any]:
    """What every report says of itself."""
    return {
        "machine": machine(),
        "commit": commit(),
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    for line in _text("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            model = value.strip()
            break
    governor = _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip()
    return {
        "model": model,
        "cores": len([n for n in _text("/proc/cpuinfo").splitlines() if n.startswith("processor")]),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "governor": governor or "unknown",
    }


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
