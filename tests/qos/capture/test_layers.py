"""Every form in which a frame may wrap a call: found by us, and as Wireshark finds it."""

from __future__ import annotations

import random
import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qos.capture.decode import LINKS, decode
from qos.capture.layers import MAX_LAYERS, Datagram
from tests.qos.capture import encapsulations
from tests.qos.capture.captures import ETHERNET, Sent, analysed, lossy, pcap, rtp, udp4, udp6, voice
from tests.qos.capture.encapsulations import ONLY_IPV6, WRAPS, Wrap
from tests.qos.capture.test_tshark import theirs

BY_LINK: list[tuple[int, str, Wrap]] = [
    *((ETHERNET, name, wrap) for name, wrap in WRAPS.items()),
    *((link, name, wrap) for link, of in encapsulations.LINKS.items() for name, wrap in of.items()),
]
NAMES = [name for _, name, _ in BY_LINK]


def call(ssrc: int, seed: int = 1) -> list[Sent]:
    """PCMU with losses, which a reader cannot guess."""
    spoken = lossy(voice(60, ssrc=ssrc, seed=seed), 10, seed)
    return [packet._replace(payload_type=0, timestamp=packet.timestamp // 6) for packet in spoken]


def wrapped(sent: list[Sent], wrap: Wrap, family: int = 4) -> list[tuple[float, bytes]]:
    inner = udp4 if family == 4 else udp6
    return [(packet.time, wrap(inner(rtp(packet)))) for packet in sent]


@pytest.mark.parametrize(("link", "name", "wrap"), BY_LINK, ids=NAMES)
@pytest.mark.parametrize("family", [4, 6])
def test_a_call_is_found_in_every_wrapping(link: int, name: str, wrap: Wrap, family: int) -> None:
    sent = call(0x1111)
    analysis, (found,) = analysed(pcap(wrapped(sent, wrap, family), link))
    assert (found.ssrc, found.stream.packets) == (0x1111, len(sent))
    assert (found.stream.lost, len(found.flow)) == (60 - len(sent), 12 if family == 4 else 36)
    assert found.stream.bytes == len(sent) * 112
    assert analysis.skipped == {}


@pytest.mark.parametrize("name", ONLY_IPV6)
def test_ipv6_in_teredo(name: str) -> None:
    _, (found,) = analysed(pcap(wrapped(call(5), ONLY_IPV6[name], 6)))
    assert found.stream.packets == len(call(5))


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("link", [ETHERNET, *encapsulations.LINKS])
def test_wireshark_finds_the_same(tmp_path: Path, link: int) -> None:
    """All wrappings of a link type in one capture, each with an SSRC of its own."""
    framed, names = [], {}
    for index, (of, name, wrap) in enumerate(BY_LINK):
        for family in (4, 6):
            if of == link and name != encapsulations.NOT_WIRESHARK:
                ssrc = 0x10000 * family + index
                names[ssrc] = f"{name} {family}"
                framed += wrapped(call(ssrc, index), wrap, family)
    if link == ETHERNET:
        for index, (name, wrap) in enumerate(ONLY_IPV6.items()):
            names[0x70000 + index] = name
            framed += wrapped(call(0x70000 + index, index), wrap, 6)
    framed.sort(key=lambda one: one[0])
    content = pcap(framed, link)
    path = tmp_path / "wrapped.pcap"
    path.write_bytes(content)
    lines = {names[ssrc]: line[:2] for ssrc, line in theirs(path).items()}
    _, found = analysed(content, "wireshark")
    mine = {names[one.ssrc]: (one.stream.packets, one.stream.lost) for one in found}
    assert mine == lines
    assert mine.keys() == set(names.values())


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("seed", [1, 2])
def test_wireshark_finds_the_same_however_deep(tmp_path: Path, seed: int) -> None:
    """A mirror of a tunnelled network, and a mirror of that, taken at random."""
    rng = random.Random(seed)
    framed: list[tuple[float, bytes]] = []
    names = {}
    for index in range(60):
        name = rng.choice([one for one in WRAPS if one != encapsulations.NOT_WIRESHARK])
        carriers = rng.choices(list(encapsulations.CARRIERS), k=rng.randint(1, 3))
        names[0x5000 + index] = " in ".join([f"{index} {name}", *carriers])
        for time, frame in wrapped(call(0x5000 + index, index), WRAPS[name], rng.choice((4, 6))):
            for carrier in carriers:
                frame = encapsulations.CARRIERS[carrier](frame)
            framed.append((time, frame))
    content = pcap(sorted(framed))
    path = tmp_path / "deep.pcap"
    path.write_bytes(content)
    lines = {names[ssrc]: line[:2] for ssrc, line in theirs(path).items()}
    _, found = analysed(content, "wireshark")
    assert {names[one.ssrc]: (one.stream.packets, one.stream.lost) for one in found} == lines
    assert len(lines) == len(names)


def test_apples_header_names_the_link_type() -> None:
    for kind, wrap in ((1, WRAPS["vlan"]), (12, lambda packet: packet)):
        head = struct.pack("<III", 108, 1, kind) + bytes(96)

        def tapped(packet: bytes, head: bytes = head, wrap: Wrap = wrap) -> bytes:
            return head + wrap(packet)

        _, (found,) = analysed(pcap(wrapped(call(3), tapped), 258))
        assert found.stream.packets == len(call(3))


def test_encrypted_wlan_is_named() -> None:
    frames = [(one.time, b"\x08\x42" + bytes(22) + rtp(one)) for one in call(1)]
    analysis, found = analysed(pcap(frames, 105))
    assert (dict(analysis.skipped), found) == ({"encryptedWlan": len(frames)}, [])


def test_segments_of_tcp_end_with_their_packet() -> None:
    """Ethernet pads what is short; the padding is no data."""
    tcp = struct.pack(">HHIIBBHHH", 5004, 5006, 77, 0, 0x50, 0x18, 0, 0, 0) + b"abc"
    for wrap in (WRAPS["plain"], WRAPS["vlan"], WRAPS["mpls"]):
        frame = wrap(encapsulations.ip4(6, tcp))
        datagram = decode(LINKS[ETHERNET], frame + bytes(8))
        assert isinstance(datagram, Datagram)
        assert (datagram.size, datagram.payload, datagram.sequence) == (3, b"abc", 77)


def test_nothing_is_looked_into_without_end() -> None:
    packet = udp4(rtp(call(1)[0]))
    for _ in range(MAX_LAYERS):
        packet = encapsulations.gre(0, 0x0800, packet)
    assert decode(LINKS[ETHERNET], encapsulations.ethernet(packet)) == "malformed"
    labels = encapsulations.typed(0x8847, bytes(60_000))
    assert decode(LINKS[ETHERNET], labels) == "malformed"


@pytest.mark.parametrize("port", [2152, 3544, 4789, 6081, 8472, 37008])
def test_a_call_on_a_tunnels_port_is_a_call(port: int) -> None:
    frames = [(one.time, encapsulations.over_udp(port, rtp(one))) for one in call(3)]
    _, (found,) = analysed(pcap(frames))
    assert found.stream.packets == len(call(3))


@given(
    st.sampled_from(BY_LINK),
    st.sampled_from([4, 6]),
    st.integers(0, 200),
    st.binary(max_size=4),
    st.integers(0, 250),
)
@settings(max_examples=1500)
def test_damaged_frames_are_decoded_or_named(
    case: tuple[int, str, Wrap], family: int, at: int, damage: bytes, end: int
) -> None:
    link, _, wrap = case
    frame = wrap((udp4 if family == 4 else udp6)(rtp(call(1)[0])))
    frame = (frame[:at] + damage + frame[at + len(damage) :])[:end]
    datagram = decode(LINKS[link], frame)
    if isinstance(datagram, str):
        assert datagram
    else:
        assert len(datagram.flow) in (12, 36)
        assert len(datagram.payload) <= datagram.size
