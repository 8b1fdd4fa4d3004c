"""From any frame down to the UDP or TCP inside it, layer by layer.

Theory of operation. `walk` begins with the layer that the link type names and asks each layer in
turn what comes next and where: tags and labels (802.1Q, 802.1ad, 802.1ah, VN-Tag, E-Tag, MPLS,
NSH), PPP and PPPoE, IP in IP, GRE with what switches mirror in it (ERSPAN I to III), VXLAN, GENEVE,
GTP, Teredo and TZSP. A layer is a function of the frame and a place in it; a table gives it by its
EtherType, IP protocol or port. What is cut off or contradicts itself is `malformed`, and nothing
is looked into deeper than `MAX_LAYERS`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

UDP, TCP = 17, 6
MAX_LAYERS = 40
"""Of one frame; a mirrored frame of a tunnelled, tagged network has a dozen."""


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


class Place(NamedTuple):
    """Where the next layer begins."""

    layer: Layer
    at: int
    addresses: bytes = b""
    """Of the IP packet that it lies in."""
    end: int = 0
    """Where that packet ends, as it was sent; 0 outside of any."""


Layer = Callable[[bytes, Place], "Place | Datagram | str"]
"""What comes next: another layer, the datagram, or why there is none (the name of a counter)."""

_two = struct.Struct(">H").unpack_from
_four = struct.Struct(">I").unpack_from


def walk(first: Layer, frame: bytes) -> Datagram | str:
    """The datagram in a frame that begins with this layer, or the name of a counter."""
    place = Place(first, 0)
    within_ip = False
    try:
        for _ in range(MAX_LAYERS):
            found = place.layer(frame, place)
            if not isinstance(found, Place):
                return "otherProtocol" if within_ip and found == "notIp" else found
            place = found
            within_ip = within_ip or bool(place.addresses)
    except (struct.error, IndexError):
        pass
    return "malformed"


# Link layers and what stands between them and IP.


def ethernet(frame: bytes, place: Place) -> Place | Datagram | str:
    """Addresses, then an EtherType, or the length of an IEEE 802.3 frame."""
    at = place.at
    (kind,) = _two(frame, at + 12)
    if kind >= 0x600:
        return _typed(kind, at + 14)
    # LLC with SNAP.
    if frame[at + 14 : at + 17] == b"\xaa\xaa\x03":
        return _typed(_two(frame, at + 20)[0], at + 22)
    return "notIp"


def _typed(kind: int, at: int) -> Place | str:
    """What an EtherType stands for."""
    layer = _ETHERTYPES.get(kind)
    if layer is not None:
        return Place(layer, at)
    return "arp" if kind == 0x0806 else "notIp"


def sll(frame: bytes, place: Place) -> Place | Datagram | str:
    """Linux cooked capture; the type is also that of a tag which the kernel left in place."""
    return _typed(_two(frame, place.at + 14)[0], place.at + 16)


def sll2(frame: bytes, place: Place) -> Place | Datagram | str:
    """Its second version."""
    return _typed(_two(frame, place.at)[0], place.at + 20)


def loopback(frame: bytes, place: Place) -> Place | Datagram | str:
    """NULL and LOOP: an address family in either byte order, then IP."""
    family = _four(frame, place.at)[0]
    if min(family, int.from_bytes(frame[place.at : place.at + 4], "little")) > 255:
        return "notIp"
    return Place(raw, place.at + 4)


def raw(frame: bytes, place: Place) -> Place | Datagram | str:
    """IPv4 or IPv6 by its first four bits."""
    version = frame[place.at] >> 4
    if version in (4, 6):
        return Place(_ipv4 if version == 4 else _ipv6, place.at)
    return "notIp"


def hdlc(frame: bytes, place: Place) -> Place | Datagram | str:
    """Cisco's: address and control, then an EtherType."""
    return _typed(_two(frame, place.at + 2)[0], place.at + 4)


def ppp(frame: bytes, place: Place) -> Place | Datagram | str:
    """RFC 1661, with HDLC framing (RFC 1662) or without, the protocol in two bytes or one."""
    at = place.at
    if frame[at : at + 2] == b"\xff\x03":
        at += 2
    short = frame[at] & 1
    kind = frame[at] if short else _two(frame, at)[0]
    layer = {0x0021: _ipv4, 0x0057: _ipv6, 0x0281: _mpls}.get(kind)
    return Place(layer, at + (1 if short else 2)) if layer is not None else "notIp"


def wlan(frame: bytes, place: Place) -> Place | Datagram | str:
    """IEEE 802.11: a data frame, not encrypted, of a single packet."""
    at = place.at
    control, flags = frame[at], frame[at + 1]
    # Not data, or data of no length.
    if control & 0x4C != 0x08:
        return "notIp"
    if flags & 0x40:
        return "encryptedWlan"
    size = 30 if flags & 3 == 3 else 24
    # Quality of service, and with it high throughput.
    if control & 0x80:
        if frame[at + size] & 0x80:
            return "notIp"
        size += 6 if flags & 0x80 else 2
    at += size
    if frame[at : at + 3] != b"\xaa\xaa\x03":
        return "notIp"
    return _typed(_two(frame, at + 6)[0], at + 8)


def radiotap(frame: bytes, place: Place) -> Place | Datagram | str:
    """What the receiver noted of a WLAN frame, then the frame."""
    size = int.from_bytes(frame[place.at + 2 : place.at + 4], "little")
    return Place(wlan, place.at + size) if size >= 8 else "malformed"


def nflog(frame: bytes, place: Place) -> Place | Datagram | str:
    """Of Linux's packet filter: fields, one of them the packet; lengths in the writer's order."""
    at = place.at + 4
    while at + 4 <= len(frame):
        size, kind = struct.unpack_from("<HH", frame, at)
        if kind == 9:
            return Place(raw, at + 4)
        if size < 4:
            break
        at += size + 3 & ~3
    return "malformed"


def pktap(frame: bytes, place: Place) -> Place | Datagram | str:
    """Of Apple's systems: a header that names the link type of what follows it."""
    size, kind = struct.unpack_from("<I4xI", frame, place.at)
    layer = {0: loopback, 1: ethernet, 12: raw, 105: wlan, 127: radiotap}.get(kind)
    return Place(layer, place.at + size) if layer is not None and size >= 12 else "notIp"


def enc(frame: bytes, place: Place) -> Place | Datagram | str:
    """Of BSD's IPsec: family, association and flags, then IP."""
    return Place(raw, place.at + 12)


def _tag(size: int) -> Layer:
    """A tag of `size` bytes behind its EtherType, then another EtherType."""

    def read(frame: bytes, place: Place) -> Place | Datagram | str:
        at = place.at + size
        (kind,) = _two(frame, at - 2)
        if kind < 0x600 and frame[at : at + 3] == b"\xaa\xaa\x03":
            return _typed(_two(frame, at + 6)[0], at + 8)
        return _typed(kind, at)

    return read


def _backbone(frame: bytes, place: Place) -> Place | Datagram | str:
    """IEEE 802.1ah: a service tag, then the customer's whole frame."""
    return Place(ethernet, place.at + 4)


def _mpls(frame: bytes, place: Place) -> Place | Datagram | str:
    """RFC 3032: labels to the bottom of the stack; IP shows by itself that it follows."""
    at = place.at
    while not frame[at + 2] & 1:
        at += 4
    at += 4
    version = frame[at] >> 4
    if version in (4, 6):
        return Place(raw, at)
    # RFC 4385: a control word begins with four zero bits.
    return Place(ethernet, at + 4 if version == 0 else at)


def _pppoe(frame: bytes, place: Place) -> Place | Datagram | str:
    """RFC 2516, a session."""
    return Place(ppp, place.at + 6)


def _service(frame: bytes, place: Place) -> Place | Datagram | str:
    """NSH, RFC 8300."""
    layer = {1: _ipv4, 2: _ipv6, 3: ethernet, 5: _mpls}.get(frame[place.at + 3])
    size = (_two(frame, place.at)[0] & 0x3F) * 4
    return Place(layer, place.at + size) if layer is not None and size >= 8 else "notIp"


# IP.


def _ipv4(frame: bytes, place: Place) -> Place | Datagram | str:
    at = place.at
    header = (frame[at] & 0x0F) * 4
    (total,) = _two(frame, at + 2)
    if frame[at] >> 4 != 4 or header < 20 or len(frame) < at + header:
        return "malformed"
    if _two(frame, at + 6)[0] & 0x1FFF:
        return "fragment"
    # A length of 0 is what a network card was left to fill in (segmentation offload).
    end = at + total if total >= header else len(frame)
    return _protocol(frame[at + 9], at + header, frame[at + 12 : at + 20], end)


def _ipv6(frame: bytes, place: Place) -> Place | Datagram | str:
    at = place.at
    (size,) = _two(frame, at + 4)
    if frame[at] >> 4 != 6 or len(frame) < at + 40:
        return "malformed"
    end = at + 40 + size if size else len(frame)
    following, addresses = frame[at + 6], frame[at + 8 : at + 40]
    at += 40
    # RFC 8200 section 4: options, routing, fragment, authentication (RFC 4302), mobility, and on.
    for _ in range(MAX_LAYERS):
        if following == 44:
            if _two(frame, at + 2)[0] & 0xFFF8:
                return "fragment"
            step = 8
        elif following == 51:
            step = (frame[at + 1] + 2) * 4
        elif following in (0, 43, 60, 135, 139, 140):
            step = (frame[at + 1] + 1) * 8
        else:
            return _protocol(following, at, addresses, end)
        following, at = frame[at], at + step
    return "malformed"


def _protocol(number: int, at: int, addresses: bytes, end: int) -> Place | str:
    layer = _PROTOCOLS.get(number)
    return Place(layer, at, addresses, end) if layer is not None else "otherProtocol"


def _gre(frame: bytes, place: Place) -> Place | Datagram | str:
    """RFC 2784 and 2890, and version 1 (RFC 2637: PPTP)."""
    at = place.at
    flags, kind = _two(frame, at)[0], _two(frame, at + 2)[0]
    numbered = flags & 0x1000
    size = 4 + 4 * sum(1 for flag in (0x8000, 0x2000, 0x1000) if flags & flag)
    if flags & 7 == 1:
        return Place(ppp, at + size + (4 if flags & 0x0080 else 0))
    if flags & 0x4000:
        return "otherProtocol"
    at += size
    # ERSPAN: type I has neither number nor header.
    if kind == 0x88BE:
        return Place(ethernet, at + 8 if numbered else at)
    # Type III, with a sub-header when the last bit is set.
    if kind == 0x22EB:
        (last,) = _two(frame, at + 10)
        inner = raw if last >> 10 & 0x1F == 2 else ethernet
        return Place(inner, at + 20 if last & 1 else at + 12)
    # WCCP: a redirect header, unless IP begins at once.
    if kind == 0x883E:
        return Place(raw, at if frame[at] >> 4 == 4 else at + 4)
    return Place(ppp, at) if kind == 0x880B else _typed(kind, at)


# What runs over UDP, and UDP and TCP themselves.


def _udp(frame: bytes, place: Place) -> Place | Datagram | str:
    at = place.at
    (size,) = _two(frame, at + 4)
    if len(frame) < at + 8 or size < 8:
        return "malformed"
    ports = frame[at : at + 4]
    tunnel = TUNNELS.get(_two(ports, 2)[0])
    if tunnel is not None and (inner := tunnel(frame[at + 8 : at + size])) is not None:
        return Place(inner[0], at + 8 + inner[1])
    payload = frame[at + 8 : at + size]
    return Datagram(UDP, place.addresses + ports, size - 8, payload)


def _tcp(frame: bytes, place: Place) -> Place | Datagram | str:
    at = place.at
    start = at + (frame[at + 12] >> 4) * 4
    if start < at + 20:
        return "malformed"
    size = place.end - start
    if size < 0:
        return "malformed"
    flow = place.addresses + frame[at : at + 4]
    payload = frame[start : place.end]
    return Datagram(TCP, flow, size, payload, _four(frame, at + 4)[0], frame[at + 13])


Inner = tuple[Layer, int] | None
"""The layer in a tunnel and how far behind its header, or None when it is no such tunnel."""


def _vxlan(data: bytes) -> Inner:
    """RFC 7348."""
    return (ethernet, 8) if len(data) > 8 and data[0] & 0x08 and not data[7] else None


def _geneve(data: bytes) -> Inner:
    """RFC 8926, version 0."""
    if len(data) < 8 or data[0] >> 6:
        return None
    layer = {0x6558: ethernet, 0x0800: _ipv4, 0x86DD: _ipv6}.get(_two(data, 2)[0])
    return (layer, 8 + (data[0] & 0x3F) * 4) if layer is not None else None


def _gtp(data: bytes) -> Inner:
    """GTP-U, 3GPP TS 29.281: version 1, a G-PDU, with extension headers."""
    if len(data) < 8 or data[0] & 0xF0 != 0x30 or data[1] != 0xFF:
        return None
    at = 12 if data[0] & 7 else 8
    following = data[11] if data[0] & 4 and len(data) > 11 else 0
    while following:
        if len(data) <= at or not data[at]:
            return None
        step = data[at] * 4
        if len(data) < at + step:
            return None
        following, at = data[at + step - 1], at + step
    return (raw, at)


def _teredo(data: bytes) -> Inner:
    """RFC 4380: authentication and origin may stand before the IPv6 packet."""
    at = 0
    if data[:2] == b"\0\1" and len(data) > 4:
        at = 13 + data[2] + data[3]
    if data[at : at + 2] == b"\0\0":
        at += 8
    return (_ipv6, at) if len(data) >= at + 40 and data[at] >> 4 == 6 else None


def _tzsp(data: bytes) -> Inner:
    """TaZmen Sniffer Protocol, as routers mirror with: version 1, tagged fields, a frame."""
    if len(data) < 5 or data[0] != 1 or data[1] > 1 or _two(data, 2)[0] != 1:
        return None
    at = 4
    while at < len(data) and data[at] != 1:
        at += 1 if not data[at] else 2 + (data[at + 1] if at + 1 < len(data) else 0)
    return (ethernet, at + 1)


TUNNELS: dict[int, Callable[[bytes], Inner]] = {
    2152: _gtp,
    3544: _teredo,
    4789: _vxlan,
    6081: _geneve,
    8472: _vxlan,
    37008: _tzsp,
}
"""By destination port of UDP. 8472 is what Linux takes for VXLAN by itself."""

_ETHERTYPES: dict[int, Layer] = {
    0x0800: _ipv4,
    0x86DD: _ipv6,
    # 802.1Q, 802.1ad.
    **dict.fromkeys((0x8100, 0x88A8, 0x9100, 0x9200, 0x9300), _tag(4)),
    # VN-Tag.
    0x8926: _tag(6),
    # E-Tag, 802.1BR.
    0x893F: _tag(8),
    0x88E7: _backbone,
    **dict.fromkeys((0x8847, 0x8848), _mpls),
    0x8864: _pppoe,
    0x894F: _service,
    # Transparent bridging, in GRE.
    0x6558: ethernet,
    0x880B: ppp,
}

_PROTOCOLS: dict[int, Layer] = {
    TCP: _tcp,
    UDP: _udp,
    4: _ipv4,
    41: _ipv6,
    47: _gre,
    137: _mpls,
}
