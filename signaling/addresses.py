"""Which addresses this machine has, and which of them to offer for media."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence

import psutil

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def machine_addresses() -> list[str]:
    """Addresses of all interfaces that are up, without link-local and multicast ones."""
    states = psutil.net_if_stats()
    found = []
    for name, entries in psutil.net_if_addrs().items():
        if name in states and not states[name].isup:
            continue
        for entry in entries:
            if entry.family in (socket.AF_INET, socket.AF_INET6):
                found.append(entry.address)
    return usable(found)


def usable(addresses: Iterable[str]) -> list[str]:
    """Without link-local ones (they need a scope that an SDP cannot say), IPv4 first."""
    parsed = {ipaddress.ip_address(address.partition("%")[0]) for address in addresses}
    kept = [a for a in parsed if not (a.is_link_local or a.is_multicast or a.is_unspecified)]
    return [str(address) for address in sorted(kept, key=lambda a: (a.version, int(a)))]


def media_addresses(host: str, announce: Sequence[str], machine: Sequence[str]) -> list[str]:
    """What to offer as candidates, best first.

    Announced addresses, then those of the LAN. Loopback is offered, last, only when the server
    listens on loopback or when there is nothing else.
    """
    loopback = [address for address in machine if ipaddress.ip_address(address).is_loopback]
    lan = [address for address in machine if address not in loopback]
    offered = list(dict.fromkeys([*announce, *lan]))
    if not offered or is_loopback(host):
        offered += [address for address in loopback if address not in offered]
    return offered


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
