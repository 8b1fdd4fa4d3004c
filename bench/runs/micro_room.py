"""One room's hot path in this process, stage by stage: the child of `runs.micro`.

Theory of operation. The objects between two sockets are the worker's own; only the handshake is
left out, keys are given. A round is 40 ms of a call: participant after participant sends a video
frame of five packets and two of voice in one batch, which is received, taken apart, fanned out and
sent, each stage between two readings of the clock. Feedback of the receivers and ticks follow. What
prepares a round (protecting what is to be received, emptying the receivers' sockets) is not timed.
Time as the objects see it is simulated, so that a round is the same each time. Of each stage the
quickest round counts: it is the one that was disturbed least.
"""

from __future__ import annotations

import gc
import json
import random
import socket
import struct
import sys
import time
from typing import Any, Final

from bench.light.receiver import transport_cc_feedback
from sfu import control
from sfu.net.srtp import Arena, SrtpContext, fastest_first, length_cell, protect, unprotect
from sfu.net.udp import SLOT_SIZE, SendBatch, UdpSocket
from sfu.process.deadlines import Deadlines
from sfu.receive.ingress import Ingress
from sfu.receive.publisher import Publisher
from sfu.room.endpoint import Endpoint
from sfu.room.router import Router
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from sfu.send.subscriber import Subscriber
from sfu.wire import ntp, rtp

ROUND_SECONDS: Final = 0.04
FRAME_PACKETS: Final = 5
KEYFRAME_FRAMES: Final = 25
VIDEO_BYTES: Final = 990
VOICE_BYTES: Final = 80
VOICES: Final = 2
"""Voice packets of a participant in a round."""
FEEDBACK_ROUNDS: Final = 2
"""Receivers report each 80 ms."""
WARM_ROUNDS: Final = 750
"""At most until everything flows: half a minute of the call."""
STEADY_ROUNDS: Final = 25
PACE_SECONDS: Final = 0.005
PACKET_NS: Final = 100_000
"""One-way delay to a receiver."""
_VIDEO, _OPUS = 96, 111
_TRANSPORT_CC, _LEVEL = 3, 1
"""Header extension ids."""

STAGES: Final = {
    "receive": "a packet in: recvmmsg",
    "ingress": "a packet in: unprotect, parse, copy",
    "fanOut": "a packet out: copy, header, protect",
    "send": "a packet out: sendmmsg",
    "feedback": "a packet out: receivers' transport-cc feedback, taken in",
    "ticks": "a packet out: ticks with feedback to publishers, reports, layers, pacing",
    "unprotect": "a packet in: libsrtp alone, part of ingress",
    "protect": "a packet out: libsrtp alone, part of fanOut",
}
"""Each in microseconds for what its line says."""
WHOLE: Final = ("receive", "ingress", "fanOut", "send", "feedback", "ticks")
"""What makes up the path, without parts counted twice."""


class Line:
    """A transport with keys from the start."""

    state = "connected"

    def __init__(self, name: str, participant: str, profile: Any, address: bytes) -> None:
        key = bytes(range(profile.key_length + profile.salt_length))
        self.id, self.participant = name, participant
        self.inbound: SrtpContext | None = SrtpContext(profile, key, inbound=True)
        self.outbound: SrtpContext | None = SrtpContext(profile, key, inbound=False)
        self.selected: bytes | None = address
        self.is_open, self.is_over = True, False
        self.far = SrtpContext(profile, key, inbound=False)
        """The participant's end."""

    def send_rtcp(self, packet: bytes, now: float) -> None:
        """Protected, as in the worker, and then forgotten."""
        assert self.outbound is not None
        self.outbound.protect_rtcp(packet)

    def heard(self, address: bytes, now: float) -> None:
        """It is always there."""

    def address_lost(self, address: bytes, now: float) -> None:
        """It has one for good."""

    def use_up(self) -> None:
        """A measurement opens no further tracks."""

    def tick(self, now: float) -> None:
        """Handshake and consent have no timers here."""


class Person:
    """One participant: two lines, two sockets, what it sends next."""

    def __init__(self, number: int, room: Room) -> None:
        self.name = f"p{number}"
        self.sender, self.sink = _socket(), _socket()
        self.sender.connect(("127.0.0.1", room.udp.port))
        pack = room.udp.pack_address
        ends = [pack("127.0.0.1", s.getsockname()[1]) for s in (self.sender, self.sink)]
        self.up = Line(f"{self.name}-up", self.name, room.profile, ends[0])
        self.down = Line(f"{self.name}-down", self.name, room.profile, ends[1])
        width = room.udp.address_size
        self.publisher = Publisher(self.up, room.forwarder, 1 + number, room.deadlines)
        self.subscriber = Subscriber(
            self.down, room.forwarder, room.outbox, width, lambda: 100, room.deadlines
        )
        up = Endpoint(self.up, publisher=self.publisher)
        down = Endpoint(self.down, subscriber=self.subscriber)
        room.ingress.by_address[ends[0]], room.ingress.by_address[ends[1]] = up, down
        for peer in (up, down):
            room.router.add(peer)
            room.router.transport_connected(peer, 0.0)
        self.ssrcs = (1000 + 10 * number, 1001 + 10 * number)
        self.numbers = [100, 200, 300]
        """Next of video, voice, transport-wide."""
        self.picture_id = 0
        self.arrived: list[tuple[int, int]] = []
        """Transport-wide number and nanoseconds of what it has not reported yet."""
        self.next_arrival = 0
        self.feedback_count = 0

    def specs(self) -> tuple[control.UpTrackSpec, control.UpTrackSpec]:
        video, voice = self.ssrcs
        return (
            control.UpTrackSpec(
                track=f"{self.name}-video", mid="1", kind="video", codec="VP8",
                payload_type=_VIDEO, streams=(control.StreamSpec(ssrc=video),),
                nack=True, pli=True, transport_cc=True,
            ),
            control.UpTrackSpec(
                track=f"{self.name}-voice", mid="0", kind="audio", codec="opus",
                payload_type=_OPUS, streams=(control.StreamSpec(ssrc=voice),), transport_cc=True,
            ),
        )  # fmt: skip

    def batch(self, noise: random.Random) -> list[bytes]:
        """The packets of one round, protected."""
        packets = []
        keyframe = self.picture_id % KEYFRAME_FRAMES == 0
        for place in range(FRAME_PACKETS):
            start = b"\x90" if not place else b"\x80"
            head = start + b"\x80" + (0x8000 | self.picture_id).to_bytes(2, "big")
            if not place:
                # The first bytes of a keyframe, or of another frame (RFC 6386 clause 9.1).
                head += b"\x10\x02\x00\x9d\x01\x2a\x80\x02\x68\x01" if keyframe else b"\x11\x02\x00"
            payload = head + noise.randbytes(VIDEO_BYTES - len(head))
            packets.append(self._packet(0, _VIDEO, payload, place == FRAME_PACKETS - 1))
        for _ in range(VOICES):
            packets.append(self._packet(1, _OPUS, noise.randbytes(VOICE_BYTES), False))
        self.picture_id = (self.picture_id + 1) & 0x7FFF
        return packets

    def _packet(self, kind: int, payload_type: int, payload: bytes, marker: bool) -> bytes:
        number, sequence = self.numbers[kind], self.numbers[2]
        self.numbers[kind], self.numbers[2] = number + 1, sequence + 1
        block = struct.pack("!BHBB", _TRANSPORT_CC << 4 | 1, sequence & 0xFFFF, _LEVEL << 4, 0x9E)
        block += bytes(-len(block) % 4)
        timestamp = self.picture_id * 3600 if kind == 0 else number * 960
        second = payload_type | (0x80 if marker else 0)
        header = struct.pack(
            "!BBHIIHH", 0x90, second, number & 0xFFFF, timestamp & 0xFFFFFFFF,
            self.ssrcs[kind], 0xBEDE, len(block) // 4,
        )  # fmt: skip
        protected = self.up.far.protect(header + block + payload)
        assert protected is not None
        return protected

    def close(self) -> None:
        self.sender.close()
        self.sink.close()


def _failed(name: str) -> None:
    raise RuntimeError(name)


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    return made


class Room:
    """Everybody sends to everybody; nothing is lost."""

    def __init__(self, people: int) -> None:
        self.profile = fastest_first(time.perf_counter)[0]
        self.udp = UdpSocket(0)
        self.outbox = Outbox(SendBatch(self.udp))
        self.forwarder = Forwarder(self.outbox)
        self.deadlines = Deadlines(_failed)
        udp = self.udp
        self.ingress = Ingress(
            udp.arena, udp.pointers, SLOT_SIZE, udp.address_size, udp.unpack_address,
            1.7e9, self.forwarder.dirty,
        )  # fmt: skip
        self.router = Router("r", "bench")
        self.now = 1.0
        self.flowing = False
        self.noise = random.Random(1)
        self.people = [Person(number, self) for number in range(people)]
        extensions = control.Extensions(transport_cc=_TRANSPORT_CC, audio_level=_LEVEL)
        for person in self.people:
            command = control.SetUpTracks(person.up.id, extensions, person.specs())
            self.router.set_up_tracks(person.publisher, command, self.now)
        for person in self.people:
            self._subscribe(person, extensions)

    def _subscribe(self, person: Person, extensions: control.Extensions) -> None:
        specs: list[control.DownTrackSpec] = []
        for other in self.people:
            for spec in other.specs() if other is not person else ():
                ssrc = 50_000 + 10 * len(specs)
                video = spec.kind == "video"
                specs.append(
                    control.DownTrackSpec(
                        up_track=spec.track, mid=str(len(specs)), kind=spec.kind, codec=spec.codec,
                        ssrc=ssrc, rtx_ssrc=ssrc + 1 if video else 0, nack=video, cname=other.name,
                        payload_type=spec.payload_type, rtx_payload_type=97 if video else 0,
                    )
                )  # fmt: skip
        command = control.SetDownTracks(person.down.id, extensions, tuple(specs))
        self.router.set_down_tracks(person.subscriber, command, self.now)

    @property
    def packets_in(self) -> int:
        """Of a round."""
        return len(self.people) * (FRAME_PACKETS + VOICES)

    def round(self, number: int) -> tuple[dict[str, int], int]:
        """Nanoseconds of each stage, and packets sent on."""
        spent = dict.fromkeys(WHOLE, 0)
        before = self.forwarder.forwarded
        for person in self.people:
            for packet in person.batch(self.noise):
                person.sender.send(packet)
            self._pass(spent)
            self._arrive()
            self._wait(ROUND_SECONDS / len(self.people), spent)
        sent = self.forwarder.forwarded - before
        if number % FEEDBACK_ROUNDS == 0:
            self._feedback(spent)
        self._tick(spent)
        self._arrive()
        self._drain()
        return spent, sent

    def _pass(self, spent: dict[str, int]) -> None:
        """One batch, as `Worker._process` does it."""
        clock = time.perf_counter_ns
        start = clock()
        sizes, addresses = self.udp.receive()
        received = clock()
        self.ingress.receive(sizes, addresses, self.now)
        taken = clock()
        self.forwarder.flush(self.now)
        fanned = clock()
        self.outbox.flush(self.now)
        sent = clock()
        spent["receive"] += received - start
        spent["ingress"] += taken - received
        spent["fanOut"] += fanned - taken
        spent["send"] += sent - fanned

    def _arrive(self) -> None:
        """What has left arrives 1 ms later, over a path of some 80 Mbit/s."""
        for person in self.people:
            at = int(self.now * 1e9) + 1_000_000
            egress = person.subscriber.egress
            assert egress is not None
            last = egress.transport_word >> 8 & 0xFFFF
            while person.next_arrival != last:
                person.arrived.append((person.next_arrival, at))
                person.next_arrival = (person.next_arrival + 1) & 0xFFFF
                at += PACKET_NS

    def _feedback(self, spent: dict[str, int]) -> None:
        """Each receiver reports at once that everything arrived."""
        clock = time.perf_counter_ns
        for person in self.people:
            arrivals, person.arrived = person.arrived, []
            if not arrivals:
                continue
            person.feedback_count += 1
            plain = transport_cc_feedback(arrivals, 7, 50_000, person.feedback_count)
            protected = person.down.far.protect_rtcp(plain)
            assert protected is not None
            person.sink.sendto(protected, ("127.0.0.1", self.udp.port))
            sizes, addresses = self.udp.receive()
            start = clock()
            self.ingress.receive(sizes, addresses, self.now)
            spent["feedback"] += clock() - start

    def _wait(self, seconds: float, spent: dict[str, int]) -> None:
        """Until the next batch; what is paced leaves meanwhile."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + PACE_SECONDS)
            if self.deadlines.next_at <= self.now:
                self._pace(spent)
                self._arrive()

    def _pace(self, spent: dict[str, int]) -> None:
        """What waits in pacers, and probes."""
        start = time.perf_counter_ns()
        self.deadlines.run(self.now)
        self.forwarder.flush(self.now)
        self.outbox.flush(self.now)
        spent["ticks"] += time.perf_counter_ns() - start

    def warm_up(self) -> None:
        """Go on until everything flows to everybody: estimates rise to the available bandwidth."""
        expected, steady = self.packets_in * (len(self.people) - 1), 0
        for number in range(WARM_ROUNDS):
            _, sent = self.round(number)
            steady = steady + 1 if sent == expected else 0
            if steady == STEADY_ROUNDS:
                self.flowing = True
                return

    def _tick(self, spent: dict[str, int]) -> None:
        """What is due in a round; the worker ticks each 100 ms, so this is that share of it."""
        ntp_now = ntp.from_unix(self.now + 1.7e9)
        start = time.perf_counter_ns()
        self.router.tick(self.now, ntp_now)
        self.router.changed_demands(self.now)
        self.router.changed_states(self.now)
        self.router.changed_levels()
        self.forwarder.flush(self.now)
        self.outbox.flush(self.now)
        spent["ticks"] += int((time.perf_counter_ns() - start) * ROUND_SECONDS / 0.1)

    def _drain(self) -> None:
        for person in self.people:
            while True:
                try:
                    person.sink.recv(2048)
                except BlockingIOError:
                    break

    def close(self) -> None:
        for person in self.people:
            person.close()
        self.udp.close()


class Crypto:
    """libsrtp alone, over packets of the round's sizes."""

    def __init__(self, profile: Any) -> None:
        key = bytes(range(profile.key_length + profile.salt_length))
        self._out = SrtpContext(profile, key, inbound=False)
        self._in = SrtpContext(profile, key, inbound=True)
        self._sizes = [VIDEO_BYTES] * FRAME_PACKETS + [VOICE_BYTES] * VOICES
        self._arenas = [Arena(2048) for _ in self._sizes]
        self._cell = length_cell()
        self._number = 0

    def round(self) -> tuple[float, float]:
        """Nanoseconds to protect and to unprotect a packet."""
        for arena, size in zip(self._arenas, self._sizes, strict=True):
            self._number += 1
            packet = rtp.build(_VIDEO, self._number & 0xFFFF, 0, 1, bytes(size))
            arena.data[: len(packet)] = packet
        lengths = [size + 12 for size in self._sizes]
        cell, clock = self._cell, time.perf_counter_ns
        start = clock()
        for place, arena in enumerate(self._arenas):
            cell[0] = lengths[place]
            protect(self._out.pointer, arena.pointer, cell)
            lengths[place] = cell[0]
        middle = clock()
        for place, arena in enumerate(self._arenas):
            cell[0] = lengths[place]
            unprotect(self._in.pointer, arena.pointer, cell)
        end = clock()
        return (middle - start) / len(lengths), (end - middle) / len(lengths)


def measure(people: int, rounds: int) -> dict[str, Any]:
    """Microseconds of each stage in the quickest of `rounds`, and in the middle one."""
    room, crypto = Room(people), Crypto(fastest_first(time.perf_counter)[0])
    try:
        room.warm_up()
        gc.collect()
        gc.disable()
        found: dict[str, list[float]] = {name: [] for name in STAGES}
        out = 0
        for number in range(rounds):
            spent, sent = room.round(number)
            out += sent
            for name, nanoseconds in spent.items():
                if name != "feedback" or number % FEEDBACK_ROUNDS == 0:
                    count = room.packets_in if name in ("receive", "ingress") else max(1, sent)
                    share = FEEDBACK_ROUNDS if name == "feedback" else 1
                    found[name].append(nanoseconds / share / count / 1000)
            protecting, unprotecting = crypto.round()
            found["protect"].append(protecting / 1000)
            found["unprotect"].append(unprotecting / 1000)
    finally:
        gc.enable()
        room.close()
    expected = room.packets_in * (people - 1) * rounds
    return {
        "microseconds": {name: round(min(values), 3) for name, values in found.items()},
        "medians": {name: round(sorted(values)[rounds and len(values) // 2], 3)
                    for name, values in found.items()},
        "packetsOut": out,
        "expectedOut": expected,
        "dropped": sum(room.ingress.drops.values()),
        "profile": room.profile.name,
    }  # fmt: skip


def main() -> None:
    """`micro_room PEOPLE ROUNDS`: the result as JSON; started by `runs.micro` only."""
    json.dump(measure(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)


if __name__ == "__main__":
    main()
