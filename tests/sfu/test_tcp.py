"""Participants whose network blocks UDP, against a real worker: all over one TCP connection."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from sfu import control
from sfu.net import stun
from sfu.net.framing import FrameReader, frame
from sfu.receive.up_track import REPLAY_PACKETS
from sfu.wire import rtcp, rtp
from tests.sfu.peers import (
    Browser,
    WorkerProcess,
    audio_spec,
    delta_frame,
    down_spec,
    keyframe,
    open_room,
    video_spec,
    worker,
)

EXTENSIONS = control.Extensions(mid=4, transport_cc=3, audio_level=1)
DOWN_EXTENSIONS = control.Extensions(mid=1, transport_cc=5)


class TcpBrowser(Browser):
    """A far end that frames its datagrams (RFC 4571) and reads when it is asked to."""

    def __init__(self, worker: WorkerProcess, name: str, direction: str) -> None:
        super().__init__(worker, name, direction)
        self.is_proven = True
        self.socket.close()
        self.reader = FrameReader()
        self.redial()

    def move(self) -> None:
        """Another connection from now on."""
        self.socket.close()
        self.redial()

    def redial(self) -> None:
        self.reader = FrameReader()
        self.socket = _Framing(("127.0.0.1", self.worker.ready.tcp_port))  # type: ignore[assignment]

    def pump(self, timeout: float = 0.02) -> None:
        for datagram in self.dtls.datagrams_to_send():
            self.socket.sendto(datagram, self.address)
        while select.select([self.socket], [], [], timeout)[0]:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"{self.id}: the worker closed the connection")
            for datagram in self.reader.feed(data):
                self._take(datagram)
            timeout = 0
        for datagram in self.dtls.datagrams_to_send():
            self.socket.sendto(datagram, self.address)


class _Framing:
    """A connection that looks like a UDP socket to who sends."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def sendto(self, datagram: bytes, address: tuple[str, int]) -> None:
        self._socket.sendall(frame(datagram))

    def recv(self, size: int) -> bytes:
        return self._socket.recv(size)

    def getsockname(self) -> tuple[str, int]:
        name: tuple[str, int] = self._socket.getsockname()
        return name

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def process() -> Iterator[WorkerProcess]:
    with worker() as running:
        open_room(running)
        yield running


def publish(browser: Browser, *specs: control.UpTrackSpec) -> Browser:
    browser.worker.send(control.SetUpTracks(browser.id, EXTENSIONS, specs))
    browser.connect()
    return browser


def subscribe(
    browser: Browser,
    *specs: control.DownTrackSpec,
    extensions: control.Extensions = DOWN_EXTENSIONS,
) -> Browser:
    browser.worker.send(control.SetDownTracks(browser.id, extensions, specs))
    browser.connect()
    return browser


def ssrc_of(packet: bytes) -> int:
    (ssrc,) = struct.unpack_from("!I", packet, 8)
    return int(ssrc)


def test_a_call_over_tcp(process: WorkerProcess) -> None:
    assert process.ready.tcp_port == process.ready.port
    video, audio = video_spec("v"), audio_spec("a")
    alice = publish(TcpBrowser(process, "alice", "publish"), video, audio)
    tcp = subscribe(
        TcpBrowser(process, "bob", "subscribe"), down_spec(video, 7000), down_spec(audio, 8000)
    )
    udp = subscribe(Browser(process, "eve", "subscribe"), down_spec(video, 7000))
    answer = stun.parse(tcp.stun_replies[0])
    assert answer is not None
    assert answer.mapped_address() == tcp.socket.getsockname()
    alice.send_rtp(rtp.build(96, 10, 90000, 1000, keyframe(size=900)))
    # No more than are sent again to who is only just let see them.
    for number in range(11, 10 + REPLAY_PACKETS):
        alice.send_rtp(rtp.build(96, number, 90000, 1000, delta_frame(size=900 - number % 2)))
    alice.send_rtp(rtp.build(111, 20, 960, 500, b"\x78voice"))
    tcp.receive_until(lambda: len(tcp.rtp) == REPLAY_PACKETS + 1)
    udp.receive_until(lambda: len(udp.rtp) == REPLAY_PACKETS)
    assert [ssrc_of(p) for p in tcp.rtp].count(8000) == 1
    seqs = [p[2:4] for p in tcp.rtp if ssrc_of(p) == 7000]
    assert len(set(seqs)) == REPLAY_PACKETS
    alice.receive_until(lambda: bool(alice.rtcp))
    assert process.stats().drops == {}


def test_checked_comes_before_connected(process: WorkerProcess) -> None:
    bob = TcpBrowser(process, "bob", "subscribe")
    bob.announce()
    bob.check()
    process.wait(control.TransportChanged, lambda e: e.transport == bob.id and e.state == "checked")
    bob.handshake()
    process.wait(
        control.TransportChanged, lambda e: e.transport == bob.id and e.state == "connected"
    )


def test_a_reader_that_stops_harms_nobody(process: WorkerProcess) -> None:
    video, audio = video_spec("v"), audio_spec("a")
    alice = publish(Browser(process, "alice", "publish"), video, audio)
    specs = (down_spec(video, 7000), down_spec(audio, 8000))
    # Without transport-wide feedback nothing but the connection itself holds the server back.
    plain = control.Extensions(mid=1)
    stuck = subscribe(TcpBrowser(process, "stuck", "subscribe"), *specs, extensions=plain)
    well = subscribe(TcpBrowser(process, "well", "subscribe"), *specs, extensions=plain)
    alice.send_rtp(rtp.build(96, 0, 0, 1000, keyframe(size=1000)))
    sent = 1

    def dropped() -> int:
        process.poll(0)
        found = [e for e in process.events if isinstance(e, control.WorkerStats)]
        return found[-1].drops.get("tcpSlowReader", 0) if found else 0

    def frames() -> int:
        return len([p for p in well.rtp if ssrc_of(p) == 7000])

    end = time.monotonic() + 60
    while not dropped():
        assert time.monotonic() < end, "the worker never drops"
        for one in (stuck, well):
            # It consents.
            one.send_rtcp(rtcp.receiver_report(1))
        for _ in range(100):
            body = delta_frame(sent & 0x7FFF, size=1000)
            alice.send_rtp(rtp.build(96, sent & 0xFFFF, sent * 3000, 1000, body, marker=True))
            sent += 1
        alice.send_rtp(rtp.build(111, sent & 0xFFFF, sent * 960, 500, b"\x78voice"))
        while frames() < sent:
            assert time.monotonic() < end, "who reads well gets less"
            well.pump()
    stuck.receive_until(lambda: len([p for p in stuck.rtp if ssrc_of(p) == 8000]) > 3)
    assert process.stats().drops.keys() == {"tcpSlowReader"}


def test_a_connection_that_broke_is_replaced(process: WorkerProcess) -> None:
    audio = audio_spec("a")
    alice = publish(Browser(process, "alice", "publish"), audio)
    bob = TcpBrowser(process, "bob", "subscribe")
    subscribe(bob, down_spec(audio, 8000))
    bob.move()
    replies = len(bob.stun_replies)
    bob.check()
    bob.receive_until(lambda: len(bob.stun_replies) > replies)
    alice.send_rtp(rtp.build(111, 1, 960, 500, b"\x78voice"))
    bob.receive_until(lambda: len(bob.rtp) == 1)


def test_strangers_and_rubbish_leave_a_call_alone(process: WorkerProcess) -> None:
    audio = audio_spec("a")
    alice = publish(Browser(process, "alice", "publish"), audio)
    bob = subscribe(TcpBrowser(process, "bob", "subscribe"), down_spec(audio, 8000))
    address = ("127.0.0.1", process.ready.tcp_port)
    forged = stun.binding_request(os.urandom(12), f"{bob.ufrag}:browser", b"guess", controlling=1)
    openings: list[bytes] = [b"GET / HTTP/1.1\r\n\r\n", frame(forged) * 100, frame(b"\x16" * 50)]
    strangers = [socket.create_connection(address, timeout=10) for _ in range(60)]
    for number, stranger in enumerate(strangers):
        with suppress(ConnectionError):
            stranger.sendall(openings[number % len(openings)])
    for number in range(20):
        alice.send_rtp(rtp.build(111, number, number * 960, 500, b"\x78voice"))
    bob.receive_until(lambda: len(bob.rtp) == 20)
    for stranger in strangers:
        with suppress(ConnectionError):
            while stranger.recv(4096):
                pass
        stranger.close()
    drops = process.stats().drops
    assert drops["tcpStranger"] == 60
    assert "unexpectedError" not in drops


@pytest.mark.parametrize("kind", [Browser, TcpBrowser])
def test_an_ice_restart_keeps_the_call(
    process: WorkerProcess, kind: Callable[[WorkerProcess, str, str], Browser]
) -> None:
    audio = audio_spec("a")
    alice = publish(Browser(process, "alice", "publish"), audio)
    bob = subscribe(kind(process, "bob", "subscribe"), down_spec(audio, 8000))
    process.send(control.RestartIce(bob.id, "restarted", "password-after-it"))
    replies = len(bob.stun_replies)
    bob.check()
    bob.receive_until(lambda: len(bob.stun_replies) == replies + 1)
    old = (bob.ufrag, bob.pwd)
    bob.ufrag, bob.pwd, bob.remote_ufrag = "restarted", "password-after-it", "anew"
    bob.announce()
    bob.move()
    bob.check()
    bob.receive_until(lambda: len(bob.stun_replies) == replies + 2 and bob.is_proven)
    alice.send_rtp(rtp.build(111, 1, 960, 500, b"\x78voice"))
    bob.receive_until(lambda: len(bob.rtp) == 1)
    bob.ufrag, bob.pwd = old
    bob.check()
    assert process.stats().drops == {"stunUnknownUser": 1}
