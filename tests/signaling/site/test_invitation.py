"""The link that somebody on the server itself sends to others."""

from __future__ import annotations

import pytest

from signaling.config import Config
from signaling.site.invitation import link_base
from tests.signaling.conftest import Serve

LAN = ["127.0.0.1", "192.168.1.7", "::1", "2001:db8::7"]


@pytest.mark.parametrize(
    ("settings", "machine", "port", "base"),
    [
        ({}, LAN, 8443, "https://192.168.1.7:8443"),
        ({}, LAN, 443, "https://192.168.1.7"),
        ({"tls": False}, LAN, 80, "http://192.168.1.7"),
        ({}, ["127.0.0.1", "2001:db8::7"], 8443, "https://[2001:db8::7]:8443"),
        ({}, ["127.0.0.1"], 8443, ""),
        ({"host": "127.0.0.1"}, LAN, 8443, ""),
        ({"host": "10.0.0.5"}, LAN, 8443, "https://10.0.0.5:8443"),
        ({"server_names": ("rapat.sekolah.example",)}, LAN, 8443,
         "https://rapat.sekolah.example:8443"),
        ({"server_names": ("*.sekolah.example",)}, LAN, 8443, "https://192.168.1.7:8443"),
        ({"server_names": ("rapat.sekolah.example",), "trusted_proxies": ("127.0.0.1",)}, LAN, 8080,
         "https://rapat.sekolah.example"),
        ({"trusted_proxies": ("127.0.0.1",)}, LAN, 8080, ""),
    ],
)  # fmt: skip
def test_the_base_of_a_link(
    settings: dict[str, object], machine: list[str], port: int, base: str
) -> None:
    assert link_base(Config(**settings), machine, port) == base  # type: ignore[arg-type]


async def test_only_who_came_by_localhost_is_sent_elsewhere(serve: Serve) -> None:
    run = await serve(server_names=("rapat.example",))
    port = run.url.rpartition(":")[2]
    async with run.http.get(run.url + "/api/invitation") as response:
        assert (await response.json())["base"].endswith(f"//rapat.example:{port}")
        assert response.headers["Cache-Control"] == "no-store"
    headers = {"Host": f"rapat.example:{port}"}
    async with run.http.get(run.url + "/api/invitation", headers=headers) as response:
        assert (await response.json()) == {"base": ""}
