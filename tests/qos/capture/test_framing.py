"""RTP over TCP."""

from __future__ import annotations

import struct

from qos.capture.framing import Framing
from qos.capture.layers import TCP, Datagram
from tests.qos.capture.captures import analysed, ethernet, pcap, rtp, udp4, udp6, voice

FLOW = bytes(12)


def tcp(data: bytes, sequence: int, flags: int = 0x18) -> bytes:
    """A TCP segment in the same addresses as the UDP of the tests."""
    base = udp4(b"")
    header = base[20:24] + struct.pack(">IIBBHHH", sequence & 0xFFFFFFFF, 0, 0x50, flags, 99, 0, 0)
    size = 20 + len(header) + len(data)
    return base[:2] + size.to_bytes(2, "big") + base[4:9] + b"\x06" + base[10:20] + header + data


def tcp6(data: bytes, sequence: int) -> bytes:
    base = udp6(b"")
    segment = tcp(data, sequence)[20:]
    return base[:4] + struct.pack(">HB", len(segment), 6) + base[7:40] + segment


def stream(count: int = 60) -> bytes:
    """All packets of a call as they stand in the byte stream."""
    frames = [rtp(packet) for packet in voice(count)]
    return b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames)


class Frames:
    """A `Framing`, and what it gave."""

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.framing = Framing(lambda time, protocol, flow, size, data: self.given.append(data))

    def take(self, data: bytes, sequence: int, flags: int = 0x18) -> str:
        return self.framing.add(0.0, Datagram(TCP, FLOW, len(data), data, sequence, flags))


def test_frames_cut_anywhere() -> None:
    data = stream()
    for step in (1, 7, 113, 114, 115, 1000):
        frames = Frames()
        frames.take(data[:114], 0xFFFFFF00)
        for at in range(114, len(data), step):
            frames.take(data[at : at + step], 0xFFFFFF00 + at & 0xFFFFFFFF)
        assert len(frames.given) == 60, step


def test_from_capture_to_stream() -> None:
    data = stream()
    for wrap in (tcp, tcp6):
        framed = [
            (n / 50, ethernet(wrap(data[n * 114 : n * 114 + 114], n * 114))) for n in range(60)
        ]
        analysis, (found,) = analysed(pcap(framed))
        assert (found.protocol, found.stream.packets, found.stream.lost) == (TCP, 60, 0)
        assert analysis.skipped == {}


def test_control_resent_and_lost_segments() -> None:
    data = stream(4)
    frames = Frames()
    assert frames.take(b"", 0, 0x02) == "tcpControl"
    assert frames.take(data[:114], 1) == ""
    assert frames.take(data[:114], 1) == "tcpResent"
    assert frames.take(b"", 115) == "tcpControl"
    assert frames.take(data[228:342], 229) == "tcpOutOfOrder"
    assert frames.take(data[342:], 343) == ""
    assert len(frames.given) == 2


def test_other_protocols_are_counted() -> None:
    frames = Frames()
    assert frames.take(b"GET / HTTP/1.1\r\n\r\n", 1) == "tcp"
    assert frames.take(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 1) == "tcp"
    assert frames.take(b"", 1) == "tcpControl"
    assert frames.given == []


def test_a_flow_that_stops_being_frames_is_left() -> None:
    frames = Frames()
    assert frames.take(stream(1), 1) == ""
    assert frames.take(b"\xff" * 400, 115) == "tcp"
    assert frames.take(b"\xff" * 400, 515) == "tcp"


def test_a_segment_that_was_cut_short_ends_the_flow() -> None:
    frames = Frames()
    data = stream(2)
    frames.take(data[:114], 1)
    cut = Datagram(TCP, FLOW, 114, data[114:140], 115, 0x18)
    assert frames.framing.add(0.0, cut) == "tcpTruncated"
    assert len(frames.given) == 1
