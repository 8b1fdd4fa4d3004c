"""What is installed, and how: the lock files, and the service of systemd."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
UNIT = (ROOT / "systemd" / "sfu.service").read_text()


def pins(file: str) -> dict[str, tuple[str, int]]:
    """Name -> its version, and how many hashes it has."""
    found: dict[str, tuple[str, int]] = {}
    text = (ROOT / file).read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            wanted = Requirement(line.partition("--hash")[0])
            (pin,) = wanted.specifier
            assert pin.operator == "==", line
            hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}(?=\s|$)", line)
            found[canonicalize_name(wanted.name)] = (pin.version, len(hashes))
    return found


APP, ALL = pins("requirements.lock"), pins("requirements-dev.lock")


def test_every_file_that_is_installed_has_its_hash() -> None:
    assert len(APP) > 15
    for locked in (APP, ALL):
        assert [name for name, (_, hashes) in locked.items() if not hashes] == []
    # Wheels of Intel and ARM, for each Python from 3.11 to 3.13, and more.
    assert APP["aiohttp"][1] > 12
    assert APP["cryptography"][1] > 12


def test_tests_run_on_the_versions_that_are_installed() -> None:
    assert {name: ALL[name] for name in APP} == APP


@pytest.mark.parametrize("extra", ["", "bench", "qos", "dev", "build"])
def test_what_is_locked_is_what_the_project_asks_for(extra: str) -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    extras |= {"": PROJECT["project"]["dependencies"], "build": PROJECT["build-system"]["requires"]}
    locked = APP if extra in ("", "build") else ALL
    for text in extras[extra]:
        wanted = Requirement(text)
        version, _ = locked[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version), text


@pytest.mark.parametrize("file", ["Makefile", "systemd/install"])
def test_nothing_without_a_hash_is_installed(file: str) -> None:
    lines = [
        line for line in (ROOT / file).read_text().splitlines() if "-r " in line or "-e" in line
    ]
    installs = [line for line in lines if re.match(r"\s*(pip|\$\(PIP\)) -", line)]
    assert len(installs) >= 2
    for line in installs:
        assert "--require-hashes" in line or "--no-deps --no-build-isolation" in line, line


def test_the_service_reads_its_settings_as_its_own_user() -> None:
    assert "DynamicUser=yes" in UNIT
    assert "LoadCredential=sfu.toml:/etc/sfu/sfu.toml" in UNIT
    assert re.search(r"^ExecStart=\S+ --config \${CREDENTIALS_DIRECTORY}/sfu\.toml$", UNIT, re.M)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_takes_the_service(tmp_path: Path) -> None:
    # It looks for the command, which is not installed here.
    unit = UNIT.replace("/opt/sfu/.venv/bin/sfu", "/bin/true").replace("/opt/sfu", "/tmp")
    (tmp_path / "sfu.service").write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "sfu.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "sfu.service" not in done.stderr


def test_the_installer_is_a_plain_shell_script() -> None:
    subprocess.run(["sh", "-n", ROOT / "systemd" / "install"], check=True)
