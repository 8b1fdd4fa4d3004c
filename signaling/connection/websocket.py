"""One WebSocket: texts from the client to a `Session`, and what that sends to the client.

Theory of operation. Outgoing messages wait in a `Backlog`; a reader that does not take the answers
to its own requests is cut off, and may resume. The heartbeat is aiohttp's: a ping every 10 s, and
the end 5 s later without a pong.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from aiohttp import WSCloseCode, WSMsgType, web

from signaling import messages
from signaling.access.guesses import Allowance
from signaling.connection.backlog import Backlog
from signaling.connection.connection_end import abort
from signaling.connection.message_table import MessageTable
from signaling.connection.session import End, Session

log = logging.getLogger(__name__)

HEARTBEAT = 10.0
"""Seconds between pings."""
JOIN_TIMEOUT = 120.0
"""Seconds that a socket may stay without a participant; a person may be typing a password."""
MAX_QUEUED = 1000
"""Messages that may wait for a slow reader."""
CLOSE_REPLACED = 4001
"""Another socket resumed the session."""
CLOSE_REMOVED = 4002
"""The admin put this participant out."""
CLOSE_SECONDS = 2.0
"""That a client has to answer our close frame."""
_CODES: dict[End, int] = {
    "left": WSCloseCode.OK,
    "refused": WSCloseCode.OK,
    "replaced": CLOSE_REPLACED,
    "dismissed": CLOSE_REMOVED,
}
_CLEAN = (WSCloseCode.OK, WSCloseCode.GOING_AWAY)


class WebSocket:
    """See the module's text. Satisfies `session.Outlet`."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        table: MessageTable,
        address: str,
        guesses: Allowance,
        on_joined: Callable[[], None],
    ) -> None:
        """`socket` is prepared; `address` is where the client is; the others as in `Session`."""
        self._socket, self._transport, self._address = socket, request.transport, address
        self._backlog, self._news = Backlog(MAX_QUEUED), asyncio.Event()
        self._written = asyncio.Event()
        """Nothing is written any more: all was, or the client is gone."""
        self._end_code: int | None = None
        """Closes the socket once all that waits is written."""
        self._close_code: int | None = None
        """All is written: closes it now."""
        self._timer: asyncio.TimerHandle | None = None
        self._session = Session(table, self, address, guesses, time.monotonic, on_joined)

    async def run(self) -> None:
        """Until the socket has ended."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        self._watch_for_join()
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._written.set()
            if self._close_code is not None:
                # Nobody reads any more, so this waits for the client's own close frame: ending
                # the connection before it came would look to the client like a fault.
                await self._socket.close(code=self._close_code)
            code = self._socket.close_code
            self._session.ended(cleanly=code in _CLEAN, why=code)

    def abort(self) -> None:
        """End the connection without a word."""
        abort(self._transport)

    async def close(self, message: messages.FromServer, code: int) -> None:
        """Send a last message and close."""
        self.send(message)
        self._finish(code)
        await self._written.wait()

    # For the session.

    @property
    def open(self) -> bool:
        """Whether what is sent now may still reach the client."""
        return self._end_code is None

    def send(self, message: messages.FromServer) -> None:
        """Queue a message; a client that does not read is cut off. Never raises."""
        if self._end_code is not None:
            return
        if self._backlog.add(message):
            self._news.set()
        else:
            fields = self._session.fields()
            log.warning("a client at %s reads too slowly", self._address, extra=fields)
            self._end_code = WSCloseCode.TRY_AGAIN_LATER
            abort(self._transport)

    def finish(self, end: End) -> None:
        """Close once what waits is written, with the code that says why."""
        self._finish(_CODES[end])

    def _finish(self, code: int) -> None:
        if self._end_code is None:
            self._end_code = code
            self._news.set()

    def _watch_for_join(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(JOIN_TIMEOUT, self._join_timeout)

    def _join_timeout(self) -> None:
        if self._session.stage == "connected":
            self.abort()
        elif self._session.stage == "waiting":
            # Who is let in or refused meanwhile starts anew: how long one may wait is bounded
            # elsewhere.
            self._watch_for_join()

    # The socket.

    async def _read(self) -> None:
        async for message in self._socket:
            if self._end_code is not None:
                # It is being closed; what still comes counts no more.
                continue
            if message.type is WSMsgType.TEXT:
                await self._session.receive(message.data)
            else:
                self._session.refuse("messages are text")

    async def _write(self) -> None:
        while True:
            message = self._backlog.pop()
            try:
                if message is not None:
                    await self._socket.send_str(messages.encode(message))
                elif self._end_code is not None:
                    self._close_code = self._end_code
                    return
                else:
                    self._news.clear()
                    await self._news.wait()
            except ConnectionError:
                # The reading side sees the end too, and tidies up.
                return
            except Exception:
                log.exception("writing to a client failed", extra=self._session.fields())
                return
