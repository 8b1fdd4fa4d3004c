"""The command that is named must be one that can be typed there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qos import install_hint
from qos.install_hint import how_to_get

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout without an environment; the interpreter is the system's."""
    monkeypatch.setattr(install_hint, "CHECKOUT", tmp_path)
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_up(checkout: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()


def test_in_the_environment_of_make_run_its_pip(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(checkout)
    monkeypatch.setattr(sys, "prefix", str(checkout / ".venv"))
    assert how_to_get(".[qos]", "qos") == ".venv/bin/pip install '.[qos]'"
    assert how_to_get(".", "qos") == ".venv/bin/pip install ."
    assert how_to_get("playwright", "bench") == ".venv/bin/pip install playwright"


def test_from_another_folder_whole_paths(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(checkout)
    monkeypatch.setattr(sys, "prefix", str(checkout / ".venv"))
    monkeypatch.chdir("/")
    monkeypatch.chdir(Path(__file__).parent)
    assert how_to_get(".[qos]", "qos") == f"{checkout}/.venv/bin/pip install '{checkout}[qos]'"


def test_of_the_systems_python_the_environment_that_is_there(checkout: Path) -> None:
    set_up(checkout)
    assert how_to_get(".", "qos") == ".venv/bin/python -m qos ..."


def test_without_an_environment_what_makes_one(checkout: Path) -> None:
    assert how_to_get(".", "qos").startswith("make run (once, in ")


def test_the_analyser_needs_nothing_that_the_server_has_not() -> None:
    """What `make run` installs is in requirements.lock."""
    code = "import sys, qos.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    lock = (ROOT / "requirements.lock").read_text().lower()
    ours = {"qos", "sitecustomize", "usercustomize"}
    third = {
        name for name in set(loaded) - sys.stdlib_module_names - ours if not name.startswith("_")
    }
    missing = {name for name in third if f"\n{name.replace('_', '-')}" not in lock}
    assert "rich" in third
    assert missing == set()


def test_the_bench_says_what_it_lacks() -> None:
    """With the server's packages alone, and not by a traceback."""
    code = (
        "import runpy, sys\n"
        "for name in ('aiortc', 'av', 'numpy'): sys.modules[name] = None\n"
        "sys.argv = ['bench', 'attack']\n"
        "runpy.run_module('bench', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "The bench needs " in done.stderr
    assert "Traceback" not in done.stderr
