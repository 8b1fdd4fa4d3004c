"""What every request must pass before its handler, and what every failure becomes."""

from __future__ import annotations

import logging
from collections import Counter

import aiohttp
from aiohttp import hdrs, web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler

from signaling.edge import answers
from signaling.edge.forwarded import Forwarded
from signaling.edge.hosts import NAME, OwnNames, split_host
from signaling.edge.http import HttpConnection
from signaling.limits import address_key
from signaling.naming import room_addresses
from signaling.site import pages

log = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""Bytes of one request's body; the routes that take one want far less."""
_WRONG_NAME = {
    "en": "You asked for “{name}”. If that is this server's name, whoever runs the server adds "
    "it to the settings file:",
    "id": "Anda membuka “{name}”. Jika itu memang nama server ini, pengelola server "
    "menambahkannya ke berkas pengaturan:",
}
_NO_NAME = {
    "en": "The name in the address cannot be a server's.",
    "id": "Nama dalam alamat ini tidak mungkin nama server.",
}


class Front:
    """The application's outermost middleware: `front.middleware`."""

    def __init__(
        self,
        forwarded: Forwarded,
        names: OwnNames,
        *,
        tls: bool,
        proxies_name_us: bool,
        most_of_one: int,
    ) -> None:
        """`tls`: plain HTTP leads to HTTPS. `proxies_name_us`: a trusted proxy may ask by any
        name, for it serves no other names than it was set up for. `most_of_one`: requests that
        proxies pass on for one address at the same time.
        """
        self._forwarded, self._names = forwarded, names
        self._tls, self._proxies_name_us = tls, proxies_name_us
        self._most_of_one = most_of_one
        self._under_way: Counter[str] = Counter()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """See the module's text. Raises nothing but `HTTPException`s and what ends a task."""
        try:
            refused = self._refused(request)
            return refused if refused is not None else await self._counted(request, handler)
        except pages.RoomNameError as error:
            return answers.refusal(request, 400, error.text or "", hint=room_addresses.EXPLANATION)
        except web.HTTPException as error:
            if error.status < 400 or error.content_type == "application/json":
                raise
            kept = {name: value for name, value in error.headers.items() if name in _KEPT}
            return answers.refusal(request, error.status, error.text or "", headers=kept)
        except (HttpProcessingError, web.RequestPayloadError, aiohttp.ClientPayloadError):
            return answers.refusal(request, 400, "the body cannot be read")
        except ConnectionError:
            raise  # The client is gone.
        except Exception:
            log.exception("a request failed")
            return answers.refusal(request, 500)

    def _refused(self, request: web.Request) -> web.StreamResponse | None:
        """The answer to a request under another's name, or without TLS; None for the others."""
        host = self._forwarded.host(request)
        own = not host or self._names.include(host)
        if not own and not (self._proxies_name_us and self._forwarded.proxied(request)):
            return _misdirected(request, host)
        if self._tls and not request.secure:
            if not host:
                return answers.refusal(request, 400, "this port speaks HTTPS")
            path = request.raw_path if request.raw_path.isascii() else "/"
            path = path if path.startswith("/") else "/"
            # Temporary: browsers keep a permanent one even when TLS is switched off some day.
            raise web.HTTPTemporaryRedirect(f"https://{host}{path}")
        return None

    async def _counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._forwarded.proxied(request):
            return await _whole(request, handler)
        address = self._forwarded.address(request)
        if self._forwarded.trusts(address):
            return await _whole(request, handler)
        key = address_key(address)
        if self._under_way[key] >= self._most_of_one:
            raise web.HTTPServiceUnavailable(
                text="too many requests at once\n", headers={hdrs.RETRY_AFTER: "10"}
            )
        self._under_way[key] += 1
        try:
            return await _whole(request, handler)
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]


_KEPT = {hdrs.RETRY_AFTER, hdrs.WWW_AUTHENTICATE, hdrs.ALLOW}


async def _whole(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer once all of the request is here; until then its connection may be given away."""
    connection = request.protocol
    if isinstance(connection, HttpConnection):
        if request.can_read_body:
            connection.reading_body()
            await request.read()
        connection.answering()
    return await handler(request)


def _misdirected(request: web.Request, host: str) -> web.StreamResponse:
    name = split_host(host)[0]
    if NAME.fullmatch(name) is None:
        return answers.refusal(request, 421, "no name of this server", hint=_NO_NAME)
    line = f'server_names = ["{name}"]'
    hint = {of: text.replace("{name}", name) for of, text in _WRONG_NAME.items()}
    text = f"{name} is no name of this server; if it should be, add to its settings: {line}"
    return answers.refusal(request, 421, text, hint=hint, line=line)
