"""VP8 descriptors and Opus packets, by the byte and against aiortc's descriptor."""

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.codecs import vp8

RELAXED = settings(deadline=None, max_examples=400)
KEYFRAME = bytes.fromhex("10 02 00 9d 01 2a 40 01 b4 00")
"""Frame tag, start code, 320 x 180, from RFC 6386 clause 9.1; even first byte: a keyframe."""


def fields(found):
    return (
        found.size,
        found.start,
        found.partition,
        found.picture_id,
        found.picture_id_bits,
        found.tl0picidx,
        found.tid,
        found.y,
        found.keyidx,
    )


@pytest.mark.parametrize(
    ("descriptor", "expected"),
    [
        ("10", (1, True, 0, -1, 0, -1, -1, False, -1)),
        ("00", (1, False, 0, -1, 0, -1, -1, False, -1)),
        ("17", (1, True, 7, -1, 0, -1, -1, False, -1)),
        # RFC 7741 clause 4.6.1: picture id 17 in seven bits.
        ("90 80 11", (3, True, 0, 17, 7, -1, -1, False, -1)),
        # Clause 4.6.4: picture id 4711 in fifteen bits.
        ("90 80 92 67", (4, True, 0, 4711, 15, -1, -1, False, -1)),
        ("90 80 00", (3, True, 0, 0, 7, -1, -1, False, -1)),
        ("90 80 7f", (3, True, 0, 127, 7, -1, -1, False, -1)),
        ("90 80 80 00", (4, True, 0, 0, 15, -1, -1, False, -1)),
        ("90 80 ff ff", (4, True, 0, 32767, 15, -1, -1, False, -1)),
        ("80 40 a5", (3, False, 0, -1, 0, 165, -1, False, -1)),
        ("80 20 e0", (3, False, 0, -1, 0, -1, 3, True, -1)),
        ("80 10 df", (3, False, 0, -1, 0, -1, -1, False, 31)),
        ("90 f0 92 67 ff 8a", (6, True, 0, 4711, 15, 255, 2, False, 10)),
        ("80 00", (2, False, 0, -1, 0, -1, -1, False, -1)),
    ],
)
def test_descriptor(descriptor, expected):
    payload = bytes.fromhex(descriptor) + b"\x01\x02"
    assert fields(vp8.parse(payload)) == expected
    framed = memoryview(b"\xff" * 20 + payload + b"\xff" * 3)
    assert fields(vp8.parse(framed, 20, len(payload))) == expected
    assert vp8.parse(framed, 20, expected[0]) is None


def test_offsets_say_where_to_patch():
    payload = bytearray(bytes.fromhex("b0 f0 92 67 ff 8a") + b"data")
    found = vp8.parse(payload)
    assert (found.picture_id_offset, found.tl0picidx_offset) == (2, 4)
    assert found.non_reference is True
    found = vp8.parse(b"\xff" + payload, 1, len(payload))
    assert (found.picture_id_offset, found.tl0picidx_offset) == (2, 4)
    found = vp8.parse(bytes.fromhex("90 c0 11 05 00"))
    assert (found.picture_id_offset, found.tl0picidx_offset) == (2, 3)
    found = vp8.parse(bytes.fromhex("10 00"))
    assert (found.picture_id_offset, found.tl0picidx_offset) == (-1, -1)


@pytest.mark.parametrize("cut", ["", "80", "80 80", "80 80 11", "80 80 91", "80 80 91 22"])
def test_truncated_descriptors(cut):
    payload = bytes.fromhex(cut)
    assert vp8.parse(payload) is None
    assert vp8.is_keyframe(payload) is False


@pytest.mark.parametrize(
    ("descriptor", "first", "keyframe"),
    [
        ("10", 0x10, True),
        ("10", 0x11, False),
        ("00", 0x10, False),
        ("11", 0x10, False),
        ("30", 0x10, True),
        ("90 80 92 67", 0x00, True),
        ("90 80 92 67", 0x01, False),
        ("90 80 11", 0x00, True),
        ("90 80 11", 0x01, False),
        ("90 f0 92 67 ff 8a", 0x00, True),
        ("90 f0 92 67 fe 8a", 0x01, False),
        ("90 20 40", 0x00, True),
        ("90 10 40", 0x00, True),
        ("90 00", 0x00, True),
    ],
)
def test_keyframe(descriptor, first, keyframe):
    payload = bytes.fromhex(descriptor) + bytes((first, 0, 0))
    assert vp8.is_keyframe(payload) is keyframe
    assert vp8.is_keyframe(bytes.fromhex(descriptor)) is False


def test_dimensions():
    assert vp8.dimensions(b"\x10" + KEYFRAME) == (320, 180)
    assert vp8.dimensions(bytes.fromhex("90 80 92 67") + KEYFRAME + b"more") == (320, 180)
    # The scaling bits do not belong to the size.
    assert vp8.dimensions(b"\x10" + KEYFRAME[:6] + bytes.fromhex("ff7f 00c5")) == (16383, 1280)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x10" + KEYFRAME[:9],
        b"\x10\x11" + KEYFRAME[1:],
        b"\x00" + KEYFRAME,
        b"\x10" + KEYFRAME[:3] + b"\x9d\x01\x2b" + KEYFRAME[6:],
    ],
)
def test_no_dimensions(payload):
    assert vp8.dimensions(payload) is None


@given(st.binary(max_size=12))
@RELAXED
def test_agrees_with_aiortc(payload):
    found = vp8.parse(payload)
    try:
        descriptor, rest = VpxPayloadDescriptor.parse(payload)
    except ValueError:
        assert found is None
        return
    if not rest:
        # aiortc lets a descriptor stand alone.
        assert found is None
        return
    assert found.size == len(payload) - len(rest)
    assert found.start == bool(descriptor.partition_start)
    # aiortc takes the reserved bit into the partition index.
    assert found.partition == descriptor.partition_id & 7
    assert found.picture_id == (-1 if descriptor.picture_id is None else descriptor.picture_id)
    assert found.tl0picidx == (-1 if descriptor.tl0picidx is None else descriptor.tl0picidx)
    tid = (-1, False) if descriptor.tid is None else (descriptor.tid[0], bool(descriptor.tid[1]))
    assert (found.tid, found.y) == tid
    assert found.keyidx == (-1 if descriptor.keyidx is None else descriptor.keyidx)


@given(st.binary(max_size=12))
@RELAXED
def test_is_keyframe_agrees_with_the_descriptor(payload):
    found = vp8.parse(payload)
    expected = (
        found is not None and found.start and found.partition == 0 and payload[found.size] & 1 == 0
    )
    assert vp8.is_keyframe(payload) is expected
    size = vp8.dimensions(payload)
    assert size is None or expected


@RELAXED
@given(
    first=st.sampled_from([0x00, 0x10, 0x80, 0x90, 0xB0]),
    present=st.integers(0, 255),
    rest=st.binary(max_size=8),
    picture_delta=st.integers(-40_000, 40_000),
    tl0_delta=st.integers(-300, 300),
)
def test_shifting_changes_the_two_numbers_and_nothing_else(
    first, present, rest, picture_delta, tl0_delta
):
    payload = bytes((first, present)) + rest
    data = bytearray(b"??" + payload + b"??")
    vp8.patch(data, 2, payload, (picture_delta, tl0_delta))
    before, shifted = vp8.parse(payload), bytes(data[2:-2])
    assert (data[:2], data[-2:]) == (b"??", b"??")
    if before is None or first & 0x80 == 0:
        return
    after = vp8.parse(shifted)
    size = (1 << before.picture_id_bits) - 1
    if before.picture_id >= 0:
        before.picture_id = before.picture_id + picture_delta & size
    if before.tl0picidx >= 0:
        before.tl0picidx = before.tl0picidx + tl0_delta & 0xFF
    assert fields(after) == fields(before)
    assert shifted[before.size :] == payload[before.size :]
