"""By which names browsers may ask for this server: the defence against DNS rebinding. No I/O.

A page of another site can let its own name point to this server's address: the browser then takes
the server for that site, and the page reads and posts as it likes. But the browser still shows by
which name it asks (the Host header), so that a name which is not ours is refused.

An IP address in the Host header needs no list: it is no name, and nobody can let it point anywhere
else. Names under `localhost` never leave the machine (RFC 6761). Names that no registry gives away
(`.local`, `.internal`, ...) count where the first part is this machine's own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

NAME = re.compile(r"(?=.{1,253}$)(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
"""A host name in lower case, as it may be named in a setting or shown on a page."""
_PRIVATE = ("local", "internal", "home.arpa", "lan", "localdomain")
"""mDNS (RFC 6762), private use (ICANN 2024), home networks (RFC 8375), and what routers use."""


class OwnNames:
    """All names of this server."""

    def __init__(self, machine: str, names: Iterable[str] = ()) -> None:
        """`machine`: its host name. `names`: further ones; `*.example.org` stands for one label."""
        hostname = machine.lower().rstrip(".")
        label = hostname.partition(".")[0]
        own = {hostname, label, *(f"{label}.{domain}" for domain in _PRIVATE)} if label else set()
        given = {name.lower().rstrip(".") for name in names}
        self._names = own | {name for name in given if not name.startswith("*.")}
        self._wild = {name[1:] for name in given if name.startswith("*.")}

    def include(self, host: str) -> bool:
        """Whether a Host header (name or address, perhaps with a port) means this server."""
        name = split_host(host.lower())[0].rstrip(".")
        if not name:
            return False
        if _is_address(name) or name == "localhost" or name.endswith(".localhost"):
            return True
        return name in self._names or name[len(name.partition(".")[0]) :] in self._wild


def split_host(host: str) -> tuple[str, str]:
    """(name or address, port) of a Host header; ("", "") when it is none (RFC 9110 section 7.2)."""
    try:
        parts = urlsplit(f"//{host}")
        name, port = parts.hostname or "", parts.port
    except ValueError:
        return "", ""
    if parts.netloc != host or "@" in host:
        return "", ""
    return name, "" if port is None else str(port)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
