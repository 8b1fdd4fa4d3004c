"""The analyser beside Wireshark's own: the same captures, the same numbers."""

from __future__ import annotations

import random
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from qos.capture.streams import Stream
from qos.capture.writer import CaptureWriter
from tests.qos.capture.captures import (
    EPOCH,
    ETHERNET,
    RAW,
    Sent,
    analysed,
    block,
    doubled,
    frames,
    linked,
    lossy,
    pcap,
    pcapng,
    rtp,
    swapped,
    udp4,
    video,
    voice,
    with_events,
    write,
)

pytestmark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed (apt install tshark)"
)

LINE = re.compile(
    r"\s*[\d.-]+\s+[\d.-]+\s+(\S+)\s+\d+\s+(\S+)\s+\d+\s+0x([0-9A-F]{8})\s+\S.*?\s(\d+)\s+(-?\d+)"
    r"\s+\(-?[\d.]+%\)((?:\s+-?[\d.]+){6})"
)
"""A stream of Wireshark 4: times, addresses, SSRC, type, packets, lost, then deltas and jitters."""


class Line(NamedTuple):
    packets: int
    lost: int
    min_delta: float
    mean_delta: float
    max_delta: float
    min_jitter: float
    mean_jitter: float
    max_jitter: float


def theirs(path: Path, *heuristics: str) -> dict[int, Line]:
    """What `tshark -q -z rtp,streams` says by SSRC, in milliseconds."""
    command = ["tshark", "-r", str(path), "--enable-heuristic", "rtp_udp"]
    for name in heuristics:
        command += ["--enable-heuristic", name]
    command += ["-d", "rtp.pt==96,h264", "-q", "-z", "rtp,streams"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Min Delta" not in output:
        pytest.skip("this tshark is older than the table that is compared with (Wireshark 4.0)")
    found = {}
    for match in LINE.finditer(output):
        numbers = [float(number) for number in match[6].split()]
        found[int(match[3], 16)] = Line(int(match[4]), int(match[5]), *numbers)
    return found


def static(sent: list[Sent]) -> list[Sent]:
    """As PCMU, since Wireshark knows no clock rate of Opus before 4.2."""
    return [packet._replace(payload_type=0, timestamp=packet.timestamp // 6) for packet in sent]


def compare(mine: Stream, line: Line) -> None:
    assert mine.packets == line.packets
    assert mine.lost == line.lost
    for name in ("min_delta", "mean_delta", "max_delta", "min_jitter", "mean_jitter", "max_jitter"):
        # It prints three digits after the point.
        expected = pytest.approx(getattr(line, name), rel=0.01, abs=0.0006)
        assert getattr(mine, name) * 1000 == expected, name


SPEECH = voice(1500)
WRAPPING = static(voice(41, seq=65535, jitter=0.0005))
CASES = {
    "clean": static(SPEECH),
    "3 % loss": static(lossy(SPEECH, 3)),
    "30 % loss": static(lossy(SPEECH, 30)),
    "reordering": static(swapped(SPEECH, 17)),
    "every third late": static(swapped(SPEECH, 3)),
    "duplicates": static(doubled(SPEECH, 23)),
    "loss, reordering, duplicates": static(doubled(swapped(lossy(SPEECH, 5), 11), 7)),
    "wrap": static(voice(1500, seq=65000)),
    "wrap with loss": static(lossy(voice(1500, seq=65400), 10)),
    "reordered across the wrap": static(swapped(voice(300, seq=65435), 5)),
    "starts at 0": static(voice(300, seq=0)),
    "wraps to a start at 0": static(voice(66000, seq=0)),
    "timestamp wraps": [
        packet._replace(timestamp=packet.timestamp + 0xFFFFE000 & 0xFFFFFFFF)
        for packet in static(SPEECH)
    ],
    "the second packet first": static([SPEECH[1]._replace(time=0.0), SPEECH[0], *SPEECH[2:]]),
    "two streams": static(SPEECH) + static(voice(900, ssrc=0x99, seq=64000, seed=8)),
    "video with markers": video(400),
    "video with loss": lossy(video(400), 3),
    "voice and video": static(SPEECH) + lossy(video(400), 1),
    "the number before the first": [
        WRAPPING[1]._replace(time=0.0),
        WRAPPING[0]._replace(time=0.019),
        *WRAPPING[2:],
    ],
    "telephone events": with_events(static(SPEECH), (5, 13), (18, 13), (700, 40)),
    "telephone events and loss": lossy(with_events(static(SPEECH), (5, 13), (300, 90)), 5),
    "begins with an event": with_events(static(SPEECH), (0, 20)),
    "comfort noise": [
        packet._replace(payload_type=13) if packet.seq % 40 == 7 else packet
        for packet in static(SPEECH)
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_numbers(tmp_path: Path, name: str) -> None:
    sent = CASES[name]
    content = pcap(frames(sent))
    lines = theirs(write(tmp_path, content))
    _, found = analysed(content, "wireshark")
    assert {one.ssrc for one in found} == set(lines) == {packet.ssrc for packet in sent}
    for one in found:
        compare(one.stream, lines[one.ssrc])


def test_the_same_packets_are_taken_for_rtp(tmp_path: Path) -> None:
    """Padding that cannot be, and datagrams with several packets in them."""
    rng = random.Random(9)
    framed = []
    for number in range(600):
        packet = bytearray(rtp(Sent(0, number * 2, number * 960, size=300)))
        packet[0] |= 0x20 if number % 3 == 0 else 0
        packet[-1] = rng.choice((0, 1, 255)) if number % 9 == 0 else 4
        after = rtp(Sent(0, number * 2 + 1, number * 960, size=300)) if number % 5 == 0 else b""
        framed.append((number / 50, linked(ETHERNET, udp4(bytes(packet) + after))))
    content = pcap(framed)
    lines = theirs(write(tmp_path, content))
    analysis, (found,) = analysed(content, "wireshark")
    assert (found.stream.packets, found.stream.lost) == lines[found.ssrc][:2]
    assert analysis.skipped["badPadding"] == 600 - found.stream.packets > 10
    assert analysis.merged > 100


def test_padded_packets_without_their_end_count_as_there(tmp_path: Path) -> None:
    """As in captures of headers only, since the server pads runs of packets to one size."""
    blocks: list[bytes] = []
    writer = CaptureWriter(blocks.append, application="test", headers_only=True)
    number = writer.interface("publish", "Anna to the server")
    for packet in video(200):
        payload = bytearray(rtp(packet))
        if packet.seq % 3 == 0:
            payload[0] |= 0x20
            payload[-1] = 1
        at = EPOCH * 10**9 + round(packet.time * 1e9)
        ends = ("10.4.5.6", 40000), ("10.0.0.1", 3478)
        assert writer.packet(number, at, *ends, bytes(payload), outbound=False)
    content = b"".join(blocks)
    lines = theirs(write(tmp_path, content))
    analysis, (found,) = analysed(content, "wireshark")
    compare(found.stream, lines[found.ssrc])
    assert analysis.skipped["paddingNotCaptured"] == len(video(200)) - found.stream.packets > 100
    _, (all_of_it,) = analysed(content)
    assert (all_of_it.stream.packets, all_of_it.stream.lost) == (len(video(200)), 0)


def test_packets_without_a_time_count_the_same(tmp_path: Path) -> None:
    sent = static(lossy(SPEECH, 10))
    head = pcapng([])
    blocks = [struct.pack("<I", len(frame)) + frame for _, frame in frames(sent)]
    content = head + b"".join(block("<", 3, one + bytes(-len(one) % 4)) for one in blocks)
    line = theirs(write(tmp_path, content))[sent[0].ssrc]
    for mode in ("wireshark", "rfc3550"):
        _, (found,) = analysed(content, mode)
        assert (
            (found.stream.packets, found.stream.lost) == line[:2] == (len(sent), 1500 - len(sent))
        )


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_same_numbers_from_pcapng(tmp_path: Path, order: str) -> None:
    content = pcapng(frames(lossy(video(200), 3), RAW), RAW, order)
    lines = theirs(write(tmp_path, content))
    _, (found,) = analysed(content, "wireshark")
    compare(found.stream, lines[found.ssrc])


@pytest.mark.parametrize("headers_only", [True, False])
@pytest.mark.parametrize("host", ["10.4.5.6", "fd00::7"])
def test_what_the_writer_writes(tmp_path: Path, headers_only: bool, host: str) -> None:
    blocks: list[bytes] = []
    writer = CaptureWriter(blocks.append, application="test", headers_only=headers_only)
    number = writer.interface("publish", "Anna to the server")
    server = "10.0.0.1" if "." in host else "fd00::1"
    sent = lossy(video(200), 3)
    for packet in sent:
        at = EPOCH * 10**9 + round(packet.time * 1e9)
        assert writer.packet(number, at, (host, 40000), (server, 3478), rtp(packet), outbound=False)
    content = b"".join(blocks)
    path = write(tmp_path, content)
    lines = theirs(path)
    _, (found,) = analysed(content, "wireshark")
    compare(found.stream, lines[found.ssrc])
    fields = ["frame.interface_name", "frame.packet_flags_direction", "ip.checksum.status"]
    fields += ["udp.checksum.status", "udp.length"]
    options = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    command = ["tshark", "-r", str(path), *options, "-T", "fields"]
    command += [part for field in fields for part in ("-e", field)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in output.splitlines()]
    assert len(rows) == len(sent)
    good = "1"
    for row in rows:
        assert row[0] == "publish"
        assert int(row[1], 0) == 1
        assert row[2] == (good if "." in host else "")
        assert row[3] == good or headers_only
        assert row[4] == str(8 + 12 + 1000)
