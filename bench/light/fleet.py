"""The bench's side of the driver processes, as one."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import time

from bench.child import Child, resolve, start
from bench.light import channel
from bench.recordings.library import Library, shared
from sfu.control import Fingerprint

CONNECT_SECONDS = 20.0
READY_SECONDS = 20.0
DRAIN_SECONDS = 1.0
"""After the window, so that what was sent in it has arrived."""
_END_SECONDS = 5.0


class FleetError(Exception):
    """A driver or a transport of it failed; the text says which and why."""


class _Driver(Child[channel.Event]):
    """One driver process and what is awaited of it."""

    events = channel.events

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        super().__init__(process, connection)
        self.ready: asyncio.Future[Fingerprint] = self.expect()
        self.measured: asyncio.Future[channel.Measured] | None = None
        self.connected: dict[int, asyncio.Future[str]] = {}
        self.receiving: dict[int, asyncio.Future[None]] = {}
        self.failures: dict[int, str] = {}
        """Transports that failed after they had been connected."""
        self.progress: channel.Progress | None = None
        """The newest of this window."""

    def received(self, event: channel.Event) -> None:
        if isinstance(event, channel.Ready):
            self.ready.set_result(event.fingerprint)
        elif isinstance(event, channel.Connected):
            resolve(self.connected.get(event.transport), event.profile)
        elif isinstance(event, channel.Failed):
            future = self.connected.get(event.transport)
            if future is not None and not future.done():
                future.set_exception(FleetError(event.reason))
            else:
                self.failures[event.transport] = event.reason
        elif isinstance(event, channel.Progress):
            self.progress = event
        elif isinstance(event, channel.Receiving):
            resolve(self.receiving.get(event.transport), None)
        else:
            resolve(self.measured, event)

    def ended(self) -> None:
        self.fail(FleetError("a load generator process ended"))


class Fleet:
    """All driver processes of one run. `async with` it."""

    def __init__(self, library: Library, participants: int, processes: int = 1) -> None:
        """`participants` is the highest number of participants plus one."""
        self._library = library
        self._rows = participants
        self._count = processes
        self._drivers: list[_Driver] = []
        self._numbers = itertools.count(1)
        self._fingerprints: list[Fingerprint] = []

    async def __aenter__(self) -> Fleet:
        table = os.memfd_create("bench-times")
        os.ftruncate(table, max(1, self._rows * self._library.row) * 8)
        try:
            with shared(self._library) as recordings:
                for _ in range(self._count):
                    started = await start("bench.light.driver", recordings, table)
                    self._drivers.append(_Driver(*started))
            async with asyncio.timeout(READY_SECONDS):
                self._fingerprints = [await driver.ready for driver in self._drivers]
        except (TimeoutError, FleetError, OSError) as error:
            await self.close()
            raise FleetError(f"the load generator did not start: {error}") from error
        finally:
            os.close(table)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End every driver; kills one that does not go by itself."""
        drivers, self._drivers = self._drivers, []
        for driver in drivers:
            driver.hang_up()
        for driver in drivers:
            await driver.end(_END_SECONDS)

    def _of(self, participant: int) -> _Driver:
        return self._drivers[participant % len(self._drivers)]

    def pids(self) -> list[int]:
        return [driver.process.pid for driver in self._drivers]

    def fingerprint(self, participant: int) -> Fingerprint:
        """Of the certificate that this participant uses."""
        return self._fingerprints[participant % len(self._fingerprints)]

    def new_transport(self) -> int:
        """A number for `OpenTransport`."""
        return next(self._numbers)

    async def open(self, plan: channel.OpenTransport) -> None:
        """Begin to connect; `connected` waits for it."""
        driver = self._of(plan.participant)
        driver.connected[plan.transport] = driver.expect()
        await driver.send(plan)

    async def connected(self, plan: channel.OpenTransport) -> str:
        """The SRTP profile. Raises `FleetError`."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._of(plan.participant).connected[plan.transport]
        except TimeoutError:
            raise FleetError("the transport did not connect in time") from None

    async def set_tracks(
        self, participant: int, transport: int, tracks: tuple[channel.Track, ...]
    ) -> None:
        """What the transport receives from now on; `receiving` waits for all of it."""
        driver = self._of(participant)
        waiting = driver.receiving.get(transport)
        if waiting is None or waiting.done():
            # Who waits already goes on waiting: for all of the newest set.
            driver.receiving[transport] = driver.expect()
        await driver.send(channel.SetTracks(transport, tracks))

    async def set_layers(
        self, participant: int, transport: int, mid: str, rids: tuple[str, ...]
    ) -> None:
        """Which layers of a published track are sent from now on."""
        await self._of(participant).send(channel.SetLayers(transport, mid, rids))

    async def receiving(self, participant: int, transport: int, seconds: float) -> None:
        """Wait until a packet of every awaited track has arrived. Raises `FleetError`."""
        try:
            async with asyncio.timeout(seconds):
                await self._of(participant).receiving[transport]
        except TimeoutError:
            raise FleetError(
                f"participant {participant} does not receive all tracks after {seconds:.0f} s"
            ) from None

    async def close_transport(self, participant: int, transport: int) -> None:
        await self._of(participant).send(channel.CloseTransport(transport))

    def failures(self) -> list[str]:
        """Transports that were lost since the start."""
        return [reason for driver in self._drivers for reason in driver.failures.values()]

    def progress(self) -> list[channel.Progress]:
        """The newest of each driver in this window; fewer where one has not reported yet."""
        return [driver.progress for driver in self._drivers if driver.progress is not None]

    async def begin_window(self, start: int, stop: int) -> None:
        """Count what is sent between these monotonic nanoseconds."""
        for driver in self._drivers:
            driver.progress = None
            await driver.send(channel.Measure(start, stop))

    async def end_window(self, stop: int) -> None:
        """End the window earlier than announced."""
        for driver in self._drivers:
            await driver.send(channel.Stop(stop))

    async def collect(self, stop: int, drain: float = DRAIN_SECONDS) -> list[channel.Measured]:
        """Wait for the window's end and `drain` seconds, then what each driver counted."""
        await asyncio.sleep(max(0.0, stop / 1e9 - time.monotonic()) + drain)
        results = []
        for driver in self._drivers:
            driver.measured = driver.expect()
            await driver.send(channel.Collect())
        for driver in self._drivers:
            assert driver.measured is not None
            async with asyncio.timeout(READY_SECONDS):
                results.append(await driver.measured)
        return results
