"""What requests meet before any handler, on a whole signaling process."""

from __future__ import annotations

import socket

import aiohttp
import pytest

from tests.signaling.conftest import TOKEN, Serve

BROWSER = {"Accept": "text/html,*/*", "Accept-Language": "id,en;q=0.5"}
EVIL = {"Host": "evil.example:8443"}
ROUTES = ["/", "/r/room", "/static/room/main.js", "/api/rooms/x", "/api/stats", "/metrics",
          "/admin", "/healthz", "/nowhere"]  # fmt: skip


async def test_a_name_of_somebody_else_is_refused_everywhere(serve: Serve) -> None:
    run = await serve()
    for path in ROUTES:
        async with run.http.get(run.url + path, headers=EVIL) as answer:
            assert answer.status == 421, path
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    for path in ("/ws", "/api/admin/live"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await run.http.ws_connect(run.url + path, headers=EVIL)
        assert refused.value.status == 421


async def test_the_refusal_names_the_line_to_add(serve: Serve) -> None:
    run = await serve()
    line = "server_names = [&quot;evil.example&quot;]"
    async with run.http.get(run.url, headers=EVIL | BROWSER) as answer:
        page = await answer.text()
        assert line in page
        assert '<html lang="id">' in page
        assert "pengelola server" in page
    async with run.http.get(run.url, headers=EVIL | {"Accept": "text/html"}) as answer:
        page = await answer.text()
        assert line in page
        assert "whoever runs the server" in page
    async with run.http.get(run.url + "/api/rooms/x", headers=EVIL) as answer:
        body = await answer.json()
        assert body["error"] == "wrongHost"
        assert 'server_names = ["evil.example"]' in body["message"]
    bad = {"Host": "<script>alert(1)</script>"}
    async with run.http.get(run.url, headers=bad | BROWSER) as answer:
        assert answer.status == 421
        assert "alert" not in await answer.text()


async def test_own_names_are_served(serve: Serve) -> None:
    run = await serve(server_names=("rapat.school.example", "*.wild.example"))
    for host in ("rapat.school.example", "a.wild.example:8443", "192.168.7.9", "[::1]:8443"):
        async with run.http.get(run.url, headers={"Host": host}) as answer:
            assert answer.status == 200, host


async def test_a_proxy_may_name_us_as_it_likes_until_names_are_given(serve: Serve) -> None:
    run = await serve(trusted_proxies=("127.0.0.0/8",))
    proxied = {"Host": "inside", "X-Forwarded-Host": "meet.example.org"}
    async with run.http.get(run.url, headers=proxied) as answer:
        assert answer.status == 200
    run = await serve(trusted_proxies=("127.0.0.0/8",), server_names=("meet.example.org",))
    async with run.http.get(run.url, headers=proxied) as answer:
        assert answer.status == 200
    async with run.http.get(run.url, headers=proxied | {"X-Forwarded-Host": "x.y"}) as answer:
        assert answer.status == 421


async def test_the_scheme_of_an_origin_counts(serve: Serve) -> None:
    run = await serve()
    await (await run.client(origin=run.url)).join()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await run.client(origin=run.url.replace("http:", "https:"))
    assert refused.value.status == 403


async def test_unknown_paths_get_a_page_with_a_link_back(serve: Serve) -> None:
    run = await serve()
    async with run.http.get(run.url + "/nowhere", headers=BROWSER) as answer:
        page = await answer.text()
        assert answer.status == 404
        assert "Halaman ini tidak ada" in page
        assert '<a href="/">' in page
    async with run.http.get(run.url + "/api/nowhere", headers=BROWSER) as answer:
        assert (await answer.json())["error"] == "notFound"
    async with run.http.get(run.url + "/nowhere") as answer:
        assert answer.content_type == "text/plain"
    async with run.http.delete(run.url + "/", headers=BROWSER) as answer:
        assert answer.status == 405
        assert answer.headers["Allow"]


async def test_a_fault_of_ours_is_no_traceback(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a secret of the inside")

    run = await serve()
    monkeypatch.setattr(run.server.rooms.entrance, "may_create", fail)
    async with run.http.get(run.url + "/api/rooms/x") as answer:
        assert answer.status == 500
        assert (await answer.json())["error"] == "internal"
        assert "secret" not in await answer.text()
    assert "a secret of the inside" in caplog.text


async def test_a_large_body_is_not_taken(serve: Serve) -> None:
    run = await serve()
    async with run.http.post(run.url + "/api/votes", data=b"x" * 200_000) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"] == "tooLarge"


async def test_a_proxys_clients_are_counted_one_by_one(serve: Serve) -> None:
    run = await serve(trusted_proxies=("127.0.0.0/8",), max_sockets=1000, connections_per_address=4)
    school, home = ({"X-Forwarded-For": address} for address in ("203.0.113.1", "203.0.113.2"))
    for number in range(4):
        await (await run.client(headers=school)).join(name=f"n{number}")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await run.client(headers=school)
    assert refused.value.status == 503
    await (await run.client(headers=home)).join(name="other")
    # The proxy itself holds more than one address may.
    for number in range(5):
        assert (await (await run.client()).join(name=f"p{number}"))["type"] == "welcome"


async def test_stats_are_guarded_as_all_of_the_admins(serve: Serve) -> None:
    run = await serve()
    stats = run.url + "/api/stats"
    for _ in range(10):
        async with run.http.get(stats, headers={"Authorization": "Bearer wrong"}) as answer:
            assert answer.status == 401
    async with run.http.get(stats, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) >= 1


async def test_metrics_are_for_this_machine_alone(serve: Serve) -> None:
    run = await serve()
    async with run.http.get(run.url + "/metrics") as answer:
        assert answer.status == 200
    for headers in (
        {"Host": socket.gethostname()},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Via": "1.1 x"},
    ):
        async with run.http.get(run.url + "/metrics", headers=headers) as answer:
            assert answer.status == 401, headers
    behind = await serve(trusted_proxies=("127.0.0.0/8",))
    async with run.http.get(behind.url + "/metrics") as answer:
        assert answer.status == 401
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    async with run.http.get(behind.url + "/metrics", headers=bearer) as answer:
        assert answer.status == 200
