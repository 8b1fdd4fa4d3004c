"""The admin's page, its WebSocket, what it does, and what monitoring reads.

The page itself holds no secret and is served to anybody; all that it shows and does names an act
(`access.permissions`), which `Guard` checks.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
from aiohttp import web

from signaling.access.authenticator import AdminByToken
from signaling.access.permissions import Act
from signaling.admin import metrics
from signaling.admin.actions import ActionError, Actions
from signaling.admin.guard import Guard
from signaling.admin.live import Live
from signaling.edge.forwarded import Forwarded
from signaling.meter.capture import MAX_BYTES, MAX_SECONDS
from signaling.meter.samples import Sample
from signaling.site import pages

log = logging.getLogger(__name__)

_STATUS = {"notFound": 404, "busy": 409, "tooMany": 409, "unsupported": 501, "failed": 500}
_NO_STORE = {"Cache-Control": "no-store"}
T = TypeVar("T")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the admin's."""

    method: Literal["GET", "POST"]
    path: str
    act: Act | None
    """What who asks must be allowed to do; None: open to all."""
    handle: Handler


class _Login(msgspec.Struct, forbid_unknown_fields=True):
    token: str


class _StartCapture(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    participant: Annotated[str, msgspec.Meta(max_length=64)]
    headers_only: bool = True
    seconds: Annotated[float, msgspec.Meta(ge=1, le=MAX_SECONDS)] = 60.0
    limit_bytes: Annotated[int, msgspec.Meta(ge=10_000, le=MAX_BYTES)] = 20_000_000


class Admin:
    """The admin's side: give it each sample with `add_sample`."""

    def __init__(
        self,
        token: str,
        forwarded: Forwarded,
        actions: Actions,
        delay_bounds: Sequence[float],
        *,
        name_rooms: bool = False,
    ) -> None:
        """`forwarded`: who asks. `delay_bounds`: of the histogram of forwarding delays, seconds.
        `name_rooms`: call rooms by their names in `/metrics`, not by what the token makes of them.
        """
        self.guard = Guard(AdminByToken(token), forwarded)
        self._room_label = str if name_rooms else metrics.pseudonyms(token)
        self.live = Live(self.guard, delay_bounds)
        self._actions, self._bounds = actions, delay_bounds

    def add_sample(self, sample: Sample) -> None:
        """The next second, for all who watch."""
        self.live.add_sample(sample)

    async def close(self) -> None:
        """Let all readers go."""
        await self.live.close()

    def add_routes(self, app: web.Application) -> None:
        """`/admin`, `/api/admin/...` and `/metrics`."""
        for route in self.routes():
            add = app.router.add_get if route.method == "GET" else app.router.add_post
            add(route.path, route.handle if route.act is None else self._checked(route))

    def routes(self) -> tuple[Route, ...]:
        """Each with what one must be allowed to do."""
        return (
            Route("GET", "/admin", None, self._page),
            Route("GET", "/metrics", "readMetrics", self._metrics),
            Route("POST", "/api/admin/login", None, self._login),
            Route("POST", "/api/admin/logout", "logOut", self._logout),
            Route("GET", "/api/admin/session", None, self._session),
            Route("GET", "/api/admin/live", "watch", self.live.serve),
            Route("POST", "/api/admin/participants/{id}/remove", "removeAnybody", self._remove),
            Route("POST", "/api/admin/rooms/{room:.+}/close", "closeAnyRoom", self._close_room),
            Route("GET", "/api/admin/captures", "capture", self._captures),
            Route("POST", "/api/admin/captures", "capture", self._start_capture),
            Route("POST", "/api/admin/captures/{id}/stop", "capture", self._stop_capture),
            Route("GET", "/api/admin/captures/{id}/file", "capture", self._capture_file),
        )

    def _checked(self, route: Route) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            assert route.act is not None
            await self.guard.check(request, route.act)
            return await route.handle(request)

        return handle

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return pages.page(request, "admin.html")

    async def _metrics(self, request: web.Request) -> web.Response:
        text = metrics.write(self.live.sample, self.live.totals, self._bounds, self._room_label)
        return web.Response(
            body=text.encode(), headers={"Content-Type": metrics.CONTENT_TYPE} | _NO_STORE
        )

    # The session.

    async def _login(self, request: web.Request) -> web.Response:
        body = await _body(request, _Login)
        response = _json({})
        if await self.guard.log_in(body.token, request, response) is None:
            return _json({"error": "wrongToken"}, 403)
        log.info("an admin logged in")
        return response

    async def _logout(self, request: web.Request) -> web.Response:
        response = _json({})
        self.guard.log_out(request, response)
        return response

    async def _session(self, request: web.Request) -> web.Response:
        """Whether a page need ask for the token; no error, so that no console shows one."""
        return _json({"admin": await self.guard.allows(request, "watch")})

    # What the admin does.

    async def _remove(self, request: web.Request) -> web.Response:
        participant = request.match_info["id"]
        log.info("the admin removes %s", participant, extra={"participant": participant})
        return await _done(self._actions.remove(participant))

    async def _close_room(self, request: web.Request) -> web.Response:
        room = request.match_info["room"]
        log.info("the admin closes a room", extra={"room": room})
        return await _done(self._actions.close_room(room))

    async def _captures(self, request: web.Request) -> web.Response:
        return _json({"captures": self._actions.captures()})

    async def _start_capture(self, request: web.Request) -> web.Response:
        body = await _body(request, _StartCapture)
        log.info(
            "the admin captures packets of %s (%s)",
            body.participant,
            "headers" if body.headers_only else "whole",
            extra={"participant": body.participant},
        )
        starting = self._actions.start_capture(
            body.participant, body.headers_only, body.seconds, body.limit_bytes
        )
        return await _done(starting, "id")

    async def _stop_capture(self, request: web.Request) -> web.Response:
        return await _done(self._actions.stop_capture(request.match_info["id"]))

    async def _capture_file(self, request: web.Request) -> web.StreamResponse:
        capture = request.match_info["id"]
        try:
            path = self._actions.capture_file(capture)
        except ActionError as error:
            return _refused(error)
        if not path.is_file():
            return _json({"error": "notFound"}, 404)
        return web.FileResponse(
            path,
            headers={
                "Content-Type": "application/x-pcapng",
                "Content-Disposition": f'attachment; filename="{path.name}"',
            }
            | _NO_STORE,
        )


async def _body(request: web.Request, kind: type[T]) -> T:
    """Strictly JSON: a form of another site cannot send that. Raises `HTTPBadRequest`."""
    if request.content_type != "application/json" or (request.content_length or 0) > 4096:
        raise web.HTTPBadRequest(text="a short JSON object is needed\n")
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as error:
        raise web.HTTPBadRequest(text=f"{error}\n") from None


async def _done(action: Awaitable[object], name: str = "") -> web.Response:
    try:
        result = await action
    except ActionError as error:
        return _refused(error)
    return _json({name: result} if name else {})


def _refused(error: ActionError) -> web.Response:
    return _json({"error": error.code}, _STATUS[error.code])


def _json(message: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(message),
        status=status,
        headers=_NO_STORE,
        content_type="application/json",
    )
