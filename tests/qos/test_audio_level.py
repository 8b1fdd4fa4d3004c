"""Audio level from decibels to linear."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qos.audio_level import linear

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("level", "expected"),
    [(0, 1.0), (6, 0.501), (20, 0.1), (40, 0.01), (126, 5.01e-7), (127, 0.0), (200, 0), (-3, 1)],
)
def test_levels(level, expected):
    assert linear(level) == pytest.approx(expected, rel=0.001)


@given(st.integers(), st.integers())
@RELAXED
def test_louder_is_never_less(one, other):
    louder, quieter = sorted((one, other))
    assert 0.0 <= linear(quieter) <= linear(louder) <= 1.0
