"""How to install a package that is missing, for commands of this checkout."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def how_to_get(package: str, module: str) -> str:
    """The command that brings what `python -m module` needs.

    `package` as pip takes it: a name, or `.` with an extra or without for this project's own.
    """
    python = CHECKOUT / ".venv" / "bin" / "python"
    inside = Path(sys.prefix) == CHECKOUT / ".venv"
    if not inside and python.exists():
        # Most likely the wrong interpreter, and the right one has it.
        return f"{_shown(python)} -m {module} ..."
    if not inside and sys.prefix == sys.base_prefix:
        return f"make run (once, in {CHECKOUT}), then .venv/bin/python -m {module} ..."
    what = package
    if package.startswith("."):
        what = _shown(CHECKOUT) + package[1:]
    return f"{_shown(Path(sys.prefix) / 'bin' / 'pip')} install {shlex.quote(what)}"


def _shown(path: Path) -> str:
    """As short as it may be typed where the command was."""
    short = os.path.relpath(path)
    return str(path) if short.startswith("..") else short
