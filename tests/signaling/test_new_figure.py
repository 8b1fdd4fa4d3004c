from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from signaling.records.store import Records, Settings
from tests.signaling.records.conftest import feed
from tests.signaling.samples import START, Calls


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What leaves a server with one more line in its table of counters."""
    folder = tmp_path_factory.mktemp("history")
    records = Records(folder, Settings(keep_free=0), lambda: START)
    feed(records, 90, Calls(rooms=1, people=2), end=True)
    records.close()
    done = subprocess.run(
        [sys.executable, "-m", "tests.signaling.new_figure", str(folder)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_counter_that_is_declared_is_in_the_live_view(outside: dict[str, Any]) -> None:
    assert [row["madeUpCount"] for row in outside["live"]] == [0, 3]
    assert "madeUpCount" in outside["hello"]["columns"]["track"]
    assert outside["hello"]["counters"][-1] == ["madeUpCount", "both"]


def test_it_is_in_the_metrics(outside: dict[str, Any]) -> None:
    lines = outside["metrics"].splitlines()
    assert "# HELP sfu_room_made_up_total Made up, for a test." in lines
    assert "# TYPE sfu_room_made_up_total counter" in lines
    # Of the first of 30 messages nobody knows what was new in it.
    assert 'sfu_room_made_up_total{room="Room"} 87' in lines


def test_it_is_in_the_export_of_a_call(outside: dict[str, Any]) -> None:
    rows = outside["csv"]["call1"]
    whole = {(row["direction"], row["kind"]): row["madeUpCount"] for row in rows if row["name"]}
    assert whole["outbound", "video"] == "87"
    assert whole["inbound", "both"] == "0"


def test_calls_from_before_it_read_as_they_were(outside: dict[str, Any]) -> None:
    (old,) = [rows for call, rows in outside["csv"].items() if call != "call1"]
    assert {row["madeUpCount"] for row in old} == {"0"}
    assert sum(int(row["nackCount"]) for row in old) > 0
