"""A worker process under test, and the smallest possible browsers in front of it."""

from __future__ import annotations

import array
import fcntl
import os
import select
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from sfu import control
from sfu.net import stun
from sfu.net.dtls import Certificate, DtlsConnection
from sfu.net.srtp import SrtpContext
from sfu.wire import rtp

E = TypeVar("E", bound=control.Event)

DEADLINE = 30.0
"""Seconds that anything may take before a test gives up on it."""
EXTENSIONS = control.Extensions(mid=4, rid=10, repaired_rid=11, transport_cc=3, audio_level=1)
"""Of who publishes."""
DOWN_EXTENSIONS = control.Extensions(mid=1, transport_cc=5)
"""Of who subscribes."""


class WorkerProcess:
    """`python -m sfu.process.worker`, in haste or as it is, and signaling's end of its channel."""

    def __init__(
        self, *flags: str, stderr: int | None = None, hasty: bool = True, module: str = ""
    ) -> None:
        """`module`: run this one, which brings a worker up, instead."""
        ours, theirs = socket.socketpair()
        module = module or ("tests.sfu.hasty_worker" if hasty else "sfu.process.worker")
        command = [sys.executable, "-m", module]
        self.process = subprocess.Popen(
            [*command, "--channel-fd", str(theirs.fileno()), *flags],
            cwd=Path(__file__).parents[2],
            pass_fds=(theirs.fileno(),),
            stderr=stderr,
            text=True,
        )
        theirs.close()
        self.channel = ours
        self._unframer = control.Unframer()
        self.events: list[control.Event] = []
        self.ready = self.wait(control.WorkerReady)

    def send(self, *commands: control.Command) -> None:
        for command in commands:
            self.channel.sendall(control.frame(command))

    def settle(self) -> None:
        """Until the worker has read every command: what is sent to it now, it takes after them."""
        end = time.monotonic() + DEADLINE
        unread = array.array("i", [1])
        while True:
            fcntl.ioctl(self.channel, termios.TIOCOUTQ, unread)
            if not unread[0]:
                return
            if time.monotonic() > end:
                raise TimeoutError("the worker reads no commands")
            time.sleep(0.001)

    def poll(self, timeout: float = 0.02) -> None:
        """Take the events that arrive within `timeout`."""
        if select.select([self.channel], [], [], timeout)[0]:
            data = self.channel.recv(65536)
            if not data:
                raise EOFError("the worker is gone")
            self.events += [control.decode_event(body) for body in self._unframer.feed(data)]

    def wait(self, kind: type[E], matches: Callable[[E], bool] = lambda _: True) -> E:
        """The first (and so far unseen) event of this kind; it is taken out."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            for event in self.events:
                if isinstance(event, kind) and matches(event):
                    self.events.remove(event)
                    return event
            self.poll()
        raise TimeoutError(kind.__name__)

    def stats(self) -> control.WorkerStats:
        """Fresh ones: made after this call."""
        self.poll(0)
        self.events = [e for e in self.events if not isinstance(e, control.WorkerStats)]
        self.wait(control.WorkerStats)
        return self.wait(control.WorkerStats)

    def close(self) -> int:
        """Drain; the exit code."""
        if self.process.poll() is None:
            with suppress(OSError):
                self.send(control.Drain())
        try:
            return self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self.process.wait()
            self.channel.close()


@contextmanager
def worker(hasty: bool = True, module: str = "") -> Iterator[WorkerProcess]:
    """`hasty`: one that reports its statistics ten times a second, for who waits for them only."""
    process = WorkerProcess(hasty=hasty, module=module)
    try:
        yield process
    finally:
        process.close()


class Browser:
    """One transport's far end: checks, handshakes, sends and receives plain RTP."""

    def __init__(self, worker: WorkerProcess, name: str, direction: str, room: str = "r") -> None:
        self.worker = worker
        self.id = f"{name}-{direction}"
        self.participant = name
        self.certificate = Certificate.generate()
        self.dtls = DtlsConnection(self.certificate, "client")
        self.address = ("127.0.0.1", worker.ready.port)
        self.socket = self._bind()
        self.ufrag, self.pwd = f"u{self.id}", "password-of-" + self.id
        self.remote_ufrag = "browser"
        self.own_pwd = f"own-password-of-{self.id}"
        """Its own credentials, which are the remote ones to the worker."""
        self.inbound: SrtpContext | None = None
        self.outbound: SrtpContext | None = None
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.stun_replies: list[bytes] = []
        self.is_proven = False
        """It has answered a check of the worker's from where it is now."""
        self.answers = True
        """Whether it answers the worker's own checks."""
        worker.send(
            control.OpenTransport(
                transport=self.id,
                router=room,
                participant=name,
                direction=direction,  # type: ignore[arg-type]
                ice_ufrag=self.ufrag,
                ice_pwd=self.pwd,
            )
        )

    @staticmethod
    def _bind() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        sock.bind(("127.0.0.1", 0))
        return sock

    def move(self) -> None:
        """Another address from now on, as a phone that leaves the Wi-Fi."""
        self.socket.close()
        self.socket = self._bind()
        self.is_proven = False

    def announce(self, fingerprint: control.Fingerprint | None = None) -> None:
        """What the session description would say."""
        self.worker.send(
            control.ConnectTransport(
                transport=self.id,
                remote_ufrag=self.remote_ufrag,
                remote_pwd=self.own_pwd,
                fingerprints=(fingerprint or self.certificate.fingerprint,),
                dtls_role="server",
            )
        )

    def check(self, *, password: str | None = None, use_candidate: bool = True) -> None:
        """Send a connectivity check, behind the commands that it builds on."""
        self.worker.settle()
        request = stun.binding_request(
            os.urandom(12),
            f"{self.ufrag}:{self.remote_ufrag}",
            (password or self.pwd).encode(),
            controlling=1,
            use_candidate=use_candidate,
        )
        self.socket.sendto(request, self.address)

    def connect(self) -> None:
        """Check and handshake until keys are there."""
        self.announce()
        self.handshake()
        self.worker.wait(
            control.TransportChanged, lambda e: e.transport == self.id and e.state == "connected"
        )

    def handshake(self) -> None:
        again = 0.0

        def answered() -> bool:
            nonlocal again
            if not self.stun_replies and time.monotonic() >= again:
                again = time.monotonic() + 0.5
                self.check()
            return bool(self.stun_replies)

        self.receive_until(answered)
        self.dtls.start(time.monotonic())
        self.receive_until(lambda: self.dtls.state != "handshaking")

    def _take_keys(self) -> None:
        keys = self.dtls.srtp_keys()
        assert keys is not None
        profile, ours, theirs = keys
        self.outbound = SrtpContext(profile, ours, inbound=False)
        self.inbound = SrtpContext(profile, theirs, inbound=True)

    def pump(self, timeout: float = 0.02) -> None:
        """Send what DTLS has to say and take what arrives within `timeout`."""
        for datagram in self.dtls.datagrams_to_send():
            self.socket.sendto(datagram, self.address)
        while select.select([self.socket], [], [], timeout)[0]:
            self._take(self.socket.recv(2048))
            timeout = 0
        for datagram in self.dtls.datagrams_to_send():
            self.socket.sendto(datagram, self.address)

    def _take(self, datagram: bytes) -> None:
        first = datagram[0]
        if first < 4:
            self._take_stun(datagram)
        elif 20 <= first <= 63:
            self.dtls.receive(datagram, time.monotonic())
            if self.dtls.state == "connected" and self.inbound is None:
                self._take_keys()
        elif self.inbound is not None:
            if rtp.is_rtcp(datagram[1]):
                plain = self.inbound.unprotect_rtcp(datagram)
                assert plain is not None, "RTCP that is not authentic"
                self.rtcp.append(plain)
            else:
                plain = self.inbound.unprotect(datagram)
                assert plain is not None, "RTP that is not authentic"
                self.rtp.append(plain)

    def _take_stun(self, datagram: bytes) -> None:
        message = stun.parse(datagram)
        assert message is not None
        if message.cls == stun.CLASS_SUCCESS:
            self.stun_replies.append(datagram)
        elif self.answers and message.check_integrity(self.own_pwd.encode()):
            reply = stun.binding_success(
                message.transaction_id, self.address, self.own_pwd.encode()
            )
            self.socket.sendto(reply, self.address)
            self.is_proven = True

    def receive_until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.id}: {condition}")
            self.pump()

    def send_rtp(self, packet: bytes) -> bytes:
        """Protect and send; returns what went over the wire."""
        assert self.outbound is not None
        protected = self.outbound.protect(packet)
        assert protected is not None
        self.socket.sendto(protected, self.address)
        return protected

    def send_rtcp(self, packet: bytes) -> None:
        assert self.outbound is not None
        protected = self.outbound.protect_rtcp(packet)
        assert protected is not None
        self.socket.sendto(protected, self.address)

    def close(self) -> None:
        self.socket.close()


def open_room(worker: WorkerProcess, room: str = "r") -> None:
    worker.send(control.OpenRouter(room, "Room"))


def publish(
    process: WorkerProcess, name: str, *specs: control.UpTrackSpec, room: str = "r"
) -> Browser:
    """Somebody who publishes these tracks, connected."""
    browser = Browser(process, name, "publish", room)
    process.send(control.SetUpTracks(browser.id, EXTENSIONS, specs))
    browser.connect()
    return browser


def subscribe(
    process: WorkerProcess,
    name: str,
    *specs: control.DownTrackSpec,
    extensions: control.Extensions = DOWN_EXTENSIONS,
    room: str = "r",
) -> Browser:
    """Somebody who receives these tracks, connected."""
    browser = Browser(process, name, "subscribe", room)
    process.send(control.SetDownTracks(browser.id, extensions, specs))
    browser.connect()
    return browser


def video_spec(track: str, **changes: object) -> control.UpTrackSpec:
    """A single-stream VP8 track as a browser would offer it."""
    fields: dict[str, object] = {
        "track": track,
        "mid": "1",
        "kind": "video",
        "codec": "VP8",
        "payload_type": 96,
        "rtx_payload_type": 97,
        "streams": (control.StreamSpec(ssrc=1000, rtx_ssrc=1001),),
        "nack": True,
        "pli": True,
        "transport_cc": True,
        **changes,
    }
    return control.UpTrackSpec(**fields)  # type: ignore[arg-type]


def audio_spec(track: str, **changes: object) -> control.UpTrackSpec:
    fields: dict[str, object] = {
        "track": track,
        "mid": "0",
        "kind": "audio",
        "codec": "opus",
        "payload_type": 111,
        "streams": (control.StreamSpec(ssrc=500),),
        "transport_cc": True,
        **changes,
    }
    return control.UpTrackSpec(**fields)  # type: ignore[arg-type]


def down_spec(up: control.UpTrackSpec, ssrc: int, **changes: object) -> control.DownTrackSpec:
    video = up.kind == "video"
    fields: dict[str, object] = {
        "up_track": up.track,
        "mid": "0",
        "kind": up.kind,
        "codec": up.codec,
        "ssrc": ssrc,
        "rtx_ssrc": ssrc + 1 if video else 0,
        "payload_type": 100 if video else 109,
        "rtx_payload_type": 101 if video else 0,
        "nack": video,
        "cname": "cname",
        **changes,
    }
    return control.DownTrackSpec(**fields)  # type: ignore[arg-type]


def keyframe(picture_id: int = 1, size: int = 100) -> bytes:
    """A payload that starts a VP8 keyframe, with a 15-bit picture id and TL0PICIDX."""
    descriptor = bytes((0x90, 0xE0, 0x80 | picture_id >> 8, picture_id & 0xFF, 7, 0x00))
    return descriptor + b"\x10\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00" + bytes(size)


def delta_frame(picture_id: int = 2, size: int = 100) -> bytes:
    descriptor = bytes((0x90, 0xE0, 0x80 | picture_id >> 8, picture_id & 0xFF, 8, 0x00))
    return descriptor + b"\x11\x02\x00" + bytes(size)
