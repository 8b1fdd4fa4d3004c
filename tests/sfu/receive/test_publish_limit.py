"""A publisher above its limit loses its highest layer, and gets it back when it behaves."""

from __future__ import annotations

from sfu.codecs.opus import MAX_BITRATE_BPS
from sfu.receive.publish_limit import (
    OFFENCES,
    QUIET,
    VOICE_DEBT,
    PublishLimit,
    VoiceLimit,
)


class Sender:
    def __init__(self, limit_bps: int, layers: int = 3) -> None:
        self.limit = PublishLimit(limit_bps)
        self.layers = layers
        self.total = 0
        self.now = 100.0

    def seconds(self, count: int, bps: int) -> list[int]:
        shut = []
        for _ in range(count):
            self.total += bps // 8
            self.now += 1.0
            self.limit.update(self.total, self.layers, self.now)
            shut.append(self.limit.shut)
        return shut


def test_who_keeps_to_it_is_left_alone() -> None:
    assert Sender(1_000_000).seconds(30, 1_200_000) == [0] * 30


def test_one_loud_second_is_forgiven() -> None:
    sender = Sender(1_000_000)
    sender.seconds(2, 900_000)
    assert sender.seconds(1, 5_000_000) == [0]
    assert sender.seconds(5, 900_000) == [0] * 5


def test_layers_are_shut_one_after_another_and_no_more_than_there_are() -> None:
    sender = Sender(1_000_000)
    shut = sender.seconds(1 + OFFENCES * 5, 4_000_000)
    assert shut[1 : 1 + OFFENCES * 3 : 1] == [0, 1, 1, 2, 2, 3]
    assert shut[-1] == 3


def test_it_opens_again_after_some_quiet() -> None:
    sender = Sender(1_000_000)
    sender.seconds(1 + OFFENCES, 4_000_000)
    assert sender.seconds(QUIET, 900_000) == [1] * (QUIET - 1) + [0]


def test_no_limit_and_restarted_totals_do_nothing() -> None:
    assert Sender(0).seconds(20, 50_000_000) == [0] * 20
    sender = Sender(1_000_000)
    sender.seconds(2, 4_000_000)
    sender.total = 0
    assert sender.seconds(1, 4_000_000) == [0], "a new stream's totals begin at nothing"


def voice(bps: int, seconds: int, limit: VoiceLimit, start: float = 100.0) -> tuple[int, int]:
    """Bytes that came and bytes that passed, looked at ten times a second."""
    came = passed = 0
    for tenth in range(seconds * 10):
        if not limit.shut:
            passed += bps // 80
        came += bps // 80
        limit.update(came, 1, start + tenth / 10)
    return came, passed


def test_a_voice_that_opus_can_make_is_never_shut() -> None:
    came, passed = voice(MAX_BITRATE_BPS, 60, VoiceLimit(MAX_BITRATE_BPS))
    assert came == passed
    # Nor is one that a stall held up.
    limit = VoiceLimit(MAX_BITRATE_BPS)
    limit.update(0, 1, 100.0)
    assert not limit.update(MAX_BITRATE_BPS // 8, 1, 101.0)


def test_what_is_no_voice_is_shut_at_once_and_opens_when_it_is_one_again() -> None:
    limit = VoiceLimit(MAX_BITRATE_BPS)
    _, passed = voice(20_000_000, 10, limit)
    assert passed <= 20_000_000 // 8 // 10 + MAX_BITRATE_BPS // 8
    assert limit.shut
    total, at = limit._bytes, 110.0
    for tenth in range(int(VOICE_DEBT * 10) + 5):
        total += 64_000 // 80
        limit.update(total, 1, at + tenth / 10)
    assert not limit.shut
