"""What a participant looks at and listens to, in the media worker's terms. No I/O.

A view names tracks by id and may come before or after the tracks themselves, so it is kept as it
came and is put together with the subscription's tracks each time either changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sfu.control import DownTrackSpec, SetView, TrackView
from signaling import messages

MAX_SIDE = 8192
"""Device pixels; no screen shows more, and a larger wish means the same."""
MAX_BITRATE = 1_000_000_000
"""Bit/s; a higher wish means the same."""

VIEW_INTERVAL = 0.1
"""Seconds between two views of one participant that the worker is sent."""


@dataclass(slots=True)
class PacedView:
    """The latest view of one participant, and when the worker may be sent it."""

    latest: messages.View | None = None
    """None: everything in full."""
    reported_at: float = -math.inf
    """When the worker was last sent one."""
    waits: bool = False
    """`latest` came too soon after the one before, and is reported a little later."""

    def put(self, view: messages.View, now: float) -> float | None:
        """Seconds from now after which `latest` is to be reported, 0 for at once; None when that
        is no news, or arranged already."""
        if view == self.latest:
            return None
        self.latest = view
        wait = self.reported_at + VIEW_INTERVAL - now
        if wait <= 0:
            return 0.0
        arranged, self.waits = self.waits, True
        return None if arranged else wait

    def reported(self, now: float) -> None:
        """The worker is sent `latest`."""
        self.reported_at, self.waits = now, False


def heard_and_seen(
    view: messages.View | None, tracks: Sequence[DownTrackSpec]
) -> tuple[DownTrackSpec, ...]:
    """The tracks to send: without audio where another device plays it."""
    if view is None or view.audio:
        return tuple(tracks)
    return tuple(track for track in tracks if track.kind != "audio")


def set_view(transport: str, view: messages.View, tracks: Sequence[DownTrackSpec]) -> SetView:
    """`view` of the video among `tracks`; what it names besides is passed over."""
    named = {one.track: one for one in view.tracks}
    views = []
    for track in tracks:
        if track.kind != "video":
            continue
        one = named.get(track.up_track)
        if not view.video:
            views.append(TrackView(up_track=track.up_track, width=0, height=0))
        elif one is not None:
            views.append(
                TrackView(
                    up_track=one.track,
                    width=min(one.width, MAX_SIDE),
                    height=min(one.height, MAX_SIDE),
                    importance=one.importance,
                    quality=view.quality,
                )
            )
        elif view.quality != "auto":
            # One that is not named counts as seen in full, but the wish is for all of them.
            views.append(
                TrackView(
                    up_track=track.up_track,
                    width=MAX_SIDE,
                    height=MAX_SIDE,
                    quality=view.quality,
                )
            )
    limit = 0 if view.max_bitrate is None else min(max(1, view.max_bitrate), MAX_BITRATE)
    return SetView(transport=transport, views=tuple(views), max_bitrate_bps=limit)
