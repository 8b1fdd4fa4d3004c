"""Who asks, by which name and scheme, as trusted proxies report it.

A proxy names its client in `X-Forwarded-For`, `-Host` and `-Proto`. Anybody can send such headers,
so that they count only when the connection comes from a trusted proxy, and in a chain of proxies
only as far as it is made of trusted ones.
"""

from __future__ import annotations

import ipaddress
import re

from aiohttp import hdrs, web

from signaling.edge.hosts import split_host
from signaling.limits import Network, within

_PORTS = {"http": "80", "https": "443"}
_CLIENT_HEADERS = frozenset(
    {"FORWARDED", "VIA", "X-REAL-IP", "X-CLIENT-IP", "TRUE-CLIENT-IP", "CF-CONNECTING-IP"}
)
"""Besides `X-Forwarded-*`: what proxies and tunnels add about their client."""
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?")


class Forwarded:
    """Reads requests; see the module's text."""

    def __init__(self, proxies: tuple[Network, ...] = ()) -> None:
        """`proxies`: networks whose proxies are believed."""
        self._proxies = proxies

    def trusts(self, address: str) -> bool:
        """Whether a trusted proxy is there."""
        return bool(self._proxies) and within(address, self._proxies)

    def proxied(self, request: web.BaseRequest) -> bool:
        """Whether the connection comes from a trusted proxy."""
        return self.trusts(request.remote or "")

    def address(self, request: web.BaseRequest) -> str:
        """Where the client is: the last address in the chain that no trusted proxy has."""
        address = request.remote or ""
        if not self.trusts(address):
            return address
        # A list that is split over several lines is one list (RFC 9110 section 5.3).
        hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        for hop in reversed(hops):
            found = _address(hop.strip())
            if found is None:
                if hop.strip():
                    break  # Beyond what cannot be read nothing is certain.
                continue
            address = found
            if not self.trusts(address):
                break
        return address

    def host(self, request: web.BaseRequest) -> str:
        """The name and port that the client asked for, in lower case; empty when it named none.

        Not `request.host`: for want of a header that asks DNS, and waits for the answer.
        """
        host = request.headers.get(hdrs.HOST, "")
        if self.proxied(request):
            host = _last(request, "X-Forwarded-Host") or host
        return host.strip().lower()

    def schemes(self, request: web.BaseRequest) -> tuple[str, ...]:
        """`http` or `https`, as the client sees it; both where a proxy does not name it."""
        if not self.proxied(request):
            return ("https",) if request.secure else ("http",)
        scheme = _last(request, "X-Forwarded-Proto").lower()
        return (scheme,) if scheme in _PORTS else ("https", "http")

    def same_origin(self, request: web.BaseRequest) -> bool:
        """Whether a page of this very server asks; browsers name the origin of whatever acts.

        Scheme, host and port all count (RFC 6454 section 4).
        """
        origin = _origin(request.headers.get(hdrs.ORIGIN, ""))
        host = self.host(request)
        return origin is not None and any(
            origin == _origin(f"{scheme}://{host}") for scheme in self.schemes(request)
        )

    def on_this_machine(self, request: web.BaseRequest) -> bool:
        """Whether a program of this machine asks for itself.

        A proxy or tunnel on this machine asks for others: it is trusted as one, or shows it by a
        header, or asks by another name. So does a page whose own name points here (DNS rebinding).
        """
        if self.proxied(request) or any(
            name.upper() in _CLIENT_HEADERS or name.upper().startswith("X-FORWARDED-")
            for name in request.headers
        ):
            return False
        name = split_host(self.host(request))[0]
        return _is_loopback(request.remote or "") and (name == "localhost" or _is_loopback(name))


def _origin(text: str) -> tuple[str, str, str] | None:
    scheme, _, host = text.lower().partition("://")
    name, port = split_host(host)
    if scheme not in _PORTS or not name:
        return None
    return scheme, name, port or _PORTS[scheme]


def _last(request: web.BaseRequest, name: str) -> str:
    """The value that the nearest proxy wrote."""
    return ",".join(request.headers.getall(name, [])).rpartition(",")[2].strip()


def _address(hop: str) -> str | None:
    """An address as proxies write it: some add the port (`192.0.2.7:49152`, `[2001:db8::1]:80`)."""
    match = _WITH_PORT.fullmatch(hop)
    plain = (match["six"] or match["four"] or "") if match else hop
    try:
        return str(ipaddress.ip_address(plain.partition("%")[0]))
    except ValueError:
        return None


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback
