"""Reports as files: whole or not at all, and rows that a spreadsheet reads."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from pathlib import Path

import pytest

from bench import output
from bench.context import UsageError
from tests.bench.sample_runs import cpu, run, several


def test_json_is_everything(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    output.write(target, output.as_json(run()))
    assert json.loads(target.read_text()) == run()
    assert target.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["report.json"]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_row_for_each_run_and_where_it_comes_from() -> None:
    made = several([run(label="x"), run(label="x"), run(label="y, z")])
    listed = rows(output.as_csv(made))
    assert [(row["label"], row["run"]) for row in listed] == [("x", "1"), ("x", "2"), ("y, z", "1")]
    row = listed[0]
    assert row["delayP99 (ms)"] == "5.000"
    assert row["tiphon"] == "3.50"
    assert (row["commit"], row["model"], row["temperatureC"]) == ("abc1234", "Box <1>", "41.5")


def test_csv_leaves_out_what_is_not_known() -> None:
    unknown = dict.fromkeys(cpu(1.0))
    (row,) = rows(output.as_csv(run(server=unknown)))
    assert row["cpu (%)"] == ""
    assert row["loss (%)"] == "0.0000"


def test_csv_of_two_sides_names_them() -> None:
    outcome = {**several([]), "ours": {"runs": [run()]}, "janus": {"runs": [run(), run()]}}
    del outcome["runs"]
    assert [row["label"] for row in rows(output.as_csv(outcome))] == ["ours", "janus", "janus"]


def test_a_full_disk_is_reported_and_leaves_the_old_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(output.OutputError, match=r"cannot write .*report.json: No space left"):
        output.write(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_device_that_is_full_is_reported() -> None:
    with pytest.raises(output.OutputError, match="cannot write /dev/full: No space left"):
        output.write(Path("/dev/full"), "new")


def test_where_nothing_can_be_written_is_reported_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        output.check(tmp_path / "no" / "report.json")
    with pytest.raises(UsageError, match="it is a folder"):
        output.check(tmp_path)
    output.check(tmp_path / "report.json")
    output.check(Path("/dev/null"))
