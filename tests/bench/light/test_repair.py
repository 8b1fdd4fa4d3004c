"""Lost packets: asked for, sent again, and counted apart."""

from __future__ import annotations

import array

import pytest

from bench.light.channel import Stream
from bench.light.receiver import Receiver, TrackCounter, Window
from bench.light.repair import AGAIN_NS, MAX_GAP, PATIENCE_NS, TRIES, Gaps, History
from bench.light.sender import OutgoingStream, Publisher, header_template
from bench.light.wire import SLOT_BYTES, ReceiveBatch, SendBatch
from bench.recordings.recording import Frame, Recording
from sfu.control import Extensions
from sfu.net.srtp import AEAD_AES_128_GCM, SrtpContext
from sfu.wire import rtcp, rtp

KEY = bytes(28)
SSRC, RTX_SSRC = 1000, 2000
STREAM = Stream("video", SSRC, 96, "1", "h", RTX_SSRC, 97)
IDS = Extensions(mid=4, transport_cc=3, rid=10, repaired_rid=11)
MS = 1_000_000
RECORDING = Recording(
    "video",
    90_000,
    3600 * 10,
    tuple(Frame(n * 3600, n == 0, (bytes((0x90, 0x80, 0x80, 0, n)) * 20,)) for n in range(10)),
)


@pytest.mark.parametrize("highest", [0, 32766, 65533, 65535])
def test_a_gap_is_asked_for_after_a_moment_again_and_then_given_up(highest: int) -> None:
    gaps = Gaps()
    gaps.between(highest, (highest + 3) & 0xFFFF)
    missing = [(highest + 1) & 0xFFFF, (highest + 2) & 0xFFFF]
    # They may be late only.
    assert gaps.due(0) == []
    assert gaps.came(missing[0])
    assert not gaps.came(missing[0])
    for attempt in range(TRIES):
        now = PATIENCE_NS + attempt * AGAIN_NS
        assert gaps.due(now) == [missing[1]]
        assert gaps.due(now + AGAIN_NS - 1) == []
    (packet,) = [
        p
        for p in rtcp.parse(gaps.requests(1, SSRC, 10**12))
        if not isinstance(p, rtcp.ReceiverReport)
    ]
    assert packet == rtcp.Pli(1, SSRC)
    assert not gaps


def test_a_long_gap_asks_for_a_keyframe_at_once() -> None:
    gaps = Gaps()
    gaps.between(10, 12 + MAX_GAP)
    assert gaps.due(10**12) == []
    assert gaps.keyframe
    gaps = Gaps()
    gaps.between(10, 11 + MAX_GAP)
    assert not gaps.keyframe


class Network:
    """A publisher and a receiver, and between them whatever a test lets through."""

    def __init__(self) -> None:
        self.times = memoryview(array.array("q", [0] * 20))
        self.window = Window()
        self.window.stop = 10**18
        self.stream = OutgoingStream(STREAM, RECORDING, 0, IDS, 0)
        self.batch = SendBatch()
        self.publisher = Publisher([self.stream], self.times, self.window, self.batch)
        self.outbound = SrtpContext(AEAD_AES_128_GCM, KEY, inbound=False)
        self.inbound = SrtpContext(AEAD_AES_128_GCM, KEY, inbound=True)
        self.receiver = Receiver(self.times, self.window, IDS.transport_cc)
        payloads = [p[4:] for frame in RECORDING.frames for p in frame.payloads]
        index = {p[-8:]: (n, p, "h") for n, p in enumerate(payloads)}
        self.track = TrackCounter("video", 0, 0, index, 90_000)
        self.track.waiting = self.receiver.waiting
        self.receiver.tracks, self.receiver.repairs = {SSRC: self.track}, {RTX_SSRC: SSRC}
        self._slots = ReceiveBatch()

    def frame(self) -> bytes:
        """The next frame's only packet, protected."""
        self.stream.next_frame()
        self.stream.pacer.sent(-(10**6))
        self.publisher.flush(self.stream, -1, self.outbound, lambda: 1)
        return bytes(self.batch.data[: self.batch.lengths[0]])

    def arrive(self, packet: bytes) -> None:
        assert len(packet) <= SLOT_BYTES
        self._slots.data[: len(packet)] = packet
        self.receiver.packet(self._slots, 0, len(packet), self.inbound, 5)

    def plain(self, packet: bytes) -> bytes:
        plain = SrtpContext(AEAD_AES_128_GCM, KEY, inbound=True).unprotect(packet)
        assert plain is not None
        return plain


def test_what_was_lost_comes_as_a_resend_and_loss_stays_reported() -> None:
    network = Network()
    packets = [network.frame() for _ in range(4)]
    for number in (0, 1, 3):
        network.arrive(packets[number])
    assert network.receiver.requests(7, 0) == []
    (request,) = network.receiver.requests(7, PATIENCE_NS)
    nack = next(p for p in rtcp.parse(request) if isinstance(p, rtcp.Nack))
    assert len(nack.seqs) == 1
    (again,) = network.publisher.resend(nack.media_ssrc, nack.seqs, network.outbound)
    network.arrive(again)
    assert (network.track.recovered, network.track.packets, network.track.missing()) == (1, 3, 1)
    assert (network.receiver.extra, network.receiver.unknown) == (1, 0)
    assert network.stream.result().resent == 1
    assert network.receiver.requests(7, 10**12) == []
    assert not network.receiver.waiting
    network.arrive(network.publisher.resend(SSRC, nack.seqs, network.outbound)[0])
    # A second copy repairs nothing.
    assert network.track.recovered == 1


def test_a_resend_is_the_packet_on_the_rtx_stream_with_its_own_number_first() -> None:
    network = Network()
    original = network.plain(network.frame())
    number = int.from_bytes(original[2:4], "big")
    (again,) = network.publisher.resend(SSRC, [number], network.outbound)
    packet = network.plain(again)
    start, original_start = (rtp.header_length(p, 0, len(p)) for p in (packet, original))
    assert packet[start : start + 2] == original[2:4]
    assert packet[start + 2 :] == original[original_start:]
    assert packet[1] == 0x80 | 97
    assert packet[4:8] == original[4:8]
    assert int.from_bytes(packet[8:12], "big") == RTX_SSRC
    found = rtp.extensions(packet, 0, start)
    assert found[IDS.repaired_rid] == b"h"
    assert IDS.rid not in found
    numbers = [rtp.extensions(p, 0, s)[IDS.transport_cc] for p, s in
            ((original, original_start), (packet, start))]  # fmt: skip
    assert [int.from_bytes(n, "big") for n in numbers] == [0, 1]


def test_what_is_not_kept_any_more_is_not_sent_again() -> None:
    network = Network()
    assert network.publisher.resend(SSRC, [1, 2], network.outbound) == []
    assert network.publisher.resend(4711, [1], network.outbound) == []
    history = History(*header_template(Stream("video", 1, 97, "1"), Extensions()))
    for number in (5, 5 + 512):
        history.keep(number, 96, 0, b"x" * 20)
    assert history.resend(5, network.outbound, 0) is None
    assert history.resend(517, network.outbound, 0) is not None
