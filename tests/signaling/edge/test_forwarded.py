from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from signaling.edge.forwarded import Forwarded

PROXIES = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.0.0.0/8"))
FORWARDED = Forwarded(PROXIES)


class Transport:
    """Whose connection it is."""

    def __init__(self, peer: str) -> None:
        self._peer = peer

    def get_extra_info(self, name: str, default: object = None) -> object:
        if name == "peername":
            return (self._peer, 5000)
        return default


def ask(*headers: tuple[str, str], peer: str = "127.0.0.1", tls: bool = False) -> Any:
    transport: Any = Transport(peer)
    made = CIMultiDict(headers)
    context: Any = object() if tls else None
    return make_mocked_request("GET", "/", headers=made, transport=transport, sslcontext=context)


def hops(*lines: str, peer: str = "127.0.0.1") -> str:
    return FORWARDED.address(ask(*(("X-Forwarded-For", line) for line in lines), peer=peer))


def test_the_last_untrusted_hop_is_the_client() -> None:
    assert hops("203.0.113.1") == "203.0.113.1"
    assert hops("198.51.100.9, 203.0.113.1") == "203.0.113.1"
    assert hops("203.0.113.1, 10.0.0.1, 10.0.0.2") == "203.0.113.1"


def test_lines_are_one_list() -> None:
    # A client wrote the first line; the proxy added the second.
    assert hops("198.51.100.9", "203.0.113.1") == "203.0.113.1"
    assert hops("198.51.100.9, 10.9.9.9", "203.0.113.1", "10.0.0.1") == "203.0.113.1"
    assert hops("198.51.100.9", "") == "198.51.100.9"


def test_who_is_not_trusted_is_not_believed() -> None:
    assert hops("198.51.100.9", peer="203.0.113.1") == "203.0.113.1"
    assert Forwarded().address(ask(("X-Forwarded-For", "198.51.100.9"))) == "127.0.0.1"


def test_ports_and_zones_are_left_out() -> None:
    assert hops("203.0.113.1:49152") == "203.0.113.1"
    assert hops("[2001:db8::1]:49152") == "2001:db8::1"
    assert hops("[2001:db8::1]") == "2001:db8::1"
    assert hops("fe80::1%eth0") == "fe80::1"


@pytest.mark.parametrize("rubbish", ["unknown", "_hidden", "999.1.1.1", "\xff", "1.2.3.4:x", "[]"])
def test_nothing_beyond_what_cannot_be_read_is_believed(rubbish: str) -> None:
    assert hops(f"198.51.100.9, {rubbish}, 10.0.0.1") == "10.0.0.1"
    assert hops(rubbish) == "127.0.0.1"


def test_host_and_scheme_come_from_trusted_proxies_only() -> None:
    headers = (
        ("Host", "inside:8080"),
        ("X-Forwarded-Host", "Meet.Example.org"),
        ("X-Forwarded-Proto", "https"),
    )
    assert FORWARDED.host(ask(*headers)) == "meet.example.org"
    assert FORWARDED.schemes(ask(*headers)) == ("https",)
    stranger = ask(*headers, peer="203.0.113.1")
    assert FORWARDED.host(stranger) == "inside:8080"
    assert FORWARDED.schemes(stranger) == ("http",)
    assert FORWARDED.schemes(ask(peer="203.0.113.1", tls=True)) == ("https",)


def test_no_host_header_asks_nobody() -> None:
    assert FORWARDED.host(ask()) == ""


@pytest.mark.parametrize(
    ("origin", "host", "tls", "same"),
    [
        ("https://box:8443", "box:8443", True, True),
        ("https://BOX:8443", "box:8443", True, True),
        ("http://box:8443", "box:8443", True, False),
        ("https://box:8443", "box:8443", False, False),
        ("https://box", "box:443", True, True),
        ("http://box:80", "box", False, True),
        ("https://box:8444", "box:8443", True, False),
        ("https://box.evil.example:8443", "box:8443", True, False),
        ("https://x@box:8443", "box:8443", True, False),
        ("null", "box:8443", True, False),
        ("", "box:8443", True, False),
        ("https://", "", True, False),
        ("http://[::1", "[::1", False, False),
        ("http://[::1]:80", "[::1]", False, True),
        ("ftp://box", "box", False, False),
        ("\xff\xfe://x", "box", False, False),
    ],
)
def test_same_origin(origin: str, host: str, tls: bool, same: bool) -> None:
    request = ask(("Origin", origin), ("Host", host), peer="203.0.113.1", tls=tls)
    assert FORWARDED.same_origin(request) is same


def test_a_proxy_that_names_no_scheme_may_have_either() -> None:
    for scheme in ("http", "https"):
        assert FORWARDED.same_origin(ask(("Origin", f"{scheme}://box"), ("Host", "box")))
    proto = ("X-Forwarded-Proto", "https")
    assert not FORWARDED.same_origin(ask(("Origin", "http://box"), ("Host", "box"), proto))


def test_on_this_machine() -> None:
    alone = Forwarded()
    local = ("Host", "localhost:8443")
    assert alone.on_this_machine(ask(local))
    assert alone.on_this_machine(ask(("Host", "[::1]:8443"), peer="::1"))
    assert alone.on_this_machine(ask(local, peer="::ffff:127.0.0.1"))
    assert not alone.on_this_machine(ask(("Host", "evil.example:8443")))
    assert not alone.on_this_machine(ask(local, peer="192.168.1.9"))
    # A proxy or tunnel on this machine speaks for others.
    assert not FORWARDED.on_this_machine(ask(local))
    for name in ("X-Forwarded-For", "x-forwarded-host", "Forwarded", "Via", "CF-Connecting-IP"):
        assert not alone.on_this_machine(ask(local, (name, "x")))
