"""Whether a request comes from the admin, and from the admin's own page.

A browser proves itself by the session's cookie, a program by `Authorization: Bearer <token>`. The
cookie is sent along by whatever page makes the browser ask, so a request that changes something,
or opens a WebSocket, must also name our own origin (RFC 6454): `SameSite=Strict` alone would let
pages of another port of this host through.
"""

from __future__ import annotations

import time

from aiohttp import web

from signaling.admin.sessions import LIFETIME, Sessions, TooManyError
from signaling.edge.forwarded import Forwarded

COOKIE = "sfu-admin"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Lets the admin in."""

    def __init__(self, token: str, forwarded: Forwarded) -> None:
        """`forwarded`: who asks, with trusted proxies seen through."""
        self.sessions = Sessions(token)
        self._forwarded = forwarded

    def allows(self, request: web.Request) -> bool:
        """Whether the admin asks. Raises `HTTPTooManyRequests` for who guesses tokens."""
        bearer = _bearer(request)
        if bearer is not None:
            return self._knows(bearer, request)
        if request.method not in _SAFE and not self._forwarded.same_origin(request):
            return False
        return self.sessions.valid(request.cookies.get(COOKIE, ""), time.monotonic())

    def check(self, request: web.Request) -> None:
        """Raises `HTTPUnauthorized`, `HTTPForbidden` or `HTTPTooManyRequests` for others."""
        if self.allows(request):
            return
        foreign = request.method not in _SAFE and not self._forwarded.same_origin(request)
        if foreign and COOKIE in request.cookies:
            raise web.HTTPForbidden(text="this page may not do that\n")
        raise web.HTTPUnauthorized(
            text="the admin must log in\n", headers={"WWW-Authenticate": "Bearer"}
        )

    def may_read_metrics(self, request: web.Request) -> bool:
        """The admin, and programs on this machine that come without a proxy between."""
        return self._forwarded.on_this_machine(request) or self.allows(request)

    def log_in(self, token: str, request: web.Request, response: web.StreamResponse) -> bool:
        """Set the cookie when the token is right. Raises `HTTPTooManyRequests`."""
        try:
            secret = self.sessions.log_in(token, self._forwarded.address(request), time.monotonic())
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
            # Whoever else says so only keeps his own cookie off plain connections.
            secure=self._forwarded.schemes(request) == ("https",)
            or request.headers.get("X-Forwarded-Proto") == "https",
        )
        return True

    def log_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """End the session of this request and take its cookie back."""
        self.sessions.log_out(request.cookies.get(COOKIE, ""))
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")

    def same_origin(self, request: web.Request) -> bool:
        """Whether a page of this very server asks."""
        return self._forwarded.same_origin(request)

    def still(self, request: web.Request) -> bool:
        """Whether whoever opened a WebSocket by `request` is still the admin."""
        if _bearer(request) is not None:
            return True
        return self.sessions.valid(request.cookies.get(COOKIE, ""), time.monotonic())

    def _knows(self, token: str, request: web.Request) -> bool:
        try:
            return self.sessions.knows(token, self._forwarded.address(request), time.monotonic())
        except TooManyError as error:
            raise _too_many(error.seconds) from None


def _bearer(request: web.Request) -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _too_many(seconds: int) -> web.HTTPTooManyRequests:
    return web.HTTPTooManyRequests(
        text="too many wrong tokens\n", headers={"Retry-After": str(seconds)}
    )
