"""Attacks by connections: silent ones, slow ones, and malformed requests."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import time
from urllib.parse import quote

from bench.attack.attack import Attack, Verdict
from bench.light.signaling import ParticipantError
from bench.servers.server import unverified
from sfu.net import stun

IDLE = 3000
"""Connections that one address tries to hold; a server for a school may have 1,024 descriptors."""
WORKERS = 4
"""That send requests side by side."""
ENTRY_SECONDS = 5.0
"""In which another participant must be able to join."""


def more_descriptors(count: int) -> int:
    """Raise this process's own limit as far as is needed and allowed; gives how many there are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, min(count, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


class IdleConnections(Attack):
    """Silent connections must not take the places of active ones."""

    title = f"{IDLE} connections without a word, in the middle of TLS, or of a request's header"

    async def prepare(self) -> None:
        self._host, _, port = self.url.partition("://")[2].partition(":")
        self._port = int(port)
        self._sockets: list[socket.socket] = []
        self._writers: list[asyncio.StreamWriter] = []
        self._most = min(IDLE, more_descriptors(IDLE + 500) - 400)
        self._tried = self._opened = 0

    async def run(self, until: float) -> None:
        while time.monotonic() < until and self._tried < self._most:
            # Three of four from one address, the rest from several.
            batch = [self._open(self._tried + n) for n in range(40)]
            self._tried += len(batch)
            self._opened += sum(await asyncio.gather(*batch))
            await asyncio.sleep(0.01)
        while time.monotonic() < until:
            await asyncio.sleep(0.05)

    async def _open(self, number: int) -> bool:
        address = self.address(1 if number % 4 else 2 + number // 4 % 20)
        try:
            if number % 40 == 7:
                return await self._slow_header(address)
            sock = socket.socket()
            sock.setblocking(False)
            self._sockets.append(sock)
            sock.bind((address, 0))
            async with asyncio.timeout(0.5):
                await asyncio.get_running_loop().sock_connect(sock, (self._host, self._port))
            if number % 3 == 1:
                # The begin of a TLS record, and never its end.
                sock.send(b"\x16\x03\x01\x02\x00\x01")
        except (OSError, TimeoutError):
            return False
        return True

    async def _slow_header(self, address: str) -> bool:
        async with asyncio.timeout(0.5):
            _, writer = await asyncio.open_connection(
                self._host, self._port, ssl=unverified(), local_addr=(address, 0)
            )
        self._writers.append(writer)
        writer.write(b"GET / HTTP/1.1\r\nHost: ")
        return True

    async def verdict(self) -> Verdict:
        text = f"{self._opened} of {self._tried} were accepted at first"
        begin = time.monotonic()
        try:
            async with asyncio.timeout(ENTRY_SECONDS):
                one = await self.intruder(200)
                await one.join(self.room("somebody else"))
        except (ParticipantError, TimeoutError) as error:
            return Verdict(False, f"{text}; nobody else gets in: {error or 'no answer'}")
        waited = 1e3 * (time.monotonic() - begin)
        return Verdict(self._tried > 0, f"{text}; somebody else joined in {waited:.0f} ms")

    async def close(self) -> None:
        for sock in self._sockets:
            sock.close()
        for writer in self._writers:
            writer.transport.abort()
        await super().close()


class TcpHoarding(Attack):
    """Media over TCP has few places, which participants without UDP need."""

    title = "four people hold as many connections for media over TCP as they get"

    async def prepare(self) -> None:
        self._checks = []
        self._sockets: list[socket.socket] = []
        for number in range(1, 5):
            one = await self.intruder(number, self.room())
            link = await one.publish(("audio",))
            self._checks.append(link.nomination())
            self._target = link.plan.address
        late = await self.intruder(200, self.room("late"))
        self._late = (await late.publish(("audio",))).nomination()
        more_descriptors(2000)
        self._opened = 0

    async def run(self, until: float) -> None:
        number = 0
        while time.monotonic() < until and number < 1500:
            batch = [self._open(number + n) for n in range(20)]
            number += len(batch)
            self._opened += sum(await asyncio.gather(*batch))
            await asyncio.sleep(0.02)
        while time.monotonic() < until:
            await asyncio.sleep(0.05)

    async def _open(self, number: int) -> bool:
        place = number % len(self._checks)
        try:
            await self._connect(self.address(place + 1), self._checks[place])
        except (OSError, TimeoutError):
            return False
        return True

    async def _connect(self, address: str, check: bytes) -> socket.socket:
        """A connection with a check on it, framed as RFC 4571 has it."""
        sock = socket.socket()
        sock.setblocking(False)
        self._sockets.append(sock)
        sock.bind((address, 0))
        async with asyncio.timeout(1):
            await asyncio.get_running_loop().sock_connect(sock, self._target)
        sock.send(len(check).to_bytes(2, "big") + check)
        return sock

    async def verdict(self) -> Verdict:
        text = f"{self._opened} opened; {self._held()} held by four people"
        try:
            sock = await self._connect(self.address(200), self._late)
            async with asyncio.timeout(2):
                answer = await asyncio.get_running_loop().sock_recv(sock, 2048)
        except (OSError, TimeoutError):
            answer = b""
        message = stun.parse(answer[2 : 2 + int.from_bytes(answer[:2], "big")])
        if message is None:
            return Verdict(False, f"{text}; nobody else gets one")
        return Verdict(self._opened > 0, f"{text}; others still get one")

    def _held(self) -> int:
        held = 0
        for sock in self._sockets:
            try:
                while sock.recv(2048):
                    pass
            except BlockingIOError:
                held += 1
            except OSError:
                continue
        return held

    async def close(self) -> None:
        for sock in self._sockets:
            sock.close()
        await super().close()


class HttpJunk(Attack):
    """A malformed request gets a short answer that shows nothing of the server's code."""

    title = "long names, strange hosts and origins, broken encodings, methods that do not exist"

    async def prepare(self) -> None:
        self._host, _, port = self.url.partition("://")[2].partition(":")
        self._port = int(port)
        self._sent = self._unanswered = 0
        self._faults: list[str] = []

    async def run(self, until: float) -> None:
        requests = self._requests()
        await asyncio.gather(*(self._ask(requests[n::WORKERS], until) for n in range(WORKERS)))

    async def _ask(self, requests: list[bytes], until: float) -> None:
        number = 0
        while time.monotonic() < until:
            try:
                await self._send(requests[number % len(requests)])
            except (OSError, TimeoutError):
                self._unanswered += 1
            number += 1
            await asyncio.sleep(0.04)

    def _requests(self) -> list[bytes]:
        host = f"{self._host}:{self._port}".encode()
        plain = b"GET %s HTTP/1.1\r\nHost: " + host + b"\r\n%sConnection: close\r\n\r\n"
        socket_head = (
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        )
        return [
            plain % (b"/r/" + b"a" * 7000, b""),
            plain % (b"/r/" + quote("é" * 300).encode(), b""),
            plain % (b"/r/%ff%fe%00", b""),
            plain % (b"/r/\xff\xfe", b""),
            plain % (b"/api/rooms/" + b"%00" * 60, b""),
            plain % (b"/../../etc/passwd", b""),
            plain % (b"/", b"X: " + b"y" * 60_000 + b"\r\n"),
            plain % (b"/", b"Cookie: \xff\xfe=\xff\r\n"),
            plain % (b"/ws", socket_head + b"Origin: http://[::1\r\n"),
            plain % (b"/ws", socket_head + b"Origin: \xff\xfe://x\r\n"),
            plain % (b"/api/stats", b"Authorization: Bearer \xff\xfe\r\n"),
            plain % (b"/metrics", b"X-Forwarded-For: \xff, 999.1.1.1\r\n"),
            b"GET / HTTP/1.1\r\nHost: \xff\xfe[\r\nConnection: close\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n",
            b"BREW / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n",
            b"\x00\x01\x02\x03" * 50 + b"\r\n\r\n",
            b"POST /admin/login HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 5\r\n"
            b"Connection: close\r\n\r\n\xff\xfe\x00{}",
        ]  # fmt: skip

    async def _send(self, request: bytes) -> None:
        reader, writer = await asyncio.open_connection(
            self._host, self._port, ssl=unverified(), local_addr=(self.address(1), 0)
        )
        try:
            writer.write(request)
            await writer.drain()
            answer = await asyncio.wait_for(reader.read(20_000), 1)
            self._sent += 1
            if b"Traceback" in answer or answer.startswith(b"HTTP/1.1 500"):
                self._faults.append(json.dumps(request[:60].decode("latin-1")))
        finally:
            writer.close()

    async def verdict(self) -> Verdict:
        faults = sorted(set(self._faults))
        text = f"{self._sent} answered, {self._unanswered} not; {len(faults)} kinds show a fault"
        if faults:
            text += f", first {faults[0]}"
        return Verdict(self._sent > 0 and not faults, text)
