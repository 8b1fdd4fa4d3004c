"""Pauses in a voice on paths that lose packets: what is repeated, what is asked for."""

from __future__ import annotations

import random

import pytest

from sfu import control
from sfu.codecs import red
from sfu.process.deadlines import Deadlines
from sfu.receive import arrival
from sfu.receive.publisher import Publisher
from sfu.receive.rtp_stream import RtpStream
from sfu.send import pauses
from sfu.send.audio_repair import Redundancy
from tests.sfu.keyed_transport import KeyedTransport
from tests.sfu.peers import audio_spec
from tests.sfu.send.test_forwarder import Scene, body, seqs, stamps

FRAME = 960
NOISE, PAUSE = bytes(range(0x78, 0x78 + 24)), b"\x78"
OPUS, RED = 109, 63


class Voice:
    """A voice to one receiver, whose path loses packets unless `blocks` is 0."""

    def __init__(self, blocks: int = 2, first_in: int = 0, first_out: int = 100) -> None:
        self.scene = Scene(audio_spec("a"), first_seq=first_out)
        down = self.scene.down
        down.red_first_word = down.first_word & ~(0x7F << 16) | RED << 16
        down.redundancy = Redundancy()
        down.redundancy.blocks = blocks
        self.stream: RtpStream = self.scene.stream(ssrc=500)
        self.scene.attach()
        self.seq, self.timestamp = first_in, 0
        self.at = 1.0

    def send(self, payload: bytes, after: float = 0.02) -> list[bytes]:
        """The publisher sends, `after` seconds; what leaves to the receiver."""
        self.at += after
        self.timestamp = self.timestamp + round(after * 48000) & 0xFFFFFFFF
        self.scene.now = self.at
        assert arrival.receive(self.stream, self.seq, self.timestamp, 0, payload, self.at)
        self.seq = self.seq + 1 & 0xFFFF
        return self.scene.take()

    def wait(self, after: float) -> list[bytes]:
        """A tick so long after the last packet; what leaves."""
        self.scene.now = self.at + after
        self.stream.output.repair(self.scene.now)
        return self.scene.take()


@pytest.mark.parametrize("first_in", [0, 32766, 65533])
@pytest.mark.parametrize("first_out", [0, 32765])
def test_a_pause_is_announced_again_and_the_numbers_go_on(first_in: int, first_out: int) -> None:
    voice = Voice(2, first_in, first_out)
    packets = voice.send(NOISE) + voice.send(NOISE) + voice.send(PAUSE)
    begin = voice.timestamp
    assert voice.wait(0.03) == []
    repeats = [*voice.wait(0.05), *voice.wait(0.06), *voice.wait(0.15), *voice.wait(0.3)]
    assert len(repeats) == 2
    later = voice.send(NOISE, 0.4) + voice.send(PAUSE) + voice.wait(0.1)
    assert seqs(packets + repeats + later) == [first_out + n for n in range(8)]
    # On time, but for a frame or two; and what went before is in each.
    assert stamps(repeats) == [begin + FRAME, begin + 6 * FRAME]
    assert red.blocks(body(repeats[0]), OPUS) == [(2 * FRAME, NOISE), (FRAME, PAUSE), (0, PAUSE)]
    assert stamps(later)[:2] == [begin + 20 * FRAME, begin + 21 * FRAME]


def test_the_repeats_are_due_soon_whatever_else_is() -> None:
    voice = Voice(2)
    voice.send(NOISE)
    voice.send(NOISE)
    assert voice.scene.repairs_wanted == 0
    voice.send(PAUSE)
    assert voice.scene.repairs_wanted == 1
    more = [voice.stream.output.repair(voice.at + after) for after in (0.01, 0.05, 0.06, 0.09, 0.1)]
    assert more == [True, True, True, False, False]


def test_a_receiver_whose_path_loses_nothing_hears_of_it_once() -> None:
    voice = Voice(0)
    voice.send(NOISE)
    voice.send(PAUSE)
    assert voice.wait(0.1) == []
    assert seqs(voice.send(NOISE, 0.4)) == [102]


def test_of_a_voice_that_goes_on_no_pause_is_announced() -> None:
    voice = Voice()
    voice.send(PAUSE)
    voice.send(NOISE)
    assert voice.wait(0.1) == []


def test_a_voice_that_nobody_receives_reports_nothing() -> None:
    voice = Voice()
    voice.send(PAUSE)
    voice.scene.down.detach()
    assert voice.wait(0.1) == []


def test_a_repeat_is_found_when_it_is_asked_for() -> None:
    voice = Voice(1)
    voice.send(NOISE)
    # From the first request on they are kept.
    assert voice.scene.forwarder.resend(voice.scene.down, [100], voice.at, 0.01) == 0
    voice.send(PAUSE)
    voice.scene.forwarder.flush(voice.at)
    voice.scene.now = voice.at + 0.1
    voice.stream.output.repair(voice.scene.now)
    voice.scene.outbox.flush(voice.scene.now)
    sent = voice.scene.wire.datagrams()
    voice.scene.wire.messages.clear()
    assert voice.scene.forwarder.resend(voice.scene.down, [102], voice.at + 0.2, 0.01) == 1
    voice.scene.outbox.flush(voice.scene.now)
    assert voice.scene.wire.datagrams() == sent


@pytest.mark.parametrize(("blocks", "least", "most"), [(0, 3.0, 7.0), (1, 0.0, 0.7), (2, 0.0, 0.2)])
def test_of_pauses_at_five_percent_loss(blocks: int, least: float, most: float) -> None:
    """How many of a thousand a receiver never learns of, percent."""
    voice, chance = Voice(blocks), random.Random(7)
    unknown = 0
    for _ in range(1000):
        packets = voice.send(NOISE, 0.38) + voice.send(PAUSE)
        for tick in (0.1, 0.2, 0.3):
            packets += voice.wait(tick)
        came = [packet for packet in packets if chance.random() >= 0.05]
        unknown += not any(body(packet)[-1:] == PAUSE for packet in came)
    assert least <= unknown / 10 <= most


# What is asked for.


class Silence:
    """A publisher whose voice falls silent."""

    def __init__(self, last: bytes) -> None:
        self.voice = Voice()
        self.sent: list[bytes] = []
        for payload in (NOISE, NOISE, last):
            self.voice.send(payload)

    def asked(self, after: float) -> list[int]:
        return pauses.unannounced(self.voice.stream, self.voice.at + after)


def test_who_falls_silent_without_a_word_is_asked_once_for_the_next_packet() -> None:
    silence = Silence(NOISE)
    assert silence.asked(0.04) == []
    assert silence.asked(0.1) == [3]
    assert silence.asked(0.2) == []
    silence.voice.send(PAUSE, 0.25)
    assert silence.asked(0.1) == []
    silence.voice.send(NOISE)
    assert silence.asked(0.5) == []
    assert silence.asked(0.1) == [5]


def test_an_announced_pause_is_not_doubted() -> None:
    assert Silence(PAUSE).asked(0.1) == []


def test_the_request_leaves_on_a_tick() -> None:
    link = KeyedTransport()
    scene = Scene(audio_spec("a"))
    publisher = Publisher(link, scene.forwarder, 7, Deadlines(pytest.fail))  # type: ignore[arg-type]
    publisher.set_tracks(
        control.SetUpTracks(
            transport="t", extensions=control.Extensions(), tracks=(audio_spec("a"),)
        )
    )
    stream = publisher.streams[500]
    arrival.receive(stream, 65535, 0, 0, NOISE, 1.0)
    assert not publisher.repair(1.02, 0.01)
    assert link.compounds == []
    publisher.repair(1.1, 0.01)
    publisher.repair(1.2, 0.01)
    assert link.compounds == [b"\x81\xcd\x00\x03" + bytes((0, 0, 0, 7, 0, 0, 1, 0xF4, 0, 0, 0, 0))]
    assert stream.counts.nacks == 1
