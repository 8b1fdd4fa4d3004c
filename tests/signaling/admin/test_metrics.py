from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from signaling.admin import metrics, totals
from signaling.admin.totals import Totals
from signaling.meter.samples import Sample
from tests.signaling.admin.app import BOUNDS
from tests.signaling.samples import Calls

GRAFANA = Path(__file__).parents[3] / "docs" / "grafana.json"
LINE = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)'
)
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\["\\n])*)"')
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def page(calls: Calls, seconds: int = 5) -> tuple[str, Sample]:
    own = Totals()
    for _ in range(seconds):
        sample, _ = calls.step()
        own.add_sample(sample)
    return metrics.write(sample, own, BOUNDS), sample


def parse(text: str) -> tuple[Series, dict[str, str]]:
    """Series and kinds by family; fails on what Prometheus would refuse."""
    series: Series = {}
    kinds: dict[str, str] = {}
    assert text.endswith("\n")
    family = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in kinds, f"{family} comes twice"
            assert len(line.split(" ", 3)[3]) > 5
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family
            kinds[name] = kind
        else:
            found = LINE.fullmatch(line)
            assert found, line
            name, labels, value = found.groups()
            assert name == family or re.fullmatch(f"{family}_(bucket|sum|count)", name), line
            key = (name, tuple(LABEL.findall(labels or "")))
            assert key not in series, f"{key} comes twice"
            series[key] = float(value)
    return series, kinds


def test_the_page_parses_and_names_follow_the_conventions() -> None:
    text, _ = page(Calls(rooms=3, people=4), 15)
    series, kinds = parse(text)
    for name, kind in kinds.items():
        assert name.startswith("sfu_")
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(ms|kb|mb|percent|bits|kbps|bps)(_|$)", name), name
    assert {name for name, _ in series} <= metrics.NAMES
    assert {label for _, labels in series for label, _ in labels} <= {
        "room",
        "worker",
        "reason",
        "le",
    }


def test_every_name_is_there_once_there_is_something_to_report() -> None:
    calls = Calls(rooms=2, people=3)
    text, _ = page(calls, 15)
    series, _ = parse(text)
    assert {name for name, _ in series} == metrics.NAMES


def test_counters_grow_by_what_the_samples_say() -> None:
    calls, own = Calls(), Totals()
    received = drops = 0.0
    for _ in range(20):
        sample, _ = calls.step()
        own.add_sample(sample)
        received += sample.workers[0].bitrate_received / 8
        drops += sample.workers[0].drops.get("unknownSsrc", 0)
    series, _ = parse(metrics.write(sample, own, BOUNDS))
    worker = (("worker", "0"),)
    assert series["sfu_worker_received_bytes_total", worker] == pytest.approx(received, abs=1)
    reason = (*worker, ("reason", "unknownSsrc"))
    assert series["sfu_worker_dropped_packets_total", reason] == drops
    assert series["sfu_rooms", ()] == 2


def test_the_histogram_adds_up() -> None:
    text, sample = page(Calls(), 3)
    series, _ = parse(text)
    buckets = [
        value
        for (name, labels), value in series.items()
        if name.endswith("_bucket") and labels[0] == ("worker", "0")
    ]
    assert buckets == sorted(buckets)
    assert len(buckets) == len(BOUNDS) + 1
    count = series["sfu_worker_forwarding_delay_seconds_count", (("worker", "0"),)]
    assert buckets[-1] == count == 3 * sum(sample.workers[0].forwarding_delay)
    mean = series["sfu_worker_forwarding_delay_seconds_sum", (("worker", "0"),)] / count
    assert BOUNDS[0] < mean < BOUNDS[5]


def test_a_rooms_name_cannot_break_out_of_its_label() -> None:
    sample, _ = Calls(rooms=1).step()
    name = 'a"} 1\nsfu_rooms 99 \\ 李'
    sample = msgspec.structs.replace(
        sample, rooms=(msgspec.structs.replace(sample.rooms[0], room=name),)
    )
    own = Totals()
    own.add_sample(sample)
    series, _ = parse(metrics.write(sample, own, BOUNDS))
    escaped = 'a\\"} 1\\nsfu_rooms 99 \\\\ 李'
    assert ("sfu_room_participants", (("room", escaped),)) in series
    assert series["sfu_rooms", ()] == 1


def test_rooms_have_a_bounded_number_of_series() -> None:
    many = totals.MAX_ROOMS + 25
    sample, _ = Calls(rooms=many, people=1, tracks=False).step()
    own = Totals()
    own.add_sample(sample)
    series, _ = parse(metrics.write(sample, own, BOUNDS))
    listed = [labels for name, labels in series if name == "sfu_room_participants"]
    assert len(listed) == totals.MAX_ROOMS
    assert series["sfu_rooms_not_listed", ()] == 25
    assert series["sfu_rooms", ()] == many
    own.add_sample(msgspec.structs.replace(sample, rooms=sample.rooms[50:]))
    assert own.rooms_left_out == 0
    assert set(own.rooms) == {room.room for room in sample.rooms[50:]}


def test_a_new_call_in_a_room_counts_anew_and_an_old_one_on() -> None:
    sample, _ = Calls(rooms=1, people=3).step()
    own = Totals()
    own.add_sample(sample)
    first = own.rooms["Physics 2"].bytes_received
    own.add_sample(msgspec.structs.replace(sample, at=sample.at + 1))
    assert own.rooms["Physics 2"].bytes_received == pytest.approx(2 * first)
    room = msgspec.structs.replace(sample.rooms[0], call="another")
    own.add_sample(msgspec.structs.replace(sample, at=sample.at + 2, rooms=(room,)))
    assert own.rooms["Physics 2"].bytes_received == pytest.approx(first)


@pytest.mark.parametrize(("jump", "seconds"), [(-3600.0, 0.0), (86400.0, totals.MAX_GAP)])
def test_a_clock_that_jumps_makes_no_traffic(jump: float, seconds: float) -> None:
    sample, _ = Calls().step()
    own = Totals()
    own.add_sample(sample)
    before = own.workers[0].bytes_received
    own.add_sample(msgspec.structs.replace(sample, at=sample.at + jump))
    grown = own.workers[0].bytes_received - before
    assert grown == pytest.approx(sample.workers[0].bitrate_received / 8 * seconds)


def test_what_is_not_known_has_no_series_and_nothing_is_nan() -> None:
    sample, _ = Calls(rooms=1, people=1).step()
    server = msgspec.structs.replace(sample.server, temperature=None, disk_free=None)
    own = Totals()
    sample = msgspec.structs.replace(sample, server=server)
    own.add_sample(sample)
    series, _ = parse(metrics.write(sample, own, BOUNDS))
    names = {name for name, _ in series}
    assert "sfu_machine_temperature_celsius" not in names
    assert all(value == value for value in series.values())
    assert metrics.write(None, Totals(), BOUNDS) == ""


def test_the_grafana_dashboard_names_exactly_the_metrics_that_are() -> None:
    dashboard = json.loads(GRAFANA.read_text(encoding="utf-8"))
    expressions = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    ]
    queries = [str(one["query"]) for one in dashboard["templating"]["list"]]
    named = set(re.findall(r"\bsfu_\w+", " ".join([*expressions, *queries])))
    # The rest of a histogram is written, but a dashboard need not use it.
    parts = {
        "sfu_worker_forwarding_delay_seconds_sum",
        "sfu_worker_forwarding_delay_seconds_count",
    }
    assert named <= metrics.NAMES
    assert metrics.NAMES - parts <= named


def test_the_grafana_dashboard_is_importable() -> None:
    dashboard = json.loads(GRAFANA.read_text(encoding="utf-8"))
    (wanted,) = dashboard["__inputs"]
    assert (wanted["type"], wanted["pluginId"]) == ("datasource", "prometheus")
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    assert dashboard["schemaVersion"] >= 36
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == f"${{{wanted['name']}}}"
            assert panel["fieldConfig"]["defaults"]["unit"]
            for target in panel["targets"]:
                assert target["expr"].count("(") == target["expr"].count(")")


def test_rooms_have_pseudonyms_that_only_the_token_gives_away() -> None:
    sample = Calls(rooms=2, people=1).step()[0]
    own = Totals()
    own.add_sample(sample)
    first, again, other = (metrics.pseudonyms(secret) for secret in ("one", "one", "two"))
    written = metrics.write(sample, own, BOUNDS, first)
    for room in sample.rooms:
        assert room.room not in written
        assert f'room="{first(room.room)}"' in written
        assert again(room.room) == first(room.room) != other(room.room)
