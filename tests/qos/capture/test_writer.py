"""The pcapng that a media worker writes."""

from __future__ import annotations

import struct
import subprocess
import sys

import pytest

from qos.capture.decode import endpoints
from qos.capture.writer import Address, CaptureWriter, kept_of
from tests.qos.capture.captures import EPOCH, analysed, rtp, video, voice

SERVER, ANNA = ("192.0.2.7", 3478), ("10.1.2.3", 50000)
START = EPOCH * 10**9


class Written:
    """A writer, and what it wrote."""

    def __init__(self, **options: object) -> None:
        self.blocks: list[bytes] = []
        self.writer = CaptureWriter(self.blocks.append, application="test", **options)  # type: ignore[arg-type]
        self.publish = self.writer.interface("publish")

    def packet(self, payload: bytes, at: float = 0.0, source: Address = ANNA) -> bool:
        return self.writer.packet(
            self.publish, START + round(at * 1e9), source, SERVER, payload, outbound=False
        )

    @property
    def content(self) -> bytes:
        return b"".join(self.blocks)


def test_the_analyser_reads_it() -> None:
    written = Written(headers_only=True)
    for packet in voice(100):
        assert written.packet(rtp(packet), packet.time)
    analysis, (found,) = analysed(written.content)
    assert (found.stream.packets, found.stream.lost, found.stream.bytes) == (100, 0, 100 * 112)
    assert found.stream.clock_rate == 48000
    assert analysis.skipped == {}
    assert written.writer.packets == 100
    assert written.writer.bytes == len(written.content)


def test_a_capture_of_headers_holds_no_media() -> None:
    said = b"what people said"
    plain, headers = Written(headers_only=False), Written(headers_only=True)
    for written in (plain, headers):
        written.packet(rtp(voice(1)[0])[:12] + said)
    assert said in plain.content
    assert said not in headers.content


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"\x80\x6f" + bytes(60), 12),
        (b"\x82\x6f" + bytes(60), 20),
        (b"\x90\x6f" + bytes(10) + b"\xbe\xde\0\x02" + bytes(60), 24),
        (b"\x91\x6f" + bytes(14) + b"\xbe\xde\0\x01" + bytes(60), 24),
        (b"\x90\x6f" + bytes(10) + b"\xbe\xde\xff\xff" + bytes(900), 208),
        (b"\x90\x6f" + bytes(12), 12),
        (b"\x80\xc8" + bytes(900), 902),
        (b"\x00\x01" + bytes(100), 20),
        (b"\x16\xfe" + bytes(100), 20),
        (b"\x80", 1),
        (b"", 0),
    ],
    ids=["rtp", "csrc", "extension", "both", "lying", "cut", "rtcp", "stun", "dtls", "one", "none"],
)
def test_what_a_capture_of_headers_keeps(data: bytes, kept: int) -> None:
    assert kept_of(data) == kept


def test_addresses_are_made_up_and_stay_the_same() -> None:
    written = Written(anonymous=True)
    others = [("10.1.2.3", 50000), ("10.9.9.9", 50000), ("10.1.2.3", 50001)]
    for source in others:
        for packet in voice(20):
            written.packet(rtp(packet), packet.time, source)
    _, found = analysed(written.content)
    hosts = [endpoints(one.flow) for one in found]
    assert sorted(hosts) == [
        ("198.18.0.1", 50000, "198.18.0.2", 3478),
        ("198.18.0.1", 50001, "198.18.0.2", 3478),
        ("198.18.0.3", 50000, "198.18.0.2", 3478),
    ]
    assert bytes([10, 1, 2, 3]) not in written.content


def test_real_addresses_when_asked_for() -> None:
    written = Written(anonymous=False)
    for packet in voice(20):
        written.packet(rtp(packet), packet.time, ("::ffff:10.1.2.3", 50000))
    _, (found,) = analysed(written.content)
    assert endpoints(found.flow) == ("10.1.2.3", 50000, "192.0.2.7", 3478)


def test_it_ends_at_its_size() -> None:
    written = Written(max_bytes=5000, headers_only=False)
    taken = [written.packet(rtp(packet), packet.time) for packet in video(20)]
    assert taken[0]
    assert not taken[-1]
    assert taken == sorted(taken, reverse=True)
    assert written.writer.full
    assert len(written.content) <= 5000


def test_it_ends_at_its_time() -> None:
    written = Written(max_seconds=2.0)
    assert [written.packet(b"\0" * 30, at) for at in (0.0, 1.0, 2.0, 2.1, 1.0)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert written.writer.full


def test_misuse_is_refused() -> None:
    written = Written()
    with pytest.raises(ValueError, match="interface 1"):
        written.writer.packet(1, START, ANNA, SERVER, b"", outbound=True)
    with pytest.raises(ValueError, match="two families"):
        written.packet(b"\0" * 30, 0.0, ("fd00::1", 5))
    with pytest.raises(ValueError, match="65508 bytes"):
        written.packet(bytes(65508))
    assert written.writer.packets == 0


def test_a_disk_that_is_full_is_reported_and_not_counted() -> None:
    def write(block: bytes) -> None:
        if struct.unpack_from("<I", block)[0] == 6:
            raise OSError(28, "No space left on device")

    writer = CaptureWriter(write, application="test")
    number = writer.interface("publish")
    with pytest.raises(OSError, match="No space"):
        writer.packet(number, START, ANNA, SERVER, b"\0" * 30, outbound=False)
    assert writer.packets == 0


def test_a_worker_can_import_it() -> None:
    """It must bring in nothing that a media worker does not have."""
    code = (
        "import sys, qos.capture.writer; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "qos" in loaded
    assert not loaded & {"asyncio", "dpkt", "matplotlib", "numpy", "rich", "socket"}
