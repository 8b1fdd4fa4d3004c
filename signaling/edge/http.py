"""One HTTP connection: aiohttp's, with a place, deadlines and answers of our own."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web
from aiohttp.http import HttpProcessingError

from signaling.edge import answers
from signaling.edge.patience import Patience
from signaling.edge.places import Place, Places

UNSENT = 64 * 1024
"""Bytes that may wait in memory for a slow reader before whoever writes must wait; asyncio would
let 512 KiB wait under TLS."""
PROXY_SECONDS = 3600.0
"""Between requests of a trusted proxy; longer than proxies themselves keep a connection."""
LINGER_SECONDS = 2.0
"""How long the rest of a refused request is read, so that its sender gets to see the answer."""


class HttpConnection(web.RequestHandler):
    """A connection that has begun to speak; `request.protocol` of all its requests."""

    __slots__ = ("_heard", "_patience", "_places", "_transport", "place")

    def __init__(
        self,
        server: web.Server,
        places: Places,
        place: Place,
        patience: Patience,
        heard: bytes = b"",
    ) -> None:
        """`heard`: what was read from the socket already."""
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # what aiohttp documents for "none"
            lingering_time=LINGER_SECONDS,
            # A body that grows when it is read is nothing that a page of ours sends.
            auto_decompress=False,
        )
        self._places, self.place = places, place
        self._patience, self._heard = patience, heard
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Over TLS: the handshake is done."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.place.close = transport.abort
        if not self.place.taken:
            transport.abort()  # its place was given away a moment ago
        transport.set_write_buffer_limits(UNSENT)
        super().connection_made(transport)
        heard, self._heard = self._heard, b""
        if heard:
            self.data_received(heard)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is gone."""
        super().connection_lost(exc)
        self._places.free(self.place)

    def reading_body(self) -> None:
        """A request's headers have come; its body may follow."""
        self._places.idle(self.place, time.monotonic(), self._patience.body)

    def answering(self) -> None:
        """All of a request has come."""
        self._places.busy(self.place)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write the answer; then the next request is waited for."""
        try:
            return await super().finish_response(request, resp, start_time)
        except Exception as error:
            # In the middle of a file this comes as anything, and is no fault of ours.
            if self._transport is None or self._transport.is_closing():
                raise ConnectionResetError("the client is gone") from error
            raise
        finally:
            self._places.idle(self.place, time.monotonic(), self._rest())

    def _rest(self) -> float:
        """Seconds until the next request must have come."""
        transport = self._transport
        if transport and not transport.is_closing() and transport.get_write_buffer_size():
            return max(self._patience.reading, self._patience.next_request)
        # A proxy keeps its connections and must not find them closed when it needs one.
        return self._patience.next_request if self.place.key else PROXY_SECONDS

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no HTTP gets a short answer, in no words of its own; so does a fault of ours.

        Raises `ConnectionError` when an answer was begun.
        """
        if self.transport is None or isinstance(exc, ConnectionError):
            # The client is gone: there is nobody to answer, and no fault of ours.
            raise ConnectionResetError("the client is gone") from exc
        if isinstance(exc, UnicodeEncodeError) and exc.reason == "surrogates not allowed":
            # A header that is no text was to be quoted in an answer.
            status = 400
        elif exc is not None and not isinstance(exc, HttpProcessingError):
            self.logger.error("a request failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        response = answers.bare(status)
        response.force_close()
        return response
