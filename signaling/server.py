"""The web server: pages, the WebSocket, and what machines ask for. Puts the parts together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Sequence

from aiohttp import WSCloseCode, web

from signaling import messages, stats
from signaling.access.authenticator import GuestByName
from signaling.access.passwords import Passwords
from signaling.conference.requests import Requests
from signaling.conference.rooms import Rooms
from signaling.config import Config
from signaling.connection.message_table import MessageTable
from signaling.connection.websocket import CLOSE_SECONDS, HEARTBEAT, JOIN_TIMEOUT, WebSocket
from signaling.edge.forwarded import Forwarded
from signaling.edge.front import MAX_BODY, Front
from signaling.edge.hosts import OwnNames
from signaling.edge.listener import Listener
from signaling.edge.places import Places
from signaling.limits import address_key
from signaling.naming import names
from signaling.room_listeners import RoomListeners
from signaling.site import invitation, pages
from signaling.worker_pool import Launch, WorkerPool

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds between removals of those who are gone."""
CLOSING = 0.7
"""Seconds that clients have to read that the server closes."""
DRAIN = 1.0
"""Seconds that workers have to close their transports."""


class Server:
    """All of the signaling process: `start`, then `close`."""

    def __init__(
        self,
        config: Config,
        addresses: Sequence[str],
        launch: Launch,
        admin_token: str,
        names: Sequence[str] = (),
        most_connections: int | None = None,
    ) -> None:
        """`addresses`: to offer for media, best first. `launch`: how workers are started.
        `names`: of this server, besides the machine's and `server_names`. `most_connections`:
        what the system allows, where that is less than `max_connections`.
        """
        self._config = config
        self._forwarded = Forwarded(config.proxies)
        self._names = OwnNames(socket.gethostname(), [*names, *config.server_names, config.host])
        self._places = Places(
            most_connections or config.max_connections, config.connections_per_address
        )
        self._listener: Listener | None = None
        self._passwords = Passwords()
        self.rooms = Rooms(config, addresses, self._passwords)
        self.pool = WorkerPool(config.worker_count, launch, self.rooms)
        self.listeners = RoomListeners(config, self.rooms, admin_token, self._forwarded)
        self._table = MessageTable(Requests(self.rooms, GuestByName()).part())
        self._open: set[WebSocket] = set()
        # Sockets that nobody has joined by are the idle ones. One address never gets all.
        self._seats = Places(config.max_sockets, max(1, config.max_sockets // 2))
        self._runner = web.AppRunner(
            self._application(), access_log=None, handle_signals=False, shutdown_timeout=0.2
        )
        self._ticking: asyncio.Task[None] | None = None
        self._started = time.monotonic()

    def _application(self) -> web.Application:
        front = Front(
            self._forwarded,
            self._names,
            tls=self._config.tls,
            proxies_name_us=not self._config.server_names,
            most_of_one=self._config.connections_per_address,
        )
        app = web.Application(middlewares=[front.middleware], client_max_size=MAX_BODY)
        app.router.add_get("/ws", self._websocket)
        app.router.add_get("/api/rooms/{room:.+}", self._room)
        app.router.add_get("/api/stats", self._stats)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self.listeners.add_routes(app)
        invitation.add_route(app, self._config)
        pages.add_routes(app)
        return app

    async def start(self, tls: ssl.SSLContext | None) -> int:
        """Start the workers, then listen. Gives the TCP port.

        Raises `OSError` when the port cannot be had and `WorkerStartError`.
        """
        await self._runner.setup()
        config = self._config
        assert self._runner.server is not None
        self._listener = Listener(
            self._runner.server,
            self._places,
            self._forwarded,
            config.connects_per_minute,
            config.patience,
            tls,
        )
        try:
            port = await self._listener.open(config.host, config.port)
            await self.pool.start()
        except BaseException:
            self._listener.close()
            await self._runner.cleanup()
            self._passwords.close()
            raise
        self._ticking = asyncio.create_task(self._tick())
        return port

    async def close(self) -> None:
        """Notify the clients, drain the workers, and stop; within 3 s."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self._listener is not None:
            self._listener.close()
        closing = [one.close(messages.Closing(), WSCloseCode.GOING_AWAY) for one in self._open]
        # Draining closes media as well: clients hear of it first, or they would see a fault.
        notified = asyncio.gather(*closing, self.listeners.hang_up(), return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(notified, CLOSING)
        await self.pool.close(DRAIN)
        await self.listeners.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._runner.cleanup(), 0.5)
        self._passwords.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            try:
                if self._listener is not None:
                    self._listener.tick(now)
                self.rooms.tick(now)
                self.listeners.tick(now)
            except Exception:
                # A fault in one room must not stop the clock of all.
                log.exception("tidying the rooms failed")

    # Requests.

    def _check_origin(self, request: web.Request) -> None:
        """Pages of other sites must not use the server through a visitor's browser."""
        origin = request.headers.get("Origin")
        if origin is None or origin in self._config.allowed_origins:
            return
        if not self._forwarded.same_origin(request):
            raise web.HTTPForbidden(text="this page may not connect here\n")

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        self._check_origin(request)
        address = self._forwarded.address(request)
        # A proxy that does not name its client cannot be counted as one person.
        key = "" if self._forwarded.trusts(address) else address_key(address)
        place = self._seats.take(key, time.monotonic(), JOIN_TIMEOUT)
        if place is None:
            raise web.HTTPServiceUnavailable(
                text="too many connections\n", headers={"Retry-After": "10"}
            )
        socket = web.WebSocketResponse(
            timeout=CLOSE_SECONDS,
            heartbeat=HEARTBEAT,
            max_msg_size=messages.MAX_MESSAGE,
            compress=False,
        )
        try:
            try:
                await socket.prepare(request)
            except ValueError:
                # A key that is no text, for one.
                raise web.HTTPBadRequest(text="no WebSocket handshake\n") from None
            connection = WebSocket(
                socket,
                request,
                self._table,
                address,
                self.rooms.entrance.guesses.of_socket(),
                on_joined=lambda: self._seats.busy(place),
            )
            place.close = connection.abort
            self._open.add(connection)
            try:
                await connection.run()
            finally:
                self._open.discard(connection)
        finally:
            self._seats.free(place)
        return socket

    async def _room(self, request: web.Request) -> web.Response:
        name = names.clean_room_name(request.match_info["room"])
        if name is None:
            return web.json_response({"error": "badRoomName"}, status=400)
        room = self.rooms.rooms.get(name)
        return web.json_response(
            {
                "exists": room is not None,
                "needsPassword": bool(room and room.description.password_hash),
                "participants": len(room.participants) if room else 0,
                "capacity": room.description.capacity if room else self._config.room_capacity,
                "full": bool(room and room.full),
                "mayCreate": self.rooms.entrance.may_create(self._forwarded.address(request)),
                "lookAlikes": self.rooms.twins_of(name),
            }
        )

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        if self.rooms.ready:
            return web.Response(text="ready\n")
        return web.Response(text="no media worker\n", status=503)

    async def _stats(self, request: web.Request) -> web.Response:
        await self.listeners.check(request, "watch")
        return web.json_response(
            stats.collect(self.rooms, self.pool, time.monotonic() - self._started),
            headers={"Cache-Control": "no-store"},
        )
