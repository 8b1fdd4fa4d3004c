"""pcap and pcapng, whole, cut off, and made to hurt."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qos.capture.files import MAX_PACKET, READ_SIZE, CaptureError, CaptureFile, Packet
from tests.qos.capture.captures import EPOCH, ETHERNET, RAW, block, pcap, pcapng

FRAMES = [(0.0, b"first"), (0.001_002, b"second!"), (2.5, b"")]


def read(content: bytes) -> list[Packet]:
    return list(CaptureFile(BytesIO(content)))


def read_what_can_be(content: bytes) -> tuple[list[bytes], CaptureError | None]:
    """The frames, and what ended them too early."""
    frames = []
    try:
        for _, _, frame in CaptureFile(BytesIO(content)):
            frames.append(frame)
    except CaptureError as error:
        return frames, error
    return frames, None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_in_both_orders_and_resolutions(order: str, nano: bool) -> None:
    packets = read(pcap(FRAMES, RAW, order, nano))
    assert [(link, frame) for _, link, frame in packets] == [(RAW, frame) for _, frame in FRAMES]
    assert [time for time, _, _ in packets] == pytest.approx([time for time, _ in FRAMES])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("resolution", [None, 6, 9, 3 + 4, 0x80 | 20, 0x80 | 30])
def test_pcapng_in_both_orders_and_any_resolution(order: str, resolution: int | None) -> None:
    capture = CaptureFile(BytesIO(pcapng(FRAMES, ETHERNET, order, resolution)))
    packets = list(capture)
    assert [frame for _, _, frame in packets] == [frame for _, frame in FRAMES]
    assert [time for time, _, _ in packets] == pytest.approx([time for time, _ in FRAMES], abs=2e-6)
    assert capture.start == pytest.approx(EPOCH)


def test_pcapng_sections_have_their_own_order_and_interfaces() -> None:
    packets = read(pcapng(FRAMES[:1], ETHERNET, "<") + pcapng(FRAMES[1:], RAW, ">"))
    assert [(link, frame) for _, link, frame in packets] == [
        (ETHERNET, b"first"),
        (RAW, b"second!"),
        (RAW, b""),
    ]


def test_blocks_that_are_not_needed_are_passed_over() -> None:
    capture = pcapng(FRAMES)
    large = block("<", 0x0BAD, bytes(3 * READ_SIZE))
    names = block("<", 4, bytes(16))
    assert [frame for _, _, frame in read(capture + large + names)] == [b for _, b in FRAMES]


def simple(size: int, data: bytes, order: str = "<") -> bytes:
    """A simple packet block; `size` is what was sent."""
    return block(order, 3, struct.pack(f"{order}I", size) + data + bytes(-len(data) % 4))


@pytest.mark.parametrize("order", ["<", ">"])
def test_packets_without_a_time_are_read(order: str) -> None:
    content = pcapng(FRAMES, order=order) + simple(5, b"abcde", order)
    capture = CaptureFile(BytesIO(content))
    *_, (time, link, frame) = list(capture)
    assert (math.isnan(time), link, frame, capture.untimed) == (True, ETHERNET, b"abcde", 1)


def test_a_packet_without_a_time_is_as_long_as_its_interface_says() -> None:
    """The block does not say how much was captured; what follows is padding."""
    head = pcapng([])
    cut = block("<", 1, struct.pack("<HHI", RAW, 0, 6))
    section = head[: int.from_bytes(head[4:8], "little")]
    assert [(link, frame) for _, link, frame in read(section + cut + simple(100, b"abcdef"))] == [
        (RAW, b"abcdef")
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pcapng([]) + block("<", 3, b""), "a packet block of 12 bytes"),
        (pcapng([]) + simple(9, b"abcd"), "a packet of 9 bytes in a block of 20"),
        (pcapng([])[:28] + simple(4, b"abcd"), "interface 0 was not described"),
    ],
)
def test_simple_blocks_that_cannot_be(content: bytes, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        read(content)


def test_the_older_packet_block_is_read() -> None:
    head = pcapng([])
    ticks = EPOCH * 10**9
    body = struct.pack("<HHIIII4s", 0, 0, ticks >> 32, ticks & 0xFFFFFFFF, 4, 4, b"old!")
    assert read(head + block("<", 2, body)) == [(0.0, ETHERNET, b"old!")]


def test_a_packet_may_lie_across_two_blocks_of_reading() -> None:
    frames = [(number / 1000, bytes([number & 0xFF]) * 60_000) for number in range(50)]
    assert [frame for _, _, frame in read(pcap(frames))] == [frame for _, frame in frames]
    assert [frame for _, _, frame in read(pcapng(frames))] == [frame for _, frame in frames]


@pytest.mark.parametrize(
    ("content", "offset", "words"),
    [
        (b"", 0, "empty"),
        (b"GIF89a....", 0, "not a pcap"),
        (b"\x1f\x8b\x08\x00" + bytes(20), 0, "gzip"),
        (b"\x28\xb5\x2f\xfd" + bytes(20), 0, "zstd"),
        (b"\xd4\xc3\xb2\xa1", 0, "ends in the middle of the file header"),
        (b"\xd4\xc3\xb2\xa1\x09\x00\x04\x00" + bytes(16), 4, "version 9.4"),
        (pcap(FRAMES)[:-8], 24 + 16 + 5 + 16 + 7, "ends in the middle of a record header"),
        (pcap(FRAMES)[:-17], 24 + 16 + 5, "ends in the middle of a packet (22 of 23 bytes)"),
        (pcap([]) + struct.pack("<IIII", 0, 0, MAX_PACKET + 1, 9), 24, "cannot be"),
        (pcap([]) + b"\xff" * 16, 24, "4294967295 bytes cannot be"),
        (b"\n\r\r\n\x1c\0\0\0abcd" + bytes(16), 8, "byte-order"),
        (b"\n\r\r\n\x08\0\0\0\x4d\x3c\x2b\x1a", 0, "8 bytes cannot be"),
        (pcapng([]) + b"\x06\0\0\0\x08\0\0\0", 60, "a block of 8 bytes"),
        (pcapng([]) + b"\x06\0\0\0\xf0\xff\xff\xff", 60, "cannot be"),
        (pcapng([]) + b"\x99\0\0\0\xf0\xff\xff\xff" + bytes(99), 60, "(107 of 4294967276 bytes)"),
        (pcapng([]) + block("<", 6, bytes(16)), 60, "a packet block of 28"),
        (pcapng([])[:28] + block("<", 6, bytes(20)), 28 + 8, "interface 0"),
        (pcapng([]) + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 9, 9)), 80, "9 bytes in"),
        (pcapng([]) + block("<", 1, b"\1\0\0\0"), 60, "interface block"),
        (pcapng([]) + block("<", 7, b"")[:-4] + b"\x0d\0\0\0", 68, "lengths differ"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_offset(
    content: bytes, offset: int, words: str
) -> None:
    with pytest.raises(CaptureError) as caught:
        read(content)
    assert words in str(caught.value)
    assert caught.value.offset == offset
    assert str(caught.value).startswith(f"offset {offset}: ")


@pytest.mark.parametrize("whole", [pcap(FRAMES), pcapng(FRAMES)], ids=["pcap", "pcapng"])
def test_cut_off_anywhere_gives_what_comes_before(whole: bytes) -> None:
    given_before = 0
    for end in range(len(whole)):
        frames, error = read_what_can_be(whole[:end])
        assert error is None or 0 <= error.offset <= end
        assert frames == [frame for _, frame in FRAMES[: len(frames)]]
        assert len(frames) >= given_before
        given_before = len(frames)
    assert given_before == len(FRAMES) - 1


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    frames, error = read_what_can_be(content)
    assert error is None or 0 <= error.offset <= len(content)
    assert sum(map(len, frames)) <= len(content)


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_damaged_captures_are_read_or_refused(make: Callable[..., bytes]) -> None:
    rng = random.Random(7)
    whole = make([(n / 50, bytes(n % 90)) for n in range(60)])
    refused = 0
    for _ in range(2000):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
        frames, error = read_what_can_be(bytes(damaged[: rng.randint(1, len(damaged))]))
        assert sum(map(len, frames)) < len(whole)
        assert error is None or 0 <= error.offset <= len(damaged)
        refused += error is not None
    assert refused > 1000
