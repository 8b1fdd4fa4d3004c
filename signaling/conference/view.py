"""What a participant looks at and listens to, in the media worker's terms: pure functions.

A view names tracks by id and may come before or after the tracks themselves, so it is kept as it
came and is put together with the subscription's tracks each time either changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from sfu.control import DownTrackSpec, SetView, TrackView
from signaling import messages

MAX_SIDE = 8192
"""Device pixels; no screen shows more, and whoever says more gets as much."""
MAX_BITRATE = 1_000_000_000
"""Bit/s; a higher wish means the same."""


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
