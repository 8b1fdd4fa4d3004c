"""The web server: pages, the WebSocket, and what machines ask for. Puts the parts together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web

from signaling import messages, names, pages, stats, tokens
from signaling.auth import Passwords
from signaling.back_office import BackOffice
from signaling.config import Config
from signaling.limits import address_key, within
from signaling.rooms import Rooms
from signaling.session import CLOSE_SECONDS, HEARTBEAT, ROOMS, Session
from signaling.worker_pool import Launch, WorkerPool

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds between looks for those who are gone."""
FAREWELL = 0.7
"""Seconds that clients have to take the news of a shutdown."""
DRAIN = 1.0
"""Seconds that workers have to close their transports."""


def _free_port(host: str | None) -> int:
    """A TCP port that nobody listens on at the moment. Raises `OSError`."""
    family = socket.AF_INET6 if host and ":" in host else socket.AF_INET
    with socket.create_server((host or "", 0), family=family) as probe:
        port: int = probe.getsockname()[1]
        return port


class Server:
    """All of the signaling process: `start`, then `close`."""

    def __init__(
        self, config: Config, addresses: Sequence[str], launch: Launch, admin_token: str
    ) -> None:
        """`addresses`: to offer for media, best first. `launch`: how workers are started."""
        self._config, self._admin_token = config, admin_token
        self._passwords = Passwords()
        self.rooms = Rooms(config, addresses, self._passwords)
        self.pool = WorkerPool(config.worker_count, launch, self.rooms)
        self.back_office = BackOffice(config, self.rooms, admin_token, self._address)
        self._sessions: set[Session] = set()
        self._by_address: Counter[str] = Counter()
        self._runner = web.AppRunner(
            self._application(), access_log=None, handle_signals=False, shutdown_timeout=0.2
        )
        self._ticking: asyncio.Task[None] | None = None
        self._started = time.monotonic()

    def _application(self) -> web.Application:
        app = web.Application()
        app[ROOMS] = self.rooms
        app.router.add_get("/ws", self._websocket)
        app.router.add_get("/api/rooms/{room:.+}", self._room)
        app.router.add_get("/api/stats", self._stats)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self.back_office.add_routes(app)
        pages.add_routes(app)
        return app

    async def start(self, tls: ssl.SSLContext | None) -> int:
        """Start the workers, then listen. Gives the TCP port.

        Raises `OSError` when the port cannot be had and `WorkerStartError`.
        """
        await self._runner.setup()
        host = self._config.host or None
        try:
            # For any port, asyncio would give each address family another one.
            port = self._config.port or _free_port(host)
            site = web.TCPSite(self._runner, host, port, ssl_context=tls)
            await site.start()
            await self.pool.start()
        except BaseException:
            await self._runner.cleanup()
            self._passwords.close()
            raise
        self._ticking = asyncio.create_task(self._tick())
        return port

    async def close(self) -> None:
        """Tell the clients, drain the workers, and stop; within 3 s."""
        if self._ticking is not None:
            self._ticking.cancel()
        closing = [
            session.close(messages.Closing(), WSCloseCode.GOING_AWAY) for session in self._sessions
        ]
        # Draining closes media as well: tell people first, or they would see a fault.
        told = asyncio.gather(*closing, self.back_office.hang_up(), return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told, FAREWELL)
        await self.pool.close(DRAIN)
        await self.back_office.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._runner.cleanup(), 0.5)
        self._passwords.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            try:
                self.rooms.tick(now)
                self.back_office.tick(now)
            except Exception:
                # A fault in one room must not stop the clock of all.
                log.exception("tidying the rooms failed")

    # Requests.

    def _address(self, request: web.Request) -> str:
        """Where the client is; a trusted proxy is believed about whom it speaks for."""
        address = request.remote or ""
        proxies = self._config.proxies
        if proxies and within(address, proxies):
            hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
            for hop in reversed(hops):
                if hop:
                    address = hop
                    if not within(hop, proxies):
                        break
        return address

    def _check_origin(self, request: web.Request) -> None:
        """Pages of other sites must not use the server through a visitor's browser."""
        origin = request.headers.get("Origin")
        if origin is None or origin in self._config.allowed_origins:
            return
        if urlsplit(origin).netloc.lower() != request.host.lower():
            raise web.HTTPForbidden(text="this page may not connect here\n")

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        self._check_origin(request)
        address = self._address(request)
        key = address_key(address)
        most = self._config.max_sockets
        # One address never takes all of the places.
        if len(self._sessions) >= most or self._by_address[key] >= max(1, most // 2):
            raise web.HTTPServiceUnavailable(
                text="too many connections\n", headers={"Retry-After": "10"}
            )
        socket = web.WebSocketResponse(
            timeout=CLOSE_SECONDS,
            heartbeat=HEARTBEAT,
            max_msg_size=messages.MAX_MESSAGE,
            compress=False,
        )
        self._by_address[key] += 1
        try:
            await socket.prepare(request)
            session = Session(socket, request, address)
            self._sessions.add(session)
            try:
                await session.run()
            finally:
                self._sessions.discard(session)
        finally:
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]
        return socket

    async def _room(self, request: web.Request) -> web.Response:
        name = names.clean_room_name(request.match_info["room"])
        if name is None:
            return web.json_response({"error": "badRoomName"}, status=400)
        room = self.rooms.rooms.get(name)
        return web.json_response(
            {
                "exists": room is not None,
                "needsPassword": bool(room and room.password_hash),
                "participants": len(room.participants) if room else 0,
                "capacity": room.capacity if room else self._config.room_capacity,
                "full": bool(room and room.full),
                "mayCreate": self.rooms.may_create(self._address(request)),
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
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not tokens.same(token.strip(), self._admin_token):
            return web.json_response(
                {"error": "the admin token is needed"},
                status=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        return web.json_response(
            stats.collect(self.rooms, self.pool, time.monotonic() - self._started),
            headers={"Cache-Control": "no-store"},
        )
