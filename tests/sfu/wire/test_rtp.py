"""RTP reading and building, against hand-written bytes and aiortc's parser."""

import pytest
from aiortc import rtp as oracle
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.wire import rtp

SEQS = st.integers(0, 0xFFFF)
RELAXED = settings(deadline=None, max_examples=300)


@pytest.mark.parametrize(
    ("a", "b", "diff", "newer"),
    [
        (0, 0, 0, False),
        (1, 0, 1, True),
        (0, 1, -1, False),
        (0, 65535, 1, True),
        (65535, 0, -1, False),
        (32767, 0, 32767, True),
        (32768, 0, -32768, False),
        (0, 32768, -32768, False),
        (0, 32767, -32767, False),
        (65535, 32768, 32767, True),
        (32767, 65535, -32768, False),
    ],
)
def test_sequence_arithmetic(a, b, diff, newer):
    assert rtp.seq_diff(a, b) == diff
    assert rtp.seq_newer(a, b) is newer


@pytest.mark.parametrize(
    ("a", "b", "diff"),
    [
        (0, 0xFFFFFFFF, 1),
        (0xFFFFFFFF, 0, -1),
        (0x7FFFFFFF, 0, 0x7FFFFFFF),
        (0x80000000, 0, -0x80000000),
        (90000, 87000, 3000),
    ],
)
def test_timestamp_arithmetic(a, b, diff):
    assert rtp.ts_diff(a, b) == diff


@given(SEQS, st.integers(-32768, 32767))
@RELAXED
def test_seq_diff_inverts_addition(seq, step):
    assert rtp.seq_diff((seq + step) & 0xFFFF, seq) == step


def test_rtcp_is_distinguished_from_rtp_by_the_second_byte():
    assert [byte for byte in range(256) if rtp.is_rtcp(byte)] == list(range(192, 224))


HEADER = bytes.fromhex("80 60 1234 01020304 aabbccdd")


@pytest.mark.parametrize(
    ("packet", "length"),
    [
        (HEADER, 12),
        (HEADER + b"payload", 12),
        (HEADER[:11], -1),
        (b"", -1),
        (b"\x40" + HEADER[1:], -1),
        (b"\xc0" + HEADER[1:], -1),
        (b"\x82" + HEADER[1:] + bytes(8), 20),
        (b"\x82" + HEADER[1:] + bytes(7), -1),
        (b"\x90" + HEADER[1:] + bytes.fromhex("bede0001 10ff0000") + b"x", 20),
        (b"\x90" + HEADER[1:] + bytes.fromhex("bede0000"), 16),
        (b"\x90" + HEADER[1:] + bytes.fromhex("bede00"), -1),
        (b"\x90" + HEADER[1:] + bytes.fromhex("bede0002 10ff0000"), -1),
        (b"\x90" + HEADER[1:] + bytes.fromhex("bedeffff 10ff0000"), -1),
        (b"\x91" + HEADER[1:] + bytes(4) + bytes.fromhex("bede0001 10ff0000"), 24),
    ],
)
def test_header_length(packet, length):
    assert rtp.header_length(packet, 0, len(packet)) == length
    framed = b"\xff" * 7 + packet + b"\xff" * 9
    assert rtp.header_length(memoryview(bytearray(framed)), 7, len(packet)) == length


@pytest.mark.parametrize(
    ("packet", "padding"),
    [
        (HEADER + b"\x00\x00\x00\x03", 0),
        (b"\xa0" + HEADER[1:] + b"x\x00\x00\x03", 3),
        (b"\xa0" + HEADER[1:] + b"\x01", 1),
        (b"\xa0" + HEADER[1:] + b"\x00\x00\x00\x04", 4),
        (b"\xa0" + HEADER[1:] + b"\x00\x00\x00\x05", -1),
        (b"\xa0" + HEADER[1:] + b"\x00\x00\x00\x00", -1),
        (b"\xa0" + HEADER[1:], -1),
        (b"\xb0" + HEADER[1:] + bytes.fromhex("bede0001 10ff0001"), -1),
        (b"\xa0", -1),
    ],
)
def test_padding_length(packet, padding):
    assert rtp.padding_length(packet, 0, len(packet)) == padding


def with_extension(block: str) -> bytes:
    return b"\x90" + HEADER[1:] + bytes.fromhex(block) + b"payload"


@pytest.mark.parametrize(
    ("block", "values"),
    [
        # RFC 8285 clause 4.2: three elements with padding between.
        (
            "bede0003 10aa 21bbbb 0000 33cccccccc",
            {1: b"\xaa", 2: b"\xbb\xbb", 3: b"\xcc\xcc\xcc\xcc"},
        ),
        # Clause 4.3: an empty element, one of one byte, padding, one of four.
        ("10000003 0100 0201bb 00 0304cccccccc", {1: b"", 2: b"\xbb", 3: b"\xcc\xcc\xcc\xcc"}),
        ("100f0001 10 02abcd", {16: b"\xab\xcd"}),
        # Id 15 ends the list; so does an id of 0 with a length.
        ("bede0002 10aa f0bb 20cc 0000", {1: b"\xaa"}),
        ("bede0002 10aa 01bb 20cc 0000", {1: b"\xaa"}),
        # An element that reaches past the extension is not read.
        ("bede0001 10aa 2fbb", {1: b"\xaa"}),
        ("10000001 01ff bbbb", {}),
        ("10000001 000000 01", {}),
        # Of a repeated id the first counts.
        ("bede0001 10aa 10bb", {1: b"\xaa"}),
        # Some other profile.
        ("12340001 10aa 0000", {}),
        ("bede0000", {}),
    ],
)
def test_extensions(block, values):
    packet = with_extension(block)
    length = rtp.header_length(packet, 0, len(packet))
    assert rtp.extensions(packet, 0, length) == values
    framed = b"\x00\x00\x00" + packet
    for ext_id in range(18):
        assert rtp.extension(framed, 3, length, ext_id) == values.get(ext_id)


def test_build_by_the_byte():
    assert rtp.build(96, 0x1234, 0x01020304, 0xAABBCCDD, b"hi") == HEADER + b"hi"
    assert rtp.build(96, 0xFFFF, 0xFFFFFFFF, 0, b"", marker=True) == bytes.fromhex(
        "80e0ffff ffffffff 00000000"
    )
    assert rtp.build(111, 0, 0, 1, b"x", extensions={1: b"\x90", 4: b"0"}) == bytes.fromhex(
        "906f0000 00000000 00000001 bede0001 1090 4030 78"
    )
    assert rtp.build(111, 0, 0, 1, b"x", extensions={15: b"ab"}) == bytes.fromhex(
        "906f0000 00000000 00000001 10000001 0f02 6162 78"
    )


@given(
    st.integers(0, 127),
    SEQS,
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=40),
    st.booleans(),
)
@RELAXED
def test_aiortc_reads_what_is_built(payload_type, seq, timestamp, ssrc, payload, marker):
    extension_map = oracle.HeaderExtensionsMap()
    extension_map.configure(
        RTCRtpParameters(
            headerExtensions=[
                RTCRtpHeaderExtensionParameters(id=9, uri="urn:ietf:params:rtp-hdrext:sdes:mid")
            ]
        )
    )
    data = rtp.build(payload_type, seq, timestamp, ssrc, payload, marker, {9: b"mid0"})
    packet = oracle.RtpPacket.parse(data, extension_map)
    assert (packet.payload_type, packet.sequence_number) == (payload_type, seq)
    assert (packet.timestamp, packet.ssrc) == (timestamp, ssrc)
    assert (packet.marker, packet.payload) == (int(marker), payload)
    assert packet.extensions.mid == "mid0"
    assert packet.serialize(extension_map) == data


@given(
    st.dictionaries(st.integers(1, 255), st.binary(max_size=30), max_size=6),
    st.binary(max_size=20),
)
@RELAXED
def test_extensions_round_trip(values, payload):
    data = rtp.build(96, 1, 2, 3, payload, extensions=values)
    length = rtp.header_length(data, 0, len(data))
    assert data[length:] == payload
    assert rtp.extensions(data, 0, length) == values


@given(st.binary(max_size=80), st.integers(0, 5))
@RELAXED
def test_no_input_raises(data, offset):
    check(b"\x00" * offset + data, offset, len(data))


@given(st.binary(max_size=60), st.sampled_from([0xBEDE, 0x1000, 0x100F]), st.integers(0, 15))
@RELAXED
def test_no_extension_raises(body, profile, words):
    check(b"\x90" + HEADER[1:] + profile.to_bytes(2, "big") + words.to_bytes(2, "big") + body, 0)


def check(data, offset, size=None):
    size = len(data) if size is None else size
    length = rtp.header_length(data, offset, size)
    assert length == -1 or 12 <= length <= size
    padding = rtp.padding_length(data, offset, size)
    assert padding == -1 or 0 <= padding <= size - 12
    found = rtp.extensions(data, offset, length)
    assert sum(map(len, found.values())) <= size
    assert all(rtp.extension(data, offset, length, i) == value for i, value in found.items())
