"""What is less than wanted, and whose link is measured how, reaches the sample."""

from __future__ import annotations

import pytest

from signaling.meter.state import TrackState
from signaling.meter.tracks import _lacks


@pytest.mark.parametrize(
    ("wanted", "arriving", "lacks"),
    [
        (("q", "h", "f"), ["q", "h"], True),
        (("q", "h"), ["q", "h", "f"], False),
        (("q",), ["q"], False),
        ((), ["q"], False),
        (None, ["q"], False),
    ],
)
def test_a_layer_that_is_wanted_and_does_not_arrive_is_lacking(
    wanted: tuple[str, ...] | None, arriving: list[str], lacks: bool
) -> None:
    assert _lacks(TrackState("t", "video", "camera", False, wanted), arriving) is lacks


def test_a_muted_camera_lacks_nothing() -> None:
    assert not _lacks(TrackState("t", "video", "camera", True, ("f",)), ["q"])
