from __future__ import annotations

from typing import Any

from qos.figures import counts
from signaling.meter.samples import BrowserFigures, Figures, Grades, TrackSample
from signaling.records import points
from signaling.records.together import Together


def track(figures: Figures, **more: Any) -> TrackSample:
    base: dict[str, Any] = {
        "track": "t",
        "direction": "outbound",
        "publisher": "p",
        "kind": "video",
    }
    base |= {"source": "camera", "codec": "VP8", "figures": figures}
    return TrackSample(**(base | {"grades": Grades(profile="tiphon", overall=None)} | more))


def test_a_medium_is_summed_up_as_the_meter_does() -> None:
    both = Together()
    one = Figures(
        bitrate=32e3,
        packets=50,
        packets_lost=5,
        loss=10.0,
        jitter=0.01,
        delay=0.2,
        mos=4.0,
        mos_model="m",
    )
    two = Figures(
        bitrate=30e3, packets=50, loss=0.0, jitter=0.03, delay=0.1, round_trip_time=0.1, mos=3.0
    )
    report = BrowserFigures(age=0.0, jitter=0.02, freeze_count=2, freezes_duration=0.5)
    both.add(
        track(one, frames_per_second=10.0, width=320, height=180, counts=counts(nack_count=3)),
        2,
        report,
    )
    both.add(
        track(two, frames_per_second=20.0, width=640, height=360, counts=counts(nack_count=1)),
        1,
        None,
    )
    point = both.point()
    assert points.count(point, "seconds") == 1
    assert points.mean(point, "bitrate") == 62e3
    assert points.loss(point) == points.worst(point, "loss") == 5.0
    assert points.mean(point, "jitter") == 0.03
    assert points.mean(point, "delay") == 0.15
    assert points.mean(point, "round_trip_time") == 0.1
    assert points.mean(point, "mos") == 3.5
    assert points.mean(point, "frames_per_second") == 15.0
    assert points.mean(point, "mean_inter_arrival") == round(1 / 95, 6)
    assert points.size(point) == (640, 360)
    assert points.count(point, "freezes") == 3
    assert points.count(point, "nack_count") == 4
    assert points.count(point, "browser_reports") == 1
    assert points.count(point, "browser_freezes") == 2
    assert points.mean(point, "browser_jitter") == 0.02
    assert both.mos_model == "m"


def test_what_nobody_knows_stays_unknown() -> None:
    both = Together()
    both.add(track(Figures(jitter=float("nan"))), 0, None)
    point = both.point()
    assert points.mean(point, "jitter") is None
    assert points.mean(point, "bitrate") is None
    assert points.loss(point) is None
