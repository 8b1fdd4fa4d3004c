from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs import red

OPUS = 111
FRAME = 960
A, B, C = b"\x78aaa", b"\x78bb", b"\x78cccccc"
"""Opus packets of 20 ms."""

CHROMIUM = b"\xef\x0f\x00\x04\x6f" + A + B
"""As Chromium 156 sends it: one block, 960 behind, payload type 111."""


def test_chromium_s_form() -> None:
    assert red.wrap(B, [(FRAME, A)], OPUS) == CHROMIUM
    assert red.primary(CHROMIUM, OPUS) == B
    assert red.blocks(CHROMIUM, OPUS) == [(FRAME, A), (0, B)]


def test_a_packet_without_redundancy_has_one_byte_more() -> None:
    assert red.wrap(A, [], OPUS) == b"\x6f" + A
    assert red.primary(b"\x6f" + A, OPUS) == A
    assert red.blocks(b"\x6f" + A, OPUS) == [(0, A)]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x6f",  # a primary of nothing
        b"\xef",
        b"\xef\x0f\x00",
        b"\xef\x0f\x00\x04",  # no header of a primary
        b"\xef\x0f\x00\x04\x6f",
        b"\xef\x0f\x00\x04\x6f" + A,  # nothing left for the primary
        b"\xef\x0f\x00\x05\x6f" + A,  # the block is cut off
        b"\xef\x0f\x00\x04" * 300,
        b"\x6e" + A,  # of another payload type
    ],
)
def test_what_is_malformed_has_no_primary(payload: bytes) -> None:
    assert red.primary(payload, OPUS) is None
    assert all(offset for offset, _ in red.blocks(payload, OPUS))
    assert red.recover(payload, OPUS, 7, 7 * FRAME, 5, 5 * FRAME) in ([], [(6, 6 * FRAME, A)])


def test_blocks_of_other_types_and_of_nothing_are_passed_over() -> None:
    payload = b"\xee\x1e\x00\x04" + b"\xef\x0f\x00\x00" + b"\x6f" + A + B
    assert red.blocks(payload, OPUS) == [(0, B)]
    assert red.primary(payload, OPUS) == B


_block = st.binary(min_size=1, max_size=60)


@given(
    _block,
    st.lists(st.tuples(st.integers(1, red.MAX_OFFSET), _block), max_size=4),
    st.integers(0, 127),
)
def test_what_is_wrapped_comes_out(
    newest: bytes, redundant: list[tuple[int, bytes]], payload_type: int
) -> None:
    payload = red.wrap(newest, redundant, payload_type)
    assert red.primary(payload, payload_type) == newest
    assert red.blocks(payload, payload_type) == [*redundant, (0, newest)]


@given(st.binary(max_size=80), st.integers(-3, 5), st.integers(0, 0xFFFFFFFF))
def test_any_bytes_are_read_without_harm(payload: bytes, missing: int, timestamp: int) -> None:
    newest = red.primary(payload, OPUS)
    found = red.blocks(payload, OPUS)
    assert newest is None or newest in payload
    if found and found[-1][0] == 0:
        assert sum(len(block) for _, block in found) < len(payload)
    for seq, _, block in red.recover(payload, OPUS, 100, timestamp, 99 - missing, 0):
        assert 99 - missing < seq < 100
        assert block in payload


def test_the_largest_fields_and_none_beyond() -> None:
    payload = red.wrap(B, [(red.MAX_OFFSET, bytes(red.MAX_BLOCK))], OPUS)
    assert red.blocks(payload, OPUS) == [(red.MAX_OFFSET, bytes(red.MAX_BLOCK)), (0, B)]
    with pytest.raises(ValueError, match="1024 bytes"):
        red.wrap(B, [(1, bytes(red.MAX_BLOCK + 1))], OPUS)
    with pytest.raises(ValueError, match="16384 behind"):
        red.wrap(B, [(red.MAX_OFFSET + 1, A)], OPUS)


# What a packet gives back of the gap before it.


@pytest.mark.parametrize("seq", [1, 32768, 65535, 65536, 65537])
@pytest.mark.parametrize("timestamp", [0, FRAME, 0xFFFFFFFF])
def test_a_lone_loss_comes_back_with_the_next_packet(seq: int, timestamp: int) -> None:
    last = (seq - 2, timestamp - 2 * FRAME & 0xFFFFFFFF)
    found = red.recover(CHROMIUM, OPUS, seq, timestamp, *last)
    assert found == [(seq - 1, timestamp - FRAME & 0xFFFFFFFF, A)]


def test_of_two_lost_one_block_gives_back_the_later() -> None:
    assert red.recover(CHROMIUM, OPUS, 10, 10 * FRAME, 7, 7 * FRAME) == [(9, 9 * FRAME, A)]


def test_of_two_lost_two_blocks_give_back_both() -> None:
    payload = red.wrap(C, [(2 * FRAME, A), (FRAME, B)], OPUS)
    found = red.recover(payload, OPUS, 10, 10 * FRAME, 7, 7 * FRAME)
    assert found == [(8, 8 * FRAME, A), (9, 9 * FRAME, B)]


def test_a_block_of_what_has_arrived_gives_nothing() -> None:
    payload = red.wrap(C, [(2 * FRAME, A), (FRAME, B)], OPUS)
    assert red.recover(payload, OPUS, 10, 10 * FRAME, 8, 8 * FRAME) == [(9, 9 * FRAME, B)]
    assert red.recover(payload, OPUS, 10, 10 * FRAME, 9, 9 * FRAME) == []


def test_a_sender_that_repeats_only_the_last_but_one() -> None:
    payload = red.wrap(C, [(2 * FRAME, A)], OPUS)
    assert red.recover(payload, OPUS, 10, 10 * FRAME, 8, 8 * FRAME) == []
    assert red.recover(payload, OPUS, 10, 10 * FRAME, 7, 7 * FRAME) == [(8, 8 * FRAME, A)]


def test_in_a_pause_of_transmission_only_a_lone_loss_is_sure() -> None:
    payload = red.wrap(C, [(15 * FRAME, A)], OPUS)
    # The one packet between is lost; the timestamp shows how long the pauses around it were.
    assert red.recover(payload, OPUS, 10, 40 * FRAME, 8, 0) == [(9, 25 * FRAME, A)]
    assert red.recover(payload, OPUS, 10, 40 * FRAME, 7, 0) == []


def test_a_late_packet_and_a_new_timeline_give_nothing() -> None:
    assert red.recover(CHROMIUM, OPUS, 5, 5 * FRAME, 9, 9 * FRAME) == []
    assert red.recover(CHROMIUM, OPUS, 10, 0, 8, 8 * FRAME) == []


def test_longer_frames_count_as_what_they_are() -> None:
    # 40 ms each.
    payload = red.wrap(b"\x79xx", [(2 * FRAME, b"\x79yy")], OPUS)
    found = red.recover(payload, OPUS, 10, 20 * FRAME, 8, 16 * FRAME)
    assert found == [(9, 18 * FRAME, b"\x79yy")]


# Redundancy made here.


def test_encode_puts_the_oldest_first() -> None:
    payload = red.encode(C, 10 * FRAME, [(9 * FRAME, B), (8 * FRAME, A)], OPUS)
    assert red.blocks(payload, OPUS) == [(2 * FRAME, A), (FRAME, B), (0, C)]


def test_encode_counts_time_across_a_wrap() -> None:
    payload = red.encode(B, 100, [(100 - FRAME & 0xFFFFFFFF, A)], OPUS)
    assert payload == CHROMIUM


@pytest.mark.parametrize(
    "earlier",
    [
        [(10 * FRAME, A)],  # the same instant
        [(11 * FRAME, A)],  # a stream that began anew
        [(10 * FRAME - red.MAX_OFFSET - 1, A)],
        [(9 * FRAME, bytes(red.MAX_BLOCK + 1))],
        [],
    ],
)
def test_encode_leaves_out_what_has_no_place(earlier: list[tuple[int, bytes]]) -> None:
    assert red.encode(B, 10 * FRAME, earlier, OPUS) == b"\x6f" + B


def test_encode_stays_within_a_datagram() -> None:
    frame = bytes((0x78,)) + bytes(399)
    earlier = [((9 - i) * FRAME, frame) for i in range(4)]
    payload = red.encode(frame, 10 * FRAME, earlier, OPUS)
    assert len(payload) <= red.MAX_PAYLOAD
    assert [offset for offset, _ in red.blocks(payload, OPUS)] == [FRAME, 0]


def test_a_large_packet_passes_without_redundancy() -> None:
    frame = bytes((0x78,)) + bytes(1270)
    assert red.encode(frame, FRAME, [(0, A)], OPUS) == b"\x6f" + frame
