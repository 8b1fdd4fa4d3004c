from __future__ import annotations

import socket

import pytest

from signaling.machine.addresses import (
    is_loopback,
    machine_addresses,
    media_addresses,
    media_host,
    page_hosts,
    usable,
)

MACHINE = ["127.0.0.1", "192.168.1.5", "::1", "fd00::5"]


def test_usable() -> None:
    found = usable(["fe80::1%eth0", "::1", "192.168.1.5", "127.0.0.1", "fd00::5", "169.254.1.1"])
    assert found == ["127.0.0.1", "192.168.1.5", "::1", "fd00::5"]


def test_this_machine_has_addresses() -> None:
    assert "127.0.0.1" in machine_addresses()


@pytest.mark.parametrize(
    ("at", "announce", "machine", "offered"),
    [
        ("", (), MACHINE, ["192.168.1.5", "fd00::5"]),
        ("", ("198.51.100.7",), MACHINE, ["198.51.100.7", "192.168.1.5", "fd00::5"]),
        ("", ("192.168.1.5",), MACHINE, ["192.168.1.5", "fd00::5"]),
        ("", (), ["127.0.0.1", "::1"], ["127.0.0.1", "::1"]),
        ("127.0.0.1", (), MACHINE, ["127.0.0.1"]),
        ("127.0.0.1", ("198.51.100.7",), MACHINE, ["198.51.100.7", "127.0.0.1"]),
        ("192.168.1.5", ("192.168.1.5",), MACHINE, ["192.168.1.5"]),
    ],
)
def test_media_addresses(
    at: str, announce: tuple[str, ...], machine: list[str], offered: list[str]
) -> None:
    assert media_addresses(at, announce, machine) == offered


def test_page_hosts() -> None:
    assert page_hosts("", MACHINE) == ["192.168.1.5", "localhost"]
    assert page_hosts("::", ["::1", "fd00::5"]) == ["fd00::5", "localhost"]
    assert page_hosts("10.0.0.1", MACHINE) == ["10.0.0.1"]


def test_is_loopback() -> None:
    hosts = ("127.0.0.5", "::1", "localhost", "", "10.0.0.1", "example.org")
    assert [is_loopback(host) for host in hosts] == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("wanted", "host", "proxied", "at"),
    [
        ("", "", False, ""),
        ("", "0.0.0.0", False, ""),
        ("", "192.168.1.5", False, "192.168.1.5"),
        ("", "127.0.0.1", False, "127.0.0.1"),
        # The documented proxy in front of loopback: media does not pass it.
        ("", "127.0.0.1", True, ""),
        ("192.168.1.5", "127.0.0.1", True, "192.168.1.5"),
        ("192.168.1.5", "", False, "192.168.1.5"),
        ("::", "192.168.1.5", False, ""),
        ("FD00::5", "", False, "fd00::5"),
        ("localhost", "", False, "127.0.0.1"),
    ],
)
def test_media_is_taken_where_pages_are_unless_a_proxy_is_between(
    wanted: str, host: str, proxied: bool, at: str
) -> None:
    assert media_host(wanted, host, proxied=proxied) == at


def test_a_name_without_an_address() -> None:
    with pytest.raises(socket.gaierror):
        media_host("no.such.name.invalid", "", proxied=False)
