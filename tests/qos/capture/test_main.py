"""The command: what it prints where, and with which status it ends."""

from __future__ import annotations

import csv
import json
import os
import random
import struct
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from qos.__main__ import main
from tests.qos.capture.captures import block, frames, lossy, pcap, pcapng, video, voice, write

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """Voice and video, the latter with loss."""
    sent = voice(600) + lossy(video(300 * 2), 5)
    return write(tmp_path, pcap(frames(sent)), "call.pcap")


def streams(output: str) -> list[dict[str, Any]]:
    parsed = json.loads(output)
    assert list(parsed) == ["streams"]
    return list(parsed["streams"])


def test_json(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(call), "--json"]) == 0
    by_ssrc = {stream["ssrc"]: stream for stream in streams(capsys.readouterr().out)}
    speech, video = by_ssrc[0x1234ABCD], by_ssrc[0x0BADCAFE]
    assert list(speech)[:4] == ["ssrc", "packets", "expected", "lost"]
    assert (speech["packets"], speech["expected"], speech["lost"]) == (600, 600, 0)
    assert (speech["kind"], speech["clockRate"], speech["payloadTypes"]) == ("audio", 48000, [111])
    assert speech["duration"] == pytest.approx(599 * 0.02, abs=0.01)
    assert speech["bitrate"] == pytest.approx(112 * 8 * 50, rel=0.01)
    assert speech["ipBitrate"] == pytest.approx(140 * 8 * 50, rel=0.01)
    assert speech["meanInterArrival"] == pytest.approx(0.02, rel=0.01)
    assert 0 < speech["jitter"] < 0.002
    assert speech["grades"]["profile"] == "tiphon"
    assert speech["grades"]["loss"] == 4
    assert speech["grades"]["delay"] is None
    assert video["kind"] == "video"
    assert video["lost"] == video["expected"] - video["packets"] > 0
    assert video["loss"] == pytest.approx(5, abs=2)


def test_the_modes_differ(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spread = {}
    for mode in ("rfc3550", "wireshark"):
        assert main([str(call), "--json", "--mode", mode]) == 0
        found = streams(capsys.readouterr().out)
        spread[mode] = next(one["minDelta"] for one in found if one["kind"] == "video")
    assert spread["rfc3550"] <= spread["wireshark"]


def test_csv(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(call), "--csv"]) == 0
    out = capsys.readouterr().out
    assert main([str(call), "--json"]) == 0
    for row, stream in zip(
        csv.DictReader(StringIO(out)), streams(capsys.readouterr().out), strict=True
    ):
        for name in ("ssrc", "packets", "lost", "jitter", "bitrate", "source", "start"):
            assert row[name] == str(stream[name])
        assert stream["grades"]["overall"] is not None
        assert row["grade"] == str(stream["grades"]["overall"])
        assert row["gradeJitter"] == str(stream["grades"]["jitter"])


def test_a_stream_of_a_few_packets_has_no_grade(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brief = write(tmp_path, pcap(frames(voice(1))), "brief.pcap")
    assert main([str(brief), "--json"]) == 0
    for stream in streams(capsys.readouterr().out):
        grades = stream["grades"]
        assert (grades["overall"], grades["loss"], grades["words"]) == (None, None, "tooShort")


def test_csv_without_streams_has_its_line_of_names(
    call: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = write(tmp_path, pcap([]), "empty.pcap")
    assert main([str(empty), "--csv"]) == 0
    names = capsys.readouterr().out
    assert main([str(call), "--csv"]) == 0
    assert capsys.readouterr().out.startswith(names)
    assert names.startswith("ssrc,packets,expected,lost,")


def test_table(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(call), "--profile", "g1010-study"]) == 0
    out, err = capsys.readouterr()
    assert "1234abcd" in out
    assert "0badcafe" in out
    assert "g1010-study" in out
    assert "call.pcap" in err
    assert "skipped: none" in err


def test_what_was_skipped_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, pcap([(0.0, b"tiny"), (0.1, bytes(12) + b"\x88\xcc" + bytes(40))]))
    assert main([str(path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert streams(out) == []
    assert "skipped: malformed 1, notIp 1" in err


def test_the_bar_is_for_terminals_only(call: Path) -> None:
    """Into a file go the messages alone: a bar in it would be rubbish."""
    command = [sys.executable, "-m", "qos", str(call), "--json"]
    piped = subprocess.run(command, capture_output=True, text=True, check=True)
    (line,) = piped.stderr.splitlines()
    assert line.endswith("skipped: none")
    terminal, end = os.openpty()
    try:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=end, check=True)
        shown = os.read(terminal, 65536).decode()
    finally:
        os.close(terminal)
        os.close(end)
    assert "call.pcap" in shown
    assert "━" in shown


def test_clock_rate_as_given(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(call), "--json", "--clock", "111=8000", "--clock", "96=1000"]) == 0
    assert {one["clockRate"] for one in streams(capsys.readouterr().out)} == {8000, 1000}


def test_nominal_bandwidth(call: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(call), "--json", "--profile", "tiphon-percent", "--nominal", "60"]
    assert main(arguments) == 0
    grades = {one["kind"]: one["grades"] for one in streams(capsys.readouterr().out)}
    assert grades["audio"]["throughput"] == 4


def test_plot(call: Path, tmp_path: Path) -> None:
    plot = tmp_path / "out.png"
    assert main([str(call), "--json", "--plot", str(plot)]) == 0
    assert plot.read_bytes().startswith(PNG)
    empty = write(tmp_path, pcap([]), "empty.pcap")
    assert main([str(empty), "--json", "--plot", str(plot)]) == 0
    assert plot.read_bytes().startswith(PNG)


def test_a_plot_that_cannot_be_written(
    call: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(call), "--json", "--plot", str(tmp_path / "nowhere" / "out.png")]) == 2
    out, err = capsys.readouterr()
    assert len(streams(out)) == 2
    assert "cannot be written" in err


def test_without_matplotlib(
    call: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("qos.capture.plot.find_spec", lambda name: None)
    assert main([str(call), "--plot", "out.png"]) == 2
    hint = capsys.readouterr().err
    assert "matplotlib, which is not installed" in hint
    assert "pip install" in hint or "-m qos" in hint
    assert main([str(call), "--json"]) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "offset 0: the file is empty"),
        (b"hello, world", "offset 0: not a pcap or pcapng file"),
        (b"\x1f\x8b" + bytes(30), "offset 0: not pcap or pcapng but gzip"),
        (pcap([]) + b"\xff" * 40, "offset 24: a packet of 4294967295 bytes cannot be"),
    ],
)
def test_files_that_cannot_be_used(
    call: Path, content: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = write(call.parent, content, "bad.pcap")
    assert main([str(bad), str(call), "--json"]) == 2
    out, err = capsys.readouterr()
    assert len(streams(out)) == 2
    assert f"bad.pcap: {words}" in err.replace("\n", " ")


def test_a_file_cut_off_is_analysed_up_to_there(
    call: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = call.read_bytes()
    call.write_bytes(whole[:-10])
    assert main([str(call), "--json"]) == 2
    out, err = capsys.readouterr()
    assert sum(one["packets"] for one in streams(out)) > 1000
    assert "the file ends in the middle of a packet" in err
    assert "offset " in err


def test_damaged_captures_give_a_result_or_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(11)
    sent = frames(voice(60) + video(20))
    for number in range(150):
        damaged = bytearray((pcap if number % 2 else pcapng)(sent))
        for _ in range(rng.choice((1, 20, 400))):
            damaged[rng.randrange(24, len(damaged))] = rng.choice((0, 255, rng.randrange(256)))
        path = write(tmp_path, bytes(damaged[: rng.randrange(len(damaged))]))
        mode = ("rfc3550", "wireshark")[number // 2 % 2]
        status = main([str(path), "--json", "--mode", mode])
        out, err = capsys.readouterr()
        assert all(one["packets"] > 0 for one in streams(out))
        assert (status == 2) == ("offset" in err)
        assert status in (0, 2)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.pcap"), "--json"]) == 2
    out, err = capsys.readouterr()
    assert streams(out) == []
    assert "No such file" in err
    assert main([str(tmp_path), "--json"]) == 2
    assert "directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.pcap", "--mode", "none"],
        ["x.pcap", "--profile", "none"],
        ["x.pcap", "--clock", "96"],
        ["x.pcap", "--clock", "200=90000"],
        ["x.pcap", "--clock", "96=1"],
        ["x.pcap", "--nominal", "nan"],
        ["x.pcap", "--plot", "out.jpg"],
        ["x.pcap", "--json", "--csv"],
    ],
)
def test_wrong_options(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m qos" in capsys.readouterr().err


def test_progress_goes_to_standard_error_alone(call: Path) -> None:
    command = [sys.executable, "-m", "qos", str(call), "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(streams(run.stdout)) == 2
    assert "call.pcap" in run.stderr


def test_a_reader_that_leaves_is_no_traceback(call: Path) -> None:
    command = f"{sys.executable} -m qos {call} --json | true"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in run.stderr


def test_what_depends_on_times_is_not_known_without_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = pcapng([])
    blocks = [struct.pack("<I", len(frame)) + frame for _, frame in frames(lossy(voice(600), 5))]
    content = head + b"".join(block("<", 3, one + bytes(-len(one) % 4)) for one in blocks)
    path = write(tmp_path, content, "simple.pcapng")
    assert main([str(path), "--json"]) == 0
    printed = capsys.readouterr()
    (stream,) = streams(printed.out)
    assert (stream["packets"], stream["expected"]) == (len(blocks), 600)
    for name in ("bitrate", "jitter", "meanJitter", "minDelta", "maxDelta", "start", "duration"):
        assert stream[name] is None, name
    assert (stream["grades"]["overall"], stream["grades"]["words"]) == (None, "")
    assert f"{len(blocks)} packets without a time (simple packet blocks)" in printed.err
    plot = tmp_path / "simple.png"
    assert main([str(path), "--plot", str(plot)]) == 0
    assert plot.read_bytes().startswith(PNG)
    assert main([str(path), "--csv", "--mode", "wireshark"]) == 0
