"""Where others find this server, for the page of somebody who opened it on the server itself.

A link to `localhost` leads everybody to their own machine, so the page asks here before it copies
an invitation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from aiohttp import web

from signaling.config import Config
from signaling.machine import addresses


def add_route(
    app: web.Application,
    config: Config,
    machine: Callable[[], Sequence[str]] = addresses.machine_addresses,
) -> None:
    """`GET /api/invitation`: {`base`}, the beginning of a link; empty where it is the page's own
    address that works, or where none would.
    """

    async def invitation(request: web.Request) -> web.Response:
        # Whoever came by another name knows one that works for others.
        asked = urlsplit(f"//{request.host}").hostname or ""
        port = request.transport.get_extra_info("sockname")[1] if request.transport else 0
        base = link_base(config, machine(), port) if addresses.is_loopback(asked) else ""
        return web.json_response({"base": base}, headers={"Cache-Control": "no-store"})

    app.router.add_get("/api/invitation", invitation)


def link_base(config: Config, machine: Sequence[str], port: int) -> str:
    """`https://host:port` as others open it; empty when only this machine can.

    `machine`: its addresses. `port`: that the server listens on.
    """
    names = [name for name in config.server_names if not name.startswith("*")]
    if config.proxies:
        # The proxy's name is known only when somebody has written it down, its port is https's.
        return f"https://{names[0]}" if names else ""
    host = names[0] if names else addresses.page_hosts(config.host, machine)[0]
    if addresses.is_loopback(host):
        return ""
    scheme, usual = ("https", 443) if config.tls else ("http", 80)
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port == usual else f"{scheme}://{host}:{port}"
