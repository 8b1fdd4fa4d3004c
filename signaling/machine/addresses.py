"""Which addresses this machine has, and which of them to offer for media."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterable, Sequence

import psutil

from signaling.machine.system import System

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def machine_addresses() -> list[str]:
    """Addresses of all interfaces that are up, without link-local and multicast ones."""
    system = System()
    # Where it is not known which interfaces are up, all count: an address too many is a candidate
    # that no check reaches.
    up = system.ask("which network interfaces are up", _interfaces_up, lambda: None)
    found = system.ask("its addresses", lambda: _all_addresses(up), _addresses_in_use)
    return usable(found)


def _interfaces_up() -> set[str] | None:
    return {name for name, state in psutil.net_if_stats().items() if state.isup}


def _all_addresses(up: set[str] | None) -> list[str]:
    return [
        entry.address
        for name, entries in psutil.net_if_addrs().items()
        for entry in entries
        if (up is None or name in up) and entry.family in (socket.AF_INET, socket.AF_INET6)
    ]


def _addresses_in_use() -> list[str]:
    """Those that packets to elsewhere would leave from, and loopback; nothing is sent."""
    found = ["127.0.0.1"]
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            found.append(probe.getsockname()[0])
    return found


def usable(addresses: Iterable[str]) -> list[str]:
    """Without link-local ones (they need a scope that an SDP cannot carry), IPv4 first."""
    parsed = {ipaddress.ip_address(address.partition("%")[0]) for address in addresses}
    kept = [a for a in parsed if not (a.is_link_local or a.is_multicast or a.is_unspecified)]
    return [str(address) for address in sorted(kept, key=lambda a: (a.version, int(a)))]


def media_host(wanted: str, host: str, *, proxied: bool) -> str:
    """The IP address to receive media at; empty for all of this machine.

    `wanted`: the setting. Without it, media is received where pages are (`host`); but a
    proxy that passes pages on from another address passes no media on (`proxied`). Raises
    `OSError` for a name that has no address.
    """
    named = wanted or ("" if proxied else host)
    if not named:
        return ""
    try:
        address = ipaddress.ip_address(named)
    except ValueError:
        # Peers without IPv6 are more than those without IPv4.
        found = socket.getaddrinfo(named, None, type=socket.SOCK_DGRAM)
        found.sort(key=lambda entry: entry[0] != socket.AF_INET)
        address = ipaddress.ip_address(str(found[0][4][0]).partition("%")[0])
    return "" if address.is_unspecified else str(address)


def media_addresses(at: str, announce: Sequence[str], machine: Sequence[str]) -> list[str]:
    """What to offer as candidates, best first. `at`: what `media_host` gave.

    Announced addresses, then the one that media is received at, or all of the LAN. Loopback is
    offered when media is received at loopback, or there is nothing else.
    """
    if at:
        return list(dict.fromkeys([*announce, at]))
    loopback = [address for address in machine if ipaddress.ip_address(address).is_loopback]
    lan = [address for address in machine if address not in loopback]
    return list(dict.fromkeys([*announce, *lan])) or loopback


def is_loopback(host: str) -> bool:
    """Whether the name or address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def page_hosts(host: str, machine: Sequence[str]) -> list[str]:
    """Hosts to print in URLs: where a browser finds the server when it listens on `host`."""
    if host and host not in ("0.0.0.0", "::"):
        return [host]
    lan = [address for address in machine if not ipaddress.ip_address(address).is_loopback]
    # A person types an IPv4 address; a global IPv6 one is for whoever has nothing else.
    ipv4 = [address for address in lan if ":" not in address]
    return [*(ipv4 or lan), "localhost"]
