"""What a run announces while it goes on; `bench.live` draws it."""

from __future__ import annotations

from collections.abc import Mapping


class Watch:
    """Takes the steps of a run and draws nothing: the base of those that do.

    Call it with a line at each step. A plain function of a line may stand in its place; it gets
    the lines only.
    """

    def __call__(self, line: str) -> None:
        """One step, in words."""

    def joined(self, count: int, of: int) -> None:
        """So many of all participants are in the call and receive."""

    def window(self, seconds: float) -> None:
        """The window begins and is to last so long."""

    def sample(self, row: Mapping[str, float | None]) -> None:
        """One row of `reports.series` in the window."""
