"""A track relayed from one worker to another, over a transport without checks or handshake."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sfu import control
from sfu.net.srtp import Arena
from sfu.process.deadlines import Deadlines
from sfu.receive import arrival
from sfu.receive.ingress import Ingress
from sfu.receive.publisher import Publisher
from sfu.room.endpoint import Endpoint
from sfu.room.router import Router
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from sfu.send.subscriber import Subscriber
from sfu.wire import rtcp
from sfu.wire.packet import MARKER
from tests.sfu.fan_out import Wire, body, seqs
from tests.sfu.keyed_transport import KeyedTransport
from tests.sfu.peers import delta_frame, down_spec, keyframe, video_spec

SLOT = 2048
RELAY = b"relay".ljust(16, b"\0")
EXTENSIONS = control.Extensions(transport_cc=5)
FIRST = video_spec("v")
"""As its publisher sends it."""
RELAYED = down_spec(FIRST, 7000)
SECOND = video_spec(
    "v",
    payload_type=RELAYED.payload_type,
    rtx_payload_type=RELAYED.rtx_payload_type,
    streams=(control.StreamSpec(ssrc=RELAYED.ssrc, rtx_ssrc=RELAYED.rtx_ssrc),),
)
"""As the other worker gets it."""


class Worker:
    """One worker's share of the room, without its process and sockets."""

    def __init__(self) -> None:
        self.now = 1.0
        self.wire = Wire()
        self.outbox = Outbox(self.wire)
        self.forwarder = Forwarder(self.outbox)
        self.deadlines = Deadlines(pytest.fail)
        self.router = Router("r", "Room")
        self.arena = Arena(SLOT)
        self.ingress = Ingress(
            self.arena,
            [self.arena.pointer],
            SLOT,
            len(RELAY),
            lambda _: ("", 0),
            0.0,
            self.forwarder.dirty,
        )

    def publisher(self, transport: KeyedTransport, spec: control.UpTrackSpec) -> Publisher:
        found = Publisher(transport, self.forwarder, 1, self.deadlines)
        endpoint = Endpoint(transport, publisher=found)
        self._open(endpoint)
        command = control.SetUpTracks(transport.id, EXTENSIONS, (spec,))
        self.router.set_up_tracks(found, command, self.now)
        assert transport.selected is not None
        self.ingress.by_address[transport.selected] = endpoint
        return found

    def subscriber(self, transport: KeyedTransport, spec: control.DownTrackSpec) -> Subscriber:
        found = Subscriber(
            transport, self.forwarder, self.outbox, 16, lambda: 32000, self.deadlines
        )
        self._open(Endpoint(transport, subscriber=found))
        command = control.SetDownTracks(transport.id, EXTENSIONS, (spec,))
        self.router.set_down_tracks(found, command, self.now)
        return found

    def _open(self, endpoint: Endpoint) -> None:
        self.router.add(endpoint)
        self.router.transport_connected(endpoint, self.now)

    def receive(self, datagrams: Iterable[bytes]) -> None:
        """From the other worker."""
        for datagram in datagrams:
            self.arena.data[: len(datagram)] = datagram
            self.ingress.receive([len(datagram)], RELAY, self.now)

    def sent(self) -> list[bytes]:
        """Datagrams that leave now."""
        self.forwarder.flush(self.now)
        self.outbox.flush(self.now)
        datagrams = self.wire.datagrams()
        self.wire.messages.clear()
        return datagrams


class Relay:
    """Alice publishes in one worker, Bob receives in another."""

    def __init__(self) -> None:
        self.near, self.far = Worker(), Worker()
        self.alice = self.near.publisher(KeyedTransport("alice", "alice"), FIRST)
        self.out = self.near.subscriber(KeyedTransport("relay", "far"), RELAYED)
        self.back = KeyedTransport("relay", "near")
        self.into = self.far.publisher(self.back, SECOND)
        self.bob = KeyedTransport("bob", "bob")
        self.far.subscriber(self.bob, down_spec(SECOND, 9000))

    def send(self, *numbers: int) -> list[bytes]:
        """Alice's packets of these numbers; what goes to the other worker."""
        stream = self.alice.streams[1000]
        for number in numbers:
            payload = delta_frame(number) if number else keyframe(0)
            arrival.receive(stream, number, number * 3000, MARKER, payload, self.near.now)
        return self.near.sent()

    def came(self) -> list[bytes]:
        """What reaches Bob now, in clear."""
        plain = [self.bob.far_end.unprotect(datagram) for datagram in self.far.sent()]
        return [packet for packet in plain if packet is not None]


def test_a_relayed_track_is_received_as_if_it_were_published_there() -> None:
    relay = Relay()
    relay.far.receive(relay.send(0, 1, 2, 3))
    came = relay.came()
    assert [body(packet)[6:] for packet in came] == [
        (delta_frame(number) if number else keyframe(0))[6:] for number in range(4)
    ]
    assert seqs(came) == [32000, 32001, 32002, 32003]


def test_what_is_lost_between_the_workers_is_repaired_between_them() -> None:
    relay = Relay()
    relay.far.receive(relay.send(0, 1))
    assert len(relay.came()) == 2
    # This one is lost.
    relay.send(2)
    relay.far.receive(relay.send(3))
    assert relay.came() == []
    relay.far.now += 0.1
    assert relay.into.repair(relay.far.now, 0.02)
    (asked,) = relay.back.sent(rtcp.Nack)
    assert asked.media_ssrc == RELAYED.ssrc
    relay.near.now += 0.1
    relay.out.receive_rtcp(asked, relay.near.now, 0)
    relay.far.receive(relay.near.sent())
    assert seqs(relay.came()) == [32002, 32003]
    assert relay.into.streams[RELAYED.ssrc].counts.repaired == 1


def test_a_keyframe_that_a_far_receiver_needs_is_asked_of_the_publisher() -> None:
    relay = Relay()
    relay.far.receive(relay.send(0, 1))
    far_stream = relay.into.streams[RELAYED.ssrc]
    far_stream.requester.wanted = True
    relay.into.repair(relay.far.now, 0.02)
    (asked,) = relay.back.sent(rtcp.Pli)
    relay.out.receive_rtcp(asked, relay.near.now, 0)
    assert relay.alice.streams[1000].requester.wanted
