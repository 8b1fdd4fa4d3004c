"""Whether a request comes from the admin, and from the admin's own page.

A browser proves itself by the session's cookie, a program by `Authorization: Bearer <token>`. The
cookie is sent along by whatever page makes the browser ask, so a request that changes something,
or opens a WebSocket, must also name our own origin (RFC 6454): `SameSite=Strict` alone would let
pages of another port of this host through.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from aiohttp import web

from signaling.admin.sessions import LIFETIME, Sessions, TooManyError

COOKIE = "sfu-admin"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class Guard:
    """Lets the admin in."""

    def __init__(self, token: str, address: Callable[[web.Request], str]) -> None:
        """`address`: where a request comes from, with trusted proxies seen through."""
        self.sessions = Sessions(token)
        self._address = address

    def allows(self, request: web.Request) -> bool:
        """Whether the admin asks. Raises `HTTPTooManyRequests` for who guesses tokens."""
        bearer = _bearer(request)
        if bearer is not None:
            return self._knows(bearer, request)
        if request.method not in _SAFE and not same_origin(request):
            return False
        return self.sessions.valid(request.cookies.get(COOKIE, ""), time.monotonic())

    def check(self, request: web.Request) -> None:
        """Raises `HTTPUnauthorized`, `HTTPForbidden` or `HTTPTooManyRequests` for others."""
        if self.allows(request):
            return
        if request.method not in _SAFE and not same_origin(request) and COOKIE in request.cookies:
            raise web.HTTPForbidden(text="this page may not do that\n")
        raise web.HTTPUnauthorized(
            text="the admin must log in\n", headers={"WWW-Authenticate": "Bearer"}
        )

    def may_read_metrics(self, request: web.Request) -> bool:
        """The admin, and programs on this machine that come without a proxy between."""
        return on_this_machine(request) or self.allows(request)

    def log_in(self, token: str, request: web.Request, response: web.StreamResponse) -> bool:
        """Set the cookie when the token is right. Raises `HTTPTooManyRequests`."""
        try:
            secret = self.sessions.log_in(token, self._address(request), time.monotonic())
        except TooManyError as error:
            raise _too_many(error.seconds) from None
        if secret is None:
            return False
        response.set_cookie(
            COOKIE,
            secret,
            max_age=int(LIFETIME),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
        )
        return True

    def log_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """End the session of this request and take its cookie back."""
        self.sessions.log_out(request.cookies.get(COOKIE, ""))
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")

    def still(self, request: web.Request) -> bool:
        """Whether whoever opened a WebSocket by `request` is still the admin."""
        if _bearer(request) is not None:
            return True
        return self.sessions.valid(request.cookies.get(COOKIE, ""), time.monotonic())

    def _knows(self, token: str, request: web.Request) -> bool:
        try:
            return self.sessions.knows(token, self._address(request), time.monotonic())
        except TooManyError as error:
            raise _too_many(error.seconds) from None


def same_origin(request: web.Request) -> bool:
    """Whether a page of this very server asks; browsers name the origin of whatever acts."""
    try:
        origin = urlsplit(request.headers.get("Origin", ""))
    except ValueError:
        return False
    return bool(origin.netloc) and origin.netloc.lower() == request.host.lower()


def on_this_machine(request: web.Request) -> bool:
    """Whether a program of this machine asks for itself.

    A proxy on this machine speaks for others and says so in a header. A page may have its own
    name point here (DNS rebinding), but then that name is the request's host.
    """
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return False
    return _is_loopback(request.remote or "") and (host == "localhost" or _is_loopback(host))


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback


def _bearer(request: web.Request) -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _too_many(seconds: int) -> web.HTTPTooManyRequests:
    return web.HTTPTooManyRequests(
        text="too many wrong tokens\n", headers={"Retry-After": str(seconds)}
    )
