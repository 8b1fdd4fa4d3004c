"""The web client's files over HTTP, with headers that keep a page to what it needs."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from aiohttp import web

WEB = Path(__file__).resolve().parent.parent / "web"

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""By suffix; a file of another kind is not served. The system's own table is not to be trusted."""

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


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For every response; what is stored is asked for again, so that an upgrade shows at once."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-cache")


def add_routes(app: web.Application, folder: Path = WEB) -> None:
    """`/`, `/r/<room>` and `/static/...`."""

    async def start(request: web.Request) -> web.StreamResponse:
        return _file(folder, "index.html")

    async def room(request: web.Request) -> web.StreamResponse:
        return _file(folder, "room.html")

    async def static(request: web.Request) -> web.StreamResponse:
        return _file(folder, request.match_info["path"])

    app.on_response_prepare.append(add_headers)
    app.router.add_get("/", start)
    app.router.add_get("/r/{room:.+}", room)
    app.router.add_get("/static/{path:.+}", static)


def _file(folder: Path, name: str) -> web.StreamResponse:
    path = PurePosixPath(name)
    kind = CONTENT_TYPES.get(path.suffix)
    # Neither up out of the folder, nor to an absolute path, nor to what an editor left behind.
    hidden = any(part.startswith((".", "/", "node_modules")) for part in path.parts)
    file = folder / path
    if kind is None or hidden or "\0" in name or "\\" in name or not _is_file(file):
        raise web.HTTPNotFound(text="not found\n")
    return web.FileResponse(file, headers={"Content-Type": kind})


def _is_file(path: Path) -> bool:
    """False also for what no file system could name: too long, or no text."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
