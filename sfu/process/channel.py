"""The worker's end of the control channel: non-blocking, so that signaling never delays media."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Final

from sfu.control import ChannelError, Command, Event, Unframer, WorkerStats, decode_command, frame

MAX_WAITING: Final = 1024 * 1024
"""Bytes of events that may wait for a slow reader; statistics beyond that are left out."""
_CHUNK: Final = 65536
MAX_CHUNKS: Final = 4
"""Read in one go: however much signaling sends, packets get their turn in between."""

log = logging.getLogger("sfu.channel")


class Channel:
    """Commands in, events out."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._unframer = Unframer()
        self._waiting = bytearray()
        self.is_closed = False

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> Iterator[Command]:
        """Commands that have arrived; afterwards see `is_closed`.

        What is more than `MAX_CHUNKS` of `_CHUNK` bytes is left for the next call.
        """
        for _ in range(MAX_CHUNKS):
            if self.is_closed:
                return
            try:
                data = self._socket.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.is_closed = True
                return
            try:
                for body in self._unframer.feed(data):
                    yield decode_command(body)
            except ChannelError as error:
                log.error("the control channel is broken: %s", error)
                self.is_closed = True

    def send(self, event: Event) -> None:
        """Send now or at the next `flush`."""
        if isinstance(event, WorkerStats) and len(self._waiting) > MAX_WAITING:
            return
        self._waiting += frame(event)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the reader takes it."""
        while self._waiting:
            try:
                sent = self._socket.send(self._waiting)
            except BlockingIOError:
                return
            except OSError:
                self.is_closed = True
                self._waiting.clear()
                return
            del self._waiting[:sent]
