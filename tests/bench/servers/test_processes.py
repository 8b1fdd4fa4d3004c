"""Looking at processes, and ending them with what they started."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from bench.servers import processes

PARENT = (
    "import signal, subprocess, sys\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
    "print(child.pid, flush=True)\n"
    "signal.pause()\n"
)


def test_own_usage_is_plausible() -> None:
    found = processes.usage(os.getpid())
    assert found is not None
    assert found.cpu_seconds > 0
    assert 10 << 20 < found.rss_bytes < 4 << 30
    assert found.descriptors >= 3


def test_a_process_that_is_gone_has_no_usage() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert processes.usage(process.pid) is None
    assert processes.usages([process.pid]) == {}
    assert processes.children(process.pid) == []


def test_end_leaves_no_orphan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "END_SECONDS", 0.2)
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.stdout.close()
    assert processes.children(process.pid) == [child]
    descriptor = os.pidfd_open(child)
    processes.end(process)
    assert process.returncode is not None
    # Readable once the child has ended.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll(10_000)
    os.close(descriptor)


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {n}\n" for n in range(9)))
    assert processes.last_lines(log, 2) == "line 7\nline 8"
    assert processes.last_lines(tmp_path / "none") == ""
