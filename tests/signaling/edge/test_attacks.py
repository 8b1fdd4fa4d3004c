"""What strangers do to the listening port of a whole running server, in short."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

import aiohttp

from tests.signaling.fakes import Client
from tests.signaling.processes import ServerProcess

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""The begin of a TLS handshake whose rest does not come."""


class Target:
    """A server, and raw connections to it."""

    def __init__(self, process: ServerProcess, log: Path) -> None:
        self.process, self.log = process, log
        self.port = urlsplit(process.url).port or 0
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    async def raw(self, words: bytes = b"", source: str = "127.0.0.1") -> asyncio.StreamReader:
        """A connection that says so much and no more; read from it to see its end."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(source, 0)
        )
        writer.write(words)
        self.kept.append(writer)
        return reader

    async def tls(self, words: bytes = b"") -> asyncio.StreamReader:
        """The same inside TLS."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context)
        writer.write(words)
        self.kept.append(writer)
        return reader

    async def ask(self, request: bytes, *, tls: bool = True) -> bytes:
        """Everything that is answered."""
        reader = await (self.tls(request) if tls else self.raw(request))
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := await asyncio.wait_for(reader.read(1 << 16), 20):
                answer += data
        return answer

    async def get(self, path: str, *headers: str) -> bytes:
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
        return await self.ask("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))

    kept: list[asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def serving(folder: Path, *flags: str, under: Sequence[str] = ()) -> AsyncIterator[Target]:
    log = folder / "log"
    process = await ServerProcess.start(folder / "data", *flags, log=log, under=under)
    target = Target(process, log)
    target.kept = []
    try:
        yield target
    finally:
        for writer in target.kept:
            writer.transport.abort()
        assert await process.stop() == 0


async def ended(reader: asyncio.StreamReader) -> bool:
    """Until the server has ended a connection."""
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 60)
    return True


async def joins(target: Target) -> None:
    """Somebody else gets in."""
    async with aiohttp.ClientSession() as http:
        client = Client(await http.ws_connect(target.process.url + "/ws", ssl=False))
        assert (await client.join())["type"] == "welcome"


async def test_idle_connections_lock_nobody_out(tmp_path: Path) -> None:
    flags = ("--max-connections", "60", "--connections-per-address", "40")
    async with serving(tmp_path, *flags) as target:
        for number in range(300):
            words = (b"", HELLO, HELLO[:1], b"GET")[number % 4]
            await target.raw(words, f"127.0.0.{1 + number % 3}")
        half_asked = [await target.tls(HEAD + b"X: ") for _ in range(50)]
        asked = [await target.tls(HEAD + b"\r\n") for _ in range(50)]
        await joins(target)
        # Those of the address that had been idle longest made room for the rest.
        assert await ended(half_asked[0])
        assert b"200 OK" in await asked[-1].readline()
        assert target.log.stat().st_size < 10_000


async def test_descriptors_never_run_out(tmp_path: Path) -> None:
    few = ("prlimit", "--nofile=320:320")
    async with serving(tmp_path, under=few) as target:
        for number in range(500):
            await target.raw((b"", HELLO)[number % 2], f"127.0.0.{1 + number % 5}")
        await joins(target)
        log = target.log.read_text()
        assert "only 64 connections at once" in log
        assert "Too many open files" not in log
        assert len(log) < 10_000


async def test_whoever_does_not_come_to_the_point_is_cut_off(tmp_path: Path) -> None:
    flags = ("--header-seconds", "1", "--body-seconds", "1", "--keepalive-seconds", "1")
    async with serving(tmp_path, *flags) as target:
        post = b"POST /api/votes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"
        slow = [
            await target.raw(),
            await target.raw(HELLO),
            await target.raw(b"GET / HT"),
            await target.tls(),
            await target.tls(HEAD + b"X: "),
            await target.tls(post),
            await target.tls(HEAD + b"\r\n"),
        ]
        for reader in slow:
            assert await ended(reader)
        await joins(target)


async def test_whoever_reads_nothing_is_cut_off(tmp_path: Path) -> None:
    async with serving(tmp_path, "--no-tls", "--stall-seconds", "1") as target:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", target.port))
            # Answers of more than what the kernels of both ends keep.
            deaf.sendall(b"GET /static/room/main.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 400)
            deaf.setblocking(False)
            await asyncio.wait_for(_refuses(deaf), 60)
        await joins(target)
        assert "Traceback" not in target.log.read_text()


async def _refuses(sock: socket.socket) -> None:
    """Until a connection of which nothing is read is gone."""
    with contextlib.suppress(ConnectionError):
        while True:
            with contextlib.suppress(BlockingIOError):
                sock.send(b"X")
            await asyncio.sleep(0.05)


async def test_a_class_behind_one_address_comes_in_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as target:
        await asyncio.gather(*(target.raw(HELLO) for _ in range(500)))
        await asyncio.gather(*(target.tls(HEAD + b"\r\n") for _ in range(200)))
        for writer in target.kept:
            assert not writer.transport.is_closing()
        await joins(target)


async def test_plain_http_leads_to_https(tmp_path: Path) -> None:
    async with serving(tmp_path) as target:
        host = f"localhost:{target.port}"
        request = f"GET /r/a%20b?x=1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        answer = await target.ask(request.encode(), tls=False)
        assert answer.startswith(b"HTTP/1.1 307 ")
        assert f"Location: https://{host}/r/a%20b?x=1\r\n".encode() in answer
        evil = request.replace("localhost", "evil.example").encode()
        answer = await target.ask(evil, tls=False)
        assert answer.startswith(b"HTTP/1.1 421 ")
        assert b"Location" not in answer
        login = b"POST /api/admin/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        answer = await target.ask(login + b"Content-Length: 0\r\n\r\n", tls=False)
        assert answer.startswith(b"HTTP/1.1 307 ")


SOCKET = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)
JUNK = [
    ("/r/" + "a" * 7000, ()),
    ("/r/" + quote("é" * 300), ()),
    ("/r/%ff%fe%00", ()),
    ("/r/\udcff\udcfe", ()),
    ("/static/" + "a" * 300 + ".js", ()),
    ("/static/" + "a/" * 3000 + "b.js", ()),
    ("/static/%00.js", ()),
    ("/static/%ff.js", ()),
    ("/static/x.js/y.js", ()),
    ("/api/rooms/" + "%00" * 60, ()),
    ("/api/rooms/%ed%a0%80", ()),
    ("/../../etc/passwd", ()),
    ("*", ()),
    ("http://[::1", ()),
    ("//evil.example/r/x", ()),
    ("/?" + "&" * 7000, ()),
    ("/api/admin/calls?from=nan&to=%ff", ()),
    ("/api/admin/captures/%2e%2e/file", ("Cookie: sfu-admin=\udcff",)),
    ("/", ("X: " + "y" * 60_000,)),
    ("/", tuple(f"X{n}: y" for n in range(500))),
    ("/", ("Cookie: \udcff\udcfe=\udcff; =; \x01",)),
    ("/", ("Accept-Language: \udcff," + ",;" * 3000, "Accept: text/html")),
    ("/nowhere", ("Accept-Language: \udcff,;;", "Accept: text/html\udcff")),
    ("/", ("If-None-Match: \udcff", "Range: bytes=9-1,\udcff")),
    ("/static/room/main.js", ("Range: bytes=5-1",)),
    ("/static/room/main.js", ("If-Modified-Since: \udcff", "If-Range: \udcff")),
    ("/ws", ("Origin: http://[::1", *SOCKET)),
    ("/ws", ("Origin: \udcff\udcfe://x", *SOCKET)),
    ("/ws", ("Sec-WebSocket-Protocol: \udcff", "Origin: x", *SOCKET)),
    ("/ws", ()),
    ("/ws", (*SOCKET[:3], "Sec-WebSocket-Key: \udcff")),
    ("/api/admin/live", ("Origin: http://[", *SOCKET)),
    ("/api/stats", ("Authorization: Bearer \udcff\udcfe",)),
    ("/api/stats", ("Authorization: \udcff",)),
    ("/metrics", ("X-Forwarded-For: \udcff, 999.1.1.1, []",)),
    ("/metrics", ("Authorization: Bearer " + "x" * 8000,)),
    ("/", ("Expect: \udcff",)),
    ("/", ("Host: \udcff\udcfe[",)),
    ("/", ("Host: [::1",)),
    ("/", ("Host: " + "a" * 5000,)),
]


async def test_no_request_shows_the_inside(tmp_path: Path) -> None:
    async with serving(tmp_path, "--trusted-proxies", "127.0.0.0/8") as target:
        raw = [
            b"\x00\x01\x02\x03\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
            b"GET /\r\n\r\n",
            b"G\xff\xfe / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nNo colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1e9\r\n\r\n",
        ]
        head = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        raw += [
            method + b" /" + head + b"Content-Length: 0\r\n\r\n"
            for method in (b"BREW", b"TRACE", b"PUT", b"CONNECT", b"OPTIONS", b"PROPFIND")
        ]
        raw += [
            b"POST /api/admin/login" + head + body
            for body in (
                b"Content-Length: 5\r\n\r\n\xff\xfe\x00{}",
                b"Content-Type: application/json\r\nContent-Length: 12\r\n\r\n" + b'{"token":1}\n',
                b"Content-Type: \xff/\xfe\r\nContent-Length: 2\r\n\r\n{}",
                b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
                + b"[" * 100_000,
                b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
                b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
                b'Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{"token":"\\ud800"}',
            )
        ]
        answers = {path[:40] + str(headers)[:60]: await target.get(path, *headers)
                   for path, headers in JUNK}  # fmt: skip
        answers |= {request[:60].decode("latin-1"): await target.ask(request) for request in raw}
        for request, answer in answers.items():
            assert b"Traceback" not in answer, request
            assert b"aiohttp" not in answer, request
            assert answer[:12] != b"HTTP/1.1 500", request
            assert answer[:5] in (b"HTTP/", b""), request
        await joins(target)
        log = target.log.read_text()
        assert "Traceback" not in log, log
