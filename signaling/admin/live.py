"""The live view: one WebSocket an admin's page, one second of figures a second.

Theory of operation. A sample wakes every reader's own task, which sends the newest that there is
and then sleeps again: a slow reader skips seconds, nothing is queued for it, and nobody waits for
it. `send_str` waits while the connection's buffer is full; after `STALLED` seconds of that the
connection is cut. The text of a second is made once for all pages that show the same, and not
at all without pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from qos import figures, grades
from signaling.admin import wire
from signaling.admin.guard import Guard
from signaling.admin.totals import Totals
from signaling.conference.quality import FAIR, GOOD
from signaling.connection.connection_end import abort
from signaling.meter.samples import Sample

log = logging.getLogger(__name__)

MOST = 32
"""Readers at once."""
STALLED = 10.0
"""Seconds that a reader may take for one second's figures."""
MAX_MESSAGE = 2048
"""Bytes of a reader's message."""
NOT_ADMIN = 4401
"""Close code: the session has ended, log in again."""
TOO_SLOW = 0.1
"""Seconds between two answers to a reader that changes what it watches quickly."""
_BUFFER = 65_536
"""Bytes that may wait inside this process for a slow reader."""

_Text = Annotated[str, msgspec.Meta(max_length=300)]


class Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a page shows."""

    type: Literal["watch"]
    profile: _Text = grades.PROFILES[0]
    room: _Text = ""
    participant: _Text = ""


_NOTHING = Watch(type="watch")


class Live:
    """All readers, and the newest sample."""

    def __init__(self, guard: Guard, delay_bounds: Sequence[float]) -> None:
        """`delay_bounds`: of the histogram of forwarding delays, seconds."""
        self.sample: Sample | None = None
        self.totals = Totals()
        self._guard = guard
        self._readers: set[_Reader] = set()
        self._made: dict[tuple[str, ...], str] = {}
        self._hello = _encode(hello(delay_bounds))

    def add_sample(self, sample: Sample) -> None:
        """The next second."""
        self.totals.add_sample(sample)
        self.sample = sample
        self._made.clear()
        for reader in self._readers:
            reader.wake()

    @property
    def readers(self) -> int:
        """How many are connected."""
        return len(self._readers)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket of one page, until it ends."""
        if "Authorization" not in request.headers and not self._guard.same_origin(request):
            raise web.HTTPForbidden(text="this page may not connect here\n")
        if len(self._readers) >= MOST:
            raise web.HTTPServiceUnavailable(
                text="too many pages are connected already\n", headers={"Retry-After": "10"}
            )
        socket = web.WebSocketResponse(
            timeout=2.0, heartbeat=15.0, max_msg_size=MAX_MESSAGE, compress=True
        )
        await socket.prepare(request)
        if request.transport is not None:
            request.transport.set_write_buffer_limits(high=_BUFFER)
        reader = _Reader(self, socket, request)
        self._readers.add(reader)
        try:
            await reader.run()
        finally:
            self._readers.discard(reader)
        return socket

    async def close(self) -> None:
        """Let all readers go."""
        await asyncio.gather(
            *(reader.close(WSCloseCode.GOING_AWAY) for reader in self._readers),
            return_exceptions=True,
        )

    def admitted(self, request: web.Request) -> bool:
        """Whether the reader's session is still open."""
        return self._guard.still_allows(request, "watch")

    def texts(self, watch: Watch) -> list[str]:
        """What to send a reader for the newest sample."""
        if self.sample is None:
            return []
        texts = [self._text(("", watch.profile), watch)]
        if watch.room or watch.participant:
            key = ("detail", watch.profile, watch.room, watch.participant)
            texts.append(self._text(key, watch))
        return texts

    @property
    def hello(self) -> str:
        """The first message of all."""
        return self._hello

    def _text(self, key: tuple[str, ...], watch: Watch) -> str:
        text = self._made.get(key)
        if text is None:
            assert self.sample is not None
            drops = {number: worker.drops for number, worker in self.totals.workers.items()}
            view = wire.Wire(self.sample, watch.profile, drops)
            made = view.detail(watch.room, watch.participant) if key[0] else view.overview()
            text = self._made[key] = _encode(made)
        return text


class _Reader:
    """One page."""

    def __init__(self, live: Live, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.watch = _NOTHING
        self._live, self._socket, self._request = live, socket, request
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """There is something new."""
        self._awake.set()

    async def run(self) -> None:
        """Listen and send, until the page is gone or cut off."""
        sending = asyncio.create_task(self._send())
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT or not self._hear(message.data):
                    await self.close(WSCloseCode.POLICY_VIOLATION)
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending

    async def close(self, code: int) -> None:
        """Say so, but do not wait long for an answer."""
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(self._socket.close(code=code), 2.0)

    def _hear(self, text: str) -> bool:
        try:
            watch = _WATCH.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return False
        if watch.profile not in grades.PROFILES:
            return False
        self.watch = watch
        self.wake()
        return True

    async def _send(self) -> None:
        """Everything goes out here, in one place and one after the other."""
        try:
            await self._put(self._live.hello)
            self.wake()
            while True:
                await self._awake.wait()
                self._awake.clear()
                if not self._live.admitted(self._request):
                    await self.close(NOT_ADMIN)
                    return
                for text in self._live.texts(self.watch):
                    await self._put(text)
                await asyncio.sleep(TOO_SLOW)
        except TimeoutError:
            log.info("an admin's page stopped reading and was cut off")
            self._cut()
        except ConnectionError:
            self._cut()

    async def _put(self, text: str) -> None:
        await asyncio.wait_for(self._socket.send_str(text), STALLED)

    def _cut(self) -> None:
        abort(self._request.transport)


_WATCH = msgspec.json.Decoder(Watch)


def hello(delay_bounds: Sequence[float]) -> dict[str, Any]:
    """What a page needs to know once: columns, units of figures, counters and of which kind of
    track each is shown, profiles and their bands, levels, buckets."""
    return {
        "type": "hello",
        "version": wire.VERSION,
        "columns": wire.COLUMNS,
        "units": figures.units(),
        "counters": [(figures.camel(counter.name), counter.shown) for counter in figures.COUNTERS],
        "profiles": {
            profile: {**grades.table(profile), "overall": grades.categories(profile)}
            for profile in grades.PROFILES
        },
        "levels": {name: _level(bounds) for name, bounds in (("good", GOOD), ("fair", FAIR))},
        "delayBounds": delay_bounds,
    }


def _level(bounds: Any) -> dict[str, float]:
    """In percent and seconds."""
    return {
        "loss": bounds.loss_percent,
        "roundTripTime": bounds.rtt_ms / 1000,
        "jitter": bounds.jitter_ms / 1000,
    }


def _encode(message: Any) -> str:
    return msgspec.json.encode(message).decode()
