"""From a frame to the UDP or TCP inside it.

Two ways. `LINKS` has, for each link type, one `struct` that takes a plain IPv4/UDP packet with an
RTP header apart in a single step: that is how nearly every packet of a call goes, and its cost
decides the analyser's. `decode` takes what is left: IPv6, TCP, and by way of dpkt everything odd,
such as VLAN tags, MPLS, PPPoE, IP options, extension headers and tunnels.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, NamedTuple

import dpkt

UDP, TCP = 17, 6

NETWORK_TUNNELS = {2152: "gtp", 3544: "teredo", 6081: "geneve", 51820: "wireguard"}
"""UDP ports of tunnels that are named, not looked into."""
VXLAN_PORT = 4789

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
    parse: Callable[[bytes], Any]
    """The same frame by dpkt."""


def _raw(frame: bytes) -> Any:
    return dpkt.ip6.IP6(frame) if frame[:1] >= b"\x60" else dpkt.ip.IP(frame)


def _link(
    before: str, field: int, after: str, types: tuple[bytes, ...], parse: Callable[[bytes], Any]
) -> Link:
    head = f">{before}{field}s{after}"
    start = struct.calcsize(f">{before}")
    return Link(
        fast=struct.Struct(head + _IPV4).unpack_from,
        fast6=struct.Struct(head + _IPV6).unpack_from,
        ipv4=types[0],
        ipv6=types[1:],
        field=slice(start, start + field),
        header=struct.calcsize(head),
        parse=parse,
    )


_ETHERTYPES = (b"\x08\x00", b"\x86\xdd")
_AF_LITTLE = (b"\x02\0\0\0", b"\x18\0\0\0", b"\x1c\0\0\0", b"\x1e\0\0\0", b"\x0a\0\0\0")
_AF_BIG = tuple(value[::-1] for value in _AF_LITTLE)
_RAW = _link("", 0, "", (b"", b""), _raw)

LINKS: dict[int, Link] = {
    0: _link("", 4, "", _AF_LITTLE, dpkt.loopback.Loopback),  # NULL, the writer's byte order
    1: _link("12x", 2, "", _ETHERTYPES, dpkt.ethernet.Ethernet),
    12: _RAW,  # RAW, as BSD numbers it
    14: _RAW,  # RAW, as OpenBSD numbers it
    101: _RAW,
    108: _link("", 4, "", _AF_BIG, dpkt.loopback.Loopback),  # LOOP, always in network order
    113: _link("14x", 2, "", _ETHERTYPES, dpkt.sll.SLL),
    228: _RAW,
    229: _RAW,
    276: _link("", 2, "18x", _ETHERTYPES, dpkt.sll2.SLL2),
}
"""By LINKTYPE number (tcpdump.org/linktypes.html)."""


class Datagram(NamedTuple):
    """A UDP datagram, or a TCP segment."""

    protocol: int
    flow: bytes
    """Source and destination address, then both ports, as in the packet: 12 or 36 bytes."""
    size: int
    """Bytes of payload that were sent."""
    payload: bytes
    """As far as it was captured."""
    sequence: int = 0
    """TCP only."""
    flags: int = 0
    """TCP only."""


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
    return _odd(link.parse, frame)


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
    return int.from_bytes(datagram.flow[-2:], "big") == VXLAN_PORT


def _odd(parse: Callable[[bytes], Any], frame: bytes) -> Datagram | str:
    """By dpkt. It raises many kinds of error on hostile bytes, and recurses into tunnels."""
    try:
        return _walk(parse(frame))
    except (
        dpkt.Error,
        struct.error,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return "malformed"


def _walk(layer: Any) -> Datagram | str:
    """Down dpkt's layers to the innermost UDP or TCP."""
    ip: Any = None
    while isinstance(layer, dpkt.Packet):
        if isinstance(layer, dpkt.ip.IP | dpkt.ip6.IP6):
            ip = layer
            if _is_later_fragment(ip):
                return "fragment"
        elif isinstance(layer, dpkt.arp.ARP):
            return "arp"
        elif isinstance(layer, dpkt.udp.UDP) and ip is not None:
            if layer.dport == VXLAN_PORT and len(layer.data) > 8:
                layer = dpkt.ethernet.Ethernet(layer.data[8:])
                continue
            return _udp(ip, layer)
        elif isinstance(layer, dpkt.tcp.TCP) and ip is not None:
            return _tcp(ip, layer)
        layer = layer.data
    return "notIp" if ip is None else "otherProtocol"


def _is_later_fragment(ip: Any) -> bool:
    if isinstance(ip, dpkt.ip.IP):
        return bool(ip.offset)
    return any(getattr(header, "frag_off", 0) for header in ip.all_extension_headers)


def _udp(ip: Any, udp: Any) -> Datagram | str:
    if udp.ulen < 8:
        return "malformed"
    flow = ip.src + ip.dst + struct.pack(">HH", udp.sport, udp.dport)
    size = udp.ulen - 8
    return Datagram(UDP, flow, size, bytes(udp.data)[:size])


def _tcp(ip: Any, tcp: Any) -> Datagram | str:
    flow = ip.src + ip.dst + struct.pack(">HH", tcp.sport, tcp.dport)
    headers = tcp.off * 4
    if isinstance(ip, dpkt.ip.IP):
        size = ip.len - ip.hl * 4 - headers
    else:
        size = ip.plen - sum(header.length for header in ip.all_extension_headers) - headers
    payload = bytes(tcp.data)
    # Segments larger than the field can say have length 0 (offload): take what is there.
    size = len(payload) if size < 0 else size
    return Datagram(TCP, flow, size, payload[:size], tcp.seq, tcp.flags)


def endpoints(flow: bytes) -> tuple[str, int, str, int]:
    """Source address and port, destination address and port of `Datagram.flow`."""
    length = (len(flow) - 4) // 2
    source, destination = flow[:length], flow[length : 2 * length]
    source_port, destination_port = struct.unpack(">HH", flow[-4:])
    return str(ip_address(source)), source_port, str(ip_address(destination)), destination_port
