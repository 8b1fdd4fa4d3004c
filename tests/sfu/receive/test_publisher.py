"""Whose an SSRC is, by what its packets bring about."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from sfu import control
from sfu.drops import DropReason
from sfu.net.srtp import Arena
from sfu.process.deadlines import Deadlines
from sfu.receive.ingress import Ingress
from sfu.receive.publisher import HELD, MAX_SSRCS, MAX_UNDECIDED, Publisher
from sfu.room.endpoint import Endpoint
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from tests.sfu.keyed_transport import KeyedTransport
from tests.sfu.peers import keyframe, video_spec

SLOT = 2048
ADDRESS = bytes(16)
MID, RID, REPAIRED = 4, 5, 6
VP8, RTX = 96, 97
STEP = 0.04
"""Seconds between two frames."""


class Nobody:
    """Where datagrams would leave."""

    def send(self, *_: Any) -> None:
        raise AssertionError


class Cameras:
    """One publisher, protected as on the wire, with an `Ingress`."""

    def __init__(self, *tracks: control.UpTrackSpec) -> None:
        self.transport = KeyedTransport()
        self.arena = Arena(SLOT)
        self.forwarder = Forwarder(Outbox(Nobody()))
        self.ingress = Ingress(
            self.arena,
            [self.arena.pointer],
            SLOT,
            len(ADDRESS),
            lambda _: ("", 0),
            0.0,
            self.forwarder.dirty,
        )
        self.publisher = Publisher(self.transport, self.forwarder, 1, Deadlines(pytest.fail))
        self.announce(*tracks)
        self.publisher.connected()
        self.ingress.by_address[ADDRESS] = Endpoint(self.transport, publisher=self.publisher)
        self.numbers: dict[int, int] = {}
        self.now = 0.0

    def announce(self, *tracks: control.UpTrackSpec) -> None:
        extensions = control.Extensions(mid=MID, rid=RID, repaired_rid=REPAIRED)
        self.publisher.set_tracks(control.SetUpTracks("t", extensions, tracks))

    def send(
        self, ssrc: int, *, mid: str = "", rid: str = "", kind: int = VP8, payload: bytes = b""
    ) -> None:
        """The next packet of an SSRC; of RTX when `kind` says so."""
        number = self.numbers[ssrc] = self.numbers.get(ssrc, 99) + 1
        block = b"".join(
            bytes([identifier << 4 | len(value) - 1]) + value.encode()
            for identifier, value in ((MID, mid), (REPAIRED if kind == RTX else RID, rid))
            if value
        )
        block += bytes(-len(block) % 4)
        header = struct.pack("!BBHII", 0x90, 0x80 | kind, number, number * 3600, ssrc)
        header += struct.pack("!HH", 0xBEDE, len(block) // 4) + block
        protected = self.transport.far_sender.protect(
            header + (payload or keyframe(number & 0x7FFF, 100))
        )
        assert protected is not None
        self.arena.data[: len(protected)] = protected
        self.ingress.receive([len(protected)], ADDRESS, self.now)
        self.forwarder.flush(self.now)

    def run(self, seconds: float, *ssrcs: int, **packet: Any) -> None:
        """Frames of each, in turns."""
        end = self.now + seconds
        while self.now < end:
            for ssrc in ssrcs:
                self.send(ssrc, **packet)
            self.now += STEP
            self.publisher.tick(self.now, 0)

    def received(self, ssrc: int) -> int:
        stream = self.publisher.streams.get(ssrc)
        return stream.statistics.received if stream is not None else 0


def camera(*streams: control.StreamSpec, mid: str = "1", track: str = "v") -> control.UpTrackSpec:
    return video_spec(track, mid=mid, rtx_payload_type=RTX, streams=streams)


ONE = camera(control.StreamSpec(ssrc=222, rtx_ssrc=333))
LAYERS = camera(*(control.StreamSpec(rid=str(n), ssrc=201 + n, rtx_ssrc=301 + n) for n in range(3)))


def test_an_announced_stream_that_flows_is_displaced_by_no_other() -> None:
    """Plan B's two cameras in one m-line, with the mid or without."""
    for mid in ("", "1"):
        scene = Cameras(ONE)
        scene.run(4.0, 222, 444, mid=mid)
        assert scene.received(222) == 100
        assert 444 not in scene.publisher.streams
        assert scene.ingress.drops[DropReason.UNKNOWN_SSRC] == MAX_UNDECIDED


def test_nor_by_one_that_begins_before_it() -> None:
    scene = Cameras(ONE)
    scene.run(1.0, 444)
    scene.run(4.0, 222, 444)
    assert (scene.received(222), scene.received(444)) == (100, 0)


def test_one_that_was_not_announced_may_come_under_another_ssrc_at_once() -> None:
    scene = Cameras(camera(control.StreamSpec()))
    scene.run(1.0, 444, mid="1")
    scene.run(1.0, 555, mid="1")
    assert (scene.received(444), scene.received(555)) == (0, 25)


def test_one_that_fell_silent_is_displaced() -> None:
    scene = Cameras(ONE)
    scene.run(2.0, 222, 444, mid="1")
    scene.run(HELD + 1.5, 444, mid="1")
    scene.run(1.0, 444, mid="1")
    assert scene.received(444) >= 25
    # The announced one is not kept out by that.
    scene.run(1.0, 222, 444, mid="1")
    assert (scene.received(222) >= 25, scene.received(444)) == (True, 0)


def test_an_announced_ssrc_that_never_came_is_displaced_at_once() -> None:
    scene = Cameras(ONE)
    scene.run(1.0, 444, mid="1")
    assert scene.received(444) == 25


def test_the_three_layers_of_a_sim_group_flow_steadily() -> None:
    scene = Cameras(LAYERS)
    scene.run(4.0, 201, 202, 203, 999)
    assert [scene.received(ssrc) for ssrc in (201, 202, 203)] == [100, 100, 100]
    places = [scene.publisher.streams[ssrc].index for ssrc in (201, 202, 203)]
    assert places == [0, 1, 2]
    assert 999 not in scene.publisher.streams


def test_each_layer_of_a_sim_group_has_resends_of_its_own() -> None:
    scene = Cameras(LAYERS)
    for ssrc in (201, 202, 203):
        scene.run(0.2, ssrc)
        scene.numbers[ssrc] += 1
        lost = scene.numbers[ssrc]
        scene.run(0.2, ssrc)
        original = struct.pack("!H", lost) + keyframe(lost, 100)
        scene.send(ssrc + 100, kind=RTX, payload=original)
        assert scene.publisher.streams[ssrc].counts.repaired == 1


def test_announced_resends_are_not_taken_for_anothers() -> None:
    """Those of Plan B's second camera number its packets, not the first one's."""
    scene = Cameras(ONE)
    scene.run(1.0, 222)
    scene.numbers[222] += 1
    scene.run(0.2, 222)
    foreign = struct.pack("!H", 125) + keyframe(1, 100)
    for _ in range(3):
        scene.send(555, kind=RTX, payload=foreign, mid="1")
    stream = scene.publisher.streams[222]
    assert (stream.counts.repaired, stream.rtx_ssrc) == (0, 333)
    scene.send(333, kind=RTX, payload=struct.pack("!H", 125) + keyframe(125, 100))
    assert stream.counts.repaired == 1


def test_resends_that_nobody_announced_are_taken_where_they_can_only_be_of_one_stream() -> None:
    for rivals in ((), (444,)):
        scene = Cameras(camera(control.StreamSpec(ssrc=222)))
        scene.run(1.0, 222, *rivals, mid="1")
        scene.numbers[222] += 1
        scene.run(0.2, 222, mid="1")
        resend = struct.pack("!H", 125) + keyframe(125, 100)
        scene.send(555, kind=RTX, payload=resend, mid="1")
        assert scene.publisher.streams[222].counts.repaired == (0 if rivals else 1)


def test_a_rid_may_come_under_another_ssrc() -> None:
    """An encoder that begins again; its first packets say whose they are."""
    scene = Cameras(camera(control.StreamSpec(rid="q"), control.StreamSpec(rid="h")))
    scene.run(1.0, 10, mid="1", rid="q")
    scene.run(1.0, 20, mid="1", rid="h")
    scene.run(1.0, 30, mid="1", rid="q")
    assert (scene.received(10), scene.received(20), scene.received(30)) == (0, 25, 25)


def test_rivals_are_bounded() -> None:
    scene = Cameras(ONE)
    for ssrc in range(1000, 1000 + 3 * MAX_SSRCS):
        scene.run(STEP, 222, ssrc, mid="1")
    assert scene.received(222) == 3 * MAX_SSRCS
    assert len(scene.publisher.refused) <= MAX_SSRCS


def test_two_tracks_of_one_payload_type_keep_their_announced_streams() -> None:
    other = camera(control.StreamSpec(ssrc=444, rtx_ssrc=555), mid="2", track="w")
    scene = Cameras(ONE, other)
    scene.run(2.0, 222, 444, 666)
    assert (scene.received(222), scene.received(444)) == (50, 50)
    assert 666 not in scene.publisher.streams
