"""The page /metrics, in the text exposition format 0.0.4 of Prometheus. No I/O.

Names follow Prometheus' conventions: the prefix `sfu_`, base units (seconds, bytes, ratios) in the
name, `_total` for counters. Labels are `worker`, `room` and, of drops and histograms, `reason` and
`le`; people have none, so the number of series is bounded by `Totals.MAX_ROOMS` and the workers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from qos import figures
from signaling.admin.totals import RoomTotals, Totals, WorkerTotals
from signaling.meter.samples import Figures, RoomSample, Sample, WorkerSample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
Value = tuple[Labels, float | None]


class Metric(NamedTuple):
    """One family."""

    name: str
    kind: Literal["counter", "gauge"]
    text: str


def pseudonyms(secret: str) -> Callable[[str], str]:
    """What to call a room instead of its name: the same for as long as the secret is.

    Who knows a room's name may join it, so that the names of all rooms are no figures for
    people who read a monitoring system. Without the secret, no list of likely names helps either.
    """
    key = hashlib.sha256(secret.encode()).digest()

    def pseudonym(name: str) -> str:
        digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=6, key=key)
        return f"room-{digest.hexdigest()}"

    return pseudonym


def write(
    sample: Sample | None,
    totals: Totals,
    delay_bounds: Sequence[float],
    room_label: Callable[[str], str] = str,
) -> str:
    """The page. `delay_bounds`: upper bounds in seconds of the forwarding delay's buckets.
    `room_label`: what a room is called.
    """
    lines: list[str] = []
    if sample is not None:
        _server(lines, sample)
        _workers(lines, sample, totals)
        _forwarding_delay(lines, sample, totals, delay_bounds)
        _rooms(lines, sample, totals, room_label)
    return "".join(f"{line}\n" for line in lines)


def escape(text: str) -> str:
    """A label's value."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    """As Go's ParseFloat reads it; whole numbers without a point."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _family(lines: list[str], metric: Metric, values: Iterable[Value]) -> None:
    known = [(labels, value) for labels, value in values if value is not None]
    if not known:
        return
    lines += [f"# HELP {metric.name} {metric.text}", f"# TYPE {metric.name} {metric.kind}"]
    lines += [f"{metric.name}{_labels(labels)} {number(value)}" for labels, value in known]


def _grown(
    lines: list[str],
    table: Iterable[tuple[Metric, str]],
    counted: Sequence[tuple[Labels, WorkerTotals | RoomTotals]],
) -> None:
    """Counters, each by the attribute of the totals that holds it."""
    for metric, attribute in table:
        _family(lines, metric, [(label, round(getattr(own, attribute))) for label, own in counted])


def _labels(labels: Labels) -> str:
    inside = ",".join(f'{name}="{escape(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


_SERVER: tuple[tuple[Metric, Callable[[Sample], float | None]], ...] = (
    (
        Metric(
            "sfu_last_sample_timestamp_seconds", "gauge", "When the figures were taken, Unix time."
        ),
        lambda sample: sample.at,
    ),
    (
        Metric("sfu_uptime_seconds", "gauge", "How long the signaling process has run."),
        lambda sample: sample.server.uptime,
    ),
    (
        Metric(
            "sfu_signaling_cpu_ratio", "gauge", "CPU of the signaling process, share of a core."
        ),
        lambda sample: sample.server.cpu,
    ),
    (
        Metric("sfu_signaling_resident_memory_bytes", "gauge", "Memory of the signaling process."),
        lambda sample: sample.server.rss_bytes,
    ),
    (
        Metric("sfu_machine_cpu_ratio", "gauge", "CPU of the machine, share of all cores."),
        lambda sample: sample.server.machine_cpu,
    ),
    (
        Metric("sfu_machine_memory_used_ratio", "gauge", "Memory of the machine that is in use."),
        lambda sample: sample.server.memory_used,
    ),
    (
        Metric("sfu_machine_temperature_celsius", "gauge", "The machine's hottest zone."),
        lambda sample: sample.server.temperature,
    ),
    (
        Metric("sfu_machine_throttled", "gauge", "1 while a Raspberry Pi slows itself down."),
        lambda sample: int(bool(sample.server.throttled)),
    ),
    (
        Metric("sfu_history_disk_free_bytes", "gauge", "Free space where the history is kept."),
        lambda sample: sample.server.disk_free,
    ),
    (
        Metric("sfu_history_writing", "gauge", "1 while the history is being written."),
        lambda sample: int(sample.server.history == "ok"),
    ),
    (Metric("sfu_rooms", "gauge", "Rooms in use."), lambda sample: len(sample.rooms)),
    (
        Metric("sfu_participants", "gauge", "People in all rooms."),
        lambda sample: sum(len(room.people) for room in sample.rooms),
    ),
)

_WORKER: tuple[tuple[Metric, Callable[[WorkerSample], float | None]], ...] = (
    (
        Metric("sfu_worker_cpu_ratio", "gauge", "CPU of a media worker, share of a core."),
        lambda worker: worker.cpu,
    ),
    (
        Metric("sfu_worker_resident_memory_bytes", "gauge", "Memory of a media worker."),
        lambda worker: worker.rss_bytes,
    ),
    (
        Metric("sfu_worker_transports", "gauge", "Transports that are open."),
        lambda worker: worker.transports,
    ),
    (
        Metric("sfu_worker_rooms", "gauge", "Rooms that the worker serves."),
        lambda worker: worker.routers,
    ),
    (
        Metric("sfu_worker_gathering_seconds", "gauge", "How long packets are gathered first."),
        lambda worker: worker.gather_ms / 1000,
    ),
    (
        Metric("sfu_worker_shedding_level", "gauge", "0: all is sent on; above: the core is busy."),
        lambda worker: worker.shedding,
    ),
)

_WORKER_TOTALS = (
    (
        Metric("sfu_worker_received_packets_total", "counter", "Packets received."),
        "packets_received",
    ),
    (Metric("sfu_worker_sent_packets_total", "counter", "Packets sent."), "packets_sent"),
    (Metric("sfu_worker_received_bytes_total", "counter", "Bytes received."), "bytes_received"),
    (Metric("sfu_worker_sent_bytes_total", "counter", "Bytes sent."), "bytes_sent"),
)

_DROPS = Metric("sfu_worker_dropped_packets_total", "counter", "Packets not taken, by reason.")
_DELAY = "sfu_worker_forwarding_delay_seconds"


def _server(lines: list[str], sample: Sample) -> None:
    for metric, value in _SERVER:
        _family(lines, metric, [((), value(sample))])


def _workers(lines: list[str], sample: Sample, totals: Totals) -> None:
    present = [(_worker_label(worker), worker) for worker in sample.workers]
    for metric, value in _WORKER:
        _family(lines, metric, [(label, value(worker)) for label, worker in present])
    counted = [(label, totals.workers[worker.worker]) for label, worker in present]
    _grown(lines, _WORKER_TOTALS, counted)
    _family(
        lines,
        _DROPS,
        [
            ((*label, ("reason", reason)), count)
            for label, worker in present
            for reason, count in sorted(totals.workers[worker.worker].drops.items())
        ],
    )


def _worker_label(worker: WorkerSample) -> Labels:
    return (("worker", str(worker.worker)),)


def _forwarding_delay(
    lines: list[str], sample: Sample, totals: Totals, bounds: Sequence[float]
) -> None:
    """A histogram must have a sum: each packet counts as the middle of its bucket."""
    if not sample.workers:
        return
    text = "Arrival to send inside the server; the sum is estimated from the buckets."
    lines += [f"# HELP {_DELAY} {text}", f"# TYPE {_DELAY} histogram"]
    for worker in sample.workers:
        label = _worker_label(worker)
        counts = totals.workers[worker.worker].forwarding_delay
        up_to, total = 0, 0.0
        for bound, below, count in zip(bounds, (0.0, *bounds), counts, strict=False):
            up_to += count
            total += count * (below + bound) / 2
            lines.append(f"{_DELAY}_bucket{_labels((*label, ('le', number(bound))))} {up_to}")
        above = sum(counts[len(bounds) :])
        total += above * (bounds[-1] if bounds else 0.0)
        lines.append(f"{_DELAY}_bucket{_labels((*label, ('le', '+Inf')))} {up_to + above}")
        lines.append(f"{_DELAY}_sum{_labels(label)} {number(round(total, 6))}")
        lines.append(f"{_DELAY}_count{_labels(label)} {up_to + above}")


def _directions(room: RoomSample) -> list[Figures]:
    return [one for person in room.people for one in (person.up, person.down)]


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _loss(directions: Sequence[Figures]) -> float | None:
    expected = sum(one.packets for one in directions)
    lost = sum(one.packets_lost for one in directions)
    return min(max(0.0, lost / expected), 1.0) if expected > 0 else None


def _worst(figure: figures.Figure) -> tuple[Metric, Callable[[RoomSample], float | None]]:
    """The worst value of a figure among all directions of a room."""
    assert figure.metric is not None
    worst = _most if figure.worst == "most" else _least
    return (
        Metric(figure.metric.name, "gauge", figure.metric.text),
        lambda room: worst(getattr(one, figure.name) for one in _directions(room)),
    )


_ROOM: tuple[tuple[Metric, Callable[[RoomSample], float | None]], ...] = (
    (
        Metric("sfu_room_participants", "gauge", "People in the room."),
        lambda room: len(room.people),
    ),
    (
        Metric("sfu_room_capacity", "gauge", "People that the room takes."),
        lambda room: room.capacity,
    ),
    (
        Metric("sfu_room_received_loss_ratio", "gauge", "Lost of what people send to the server."),
        lambda room: _loss([person.up for person in room.people]),
    ),
    (
        Metric("sfu_room_sent_loss_ratio", "gauge", "Lost of what the server sends to people."),
        lambda room: _loss([person.down for person in room.people]),
    ),
    *(_worst(figure) for figure in figures.MEANS if figure.metric is not None),
    (
        Metric("sfu_room_grade_min", "gauge", "Grade, 4 the best, of whom it is worst for."),
        lambda room: _least(person.grades.overall for person in room.people),
    ),
)

_ROOM_TOTALS = (
    (Metric("sfu_room_received_bytes_total", "counter", "Bytes from people."), "bytes_received"),
    (Metric("sfu_room_sent_bytes_total", "counter", "Bytes to people."), "bytes_sent"),
)
_ROOM_COUNTS = tuple(
    [
        (Metric(counter.metric.name, "counter", counter.metric.text), place)
        for place, counter in enumerate(figures.COUNTERS)
        if counter.metric is not None
    ]
)
"""Counters of tracks that are declared with a metric, and their places in `RoomTotals.counts`."""
_LEFT_OUT = Metric("sfu_rooms_not_listed", "gauge", "Rooms beyond those that have own series.")


def _rooms(
    lines: list[str], sample: Sample, totals: Totals, label_of: Callable[[str], str]
) -> None:
    present = [
        ((("room", label_of(room.room)),), room)
        for room in sample.rooms
        if room.room in totals.rooms
    ]
    for metric, value in _ROOM:
        _family(lines, metric, [(label, value(room)) for label, room in present])
    counted = [(label, totals.rooms[room.room]) for label, room in present]
    _grown(lines, _ROOM_TOTALS, counted)
    for metric, place in _ROOM_COUNTS:
        _family(lines, metric, [(label, own.counts[place]) for label, own in counted])
    _family(lines, _LEFT_OUT, [((), totals.rooms_left_out)])


NAMES = frozenset(
    {
        *(metric.name for metric, _ in (*_SERVER, *_WORKER, *_ROOM)),
        *(metric.name for metric, _ in (*_WORKER_TOTALS, *_ROOM_TOTALS)),
        *(metric.name for metric, _ in _ROOM_COUNTS),
        *(f"{_DELAY}_{part}" for part in ("bucket", "sum", "count")),
        _DROPS.name,
        _LEFT_OUT.name,
    }
)
"""Every series that may be there."""
