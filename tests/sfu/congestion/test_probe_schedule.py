"""When a cluster is sent, and how large it is."""

from __future__ import annotations

import pytest

from sfu.congestion.probe_schedule import (
    BLANK_INTERVAL,
    CAREFUL_FACTOR,
    CAREFUL_SUCCESSES,
    FACTOR,
    FIRST_INTERVAL,
    MAX_BLANKS,
    MAX_INTERVAL,
    MAX_PATIENT_BYTES,
    MIN_BYTES,
    NEAR_INTERVAL,
    PATIENT_BYTES,
    PATIENT_INTERVAL,
    RESUME_SHARE,
    START_FACTOR,
    START_INTERVAL,
    Cluster,
    ProbeSchedule,
)

KBIT = 1000
ESTIMATE, WANTED = 1000 * KBIT, 20_000 * KBIT


def begin(schedule: ProbeSchedule, now: float, *, careful: bool = False) -> Cluster:
    assert schedule.is_due(now, ESTIMATE, WANTED)
    return schedule.cluster(now, ESTIMATE, WANTED, 0, careful)


def next_after(schedule: ProbeSchedule, now: float) -> float:
    """Seconds until one is due."""
    tenths = next(n for n in range(200) if schedule.is_due(now + n / 10, ESTIMATE, WANTED))
    return tenths / 10


def test_the_first_is_faster_than_those_that_follow() -> None:
    schedule = ProbeSchedule(0.0)
    assert begin(schedule, 0.0).bps == START_FACTOR * ESTIMATE
    assert begin(schedule, START_INTERVAL).bps == FACTOR * ESTIMATE


def test_nobody_wants_more() -> None:
    schedule = ProbeSchedule(0.0)
    assert not schedule.is_due(0.0, ESTIMATE, ESTIMATE)
    assert not schedule.is_due(9.0, ESTIMATE, 0)


@pytest.mark.parametrize("estimate", [30 * KBIT, 200 * KBIT, 1000 * KBIT, 20_000 * KBIT])
@pytest.mark.parametrize("careful", [False, True])
def test_a_cluster_is_never_a_queue_of_a_tenth_of_a_second(estimate: int, careful: bool) -> None:
    cluster = ProbeSchedule(0.0).cluster(0.0, estimate, 100 * estimate, 0, careful)
    assert cluster.bytes <= max(MIN_BYTES, 0.1 * estimate / 8)


def test_media_sent_meanwhile_counts() -> None:
    cluster = Cluster(3000 * KBIT, 7500, 0.0, 500)
    assert cluster.due(0.0, 500) > 0
    assert cluster.due(0.0, 500 + cluster.bytes) == 0
    cluster.due(1.0, 500 + cluster.bytes)
    assert cluster.ended == 1.0


def test_a_cluster_that_is_broken_off_ended_then() -> None:
    cluster = Cluster(3000 * KBIT, 7500, 0.0, 0)
    cluster.break_off(0.01)
    cluster.break_off(0.02)
    assert cluster.ended == 0.01


def test_after_a_success_the_next_is_due_at_once_at_twice_what_was_reached() -> None:
    schedule = ProbeSchedule(0.0)
    cluster = begin(schedule, 0.0)
    cluster.break_off(0.02)
    schedule.passed(cluster, cluster.bps)
    assert begin(schedule, 0.02).bps == FACTOR * cluster.bps


def test_what_arrived_at_half_its_speed_is_nothing_to_build_on() -> None:
    schedule = ProbeSchedule(0.0)
    cluster = begin(schedule, 0.0)
    schedule.passed(cluster, 0.5 * cluster.bps)
    assert not schedule.is_due(0.5, ESTIMATE, WANTED)


def test_bottlenecks_make_probes_rarer() -> None:
    schedule, now, waits = ProbeSchedule(0.0), 0.0, []
    for _ in range(6):
        begin(schedule, now)
        schedule.met_bottleneck(near=False)
        waits.append(next_after(schedule, now))
        now += waits[-1]
    assert waits == sorted(waits)
    assert waits[0] == START_INTERVAL
    assert waits[-1] == MAX_INTERVAL
    for _ in range(4):
        begin(schedule, now)
        schedule.met_bottleneck(near=True)
        now += next_after(schedule, now)
    begin(schedule, now)
    assert next_after(schedule, now) == NEAR_INTERVAL


def test_near_the_links_end_it_is_careful_until_three_came_through() -> None:
    schedule, now = ProbeSchedule(0.0), 0.0
    for _ in range(CAREFUL_SUCCESSES):
        cluster = begin(schedule, now, careful=True)
        assert cluster.careful
        assert cluster.bps == CAREFUL_FACTOR * ESTIMATE
        cluster.break_off(now + 0.06)
        schedule.passed(cluster, cluster.bps)
        now = cluster.ended
    assert not begin(schedule, now, careful=True).careful


def test_after_a_silence_the_first_is_due_at_once_at_nearly_the_rate_of_before() -> None:
    schedule = ProbeSchedule(0.0)
    begin(schedule, 0.0)
    schedule.resume(0.1, 8 * ESTIMATE)
    cluster = begin(schedule, 0.1, careful=True)
    assert cluster.bps == RESUME_SHARE * 8 * ESTIMATE
    assert not cluster.careful
    assert begin(schedule, 0.1 + FIRST_INTERVAL).bps == FACTOR * ESTIMATE


def test_an_overuse_forgets_what_there_was_before_a_silence() -> None:
    schedule = ProbeSchedule(0.0)
    begin(schedule, 0.0)
    schedule.resume(0.1, 8 * ESTIMATE)
    schedule.overused(0.2, 0.2, shaped=False)
    assert next_after(schedule, 0.2) == FIRST_INTERVAL
    assert begin(schedule, 9.0).bps == FACTOR * ESTIMATE


@pytest.mark.parametrize(("share", "shaped", "soon"), [
    (0.5, False, True), (0.5, True, False), (0.2, False, False),
])  # fmt: skip
def test_after_a_large_drop_it_starts_anew_unless_a_shaper_is_known(
    share: float, shaped: bool, soon: bool
) -> None:
    schedule = ProbeSchedule(0.0)
    schedule.patient_cluster(0.0, ESTIMATE, 0, 1)
    schedule.overused(0.1, share, shaped=shaped)
    assert (next_after(schedule, 0.1) <= FIRST_INTERVAL) is soon


def test_what_showed_nothing_is_tried_again_soon_but_not_without_end() -> None:
    schedule, now, waits = ProbeSchedule(0.0), 0.0, []
    for _ in range(MAX_BLANKS + 2):
        begin(schedule, now)
        schedule.showed_nothing(now)
        waits.append(next_after(schedule, now))
        now += waits[-1]
    assert waits[:MAX_BLANKS] == [BLANK_INTERVAL] * MAX_BLANKS
    assert waits[MAX_BLANKS:] == [START_INTERVAL, FIRST_INTERVAL]


def test_a_shapers_bucket_is_emptied_by_larger_ones_each_time_it_took_one() -> None:
    schedule = ProbeSchedule(0.0)
    sizes = [schedule.patient_cluster(0.0, ESTIMATE, 0, n).bytes for n in (1, 2, 3)]
    assert sizes == [PATIENT_BYTES, 2 * PATIENT_BYTES, MAX_PATIENT_BYTES]
    assert next_after(schedule, 0.0) == PATIENT_INTERVAL
