"""What happens in rooms, and who learns of it: one list of events, any number of listeners. No I/O.

Theory of operation. Rooms emit an event when their own state is whole again and the participants
concerned have been sent their messages. `RoomEvents` gives each event to all listeners, in the
order in which they registered, before it goes on to the next event. A listener runs inside the
call's own work: it returns at once, never waits, and takes the time from a clock of its own, which
is the time of the event. It may emit, register and cancel; what it emits follows after the event
at hand, what it registers begins with the next. One that raises is logged and loses that event
only; neither the call nor the other listeners notice.

Order that listeners can rely on: `Opened` comes first of a call and `Closed` last; `Joined` comes
first of a participant and `Left` last, after a `TrackEnded` for each of their tracks.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sfu.control import CaptureState, WorkerStats
from signaling.access.identity import Identity
from signaling.limits import Bucket
from signaling.messages import TrackInfo
from signaling.meter import samples

log = logging.getLogger(__name__)

LeaveReason = Literal["left", "lost", "removed"]
"""By their own act; away for too long; put out."""

LOGGED_PER_SECOND, LOGGED_AT_ONCE = 1 / 60, 5.0
"""Faults of one listener that reach the log with a traceback; further ones are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _InCall:
    room: str
    """Its name, as people see it."""
    call: str
    """Id of this use of the room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(_InCall):
    """A room was made; nobody is in it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(_InCall):
    """The last participant is gone, and so is the room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfParticipant(_InCall):
    participant: str
    """Id."""
    name: str
    """As people see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(_OfParticipant):
    """Somebody is in the room and has been sent its state."""

    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Left(_OfParticipant):
    """Somebody left for good. A WebSocket that is lost is no leave: they may resume."""

    reason: LeaveReason
    token_digest: bytes = field(repr=False)
    """`tokens.digest` of their session's token, by which they can be recognised afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfTrack(_OfParticipant):
    track: TrackInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPublished(_OfTrack):
    """A track was negotiated; it may still be muted, and no packet has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackEnded(_OfTrack):
    """A track is unpublished, or its connection failed, its worker was lost, its publisher left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackMuted(_OfTrack):
    """A track was muted or unmuted; `track.muted` says which."""


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A media worker ended; comes before the `TrackEnded` of its rooms."""

    worker: int
    """Index."""
    pid: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a media worker counts, once a second; its rooms know it already."""

    worker: int
    """Index."""
    pid: int
    stats: WorkerStats = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaptureChanged:
    """A worker reports how far a packet capture is."""

    state: CaptureState


@dataclass(frozen=True, slots=True)
class Sampled:
    """The meter made its sample of one second, from `Statistics` of all workers."""

    sample: samples.Sample = field(repr=False)
    happened: tuple[samples.Event, ...] = field(repr=False)
    """Since the sample before, for the calls' time axes."""


Event = (
    Opened
    | Closed
    | Joined
    | Left
    | TrackPublished
    | TrackEnded
    | TrackMuted
    | WorkerLost
    | Statistics
    | CaptureChanged
    | Sampled
)
Listener = Callable[[Event], None]


@dataclass(slots=True, eq=False)
class _Registered:
    """One registration; the same function may be registered twice."""

    listener: Listener
    faults: Bucket
    unlogged: int = 0
    """Faults since the last one that was logged."""


class RoomEvents:
    """The dispatcher; see the module's text."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: monotonic seconds, to bound what is logged."""
        self._clock = clock
        self._listeners: list[_Registered] = []
        self._waiting: deque[Event] = deque()
        """Emitted by listeners, behind the event at hand."""
        self._dispatching = False

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Give `listener` every event from now on. Gives a function that ends this."""
        entry = _Registered(listener, Bucket(LOGGED_PER_SECOND, LOGGED_AT_ONCE, self._clock()))
        self._listeners.append(entry)

        def cancel() -> None:
            if entry in self._listeners:
                self._listeners.remove(entry)

        return cancel

    def emit(self, event: Event) -> None:
        """Give `event` to all listeners; within one, after the event at hand. Never raises."""
        self._waiting.append(event)
        if self._dispatching:
            return
        self._dispatching = True
        try:
            while self._waiting:
                self._dispatch(self._waiting.popleft())
        finally:
            self._dispatching = False

    def _dispatch(self, event: Event) -> None:
        for entry in tuple(self._listeners):
            # One that was cancelled meanwhile gets nothing any more.
            if entry not in self._listeners:
                continue
            try:
                entry.listener(event)
            except Exception:
                self._fault(entry, event)

    def _fault(self, entry: _Registered, event: Event) -> None:
        if entry.faults.take(self._clock()):
            entry.unlogged += 1
            return
        log.exception(
            "listener %s failed on %s (%d more faults since the last one logged)",
            getattr(entry.listener, "__qualname__", entry.listener),
            type(event).__name__,
            entry.unlogged,
        )
        entry.unlogged = 0
