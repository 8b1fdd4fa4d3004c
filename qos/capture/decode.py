"""From a frame to the UDP or TCP inside it.

Two ways. `LINKS` has, for each link type, one `struct` that takes a plain IPv4/UDP packet with an
RTP header apart in a single step: that is how nearly every packet of a call goes, and its cost
decides the analyser's. `decode` takes what is left: IPv6, TCP, and layer by layer everything odd,
such as VLAN tags, MPLS, PPPoE, IP options, extension headers and tunnels (`qos.capture.layers`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple

from qos.capture import layers
from qos.capture.layers import TUNNELS, UDP, Datagram, Layer

NETWORK_TUNNELS = {2152: "gtp", 3544: "teredo", 6081: "geneve", 51820: "wireguard"}
"""UDP ports of tunnels, to name what could not be looked into."""

_IPV4 = "BxH2xHxB2x12sH2xBBHII"
"""Version and length, total length, fragment, protocol, addresses and ports, UDP length; then the
RTP header: first byte, second byte, sequence number, timestamp, SSRC."""
_IPV6 = "B5xBx36sH2xBBHII"
"""Version and class, next header, addresses and ports, UDP length; then the RTP header."""
_IPV4_UDP = struct.Struct(">BxH2xHxB2x12sH2x")
_IPV6_UDP = struct.Struct(">B5xBx36sH2x")
"""Version and class, next header, addresses and ports, UDP length."""


class Link(NamedTuple):
    """How one link type carries IP."""

    fast: Callable[[bytes], tuple[Any, ...]]
    """Takes an IPv4/UDP/RTP frame apart: the link's protocol field, then `_IPV4`; raises
    struct.error on a frame too short."""
    fast6: Callable[[bytes], tuple[Any, ...]]
    """The same for IPv6: the protocol field, then `_IPV6`."""
    ipv4: bytes
    """The protocol field of IPv4."""
    ipv6: tuple[bytes, ...]
    field: slice
    """Where the protocol field is."""
    header: int
    """Bytes before IP."""
    first: Layer
    """What `layers.walk` begins with."""


def _link(before: str, field: int, after: str, types: tuple[bytes, ...], first: Layer) -> Link:
    head = f">{before}{field}s{after}"
    start = struct.calcsize(f">{before}")
    return Link(
        fast=struct.Struct(head + _IPV4).unpack_from,
        fast6=struct.Struct(head + _IPV6).unpack_from,
        ipv4=types[0],
        ipv6=types[1:],
        field=slice(start, start + field),
        header=struct.calcsize(head),
        first=first,
    )


def _never(frame: bytes) -> tuple[Any, ...]:
    raise struct.error


def _seldom(first: Layer) -> Link:
    """A link type of few captures: layer by layer, all of it."""
    return Link(_never, _never, b"", (), slice(0, 1), 0, first)


_ETHERTYPES = (b"\x08\x00", b"\x86\xdd")
_AF_LITTLE = (b"\x02\0\0\0", b"\x18\0\0\0", b"\x1c\0\0\0", b"\x1e\0\0\0", b"\x0a\0\0\0")
_AF_BIG = tuple(value[::-1] for value in _AF_LITTLE)
_RAW = _link("", 0, "", (b"", b""), layers.raw)

LINKS: dict[int, Link] = {
    # NULL, the writer's byte order.
    0: _link("", 4, "", _AF_LITTLE, layers.loopback),
    1: _link("12x", 2, "", _ETHERTYPES, layers.ethernet),
    9: _seldom(layers.ppp),
    # RAW, as BSD numbers it.
    12: _RAW,
    # RAW, as OpenBSD numbers it.
    14: _RAW,
    # In HDLC framing.
    50: _seldom(layers.ppp),
    101: _RAW,
    104: _seldom(layers.hdlc),
    105: _seldom(layers.wlan),
    # LOOP, always in network order.
    108: _link("", 4, "", _AF_BIG, layers.loopback),
    109: _seldom(layers.enc),
    113: _link("14x", 2, "", _ETHERTYPES, layers.sll),
    127: _seldom(layers.radiotap),
    228: _RAW,
    229: _RAW,
    239: _seldom(layers.nflog),
    258: _seldom(layers.pktap),
    276: _link("", 2, "18x", _ETHERTYPES, layers.sll2),
}
"""By LINKTYPE number (tcpdump.org/linktypes.html)."""


def decode(link: Link, frame: bytes) -> Datagram | str:
    """The datagram in a frame, or why there is none: the name of a counter."""
    field = frame[link.field]
    at = link.header
    if field == link.ipv4 and frame[at : at + 1] == b"\x45":
        plain = _plain_ipv4(frame, at)
    elif field in link.ipv6 and frame[at : at + 1] >= b"\x60":
        plain = _plain_ipv6(frame, at)
    else:
        plain = None
    if plain is not None and not _is_tunnel(plain):
        return plain
    return layers.walk(link.first, frame)


def _plain_ipv4(frame: bytes, at: int) -> Datagram | None:
    if len(frame) < at + 28:
        return None
    _, total, fragment, protocol, flow, size = _IPV4_UDP.unpack_from(frame, at)
    if protocol != UDP or fragment & 0x3FFF or not 8 <= size <= total - 20:
        return None
    return Datagram(UDP, flow, size - 8, frame[at + 28 : at + 20 + size])


def _plain_ipv6(frame: bytes, at: int) -> Datagram | None:
    if len(frame) < at + 48:
        return None
    _, following, flow, size = _IPV6_UDP.unpack_from(frame, at)
    if following != UDP or size < 8:
        return None
    return Datagram(UDP, flow, size - 8, frame[at + 48 : at + 40 + size])


def _is_tunnel(datagram: Datagram) -> bool:
    return int.from_bytes(datagram.flow[-2:], "big") in TUNNELS


def endpoints(flow: bytes) -> tuple[str, int, str, int]:
    """Source address and port, destination address and port of `Datagram.flow`."""
    length = (len(flow) - 4) // 2
    source, destination = flow[:length], flow[length : 2 * length]
    source_port, destination_port = struct.unpack(">HH", flow[-4:])
    return str(ip_address(source)), source_port, str(ip_address(destination)), destination_port
