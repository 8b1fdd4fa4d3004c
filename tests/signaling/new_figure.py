"""Run by `test_new_figure`: a server in which one more counter is declared, `made_up_count`.

Loads `qos.figures` with one line more in its table, lets a meter, a history and /metrics see a few
seconds of a worker that counts it, and prints what leaves the server, as JSON. The argument is a
folder with a history that was written without that line.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

LINE = """    Counter(
        "made_up_count", "nobody", metric=Metric("sfu_room_made_up_total", "Made up, for a test.")
    ),
"""
A_SECOND = 3
"""What the down track of a video counts each second."""


def declare() -> None:
    """Load the table with the line at its end."""
    spec = importlib.util.find_spec("qos.figures")
    assert spec is not None
    assert spec.origin is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["qos.figures"] = module
    table, end, rest = Path(spec.origin).read_text().partition(')\n"""New ones at the end')
    assert end
    text = f"{table}{LINE}{end}{rest}"
    exec(compile(text, spec.origin, "exec"), module.__dict__)
    sys.modules["qos"].figures = module  # type: ignore[attr-defined]


def run(folder: Path) -> dict[str, Any]:
    """What leaves the server."""
    from qos.figures import counts
    from signaling.admin import metrics, wire
    from signaling.admin.live import hello
    from signaling.admin.totals import Totals
    from signaling.records import exports
    from signaling.records.queries import EVERY_CALL
    from signaling.records.store import Records, Settings
    from tests.signaling.admin.app import BOUNDS
    from tests.signaling.meter.test_meter import Run, second

    run, totals = Run(), Totals()
    records = Records(folder, Settings(outbound_tracks=True, keep_free=0), lambda: 2e9)
    for n in range(1, 31):
        message = second(n)
        publish, subscribe = message.per_transport
        voice, video = subscribe.down
        video = msgspec.structs.replace(video, counts=counts(made_up_count=A_SECOND * n))
        subscribe = msgspec.structs.replace(subscribe, down=(voice, video))
        sample = run.step(n, msgspec.structs.replace(message, per_transport=(publish, subscribe)))
        totals.add_sample(sample)
        records.add_sample(sample)
    assert records.flush()
    detail = wire.Wire(sample, "tiphon", {}).detail("", "bo")
    rows = [dict(zip(wire.TRACK, row, strict=True)) for row in detail["tracks"]]
    tables = {}
    for row in records.calls(EVERY_CALL).calls:
        report = records.report(row.call)
        assert report is not None
        tables[row.call] = list(csv.DictReader(io.StringIO(exports.as_csv(report))))
    records.close()
    return {
        "live": rows,
        "hello": hello(BOUNDS),
        "metrics": metrics.write(sample, totals, BOUNDS),
        "csv": tables,
    }


if __name__ == "__main__":
    declare()
    print(json.dumps(run(Path(sys.argv[1]))))
