"""Keeps the media workers running.

Theory of operation. For each index one task (`_keep`) starts a worker, waits for `WorkerReady`,
passes its events on, and when it is lost starts another at once; a worker that keeps dying is
started again with growing pauses. Lost means: the channel ended, or was silent for `SILENCE`
seconds, or carried what is no message. A box that stands still for longer (it was suspended, or
out of memory) has stopped us, too, so its workers keep their calls. Whatever the reason, the
process of a lost worker is killed by its pid before the next one starts, so that its UDP port is
free.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from sfu.control import (
    AudioLevels,
    CaptureState,
    ChannelError,
    Command,
    DownTrackStates,
    Drain,
    Event,
    Fingerprint,
    LayersWanted,
    TransportChanged,
    Unframer,
    WorkerReady,
    WorkerStats,
    decode_event,
    frame,
)

log = logging.getLogger(__name__)

SILENCE = 5.0
"""Seconds without an event after which a worker counts as lost; statistics come each second."""
POLLS = 5
"""Of a silent channel within that time: while this process stands still, none is counted."""
START = 10.0
"""Seconds that a worker has to become ready."""
LAST_MOMENT = 0.3
"""Seconds between a drained worker's last message and its end."""
LONG_LIFE = 30.0
"""Seconds of life after which a death does not count towards the pauses."""


class WorkerStartError(Exception):
    """No worker could be started; the text says which."""


class Process(Protocol):
    """A started worker process."""

    pid: int

    def kill(self) -> None:
        """SIGKILL; nothing happens when it has ended."""

    async def wait(self) -> int:
        """Its exit code, when it has ended."""


Launch = Callable[[int, socket.socket], Awaitable[Process]]
"""Starts the worker of an index, with its end of the channel."""


MediaEvent = TransportChanged | AudioLevels | LayersWanted | DownTrackStates | CaptureState
"""Events about one room's media."""


class Listener(Protocol):
    """Whoever uses the workers; one, since it must know of a lost worker before anybody else."""

    def worker_ready(self, worker: Worker) -> None:
        """It may be given rooms."""

    def worker_lost(self, worker: Worker) -> None:
        """It must not be used any more."""

    def worker_event(self, worker: Worker, event: MediaEvent) -> None:
        """Something happened to a room's media."""

    def worker_stats(self, worker: Worker, stats: WorkerStats) -> None:
        """Once a second."""


class Worker:
    """One running worker; satisfies `room_media.MediaWorker`."""

    def __init__(self, index: int, process: Process, writer: asyncio.StreamWriter) -> None:
        self.index, self.process = index, process
        self.port = self.tcp_port = 0
        self.stats: WorkerStats | None = None
        self.ready: WorkerReady | None = None
        self._writer = writer

    @property
    def fingerprint(self) -> Fingerprint:
        """Of its certificate; only of a worker that is ready."""
        assert self.ready is not None
        return self.ready.fingerprint

    def send(self, command: Command) -> None:
        """Queue a command; one to a worker that is gone is dropped."""
        if not self._writer.is_closing():
            self._writer.write(frame(command))


class WorkerPool:
    """See the module's text."""

    def __init__(self, count: int, launch: Launch, listener: Listener) -> None:
        self.workers: list[Worker] = []
        """Those that are ready."""
        self._count, self._launch, self._listener = count, launch, listener
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    async def start(self) -> None:
        """Start all workers and wait until they are ready. Raises `WorkerStartError`."""
        first = [asyncio.get_running_loop().create_future() for _ in range(self._count)]
        self._tasks = [
            asyncio.create_task(self._keep(index, future)) for index, future in enumerate(first)
        ]
        try:
            await asyncio.gather(*first)
        except BaseException:
            await self.close(0.0)
            raise

    async def close(self, patience: float) -> None:
        """Drain the workers; kill those that have not ended after `patience` seconds."""
        self._closing = True
        for worker in self.workers:
            worker.send(Drain())
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=patience)
            for task in pending:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, index: int, first: asyncio.Future[None]) -> None:
        failures = 0
        while not self._closing:
            started = time.monotonic()
            try:
                await self._run(index, first)
            except TimeoutError:
                log.error("media worker %d is silent", index)
            except (OSError, ChannelError) as error:
                log.error("media worker %d: %s", index, error)
            except Exception:
                # Whatever it was: there must be a worker again.
                log.exception("keeping media worker %d failed", index)
            if self._closing:
                break
            if not first.done():
                first.set_exception(WorkerStartError(f"media worker {index} does not start"))
                break
            failures = 0 if time.monotonic() - started > LONG_LIFE else failures + 1
            # After the first death another one starts at once.
            await asyncio.sleep(0 if failures < 2 else min(10.0, 0.1 * 2**failures))

    async def _run(self, index: int, first: asyncio.Future[None]) -> None:
        """One life of one worker."""
        ours, theirs = socket.socketpair()
        try:
            process = await self._launch(index, theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = Worker(index, process, writer)
        try:
            await self._serve(worker, reader, first)
        finally:
            if worker in self.workers:
                self.workers.remove(worker)
                self._listener.worker_lost(worker)
            writer.close()
            await self._end(worker)

    async def _serve(
        self, worker: Worker, reader: asyncio.StreamReader, first: asyncio.Future[None]
    ) -> None:
        unframer = Unframer()
        while True:
            data = await self._read(worker, reader)
            if not data:
                return
            for body in unframer.feed(data):
                event = decode_event(body)
                try:
                    self._event(worker, event)
                except Exception:
                    # A fault about one room must not cost the worker, and so all of its rooms.
                    log.exception("an event of media worker %d failed", worker.index)
                if worker.ready and not first.done():
                    first.set_result(None)

    @staticmethod
    async def _read(worker: Worker, reader: asyncio.StreamReader) -> bytes:
        """What came, b"" at the end. Raises `TimeoutError` when it is silent."""
        patience = (SILENCE if worker.ready else START) / POLLS
        for _ in range(POLLS - 1):
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(reader.read(1 << 16), patience)
        return await asyncio.wait_for(reader.read(1 << 16), patience)

    def _event(self, worker: Worker, event: Event) -> None:
        if isinstance(event, WorkerReady):
            worker.ready, worker.port, worker.tcp_port = event, event.port, event.tcp_port
            self.workers.append(worker)
            log.info(
                "media worker %d ready: pid %d, UDP port %d, TCP port %s, %s",
                worker.index,
                event.pid,
                event.port,
                event.tcp_port or "none",
                " ".join((*event.srtp_profiles, *event.features)),
            )
            self._listener.worker_ready(worker)
        elif isinstance(event, WorkerStats):
            worker.stats = event
            self._listener.worker_stats(worker, event)
        else:
            self._listener.worker_event(worker, event)

    async def _end(self, worker: Worker) -> None:
        """End the process; one that was drained has a moment to end by itself."""
        if self._closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(worker.process.wait(), LAST_MOMENT)
        worker.process.kill()
        code = await worker.process.wait()
        if not self._closing:
            log.error("media worker %d (pid %d) ended: %d", worker.index, worker.process.pid, code)


class _Subprocess:
    """`Process` over asyncio's."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process, self.pid = process, process.pid

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> int:
        return await self._process.wait()


def launcher(
    media_port: int,
    log_level: str,
    tcp: bool = True,
    log_format: str = "text",
    media_host: str = "",
) -> Launch:
    """How real workers are started: worker i on UDP port `media_port` + i, or any when it is 0.

    `tcp`: whether they take ICE over TCP too, on the port of the same number.
    `log_format`: `text` or `json`. `media_host`: the IP address they take media at; empty for all.
    """

    async def launch(index: int, channel: socket.socket) -> Process:
        port = media_port + index if media_port else 0
        arguments = ["-m", "sfu.process.worker", "--channel-fd", str(channel.fileno())]
        arguments += ["--port", str(port), "--log-level", log_level, "--log-format", log_format]
        if media_host:
            arguments += ["--host", media_host]
        if not tcp:
            arguments.append("--no-tcp")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(channel.fileno(),),
            # Control-C in a terminal goes to the whole group; workers are to be drained instead.
            process_group=0,
        )
        return _Subprocess(process)

    return launch
