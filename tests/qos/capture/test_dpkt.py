"""Frames that dpkt writes, and what dpkt finds in them: the analyser's decoder finds the same."""

from __future__ import annotations

import random
import socket

import dpkt
import pytest
from dpkt.ethernet import Ethernet, VLANtag8021Q

from qos.capture.decode import LINKS, decode
from qos.capture.layers import TCP, UDP, Datagram
from tests.qos.capture.captures import ETHERNET

RAW = 101
"""LINKTYPE_RAW."""


def transport(rng: random.Random) -> dpkt.udp.UDP | dpkt.tcp.TCP:
    body = rng.randbytes(rng.randrange(0, 300))
    ports = {"sport": rng.randrange(1024, 2000), "dport": rng.randrange(24_000, 25_000)}
    if rng.random() < 0.5:
        return dpkt.udp.UDP(**ports, ulen=8 + len(body), data=body)
    options = b"\x01" * (4 * rng.randrange(0, 4))
    packet = dpkt.tcp.TCP(**ports, seq=rng.randrange(2**32), flags=dpkt.tcp.TH_ACK, opts=options,
                          data=body)  # fmt: skip
    packet.off = (20 + len(options)) // 4
    return packet


def packet(rng: random.Random) -> dpkt.ip.IP | dpkt.ip6.IP6:
    inner = transport(rng)
    protocol = UDP if isinstance(inner, dpkt.udp.UDP) else TCP
    if rng.random() < 0.5:
        options = b"\x01" * (4 * rng.randrange(0, 3))
        made = dpkt.ip.IP(src=rng.randbytes(4), dst=rng.randbytes(4), p=protocol, data=inner,
                          opts=options)  # fmt: skip
        made.hl = 5 + len(options) // 4
        made.len = len(made)
        return made
    made = dpkt.ip6.IP6(src=rng.randbytes(16), dst=rng.randbytes(16), nxt=protocol, data=inner)
    made.plen = len(inner)
    return made


def frame(rng: random.Random, inner: dpkt.ip.IP | dpkt.ip6.IP6) -> bytes:
    kind = dpkt.ethernet.ETH_TYPE_IP if isinstance(inner, dpkt.ip.IP) else (
        dpkt.ethernet.ETH_TYPE_IP6
    )  # fmt: skip
    made = Ethernet(src=rng.randbytes(6), dst=rng.randbytes(6), type=kind, data=inner)
    tags = rng.randrange(0, 3)
    if tags:
        made.vlan_tags = [VLANtag8021Q(id=rng.randrange(1, 4095)) for _ in range(tags)]
        for tag in made.vlan_tags:
            tag.type = kind
    return bytes(made)


def theirs(found: dpkt.Packet) -> Datagram:
    """dpkt's layers down to the transport."""
    while not isinstance(found, dpkt.ip.IP | dpkt.ip6.IP6):
        found = found.data
    inner = found.data
    ports = inner.sport.to_bytes(2, "big") + inner.dport.to_bytes(2, "big")
    flow = found.src + found.dst + ports
    if isinstance(inner, dpkt.udp.UDP):
        return Datagram(UDP, flow, inner.ulen - 8, bytes(inner.data))
    size = len(inner.data)
    return Datagram(TCP, flow, size, bytes(inner.data), inner.seq, inner.flags)


@pytest.mark.parametrize("seed", range(40))
def test_ethernet_with_and_without_tags(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        written = frame(rng, packet(rng))
        assert decode(LINKS[ETHERNET], written) == theirs(Ethernet(written))


@pytest.mark.parametrize("seed", range(10))
def test_ip_without_a_link_layer(seed: int) -> None:
    rng = random.Random(seed)
    made = packet(rng)
    written = bytes(made)
    assert decode(LINKS[RAW], written) == theirs(type(made)(written))


def test_addresses_are_in_the_order_of_the_packet() -> None:
    written = bytes(
        dpkt.ip.IP(
            src=socket.inet_aton("10.0.0.1"), dst=socket.inet_aton("10.0.0.2"), p=UDP,
            data=dpkt.udp.UDP(sport=1, dport=2, ulen=12, data=b"call"),
        )
    )  # fmt: skip
    found = decode(LINKS[RAW], written)
    assert isinstance(found, Datagram)
    assert found.flow == bytes([10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2])
