"""What a TCP connection's queue shows of what its path carries."""

from __future__ import annotations

from sfu.congestion.delay import Usage
from sfu.congestion.estimator import BandwidthEstimator
from sfu.congestion.stream_queue import STANDING_FOR, StreamDetector


class Stream:
    """A connection of which a test chooses what waits."""

    def __init__(self) -> None:
        self.taken = 0
        self.oldest = 0.0

    def waited(self, now: float) -> float:
        return self.oldest


def looks(detector: StreamDetector, stream: Stream, waits: list[float]) -> list[Usage]:
    """A look each 0.1 s, while the kernel takes 100 kB a second."""
    found = []
    for number, wait in enumerate(waits):
        stream.oldest = wait
        stream.taken += 10_000
        found.append(detector.update(100 + number / 10))
    return found


def test_a_moment_without_progress_is_no_overuse() -> None:
    stream = Stream()
    detector = StreamDetector(stream)
    found = looks(detector, stream, [0.0, 0.1, 0.2, 0.3, 0.4, 0.0, 0.1, 0.0, 0.0])
    assert set(found) == {Usage.NORMAL}
    assert detector.taken_bps == 800_000


def test_what_waits_for_half_a_second_is() -> None:
    stream = Stream()
    detector = StreamDetector(stream)
    found = looks(detector, stream, [0.0, *[0.2] * 8, 0.0])
    assert found == [Usage.NORMAL] * 6 + [Usage.OVERUSE] * 3 + [Usage.NORMAL]
    assert detector.queue.delay == 0
    assert STANDING_FOR == 0.5


def test_a_path_that_is_down_says_nothing_of_the_rate() -> None:
    stream = Stream()
    estimator = BandwidthEstimator(0.0, 4_000_000)
    estimator.known = True
    estimator.use_stream(stream)
    for number in range(15):
        stream.oldest = number / 10
        estimator.tick(number / 10)
    assert estimator.rate.bps >= 4_000_000
    # It goes on, and what had waited is taken: nothing was too much.
    stream.oldest = 0.0
    stream.taken += 200_000
    estimator.tick(1.5)
    assert estimator.rate.bps >= 4_000_000


def test_the_rate_comes_down_to_what_the_kernel_takes_without_any_feedback() -> None:
    stream = Stream()
    estimator = BandwidthEstimator(0.0, 4_000_000)
    estimator.known = True
    estimator.use_stream(stream)
    assert estimator.over_tcp
    stream.oldest = 0.5
    for number in range(30):
        stream.taken += 10_000
        estimator.tick(number / 10)
    # 100 kB a second, and a queue to be emptied.
    assert 300_000 < estimator.target_bps < 800_000
    estimator.use_stream(None)
    assert not estimator.over_tcp
