"""A file that a thread of its own opens, writes and closes: a slow disk keeps no packet waiting.

Theory of operation. The worker's loop may not touch a disk: a memory card that erases a block, or
a network file system that has gone away, holds up for seconds whoever writes. So blocks go into a
buffer, the buffer into a queue, and the thread takes them from there. What may wait is bounded;
beyond that a block is refused whole, so that the file stays readable.

Each of the numbers is written by one of the two threads only, and read by the other.
"""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import Final

MAX_WAITING: Final = 8 * 1024 * 1024
"""Bytes that are not on the disk yet; three seconds of all that a participant can send and get."""
CHUNK: Final = 64 * 1024
"""Bytes that are handed over at a time."""


class CaptureFile:
    """`write`, now and then `flush`, then `finish`; wait for `is_done` before it is read."""

    def __init__(self, path: str) -> None:
        """The file must not exist yet. Never raises; see `error`."""
        self.error = ""
        """Why it could not be made or written; empty: it could."""
        self.is_done = False
        """All is written, or nothing more will be."""
        self._path = path
        self._buffer = bytearray()
        self._handed = 0
        self._written = 0
        self._chunks: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def write(self, block: bytes) -> None:
        """Take a block. Raises `BufferError` when too much waits: it is left out."""
        buffer = self._buffer
        if self._handed - self._written + len(buffer) + len(block) > MAX_WAITING:
            raise BufferError("the disk is too slow")
        buffer += block
        if len(buffer) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Hand over what there is."""
        if self._buffer:
            self._handed += len(self._buffer)
            self._chunks.put(bytes(self._buffer))
            self._buffer.clear()

    def finish(self) -> None:
        """Nothing follows; does not wait."""
        self.flush()
        self._chunks.put(None)

    def wait(self, seconds: float) -> None:
        """Until it is done, or for so long."""
        self._thread.join(seconds)

    # In the thread.

    def _run(self) -> None:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                self._drain(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.error = error.strerror or str(error)
        self.is_done = True

    def _drain(self, descriptor: int) -> None:
        while True:
            chunk = self._chunks.get()
            if chunk is None:
                return
            left = memoryview(chunk)
            while left:
                left = left[os.write(descriptor, left) :]
            self._written += len(chunk)
