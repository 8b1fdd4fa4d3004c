"""Which packets are RTP, which are something else, and what the reports say."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qos.capture.analysis import MAX_CANDIDATES, Analysis
from tests.qos.capture.captures import (
    DESTINATION,
    ETHERNET,
    SOURCE,
    Framed,
    Sent,
    analysed,
    doubled,
    ethernet,
    frames,
    linked,
    lossy,
    pcap,
    swapped,
    udp4,
    video,
    voice,
    with_events,
)

NTP = 0xAAAA_1234_5678_BBBB
MIDDLE = 0x1234_5678


def sr(ssrc: int) -> bytes:
    return struct.pack(">BBHIQIII", 0x80, 200, 6, ssrc, NTP, 0, 1, 2)


def rr(reporter: int, about: int, last: int, delay: float) -> bytes:
    block = struct.pack(">IIIIII", about, 0, 0, 0, last, int(delay * 65536))
    return struct.pack(">BBHI", 0x81, 201, 7, reporter) + block


def xr(sender: int, block: bytes) -> bytes:
    return struct.pack(">BBHI", 0x80, 207, 1 + len(block) // 4, sender) + block


def at(time: float, payload: bytes, back: bool = False) -> Framed:
    source, destination = (DESTINATION, SOURCE) if back else (SOURCE, DESTINATION)
    return time, ethernet(udp4(payload, source, destination))


def only(framed: list[Framed], mode: str = "rfc3550") -> Analysis:
    analysis, found = analysed(pcap(framed), mode)
    assert found == []
    return analysis


@pytest.mark.parametrize("mode", ["rfc3550", "wireshark"])
def test_counts_of_both_modes(mode: str) -> None:
    sent = doubled(swapped(lossy(voice(2000, seq=65000), 3), 20), 30)
    _, (found,) = analysed(pcap(frames(sent)), mode)
    numbers = [packet.seq for packet in sent]
    stream = found.stream
    assert stream.packets == len(sent)
    assert stream.expected == 2000
    assert stream.lost == 2000 - len(sent)
    assert stream.missing.duplicates == len(numbers) - len(set(numbers))
    late = sum(
        1
        for index, number in enumerate(numbers)
        if number not in numbers[:index]
        and any(0 < (other - number & 0xFFFF) < 100 for other in numbers[max(0, index - 5) : index])
    )
    assert stream.missing.reordered == late > 50


def test_rfc3550_jitter_is_that_of_the_appendix() -> None:
    sent = voice(400, jitter=0.004)
    _, (found,) = analysed(pcap(frames(sent)))
    jitter, transit = 0.0, None
    for packet in sent:
        now = packet.time * 48000 - packet.timestamp
        if transit is not None:
            jitter += (abs(now - transit) - jitter) / 16
        transit = now
    assert found.stream.jitter == pytest.approx(jitter / 48000, rel=1e-4)


@pytest.mark.parametrize(
    ("rate", "step", "payload_type"),
    [(48000, 960, 111), (8000, 160, 100), (16000, 320, 101), (32000, 640, 102), (44100, 882, 10)],
)
def test_the_clock_rate_is_found_from_the_packets(rate: int, step: int, payload_type: int) -> None:
    sent = [
        packet._replace(timestamp=number * step, payload_type=payload_type)
        for number, packet in enumerate(voice(100, jitter=0.01))
    ]
    _, (found,) = analysed(pcap(frames(sent)))
    assert found.stream.clock_rate == rate


def test_the_clock_rate_of_video_with_frames_of_many_packets() -> None:
    sent = [
        packet._replace(seq=number & 0xFFFF)
        for number, packet in enumerate(
            part._replace(time=part.time + extra / 10000)
            for part in video(40)
            for extra in range(5)
        )
    ]
    _, (found,) = analysed(pcap(frames(sent)))
    assert found.stream.clock_rate == 90000


def test_the_clock_rate_of_a_voice_that_begins_with_what_was_missed() -> None:
    """A server sends the last third of a second at once, then goes on live."""
    sent = [packet._replace(time=max(packet.time, 0.3)) for packet in voice(100)]
    _, (found,) = analysed(pcap(frames(sent)))
    assert found.stream.clock_rate == 48000


def test_the_clock_rate_of_a_voice_that_stalls_and_catches_up() -> None:
    sent = [packet._replace(time=packet.time // 0.5 * 0.5) for packet in voice(100)]
    _, (found,) = analysed(pcap(frames(sent)))
    assert found.stream.clock_rate == 48000


def test_the_clock_rate_of_video_that_stalls_and_catches_up() -> None:
    sent = [packet._replace(time=packet.time // 1.5 * 1.5) for packet in video(100)]
    _, (found,) = analysed(pcap(frames(sent)))
    assert found.stream.clock_rate == 90000


def test_a_clock_rate_that_cannot_be_known_means_no_jitter() -> None:
    sent = [packet._replace(timestamp=number * 7) for number, packet in enumerate(voice(400))]
    _, (found,) = analysed(pcap(frames(sent)))
    assert found.stream.clock_rate is None
    assert found.stream.jitter == 0


def test_random_datagrams_are_not_rtp() -> None:
    rng = random.Random(5)
    framed = [
        at(number / 1000, bytes([0x80 | rng.randrange(64), rng.randrange(128)]) + rng.randbytes(60))
        for number in range(5000)
    ]
    assert only(framed).skipped == {"notRtp": 5000}


def test_another_protocol_that_looks_a_little_like_it() -> None:
    """A constant where the SSRC is, but no course in the sequence numbers."""
    rng = random.Random(6)
    framed = [
        at(n / 1000, b"\x80\x10" + rng.randbytes(6) + b"same" + bytes(40)) for n in range(2000)
    ]
    assert only(framed).skipped == {"notRtp": 2000}
    still = [at(n / 1000, b"\x80\x10" + b"\0" * 6 + b"same" + bytes(40)) for n in range(2000)]
    assert only(still).skipped == {"notRtp": 2000}


def test_rtp_among_random_datagrams_of_its_own_ports() -> None:
    rng = random.Random(7)
    noise = [at(n / 500, b"\x80\x10" + rng.randbytes(60)) for n in range(5 * MAX_CANDIDATES)]
    sent = voice(500)
    framed = sorted(noise + frames(sent), key=lambda one: one[0])
    _, found = analysed(pcap(framed))
    assert {one.ssrc: one.stream.packets for one in found} == {sent[0].ssrc: 500}


def test_the_first_byte_shows_what_else_a_port_carries() -> None:
    rest = bytes(40)
    kinds = {0: "stun", 3: "stun", 17: "zrtp", 22: "dtls", 63: "dtls", 64: "turnChannel"}
    kinds |= {4: "otherUdp", 80: "otherUdp", 192: "otherUdp", 255: "otherUdp"}
    framed = [at(n / 10, bytes([first]) + rest) for n, first in enumerate(kinds)]
    assert only(framed).skipped == {
        "stun": 2, "zrtp": 1, "dtls": 2, "turnChannel": 1, "otherUdp": 4,
    }  # fmt: skip


def test_a_single_packet_counts_where_others_of_its_flow_are_rtp() -> None:
    lonely = Sent(3.0, 7, 7, ssrc=0x99)
    _, found = analysed(pcap(frames([*voice(300), lonely])))
    assert {one.ssrc: one.stream.packets for one in found} == {0x1234ABCD: 300, 0x99: 1}
    for others in ([], voice(300, ssrc=5)):
        strange = lonely._replace(payload_type=97)
        analysis, found = analysed(pcap(frames([*others, strange])))
        assert 0x99 not in {one.ssrc for one in found}
        assert analysis.skipped == {"notRtp": 1}


def test_one_ssrc_to_two_places_is_two_streams() -> None:
    twice = []
    for time, frame in frames(voice(50)):
        data = frame[42:]
        twice += [at(time, data), (time, ethernet(udp4(data, SOURCE, ("10.0.0.9", 9))))]
    _, found = analysed(pcap(twice))
    assert [one.stream.packets for one in found] == [50, 50]


def test_round_trip_from_reports() -> None:
    """Captured at the sender: its report leaves at 1.0, the answer is back 80 ms later, of which
    the receiver held it for 50 ms."""
    framed = [
        *frames(voice(100)),
        at(1.0, sr(0x1234ABCD)),
        at(1.08, rr(5, 0x1234ABCD, MIDDLE, 0.05), True),
    ]
    analysis, _ = analysed(pcap(sorted(framed, key=lambda one: one[0])))
    assert analysis.rtcp_packets == 2
    count, total, least, most, last = analysis.round_trips.times[0x1234ABCD]
    assert (count, total, least, most, last) == (1, *[pytest.approx(0.03, abs=1e-4)] * 4)


def test_round_trip_from_extended_reports() -> None:
    reference = xr(5, struct.pack(">BBHQ", 4, 0, 2, NTP))
    answer = xr(6, struct.pack(">BBHIII", 5, 0, 3, 5, MIDDLE, 65536 // 10))
    analysis = only([at(1.0, reference), at(1.25, answer, True)])
    assert analysis.round_trips.times[5][1] == pytest.approx(0.15, abs=1e-4)


@pytest.mark.parametrize(
    ("last", "delay", "when"),
    [(0, 0.0, 1.1), (MIDDLE + 1, 0.0, 1.1), (MIDDLE, 5.0, 1.1), (MIDDLE, 0.0, 90.0)],
    ids=["none yet", "not captured", "held for longer than it took", "an hour old"],
)
def test_reports_that_yield_no_round_trip(last: int, delay: float, when: float) -> None:
    analysis = only([at(1.0, sr(9)), at(when, rr(5, 9, last, delay), True)])
    assert analysis.rtcp_packets == 2
    assert analysis.round_trips.times == {}


def test_a_compound_is_walked() -> None:
    compound = rr(5, 9, MIDDLE, 0.0) + struct.pack(">BBHI", 0x80, 202, 1, 5)
    analysis = only([at(1.0, sr(9)), at(1.5, compound, True)])
    assert analysis.round_trips.times[9][4] == pytest.approx(0.5, abs=1e-4)


def test_encrypted_reports_are_counted() -> None:
    rng = random.Random(8)
    secured = sr(9)[:8] + rng.randbytes(20) + b"\x80\0\0\1" + rng.randbytes(10)
    assert only([at(n / 10, secured) for n in range(7)]).srtcp_packets == 7


def test_reports_that_are_none() -> None:
    odd = [b"\x80\xc8", b"\x80\xc8\0\x01\0\0\0\0\0", b"\x80\xd0\0\x01" + bytes(60), sr(9)[:-1]]
    analysis = only([at(n / 10, data) for n, data in enumerate(odd)])
    assert (analysis.rtcp_packets, analysis.srtcp_packets) == (0, 0)
    assert analysis.skipped == {"notRtp": 4}


def test_reports_that_the_snap_length_cut() -> None:
    framed = [(n / 10, linked(ETHERNET, udp4(sr(9)))[:54]) for n in range(3)]
    assert only(framed).skipped == {"rtcpTruncated": 3}


@given(
    st.lists(
        st.tuples(st.integers(0, 31), st.sampled_from([200, 201, 207]), st.binary(max_size=60))
    )
)
@settings(max_examples=300)
def test_any_report_is_survived(parts: list[tuple[int, int, bytes]]) -> None:
    compound = b""
    for count, kind, body in parts:
        body += bytes(-len(body) % 4)
        compound += struct.pack(">BBH", 0x80 | count, kind, len(body) // 4) + body
    analysis = only([at(0.0, sr(9)), at(0.1, compound)])
    assert analysis.rtcp_packets == (2 if compound else 1)


@pytest.mark.parametrize("mode", ["rfc3550", "wireshark"])
@pytest.mark.parametrize(
    "events", [((5, 13), (18, 13)), ((0, 60),), ((0, 20), (30, 40)), ((700, 90),)]
)
@pytest.mark.parametrize("step", [960, 160])
def test_telephone_events_make_no_video_of_a_voice(
    mode: str, events: tuple[tuple[int, int], ...], step: int
) -> None:
    payload_type, rate = (111, 48000) if step == 960 else (0, 8000)
    sent = [
        packet._replace(payload_type=payload_type, timestamp=number * step)
        for number, packet in enumerate(voice(900, jitter=0.0))
    ]
    sent = with_events(sent, *events, payload_type=110)
    _, (found,) = analysed(pcap(frames(sent)), mode)
    assert (found.stream.clock_rate, found.stream.payload_type) == (rate, payload_type)
    assert (found.stream.packets, found.stream.lost) == (900, 0)
    if mode == "rfc3550":
        assert found.stream.max_jitter == pytest.approx(0, abs=1e-6)


def test_telephone_events_alone_are_no_video() -> None:
    sent = with_events(voice(200), (0, 60), (60, 60), (120, 80))
    _, (found,) = analysed(pcap(frames(sent)))
    assert (found.stream.clock_rate != 90000, found.stream.packets) == (True, 200)


def test_video_is_video_with_parity_and_resends_in_it() -> None:
    """Under the SSRC of the video, with their timestamps (RFC 5109, RFC 2198)."""
    sent = [
        packet._replace(payload_type=127) if packet.seq % 5 == 0 else packet
        for packet in video(300)
    ]
    _, (found,) = analysed(pcap(frames(sent)))
    assert (found.stream.clock_rate, found.stream.payload_type) == (90000, 96)
