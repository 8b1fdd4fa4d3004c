from __future__ import annotations

import pytest

from sfu.send.audio_repair import MAX_BUDGET, QUIET_SECONDS, Redundancy, budget, worth_asking
from tests.sfu.voice_link import Repair, listen


@pytest.mark.parametrize(
    ("rtt", "age", "loss", "worth"),
    [
        (0.0, 0.02, 0.0, True),  # not known yet: try
        (0.01, 0.02, 0.01, True),
        (0.01, 0.045, 0.01, True),  # a second time
        (0.01, 0.075, 0.01, False),
        (0.07, 0.02, 0.02, False),  # jitter buffers do not wait so long for so little
        (0.07, 0.02, 0.05, True),
        (0.05, 0.10, 0.10, False),
        (0.15, 0.02, 0.10, False),
        (0.15, 0.0, 1.0, False),
    ],
)
def test_whether_the_answer_would_be_heard(
    rtt: float, age: float, loss: float, worth: bool
) -> None:
    assert worth_asking(rtt, age, loss) is worth


def test_the_budget_grows_with_loss_between_its_bounds() -> None:
    assert [budget(loss) for loss in (0.0, 0.03, 0.045, 0.05, 1.0)] == pytest.approx(
        [0.08, 0.08, 0.09, 0.1, MAX_BUDGET]
    )


# How much redundancy.


def test_more_loss_means_more_blocks_at_once() -> None:
    redundancy = Redundancy()
    assert not redundancy.report(0.0, 0.0)
    assert redundancy.blocks == 0
    assert redundancy.report(0.01, 1.0)
    assert redundancy.blocks == 1
    assert redundancy.report(0.03, 1.1)
    assert redundancy.blocks == 2
    assert not redundancy.report(0.5, 1.2)
    assert redundancy.blocks == 2


def test_less_loss_takes_one_block_away_after_a_quiet_time() -> None:
    redundancy = Redundancy()
    redundancy.report(0.1, 0.0)
    assert not redundancy.report(0.0, QUIET_SECONDS - 0.1)
    assert redundancy.report(0.0, QUIET_SECONDS)
    assert redundancy.blocks == 1
    assert not redundancy.report(0.0, QUIET_SECONDS + 0.1)
    assert redundancy.report(0.0, 2 * QUIET_SECONDS)
    assert redundancy.blocks == 0


def test_loss_that_comes_back_keeps_the_blocks() -> None:
    redundancy = Redundancy()
    redundancy.report(0.1, 0.0)
    for second in range(1, 60):
        assert not redundancy.report(0.05 if second % 8 == 0 else 0.0, float(second))
    assert redundancy.blocks == 2


# What the rules are worth: minutes of a voice on a seeded link.

SECONDS = 40.0


def _concealed(repair: Repair, rtt_ms: float, loss: float, burst: float = 0.0) -> float:
    return listen(repair, rtt_ms, loss, burst=burst, seconds=SECONDS).concealed_percent


@pytest.mark.parametrize("rtt_ms", [10.0, 150.0])
def test_redundancy_repairs_lone_losses_on_any_path(rtt_ms: float) -> None:
    assert _concealed(Repair(), rtt_ms, 0.05) > 4
    assert _concealed(Repair(red=1), rtt_ms, 0.05) < 0.7
    assert _concealed(Repair(red=2), rtt_ms, 0.1) < 0.7


def test_asking_repairs_bursts_on_a_short_path() -> None:
    redundant = _concealed(Repair(red=2), 10, 0.1, burst=3)
    both = Repair(red=2, asks=worth_asking)
    assert redundant > 5
    assert _concealed(both, 10, 0.1, burst=3) < redundant / 2


def test_asking_on_a_long_path_would_make_the_call_slower_and_no_clearer() -> None:
    plain = listen(Repair(), 150, 0.1, seconds=SECONDS)
    always = listen(Repair(asks=lambda rtt, age, loss: age < 0.3), 150, 0.1, seconds=SECONDS)
    ruled = listen(Repair(asks=worth_asking), 150, 0.1, seconds=SECONDS)
    assert always.delay_ms > plain.delay_ms + 20
    assert always.concealed_percent > plain.concealed_percent / 2
    assert ruled == plain


def test_asking_on_a_middling_path_pays_where_much_is_lost() -> None:
    plain = listen(Repair(), 50, 0.05, seconds=SECONDS)
    ruled = listen(Repair(asks=worth_asking), 50, 0.05, seconds=SECONDS)
    assert ruled.concealed_percent < plain.concealed_percent / 2
    assert ruled.delay_ms < plain.delay_ms + 60
