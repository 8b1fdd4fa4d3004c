"""The command line: what it lists, and what it says to wrong use."""

from __future__ import annotations

import errno
import os

import pytest

from bench import arguments, browser, commands, netns, peers
from bench import command_line as command
from bench.run import Load
from bench.scenarios import NOT_YET


def test_alone_it_lists_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    printed = capsys.readouterr().out
    for name, title in arguments.names().items():
        assert f"  {name:10} {title}\n" in printed
    assert {"scenario3", "elearning", "soak", "peers", "compare"} <= set(arguments.names())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["scenaro2"], "no scenario scenaro2; did you mean scenario2?"),
        (["zzz"], "no scenario zzz"),
        (["scenario3", "--participants", "0"], "0 is not a number from 2 to 500"),
        (["scenario3", "--participants", "many"], "many is not a number"),
        (["scenario3", "--participants", "3", "--rooms", "2"], "3 people in 2 rooms"),
        (["focus", "--participants", "8", "--rooms", "2"], "one room only"),
        (["scenario1", "--simulcast"], "unrecognized arguments: --simulcast"),
        (["scenario3", "--participants", "60"], "more than 50 people in a room"),
        (["scenario1", "--seconds", "nan"], "nan is not a number"),
        (["scenario1", "--seconds", "1e9"], "is not a number from 1 to"),
        (["scenario1", "--video-kbps", "-5"], "-5 is not a number from 50 to 8000"),
        (["scenario1", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["scenario1", "--json", "/nowhere/at/all.json"], "cannot write to /nowhere/at"),
        (["scenario1", "--html", "/"], "cannot write /: it is a folder"),
        (["scenario1", "--repeat", "0"], "0 is not a number from 1 to 100"),
        (["scenario1", "--insecure"], "--insecure is for a box elsewhere"),
        (["scenario1", "--url", "box.local"], "'box.local' is no address of a server"),
        (["scenario1", "--url", "https://box.local/r/x"], "only scheme, host and port"),
        (["scenario1", "--url", "https://box:99999"], "is no address of a server"),
        (["scenario1", "--url", "https://b", "--workers", "2"], "a setting of the box itself"),
        (["compare", "/nowhere/a.json", "/nowhere/b.json"], "cannot read /nowhere/a.json"),
        (["scenario1", "--client", "browser"], "light participants only"),
        (["scenario1", "--client", "robot"], "invalid choice: 'robot'"),
        (["micro", "--url", "https://box"], "unrecognized arguments: --url"),
        (["compare", "a.json"], "the following arguments are required: B.json"),
        (["comprae"], "did you mean compare?"),
    ],
)
def test_wrong_use_gets_one_clear_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", [n for n in arguments.names() if n not in NOT_YET])
def test_everything_that_is_listed_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main([name, "--help"])
    assert f"python -m bench {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", list(NOT_YET))
def test_what_is_not_there_yet_says_why(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([name]) == 2
    assert NOT_YET[name] in capsys.readouterr().err


def test_a_full_disk_under_the_server_gets_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/x")

    monkeypatch.setattr(commands, "run", full)
    assert command.main(["scenario1"]) == 1
    assert capsys.readouterr().err == "bench: No space left on device: /tmp/x\n"


def test_peers_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command.main(["peers"]) == 2
    assert "needs root" in capsys.readouterr().err


def test_missing_janus_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "missing", lambda: "")
    monkeypatch.setenv("PATH", "/nowhere")
    assert "Debian package janus" in peers.missing()


def test_missing_chromium_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "Debian package chromium" in browser.missing()


def test_people_are_spread_evenly_over_rooms() -> None:
    load = Load("scenario3", 7, 1.0, ("audio", "video"), rooms=3)
    assert [load.room(n) for n in range(7)] == [
        "1000",
        "1001",
        "1002",
        "1000",
        "1001",
        "1002",
        "1000",
    ]
    assert [load.tracks_for(n) for n in (0, 1)] == [4, 2]
