from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import psutil
import pytest

from signaling.config import Config, ConfigError
from signaling.machine import ports


@pytest.fixture(params=["UDP", "TCP"])
def taken(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """A port that this very process has."""
    kind = socket.SOCK_DGRAM if request.param == "UDP" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        if request.param == "TCP":
            sock.listen()
        yield request.param, sock.getsockname()[1]


def test_a_taken_media_port_gets_advice(taken: tuple[str, int]) -> None:
    name, port = taken
    with pytest.raises(ConfigError) as refused:
        ports.check_media(Config(media_port=port, workers=2), "")
    text = str(refused.value)
    assert f"{name} port {port} (media_port) is in use by " in text
    assert f"(process {os.getpid()})" in text
    assert "--media-port" in text
    assert f"ports {port}-{port + 1} would be needed" in text
    assert ("--no-ice-tcp" in text) == (name == "TCP")


def test_where_the_system_does_not_say_who_has_it(
    taken: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(kind: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", refuse)
    with pytest.raises(ConfigError, match="is in use: stop what uses it"):
        ports.check_media(Config(media_port=taken[1], workers=1), "127.0.0.1")


def test_a_media_host_of_another_machine() -> None:
    with pytest.raises(ConfigError, match=r"media_host '192\.0\.2\.77' is not an address of this"):
        ports.check_media(Config(media_host="192.0.2.77", workers=1), "192.0.2.77")
    with pytest.raises(ConfigError, match=r"^host '192\.0\.2\.77' is not an address of this"):
        ports.check_media(Config(host="192.0.2.77", media_port=0, workers=1), "192.0.2.77")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EADDRINUSE, "choose another with --port"),
        (errno.EACCES, "above 1023"),
        (errno.EADDRNOTAVAIL, "is not an address of this machine"),
        (errno.EPERM, "cannot listen"),
    ],
)
def test_a_page_port_that_cannot_be_had(number: int, said: str) -> None:
    assert said in ports.page_trouble(Config(host="10.0.0.1"), OSError(number, "no"))


def test_free_ports_are_no_trouble() -> None:
    ports.check_media(Config(media_port=0), "")
    ports.check_media(Config(media_port=0), "::1")
