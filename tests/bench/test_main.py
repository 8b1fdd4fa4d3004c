"""The command line: what it lists, and what it says to wrong use."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bench import arguments, commands, provenance
from bench import command_line as command
from bench.real import chromium
from bench.runs import peers
from bench.runs.run import Load
from bench.servers import netns


def test_alone_it_lists_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    printed = capsys.readouterr().out
    for name, title in arguments.names().items():
        assert f"  {name:10} {title}\n" in printed
    assert {"scenario3", "elearning", "soak", "peers", "compare"} <= set(arguments.names())


@pytest.mark.parametrize(
    ("arguments", "expected"),
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
        (["capacity", "--client", "browser"], "capacity cannot: it looks for the load"),
        (["phone", "--client", "aiortc"], "phone cannot: it times first packets"),
        (["churn", "--client", "aiortc"], "churn cannot: it times joins"),
        (["scenario3", "--client", "aiortc", "--simulcast"], "aiortc has no simulcast"),
        (["scenario3", "--client", "aiortc", "--participants", "31"], "more than 30 participants"),
        (["scenario2", "--client", "aiortc", "--drivers", "2"], "--drivers is for light"),
        (["scenario2", "--client", "browser", "--video-kbps", "500"], "the page decides"),
        (["scenario2", "--client", "browser", "--talk", "turns"], "--talk is for recordings"),
        (["scenario2", "--dtx"], "--dtx needs --talk"),
        (["scenario1", "--talk", "gossip"], "invalid choice: 'gossip'"),
        (["phone", "--lines", "0"], "0 is not a number from 1 to 100"),
        (["scenario1", "--admin-token"], "expected one argument"),
        (["scenario1", "--admin-token", "--insecure"], "expected one argument"),
        (["scenario1", "--admin", "secret"], "unrecognized arguments: --admin secret"),
        (["scenario1", "--client", "robot"], "invalid choice: 'robot'"),
        (["micro", "--url", "https://box"], "unrecognized arguments: --url"),
        (["compare", "a.json"], "the following arguments are required: B.json"),
        (["comprae"], "did you mean compare?"),
    ],
)
def test_wrong_use_gets_one_clear_line(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", list(arguments.names()))
def test_everything_that_is_listed_explains_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main([name, "--help"])
    assert f"python -m bench {name}" in capsys.readouterr().out


@pytest.mark.parametrize("token", ["-abc", "--abc", "-", "--json-like_token", "plain"])
def test_a_token_may_begin_as_a_flag_does(token: str) -> None:
    made = arguments.parser("scenario1")
    for words in (["--admin-token", token, "--seconds", "3"], [f"--admin-token={token}"]):
        options = made.parse_args(arguments.with_token(words, made))
        assert options.admin_token == token


def test_a_token_that_begins_as_a_flag_does_is_in_no_report() -> None:
    assert provenance.command(["x", "--admin-token", "-abc", "--seconds", "3"]) == (
        "python -m bench x --admin-token ... --seconds 3"
    )


def test_a_full_disk_under_the_server_gets_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/x")

    monkeypatch.setattr(commands, "run", full)
    assert command.main(["scenario1"]) == 1
    assert capsys.readouterr().err == "bench: No space left on device: /tmp/x\n"


def test_peers_states_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command.main(["peers"]) == 2
    assert "needs root" in capsys.readouterr().err


def test_missing_janus_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "missing", lambda: "")
    monkeypatch.setenv("PATH", "/nowhere")
    assert "Debian package janus" in peers.missing()


@pytest.mark.parametrize(
    ("version", "expected"),
    [("113 (0.11.3)", "Janus 113 (0.11.3) is too old"), ("1102 (1.1.2)", ""), ("unheard of", "")],
)
def test_an_old_janus_is_named_with_what_is_needed(
    version: str, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "janus"
    program.write_text(f"#!/bin/sh\necho 'Janus version: {version}'\n")
    program.chmod(0o700)
    (tmp_path / "janus.jcfg").touch()
    monkeypatch.setattr(netns, "missing", lambda: "")
    monkeypatch.setattr("bench.servers.server._JANUS_ETC", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert peers.missing().startswith(expected)
    assert bool(peers.missing()) == bool(expected)


def test_a_client_that_needs_chromium_names_its_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert command.main(["scenario2", "--client", "browser"]) == 2
    assert "Debian package chromium" in capsys.readouterr().err


def test_missing_chromium_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "Debian package chromium" in chromium.missing()


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
