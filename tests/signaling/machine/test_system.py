"""Kernels that refuse calls: everything runs on, and the log says once what is not known."""

from __future__ import annotations

import os
import select
import socket
import textwrap
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from sfu.process.poller import poller
from signaling.machine.addresses import machine_addresses
from signaling.machine.system import System
from signaling.meter.machine import Machine
from tests.signaling.fakes import Client
from tests.signaling.processes import ServerProcess


def refuse(*_: object, **__: object) -> None:
    raise OSError(25, "Inappropriate ioctl for device")


def test_what_is_not_said_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    system = System()
    for _ in range(3):
        assert system.ask("its colour", lambda: {}["colour"], lambda: "grey") == "grey"
    assert system.ask("its size", lambda: 3, lambda: 0) == 3
    assert [record.getMessage() for record in caplog.records] == [
        "this system does not answer: its colour (KeyError: 'colour')"
    ]


@pytest.mark.parametrize("missing", [("net_if_stats",), ("net_if_stats", "net_if_addrs")])
def test_addresses_without_what_psutil_reads(
    missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usual = machine_addresses()
    for name in missing:
        monkeypatch.setattr(psutil, name, refuse)
    found = machine_addresses()
    assert "127.0.0.1" in found
    assert set(found) <= {*usual, "127.0.0.1"} or missing == ("net_if_stats",)
    assert len(caplog.records) == len(missing)


def test_without_any_network_there_is_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("net_if_stats", "net_if_addrs"):
        monkeypatch.setattr(psutil, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert machine_addresses() == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (psutil, "cpu_times"),
        (psutil, "virtual_memory"),
        (psutil, "Process"),
        (os, "statvfs"),
        (Path, "read_text"),
    ],
)
def test_the_machine_without_each_call(
    owner: object,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(owner, name, refuse)
    machine = Machine(time.monotonic(), folder=tmp_path)
    for _ in range(3):
        sample = machine()
    assert sample.rss_bytes > 1_000_000
    assert 0 <= sample.memory_used <= 1
    assert 0 <= sample.machine_cpu <= 1
    assert len(caplog.records) == (owner is psutil)


def test_no_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "epoll", refuse)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        waiting = poller()
        waiting.register(sock.fileno(), select.POLLIN)
        assert waiting.poll(0.0) == []


SANDBOX = textwrap.dedent("""
    # Read by every Python at its start: a kernel that refuses all that may be refused.
    import os, resource, select, socket

    def refuse(*_, **__):
        raise OSError(38, "Function not implemented")

    _set = socket.socket.setsockopt
    NEEDED = {(socket.SOL_SOCKET, socket.SO_REUSEADDR), (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY),
              (socket.IPPROTO_TCP, socket.TCP_NODELAY), (socket.SOL_SOCKET, socket.SO_KEEPALIVE)}

    def setsockopt(self, level, option, *value):
        if (level, option) not in NEEDED:
            refuse()
        return _set(self, level, option, *value)

    socket.socket.setsockopt = setsockopt
    resource.getrlimit = resource.setrlimit = refuse
    os.statvfs = refuse
    os.cpu_count = lambda: None
    select.epoll = refuse
    try:
        import psutil
    except ImportError:
        pass
    else:
        for name in ("net_if_stats", "net_if_addrs", "cpu_times", "virtual_memory", "Process",
                     "net_connections", "cpu_count", "sensors_temperatures"):
            setattr(psutil, name, refuse)
""")


async def test_a_whole_server_in_such_a_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SANDBOX)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    log = tmp_path / "log"
    server = await ServerProcess.start(tmp_path / "data", log=log)
    try:
        async with aiohttp.ClientSession() as http:
            client = Client(await http.ws_connect(server.url + "/ws", ssl=False))
            assert (await client.join())["type"] == "welcome"
            assert (await client.publish())["tracks"]
    finally:
        assert await server.stop() == 0
    text = log.read_text()
    assert "Traceback" not in text, text
    assert text.count("which network interfaces are up") == 1
    assert text.count("how busy its cores are") == 1
    assert "limit of open files" in text
