"""Voices towards a receiver that takes no redundancy and asks for nothing again (Firefox)."""

from __future__ import annotations

import pytest

from sfu.congestion.history import KEEP_SECONDS, SentHistory
from sfu.receive import arrival
from sfu.send.audio_repair import COPY_AFTER, QUIET_SECONDS
from sfu.wire import transport_cc
from tests.sfu.congestion.link import VirtualLink
from tests.sfu.fan_out import Scene
from tests.sfu.peers import audio_spec
from tests.sfu.room_link import Room
from tests.sfu.voice_link import Repair, listen

SEEDS = [1, 2]


class FadingLink(VirtualLink):
    """A link that loses between two times only."""

    lossy = (10.0, 40.0)
    share = 0.05

    def send(self, size: int, now: float) -> float | None:
        self.loss = self.share if self.lossy[0] <= now < self.lossy[1] else 0.0
        return super().send(size, now)


def call(link: VirtualLink, cameras: int = 1, **settings: bool) -> Room:
    """Two people with cameras, or without: then they are hidden."""
    room = Room(link, 2, seed=1, voices_ask=False, **settings)  # type: ignore[arg-type]
    tiles = list(room.videos)
    side = (640, 360) if cameras else (0, 0)
    room.view(*((track, *side, "tile") for track in tiles))
    return room


def lost(room: Room, start: float, end: float) -> float:
    return max(sound.loss(start, end) for sound in room.sounds.values())


@pytest.mark.parametrize("cameras", [0, 1])
@pytest.mark.parametrize(("share", "limit"), [(0.05, 0.01), (0.1, 0.03)])
def test_copies_give_back_what_a_lossy_link_takes_and_end_with_the_loss(
    share: float, limit: float, cameras: int
) -> None:
    link = FadingLink(2e6, seed=3)
    link.share = share
    room = call(link, cameras)
    room.run(10)
    assert room.copies == 0
    room.run(14)
    before = room.copies
    room.run(40)
    # 100 voice packets a second, each of them once more.
    assert room.copies - before > 0.97 * 26 * 100
    assert lost(room, 14, 40) < limit
    room.run(40 + QUIET_SECONDS + 4)
    before = room.copies
    room.run(70)
    assert room.copies == before


def test_without_copies_it_would_stay_lost() -> None:
    link = FadingLink(2e6, seed=3)
    room = Room(link, 2, seed=1)
    room.run(40)
    assert room.copies == 0
    assert lost(room, 14, 40) > 0.035


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_full_queue_loses_is_not_sent_twice(seed: int) -> None:
    link = VirtualLink([(0, 5e6), (10, 3e5)], seed=seed)
    room = call(link)
    room.run(40)
    assert link.dropped > 0
    assert room.copies < 100


def test_a_receiver_that_reports_loss_alone_gets_copies_too() -> None:
    """Without transport-wide feedback; what it then reports is what was lost twice."""
    link = FadingLink(2e6, seed=3)
    room = call(link, transport_cc=False)
    room.run(40)
    assert room.copies > 0.6 * 28 * 100
    assert lost(room, 14, 40) < 0.025
    room.run(56)
    before = room.copies
    room.run(70)
    assert room.copies == before


def test_twice_is_as_good_as_redundancy() -> None:
    for loss, limit in ((0.05, 1.0), (0.1, 3.0)):
        heard = listen(Repair(copies=True), 50, loss, seconds=60)
        assert heard.concealed_percent < limit
        assert heard.delay_ms < listen(Repair(red=1), 50, loss, seconds=60).delay_ms + 20


# Byte for byte, and when.

PAUSE = b"\x78"


def datagrams(scene: Scene) -> list[bytes]:
    """What leaves now, as it is on the wire."""
    scene.forwarder.flush(scene.now)
    scene.outbox.flush(scene.now)
    found = scene.wire.datagrams()
    scene.wire.messages.clear()
    return found


def doubling(cc: int = 5) -> Scene:
    """A voice of which one packet has left, to a receiver that loses."""
    scene = Scene(audio_spec("a"), cc=cc, copies=True)
    scene.attach()
    scene.down.see_loss(0.05, 0.0)
    arrival.receive(scene.stream(), 0xFFFF, 0, 0, b"first voice", scene.now)
    return scene


@pytest.mark.parametrize("cc", [0, 5])
def test_the_very_same_bytes_leave_behind_the_next_packet(cc: int) -> None:
    scene = doubling(cc)
    (first,) = datagrams(scene)
    arrival.receive(scene.stream(), 0, 960, 0, b"second voice", scene.now)
    second, copy = datagrams(scene)
    assert copy == first
    arrival.receive(scene.stream(), 1, 1920, 0, b"third voice", scene.now)
    third, copy = datagrams(scene)
    assert copy == second
    opened = [scene.receiver.context.unprotect(one) for one in (first, second, first, third)]
    assert [one is not None for one in opened] == [True, True, False, True]
    scene.down.settle()
    assert (scene.down.packets, scene.down.resends.packets) == (3, 2)
    assert scene.down.resends.octets == len(b"first voice" + b"second voice")


def test_the_copy_of_what_announces_a_pause_waits_for_no_next_packet() -> None:
    scene = doubling()
    datagrams(scene)
    stream = scene.stream()
    arrival.receive(stream, 0, 960, 0, PAUSE, scene.now)
    pause, _ = datagrams(scene)
    assert scene.repairs_wanted
    assert stream.output.repair(scene.now + COPY_AFTER - 0.001)
    assert datagrams(scene) == []
    assert not stream.output.repair(scene.now + COPY_AFTER)
    assert datagrams(scene) == [pause]
    assert not stream.output.repair(scene.now + 1)
    assert datagrams(scene) == []


def test_over_tcp_nothing_is_sent_twice() -> None:
    scene = doubling()
    datagrams(scene)
    scene.down.stop_repair()
    arrival.receive(scene.stream(), 0, 960, 0, b"second voice", scene.now)
    assert len(datagrams(scene)) == 1
    assert not scene.down.copied


@pytest.mark.parametrize("first", [0, 0xFFFE])
@pytest.mark.parametrize(("order", "received"), [
    ((0, 20, 40), (1, 1, 1)),  # each by itself
    ((20, 20, 40), (0, 1, 1)),  # the first came with the second: by its copy
    ((21, 20, 40), (0, 1, 1)),
    ((40, None, 40), (0, 0, 1)),  # the second is lost too
    ((0, 20, 20), (1, 1, 1)),  # the second is not sent twice
])  # fmt: skip
def test_what_came_by_its_copy_is_counted_as_lost(
    first: int, order: tuple[int | None, ...], received: tuple[int, ...]
) -> None:
    history = SentHistory(first)
    for place in range(3):
        if place == 1:
            history.copied(first, first + 1 & 0xFFFF)
        history.sent(first + place + 1 & 0xFFFF, 100, place * 0.02)
    ticks = [None if at is None else at * 4 for at in order]
    deltas: list[int | None] = []
    last = 0
    for tick in ticks:
        deltas.append(None if tick is None else tick - last)
        last = last if tick is None else tick
    packet = transport_cc.decode(transport_cc.encode(1, 2, first, 0, 0, deltas)[4:])
    outcomes = history.acknowledge(packet, 0.1)
    assert tuple(outcome.received for outcome in outcomes) == received


def test_copies_are_forgotten_with_what_was_sent() -> None:
    history = SentHistory(0)
    for number in range(2000):
        now = number * 0.02
        history.sent(number + 1 & 0xFFFF, 100, now)
        history.copied(number, number + 1)
    history.acknowledge(transport_cc.decode(transport_cc.encode(1, 2, 1999, 0, 0, [0])[4:]), now)
    assert len(history.copies) <= KEEP_SECONDS / 0.02 + 1
