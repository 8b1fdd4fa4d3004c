"""The real server and worker, with aiortc clients."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from signaling.conference import events
from signaling.config import Config
from signaling.machine.addresses import machine_addresses
from signaling.server import Server
from signaling.worker_pool import launcher
from tests.signaling.aiortc_call import Call
from tests.signaling.fakes import Client
from tests.signaling.processes import ServerProcess


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    process = await ServerProcess.start(tmp_path / "data")
    yield process
    await process.stop()


async def call(http: aiohttp.ClientSession, server: ServerProcess, name: str) -> Call:
    client = Client(await http.ws_connect(server.url + "/ws", ssl=False))
    assert (await client.join("room", name))["type"] == "welcome"
    one = Call(client)
    one.start()
    return one


EVERY_EVENT = {
    "Opened",
    "Joined",
    "TrackPublished",
    "TrackEnded",
    "WorkerLost",
    "Statistics",
    "Sampled",
}
"""Of a call whose worker is lost."""


async def test_a_listener_that_fails_at_every_event_costs_nobody_the_call(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    config = Config(host="127.0.0.1", port=0, tls=False, workers=1, data_dir=str(tmp_path))
    server = Server(config, machine_addresses(), launcher(0, "WARNING"), "an admin token for tests")
    failed: set[str] = set()
    all_failed = asyncio.Event()

    def fails(event: events.Event) -> None:
        failed.update({type(event).__name__} & EVERY_EVENT)
        if len(failed) == len(EVERY_EVENT):
            all_failed.set()
        raise RuntimeError("a listener that nobody tested")

    server.rooms.events.listen(fails)
    url = f"http://127.0.0.1:{await server.start(None)}"
    people = []
    for name in ("Ada", "Bo", "Citra"):
        client = Client(await http.ws_connect(url + "/ws"))
        assert (await client.join("room", name))["type"] == "welcome"
        people.append(Call(client))
        people[-1].start()
    try:
        await asyncio.gather(*(one.more_frames() for one in people))
        os.kill(server.pool.workers[0].process.pid, signal.SIGKILL)
        await asyncio.gather(*(one.has_got("reset") for one in people))
        await asyncio.gather(*(one.more_frames() for one in people))
        await asyncio.wait_for(all_failed.wait(), 20)
    finally:
        await asyncio.gather(*(one.close() for one in people))
        await server.close()


async def stats(http: aiohttp.ClientSession, server: ServerProcess) -> dict[str, Any]:
    token = (server.data / "admin-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    async with http.get(server.url + "/api/stats", headers=headers, ssl=False) as response:
        body: dict[str, Any] = await response.json()
        return body


async def test_a_killed_worker_costs_nobody_the_call(
    http: aiohttp.ClientSession, server: ServerProcess
) -> None:
    ada, bo = await call(http, server, "Ada"), await call(http, server, "Bo")
    try:
        await asyncio.gather(ada.more_frames(), bo.more_frames())
        first = (await stats(http, server))["workers"][0]["pid"]
        os.kill(first, signal.SIGKILL)
        await asyncio.gather(ada.has_got("reset"), bo.has_got("reset"))
        await asyncio.gather(ada.more_frames(), bo.more_frames())
        assert (await stats(http, server))["workers"][0]["pid"] != first
    finally:
        await asyncio.gather(ada.close(), bo.close())


async def test_media_goes_on_while_a_socket_is_away(
    http: aiohttp.ClientSession, server: ServerProcess
) -> None:
    ada, bo = await call(http, server, "Ada"), await call(http, server, "Bo")
    try:
        await asyncio.gather(ada.more_frames(), bo.more_frames())
        bo.client.socket._response.connection.transport.abort()  # type: ignore[union-attr]
        await ada.more_frames()
        again = Client(await http.ws_connect(server.url + "/ws", ssl=False))
        await again.send("resume", version=1, token=bo.client.token)
        welcome = await again.get("welcome")
        assert (welcome["resumed"], welcome["participant"]) == (True, bo.client.me)
        await asyncio.gather(ada.more_frames(), bo.more_frames())
        assert not any(message["type"] == "participantLeft" for message in ada.seen)
    finally:
        await asyncio.gather(ada.close(), bo.close())


async def test_sound_that_went_comes_back_and_a_restart_costs_nothing(
    http: aiohttp.ClientSession, server: ServerProcess
) -> None:
    ada, bo = await call(http, server, "Ada"), await call(http, server, "Bo")
    try:
        await bo.more_frames()
        await bo.client.send("view", tracks=[], audio=False)
        await bo.has_got("offer", id=2)
        await bo.client.send("view", tracks=[], audio=True)
        await bo.hear(100)
        # aiortc keeps its ICE credentials, as a peer may that knows nothing of restarts.
        await bo.client.send("restartIce")
        await bo.has_got("offer", id=3)
        await bo.hear(100)
        assert not any(message["type"] == "error" for message in bo.seen)
    finally:
        await asyncio.gather(ada.close(), bo.close())


async def test_a_wrong_fingerprint_is_reported(
    http: aiohttp.ClientSession, server: ServerProcess
) -> None:
    ada = await call(http, server, "Ada")
    try:
        await ada.has_got("transport", connection="publish", state="connected")
        assert ada.up is not None
        bo = RTCPeerConnection()
        bo.addTransceiver(AudioStreamTrack(), "sendonly")
        await bo.setLocalDescription(await bo.createOffer())
        client = Client(await http.ws_connect(server.url + "/ws", ssl=False))
        await client.join("room", "Bo")
        # Every fingerprint of the offer is of somebody else's certificate.
        lines = [
            line[:-2] + ("00" if line[-2:] != "00" else "01")
            if line.startswith("a=fingerprint:")
            else line
            for line in bo.localDescription.sdp.split("\r\n")
        ]
        tracks = [{"mid": "0", "source": "microphone"}]
        await client.send("publish", id=1, sdp="\r\n".join(lines), tracks=tracks)
        published = await client.get("published")
        await bo.setRemoteDescription(RTCSessionDescription(published["sdp"], "answer"))
        message = await client.get("transport")
        assert (message["state"], message["reason"]) == ("failed", "fingerprintMismatch")
        await bo.close()
    finally:
        await ada.close()


async def test_sigterm_notifies_clients_and_exits_with_0(
    http: aiohttp.ClientSession, server: ServerProcess
) -> None:
    client = Client(await http.ws_connect(server.url + "/ws", ssl=False))
    await client.join()
    worker = (await stats(http, server))["workers"][0]["pid"]
    server.process.send_signal(signal.SIGTERM)
    assert (await client.get("closing"))["reason"] == "shutdown"
    assert await client.closed() == 1001
    assert await server.process.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


async def test_the_certificate_names_this_machine(server: ServerProcess) -> None:
    context = ssl.create_default_context(cafile=str(server.data / "certificate.pem"))
    port = int(server.url.rpartition(":")[2])
    for name in ("127.0.0.1", "localhost"):
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=name
        )
        writer.close()
        await writer.wait_closed()


async def test_what_it_keeps_is_for_its_own_user_only(server: ServerProcess) -> None:
    history = server.data / "history.db"
    while not history.exists():
        await asyncio.sleep(0.05)
    kept = list(server.data.rglob("*"))
    assert {"admin-token", "certificate-key.pem", "history.db"} <= {path.name for path in kept}
    assert [path for path in (server.data, *kept) if path.stat().st_mode & 0o077] == []


async def refused(*flags: str) -> str:
    """Standard error of a server that does not start."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "signaling", "--workers", "1", *flags),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    lines = [line for line in errors.decode().splitlines() if line.startswith("sfu: ")]
    assert "Traceback" not in errors.decode()
    assert len(lines) == 1
    return lines[0]


async def test_what_cannot_start_says_why(server: ServerProcess, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    base = ("--host", "127.0.0.1", "--data-dir", str(tmp_path / "other"), "--media-port", "0")
    assert "is in use" in await refused(*base, "--port", port)
    file = tmp_path / "file"
    file.write_text("no folder, no certificate")
    assert "data_dir" in await refused(*base, "--port", "0", "--data-dir", str(file))
    pair = ("--tls-cert", str(file), "--tls-key", str(file))
    assert "are not a certificate and its key" in await refused(*base, "--port", "0", *pair)
    pair = ("--tls-cert", str(tmp_path / "none"), "--tls-key", str(file))
    assert "cannot read" in await refused(*base, "--port", "0", *pair)
    media = str(await _media_port(server))
    assert f"UDP port {media}" in await refused(*base, "--port", "0", "--media-port", media)
    with socket.create_server(("", 0)) as taken:
        media = str(taken.getsockname()[1])
        said = await refused(*base, "--port", "0", "--media-port", media)
        assert f"TCP port {media}" in said
        assert "--no-ice-tcp" in said


async def _media_port(server: ServerProcess) -> int:
    async with aiohttp.ClientSession() as http:
        return int((await stats(http, server))["workers"][0]["port"])
