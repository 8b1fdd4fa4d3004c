from __future__ import annotations

import pytest

from qos import figures
from qos.figures import COUNTERS, NO_COUNTS, Counter, Figure


def test_counters_travel_in_the_order_of_the_table() -> None:
    one = figures.counts(key_frames=3, nack_count=1)
    assert [counter.name for counter, value in zip(COUNTERS, one, strict=True) if value] == [
        "nack_count",
        "key_frames",
    ]
    assert figures.count(one, "key_frames") == 3
    assert figures.since(one, figures.counts(key_frames=1)) == figures.counts(
        key_frames=2, nack_count=1
    )
    assert figures.added_up([one, one]) == figures.counts(key_frames=6, nack_count=2)
    assert figures.added_up([]) == NO_COUNTS


def test_what_is_not_declared_cannot_be_counted() -> None:
    with pytest.raises(KeyError):
        figures.counts(made_up_count=1)


def test_names_outside_are_in_camel_case() -> None:
    assert [figures.camel(name) for name in ("mos", "nack_count", "mean_inter_arrival")] == [
        "mos",
        "nackCount",
        "meanInterArrival",
    ]
    assert figures.units()["roundTripTime"] == "s"


@pytest.mark.parametrize("figure", figures.BY_NAME.values(), ids=lambda figure: figure.name)
def test_a_figure_says_where_it_comes_from(figure: Figure) -> None:
    assert figure.source
    assert figure.metric is None or figure.worst


@pytest.mark.parametrize("counter", COUNTERS, ids=lambda counter: counter.name)
def test_a_counter_says_where_it_comes_from(counter: Counter) -> None:
    assert counter.source
    assert counter.name not in figures.BY_NAME
