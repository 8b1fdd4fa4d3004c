"""Requests that were changed at random, against a whole signaling process."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from tests.signaling.conftest import TOKEN, Running, Serve

SEEDS = 12
REQUESTS = 60
"""Of each seed."""
PATHS = [
    "/", "/r/kelas", "/R/kelas", "/static/room/main.js", "/static/css/base.css", "/ws", "/healthz",
    "/readyz", "/admin", "/admin/reports", "/admin/reports/x", "/admin/opinions", "/metrics",
    "/api/rooms/kelas", "/api/stats", "/api/votes", "/api/admin/login", "/api/admin/logout",
    "/api/admin/session", "/api/admin/live", "/api/admin/captures", "/api/admin/captures/x/file",
    "/api/admin/captures/x/stop", "/api/admin/participants/x/remove", "/api/admin/rooms/x/close",
    "/api/admin/calls", "/api/admin/calls/x", "/api/admin/calls/x.csv", "/api/admin/series",
    "/api/admin/grades", "/api/admin/opinions",
]  # fmt: skip
HEADERS = [
    "Origin: http://127.0.0.1", "Cookie: sfu-admin=x", f"Authorization: Bearer {TOKEN}",
    "Accept: text/html", "Accept-Language: id", "Accept-Encoding: gzip", "If-None-Match: \"x\"",
    "Range: bytes=0-5", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "X-Forwarded-For: 192.0.2.1",
    "X-Forwarded-Host: box", "X-Forwarded-Proto: https", "Forwarded: for=192.0.2.1",
    "Content-Type: application/json", "Transfer-Encoding: chunked", "Expect: 100-continue",
    "Content-Encoding: deflate", "If-Modified-Since: Sun, 29 Nov 2026 12:00:00 GMT",
]  # fmt: skip
BODIES = [
    b"",
    b"{}",
    b'{"token":"x"}',
    b'{"room":"a","participant":"b","token":"c","audio":"good"}',
]
PIECES = [
    b"\xff", b"\x00", b"%", b"%ff", b"%00", b"%2e%2e/", b"/", b"//", b"..", b"[", b"]", b"@", b":",
    b"\r\n", b"\n", b" ", b"\t", b"?", b"#", b"&a=nan", b"?from=-1&to=1e999", b"?points=x",
    b"a" * 300, b"9" * 40, b";", b",", b"\"", b"\\", b"\xed\xa0\x80", "é".encode(), b"\x1b[2J",
]  # fmt: skip


def request(rng: random.Random, host: str) -> bytes:
    """One that may be anything."""
    method = rng.choice(["GET"] * 6 + ["POST"] * 4 + ["HEAD", "PUT", "DELETE", "OPTIONS", "BREW"])
    headers = [f"Host: {host}", "Connection: close"][: rng.choice((2, 2, 2, 1))]
    headers += rng.sample(HEADERS, rng.randrange(6))
    body = rng.choice(BODIES) if method in ("POST", "PUT") else b""
    headers.append(f"Content-Length: {len(body)}")
    path = rng.choice(PATHS) + rng.choice(["", "", "/", "?x=1"])
    whole = "\r\n".join([f"{method} {path} HTTP/1.1", *headers, "", ""]).encode() + body
    for _ in range(rng.randrange(4)):
        # Mostly in the first line and the headers' values, where something reads it.
        at = rng.randrange(len(whole) if rng.random() < 0.5 else len(method) + len(path) + 2)
        cut = rng.choice((0, 0, 0, 1, 5))
        whole = whole[:at] + rng.choice(PIECES) + whole[at + cut :]
    return whole


async def answer(run: Running, sent: bytes) -> bytes:
    """What comes within the time that a healthy server needs."""
    host, _, port = run.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    got = b""
    try:
        writer.write(sent)
        # What is no whole request waits for its rest, which does not come.
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            got = await asyncio.wait_for(reader.read(1 << 16), 20)
    finally:
        writer.transport.abort()
    return got


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_no_request_however_odd_finds_a_fault(
    serve: Serve, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    rng = random.Random(seed)
    run = await serve(trusted_proxies=("127.0.0.0/8",) if seed % 2 else ())
    host = run.url.removeprefix("http://")
    for _ in range(REQUESTS):
        sent = request(rng, host)
        got = await answer(run, sent)
        assert not got.startswith(b"HTTP/1.1 500"), sent
        assert b"Traceback" not in got, sent
        faults = [record for record in caplog.records if record.levelname == "ERROR"]
        assert not faults, (sent, faults[0].getMessage(), faults[0].exc_info)
    assert (await (await run.client()).join())["type"] == "welcome"
