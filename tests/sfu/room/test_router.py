"""One room without a process, in simulated time: who is heard and seen, and why not."""

from __future__ import annotations

import ctypes
import itertools
from typing import Any

import pytest

from sfu import control
from sfu.codecs import opus, red
from sfu.process.deadlines import NEVER, Deadlines
from sfu.process.shedding import STEPS
from sfu.receive import arrival
from sfu.receive.publisher import REPAIR_INTERVAL, Publisher
from sfu.receive.rtp_stream import RtpStream
from sfu.receive.up_track import PRE_ROLL
from sfu.room.endpoint import Endpoint
from sfu.room.router import FEW_MORE, SPEECH_LEVEL, Router
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from sfu.send.subscriber import MAX_USED_SSRCS, Subscriber
from sfu.wire import ntp, rtcp, rtp
from sfu.wire.packet import MARKER
from tests.sfu.keyed_transport import KeyedTransport
from tests.sfu.peers import audio_spec, delta_frame, down_spec, keyframe, video_spec

FRAME = 0.02
"""Seconds of a voice packet."""
QUIET = 110
"""-dBov of a room in which nobody speaks."""
LOUDEST = 3
WALL = 1_700_000_000.0
RED = 63
LAYERS = tuple(control.StreamSpec(rid=rid, ssrc=30 + n) for n, rid in enumerate("qhf"))


class Sender:
    """One publisher, its voice and its video."""

    def __init__(self, room: Room, name: str, *specs: control.UpTrackSpec) -> None:
        self.room = room
        self.keys = KeyedTransport(f"{name}-publish", name)
        self.publisher = Publisher(self.keys, room.forwarder, 1, room.deadlines)
        self.endpoint = Endpoint(self.keys, publisher=self.publisher)
        room.router.add(self.endpoint)
        self.specs = specs
        self.level: int | None = QUIET
        """None: it sends no voice at all."""
        self.numbers: dict[int, int] = {}
        self.offer()

    def offer(self, *specs: control.UpTrackSpec) -> None:
        extensions = control.Extensions(audio_level=1, transport_cc=3)
        command = control.SetUpTracks(self.keys.id, extensions, specs or self.specs)
        self.room.router.set_up_tracks(self.publisher, command, self.room.now)

    def stream(self, ssrc: int) -> RtpStream:
        return self.publisher.streams[ssrc]

    def send(self, ssrc: int, payload: bytes, step: int, *, lost: bool = False) -> None:
        """The next packet of a stream; `step` is how far its timestamps are apart."""
        number = self.numbers[ssrc] = self.numbers.get(ssrc, 99) + 1
        if not lost:
            stream = self.stream(ssrc)
            arrival.receive(stream, number, number * step, MARKER, payload, self.room.now)

    def speak(self, *, lost: bool = False) -> None:
        """20 ms of voice whose payload says when it was sent."""
        if self.level is None:
            return
        track = self.stream(500).track
        # Speech swells and fades; what stays the same is a noise.
        swing = 15 if self.level < SPEECH_LEVEL and int(self.room.now * 10) % 4 == 0 else 0
        track.level = min(track.level, self.level + swing)
        number = self.numbers.get(500, 99) + 1
        self.send(500, b"\x78" + number.to_bytes(4, "big"), 960, lost=lost)

    def show(
        self, ssrc: int = 1000, *, key: bool = False, size: int = 100, lost: bool = False
    ) -> None:
        number = self.numbers.get(ssrc, 99) + 1
        payload = (keyframe if key else delta_frame)(number & 0x7FFF, size)
        self.send(ssrc, payload, 3000, lost=lost)


class Viewer:
    """One subscriber, and what came to it."""

    def __init__(
        self, room: Room, name: str, *specs: control.DownTrackSpec, transport_cc: bool = False
    ) -> None:
        self.room = room
        self.keys = KeyedTransport(f"{name}-subscribe", name)
        self.subscriber = Subscriber(
            self.keys, room.forwarder, room.outbox, 16, lambda: 100, room.deadlines
        )
        self.endpoint = Endpoint(self.keys, subscriber=self.subscriber)
        room.router.add(self.endpoint)
        self.extensions = control.Extensions(transport_cc=5 if transport_cc else 0)
        self.packets: list[bytes] = []
        self.list(*specs)
        room.router.transport_connected(self.endpoint, room.now)
        assert self.subscriber.egress is not None
        room.viewers[self.subscriber.egress.name] = self

    def list(self, *specs: control.DownTrackSpec) -> None:
        command = control.SetDownTracks(self.keys.id, self.extensions, specs)
        self.room.router.set_down_tracks(self.subscriber, command, self.room.now)

    def view(self, *views: control.TrackView) -> None:
        command = control.SetView(transport="t", views=views)
        self.room.router.set_view(self.subscriber, command, self.room.now)

    def take(self, ssrc: int) -> list[bytes]:
        """What came under an SSRC, in order, since the last call for it."""
        found = [p for p in self.packets if int.from_bytes(p[8:12], "big") == ssrc]
        self.packets = [p for p in self.packets if p not in found]
        return found

    def lose(self, ssrc: int, share: float) -> None:
        block = rtcp.ReportBlock(ssrc, int(share * 256), 0, 0, 0)
        report = rtcp.ReceiverReport(1, (block,))
        self.subscriber.receive_rtcp(report, self.room.now, self.room.ntp_now)


class Room:
    """A router, its clock and a wire that delivers at once."""

    def __init__(self, loudest: int = LOUDEST) -> None:
        self.now = 10.0
        self.outbox = Outbox(self)
        self.forwarder = Forwarder(self.outbox)
        self.deadlines = Deadlines(pytest.fail)
        self.router = Router("r", "Room", loudest)
        self.viewers: dict[int, Viewer] = {}
        self.senders: list[Sender] = []
        self.demands: list[control.LayersWanted] = []
        self.states: dict[str, tuple[control.DownTrackState, ...]] = {}
        self._next_tick = self.now

    @property
    def ntp_now(self) -> int:
        return ntp.from_unix(WALL + self.now)

    def send(
        self, names: list[int], bases: list[int], lengths: list[int], segments: list[int]
    ) -> None:
        for name, base, length, segment in zip(names, bases, lengths, segments, strict=True):
            viewer, run = self.viewers[name], ctypes.string_at(base, length)
            for at in range(0, length, segment):
                plain = viewer.keys.far_end.unprotect(run[at : at + segment])
                assert plain is not None
                viewer.packets.append(plain)

    def sender(self, name: str, *specs: control.UpTrackSpec) -> Sender:
        found = Sender(self, name, *(specs or (audio_spec(name),)))
        self.senders.append(found)
        return found

    def leave(self, sender: Sender) -> None:
        self.senders.remove(sender)
        self.router.transport_gone(sender.endpoint)

    def tick(self) -> None:
        """As the worker's loop does each 100 ms."""
        self.router.tick(self.now, self.ntp_now)
        self.demands += self.router.changed_demands(self.now)
        for states in self.router.changed_states(self.now):
            self.states[states.transport] = states.tracks

    def flush(self) -> None:
        self.forwarder.flush(self.now)
        self.outbox.flush(self.now)

    def run(self, seconds: float) -> None:
        """Everybody speaks at its level meanwhile."""
        for _ in range(round(seconds / FRAME)):
            self.now += FRAME
            for sender in self.senders:
                if 500 in sender.publisher.streams:
                    sender.speak()
            self.flush()
            self.deadlines.run(self.now)
            if self.now >= self._next_tick:
                self._next_tick = self.now + 0.1
                self.tick()
            self.deadlines.run(self.now)
            self.flush()

    def heard(self) -> set[str]:
        """Whose voices are sent on."""
        return {
            sender.keys.participant
            for sender in self.senders
            if not sender.stream(500).track.silenced
        }


def seqs(packets: list[bytes]) -> list[int]:
    return [int.from_bytes(packet[2:4], "big") for packet in packets]


def stamps(packets: list[bytes]) -> list[int]:
    return [int.from_bytes(packet[4:8], "big") for packet in packets]


def body(packet: bytes) -> bytes:
    start = rtp.header_length(packet, 0, len(packet))
    return packet[start : len(packet) - rtp.padding_length(packet, 0, len(packet))]


# Voices.


def test_a_few_voices_more_than_the_loudest_are_all_heard() -> None:
    room = Room()
    senders = [room.sender(f"p{n}") for n in range(LOUDEST + FEW_MORE)]
    room.run(0.5)
    assert len(room.heard()) == LOUDEST + FEW_MORE
    senders.append(room.sender("more"))
    room.run(0.5)
    assert len(room.heard()) == LOUDEST
    room.leave(senders[0])
    room.run(0.5)
    assert len(room.heard()) == LOUDEST + FEW_MORE


@pytest.mark.parametrize(("loudest", "step"), [(0, 1), (3, 1), (0, 3), (2, 2), (3, 4)])
def test_a_worker_with_too_much_to_do_sends_fewer_voices(loudest: int, step: int) -> None:
    room = Room(loudest)
    for number in range(4):
        room.sender(f"p{number}")
    room.run(0.3)
    assert len(room.heard()) == 4
    room.router.set_shed(STEPS[step])
    room.run(0.3)
    assert len(room.heard()) == STEPS[step].voices
    room.router.set_shed(STEPS[0])
    room.run(0.3)
    assert len(room.heard()) == 4


def test_a_voice_of_unknown_level_is_always_heard() -> None:
    room = Room(loudest=1)
    for number in range(4):
        room.sender(f"p{number}")
    plain = Sender(room, "plain", audio_spec("plain"))
    room.senders.append(plain)
    room.router.speakers.remove("plain")
    room.run(0.5)
    assert "plain" in room.heard()


def test_the_loudest_are_heard_and_who_begins_is_let_in() -> None:
    room = Room()
    senders = {name: room.sender(name) for name in "abcdef"}
    ear = Viewer(
        room,
        "ear",
        *(down_spec(audio_spec(name), 8000 + n) for n, name in enumerate("abcdef")),
    )
    for name in "abc":
        senders[name].level = 25
    room.run(4.0)
    assert room.heard() == set("abc")
    heard_of_d = ear.take(8003)
    first_word = senders["d"].numbers[500] + 1
    senders["a"].level, senders["d"].level = QUIET, 25
    room.run(3.0)
    assert room.heard() == set("bcd")
    left_out, let_in = ear.take(8000), ear.take(8003)
    # Who is left out ends in silence, and then nothing comes.
    assert [body(packet) for packet in left_out[-2:]] == list(opus.PAUSE)
    steps = [b - a for a, b in itertools.pairwise(stamps(left_out))]
    assert set(steps) == {960}
    # Who is let in comes with the time before it was noticed, in the numbers' right place.
    words = [int.from_bytes(body(packet)[1:], "big") for packet in let_in]
    assert words == list(range(words[0], senders["d"].numbers[500] + 1))
    at_most = first_word + round(2.0 / FRAME)
    assert words[0] <= at_most
    whole = heard_of_d + let_in
    assert [b - a for a, b in itertools.pairwise(seqs(whole))] == [1] * (len(whole) - 1)
    assert stamps(let_in) == [word * 960 for word in words]


@pytest.mark.parametrize("frames", range(5))
def test_who_is_let_in_to_a_free_place_loses_no_syllable(frames: int) -> None:
    room = Room()
    senders = {name: room.sender(name) for name in "abcdef"}
    ear = Viewer(
        room,
        "ear",
        *(down_spec(audio_spec(name), 8000 + n) for n, name in enumerate("abcdef")),
    )
    # Anywhere between two ticks.
    room.run(3.0 + frames * FRAME)
    waiting = sorted(set("abcdef") - room.heard())[0]
    ssrc = 8000 + "abcdef".index(waiting)
    before = ear.take(ssrc)
    senders[waiting].level = 25
    first_word = senders[waiting].numbers[500] + 1
    room.run(0.2)
    assert waiting in room.heard()
    let_in = ear.take(ssrc)
    words = [int.from_bytes(body(packet)[1:], "big") for packet in let_in]
    assert words[0] <= first_word
    assert words[0] >= first_word - PRE_ROLL / FRAME
    assert words == list(range(words[0], senders[waiting].numbers[500] + 1))
    whole = before + let_in
    assert [b - a for a, b in itertools.pairwise(seqs(whole))] == [1] * (len(whole) - 1)
    assert all(b - a > 0 for a, b in itertools.pairwise(stamps(whole)))


def test_a_voice_left_out_for_a_moment_says_nothing_twice() -> None:
    room = Room(loudest=0)
    alice = room.sender("alice")
    ear = Viewer(room, "ear", down_spec(audio_spec("alice"), 8000))
    room.run(0.5)
    track = alice.stream(500).track
    for pause in (0.02, 0.04, 0.1, 0.3):
        for silenced in (True, False):
            track.silence(silenced, room.now)
            room.run(pause)
    packets = ear.take(8000)
    assert [b - a for a, b in itertools.pairwise(seqs(packets))] == [1] * (len(packets) - 1)
    words = [packet for packet in packets if body(packet) not in opus.PAUSE]
    numbers = [int.from_bytes(body(packet)[1:], "big") for packet in words]
    assert numbers == sorted(set(numbers))
    assert stamps(words) == [number * 960 for number in numbers]
    assert len(numbers) > 40


def test_a_newcomer_hears_only_who_is_not_left_out() -> None:
    room = Room()
    senders = {name: room.sender(name) for name in "abcdef"}
    for name in "abc":
        senders[name].level = 25
    room.run(4.0)
    specs = [down_spec(audio_spec(name), 8000 + n) for n, name in enumerate("abcdef")]
    late = Viewer(room, "late", *specs)
    room.run(1.0)
    assert {n for n in range(6) if late.take(8000 + n)} == {0, 1, 2}


def test_levels_are_reported_of_who_speaks_and_once_of_silence() -> None:
    room = Room(loudest=0)
    alice, bob = room.sender("alice"), room.sender("bob")
    room.run(0.5)
    assert room.router.changed_levels() is None
    alice.level, bob.level = 30, SPEECH_LEVEL
    room.run(0.3)
    assert room.router.changed_levels() == {"alice": 30}
    alice.level = QUIET
    reported = []
    for _ in range(5):
        room.run(0.2)
        reported.append(room.router.changed_levels())
    # The first may still hold what was said before.
    assert reported[1 if reported[0] else 0 :] == [{}] + [None] * (3 if reported[0] else 4)


def test_one_participant_s_loudest_track_counts() -> None:
    room = Room(loudest=0)
    alice = room.sender("alice")
    second = audio_spec("second", mid="2", streams=(control.StreamSpec(ssrc=600),))
    alice.offer(*alice.specs, second)
    alice.level = 40
    track = alice.stream(600).track
    track.level = 20
    room.run(0.1)
    room.tick()
    assert room.router.changed_levels() == {"alice": 20}


# Redundant and repaired voice.


def test_redundancy_follows_what_the_receiver_loses() -> None:
    room = Room()
    room.sender("alice")
    bob = Viewer(room, "bob", down_spec(audio_spec("alice"), 8000, red_payload_type=RED))
    eve = Viewer(room, "eve", down_spec(audio_spec("alice"), 8000))
    whole: list[bytes] = []

    def flow(expected: int) -> None:
        room.run(0.2)
        packets = bob.take(8000)
        plain = eve.take(8000)
        assert len(packets) == len(plain) == 10
        whole.extend(packets)
        # The first packet after a change may have been in flight.
        for packet, same in zip(packets, plain, strict=True):
            number = int.from_bytes(body(same)[1:], "big")
            assert same[1] & 0x7F == 109
            if not expected:
                assert packet[1] & 0x7F == 109
                assert body(packet) == body(same)
                continue
            assert packet[1] & 0x7F == RED
            found = red.blocks(body(packet), 109)
            offsets = [offset for offset, _ in found]
            assert offsets == [960 * back for back in range(expected, -1, -1)]
            words = [int.from_bytes(block[1:], "big") for _, block in found]
            assert words == list(range(number - expected, number + 1))

    room.run(0.2)
    bob.take(8000)
    eve.take(8000)
    flow(0)
    bob.lose(8000, 0.02)
    flow(1)
    bob.lose(8000, 0.10)
    flow(2)
    blocks = []
    for _ in range(25):
        bob.lose(8000, 0.0)
        room.run(1.0)
        newest = bob.take(8000)[-1]
        blocks.append(len(red.blocks(body(newest), 109)) - 1 if newest[1] & 0x7F == RED else 0)
    assert blocks == sorted(blocks, reverse=True)
    assert all(9 <= blocks.count(number) <= 11 for number in (2, 1))
    eve.take(8000)
    flow(0)
    assert stamps(whole) == sorted(stamps(whole))


@pytest.mark.parametrize(("rtt", "asked"), [(0.0, True), (0.04, True), (0.2, False)])
def test_lost_voice_is_asked_for_while_the_answer_would_be_heard(rtt: float, asked: bool) -> None:
    room = Room()
    alice = room.sender("alice")
    own = Viewer(room, "alice")
    ear = Viewer(room, "ear", down_spec(audio_spec("alice"), 8000))
    own.subscriber.rtt = rtt
    room.run(0.5)
    alice.speak(lost=True)
    lost = alice.numbers[500]
    room.run(0.06)
    wanted = [seq for packet in alice.keys.sent(rtcp.Nack) for seq in packet.seqs]
    assert wanted[:1] == ([lost] if asked else [])
    assert not alice.keys.sent(rtcp.Pli)
    room.run(1.0)
    wanted = [seq for packet in alice.keys.sent(rtcp.Nack) for seq in packet.seqs]
    # Only as often as an answer could still be heard.
    assert len(wanted) <= 5
    room.flush()
    ear.take(8000)
    arrival.receive(alice.stream(500), lost, lost * 960, 0, b"\x78late", room.now)
    room.flush()
    assert [body(packet) for packet in ear.take(8000)] == [b"\x78late"]


# Layers.


def camera(room: Room, name: str = "alice") -> Sender:
    return room.sender(name, video_spec("v", streams=LAYERS))


def film(room: Room, sender: Sender, seconds: float, *ssrcs: int, key: bool = False) -> None:
    """Each stream at 10 frames a second; `key`: of keyframes only."""
    for _ in range(round(seconds / 0.1)):
        for ssrc in ssrcs:
            sender.show(ssrc, key=key)
        room.run(0.1)


def rids(room: Room) -> list[tuple[str, ...]]:
    found = [demand.rids for demand in room.demands]
    room.demands.clear()
    return found


def tile(width: int, height: int, **changes: Any) -> control.TrackView:
    return control.TrackView(up_track="v", width=width, height=height, **changes)


def test_alone_in_the_room_nothing_rests() -> None:
    room = Room()
    alice = camera(room)
    film(room, alice, 5.0, 30, 31, 32, key=True)
    assert rids(room) == []


def test_a_layer_rests_when_nobody_receives_it_and_wakes_at_once() -> None:
    room = Room()
    alice = camera(room)
    bob = Viewer(room, "bob", down_spec(alice.specs[0], 7000))
    film(room, alice, 1.0, 30, 31, 32, key=True)
    bob.view(tile(80, 60))
    start = room.now
    while not room.demands or room.demands[-1].rids != ("q",):
        film(room, alice, 0.1, 30, 31, 32, key=True)
    assert 1.8 < room.now - start < 2.5
    rids(room)
    film(room, alice, 3.0, 30)
    assert rids(room) == []
    bob.view(tile(1280, 720))
    film(room, alice, 0.1, 30)
    assert "f" in rids(room)[-1]
    film(room, alice, 0.1, 30)
    # It comes, is shown from its keyframe on, and the others rest.
    film(room, alice, 3.5, 30, 32, key=True)
    assert rids(room)[-1] == ("f",)
    bob.list()
    film(room, alice, 0.3, 32, key=True)
    assert rids(room)[-1] == ("q", "h", "f")


def test_hidden_from_everybody_all_layers_rest() -> None:
    room = Room()
    alice = camera(room)
    bob = Viewer(room, "bob", down_spec(alice.specs[0], 7000))
    film(room, alice, 1.0, 30, 31, 32, key=True)
    bob.view(tile(0, 0))
    film(room, alice, 3.0, 30, 31, 32, key=True)
    assert rids(room)[-1] == ()
    bob.view(tile(320, 180))
    room.run(0.1)
    assert "q" in rids(room)[-1]


# States.


class Watched:
    """A video and a voice that one participant receives, and the states reported of them."""

    def __init__(self, loudest: int = LOUDEST, *, transport_cc: bool = False) -> None:
        self.room = Room(loudest)
        self.alice = self.room.sender("alice", video_spec("v"), audio_spec("a"))
        self.alice.level = None
        self.bob = Viewer(
            self.room,
            "bob",
            down_spec(video_spec("v"), 7000),
            down_spec(audio_spec("a"), 8000),
            transport_cc=transport_cc,
        )

    def film(self, seconds: float, *, key: bool = False) -> None:
        film(self.room, self.alice, seconds, 1000, key=key)

    @property
    def video(self) -> control.DownTrackState:
        return next(s for s in self.room.states["bob-subscribe"] if s.up_track == "v")

    @property
    def voice(self) -> control.DownTrackState:
        return next(s for s in self.room.states["bob-subscribe"] if s.up_track == "a")


def test_states_of_a_video_that_comes_slowly() -> None:
    scene = Watched()
    scene.room.run(1.0)
    assert scene.video.state == "noPackets"
    scene.film(1.0)
    assert scene.video.state == "noKeyframe"
    assert scene.alice.keys.sent(rtcp.Pli)
    scene.alice.show(key=True)
    scene.film(1.0)
    assert (scene.video.state, scene.video.spatial) == ("flowing", 0)
    scene.bob.view(tile(0, 0))
    scene.film(1.0)
    assert (scene.video.state, scene.video.spatial) == ("hidden", -1)
    scene.bob.view(tile(320, 180))
    scene.film(1.0, key=True)
    assert scene.video.state == "flowing"
    scene.room.run(3.0)
    assert scene.video.state == "noPackets"


def test_states_of_tracks_whose_publisher_left() -> None:
    scene = Watched()
    scene.alice.level = 30
    scene.film(1.0, key=True)
    assert (scene.video.state, scene.voice.state) == ("flowing", "flowing")
    scene.room.leave(scene.alice)
    scene.room.run(1.0)
    assert (scene.video.state, scene.voice.state) == ("noPackets", "noPackets")
    # It comes back over a new connection, under the same names.
    scene.alice = scene.room.sender("alice", *scene.alice.specs)
    scene.film(1.0, key=True)
    assert (scene.video.state, scene.voice.state) == ("flowing", "flowing")


def test_an_old_connection_s_end_leaves_the_new_one_alone() -> None:
    scene = Watched()
    scene.film(0.5, key=True)
    old = scene.alice
    scene.alice = scene.room.sender("alice", *old.specs)
    scene.room.leave(old)
    scene.film(0.5, key=True)
    scene.bob.list(down_spec(video_spec("v"), 7100))
    scene.film(0.5, key=True)
    assert scene.bob.take(7100)


def test_state_of_a_video_that_the_network_does_not_carry() -> None:
    scene = Watched(transport_cc=True)
    for _ in range(20):
        scene.bob.subscriber.receive_rtcp(
            rtcp.Remb(1, 0, (7000,)), scene.room.now, scene.room.ntp_now
        )
        scene.alice.show(key=True, size=1000)
        scene.room.run(0.1)
    assert scene.video.state == "pausedByBandwidth"
    assert scene.video.limited


@pytest.mark.parametrize(
    ("step", "importance", "state"),
    [(2, "tile", "flowing"), (3, "tile", "shed"), (4, "tile", "shed"), (4, "main", "flowing")],
)
def test_state_of_a_video_that_is_too_much_for_the_server(
    step: int, importance: Any, state: str
) -> None:
    scene = Watched()
    scene.bob.view(tile(320, 180, importance=importance))
    scene.film(0.5, key=True)
    scene.room.router.set_shed(STEPS[step])
    scene.film(1.0, key=True)
    assert scene.video.state == state
    scene.room.router.set_shed(STEPS[0])
    scene.film(1.0, key=True)
    assert scene.video.state == "flowing"


def test_state_of_a_voice_that_others_are_louder_than() -> None:
    scene = Watched(loudest=1)
    others = [scene.room.sender(f"p{n}") for n in range(3)]
    scene.alice.level, others[0].level = QUIET, 25
    scene.room.run(4.0)
    assert scene.voice.state == "notLoudest"
    scene.alice.level, others[0].level = 25, QUIET
    scene.room.run(3.0)
    assert scene.voice.state == "flowing"


def test_what_newcomers_may_have_follows_the_load() -> None:
    room = Room()
    room.router.set_shed(STEPS[4])
    alice = room.sender("alice", video_spec("v"))
    bob = Viewer(room, "bob", down_spec(video_spec("v"), 7000))
    bob.view(tile(320, 180))
    room.run(0.2)
    film(room, alice, 1.0, 1000, key=True)
    assert room.states["bob-subscribe"][0].state == "shed"


def test_a_view_counts_at_once_and_of_a_storm_the_last_one() -> None:
    scene = Watched()
    scene.film(1.0, key=True)
    scene.bob.take(7000)
    scene.bob.view(tile(0, 0))
    scene.alice.show(key=True)
    scene.room.flush()
    assert not scene.bob.take(7000)
    for number in range(100):
        scene.bob.view(tile(320 * (number % 2), 180))
    scene.film(0.2, key=True)
    assert scene.bob.take(7000)
    scene.bob.view(tile(320, 180))
    scene.bob.view(tile(0, 0))
    scene.film(0.2, key=True)
    scene.bob.take(7000)
    scene.film(1.0, key=True)
    assert not scene.bob.take(7000)
    assert scene.video.state == "hidden"


def test_a_round_takes_everybody_once_and_nobody_who_left_meanwhile() -> None:
    room = Room()
    stays, leaves = room.sender("stays"), room.sender("leaves")
    steps = room.router.steps()
    room.leave(leaves)
    for step in steps:
        step(room.now, room.ntp_now)
    assert stays.keys.ticked_at == room.now
    assert leaves.keys.ticked_at == 0.0
    assert not leaves.keys.rtcp


def test_what_is_missing_makes_its_publisher_due_until_it_leaves() -> None:
    room = Room()
    sender = room.sender("sender", video_spec("v", nack=True))
    room.run(0.1)
    assert room.deadlines.next_at == NEVER
    sender.show(key=True)
    sender.show(lost=True)
    sender.show()
    assert room.deadlines.next_at <= room.now
    for _ in range(5):
        room.deadlines.run(room.now)
        assert room.deadlines.next_at == pytest.approx(room.now + REPAIR_INTERVAL)
        room.now = room.deadlines.next_at
    assert any(isinstance(packet, rtcp.Nack) for packet in sender.keys.rtcp)
    room.leave(sender)
    assert room.deadlines.next_at == NEVER


def test_a_transport_under_which_too_many_tracks_came_and_went_is_used_up() -> None:
    room = Room()
    spec = audio_spec("a")
    viewer = Viewer(room, "viewer")
    for number in range(MAX_USED_SSRCS):
        viewer.list(down_spec(spec, 100_000 + number))
    assert not viewer.keys.is_used_up
    viewer.list(down_spec(spec, 99_999))
    assert viewer.keys.is_used_up
