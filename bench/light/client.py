"""A simulated participant of our own server."""

from __future__ import annotations

import asyncio
from typing import Any

from bench.light import sdp
from bench.light.channel import OpenTransport, Track
from bench.light.participant import MEDIA_ERRORS, LightParticipant, LoadGenerator, failing_as
from bench.light.signaling import (
    Message,
    ParticipantError,
    Signaling,
    published_tracks,
    reason_of_loss,
)
from signaling.negotiation.description import Description
from signaling.negotiation.sdp import parse as parse_sdp

MAIN_TILE = (1280, 720)
THUMBNAIL = (160, 90)
"""Device pixels."""


class Client(LightParticipant):
    """One participant: joins a room, publishes, subscribes to everybody."""

    def __init__(
        self,
        generator: LoadGenerator,
        participant: int,
        *,
        rids: tuple[str, ...] = (),
        main: int | None = None,
        awaited: frozenset[int] | None = None,
    ) -> None:
        """`rids` are the simulcast layers of its video, low to high; none: a single stream.

        With `main` it views the participant of this number large and all others as thumbnails;
        without it sends no `view`. `receive_all` waits for the tracks of `awaited`, participant
        numbers; of everybody without.
        """
        super().__init__(generator, participant)
        self.signaling = Signaling(generator.http, generator.url)
        self.capacity = 0
        """How many people its room takes."""
        self._rids, self._main, self._awaited = rids, main, awaited
        self._people = generator.people
        self._mids: dict[str, str] = {}
        """Of the published tracks, by track id."""
        self._layers: dict[str, tuple[str, ...]] = {}
        """What the server wants of each published track now."""
        self._leaving = False
        self._id = ""
        self._publish: OpenTransport | None = None
        """Once it is up."""
        self._subscribe: OpenTransport | None = None
        self._credentials = sdp.Credentials()
        self._changed = asyncio.Event()

    async def join(self, room: str) -> None:
        """Raises `ParticipantError`."""
        welcome = await self.signaling.join(room, f"bench {self.participant}")
        self._id = welcome["participant"]
        self.capacity = int(welcome["room"]["capacity"])
        self._people[self._id] = self.participant
        self.signaling.listen(self._receive)

    async def publish(self, kinds: tuple[str, ...]) -> None:
        """Send a track of each kind; returns when the transport is up. Raises
        `ParticipantError`."""
        credentials = sdp.Credentials()
        offer, streams = sdp.publish_offer(
            self.participant, credentials, self._fingerprint, kinds, self._rids
        )
        published = await self.signaling.publish(offer, published_tracks(streams))
        self._mids = {row["track"]: row["mid"] for row in published["tracks"]}
        with failing_as("publishing failed"):
            plan = await self._open(
                published["sdp"], credentials, offered_by_us=True, streams=streams
            )
            await self._fleet.connected(plan)
        self._publish = plan
        for track in list(self._layers):
            await self._set_layers(track)

    async def _set_layers(self, track: str) -> None:
        if self._publish is not None and track in self._mids and self._rids:
            await self._fleet.set_layers(
                self.participant, self._publish.transport, self._mids[track], self._layers[track]
            )

    async def receive_all(self, count: int, seconds: float) -> None:
        """Wait until media of `count` tracks arrives. Raises `ParticipantError`."""
        try:
            async with asyncio.timeout(seconds):
                while len(self.tracks) < count and not self.problem:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise ParticipantError(
                f"participant {self.participant} was offered {len(self.tracks)} of {count} tracks"
            ) from None
        if self.problem:
            raise ParticipantError(self.problem)
        if self._subscribe is not None:
            await self._receiving(self._subscribe, seconds)

    async def leave(self) -> None:
        self._leaving = True
        await self.signaling.leave()
        await super().leave()
        self._people.pop(self._id, None)

    async def _receive(self, message: Message) -> None:
        # After a call is lost, messages are ignored.
        if self.problem:
            return
        try:
            await self.on_message(message)
        except (*MEDIA_ERRORS, ParticipantError) as error:
            self._lost(str(error))

    async def on_message(self, message: Message) -> None:
        """What the server sends from `welcome` on."""
        if message["type"] == "offer":
            await self._offer(message)
        elif message["type"] == "layers":
            self._layers[message["track"]] = tuple(message["rids"])
            self.named.update(message["rids"])
            await self._set_layers(message["track"])
        elif reason := reason_of_loss(message):
            self._lost(reason)

    def _lost(self, why: str) -> None:
        if not self._leaving:
            self.problem = self.problem or f"participant {self.participant}: {why}"
        self._changed.set()
        self.signaling.fail(why)

    async def _offer(self, message: Message) -> None:
        text: str = message["sdp"]
        if self._subscribe is not None and message.get("restart"):
            await self._close(self._subscribe)
            self._subscribe = None
        if self._subscribe is None:
            self._credentials = sdp.Credentials()
            self._subscribe = await self._open(text, self._credentials, offered_by_us=False)
        described = parse_sdp(text)
        self.tracks = self._offered(described, message["tracks"])
        await self._fleet.set_tracks(self.participant, self._subscribe.transport, self.tracks)
        answer = sdp.subscribe_answer(described, self._credentials, self._fingerprint)
        await self.signaling.send("answer", id=message["id"], sdp=answer)
        if self._main is not None:
            view = viewed_tracks(message["tracks"], self._people, self._main)
            await self.signaling.send("view", tracks=view)
        self._changed.set()

    def _offered(self, described: Description, rows: list[Message]) -> tuple[Track, ...]:
        """The tracks of people of this run."""
        ssrcs = {line.mid: next(iter(line.ssrcs), 0) for line in described.media}
        repairs = {}
        for line in described.media:
            if line.fid_groups:
                ssrcs[line.mid], repairs[line.mid] = line.fid_groups[0]
        return tuple(
            Track(
                ssrcs[row["mid"]],
                "screen" if row["source"] == "screen" else row["kind"],
                self._people[row["participant"]],
                repairs.get(row["mid"], 0),
                awaited=self._awaits(row),
            )
            for row in rows
            if row["participant"] in self._people and ssrcs.get(row["mid"])
        )

    def _awaits(self, row: Message) -> bool:
        if self._awaited is not None:
            return self._people[row["participant"]] in self._awaited
        # A voice that is not among the loudest may never come.
        return row["kind"] == "video" or self._main is None


def viewed_tracks(
    offered: list[dict[str, Any]], people: dict[str, int], main: int
) -> list[dict[str, Any]]:
    """The `tracks` of a `view` that shows participant number `main` large and the others small.

    A shared screen takes the large place.
    """
    shared = any(track.get("source") == "screen" for track in offered)
    tracks = []
    for track in offered:
        if track["kind"] == "video":
            screen = track.get("source") == "screen"
            large = screen or (people.get(track["participant"]) == main and not shared)
            width, height = MAIN_TILE if large else THUMBNAIL
            importance = "screen" if screen else "main" if large else "tile"
            tracks.append(
                {
                    "track": track["track"],
                    "width": width,
                    "height": height,
                    "importance": importance,
                }
            )
    return tracks
