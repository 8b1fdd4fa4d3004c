"""The live view of a run on a terminal: steps, progress, and what the boxes do second by second."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from types import TracebackType

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bench.watch import Watch

BLOCKS = " ▁▂▃▄▅▆▇█"
WIDTH = 48
"""Seconds that a sparkline shows."""

ROWS = (
    ("cpuPercent", "server CPU, media", "%"),
    ("rssMiB", "server memory", "MiB"),
    ("receivedMbps", "received by all", "Mbit/s"),
    ("delayMeanMs", "mean delay", "ms"),
    ("generatorCpuPercent", "load generator CPU", "%"),
)
"""Of `reports.series`, in the order in which they are shown."""


class LineWatch(Watch):
    """For output that is no terminal: the steps, one line each."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __call__(self, line: str) -> None:
        self.console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> LineWatch:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """There is nothing to take away."""


class LiveWatch(LineWatch):
    """For a terminal. `with` it: the view goes away at the end, the steps stay."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.history: dict[str, deque[float]] = {key: deque(maxlen=WIDTH) for key, _, _ in ROWS}
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(36), TextColumn("{task.fields[shown]}"),
            TimeRemainingColumn(), console=console,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._window = 0.0
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> LiveWatch:
        self._live.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._live.stop()

    def joined(self, count: int, of: int) -> None:
        if count == 1 or self._task is None:
            self._begin("joining", of)
        self._advance(count, f"{count} of {of} steps")

    def window(self, seconds: float) -> None:
        for values in self.history.values():
            values.clear()
        self._window = seconds
        self._begin("measuring", seconds)

    def sample(self, row: Mapping[str, float | None]) -> None:
        for key, values in self.history.items():
            if (number := row.get(key)) is not None:
                values.append(number)
        at = row.get("at") or 0.0
        self._advance(at, f"{at:.0f} of {self._window:.0f} s")

    def _begin(self, what: str, total: float) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total, shown="")

    def _advance(self, done: float, shown: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done, shown=shown)

    def __rich_console__(self, _: Console, __: ConsoleOptions) -> RenderResult:
        yield Group(*self._parts())

    def _parts(self) -> Iterator[Progress | Table]:
        if self._task is not None:
            yield self._progress
        table = Table.grid(padding=(0, 2))
        for key, title, unit in ROWS:
            values = self.history[key]
            if values:
                table.add_row(
                    Text(title, style="dim"),
                    Text(f"{values[-1]:,.1f} {unit}", justify="right"),
                    Text(sparkline(values), style="green"),
                )
        if table.row_count:
            yield table


def sparkline(values: deque[float]) -> str:
    """One block a value, from 0 to the highest of them."""
    top = max(values, default=0.0)
    if top <= 0:
        return BLOCKS[1] * len(values)
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[max(1, min(steps, round(v / top * steps)))] for v in values)
