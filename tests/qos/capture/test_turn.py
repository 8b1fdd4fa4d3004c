"""Calls through a relay, as we and as Wireshark find them."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qos.capture.turn import inside
from tests.qos.capture.captures import Sent, analysed, ethernet, pcap, rtp, udp4, write
from tests.qos.capture.test_layers import call
from tests.qos.capture.test_tshark import theirs

CLIENT, RELAY = ("10.0.0.1", 50000), ("10.0.0.9", 3478)
PEER = struct.pack(">HHBBH4s", 0x0012, 8, 0, 1, 0x1234, b"\x21\x12\xa4\x43")
"""XOR-PEER-ADDRESS."""


def channel(data: bytes, padded: bool = False) -> bytes:
    return struct.pack(">HH", 0x4001, len(data)) + data + bytes(-len(data) % 4 if padded else 0)


def indication(data: bytes, kind: int = 0x0017) -> bytes:
    attributes = PEER + struct.pack(">HH", 0x0013, len(data)) + data + bytes(-len(data) % 4)
    return struct.pack(">HHI12s", kind, len(attributes), 0x2112A442, b"transaction!") + attributes


WRAPS = {
    "channel": channel,
    "padded channel": lambda data: channel(data, padded=True),
    "data indication": indication,
    "send indication": lambda data: indication(data, 0x0016),
}


def relayed(name: str, sent: list[Sent]) -> list[tuple[float, bytes]]:
    wrap = WRAPS[name]
    return [(one.time, ethernet(udp4(wrap(rtp(one)), CLIENT, RELAY))) for one in sent]


@pytest.mark.parametrize("name", WRAPS)
@pytest.mark.parametrize("size", [100, 101])
def test_a_call_through_a_relay(name: str, size: int) -> None:
    sent = [packet._replace(size=size) for packet in call(7)]
    analysis, (found,) = analysed(pcap(relayed(name, sent)))
    assert (found.ssrc, found.stream.packets) == (7, len(sent))
    assert found.stream.bytes == (12 + size) * len(sent)
    assert analysis.skipped == {}


@pytest.mark.parametrize("name", WRAPS)
def test_headers_alone_count_what_was_sent(name: str) -> None:
    frames = [(time, frame[:100]) for time, frame in relayed(name, call(7))]
    _, (found,) = analysed(pcap(frames))
    assert (found.stream.packets, found.stream.bytes) == (len(call(7)), 112 * len(call(7)))


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_finds_the_same(tmp_path: Path) -> None:
    framed = []
    for index, name in enumerate(WRAPS):
        framed += relayed(name, call(index + 1, index))
    content = pcap(sorted(framed))
    lines = theirs(write(tmp_path, content), "rtp_stun")
    _, found = analysed(content, "wireshark")
    mine = {one.ssrc: (one.stream.packets, one.stream.lost) for one in found}
    assert mine == {ssrc: line[:2] for ssrc, line in lines.items()}
    assert len(mine) == len(WRAPS)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x40",
        b"\x40\x01\x00\x09\x80abc",
        channel(b"\x80" * 20) + bytes(4),
        indication(b"")[:20],
        struct.pack(">HHI12s", 0x0101, 0, 0x2112A442, b"transaction!"),
        indication(b"\x80" * 20).replace(b"\x21\x12\xa4\x42", bytes(4)),
    ],
)
def test_what_carries_nothing(payload: bytes) -> None:
    assert inside(payload, len(payload)) is None


@given(st.sampled_from(list(WRAPS.values())), st.binary(max_size=40), st.integers(0, 80))
def test_any_bytes(wrap: object, data: bytes, end: int) -> None:
    payload = wrap(data)  # type: ignore[operator]
    found = inside(payload[:end], len(payload))
    if found is not None:
        assert len(found[1]) <= found[0]
        assert data.startswith(found[1])
