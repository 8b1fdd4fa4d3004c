"""How networks and capture programs wrap an IP packet: from the packet to an Ethernet frame."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.qos.capture.captures import ethernet, udp4, udp6

Wrap = Callable[[bytes], bytes]

ADDRESSES = bytes.fromhex("020000000002020000000001")
VLAN = b"\x81\x00\x00\x05"


def ip4(protocol: int, inner: bytes) -> bytes:
    """An IPv4 packet of any protocol."""
    outer = udp4(b"")[:20]
    size = (20 + len(inner)).to_bytes(2, "big")
    return outer[:2] + size + outer[4:9] + bytes([protocol]) + outer[10:20] + inner


def ip6(protocol: int, inner: bytes) -> bytes:
    """An IPv6 packet of any protocol."""
    outer = udp6(b"")
    return outer[:4] + struct.pack(">HB", len(inner), protocol) + outer[7:40] + inner


def typed(kind: int, inner: bytes) -> bytes:
    """A frame of any EtherType."""
    return ADDRESSES + struct.pack(">H", kind) + inner


def over_udp(port: int, inner: bytes) -> bytes:
    """A frame with a datagram to this port."""
    return ethernet(udp4(inner, ("10.8.8.8", 40000), ("10.9.9.9", port)))


def kind_of(packet: bytes) -> bytes:
    """The EtherType of an IP packet."""
    return b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"


def gre(flags: int, kind: int, inner: bytes) -> bytes:
    """RFC 2890: the fields that the flags name hold zeros."""
    fields = b"".join(bytes(4) for flag in (0x8000, 0x2000, 0x1000) if flags & flag)
    return ip4(47, struct.pack(">HH", flags, kind) + fields + inner)


def ppp_kind(packet: bytes) -> bytes:
    return b"\x00\x21" if packet[0] >> 4 == 4 else b"\x00\x57"


SNAP = b"\xaa\xaa\x03\0\0\0"
_LABEL, _BOTTOM = b"\x00\x01\x00\x40", b"\x00\x02\x01\x40"
_ERSPAN2 = struct.pack(">HHI", 0x1005, 1, 2)
_ERSPAN3 = struct.pack(">HHIHH", 0x2005, 1, 7, 0, 0x8000)
_ERSPAN3_IP = struct.pack(">HHIHH", 0x2005, 1, 7, 0, 2 << 10)
_GTP_EXTENDED = b"\x34\xff\x00\x00\x00\x00\x00\x07\x00\x00\x00\x85\x01\x00\x00\x00"

WRAPS: dict[str, Wrap] = {
    "plain": ethernet,
    "vlan": lambda p: ethernet(p, VLAN),
    "priority tag": lambda p: ethernet(p, b"\x81\x00\xe0\x00"),
    "qinq": lambda p: ethernet(p, b"\x88\xa8\x00\x07" + VLAN),
    "old qinq": lambda p: ethernet(p, b"\x91\x00\x00\x07" + VLAN),
    "vn-tag": lambda p: typed(0x8926, b"\x80\x01\x00\x02" + kind_of(p) + p),
    "vn-tag and vlan": lambda p: typed(0x8926, b"\x80\x01\x00\x02" + VLAN + kind_of(p) + p),
    "e-tag": lambda p: typed(0x893F, b"\x00\x01\x00\x02\x00\x00" + kind_of(p) + p),
    "backbone": lambda p: typed(0x88E7, b"\x00\x00\x00\x05" + ethernet(p)),
    "mpls": lambda p: typed(0x8847, _LABEL + _BOTTOM + p),
    "mpls under vlan": lambda p: ADDRESSES + VLAN + b"\x88\x47" + _BOTTOM + p,
    "ethernet in mpls": lambda p: typed(0x8847, _BOTTOM + bytes(4) + ethernet(p)),
    "pppoe": lambda p: typed(
        0x8864, struct.pack(">BBHH", 0x11, 0, 7, len(p) + 2) + ppp_kind(p) + p
    ),
    "snap": lambda p: (
        ADDRESSES + struct.pack(">H", len(p) + 8) + b"\xaa\xaa\x03\0\0\0" + kind_of(p) + p
    ),
    "nsh": lambda p: typed(0x894F, struct.pack(">HBBI", 0x0FC2, 2, 3, 0x00000123) + ethernet(p)),
    "ip in ip": lambda p: ethernet(ip4(4 if p[0] >> 4 == 4 else 41, p)),
    "ip in ipv6": lambda p: ethernet(ip6(4 if p[0] >> 4 == 4 else 41, p)),
    "gre": lambda p: ethernet(gre(0, int.from_bytes(kind_of(p), "big"), p)),
    "gre with key and number": lambda p: ethernet(
        gre(0x3000, int.from_bytes(kind_of(p), "big"), p)
    ),
    "gre with checksum": lambda p: ethernet(gre(0x8000, int.from_bytes(kind_of(p), "big"), p)),
    "ethernet in gre": lambda p: ethernet(gre(0x2000, 0x6558, ethernet(p))),
    "mpls in gre": lambda p: ethernet(gre(0, 0x8847, _BOTTOM + p)),
    "pptp": lambda p: ethernet(
        ip4(
            47,
            struct.pack(">HHHHI", 0x3001, 0x880B, len(p) + 4, 9, 1) + b"\xff\x03" + ppp_kind(p) + p,
        )
    ),
    "erspan": lambda p: ethernet(gre(0, 0x88BE, ethernet(p))),
    "erspan of vlan": lambda p: ethernet(gre(0, 0x88BE, ethernet(p, VLAN))),
    "erspan II": lambda p: ethernet(gre(0x1000, 0x88BE, _ERSPAN2 + ethernet(p))),
    "erspan II of vlan": lambda p: ethernet(gre(0x1000, 0x88BE, _ERSPAN2 + ethernet(p, VLAN))),
    "erspan II under vlan": lambda p: ethernet(gre(0x1000, 0x88BE, _ERSPAN2 + ethernet(p)), VLAN),
    "erspan III": lambda p: ethernet(gre(0x1000, 0x22EB, _ERSPAN3 + ethernet(p))),
    "erspan III with a sub-header": lambda p: ethernet(
        gre(0x1000, 0x22EB, _ERSPAN3[:-1] + b"\x01" + bytes(8) + ethernet(p))
    ),
    "vxlan": lambda p: over_udp(4789, b"\x08\0\0\0\0\0\x01\0" + ethernet(p)),
    "vxlan of qinq": lambda p: over_udp(
        4789, b"\x08\0\0\0\0\0\x01\0" + ethernet(p, b"\x88\xa8\x00\x07" + VLAN)
    ),
    "geneve": lambda p: over_udp(6081, b"\0\0\x65\x58\0\0\x05\0" + ethernet(p)),
    "geneve with options": lambda p: over_udp(
        6081, b"\x02\0\x65\x58\0\0\x05\0" + b"\x01\x02\x03\x01" + bytes(4) + ethernet(p)
    ),
    "gtp": lambda p: over_udp(2152, b"\x30\xff" + struct.pack(">HI", len(p), 7) + p),
    "gtp with a number": lambda p: over_udp(
        2152, b"\x32\xff" + struct.pack(">HI", len(p) + 4, 7) + b"\0\1\0\0" + p
    ),
    "gtp with an extension": lambda p: over_udp(
        2152,
        _GTP_EXTENDED[:2] + struct.pack(">H", len(p) + 8) + _GTP_EXTENDED[4:] + p,
    ),
    "tzsp": lambda p: over_udp(37008, b"\x01\0\0\x01\x0a\x01\x05\x00\x01" + ethernet(p)),
}
"""For IPv4 and IPv6 packets; Wireshark opens them all but one."""
NOT_WIRESHARK = "ethernet in mpls"
"""It has to be given that of a label."""

CARRIERS: dict[str, Wrap] = {
    "erspan": lambda f: ethernet(gre(0, 0x88BE, f)),
    "erspan II": lambda f: ethernet(gre(0x1000, 0x88BE, _ERSPAN2 + f), VLAN),
    "erspan III": lambda f: typed(0x8847, _BOTTOM + gre(0x1000, 0x22EB, _ERSPAN3 + f)),
    "gre": lambda f: ethernet(gre(0x2000, 0x6558, f)),
    "vxlan": lambda f: over_udp(4789, b"\x08\0\0\0\0\0\x01\0" + f),
    "geneve": lambda f: over_udp(6081, b"\0\0\x65\x58\0\0\x05\0" + f),
    "backbone": lambda f: typed(0x88E7, b"\x00\x00\x00\x05" + f),
    "nsh": lambda f: typed(0x894F, struct.pack(">HBBI", 0x0FC2, 2, 3, 0x00000123) + f),
    "tzsp": lambda f: over_udp(37008, b"\x01\0\0\x01\x0a\x01\x05\x00\x01" + f),
}
"""From a whole frame to one that carries it."""

ONLY_IPV6: dict[str, Wrap] = {
    "teredo": lambda p: over_udp(3544, p),
    "teredo with an origin": lambda p: over_udp(3544, b"\0\0\x12\x34\xf5\xff\xff\xfe" + p),
}

LINKS: dict[int, dict[str, Wrap]] = {
    113: {
        "sll": lambda p: struct.pack(">HHH8s", 0, 1, 6, b"\2\0\0\0\0\1") + kind_of(p) + p,
        "sll of vlan": lambda p: (
            struct.pack(">HHH8s", 0, 1, 6, b"\2\0\0\0\0\1") + VLAN + kind_of(p) + p
        ),
        "sll of qinq": lambda p: (
            struct.pack(">HHH8s", 0, 1, 6, b"\2\0\0\0\0\1")
            + b"\x88\xa8\x00\x07"
            + VLAN
            + kind_of(p)
            + p
        ),
        "sll of mpls": lambda p: (
            struct.pack(">HHH8s", 0, 1, 6, b"\2\0\0\0\0\1") + b"\x88\x47" + _BOTTOM + p
        ),
    },
    276: {
        "sll2": lambda p: kind_of(p) + struct.pack(">HiHBB8s", 0, 1, 1, 0, 6, b"\2\0\0\0\0\1") + p,
        "sll2 of vlan": lambda p: (
            b"\x81\0"
            + struct.pack(">HiHBB8s", 0, 1, 1, 0, 6, b"\2\0\0\0\0\1")
            + VLAN[2:]
            + kind_of(p)
            + p
        ),
        "sll2 of pppoe": lambda p: (
            b"\x88\x64"
            + struct.pack(">HiHBB8s", 0, 1, 1, 0, 6, b"\2\0\0\0\0\1")
            + struct.pack(">BBHH", 0x11, 0, 7, len(p) + 2)
            + ppp_kind(p)
            + p
        ),
    },
    105: {
        "wlan to the station": lambda p: b"\x08\x02" + bytes(22) + SNAP + kind_of(p) + p,
        "wlan with quality of service": lambda p: (
            b"\x88\x01" + bytes(22) + b"\x06\0" + SNAP + kind_of(p) + p
        ),
        "wlan between stations": lambda p: (
            b"\x88\x03" + bytes(28) + b"\0\0" + SNAP + kind_of(p) + p
        ),
    },
    127: {
        "radiotap": lambda p: (
            b"\0\0\x09\0\x02\0\0\0\0" + b"\x08\x02" + bytes(22) + SNAP + kind_of(p) + p
        ),
    },
    109: {
        "enc": lambda p: struct.pack("<III", 2 if p[0] >> 4 == 4 else 24, 7, 0) + p,
    },
    239: {
        "nflog": lambda p: (
            bytes([2 if p[0] >> 4 == 4 else 10, 0, 0, 5])
            + b"\x08\0\x01\0"
            + kind_of(p)
            + b"\x01\0"
            + b"\x05\0\x0a\0\0\0\0\0"
            + struct.pack("<HH", len(p) + 4, 9)
            + p
        ),
    },
    9: {
        "ppp": lambda p: b"\xff\x03" + ppp_kind(p) + p,
        "ppp without framing": lambda p: ppp_kind(p) + p,
    },
    50: {"ppp in hdlc": lambda p: b"\xff\x03" + ppp_kind(p) + p},
    104: {"cisco hdlc": lambda p: b"\x0f\0" + kind_of(p) + p},
}
"""By link type of the capture."""
