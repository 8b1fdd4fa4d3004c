"""The listeners to what happens in rooms: meter, history, votes, captures, the admin's pages.

Theory of operation. The workers' counters make one sample a second; the dashboard shows it, the
history keeps it. Each part listens to `Rooms.events`, so no call waits for it and none notices
when it fails.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from aiohttp import web

from qos import histogram
from signaling.access.permissions import Act
from signaling.admin.admin_acts import AdminActs
from signaling.admin.routes import Admin
from signaling.conference import events
from signaling.conference.rooms import Rooms
from signaling.config import Config
from signaling.edge.forwarded import Forwarded
from signaling.limits import AddressLimit
from signaling.meter.captures import Captures
from signaling.meter.machine import Machine
from signaling.meter.meter import Meter
from signaling.meter.server_summary import RoomsSummary
from signaling.records import pages as record_pages
from signaling.records import routes as record_routes
from signaling.records.store import Records, Settings
from signaling.records.voters import Voters

log = logging.getLogger(__name__)

LATE_SAMPLE = 1.4
"""Seconds after which the meter waits no longer for a worker that has not reported."""
CLOSE_SECONDS = 0.7
"""That the history has to write its last second."""
VOTES_PER_MINUTE = 60
"""From one address: a whole class may sit behind it."""
_MEGABYTE = 1024 * 1024


class RoomListeners:
    """All of it: `tick` now and then, `hang_up` and `close` at the end."""

    def __init__(
        self,
        config: Config,
        rooms: Rooms,
        admin_token: str,
        forwarded: Forwarded,
    ) -> None:
        """`forwarded`: who asks, with trusted proxies seen through."""
        folder = Path(config.data_dir)
        self._records = _records(config, folder)
        machine = Machine(time.monotonic(), folder=folder, history=self._state_of_history)
        self.meter = Meter(RoomsSummary(rooms), machine, config.grade_profile)
        """One sample a second."""
        self._captures = Captures(rooms, folder / "captures", time.time)
        self._voters = Voters()
        self._votes = AddressLimit(VOTES_PER_MINUTE)
        self._forwarded = forwarded
        self._admin = Admin(
            admin_token,
            forwarded,
            AdminActs(rooms, self._captures),
            histogram.BOUNDS,
            name_rooms=config.metrics_room_names,
        )
        self._events = rooms.events
        for listener in (
            self._measure,
            self._show,
            self._record_happened,
            self._record_sample,
            self._admit_vote,
        ):
            rooms.events.listen(listener)

    def add_routes(self, app: web.Application) -> None:
        """The admin's pages and what they ask for, monitoring, and votes."""
        self._admin.add_routes(app)
        may_read = self._admin.guard.checking("readHistory")
        record_pages.add_page_routes(app, may_read)
        if self._records is not None:
            record_routes.add_routes(app, self._records, may_read, self._voter)

    async def check(self, request: web.Request, act: Act) -> None:
        """Raises `HTTPUnauthorized` or its like for who may not do it."""
        await self._admin.guard.check(request, act)

    def tick(self, now: float) -> None:
        """A few times a second; `now` in monotonic seconds."""
        self._captures.sweep()
        if now - self.meter.sampled_at >= LATE_SAMPLE:
            # A worker is away, or there is none: the others' second must not wait for it.
            try:
                self._sample(now)
            except Exception:
                log.exception("the meter failed")

    async def hang_up(self) -> None:
        """Close the dashboards."""
        await self._admin.close()

    async def close(self) -> None:
        """Write what is left."""
        if self._records is not None:
            await asyncio.to_thread(self._records.close, CLOSE_SECONDS)

    def _state_of_history(self) -> str:
        return "off" if self._records is None else self._records.state

    # Listeners.

    def _measure(self, event: events.Event) -> None:
        """From the workers' counters to a sample, once all have sent theirs."""
        if isinstance(event, events.Left):
            self.meter.departed(event.participant, event.reason)
        elif isinstance(event, events.Statistics):
            now = time.monotonic()
            if self.meter.receive(event.worker, event.pid, event.stats, now):
                self._sample(now)

    def _sample(self, now: float) -> None:
        sample, happened = self.meter.sample(now, time.time())
        self._events.emit(events.Sampled(sample, happened))

    def _show(self, event: events.Event) -> None:
        """On the dashboards."""
        if isinstance(event, events.Sampled):
            self._admin.add_sample(event.sample)

    def _record_happened(self, event: events.Event) -> None:
        """In the history, before the sample of its second: that makes a call known."""
        if isinstance(event, events.Sampled) and self._records is not None:
            for happened in event.happened:
                self._records.event(happened)

    def _record_sample(self, event: events.Event) -> None:
        if isinstance(event, events.Sampled) and self._records is not None:
            self._records.add_sample(event.sample)

    def _admit_vote(self, event: events.Event) -> None:
        """Of who was in a call, for a while after it."""
        if isinstance(event, events.Left):
            now = time.monotonic()
            self._voters.left(event.participant, event.token_digest, event.call, now)

    def _voter(self, request: web.Request, room: str, participant: str, token: str) -> str | None:
        """The call that somebody may vote on."""
        now = time.monotonic()
        wait = float(self._votes.take(self._forwarded.address(request), now))
        call = self._voters.call_of(participant, token, now)
        if call is not None and not wait:
            wait = self._voters.wait(participant, now)
        if wait:
            raise record_routes.too_many(wait)
        return call


def _records(config: Config, folder: Path) -> Records | None:
    if not config.history:
        return None
    return Records(folder, Settings(max_bytes=config.history_megabytes * _MEGABYTE))
