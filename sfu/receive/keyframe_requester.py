"""When a publisher is asked for a keyframe of one stream."""

from __future__ import annotations

import math
from typing import Final

KEYFRAME_INTERVAL: Final = 0.5
"""Seconds between two requests for one stream, at least."""
LONGEST_KEYFRAME_INTERVAL: Final = 2.0
"""The same of one that answers none: its encoder is overworked, and each request makes keyframes
of all the other layers too."""


class KeyframeRequester:
    """One a stream."""

    __slots__ = ("_asked_at", "_unanswered", "wanted")

    def __init__(self) -> None:
        self.wanted = False
        """Somebody waits for a keyframe."""
        self._asked_at = -math.inf
        self._unanswered = 0
        """Requests since the last keyframe."""

    def due(self, now: float) -> bool:
        """Whether a request should leave now (monotonic seconds); if so it is noted as made.

        At most one each `KEYFRAME_INTERVAL`; fewer and fewer while none is answered.
        """
        if not self.wanted:
            return False
        interval = KEYFRAME_INTERVAL * max(1, self._unanswered)
        if now - self._asked_at < min(interval, LONGEST_KEYFRAME_INTERVAL):
            return False
        self._unanswered += 1
        self._asked_at = now
        return True

    def answered(self) -> None:
        """A keyframe came."""
        self.wanted = False
        self._unanswered = 0

    def forgive(self) -> None:
        """Requests that could not be answered do not count: the layer was off."""
        self._unanswered = 0
