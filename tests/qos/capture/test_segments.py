"""Datagrams that were captured before the kernel cut them."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qos.capture.segments import cut
from tests.qos.capture.captures import Sent, analysed, ethernet, pcap, rtp, udp4, udp6

RNG = random.Random(4)


def secured(
    seq: int, size: int, ssrc: int = 7, *, extension: bool = True, padding: int = 0
) -> bytes:
    """RTP as it leaves an encrypting sender, `size` bytes in all."""
    first = 0x80 | (0x10 if extension else 0) | (0x20 if padding else 0)
    header = struct.pack(">BBHII", first, 96, seq & 0xFFFF, 3000, ssrc)
    if extension:
        header += struct.pack(">II", 0xBEDE0001, 0x11000000 | seq)
    return header + RNG.randbytes(size - len(header))


@pytest.mark.parametrize("extension", [True, False])
@pytest.mark.parametrize("sizes", [[700], [700, 700], [700, 700, 30], [90] * 12, [1200] * 40 + [1]])
def test_what_was_put_together_comes_apart(extension: bool, sizes: list[int]) -> None:
    parts = [secured(n, max(size, 24), extension=extension) for n, size in enumerate(sizes)]
    assert cut(b"".join(parts)) == parts


def test_streams_and_padding_may_differ() -> None:
    parts = [secured(n, 90, ssrc=n, padding=n % 2) for n in range(5)]
    assert cut(b"".join(parts)) == parts


def test_a_look_alike_in_the_payload_is_none() -> None:
    packet = secured(1, 500)
    packet = packet[:100] + packet[12:16] + packet[104:200] + packet[:24] + packet[224:]
    assert cut(packet) == [packet]
    plain = rtp(Sent(0, 1, 0, size=900, ssrc=0))
    assert cut(plain) == [plain]


@given(st.binary(min_size=12, max_size=300))
def test_nothing_is_lost_whatever_it_is(data: bytes) -> None:
    payload = b"\x90" + data[1:]
    assert b"".join(cut(payload)) == payload


@pytest.mark.parametrize("wrap", [udp4, udp6])
def test_the_analysis_takes_them_apart(wrap: object) -> None:
    framed = []
    for group in range(60):
        data = b"".join(secured(group * 5 + n, 600) for n in range(5))
        framed.append((group / 30, ethernet(udp4(data) if wrap is udp4 else udp6(data))))
    analysis, (found,) = analysed(pcap(framed))
    assert (found.stream.packets, found.stream.lost, analysis.merged) == (300, 0, 60)


def test_wireshark_takes_each_for_one_packet() -> None:
    framed = []
    for group in range(60):
        data = b"".join(secured(group * 5 + n, 600) for n in range(5))
        framed.append((group / 30, ethernet(udp4(data))))
    analysis, (found,) = analysed(pcap(framed), "wireshark")
    assert (found.stream.packets, found.stream.expected, analysis.merged) == (60, 296, 60)
