"""Header extensions of what comes in, on the fast path and off it, by what they bring about."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from sfu import control
from sfu.net.srtp import Arena
from sfu.process.deadlines import Deadlines
from sfu.receive.ingress import Ingress
from sfu.receive.publisher import Publisher
from sfu.receive.up_track import SILENT
from sfu.room.endpoint import Endpoint
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from sfu.wire import transport_cc
from tests.sfu.keyed_transport import KeyedTransport
from tests.sfu.peers import audio_spec

SLOT = 2048
ADDRESS = bytes(16)
TRANSPORT_CC, LEVEL = 3, 1
"""Ids of the transport-wide number and the audio level."""


class Nobody:
    """Where datagrams would leave."""

    def send(self, *_: Any) -> None:
        raise AssertionError


class Voice:
    """One publisher with a microphone, SSRC 500, and an `Ingress`."""

    def __init__(self, number_id: int = TRANSPORT_CC, level: int = LEVEL) -> None:
        self.transport = KeyedTransport()
        arena = Arena(SLOT)
        forwarder = Forwarder(Outbox(Nobody()))
        self.ingress = Ingress(
            arena, [arena.pointer], SLOT, len(ADDRESS), lambda _: ("", 0), 0.0, forwarder.dirty
        )
        self.arena = arena
        self.publisher = Publisher(self.transport, forwarder, 1, Deadlines(pytest.fail))
        extensions = control.Extensions(transport_cc=number_id, audio_level=level)
        ((self.track,), _) = self.publisher.set_tracks(
            control.SetUpTracks("t", extensions, (audio_spec("a"),))
        )
        self.publisher.connected()
        self.ingress.by_address[ADDRESS] = Endpoint(self.transport, publisher=self.publisher)
        self.seq = 0

    def send(self, block: str, profile: int = 0xBEDE, payload: bytes = b"\x78abc") -> None:
        """The next packet, with this extension block."""
        body = bytes.fromhex(block)
        body += bytes(-len(body) % 4)
        self.seq += 1
        plain = struct.pack(
            "!BBHIIHH", 0x90, 111, self.seq, self.seq * 960, 500, profile, len(body) // 4
        )
        protected = self.transport.far_sender.protect(plain + body + payload)
        assert protected is not None
        self.arena.data[: len(protected)] = protected
        self.ingress.receive([len(protected)], ADDRESS, float(self.seq))

    def numbers(self) -> list[int]:
        """Transport-wide numbers that came, by the feedback."""
        assert self.publisher.feedback is not None
        found = []
        for report in self.publisher.feedback.build(100.0, 500):
            feedback = transport_cc.decode(report[4:])
            arrived = enumerate(feedback.arrivals, feedback.base_seq)
            found += [number for number, delta in arrived if delta is not None]
        return found


@pytest.fixture(params=[True, False], ids=["fast", "slow"])
def voice(request: pytest.FixtureRequest) -> Voice:
    """With a stream that flows (the next packet is on the fast path) or one that begins."""
    found = Voice()
    if request.param:
        found.send("310001")
        assert found.numbers() == [1]
    return found


@pytest.mark.parametrize(
    ("block", "number", "level"),
    [
        ("311798 1085", 6040, 5),
        ("1085 311798", 6040, 5),
        ("311798 00 1085", 6040, 5),
        ("0201aabb 311798", None, SILENT),  # id 0 with a length
        ("01aabb 311798 1085", None, SILENT),
        ("f0 00 311798 1085", None, SILENT),  # id 15
        ("311798 f000 1085", 6040, SILENT),
        ("311798 0100aa 1085", 6040, SILENT),
        ("311798 1f85", 6040, SILENT),  # reaches beyond the block
        ("321798aa", None, SILENT),  # no number has three bytes
    ],
)
def test_nothing_behind_a_reserved_id_is_read(
    voice: Voice, block: str, number: int | None, level: int
) -> None:
    voice.send(block)
    assert voice.track.level == level
    assert voice.numbers() == ([] if number is None else [number])


@pytest.mark.parametrize(
    ("block", "number", "level"),
    [
        ("03021798 010185", 6040, 5),
        ("00 03021798 0000 010185", 6040, 5),  # 0 is padding here, and has no length
        ("0f021798 03021799 010185", 6041, 5),  # 15 is an id like any other
        ("03021798 01ff85", 6040, SILENT),
    ],
)
def test_the_two_byte_form_reserves_other_ids(
    voice: Voice, block: str, number: int, level: int
) -> None:
    voice.send(block, profile=0x1000)
    assert voice.track.level == level
    assert voice.numbers() == [number]


def test_a_number_is_not_read_from_the_payload(voice: Voice) -> None:
    voice.send("", payload=b"\x31\x17\x98\x10\x85")
    assert voice.numbers() == []
    assert voice.track.level == SILENT


def test_an_id_of_the_two_byte_form_is_not_taken_for_a_reserved_one() -> None:
    voice = Voice(number_id=15, level=0)
    voice.send("0f020001", profile=0x1000)
    voice.send("f11798")
    voice.send("0f020002", profile=0x1000)
    assert voice.numbers() == [1, 2]
