"""The dispatcher alone, and a whole call beside listeners that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from sfu.control import CaptureState, TransportChanged
from signaling.conference import events
from signaling.conference.events import Event, RoomEvents
from signaling.conference.room import Room
from tests.signaling.conftest import Running, Serve
from tests.signaling.fakes import Client, stats
from tests.signaling.people import Person, Worker, call, connected, new_room


def opened(room: str) -> events.Opened:
    return events.Opened(room=room, call="c")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def dispatcher(clock: Clock) -> RoomEvents:
    return RoomEvents(clock)


def test_listeners_are_called_in_the_order_in_which_they_registered(dispatcher: RoomEvents) -> None:
    got: list[str] = []
    for name in "abc":
        dispatcher.listen(lambda event, name=name: got.append(name))  # type: ignore[misc]
    dispatcher.emit(opened("one"))
    dispatcher.emit(opened("two"))
    assert got == ["a", "b", "c", "a", "b", "c"]


def test_what_a_listener_emits_follows_the_event_at_hand(dispatcher: RoomEvents) -> None:
    got: list[tuple[str, str]] = []

    def emits(event: Event) -> None:
        assert isinstance(event, events.Opened)
        got.append(("first", event.room))
        if event.room == "one":
            dispatcher.emit(opened("two"))
            dispatcher.emit(opened("three"))

    def keeps(event: Event) -> None:
        assert isinstance(event, events.Opened)
        got.append(("second", event.room))

    dispatcher.listen(emits)
    dispatcher.listen(keeps)
    dispatcher.emit(opened("one"))
    assert got == [(who, room) for room in ("one", "two", "three") for who in ("first", "second")]


def test_one_that_is_cancelled_meanwhile_gets_nothing_more(dispatcher: RoomEvents) -> None:
    got: list[str] = []
    cancels: list[Callable[[], None]] = []

    def cancelling(event: Event) -> None:
        got.append("cancelling")
        for cancel in cancels:
            cancel()

    cancels.append(dispatcher.listen(cancelling))
    cancels.append(dispatcher.listen(lambda event: got.append("cancelled")))
    dispatcher.listen(lambda event: got.append("stays"))
    dispatcher.emit(opened("one"))
    dispatcher.emit(opened("two"))
    assert got == ["cancelling", "stays", "stays"]
    # A second time is no fault.
    cancels[0]()


def test_one_that_registers_meanwhile_begins_with_the_next_event(dispatcher: RoomEvents) -> None:
    got: list[str] = []

    def registers(event: Event) -> None:
        if isinstance(event, events.Opened) and event.room == "one":
            dispatcher.listen(lambda event: got.append(event.room))  # type: ignore[union-attr]

    dispatcher.listen(registers)
    dispatcher.emit(opened("one"))
    dispatcher.emit(opened("two"))
    assert got == ["two"]


def test_faults_are_logged_a_few_at_a_time(
    dispatcher: RoomEvents, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(event: Event) -> None:
        raise ValueError("no")

    got: list[Event] = []
    dispatcher.listen(fails)
    dispatcher.listen(got.append)
    for _ in range(1000):
        dispatcher.emit(opened("one"))
    assert len(caplog.records) == events.LOGGED_AT_ONCE
    clock.now += 1 / events.LOGGED_PER_SECOND
    dispatcher.emit(opened("two"))
    assert len(caplog.records) == events.LOGGED_AT_ONCE + 1
    assert f"{1000 - int(events.LOGGED_AT_ONCE)} more" in caplog.messages[-1]
    assert "Opened" in caplog.messages[-1]
    assert len(got) == 1001


def test_a_leaver_is_known_by_no_secret() -> None:
    left = events.Left(
        room="r", call="c", participant="p", name="Ada", reason="left", token_digest=b"secret"
    )
    assert "secret" not in repr(left)


# Rooms.


def heard(room: Room) -> list[Event]:
    got: list[Event] = []
    room.events.listen(got.append)
    return got


def kinds(got: list[Event]) -> list[str]:
    return [type(event).__name__ for event in got]


def test_tracks_end_before_their_publisher_has_left(room: Room) -> None:
    got = heard(room)
    ada, _ = call(room)
    voice, video = ada.tracks
    room.remove(ada.participant, "lost")
    assert kinds(got) == [
        *("Joined", "Joined", "TrackPublished", "TrackPublished"),
        *("TrackEnded", "TrackEnded", "Left"),
    ]
    ended = [event.track.id for event in got if isinstance(event, events.TrackEnded)]
    assert ended == [voice, video]
    left = got[-1]
    assert isinstance(left, events.Left)
    assert (left.participant, left.reason, left.call) == (ada.id, "lost", room.call)


def test_tracks_end_with_their_connection_and_with_the_worker(room: Room) -> None:
    ada, _ = call(room)
    got = heard(room)
    room.transport_changed(
        TransportChanged(transport=connected(ada), state="failed", reason="iceTimeout")
    )
    assert kinds(got) == ["TrackEnded"] * 2
    ada.publish(restart=True)
    got.clear()
    room.worker_lost()
    assert kinds(got) == ["TrackEnded"] * 2


def test_listeners_find_the_room_as_it_is_after_the_event(room: Room) -> None:
    ada, bo = call(room)
    seen: list[tuple[str, int, int]] = []

    def looks(event: Event) -> None:
        tracks = sum(len(one.tracks) for one in room.participants.values())
        seen.append((type(event).__name__, len(room.participants), tracks))

    room.events.listen(looks)
    ada.publish(restart=True)
    room.remove(ada.participant, "left")
    assert seen == [
        *[("TrackEnded", 2, 2)] * 2,
        *[("TrackPublished", 2, 2)] * 2,
        *[("TrackEnded", 1, 0)] * 2,
        ("Left", 1, 0),
    ]
    assert bo.participant in room


def test_what_people_are_sent_is_the_same_beside_one_that_fails(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(event: Event) -> None:
        raise RuntimeError("whatever it is")

    def run(*listeners: Callable[[Event], None]) -> list[list[str]]:
        room = new_room(worker)
        for listener in listeners:
            room.events.listen(listener)
        ada, bo = call(room)
        third = Person(room, "Citra")
        third.publish()
        bo.take()
        room.transport_changed(TransportChanged(transport=connected(ada), state="failed"))
        ada.publish(restart=True)
        room.worker_lost()
        room.placed(worker)
        room.remove(third.participant, "removed")
        return [[type(one).__name__ for one in person.inbox] for person in (ada, bo, third)]

    assert run(fails) == run()


class Scene:
    """A server with a fake worker, a listener that fails at every event and one behind it."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.failed: list[str] = []
        self.got: list[Event] = []
        self._news = asyncio.Event()
        running.server.rooms.events.listen(self._fail)
        running.server.rooms.events.listen(self._keep)

    def _fail(self, event: Event) -> None:
        self.failed.append(type(event).__name__)
        raise RuntimeError("a listener that nobody tested")

    def _keep(self, event: Event) -> None:
        self.got.append(event)
        self._news.set()

    async def until(self, kind: type[Any]) -> None:
        """Until an event of this kind has come."""
        while not any(isinstance(event, kind) for event in self.got):
            self._news.clear()
            await self._news.wait()


async def people(running: Running) -> list[Client]:
    """Three in one room; the first two publish, the last receives them."""
    found = [await running.joined(name=name) for name in ("Ada", "Bo", "Citra")]
    for one in found[:2]:
        await one.publish()
    await found[-1].take_offer()
    return found


async def test_a_call_beside_a_listener_that_fails_at_every_event(serve: Serve) -> None:
    scene = Scene(await serve())
    ada, bo, citra = await people(scene.running)
    published = [e for e in scene.got if isinstance(e, events.TrackPublished)]
    await ada.send("mute", track=published[0].track.id, muted=True)
    assert (await citra.get("trackMuted"))["muted"] is True
    worker = scene.running.worker
    worker.send(stats())
    await scene.until(events.Sampled)
    worker.send(CaptureState("capture1", 1, 100, ""))
    await scene.until(events.CaptureChanged)
    worker.die()
    for one in (ada, bo, citra):
        await one.get("reset")
    await ada.publish(restart=True)
    assert (await citra.take_offer())["restart"] is True
    await bo.send("leave")
    await bo.closed()
    assert (await citra.get("participantLeft"))["reason"] == "left"
    for one in (ada, citra):
        await one.send("leave")
        await one.closed()
    await scene.until(events.Closed)
    assert scene.running.server.rooms.rooms == {}
    # Every kind of event there is came, to both, in the same order.
    every = {kind.__name__ for kind in events.Event.__args__}
    assert set(scene.failed) == every
    assert scene.failed == kinds(scene.got)
    # And the listeners that were there before had them too.
    assert scene.running.server.listeners.meter.latest is not None


class Attendance:
    """Who was in which call with what, of events alone, as a list of those present needs it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def event(self, event: Event) -> None:
        match event:
            case events.Opened(room=room):
                self.lines.append(f"{room} opens")
            case events.Joined(name=name, identity=identity):
                self.lines.append(f"{name} comes as {identity.role}")
            case events.TrackPublished(name=name, track=track):
                self.lines.append(f"{name} shares {track.source}")
            case events.Left(name=name, reason=reason):
                self.lines.append(f"{name} goes: {reason}")
            case events.Closed(room=room):
                self.lines.append(f"{room} closes")


async def test_a_list_of_those_present_needs_only_to_listen(serve: Serve) -> None:
    running, attendance = await serve(), Attendance()
    running.server.rooms.events.listen(attendance.event)
    ada = await running.joined(name="Ada")
    await ada.publish()
    await ada.send("leave")
    await ada.closed()
    assert attendance.lines == [
        *("room opens", "Ada comes as guest"),
        *("Ada shares microphone", "Ada shares camera"),
        *("Ada goes: left", "room closes"),
    ]


async def test_a_call_is_framed_by_its_events(serve: Serve) -> None:
    scene = Scene(await serve())
    ada, bo, citra = await people(scene.running)
    for one in (bo, citra, ada):
        await one.send("leave")
        await one.closed()
    await scene.until(events.Closed)
    of_call = [e for e in scene.got if isinstance(e, events.Opened | events.Closed | events.Left)]
    assert kinds(of_call) == ["Opened", "Left", "Left", "Left", "Closed"]
    assert kinds(scene.got)[0] == "Opened"
    assert kinds(scene.got)[-1] == "Closed"
