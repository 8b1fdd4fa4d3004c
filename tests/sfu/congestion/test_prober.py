"""When a cluster is sent, how much, and what its arrival says."""

import pytest

from sfu.congestion.history import Outcome
from sfu.congestion.prober import MIN_BYTES, Prober, measure

KBIT = 1000


def cluster_at(capacity, send_bps, *, bursts=4, lost=0, delay=5000.0):
    """Outcomes of bursts 5 ms apart that a link of `capacity` spreads out."""
    size = int(send_bps * 0.005 / 8)
    free, found = 0.0, []
    for index in range(bursts):
        at = index * 0.005
        packets = 5
        first = max(free, at) + size / packets * 8 / capacity
        free = max(free, at) + size * 8 / capacity
        found.append(Outcome(at, size, packets, packets - lost, delay + first, delay + free))
    return found


@pytest.mark.parametrize("capacity", [300 * KBIT, 1000 * KBIT, 8000 * KBIT])
def test_a_bottleneck_is_measured(capacity):
    result = measure(cluster_at(capacity, 3 * capacity))
    assert result.saturated
    assert result.bps == pytest.approx(capacity, rel=0.1)


def test_what_is_not_slowed_down_is_believed_up_to_what_was_sent():
    result = measure(cluster_at(10_000 * KBIT, 2000 * KBIT))
    assert not result.saturated
    assert result.bps == pytest.approx(2000 * KBIT, rel=0.02)


def test_usual_loss_is_no_bottleneck():
    outcomes = cluster_at(2000 * KBIT, 2000 * KBIT, lost=1)
    assert not measure(outcomes, loss=0.2).saturated
    assert measure(outcomes, loss=0.0).saturated


def test_what_tells_nothing():
    assert measure([]) is None
    assert measure(cluster_at(KBIT * 1000, KBIT * 1000, bursts=1)) is None
    # Held up on the way and let go at once.
    held = [Outcome(i / 100, 5000, 4, 4, 9.0, 9.0 + i / 10000) for i in range(4)]
    assert measure(held) is None
    # More than half is lost.
    gone = [outcome._replace(received=2) for outcome in cluster_at(KBIT * 1000, KBIT * 1000)]
    assert measure(gone) is None


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


def test_nobody_wants_more():
    prober = Prober(0.0)
    assert prober.due(0.0, 1000 * KBIT, 1000 * KBIT, 0) is None
    assert prober.due(9.0, 1000 * KBIT, 0, 0) is None


@pytest.mark.parametrize("estimate", [30 * KBIT, 200 * KBIT, 1000 * KBIT, 20_000 * KBIT])
@pytest.mark.parametrize("careful", [False, True])
def test_a_cluster_is_never_a_queue_of_a_tenth_of_a_second(estimate, careful):
    cluster = Prober(0.0).due(0.0, estimate, 100 * estimate, 0, careful)
    assert cluster.bytes <= max(MIN_BYTES, 0.1 * estimate / 8)


def test_media_sent_meanwhile_counts():
    cluster = Prober(0.0).due(0.0, 1000 * KBIT, 9000 * KBIT, 500)
    assert cluster.due(0.0, 500) > 0
    assert cluster.due(0.0, 500 + cluster.bytes) == 0
    cluster.due(1.0, 500 + cluster.bytes)
    assert cluster.ended == 1.0


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


def fooled(times=1):
    """A prober whose clusters were wrong."""
    prober, now = Prober(0.0), 1.0
    for _ in range(times):
        found, now = play(prober, begin(prober, now), 100_000 * KBIT, now)
        assert found > 500 * KBIT
        prober.overused(now + 2, 0.5, 280 * KBIT)
        now += 10
    return prober, now


def test_clusters_that_were_wrong_are_followed_by_patient_ones():
    prober, now = fooled()
    assert prober.ceiling_bps(now) == pytest.approx(1.05 * 280 * KBIT)
    cluster = begin(prober, now)
    assert cluster.patient
    assert (cluster.bytes, cluster.bps) == (24_000, 600 * KBIT)
    cluster.break_off(now + 0.1)
    assert cluster.ended == now + 0.1
    prober.cluster = None
    assert begin(prober, now + 5) is None
    prober, now = fooled(2)
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
    prober, now = fooled()
    found, now = play(prober, begin(prober, now), 10_000 * KBIT, now)
    assert found == pytest.approx(600 * KBIT, rel=0.1)
    # At once the next, for as long as it is not sure a patient one.
    assert begin(prober, now).patient
    prober.cluster = None
    assert not begin(prober, now + 10).patient


def test_what_told_nothing_is_tried_again_soon_but_not_without_end():
    prober, now, began = Prober(0.0), 0.0, []
    while now < 20:
        cluster = prober.due(now, 1000 * KBIT, 9000 * KBIT, 0)
        if cluster is not None:
            began.append(now)
            cluster.due(now + 0.1, 0)
            # Held up on the way and let go at once.
            held = [Outcome(now + i / 100, 5000, 4, 4, 9.0, 9.0 + i / 1e4) for i in range(12)]
            assert prober.add(held, 1e6, 0.05, now + 0.2) == 0
        now += 0.05
    assert began[3] < 2
    assert 8 < len(began) < 14
