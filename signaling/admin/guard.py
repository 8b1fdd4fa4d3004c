"""Who asks over HTTP, and whether they may do what they ask for.

A browser proves itself by its login's cookie, a program by `Authorization: Bearer <token>`. The
cookie is sent along by whatever page makes the browser ask, so a request that changes something,
or opens a WebSocket, must also name our own origin (RFC 6454): `SameSite=Strict` alone would let
pages of another port of this host through.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from signaling.access import permissions
from signaling.access.authenticator import Authenticator, Claim
from signaling.access.identity import LOCAL_PROGRAM, Identity
from signaling.access.logins import LIFETIME, Logins
from signaling.access.permissions import Act
from signaling.edge.forwarded import Forwarded
from signaling.refusals import TooManyError

COOKIE = "sfu-admin"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Lets in whoever may do what they ask for."""

    def __init__(self, authenticator: Authenticator, forwarded: Forwarded) -> None:
        """`authenticator`: of tokens. `forwarded`: who asks, with trusted proxies seen through."""
        self.logins = Logins()
        self._authenticator, self._forwarded = authenticator, forwarded

    async def identify(self, request: web.Request) -> Identity | None:
        """Who asks; None for a stranger. Raises `HTTPTooManyRequests` for who guesses tokens."""
        bearer = _bearer(request)
        if bearer is not None:
            return await self._by_token(bearer, request)
        if request.method not in _SAFE and not self._forwarded.same_origin(request):
            return None
        return self._by_cookie(request)

    async def allows(self, request: web.Request, act: Act) -> bool:
        """Whether who asks may do it. Raises `HTTPTooManyRequests` for who guesses tokens."""
        if permissions.allows(LOCAL_PROGRAM, act) and self._forwarded.on_this_machine(request):
            return True
        identity = await self.identify(request)
        return identity is not None and permissions.allows(identity, act)

    async def check(self, request: web.Request, act: Act) -> None:
        """Raises `HTTPUnauthorized`, `HTTPForbidden` or `HTTPTooManyRequests` for who may not."""
        if await self.allows(request, act):
            return
        foreign = request.method not in _SAFE and not self._forwarded.same_origin(request)
        if foreign and COOKIE in request.cookies:
            raise web.HTTPForbidden(text="this page may not do that\n")
        raise web.HTTPUnauthorized(
            text="the admin must log in\n", headers={"WWW-Authenticate": "Bearer"}
        )

    def checking(self, act: Act) -> Callable[[web.Request], Awaitable[None]]:
        """`check` for one act, for routes that are served elsewhere."""

        async def check(request: web.Request) -> None:
            await self.check(request, act)

        return check

    async def log_in(
        self, token: str, request: web.Request, response: web.StreamResponse
    ) -> Identity | None:
        """Set the cookie when the token is right. Raises `HTTPTooManyRequests`."""
        identity = await self._by_token(token, request)
        if identity is not None:
            response.set_cookie(
                COOKIE,
                self.logins.log_in(identity, time.monotonic()),
                max_age=int(LIFETIME),
                path="/",
                httponly=True,
                samesite="Strict",
                # Who claims this falsely only keeps their own cookie off plain connections.
                secure=self._forwarded.schemes(request) == ("https",)
                or request.headers.get("X-Forwarded-Proto") == "https",
            )
        return identity

    def log_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """End the login of this request and delete its cookie."""
        self.logins.log_out(request.cookies.get(COOKIE, ""))
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Strict")

    def same_origin(self, request: web.Request) -> bool:
        """Whether a page of this very server asks."""
        return self._forwarded.same_origin(request)

    def still_allows(self, request: web.Request, act: Act) -> bool:
        """Whether whoever opened a WebSocket by `request`, which was checked, may still do it."""
        if _bearer(request) is not None:
            return True
        identity = self._by_cookie(request)
        return identity is not None and permissions.allows(identity, act)

    def _by_cookie(self, request: web.Request) -> Identity | None:
        return self.logins.identity(request.cookies.get(COOKIE, ""), time.monotonic())

    async def _by_token(self, token: str, request: web.Request) -> Identity | None:
        claim = Claim(self._forwarded.address(request), token=token)
        try:
            return await self._authenticator.identify(claim, time.monotonic())
        except TooManyError as error:
            raise web.HTTPTooManyRequests(
                text="too many wrong tokens\n", headers={"Retry-After": str(error.retry_after)}
            ) from None


def _bearer(request: web.Request) -> str | None:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None
