"""Which layer a down track goes to, when, and what it asks for."""

import pytest

from sfu.codecs import vp8
from sfu.send.layer_selector import ALL, NONE, TEMPORAL_PATIENCE, Layer, LayerSelector
from tests.sfu.vp8_frames import TWO_LAYERS, kept, make_frames


def selector(target, arriving=(0, 1, 2), current=-1):
    made = LayerSelector(vp8.CODEC)
    made.arriving = arriving
    if current >= 0:
        made.aim(Layer(current, ALL), Layer(2, ALL))
        assert made.keyframe(current)
    made.aim(target, Layer(2, ALL))
    return made


@pytest.mark.parametrize(
    ("current", "target", "arriving", "pursued"),
    [
        (-1, 0, (0, 1, 2), 0),
        (-1, 2, (0, 1, 2), 2),
        (-1, 2, (0,), 0),
        (-1, 0, (2,), -1),
        (-1, 2, (), -1),
        (0, 0, (0, 1, 2), -1),
        (0, 2, (0, 1, 2), 2),
        (0, 2, (0, 1), 1),
        (0, 2, (0,), -1),
        (2, 0, (0, 1, 2), 0),
        (2, 0, (1, 2), -1),
        (2, 1, (0, 2), 0),
        (2, 2, (0, 1), 1),
        (2, 2, (), -1),
        (0, 0, (2,), -1),
    ],
)
def test_pursued(current, target, arriving, pursued):
    made = selector(Layer(target, ALL), current=current)
    made.arriving = arriving
    assert made.pursued == pursued


@pytest.mark.parametrize(
    ("current", "target", "arriving", "keyframe", "switches"),
    [
        (-1, 2, (0, 1, 2), 2, True),
        (-1, 2, (0, 1, 2), 0, True),
        (-1, 0, (0, 1, 2), 1, False),
        (-1, 0, (1, 2), 1, False),
        (-1, 0, (1, 2), 0, True),
        (0, 2, (0, 1, 2), 1, True),
        (0, 2, (0, 1, 2), 2, True),
        (0, 2, (0, 1, 2), 0, False),
        (0, 1, (0, 1, 2), 2, False),
        (1, 2, (0, 1, 2), 0, False),
        (2, 0, (0, 1, 2), 1, True),
        (2, 0, (0, 1, 2), 0, True),
        (2, 0, (1, 2), 0, True),
        (2, 1, (0, 2), 0, True),
        (2, 1, (0, 1, 2), 0, False),
        (2, 2, (0, 1), 0, True),
        (2, 1, (0,), 2, False),
    ],
)
def test_a_switch_waits_for_a_keyframe_that_is_no_worse(
    current, target, arriving, keyframe, switches
):
    made = selector(Layer(target, ALL), current=current)
    made.arriving = arriving
    assert made.keyframe(keyframe) is switches
    assert made.spatial == (keyframe if switches else current)


def test_a_keyframe_is_asked_for_once_at_the_right_moment():
    made = selector(Layer(2, ALL), arriving=(0,), current=0)
    # It does not arrive yet.
    assert made.wants_keyframe(1.0) == -1
    made.arriving = (0, 2)
    assert made.wants_keyframe(1.1) == 2
    assert made.wants_keyframe(1.2) == -1
    assert made.wants_keyframe(1.59) == -1
    assert made.wants_keyframe(1.6) == 2
    # It still flows.
    assert made.spatial == 0
    assert made.keyframe(2)
    assert made.wants_keyframe(5.0) == -1
    made.aim(Layer(0, ALL), Layer(2, ALL))
    assert made.wants_keyframe(5.0) == 0


def test_another_target_is_asked_for_at_once():
    made = selector(Layer(2, ALL), current=0)
    assert made.wants_keyframe(1.0) == 2
    made.aim(Layer(1, ALL), Layer(2, ALL))
    assert made.wants_keyframe(1.01) == 1


def test_a_layer_that_vanishes_is_replaced_by_the_next_below():
    made = selector(Layer(2, ALL), current=2)
    made.arriving = (0, 1)
    assert made.wants_keyframe(1.0) == 1
    assert made.keyframe(1)
    assert made.current == Layer(1, ALL)
    made.arriving = (0, 1, 2)
    assert made.wants_keyframe(2.0) == 2


def test_nothing_flows_without_a_target():
    made = selector(Layer(1, ALL), current=1)
    assert made.aim(NONE, Layer(2, ALL)) is True
    assert made.current == NONE
    assert made.aim(NONE, Layer(2, ALL)) is False
    assert made.keyframe(1) is False
    assert made.wants_keyframe(1.0) == -1
    made.aim(Layer(0, 1), Layer(2, ALL))
    assert made.wants_keyframe(1.1) == 0
    assert made.keyframe(0)
    assert made.current == Layer(0, 1)


def test_the_temporal_limit_holds_at_once_while_a_lower_stream_is_waited_for():
    made = selector(Layer(0, ALL), current=2)
    assert made.temporal.limit == 0
    made.keyframe(0)
    assert made.temporal.limit == ALL
    made.aim(Layer(2, 1), Layer(2, ALL))
    assert made.temporal.limit == 1


def test_a_lost_stream_begins_anew_with_its_next_keyframe():
    made = selector(Layer(1, ALL), current=1)
    made.lost()
    assert made.wants_keyframe(1.0) == 1
    assert made.keyframe(1)


def test_a_publisher_without_sync_frames_is_asked_for_a_keyframe():
    made = selector(Layer(0, 0), arriving=(0,), current=0)
    never = tuple((tid, 0) for tid, _ in TWO_LAYERS)
    for frame in make_frames(never, 8, packets=1):
        kept(made.temporal, frame)
    made.aim(Layer(0, ALL), Layer(0, ALL))
    assert made.wants_keyframe(1.0) == -1
    assert made.wants_keyframe(1.0 + TEMPORAL_PATIENCE - 0.01) == -1
    assert made.wants_keyframe(1.0 + TEMPORAL_PATIENCE) == 0
    assert made.wants_keyframe(1.1 + TEMPORAL_PATIENCE) == -1
    for frame in make_frames(never, 3, packets=1):
        kept(made.temporal, frame)
    assert not made.temporal.limiting
    assert made.wants_keyframe(20.0) == -1


def test_a_single_stream_is_layer_zero_and_passes_whole():
    made = selector(Layer(0, ALL), arriving=(0,))
    assert made.wants_keyframe(0.0) == 0
    assert made.keyframe(0)
    assert not made.temporal.limiting
    assert made.current == Layer(0, ALL)
