"""The web client's files over HTTP, with headers that keep a page to what it needs."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from signaling.naming import room_addresses
from signaling.site.files import File, Site, accepts_gzip

WEB = Path(__file__).resolve().parents[2] / "web"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob: mediastream:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), "
    "fullscreen=(self), geolocation=(), payment=(), usb=()",
    # A room's name is part of its URL.
    "Referrer-Policy": "no-referrer",
    "Server": "sfu",
    "X-Content-Type-Options": "nosniff",
}


SITE: web.AppKey[Site] = web.AppKey("site", Site)
FOR_EVER = "public, max-age=31536000, immutable"
"""A year, which is as long as it gets (RFC 9111 clause 5.2.2.1, RFC 8246)."""


class RoomNameError(web.HTTPBadRequest):
    """The address of a room's page means none."""

    def __init__(self) -> None:
        super().__init__(text=f"{room_addresses.EXPLANATION['en']}\n")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For every response; what is stored is asked for again, so that an upgrade shows at once."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-cache")


def add_routes(app: web.Application, folder: Path = WEB) -> None:
    """`/`, `/r/<room>` and `/static/...`. Raises `OSError` when the files cannot be read."""

    async def start(request: web.Request) -> web.StreamResponse:
        return page(request, "index.html")

    async def room(request: web.Request) -> web.StreamResponse:
        written = request.match_info.get("room", "")
        name = room_addresses.room_of(written)
        if name is None:
            raise RoomNameError
        if name != written or not request.path.startswith("/r/"):
            raise web.HTTPFound(room_addresses.path_of(name) + _query(request))
        return page(request, "room.html")

    async def static(request: web.Request) -> web.StreamResponse:
        found = request.app[SITE].find(request.match_info["path"])
        if found is None:
            raise web.HTTPNotFound(text="not found\n")
        file, lasting = found
        return _response(request, file, FOR_EVER if lasting else "no-cache")

    app[SITE] = Site(folder)
    app.on_response_prepare.append(add_headers)
    app.router.add_get("/", start)
    app.router.add_get("/{r:[rR]}/{room:.*}", room)
    app.router.add_get("/static/{path:.+}", static)


def page(request: web.Request, name: str) -> web.StreamResponse:
    """A page of the web client; for the routes of an application that has `add_routes`."""
    file = request.app[SITE].file(name)
    if file is None:
        raise web.HTTPNotFound(text="not found\n")
    return _response(request, file, "no-cache")


def _response(request: web.Request, file: File, caching: str) -> web.Response:
    packed = bool(file.packed) and accepts_gzip(request.headers.get("Accept-Encoding", ""))
    # Each form of a file has a tag of its own (RFC 9110 clause 8.8.3.3).
    tag = f'"{file.tag}{"-gz" if packed else ""}"'
    headers = {"Cache-Control": caching, "ETag": tag}
    if file.packed:
        headers["Vary"] = "Accept-Encoding"
    known = [one.strip().removeprefix("W/") for one in _asked(request)]
    if tag in known or "*" in known:
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = file.kind
    if packed:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=file.packed if packed else file.body, headers=headers)


def _asked(request: web.Request) -> list[str]:
    return request.headers.get("If-None-Match", "").split(",")


def _query(request: web.Request) -> str:
    """What followed the path, with its question mark."""
    return f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
