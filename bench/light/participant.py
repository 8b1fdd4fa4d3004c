"""What a simulated participant is at any server: signaling here, media in the driver processes.

Theory of operation. All participants of a run share one `LoadGenerator`. A subclass speaks the
signaling of one kind of server; what comes of it, a transport with its streams, is opened in a
driver process through the base. A run asks each participant for `join`, `publish`, `receive_all`
and `leave`, in this order; all but the last may raise `ParticipantError`.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from bench.light import sdp
from bench.light.channel import OpenTransport, Stream, Track
from bench.light.fleet import Fleet, FleetError
from bench.light.signaling import ParticipantError
from bench.recordings.library import Library
from sfu.control import Fingerprint
from signaling.negotiation.description import SdpError

MEDIA_ERRORS = (FleetError, SdpError, sdp.NegotiationError)
"""What keeps a transport from coming up."""


@dataclass(frozen=True)
class LoadGenerator:
    """What the participants of one run share."""

    fleet: Fleet
    http: aiohttp.ClientSession
    url: str
    """Of the server."""
    people: dict[str, int] = field(default_factory=dict)
    """The server's participant ids -> participant numbers, so that each participant knows whose
    track it is offered."""


@contextlib.asynccontextmanager
async def load_generator(
    library: Library, participants: int, drivers: int, url: str
) -> AsyncIterator[LoadGenerator]:
    """`participants` is the highest participant number plus one, of those who send.

    Raises `FleetError`.
    """
    async with (
        Fleet(library, participants, min(drivers, participants)) as fleet,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        yield LoadGenerator(fleet, http, url)


class LightParticipant(ABC):
    """One participant without a decoder."""

    def __init__(self, generator: LoadGenerator, participant: int) -> None:
        self.participant = participant
        self.problem = ""
        """Why the call was lost; empty while it is well."""
        self.named: set[str] = set()
        """Rids that the server has asked for at any time."""
        self.tracks: tuple[Track, ...] = ()
        """What is received now."""
        self._generator, self._fleet = generator, generator.fleet
        self._host = urlsplit(generator.url).hostname or ""
        self._transports: list[OpenTransport] = []

    @abstractmethod
    async def join(self, room: str) -> None:
        """Be in the room."""

    @abstractmethod
    async def publish(self, kinds: tuple[str, ...]) -> None:
        """Send a track of each kind; returns when the transport is up."""

    @abstractmethod
    async def receive_all(self, count: int, seconds: float) -> None:
        """Wait until media of `count` tracks arrives."""

    async def leave(self) -> None:
        """Leave, whatever state the call is in; how it ends is no problem any more."""
        for plan in list(self._transports):
            await self._close(plan)

    @property
    def _fingerprint(self) -> Fingerprint:
        return self._fleet.fingerprint(self.participant)

    async def _open(
        self,
        text: str,
        credentials: sdp.Credentials,
        *,
        offered_by_us: bool,
        streams: tuple[Stream, ...] = (),
    ) -> OpenTransport:
        """Begin to connect as the server's description says; `_connected` waits for it."""
        plan = sdp.transport_plan(
            transport=self._fleet.new_transport(),
            participant=self.participant,
            text=text,
            host=self._host,
            credentials=credentials,
            offered_by_us=offered_by_us,
            streams=streams,
        )
        self._transports.append(plan)
        await self._fleet.open(plan)
        return plan

    async def _receiving(self, plan: OpenTransport, seconds: float) -> None:
        """Wait until the transport is up and all its awaited tracks have begun."""
        with failing_as("subscribing failed"):
            await self._fleet.connected(plan)
            await self._fleet.receiving(self.participant, plan.transport, seconds)

    async def _close(self, plan: OpenTransport) -> None:
        self._transports.remove(plan)
        with contextlib.suppress(OSError):
            await self._fleet.close_transport(self.participant, plan.transport)


@contextlib.contextmanager
def failing_as(what: str) -> Iterator[None]:
    """Raises `ParticipantError` in place of `MEDIA_ERRORS`."""
    try:
        yield
    except MEDIA_ERRORS as error:
        raise ParticipantError(f"{what}: {error}") from error
