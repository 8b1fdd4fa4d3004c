"""Datagrams on a byte stream, however the network cuts it."""

from __future__ import annotations

import pytest

from sfu.net.framing import MAX_DATAGRAM, FrameReader, frame

DATAGRAMS = [b"\x00one", b"", b"x" * MAX_DATAGRAM, b"\x80", b"", b"last"]


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1499, 1500, 1501, 1502, 1503, 10_000])
def test_any_cut_gives_the_same_datagrams(step: int) -> None:
    stream = b"".join(frame(datagram) for datagram in DATAGRAMS)
    reader = FrameReader()
    found = []
    for at in range(0, len(stream), step):
        found += reader.feed(stream[at : at + step])
    assert found == DATAGRAMS


@pytest.mark.parametrize("size", [MAX_DATAGRAM + 1, 2048, 65535])
@pytest.mark.parametrize("step", [1, 1000, 70_000])
def test_a_frame_too_long_is_skipped_and_shown(size: int, step: int) -> None:
    stream = frame(b"before") + frame(bytes(size)) + frame(b"behind")
    reader = FrameReader()
    found = []
    for at in range(0, len(stream), step):
        found += reader.feed(stream[at : at + step])
    assert [len(datagram) for datagram in found] == [6, MAX_DATAGRAM + 1, 6]
    assert found[2] == b"behind"


def test_half_a_frame_is_kept_until_the_rest_comes() -> None:
    reader = FrameReader()
    assert reader.feed(b"\x00") == []
    assert reader.feed(b"\x04ab") == []
    assert reader.feed(b"cd\x00") == [b"abcd"]
    assert reader.feed(b"") == []
    assert reader.feed(b"\x01e") == [b"e"]
