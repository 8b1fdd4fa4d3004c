"""Clusters from their beginning to what they make of the estimate."""

import pytest

from sfu.congestion.history import Outcome
from sfu.congestion.prober import Prober

KBIT = 1000


def play(prober, cluster, capacity, start):
    """Send the cluster at ticks of 5 ms and report it; returns what it has shown."""
    now, sent, outcomes, free = start, cluster.sent_before, [], 0.0
    while cluster.ended < 0:
        size = cluster.due(now, sent)
        if size:
            sent += size
            first = max(free, now) + size * 4 / capacity
            free = max(free, now) + size * 8 / capacity
            outcomes.append(Outcome(now, size, 2, 2, first + 0.01, free + 0.01))
        now += 0.005
    assert sent - cluster.sent_before == pytest.approx(cluster.bytes, abs=2)
    return prober.add(outcomes, cluster.bps / 2, 0.05, now + 0.1), now + 0.1


def test_the_start_goes_up_step_by_step_until_it_meets_the_link():
    prober, now, sent, shown = Prober(0.0), 0.0, 0, []
    estimate = 300 * KBIT
    while (cluster := prober.due(now, estimate, 20_000 * KBIT, sent)) is not None:
        found, now = play(prober, cluster, 5000 * KBIT, now)
        shown.append(found)
        estimate = max(estimate, int(found))
    assert shown[0] == pytest.approx(900 * KBIT, rel=0.1)
    assert shown[1] == pytest.approx(1800 * KBIT, rel=0.15)
    assert 0.7 * 5000 * KBIT < estimate < 5000 * KBIT
    assert prober.ceiling_bps(now) == pytest.approx(5000 * KBIT, rel=0.1)
    # Then not at once again.
    assert prober.due(now + 0.5, estimate, 20_000 * KBIT, 0) is None
    assert prober.due(now + 3.5, estimate, 20_000 * KBIT, 0) is not None


def test_a_careful_success_counts_in_part_and_an_overuse_ends_the_chain():
    prober = Prober(0.0)
    cluster = prober.due(0.0, 1000 * KBIT, 9000 * KBIT, 0, careful=True)
    assert cluster.bps == 1500 * KBIT
    shown, now = play(prober, cluster, 10_000 * KBIT, 0.0)
    assert 750 * KBIT < shown < 1100 * KBIT
    assert prober.due(now, 1000 * KBIT, 9000 * KBIT, 0, careful=True) is not None
    prober.cluster = None
    prober.overused(now, 0.5, 900 * KBIT)
    assert prober.due(now + 1.9, 1000 * KBIT, 9000 * KBIT, 0, careful=True) is None
    assert prober.due(now + 2.1, 1000 * KBIT, 9000 * KBIT, 0, careful=True) is not None


def test_a_cluster_that_nobody_reports_is_given_up():
    prober = Prober(0.0)
    cluster = prober.due(0.0, 1000 * KBIT, 9000 * KBIT, 0)
    cluster.due(0.1, 0)
    assert prober.add([], 1e6, 0.1, 0.5) == 0
    assert prober.cluster is cluster
    assert prober.add([], 1e6, 0.1, 1.5) == 0
    assert prober.cluster is None


def begin(prober, now, used=150 * KBIT):
    """A cluster at an estimate of 300 kbit/s, of which so much is used."""
    return prober.due(now, 300 * KBIT, 5000 * KBIT, 0, used_bps=used)


def shaped(times=1):
    """A prober that has detected a shaper."""
    prober, now = Prober(0.0), 1.0
    for _ in range(times):
        found, now = play(prober, begin(prober, now), 100_000 * KBIT, now)
        assert found > 500 * KBIT
        prober.overused(now + 2, 0.5, 280 * KBIT)
        now += 10
    return prober, now


def test_clusters_that_were_wrong_are_followed_by_patient_ones():
    prober, now = shaped()
    assert prober.ceiling_bps(now) == pytest.approx(1.05 * 280 * KBIT)
    cluster = begin(prober, now)
    assert cluster.patient
    assert (cluster.bytes, cluster.bps) == (24_000, 600 * KBIT)
    cluster.break_off(now + 0.1)
    assert cluster.ended == now + 0.1
    prober.cluster = None
    assert begin(prober, now + 5) is None
    prober, now = shaped(2)
    assert begin(prober, now).bytes == 48_000


@pytest.mark.parametrize(
    ("used", "after", "arrives"),
    [
        pytest.param(150, 7, 280, id="long ago"),
        pytest.param(150, 2, 480, id="nearly as much gets through"),
        pytest.param(150, 2, 0, id="no queue stood"),
        pytest.param(280, 2, 280, id="all was used, so no bucket was filled"),
        pytest.param(0, 2, 280, id="not known"),
    ],
)
def test_an_overuse_that_has_to_do_with_something_else_proves_nothing(used, after, arrives):
    prober = Prober(0.0)
    found, now = play(prober, begin(prober, 1.0, used * KBIT), 100_000 * KBIT, 1.0)
    prober.overused(now + after, 0.5, arrives / 600 * found)
    assert not begin(prober, now + 20).patient


def test_a_patient_cluster_that_comes_through_is_believed_when_that_holds():
    prober, now = shaped()
    found, now = play(prober, begin(prober, now), 10_000 * KBIT, now)
    assert found == pytest.approx(600 * KBIT, rel=0.1)
    # At once the next, for as long as it is not sure a patient one.
    assert begin(prober, now).patient
    prober.cluster = None
    assert not begin(prober, now + 10).patient


def test_what_showed_nothing_is_tried_again_soon_but_not_without_end():
    prober, now, began = Prober(0.0), 0.0, []
    while now < 20:
        cluster = prober.due(now, 1000 * KBIT, 9000 * KBIT, 0)
        if cluster is not None:
            began.append(now)
            cluster.due(now + 0.1, 0)
            # Held up in the network and let go at once.
            held = [Outcome(now + i / 100, 5000, 4, 4, 9.0, 9.0 + i / 1e4) for i in range(12)]
            assert prober.add(held, 1e6, 0.05, now + 0.2) == 0
        now += 0.05
    assert began[3] < 2
    assert 8 < len(began) < 14
