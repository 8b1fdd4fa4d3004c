"""Counting what arrives: protected packets in, counts and reports out."""

from __future__ import annotations

import array

import pytest

from bench.light.channel import Stream
from bench.light.receiver import (
    DELAY_BUCKETS,
    FINE_BUCKETS,
    Receiver,
    TrackCounter,
    Window,
    find_element,
    transport_cc_feedback,
)
from bench.light.sender import header_template
from bench.light.wire import ReceiveBatch
from sfu.codecs import opus
from sfu.control import Extensions
from sfu.net.srtp import AEAD_AES_128_GCM, SrtpContext
from sfu.wire import rtcp, rtp

KEY = bytes(28)
SSRC = 0x1234
PAYLOADS = [bytes((n,)) * 40 for n in range(5)]
MS = 1_000_000


class Wire:
    """A receiver of one track, whose publisher sends `PAYLOADS` every 20 ms."""

    def __init__(self, transport_cc: int = 0) -> None:
        self.times = array.array("q", [0] * 10)
        self.window = Window()
        self.receiver = Receiver(memoryview(self.times), self.window, transport_cc)
        index = {payload[-8:]: (n, payload, "h") for n, payload in enumerate(PAYLOADS)}
        self.track = TrackCounter("audio", 0, 5, index, 48_000)
        self.receiver.tracks = {SSRC: self.track}
        self._batch = ReceiveBatch()
        self._outbound = SrtpContext(AEAD_AES_128_GCM, KEY, inbound=False)
        self._inbound = SrtpContext(AEAD_AES_128_GCM, KEY, inbound=True)
        self.window.start, self.window.stop = 0, 10**12

    def arrive(self, number: int, sent: int, now: int, payload: bytes | None = None) -> None:
        content = PAYLOADS[number % 5] if payload is None else payload
        self.times[5 + number % 5] = sent
        packet = rtp.build(111, number & 0xFFFF, number * 960, SSRC, content)
        self.arrive_packet(packet, now)

    def arrive_packet(self, packet: bytes, now: int) -> None:
        protected = self._outbound.protect(packet)
        assert protected is not None
        self.arrive_bytes(protected, now)

    def arrive_bytes(self, protected: bytes, now: int) -> None:
        self._batch.data[: len(protected)] = protected
        self.receiver.packet(self._batch, 0, len(protected), self._inbound, now)


def test_delay_loss_and_bytes_of_the_window() -> None:
    wire = Wire()
    wire.window.start, wire.window.stop = 100 * MS, 160 * MS
    for number in range(5):  # sent at 80, 100, 120, 140, 160 ms: three of them in the window
        sent = (80 + 20 * number) * MS
        wire.arrive(number, sent, sent + 3 * MS)
    result = wire.track.result(7)
    assert (result.participant, result.packets, result.bytes) == (7, 3, 3 * (12 + 40 + 16))
    assert (result.delay_sum, result.delay_max) == (9 * MS, 3 * MS)
    assert (result.first, result.last) == (103 * MS, 143 * MS)
    assert wire.receiver.delays[300] == 3
    assert sum(wire.receiver.delays) == 3


@pytest.mark.parametrize(
    ("delay_ms", "bucket"),
    [
        (199.999, FINE_BUCKETS - 1),
        (200, FINE_BUCKETS),
        (215, FINE_BUCKETS + 1),
        (60_000, DELAY_BUCKETS - 1),
    ],
)
def test_late_packets_are_in_wider_buckets(delay_ms: float, bucket: int) -> None:
    wire = Wire()
    wire.arrive(0, 1, 1 + int(delay_ms * MS))
    assert wire.receiver.delays[bucket] == 1


def test_jitter_is_zero_on_the_beat_and_follows_rfc_3550_off_it() -> None:
    wire = Wire()
    for number in range(3):
        wire.arrive(number, 1, number * 20 * MS)
    assert wire.track.result(1).jitter_ms == pytest.approx(0.0, abs=1e-6)
    # D = 16 ms: J = 1 ms; mean over 4 packets.
    wire.arrive(3, 1, 3 * 20 * MS + 16 * MS)
    assert wire.track.jitter / 48 == pytest.approx(1.0)
    assert wire.track.result(1).jitter_ms == pytest.approx(0.25)


@pytest.mark.parametrize("start", [0, 32_767, 65_534])
def test_sequence_numbers_over_the_wrap(start: int) -> None:
    track = TrackCounter("audio", 0, 0, {}, 48_000)
    for number in (0, 1, 3, 2, 3, 4):  # 2 comes late, 3 twice
        track.sequence((start + number) & 0xFFFF)
    assert track.highest - track.start == 4
    assert (track.reordered, track.duplicates) == (1, 1)
    assert track.received == 6


def test_report_block_counts_what_is_missing_since_the_last() -> None:
    track = TrackCounter("audio", 0, 0, {}, 48_000)
    for number in (10, 11, 12, 17):  # 4 of 8
        track.sequence(number)
    block = track.report_block(SSRC)
    assert (block.fraction_lost, block.packets_lost, block.highest_seq) == (128, 4, 17)
    track.sequence(18)
    assert track.report_block(SSRC).fraction_lost == 0


def test_tampered_unknown_and_foreign_packets_are_counted_apart() -> None:
    wire = Wire()
    wire.arrive_bytes(bytes(60), 1)
    wire.arrive(0, 1, 2, b"nobody recorded this")
    wire.arrive(2, 1, 2, b"!" + PAYLOADS[2][1:])
    wire.arrive_packet(rtp.build(111, 1, 0, 0x9999, PAYLOADS[0]), 3)
    assert (wire.receiver.refused, wire.receiver.unknown, wire.track.packets) == (1, 3, 0)


def test_padding_is_taken_off_and_a_probe_of_padding_alone_is_no_media() -> None:
    wire = Wire()
    wire.times[5] = 1
    plain = rtp.build(111, 0, 0, SSRC, PAYLOADS[0] + b"\x00\x00\x03")
    wire.arrive_packet(bytes((plain[0] | 0x20,)) + plain[1:], 2)
    probe = rtp.build(111, 1, 0, SSRC, b"\x00\x00\x03")
    wire.arrive_packet(bytes((probe[0] | 0x20,)) + probe[1:], 3)
    assert (wire.track.packets, wire.receiver.unknown) == (1, 0)


def test_resends_probes_and_ends_of_voices_are_extra_and_not_unknown() -> None:
    wire = Wire()
    wire.receiver.repairs = {77: SSRC}
    wire.window.start, wire.window.stop = 10, 20
    for now in (9, 10, 20):
        wire.arrive_packet(rtp.build(97, now, 0, 77, b"again"), now)
    for number, payload in enumerate(opus.PAUSE):
        wire.arrive_packet(rtp.build(111, number, 0, SSRC, payload), 15)
    assert (wire.receiver.extra, wire.receiver.unknown) == (3, 0)
    assert wire.track.missing() == 0


def test_missing_numbers_are_reported_since_the_window_was_announced() -> None:
    wire = Wire()
    for number in (0, 4):  # 1 to 3 are lost before the window
        wire.arrive(number, 1, 2)
    wire.receiver.clear()
    for number in (5, 7, 10, 9):  # 6 and 8 are lost
        wire.arrive(number, 1, 2)
    probe = rtp.build(111, 11, 0, SSRC, b"\x00\x00\x03")
    wire.arrive_packet(bytes((probe[0] | 0x20,)) + probe[1:], 3)
    result = wire.track.result(1)
    assert (result.missing, result.reordered) == (2, 1)
    assert result.layers == {"h": 4}


def test_only_what_is_awaited_must_begin() -> None:
    wire = Wire()
    wire.receiver.tracks[2] = TrackCounter("audio", 0, 0, {}, 48_000)
    wire.receiver.awaited = {SSRC}
    assert not wire.receiver.complete()
    wire.arrive(0, 1, 2)
    assert wire.receiver.complete()


def test_transport_wide_numbers_are_found_and_fed_back() -> None:
    wire = Wire(transport_cc=3)
    for number, sent in enumerate((65_534, 65_535, 1)):
        values = {4: b"0", 3: sent.to_bytes(2, "big")}
        packet = rtp.build(111, number, 0, SSRC, PAYLOADS[number], extensions=values)
        wire.arrive_packet(packet, number * 10 * MS)
    (feedback,) = rtcp.parse(wire.receiver.feedback(1))
    assert feedback.base_seq == 65_534
    assert [arrival is not None for arrival in feedback.arrivals] == [True, True, False, True]
    ticks = feedback.ticks()
    # 20 ms in 250 µs.
    assert ticks[3] - ticks[0] == 80
    assert wire.receiver.feedback(1) == b""


def test_feedback_of_reordered_arrivals_is_in_order_of_number() -> None:
    (feedback,) = rtcp.parse(transport_cc_feedback([(7, 9 * MS), (5, 10 * MS)], 1, 2, 0))
    assert feedback.base_seq == 5
    assert [arrival is not None for arrival in feedback.arrivals] == [True, False, True]


def test_reports_of_many_tracks_are_split() -> None:
    wire = Wire()
    for ssrc in range(40):
        track = wire.receiver.tracks[ssrc] = TrackCounter("audio", 0, 0, {}, 48_000)
        track.sequence(1)
    packets = rtcp.parse(wire.receiver.report(9))
    blocks = [p.reports for p in packets if isinstance(p, rtcp.ReceiverReport)]
    assert [len(reports) for reports in blocks] == [31, 9]
    assert isinstance(packets[-1], rtcp.SourceDescription)


def test_header_of_a_sender_carries_what_was_negotiated() -> None:
    ids = Extensions(mid=4, transport_cc=3, audio_level=1)
    header, place = header_template(Stream("audio", SSRC, 111, "0"), ids)
    found = rtp.extensions(header, 0, len(header))
    assert found == {3: b"\0\0", 4: b"0", 1: b"\x9e"}
    assert find_element(bytearray(header), 0, len(header), 3) == place - 1
    assert find_element(bytearray(header), 0, len(header), 5) == -1
    layer, _ = header_template(
        Stream("video", SSRC, 96, "1", "q"), Extensions(mid=4, transport_cc=3, rid=5)
    )
    assert rtp.extensions(layer, 0, len(layer)) == {3: b"\0\0", 4: b"1", 5: b"q"}
    plain, place = header_template(Stream("video", SSRC, 96, "1"), Extensions())
    assert (len(plain), place, plain[0]) == (12, 0, 0x80)
