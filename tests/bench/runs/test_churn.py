"""What is counted of those who stay."""

from __future__ import annotations

from bench.light.channel import Measured, ReceivedTrack, SentStream
from bench.runs.churn import residents_only, waits


def track(participant: int, publisher: int) -> ReceivedTrack:
    return ReceivedTrack(
        participant=participant, publisher=publisher, kind="audio", packets=1, bytes=1, first=0,
        last=0, delay_sum=0, delay_max=0, jitter_ms=0.0, reordered=0, duplicates=0,
    )  # fmt: skip


def test_only_what_residents_send_each_other_counts() -> None:
    everything = Measured(
        sent=tuple(SentStream(n, "audio", 5, 50, 0) for n in range(4)),
        received=(track(0, 1), track(1, 0), track(0, 2), track(3, 0)),
        delays={0: {1: 1}, 3: {1: 1}},
        unknown=0,
        refused=0,
        cpu_seconds=0.0,
        wall_seconds=1.0,
        late_p99_ms=0.0,
        late_max_ms=0.0,
    )
    found = residents_only(everything, 2)
    assert [s.participant for s in found.sent] == [0, 1]
    assert [(t.participant, t.publisher) for t in found.received] == [(0, 1), (1, 0)]
    assert set(found.delays) == {0}


def test_waits_without_anybody_are_nothing() -> None:
    assert waits([]) == {}
    assert waits([0.5, 0.1, 2.0]) == {"median": 0.5, "longest": 2.0}
