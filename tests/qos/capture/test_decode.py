"""Where the RTP lies: link types, tags, IPv6, options, fragments and tunnels."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qos.capture.decode import LINKS, decode, endpoints
from qos.capture.layers import Datagram
from tests.qos.capture.captures import (
    DESTINATION,
    ETHERNET,
    LOOP,
    NULL,
    RAW,
    SLL,
    SLL2,
    SOURCE,
    Sent,
    analysed,
    ethernet,
    linked,
    pcap,
    rtp,
    udp4,
    udp6,
    voice,
)

MPLS = bytes.fromhex("8847") + bytes.fromhex("0001f140")


def streams_of(packets: list[bytes], link: int = ETHERNET) -> tuple[dict[str, int], list[int]]:
    """What was skipped, and the packets of each stream, of frames 20 ms apart."""
    analysis, found = analysed(pcap([(n / 50, frame) for n, frame in enumerate(packets)], link))
    return dict(analysis.skipped), [one.stream.packets for one in found]


def payloads(count: int = 20) -> list[bytes]:
    return [rtp(packet) for packet in voice(count)]


@pytest.mark.parametrize("link", [ETHERNET, RAW, NULL, LOOP, SLL, SLL2])
@pytest.mark.parametrize("family", [4, 6])
def test_every_link_type(link: int, family: int) -> None:
    wrap = udp4 if family == 4 else udp6
    assert streams_of([linked(link, wrap(data)) for data in payloads()], link) == ({}, [20])


@pytest.mark.parametrize(
    "tags",
    [
        b"\x81\x00\x00\x05",
        b"\x88\xa8\x00\x05\x81\x00\x00\x06",
        b"\x81\x00\x00\x05\x81\x00\x00\x06",
    ],
    ids=["vlan", "qinq", "two tags"],
)
@pytest.mark.parametrize("family", [4, 6])
def test_tagged_frames(tags: bytes, family: int) -> None:
    wrap = udp4 if family == 4 else udp6
    assert streams_of([ethernet(wrap(data), tags) for data in payloads()]) == ({}, [20])


def test_mpls() -> None:
    frames = [ethernet(udp4(data))[:12] + MPLS + udp4(data) for data in payloads()]
    assert streams_of(frames) == ({}, [20])


def test_ip_options_and_extension_headers() -> None:
    with_options = [ethernet(udp4(data, options=b"\x94\x04\0\0")) for data in payloads()]
    assert streams_of(with_options) == ({}, [20])
    extended = [ethernet(udp6(data, extension=True)) for data in payloads()]
    assert streams_of(extended) == ({}, [20])


def test_the_first_fragment_has_the_header_and_later_ones_are_counted() -> None:
    frames = []
    for data in payloads():
        frames += [ethernet(udp4(data, fragment=0x2000)), ethernet(udp4(data, fragment=0x0010))]
    assert streams_of(frames) == ({"fragment": 20}, [20])


def test_later_fragments_of_ipv6_are_counted() -> None:
    frames = []
    for data in payloads():
        packet = udp6(data)
        header = struct.pack(">BBHI", 17, 0, 0x0008 << 3, 1)
        fragment = packet[:4] + struct.pack(">HB", len(packet) - 40 + 8, 44)
        frames.append(ethernet(fragment + packet[7:40] + header + packet[40:]))
    assert streams_of(frames) == ({"fragment": 20}, [])


def tunnelled(protocol: int, inner: bytes) -> bytes:
    outer = udp4(b"")[:20]
    size = (20 + len(inner)).to_bytes(2, "big")
    return outer[:2] + size + outer[4:9] + bytes([protocol]) + outer[10:20] + inner


def test_tunnels_that_are_looked_into() -> None:
    in_ip = [ethernet(tunnelled(4, udp4(data))) for data in payloads()]
    assert streams_of(in_ip) == ({}, [20])
    gre = [ethernet(tunnelled(47, b"\0\0\x08\x00" + udp4(data))) for data in payloads()]
    assert streams_of(gre) == ({}, [20])
    vxlan = [
        ethernet(udp4(b"\x08\0\0\0\0\0\1\0" + ethernet(udp4(data)), SOURCE, ("10.9.9.9", 4789)))
        for data in payloads()
    ]
    assert streams_of(vxlan) == ({}, [20])


@pytest.mark.parametrize(
    ("port", "name"), [(2152, "gtp"), (6081, "geneve"), (51820, "wireguard"), (3544, "teredo")]
)
def test_tunnels_that_are_not_are_named(port: int, name: str) -> None:
    frames = [ethernet(udp4(b"\x04" + bytes(50), SOURCE, ("10.9.9.9", port)))] * 5
    assert streams_of(frames) == ({name: 5}, [])


def test_a_tunnel_in_a_tunnel_a_thousand_deep_is_malformed() -> None:
    packet = udp4(payloads(1)[0])
    for _ in range(2500):
        packet = tunnelled(4, packet)
    assert streams_of([ethernet(packet)]) == ({"malformed": 1}, [])


def test_others_are_named() -> None:
    arp = bytes(12) + b"\x08\x06" + bytes.fromhex("0001080006040001") + bytes(20)
    icmp = ethernet(tunnelled(1, b"\x08\0\0\0\0\0\0\0"))
    lldp = bytes(12) + b"\x88\xcc" + bytes(20)
    skipped, streams = streams_of([arp, icmp, icmp, lldp, ethernet(udp4(b"")), b"short"])
    assert skipped == {"arp": 1, "otherProtocol": 2, "notIp": 1, "empty": 1, "malformed": 1}
    assert streams == []


def test_a_link_type_that_is_not_known_is_named() -> None:
    assert streams_of([bytes(60)] * 3, 147) == ({"linkType147": 3}, [])


def test_lengths_that_lie() -> None:
    data = payloads(1)[0]
    beyond = bytearray(ethernet(udp4(data)))
    beyond[38:40] = b"\xff\xff"
    short = bytearray(ethernet(udp4(data)))
    short[38:40] = b"\0\3"
    skipped, streams = streams_of([bytes(beyond), bytes(short)])
    assert streams == []
    assert sum(skipped.values()) == 2


def test_headers_alone_are_enough() -> None:
    """A capture with a snap length of 54 bytes counts the bytes that were sent."""
    frames = [(n / 50, ethernet(udp4(data))[:54]) for n, data in enumerate(payloads())]
    _, (found,) = analysed(pcap(frames))
    assert (found.stream.packets, found.stream.bytes) == (20, 20 * 112)


@pytest.mark.parametrize("wrap", [udp4, udp6])
def test_endpoints(wrap: object) -> None:
    data = payloads(1)[0]
    datagram = decode(LINKS[ETHERNET], ethernet(udp4(data) if wrap is udp4 else udp6(data)))
    assert isinstance(datagram, Datagram)
    source, destination = (SOURCE[0], DESTINATION[0]) if wrap is udp4 else ("fd00::1", "fd00::2")
    assert endpoints(datagram.flow) == (source, SOURCE[1], destination, DESTINATION[1])
    assert (datagram.size, datagram.payload) == (len(data), data)


FRAME = st.one_of(
    st.binary(max_size=120),
    st.builds(
        lambda start, rest: start + rest,
        st.sampled_from(
            [ethernet(udp4(rtp(Sent(0, 1, 2))))[:cut] for cut in (14, 20, 30, 34, 42, 50)]
            + [ethernet(udp6(b"", extension=True))[:cut] for cut in (14, 20, 54, 60)]
            + [bytes(12) + MPLS, bytes(12) + b"\x81\0\0\1\x08\0", bytes(12) + b"\x88\x64"]
            + [ethernet(tunnelled(47, b"")), ethernet(tunnelled(6, b""))]
        ),
        st.binary(max_size=80),
    ),
)


@given(FRAME, st.sampled_from(sorted(LINKS)))
@settings(max_examples=1500)
def test_any_frame_is_decoded_or_named(frame: bytes, link: int) -> None:
    datagram = decode(LINKS[link], frame)
    if isinstance(datagram, str):
        assert datagram
    else:
        assert len(datagram.flow) in (12, 36)
        assert len(datagram.payload) <= datagram.size
