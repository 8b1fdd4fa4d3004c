from __future__ import annotations

import time

import aiohttp
import pytest
from yarl import URL

from signaling.access import authenticator
from signaling.access.identity import Identity
from signaling.admin import guard
from tests.signaling.admin.app import TOKEN, Running
from tests.signaling.samples import Calls

Http = aiohttp.ClientSession
BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def post(http: Http, url: str, body: object = None, **more: object) -> tuple[int, object]:
    async with http.post(url, json={} if body is None else body, **more) as answer:  # type: ignore[arg-type]
        kind = answer.content_type
        return answer.status, await (answer.json() if "json" in kind else answer.text())


async def test_the_page_is_served_to_anybody_with_the_headers_of_all_pages(
    running: Running, http: Http
) -> None:
    async with http.get(f"{running.url}/admin") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert TOKEN not in await answer.text()


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(
    running: Running, http: Http
) -> None:
    url = f"{running.url}/api/admin/login"
    async with http.post(url, json={"token": TOKEN}) as answer:
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Secure" not in cookie
        assert TOKEN not in cookie
        assert answer.headers["Cache-Control"] == "no-store"
    behind = {"X-Forwarded-Proto": "https"}
    async with http.post(url, json={"token": TOKEN}, headers=behind) as answer:
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_logging_in_and_out(running: Running, admin: Http) -> None:
    async def is_admin() -> bool:
        async with admin.get(f"{running.url}/api/admin/session") as answer:
            answer_json: dict[str, bool] = await answer.json()
            return answer_json["admin"]

    assert await is_admin()
    cookies = admin.cookie_jar.filter_cookies(URL(running.url))
    kept = cookies[guard.COOKIE].value
    assert await post(admin, f"{running.url}/api/admin/logout") == (200, {})
    assert not await is_admin()
    # The cookie itself is worth nothing any more.
    admin.cookie_jar.update_cookies({guard.COOKIE: kept})
    assert not await is_admin()


OPEN = {"/admin", "/api/admin/login", "/api/admin/session"}
"""The page, and what one needs in order to log in."""


async def test_each_route_names_what_one_must_be_allowed_to_do(
    running: Running, http: Http
) -> None:
    routes = running.admin.routes()
    assert {route.path for route in routes if route.act is None} == OPEN
    for route in routes:
        if route.act not in (None, "readMetrics"):
            path = route.path.replace("{room:.+}", "r").replace("{id}", "i")
            headers = {"Origin": running.url}
            async with http.request(route.method, running.url + path, headers=headers) as answer:
                assert answer.status == 401, path
    assert running.actions.did_nothing


async def test_a_login_opens_only_what_its_role_may_do(running: Running, http: Http) -> None:
    host = Identity("hostLink", "host", "Ibu Sari")
    secret = running.admin.guard.logins.log_in(host, time.monotonic())
    http.cookie_jar.update_cookies({guard.COOKIE: secret}, URL(running.url))
    http.headers["Origin"] = running.url
    assert (await post(http, f"{running.url}/api/admin/rooms/r/close"))[0] == 401
    assert running.actions.did_nothing
    assert (await post(http, f"{running.url}/api/admin/logout"))[0] == 200
    assert len(running.admin.guard.logins) == 0


async def test_a_wrong_token_is_refused_and_then_limited(running: Running, http: Http) -> None:
    url = f"{running.url}/api/admin/login"
    for _ in range(authenticator.WRONG_PER_MINUTE):
        assert await post(http, url, {"token": "wrong"}) == (403, {"error": "wrongToken"})
    async with http.post(url, json={"token": TOKEN}) as answer:
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) >= 1
    async with http.get(f"{running.url}/api/admin/captures", headers=BEARER) as answer:
        assert answer.status == 429


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"token": 5}', b'{"token": "x", "more": 1}', b"\xff" * 8]
)
async def test_a_login_that_is_none_is_a_clear_error(
    running: Running, http: Http, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    url = f"{running.url}/api/admin/login"
    async with http.post(url, data=body, headers=headers) as answer:
        assert answer.status == 400
    async with http.post(url, data={"token": TOKEN}) as answer:
        assert answer.status == 400
    async with http.post(url, data=b" " * 5000, headers=headers) as answer:
        assert answer.status == 400


DEEDS = (
    "participants/p1/remove",
    "rooms/Physics%202/close",
    "captures",
    "captures/c0/stop",
    "logout",
)


@pytest.mark.parametrize("deed", DEEDS)
async def test_a_stranger_may_do_nothing(running: Running, http: Http, deed: str) -> None:
    status, _ = await post(http, f"{running.url}/api/admin/{deed}", {"participant": "p1"})
    assert status == 401
    assert running.actions.did_nothing


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://[", ""])
async def test_a_page_of_another_site_may_do_nothing_with_the_admins_cookie(
    running: Running, admin: Http, deed: str, origin: str
) -> None:
    status, _ = await post(
        admin,
        f"{running.url}/api/admin/{deed}",
        {"participant": "p1"},
        headers={"Origin": origin},
    )
    assert status == 403
    assert running.actions.did_nothing


async def test_a_page_of_another_port_of_this_host_may_do_nothing(
    running: Running, admin: Http
) -> None:
    headers = {"Origin": "http://127.0.0.1:1"}
    status, _ = await post(
        admin, f"{running.url}/api/admin/participants/p1/remove", headers=headers
    )
    assert status == 403


async def test_removing_and_closing(running: Running, admin: Http) -> None:
    url = f"{running.url}/api/admin"
    assert await post(admin, f"{url}/participants/p1/remove") == (200, {})
    assert await post(admin, f"{url}/rooms/a%2Fb%20%E6%9D%8E/close") == (200, {})
    assert (running.actions.removed, running.actions.closed) == (["p1"], ["a/b 李"])
    assert await post(admin, f"{url}/participants/nobody/remove") == (404, {"error": "notFound"})


async def test_a_program_acts_with_the_token_alone(running: Running, http: Http) -> None:
    url = f"{running.url}/api/admin/participants/p1/remove"
    assert (await post(http, url, headers=BEARER))[0] == 200
    wrong = {"Authorization": "Bearer wrong"}
    assert (await post(http, url, headers=wrong))[0] == 401
    assert running.actions.removed == ["p1"]


async def test_a_capture_from_its_start_to_the_file(running: Running, admin: Http) -> None:
    url = f"{running.url}/api/admin/captures"
    wanted = {"participant": "p1", "headersOnly": False, "seconds": 10, "limitBytes": 5_000_000}
    assert await post(admin, url, wanted) == (200, {"id": "c0"})
    assert running.actions.started == [("p1", False, 10.0, 5_000_000)]
    assert await post(admin, url, {"participant": "p2"}) == (409, {"error": "busy"})
    async with admin.get(url) as answer:
        (capture,) = (await answer.json())["captures"]
        assert (capture["state"], capture["headersOnly"]) == ("running", True)
    async with admin.get(f"{url}/c0/file") as answer:
        assert answer.status == 404
    assert await post(admin, f"{url}/c0/stop") == (200, {})
    async with admin.get(f"{url}/c0/file") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Disposition"] == 'attachment; filename="c0.pcapng"'
        assert await answer.read() == b"\n\r\r\n"
    async with admin.get(f"{url}/other/file") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "change",
    [{"seconds": 0}, {"seconds": 1e9}, {"limitBytes": 1}, {"limitBytes": 10**12}, {"x": 1}],
)
async def test_a_capture_is_bounded(
    running: Running, admin: Http, change: dict[str, object]
) -> None:
    status, _ = await post(
        admin, f"{running.url}/api/admin/captures", {"participant": "p1"} | change
    )
    assert status == 400
    assert running.actions.started == []


async def test_metrics_are_for_this_machine_and_for_the_admin(running: Running, http: Http) -> None:
    sample, _ = Calls().step()
    running.admin.add_sample(sample)
    url = f"{running.url}/metrics"
    async with http.get(url) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "sfu_rooms 2\n" in await answer.text()
    # A proxy here speaks for somebody else, and a page may have its name point here.
    for headers in ({"X-Forwarded-For": "10.0.0.9"}, {"Host": "elsewhere.example"}):
        async with http.get(url, headers=headers) as answer:
            assert answer.status == 401
        async with http.get(url, headers=headers | BEARER) as answer:
            assert answer.status == 200


async def test_metrics_name_no_rooms_until_somebody_asks(running: Running, http: Http) -> None:
    sample, _ = Calls().step()
    running.admin.add_sample(sample)
    async with http.get(f"{running.url}/metrics") as answer:
        text = await answer.text()
    assert sample.rooms[0].room not in text
    assert 'sfu_room_participants{room="room-' in text
