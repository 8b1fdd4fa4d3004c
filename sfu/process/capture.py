"""Packets of chosen transports, written to a file as they come and go (pcapng).

Theory of operation. `Captures` stands beside the packet path, not on it: the worker asks it once a
batch whether anything is being captured, and while nothing is, that is all it costs. What comes in
is written before anything is deciphered, what goes out after it was enciphered: RTP headers are
clear on the wire, media is not. Media leaves through the outbox, which shows what it is
about to send; all else leaves through its transport, which is tapped as long as needed.

A capture ends by command, at its size or time, with its last transport, or when the disk refuses.
Signaling chooses the path; the file must not exist yet. It is written by a thread of its own
(`capture_file`), and how a capture ended is reported when the file is whole.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from qos.capture.writer import CaptureWriter
from sfu.control import CaptureState, StartCapture
from sfu.net.webrtc_transport import WebRtcTransport
from sfu.process.capture_file import CaptureFile
from sfu.receive.ingress import MAX_DATAGRAM
from sfu.room.endpoint import Endpoint, WebRtcEndpoint
from sfu.send.egress import Egress, Outbox

MAX_CAPTURES: Final = 4
"""At the same time: each costs every packet of its participant some microseconds."""
EXIT_SECONDS: Final = 2.0
"""That a worker which ends waits for its disk."""
_HERE: Final = {False: "0.0.0.0", True: "::"}
"""Our own address, by whether the peer's is of IPv6: we listen on all."""

log = logging.getLogger("sfu.capture")


class Capture:
    """One file."""

    def __init__(
        self,
        command: StartCapture,
        endpoints: Iterable[WebRtcEndpoint],
        port: int,
        unpack_address: Callable[[bytes], tuple[str, int]],
    ) -> None:
        self.id = command.capture
        self._port, self._unpack = port, unpack_address
        self.ended: Literal["", "full", "failed", "gone", "stopped"] = ""
        self.dropped = 0
        """Packets that were left out because the disk was too slow."""
        self._file = CaptureFile(command.path)
        self._writer = CaptureWriter(
            self._file.write,
            application="sfu",
            headers_only=command.headers_only,
            max_bytes=command.max_bytes,
            max_seconds=command.max_seconds,
        )
        self._interfaces = {
            endpoint.transport.id: self._writer.interface(endpoint.transport.direction)
            for endpoint in endpoints
        }
        self._endpoints = {endpoint.transport.id: endpoint for endpoint in endpoints}
        for endpoint in endpoints:
            self._tap(endpoint.transport)

    def _tap(self, transport: WebRtcTransport) -> None:
        transport.tap(lambda datagram, to: self.write(transport.id, to, datagram, outbound=True))

    def received(self, endpoint: Endpoint, address: bytes, datagram: memoryview) -> None:
        """A datagram of some transport, as it came."""
        if endpoint.transport.id in self._endpoints:
            self.write(endpoint.transport.id, address, datagram, outbound=False)

    def sent(self, dirty: Iterable[Egress]) -> None:
        """What the outbox is about to send."""
        for name, endpoint in self._endpoints.items():
            egress = None if endpoint.subscriber is None else endpoint.subscriber.egress
            selected = endpoint.transport.selected
            if egress is None or selected is None or not egress.position:
                continue
            if not any(one is egress for one in dirty):
                continue
            start = 0
            view = memoryview(egress.data)
            for length, segment in egress.runs:
                for at in range(start, start + length, segment):
                    end = min(at + segment, start + length)
                    self.write(name, selected, view[at:end], outbound=True)
                start += length

    def write(
        self, transport: str, address: bytes, datagram: bytes | memoryview, *, outbound: bool
    ) -> None:
        """One datagram to or from `address`."""
        if self.ended:
            return
        host, port = self._unpack(address)
        far, here = (host, port), (_HERE[":" in host], self._port)
        try:
            self._writer.packet(
                self._interfaces[transport],
                time.time_ns(),
                here if outbound else far,
                far if outbound else here,
                datagram,
                outbound=outbound,
            )
        except BufferError:
            self.dropped += 1
        if self._writer.full:
            self.ended = "full"

    def tick(self) -> None:
        """Hand over to the disk what is written; end with the last transport, or with the disk."""
        if not self.ended and all(
            endpoint.transport.is_over for endpoint in self._endpoints.values()
        ):
            self.ended = "gone"
        if self._file.error:
            self.ended = "failed"
        self._file.flush()

    def close(self) -> None:
        """Leave everything as it was; `is_whole` becomes true when the file is."""
        for endpoint in self._endpoints.values():
            endpoint.transport.tap(None)
        self._file.finish()

    def is_whole(self) -> bool:
        """Whether nothing more will be written, after `close`; how it ended is final then."""
        if not self._file.is_done:
            return False
        if self._file.error:
            log.error("capture %s: %s", self.id, self._file.error)
            self.ended = "failed"
        return True

    def wait(self, seconds: float) -> None:
        """Until then, or for so long."""
        self._file.wait(seconds)

    @property
    def state(self) -> CaptureState:
        """As it is reported to signaling."""
        return CaptureState(self.id, self._writer.packets, self._writer.bytes, self.ended)


class Captures:
    """All captures of one worker."""

    def __init__(
        self,
        outbox: Outbox,
        port: int,
        slot_size: int,
        unpack_address: Callable[[bytes], tuple[str, int]],
    ) -> None:
        self._outbox, self._port = outbox, port
        self._slot_size, self._unpack = slot_size, unpack_address
        self.running: dict[str, Capture] = {}
        """By id."""
        self.dropped = 0
        """Packets that captures left out, of all that have ended."""
        self._ending: list[Capture] = []
        """Those whose files are being finished."""

    def start(self, command: StartCapture, endpoints: list[WebRtcEndpoint]) -> CaptureState | None:
        """Begin one of those transports it names that exist. The state if it is refused."""
        if command.capture in self.running:
            return None
        count = len(self.running) + len(self._ending)
        failed = CaptureState(command.capture, 0, 0, "failed")
        if not endpoints or count >= MAX_CAPTURES or self._taken(endpoints):
            return failed
        capture = Capture(command, endpoints, self._port, self._unpack)
        log.info("capture %s begins", command.capture)
        self.running[command.capture] = capture
        self._outbox.tap = self._sent
        return None

    def _taken(self, endpoints: list[WebRtcEndpoint]) -> bool:
        """Whether one of them is being captured already: a transport has one tap."""
        return any(endpoint.transport.tapped for endpoint in endpoints)

    def stop(self, capture: str) -> None:
        """End one, if it has not ended already; `tick` gives what it came to."""
        running = self.running.get(capture)
        if running is not None:
            running.ended = running.ended or "stopped"
            self._end(running)

    def _end(self, capture: Capture) -> None:
        del self.running[capture.id]
        if not self.running:
            self._outbox.tap = None
        capture.close()
        self._ending.append(capture)

    def received(
        self,
        sizes: list[int],
        addresses: bytes,
        data: bytearray,
        by_address: Mapping[bytes, Endpoint],
    ) -> None:
        """A batch as it came, before anything is done with it."""
        width = len(addresses) // len(sizes) if sizes else 0
        view = memoryview(data)
        for slot, size in enumerate(sizes):
            address = addresses[slot * width : (slot + 1) * width]
            endpoint = by_address.get(address)
            if endpoint is None:
                continue
            at = slot * self._slot_size
            datagram = view[at : at + min(size, MAX_DATAGRAM)]
            for capture in self.running.values():
                capture.received(endpoint, address, datagram)

    def _sent(self, dirty: list[Egress]) -> None:
        for capture in self.running.values():
            capture.sent(dirty)

    def tick(self) -> list[CaptureState]:
        """How they stand; about once a second."""
        found = []
        for capture in list(self.running.values()):
            capture.tick()
            if capture.ended:
                self._end(capture)
            else:
                found.append(capture.state)
        whole = [capture for capture in self._ending if capture.is_whole()]
        for capture in whole:
            self._ending.remove(capture)
            self.dropped += capture.dropped
            log.info("capture %s ended: %s", capture.id, capture.ended)
            found.append(capture.state)
        return found

    def close(self) -> None:
        """The worker ends."""
        for capture in list(self.running.values()):
            self._end(capture)
        for capture in self._ending:
            capture.wait(EXIT_SECONDS / len(self._ending))
