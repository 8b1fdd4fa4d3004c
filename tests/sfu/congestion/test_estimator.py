"""The estimator on a virtual link: minutes of network in simulated time."""

import pytest

from tests.sfu.congestion.link import Sender, VirtualLink, greedy, run


@pytest.mark.parametrize("fps", [0, 25], ids=["even", "frames"])
@pytest.mark.parametrize("capacity", [200_000, 500_000, 1_000_000, 2_000_000, 5_000_000])
def test_steady_state(capacity, fps):
    link = VirtualLink(capacity)
    sender = Sender(link, greedy(fps))
    run([sender], 30)
    assert 0.85 * capacity < sender.trace.target(10, 30) < 1.15 * capacity
    assert sender.trace.standing_queue(10, 30) < 0.1


def test_a_cut_and_its_end():
    link = VirtualLink([(0, 5e6), (15, 5e5), (30, 5e6)])
    sender = Sender(link, greedy(), wanted_bps=5_000_000)
    run([sender], 45)
    trace = sender.trace
    former = trace.target(5, 15)
    assert 0.8 * 5e5 < trace.target(20, 30) < 1.15 * 5e5
    assert trace.standing_queue(18, 30) < 0.1
    assert trace.target(38, 40) > 0.9 * former
