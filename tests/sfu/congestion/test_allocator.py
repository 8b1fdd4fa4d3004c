"""The budget of one participant, shared out."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.congestion.allocator import (
    FIRST_OVER_HELD,
    FIRST_OVER_NEW,
    FIRST_STEADY_OVER_HELD,
    HEADROOM,
    LayerOffer,
    VideoRequest,
    allocate,
    nominal_bps,
    wanted_bps,
)
from sfu.control import TrackView
from sfu.send.layer_selector import ALL, NONE, Layer

Q = LayerOffer(0, 320, 180, (60e3, 90e3, 150e3))
H = LayerOffer(1, 640, 360, (200e3, 300e3, 500e3))
F = LayerOffer(2, 1280, 720, (600e3, 900e3, 1500e3))
CAMERA = (Q, H, F)
LONE = (LayerOffer(0, 640, 480, (400e3,)),)
SCREEN = (LayerOffer(0, 1920, 1080, (300e3, 1200e3)),)


def view(width=640, height=360, importance="tile", quality="auto"):
    return TrackView(
        up_track="t", width=width, height=height, importance=importance, quality=quality
    )


def video(layers=CAMERA, current=NONE, **shown):
    return VideoRequest(layers, view(**shown), current)


def layers_of(budget, requests, **limits):
    return [answer.layer for answer in allocate(budget, requests, **limits)]


def settled(budget, requests, **limits):
    """The answer once it no longer changes, with what was allotted fed back."""
    for _ in range(20):
        answers = allocate(budget, requests, **limits)
        after = [
            request._replace(current=answer.layer)
            for request, answer in zip(requests, answers, strict=True)
        ]
        if after == requests:
            return answers
        requests = after
    raise AssertionError("it does not settle")


# What a view asks for.


@pytest.mark.parametrize(
    ("width", "height", "spatial"),
    [
        (1, 1, 0),
        (320, 180, 0),
        (400, 225, 0),
        (401, 225, 1),
        (400, 226, 1),
        (640, 360, 1),
        (800, 450, 1),
        (801, 450, 2),
        (1280, 720, 2),
        (4096, 2160, 2),
        (10**9, 10**9, 2),
        (10**9, 1, 2),
    ],
)
def test_a_tile_wants_no_more_than_covers_it(width, height, spatial):
    (answer,) = allocate(math.inf, [video(width=width, height=height)])
    assert answer.layer == answer.preferred == Layer(spatial, ALL)
    assert not answer.limited


@pytest.mark.parametrize(
    ("width", "height"), [(0, 0), (0, 360), (640, 0), (-1, 360), (640, -1), (-(10**9), -(10**9))]
)
@pytest.mark.parametrize("importance", ["screen", "main", "tile"])
@pytest.mark.parametrize("quality", ["auto", "low", "high"])
def test_what_is_not_seen_gets_nothing(width, height, importance, quality):
    hidden = video(width=width, height=height, importance=importance, quality=quality)
    assert allocate(math.inf, [hidden]) == [(NONE, False, 0.0, NONE)]
    assert wanted_bps([hidden]) == 0


def test_a_video_that_no_view_named_is_seen_in_full():
    assert layers_of(math.inf, [VideoRequest(CAMERA)]) == [Layer(2, ALL)]


def test_quality_low_and_high():
    shown = {"width": 640, "height": 360}
    assert layers_of(math.inf, [video(**shown, quality="low")]) == [Layer(0, ALL)]
    assert layers_of(math.inf, [video(**shown, quality="high")]) == [Layer(2, ALL)]
    assert layers_of(700e3, [video(**shown, quality="high")]) == [Layer(1, ALL)]


def test_a_track_without_layers_gets_none():
    assert allocate(1e6, [video(())]) == [(NONE, False, 0.0, NONE)]
    assert allocate(1e6, []) == []


def test_a_lone_stream_is_layer_zero():
    assert layers_of(math.inf, [video(LONE, width=100, height=50)]) == [Layer(0, ALL)]


@pytest.mark.parametrize(
    ("count", "width", "spatial"),
    [(3, 320, 0), (3, 401, 1), (3, 801, 2), (2, 400, 0), (2, 401, 1), (1, 4000, 0)],
)
def test_sizes_that_no_keyframe_gave(count, width, spatial):
    offers = tuple(LayerOffer(n) for n in range(count))
    assert layers_of(math.inf, [video(offers, width=width, height=10)]) == [Layer(spatial, ALL)]


def test_sizes_follow_from_the_one_that_is_known():
    offers = (LayerOffer(0), LayerOffer(1, 480, 270), LayerOffer(2))
    assert layers_of(math.inf, [video(offers, width=300, height=150)]) == [Layer(0, ALL)]
    assert layers_of(math.inf, [video(offers, width=301, height=150)]) == [Layer(1, ALL)]
    assert layers_of(math.inf, [video(offers, width=601, height=150)]) == [Layer(2, ALL)]


def test_a_shared_screen_is_shown_whole_so_its_tighter_side_counts():
    offers = (LayerOffer(0, 960, 540), LayerOffer(1, 1920, 1080))
    broad = {"width": 3000, "height": 600}
    assert layers_of(math.inf, [video(offers, **broad, importance="screen")]) == [Layer(0, ALL)]
    assert layers_of(math.inf, [video(offers, **broad, importance="main")]) == [Layer(1, ALL)]


@pytest.mark.parametrize(
    ("width", "height", "low", "high"),
    [(320, 180, 150e3, 150e3), (640, 360, 450e3, 500e3), (1280, 720, 1.4e6, 1.6e6)],
)
def test_nominal_rates_are_what_browsers_are_asked_to_send(width, height, low, high):
    assert low <= nominal_bps(width, height) <= high


@pytest.mark.parametrize(("width", "height"), [(0, 0), (-5, 7), (10**6, 10**6)])
def test_nominal_rates_of_absurd_sizes(width, height):
    assert 30e3 <= nominal_bps(width, height) <= 4e6


# Who gets what.


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (0, NONE),
        (49e3, NONE),
        (51e3, Layer(0, 0)),
        (89e3, Layer(0, 0)),
        (90e3, Layer(0, 1)),
        (187e3, Layer(0, 1)),
        (188e3, Layer(0, ALL)),
        (374e3, Layer(0, ALL)),
        (375e3, Layer(1, 1)),
        (624e3, Layer(1, 1)),
        (625e3, Layer(1, ALL)),
        (1124e3, Layer(1, ALL)),
        (1125e3, Layer(2, 1)),
        (1874e3, Layer(2, 1)),
        (1875e3, Layer(2, ALL)),
    ],
)
def test_one_video_climbs_as_the_budget_grows(budget, expected):
    (answer,) = allocate(budget, [video(width=1280, height=720)])
    assert answer.layer == expected
    assert answer.limited is (expected != Layer(2, ALL))


def test_a_quarter_of_the_frame_rate_is_for_screens_only():
    layers = (Q, H)
    shown = {"width": 1920, "height": 1080}
    assert layers_of(260e3, [video(layers, **shown, importance="main")]) == [Layer(0, ALL)]
    assert layers_of(260e3, [video(layers, **shown, importance="screen")]) == [Layer(1, 0)]


def test_what_costs_no_less_than_something_better_is_passed_over():
    cheap = (Q, LayerOffer(1, 640, 360, (30e3, 50e3)))
    assert layers_of(200e3, [video(cheap)]) == [Layer(1, ALL)]
    assert layers_of(40e3, [video(cheap)]) == [Layer(1, 0)]


def test_everybody_moves_before_anybody_is_raised():
    requests = [
        video(width=1280, height=720, importance="main"),
        *(video(width=320, height=180) for _ in range(3)),
    ]
    assert layers_of(360e3 * HEADROOM, requests) == [Layer(0, 1)] * 4
    # Few that move are better than many that stutter.
    assert layers_of(360e3 * HEADROOM - 1, requests)[1:] == [*[Layer(0, 1)] * 2, NONE]
    # And then the most important as far as it wants before any other.
    assert layers_of(1770e3 * HEADROOM - 1, requests) == [Layer(2, 1), *[Layer(0, ALL)] * 3]
    assert layers_of(1770e3 * HEADROOM, requests) == [Layer(2, ALL), *[Layer(0, 1)] * 3]


def test_importance_goes_screen_main_large_small():
    requests = [
        video((Q,), width=200, height=100),
        video((Q,), width=400, height=200),
        video((Q,), width=100, height=50, importance="main"),
        video((Q,), width=50, height=20, importance="screen"),
    ]
    for budget, moving in ((60e3, {3}), (225e3, {3, 2}), (340e3, {3, 2, 1}), (450e3, {0, 1, 2, 3})):
        answers = allocate(budget, requests)
        assert {n for n, answer in enumerate(answers) if answer.layer != NONE} == moving


def test_equals_are_raised_in_turn():
    requests = [video(width=320, height=180 + n) for n in range(4)]
    answers = layers_of(4 * 90e3 * HEADROOM, requests)
    assert answers == [Layer(0, 1)] * 4


def test_audio_comes_first():
    speaker = [video(importance="main")]
    assert layers_of(300e3, speaker, reserved_bps=100e3) == [Layer(0, ALL)]
    assert layers_of(300e3, speaker, reserved_bps=260e3) == [Layer(0, 0)]
    assert layers_of(300e3, speaker, reserved_bps=301e3) == [NONE]
    assert layers_of(300e3, speaker, reserved_bps=1e9) == [NONE]


def test_300_kbit_and_four_publishers_have_all_audio_and_a_moving_video():
    """Four voices at 40 kbit/s with their headers; the estimate 15 % too low."""
    requests = [video(importance="main"), *(video(width=320, height=180) for _ in range(3))]
    answers = settled(300e3 * 0.85, requests, reserved_bps=160e3)
    assert answers[0].layer != NONE
    assert sum(answer.rate_bps for answer in answers) <= 140e3


def test_500_kbit_and_four_publishers_have_two_moving_videos():
    requests = [video(importance="main"), *(video(width=320, height=180) for _ in range(3))]
    answers = settled(500e3, requests, reserved_bps=160e3)
    assert [answer.layer for answer in answers[:2]] == [Layer(0, 1), Layer(0, 1)]
    assert 270e3 / HEADROOM <= sum(answer.rate_bps for answer in answers) <= 340e3


def test_the_first_video_may_go_past_the_budget_and_no_other():
    requests = [video((Q,), importance="main"), video((Q,))]
    over = 60e3 / (1 + FIRST_OVER_NEW)
    assert layers_of(over + 1, requests) == [Layer(0, 0), NONE]
    assert layers_of(over - 1, requests) == [NONE, NONE]
    flowing = [request._replace(current=Layer(0, 0)) for request in requests]
    over = 60e3 / (1 + FIRST_OVER_HELD)
    assert layers_of(over + 1, flowing) == [Layer(0, 0), NONE]
    assert layers_of(over - 1, flowing) == [NONE, NONE]


def test_the_first_video_moves_where_that_just_fits_and_stays_so_a_little_past_it():
    requests = [video((Q,), importance="main"), video((Q,))]
    assert layers_of(89e3, requests) == [Layer(0, 0), NONE]
    assert layers_of(91e3, requests) == [Layer(0, 1), NONE]
    flowing = [request._replace(current=Layer(0, 1)) for request in requests]
    over = 90e3 / (1 + FIRST_STEADY_OVER_HELD)
    assert layers_of(over + 1, flowing) == [Layer(0, 1), NONE]
    assert layers_of(over - 1, flowing) == [Layer(0, 0), NONE]


def test_a_lesser_video_moves_when_the_first_is_too_dear():
    requests = [video(LONE, importance="main"), video((Q,))]
    assert layers_of(200e3, requests) == [NONE, Layer(0, ALL)]


def test_the_viewers_own_limit():
    requests = [video(width=1280, height=720)]
    (answer,) = allocate(math.inf, requests, max_bitrate_bps=700e3)
    assert answer.layer == Layer(1, ALL)
    # It is the viewer's wish.
    assert not answer.limited
    (answer,) = allocate(400e3, requests, max_bitrate_bps=700e3)
    assert answer.layer == Layer(1, 1)
    assert answer.limited
    assert wanted_bps(requests) == 1500e3 * HEADROOM
    assert wanted_bps(requests, 700e3) == 700e3 * HEADROOM


def test_held_steps_stay_new_ones_need_headroom():
    requests = [video(width=1280, height=720)]
    assert layers_of(600e3, requests) == [Layer(1, 1)]
    holding = [requests[0]._replace(current=Layer(1, ALL))]
    assert layers_of(600e3, holding) == [Layer(1, ALL)]
    assert layers_of(500e3, holding) == [Layer(1, ALL)]
    assert layers_of(499e3, holding) == [Layer(1, 1)]
    assert layers_of(1874e3, holding) == [Layer(2, 1)]
    assert layers_of(100e3, holding) == [Layer(0, 1)]


def test_a_layer_held_that_is_gone_or_no_longer_wanted():
    assert layers_of(math.inf, [video((Q,), current=Layer(2, ALL))]) == [Layer(0, ALL)]
    small = video(width=100, height=50, current=Layer(2, ALL))
    assert layers_of(150e3, [small]) == [Layer(0, ALL)]


sizes = st.integers(-(10**9), 10**9) | st.integers(0, 2000)
rates = st.lists(st.floats(1e3, 1e6), min_size=0, max_size=4).map(
    lambda found: tuple(sorted(found))
)


@st.composite
def video_requests(draw):
    count = draw(st.integers(0, 3))
    offers = tuple(
        LayerOffer(n, draw(st.integers(0, 2000)), draw(st.integers(0, 2000)), draw(rates))
        for n in range(count)
    )
    shown = TrackView(
        up_track="t",
        width=draw(sizes),
        height=draw(sizes),
        importance=draw(st.sampled_from(["screen", "main", "tile"])),
        quality=draw(st.sampled_from(["auto", "low", "high"])),
    )
    current = draw(st.sampled_from([NONE, Layer(0, 0), Layer(1, 1), Layer(2, ALL)]))
    return VideoRequest(offers, shown, current)


@given(
    st.lists(video_requests(), max_size=6),
    st.floats(-1e5, 5e6),
    st.floats(0, 1e6),
    st.sampled_from([0.0, 100e3, 2e6]),
)
@settings(max_examples=150, deadline=None)
def test_never_past_the_budget_but_for_the_first(requests, budget, reserved, most):
    answers = allocate(budget, requests, reserved_bps=reserved, max_bitrate_bps=most)
    assert len(answers) == len(requests)
    assert all(answer.rate_bps >= 0 for answer in answers)
    total = sum(answer.rate_bps for answer in answers)
    moving = [answer for answer in answers if answer.layer != NONE]
    network = budget - reserved
    limit = min(network, most) if most else network
    if moving and total > limit + 1e-3:
        assert len(moving) == 1
        whole = min(budget, most) if most and most <= network else budget
        assert total <= limit + FIRST_OVER_HELD * max(0, whole) + 1e-3
    for request, answer in zip(requests, answers, strict=True):
        seen = request.view.width > 0 and request.view.height > 0
        assert (answer.preferred != NONE) is (seen and bool(request.layers))
        assert answer.layer <= answer.preferred
        assert (answer.layer == NONE) is (answer.rate_bps == 0)


cameras = st.builds(
    video,
    st.sampled_from([CAMERA, LONE, SCREEN, (Q,), (Q, H)]),
    st.sampled_from([NONE, Layer(0, 0), Layer(1, 1), Layer(2, ALL)]),
    width=st.integers(0, 2000),
    height=st.integers(0, 2000),
    importance=st.sampled_from(["screen", "main", "tile"]),
)


@given(st.lists(cameras, min_size=2, max_size=6), st.floats(0, 5e6))
@settings(max_examples=100, deadline=None)
def test_what_lesser_videos_want_does_not_touch_greater_ones(requests, budget):
    """They count with the lowest step that moves, and with nothing more."""
    before = allocate(budget, requests)
    for importance, lesser in (("screen", ("main", "tile")), ("main", ("tile",))):
        modest = []
        for request in requests:
            lowest = request.layers[0]
            if request.view.importance in lesser:
                request = request._replace(layers=(lowest,))
            modest.append(request)
        after = allocate(budget, modest)
        for request, old, new in zip(requests, before, after, strict=True):
            if request.view.importance == importance:
                assert old == new


@given(
    st.lists(video_requests(), min_size=1, max_size=5),
    st.floats(1e5, 4e6),
    st.lists(st.floats(0.9, 1.1), min_size=12, max_size=12),
)
@settings(max_examples=100, deadline=None)
def test_a_budget_that_wobbles_by_a_tenth_changes_nothing(requests, budget, wobble):
    """After the highest and the lowest value have been seen, nothing moves any more."""

    def step(factor):
        nonlocal requests
        answers = allocate(budget * factor, requests)
        requests = [r._replace(current=a.layer) for r, a in zip(requests, answers, strict=True)]
        return [answer.layer for answer in answers]

    for factor in (0.9, 1.1) * 8:
        step(factor)
    before = step(0.9)
    for factor in wobble:
        assert step(factor) == before


def test_every_threshold_stands_the_wobble():
    """As above, at every budget from nothing to everything."""
    full = [video(width=1280, height=720, importance="main"), video(width=320, height=180)]
    for budget in range(50_000, 2_200_000, 10_000):
        requests = full
        seen = []
        for factor in (0.9, 1.1) * 5:
            answers = allocate(budget * factor, requests)
            requests = [r._replace(current=a.layer) for r, a in zip(requests, answers, strict=True)]
            seen.append([answer.layer for answer in answers])
        assert seen[-1] == seen[-2], budget


def test_allocating_again_with_the_answer_changes_nothing():
    requests = [video(width=1280, height=720, importance="main"), video(), video(LONE), video()]
    for budget in range(50_000, 4_000_000, 50_000):
        settled(float(budget), requests, reserved_bps=50e3)
