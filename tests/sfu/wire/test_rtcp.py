"""RTCP by the byte, against aiortc's packets, and with nonsense."""

import struct

import pytest
from aiortc import rtp as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.wire import rtcp, transport_cc

RELAXED = settings(deadline=None, max_examples=300)
U8, U16 = st.integers(0, 0xFF), st.integers(0, 0xFFFF)
U32, U64 = st.integers(0, 0xFFFFFFFF), st.integers(0, 2**64 - 1)
BLOCKS = st.builds(
    rtcp.ReportBlock,
    ssrc=U32,
    fraction_lost=U8,
    packets_lost=st.integers(-0x800000, 0x7FFFFF),
    highest_seq=U32,
    jitter=U32,
    lsr=U32,
    dlsr=U32,
)
BLOCK = rtcp.ReportBlock(0x01020304, 0x80, -2, 0x0001FFFF, 0x11, 0xAABBCCDD, 0x10000)
BLOCK_BYTES = "01020304 80fffffe 0001ffff 00000011 aabbccdd 00010000"


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


# Each row: what a builder gives, its bytes, what parse gives.
VECTORS = [
    (
        rtcp.sender_report(1, 0xDEADBEEF_80000000, 0xFFFFFFFF, 2, 3, [BLOCK]),
        "81c8000c 00000001 deadbeef 80000000 ffffffff 00000002 00000003" + BLOCK_BYTES,
        rtcp.SenderReport(1, 0xDEADBEEF_80000000, 0xFFFFFFFF, 2, 3, (BLOCK,)),
    ),
    (
        rtcp.sender_report(1, 0, 2**32 + 5, 2**32 + 6, 2**32 + 7),
        "80c80006 00000001 00000000 00000000 00000005 00000006 00000007",
        rtcp.SenderReport(1, 0, 5, 6, 7),
    ),
    (
        rtcp.receiver_report(7, [BLOCK, BLOCK]),
        "82c9000d 00000007" + BLOCK_BYTES * 2,
        rtcp.ReceiverReport(7, (BLOCK, BLOCK)),
    ),
    (rtcp.receiver_report(7), "80c90001 00000007", rtcp.ReceiverReport(7)),
    (
        # The chunk ends on a word by itself: another word of zeros ends the items.
        rtcp.sdes(0x11223344, "ab"),
        "81ca0003 11223344 01026162 00000000",
        rtcp.SourceDescription(((0x11223344, "ab"),)),
    ),
    (
        rtcp.sdes(0x11223344, "abc"),
        "81ca0003 11223344 01036162 63000000",
        rtcp.SourceDescription(((0x11223344, "abc"),)),
    ),
    (rtcp.bye([1, 2]), "82cb0002 00000001 00000002", rtcp.Bye((1, 2))),
    (
        rtcp.nack(1, 2, [65534, 65535, 0, 14, 15]),
        "81cd0004 00000001 00000002 fffe8003 000f0000",
        rtcp.Nack(1, 2, (65534, 65535, 0, 14, 15)),
    ),
    (
        rtcp.nack(1, 2, [32769, 32767, 32767, 32768]),
        "81cd0003 00000001 00000002 7fff0003",
        rtcp.Nack(1, 2, (32767, 32768, 32769)),
    ),
    (rtcp.pli(1, 2), "81ce0002 00000001 00000002", rtcp.Pli(1, 2)),
    (
        rtcp.fir(1, [(2, 255), (3, 256)]),
        "84ce0006 00000001 00000000 00000002 ff000000 00000003 00000000",
        rtcp.Fir(1, ((2, 255), (3, 0))),
    ),
    (
        # 2.5 Mbit/s = 156250 << 4.
        rtcp.remb(1, 2_500_000, [5]),
        "8fce0005 00000001 00000000 52454d42 0112625a 00000005",
        rtcp.Remb(1, 2_500_000, (5,)),
    ),
    (
        rtcp.remb(1, -5, []),
        "8fce0004 00000001 00000000 52454d42 00000000",
        rtcp.Remb(1, 0, ()),
    ),
    (
        rtcp.remb(1, 2**70, []),
        "8fce0004 00000001 00000000 52454d42 00ba0000",
        rtcp.Remb(1, 2**63, ()),
    ),
    (
        rtcp.xr_rrtr(9, 0x0102030405060708),
        "80cf0004 00000009 04000002 01020304 05060708",
        rtcp.ReceiverReferenceTime(9, 0x0102030405060708),
    ),
    (
        rtcp.xr_dlrr(9, [(1, 2, 3), (4, 5, 6)]),
        "80cf0008 00000009 05000006 00000001 00000002 00000003 00000004 00000005 00000006",
        rtcp.DelaySinceLastReceiverReport(9, ((1, 2, 3), (4, 5, 6))),
    ),
]


@pytest.mark.parametrize(("built", "data", "packet"), VECTORS)
def test_vectors(built, data, packet):
    assert built.hex() == hexed(data).hex()
    assert rtcp.parse(built) == [packet]


def test_compound_keeps_order_and_skips_what_it_does_not_know():
    known = [VECTORS[0], VECTORS[4], VECTORS[9]]
    app = hexed("80cc0002 00000001 6e616d65")
    slice_loss = hexed("82ce0002 00000001 00000002")
    unknown_transport = hexed("9ecd0002 00000001 00000002")
    other_application = hexed("8fce0003 00000001 00000002 6e616d65")
    data = known[0][0] + app + slice_loss + known[1][0] + unknown_transport
    data += other_application + known[2][0]
    assert rtcp.parse(data) == [row[2] for row in known]


def test_bye_with_a_reason():
    # RFC 3550 clause 6.6: the length, the text, then padding to the word.
    data = hexed("81cb0003 00000001 06") + b"camera" + b"\x00"
    assert rtcp.parse(data) == [rtcp.Bye((1,), "camera")]
    assert rtcp.parse(hexed("80cb0000")) == [rtcp.Bye(())]


def test_sdes_of_many_chunks_and_items():
    data = hexed(
        "83ca0008"
        "00000001 02016e 01026162 00"  # NAME, then CNAME, then a zero to the word
        "00000002 00000000"  # no item
        "00000003 0103c3a9 ff 00 0000"  # CNAME, one character and a byte that is none
    )
    expected = rtcp.SourceDescription(((1, "ab"), (2, ""), (3, "\u00e9\ufffd")))
    assert rtcp.parse(data) == [expected]


def test_profile_extensions_of_reports_are_passed_over():
    data = hexed("81c90009 00000007" + BLOCK_BYTES + "cafecafe 12345678")
    assert rtcp.parse(data) == [rtcp.ReceiverReport(7, (BLOCK,))]


def test_unknown_xr_blocks_are_passed_over():
    data = hexed("80cf0006 00000009 06000001 12345678 04000002 01020304 05060708")
    assert rtcp.parse(data) == [rtcp.ReceiverReferenceTime(9, 0x0102030405060708)]


def test_an_absurd_remb_is_clamped():
    data = hexed("8fce0004 00000001 00000000 52454d42 00ffffff")
    assert rtcp.parse(data) == [rtcp.Remb(1, 2**63, ())]


def test_padding_is_taken_off():
    data = rtcp.pli(1, 2) + hexed("a0c90002 00000007 00000004")
    assert rtcp.parse(data) == [rtcp.Pli(1, 2), rtcp.ReceiverReport(7)]


@pytest.mark.parametrize("data", ["", "81ce00", "41ce0002 00000001 00000002"])
def test_what_does_not_begin_as_rtcp_is_refused(data):
    with pytest.raises(rtcp.RtcpError):
        rtcp.parse(hexed(data))


BEFORE = rtcp.receiver_report(1)
BEHIND = rtcp.pli(1, 7000)


@pytest.mark.parametrize(
    "data",
    [
        "81ce0001 00000001",  # PLI without a media SSRC
        "a0c90002 00000007 00000000",  # padding of nothing
        "a0c90002 00000007 00000009",  # padding of more than there is
        "a0c90000",  # padding in no body
        "81c90001 00000007",  # a report block that is not there
        "81c80006 00000001 00000000 00000000 00000005 00000006 00000007",
        "80c80005 00000001 00000000 00000000 00000005 00000006",
        "81ca0001 00000001",  # SDES without an end
        "81ca0002 00000001 01ff6162",  # item beyond the chunk
        "82ca0002 00000001 00000000",  # second chunk is not there
        "82cb0001 00000001",
        "81cb0002 00000001 04616263",  # reason beyond the packet
        "81cd0001 00000001",
        "8fce0004 00000001 00000000 52454d42 01000000",  # REMB for an SSRC that is not there
        "8fce0003 00000001 00000000 52454d42",
        "80cf0000",
        "80cf0002 00000009 04000002",
        "80cf0003 00000009 04000001 12345678",  # a reference time of one word
        "80cf0003 00000009 05000001 12345678",
        "8fcd0003 00000001 00000002 00010001",
        "8fcd0004 00000001 00000002 00010001 00000000",  # no chunk
        "8fcd0005 00000001 00000002 00012000 00000000 20002000",  # 8192 packets
        "8fcd0005 00000001 00000002 00010001 00000000 60010000",  # reserved status
        "8fcd0005 00000001 00000002 00010003 00000000 20030102",  # a delta missing
        "81ca0004 00000001 010a6a61 6e757376 6964656f",  # SDES without the closing zero
        "81ca0003 00000001 01300000 00000000",  # an item longer than its packet
        "80c90000",  # a report without an SSRC
        "83c90007 00000000" + "00000000" * 6,  # three blocks counted, one there
        "81cb0002 00000003 0c206767",  # a reason longer than its packet
        "80cf0003 00000001 07000009 00000000",  # an XR block beyond its packet
        "8fcd0005 00000001 00000001 000a01f4 00000000 20010000",  # 500 packets, one chunk
    ],
)
def test_a_packet_that_makes_no_sense_is_passed_over_and_the_rest_counts(data):
    packets = rtcp.parse(BEFORE + hexed(data) + BEHIND)
    assert packets == [
        rtcp.ReceiverReport(1), rtcp.Malformed(hexed(data)[1]), rtcp.Pli(1, 7000),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ("81ce0002 00000001", 206),  # shorter than it says
        ("81ce0009 00000001 00001b58", 206),
        ("41ce0002 00000001 00001b58", 206),  # version 1
        ("81ce00", 0),  # a rest that is no header
    ],
)
def test_where_the_framing_fails_what_came_before_counts(data, named):
    packets = rtcp.parse(BEFORE + BEHIND + hexed(data))
    assert packets == [rtcp.ReceiverReport(1), rtcp.Pli(1, 7000), rtcp.Malformed(named)]


def test_an_odd_block_of_an_extended_report_leaves_the_others_alone():
    odd = hexed("80cf0009 00000009 04000001 00000001 04000002 01020304 05060708 05000009 00000000")
    assert rtcp.parse(odd[:2] + hexed("0008") + odd[4:]) == [
        rtcp.Malformed(207),
        rtcp.ReceiverReferenceTime(9, 0x0102030405060708),
        rtcp.Malformed(207),
    ]


def test_long_lists_are_bounded():
    entries = struct.pack("!HH", 0, 0xFFFF) * 300
    data = hexed("81cd") + struct.pack("!HII", 302, 1, 2) + entries
    (packet,) = rtcp.parse(data)
    assert len(packet.seqs) == rtcp.MAX_NACK_SEQS
    assert packet.seqs[:18] == (*range(17), 0)
    scattered = rtcp.nack(1, 2, range(0, 300 * 17, 17))
    assert len(scattered) == 12 + 4 * rtcp.MAX_NACK_ENTRIES
    assert rtcp.parse(scattered)[0].seqs == tuple(range(0, 250 * 17, 17))
    bye = rtcp.bye([])
    assert len(rtcp.parse(bye * rtcp.MAX_PACKETS)) == rtcp.MAX_PACKETS
    more = rtcp.parse(bye * (rtcp.MAX_PACKETS + 5))
    assert more == [*[rtcp.Bye(())] * rtcp.MAX_PACKETS, rtcp.Malformed(0)]


@pytest.mark.parametrize(
    "build",
    [
        lambda: rtcp.receiver_report(1, [BLOCK] * 32),
        lambda: rtcp.bye(range(32)),
        lambda: rtcp.sdes(1, "x" * 256),
        lambda: rtcp.nack(1, 2, []),
        lambda: rtcp.remb(1, 1, range(256)),
        lambda: transport_cc.encode(1, 2, 0, 0, 0, []),
        lambda: transport_cc.encode(1, 2, 0, 0, 0, [None] * 8192),
        lambda: transport_cc.encode(1, 2, 0, 0, 0, [32768]),
        lambda: transport_cc.encode(1, 2, 0, 0, 0, [-32769]),
    ],
)
def test_misuse_of_builders_raises(build):
    with pytest.raises(ValueError, match=r"\d|nothing"):
        build()


# Transport-wide feedback: the chunks of the draft's own examples (clauses 3.1.3 and 3.1.4).
@pytest.mark.parametrize(
    ("chunk", "arrivals"),
    [
        (0b0_00_0000011011101, (None,) * 221),
        (0b0_01_0000000000010, (9, 8)),
        (0b1_0_01111100011100, (None, 9, 8, 7, 6, 5, None, None, None, 4, 3, 2, None, None)),
        (0b1_1_00_10_01_01_01_00_00, (None, -2, 9, 8, 7, None, None)),
    ],
)
def test_transport_feedback_chunks(chunk, arrivals):
    deltas = b"".join(
        bytes((delta,)) if delta >= 0 else struct.pack("!h", delta)
        for delta in arrivals
        if delta is not None
    )
    body = struct.pack("!IIHHI", 1, 2, 65530, len(arrivals), 0xFFFFFE_07)
    body += struct.pack("!H", chunk) + deltas
    fill = -len(body) % 4
    body += bytes(fill)
    data = hexed("8fcd") + struct.pack("!H", len(body) // 4) + body
    (packet,) = rtcp.parse(data)
    assert packet == transport_cc.TransportCc(1, 2, 65530, -2, 7, arrivals)
    times = []
    ticks = -512
    for delta in arrivals:
        ticks += delta or 0
        times.append(None if delta is None else ticks)
    assert packet.ticks() == times


@pytest.mark.parametrize(
    ("arrivals", "data"),
    [
        ((0,), "2001 00"),
        ((255,), "2001 ff"),
        ((256,), "4001 0100"),
        ((-1, 32767, -32768), "4003 ffff 7fff 8000"),
        ((None,) * 8190 + (1,), "1ffe 2001 01"),
        ((1,) * 14, "200e" + "01" * 14),
        ((1, None) * 7, "aaaa" + "01" * 7),
        ((1, 1, None, 1, 1, None), "b600 01010101"),
        ((1, 300, None, 1), "d840 01 012c 01"),
        ((None,) * 14 + (1, 1), "000e 2002 0101"),
        ((1,) * 7 + (300,), "2007 4001" + "01" * 7 + "012c"),
    ],
)
def test_transport_feedback_is_written_short(arrivals, data):
    built = transport_cc.encode(1, 2, 65536 + 5, -1, 256 + 3, arrivals)
    body = struct.pack("!IIHHI", 1, 2, 5, len(arrivals), 0xFFFFFF_03) + hexed(data)
    fill = -len(body) % 4
    body += (bytes(fill - 1) + bytes((fill,))) if fill else b""
    head = struct.pack("!BBH", 0xAF if fill else 0x8F, 205, len(body) // 4)
    assert built.hex() == (head + body).hex()
    assert rtcp.parse(built) == [transport_cc.TransportCc(1, 2, 5, -1, 3, arrivals)]


ARRIVALS = st.lists(
    st.one_of(st.none(), st.integers(0, 255), st.integers(-32768, 32767)), min_size=1, max_size=99
)


@given(ARRIVALS, U16, st.integers(-0x800000, 0x7FFFFF), U8)
@RELAXED
def test_transport_feedback_round_trip(arrivals, base, reference, count):
    data = transport_cc.encode(1, 2, base, reference, count, arrivals)
    expected = transport_cc.TransportCc(1, 2, base, reference, count, tuple(arrivals))
    assert rtcp.parse(data) == [expected]


@given(U32, U64, U32, U32, U32, st.lists(BLOCKS, max_size=31))
@RELAXED
def test_reports_agree_with_aiortc(ssrc, ntp, timestamp, packets, octets, blocks):
    infos = [
        oracle.RtcpReceiverInfo(
            b.ssrc, b.fraction_lost, b.packets_lost, b.highest_seq, b.jitter, b.lsr, b.dlsr
        )
        for b in blocks
    ]
    sender = oracle.RtcpSrPacket(
        ssrc, oracle.RtcpSenderInfo(ntp, timestamp, packets, octets), infos
    )
    receiver = oracle.RtcpRrPacket(ssrc, infos)
    built = rtcp.sender_report(ssrc, ntp, timestamp, packets, octets, blocks)
    built += rtcp.receiver_report(ssrc, blocks)
    assert built == bytes(sender) + bytes(receiver)
    assert oracle.RtcpPacket.parse(built) == [sender, receiver]
    assert rtcp.parse(built) == [
        rtcp.SenderReport(ssrc, ntp, timestamp, packets, octets, tuple(blocks)),
        rtcp.ReceiverReport(ssrc, tuple(blocks)),
    ]


@given(U32, st.text(max_size=60), st.lists(U32, max_size=31))
@RELAXED
def test_descriptions_and_byes_agree_with_aiortc(ssrc, cname, ssrcs):
    sdes = oracle.RtcpSdesPacket([oracle.RtcpSourceInfo(ssrc, [(1, cname.encode())])])
    bye = oracle.RtcpByePacket(ssrcs)
    built = rtcp.sdes(ssrc, cname) + rtcp.bye(ssrcs)
    assert oracle.RtcpPacket.parse(built) == [sdes, bye]
    expected = [rtcp.SourceDescription(((ssrc, cname),)), rtcp.Bye(tuple(ssrcs))]
    assert rtcp.parse(built) == expected
    assert rtcp.parse(bytes(sdes) + bytes(bye)) == expected


@given(U32, U32, st.sets(U16, min_size=1, max_size=60))
@RELAXED
def test_nacks_agree_with_aiortc(sender, media, seqs):
    # aiortc does not wrap; half the range is what one NACK may span.
    lost = sorted({seq >> 1 for seq in seqs})
    theirs = oracle.RtcpRtpfbPacket(1, sender, media, lost)
    assert rtcp.nack(sender, media, reversed(lost)) == bytes(theirs)
    assert rtcp.parse(bytes(theirs)) == [rtcp.Nack(sender, media, tuple(lost))]


@given(U16, st.sets(st.integers(0, 30000), min_size=1, max_size=200))
@RELAXED
def test_nacks_round_trip_over_the_wrap(first, steps):
    seqs = [(first + step) & 0xFFFF for step in sorted(steps)]
    (packet,) = rtcp.parse(rtcp.nack(1, 2, seqs[1:] + seqs[:1]))
    assert packet == rtcp.Nack(1, 2, tuple(seqs))


@given(st.integers(0, 2**63), st.lists(U32, max_size=20))
@RELAXED
def test_remb_agrees_with_aiortc(bitrate, ssrcs):
    built = rtcp.remb(3, bitrate, ssrcs)
    (packet,) = oracle.RtcpPacket.parse(built)
    assert (packet.fmt, packet.ssrc, packet.media_ssrc) == (15, 3, 0)
    theirs, their_ssrcs = oracle.unpack_remb_fci(packet.fci)
    assert rtcp.parse(built) == [rtcp.Remb(3, theirs, tuple(their_ssrcs))]
    assert their_ssrcs == ssrcs
    assert bitrate * (1 - 2**-17) <= theirs <= bitrate
    assert packet.fci == oracle.pack_remb_fci(bitrate, ssrcs)


@given(U32, U32, st.lists(st.tuples(U32, U8), max_size=20))
@RELAXED
def test_keyframe_requests_round_trip(sender, media, entries):
    data = rtcp.pli(sender, media) + rtcp.fir(sender, entries)
    assert rtcp.parse(data) == [rtcp.Pli(sender, media), rtcp.Fir(sender, tuple(entries))]
    assert bytes(oracle.RtcpPsfbPacket(1, sender, media)) == rtcp.pli(sender, media)


@given(U32, U64, st.lists(st.tuples(U32, U32, U32), max_size=20))
@RELAXED
def test_extended_reports_round_trip(ssrc, ntp, entries):
    data = rtcp.xr_rrtr(ssrc, ntp) + rtcp.xr_dlrr(ssrc, entries)
    assert rtcp.parse(data) == [
        rtcp.ReceiverReferenceTime(ssrc, ntp),
        rtcp.DelaySinceLastReceiverReport(ssrc, tuple(entries)),
    ]


def parse_or_refuse(data):
    try:
        return rtcp.parse(data)
    except rtcp.RtcpError:
        return None


@given(st.binary(max_size=120))
@RELAXED
def test_no_input_raises_anything_else(data):
    found = parse_or_refuse(data)
    assert found is None or len(found) <= len(data)


@given(
    st.lists(
        st.tuples(st.sampled_from([200, 201, 202, 203, 205, 206, 207]), U8, st.binary(max_size=48)),
        min_size=1,
        max_size=4,
    )
)
@settings(deadline=None, max_examples=600)
def test_no_framed_nonsense_raises_anything_else(packets):
    data = b""
    for packet_type, bits, body in packets:
        body = body[: len(body) & ~3]
        # Formats that exist more often than chance would have it.
        count = [1, 2, 4, 15][bits & 3] if bits & 0x80 else bits & 0x1F
        first = 0x80 | bits & 0x20 | count
        data += struct.pack("!BBH", first, packet_type, len(body) // 4) + body
    found = parse_or_refuse(data)
    assert found is None or all(repr(packet) for packet in found)


@given(st.sampled_from(VECTORS), st.integers(0, 400), U8)
@RELAXED
def test_one_wrong_byte_raises_nothing_else(vector, place, value):
    data = bytearray(vector[0])
    data[place % len(data)] = value
    found = parse_or_refuse(bytes(data))
    assert found is None or len(found) <= 1 + len(data) // 4


FRAMED = st.builds(
    lambda packet_type, bits, body: struct.pack("!BBH", 0x80 | bits & 0x3F, packet_type, len(body))
    + b"".join(body),
    st.integers(192, 223), U8, st.lists(st.binary(min_size=4, max_size=4), max_size=12),
)  # fmt: skip


@given(FRAMED)
@settings(deadline=None, max_examples=600)
def test_whatever_is_in_a_framed_packet_its_neighbours_count(odd):
    before, behind = VECTORS[0], VECTORS[9]
    packets = rtcp.parse(before[0] + odd + behind[0])
    assert packets[0] == before[2]
    assert packets[-1] == behind[2]


@given(FRAMED, st.integers(1, 0xFFFF))
@RELAXED
def test_a_length_beyond_the_end_takes_nothing_from_what_came_before(odd, more):
    words = min(0xFFFF, len(odd) // 4 - 1 + more)
    packets = rtcp.parse(VECTORS[0][0] + odd[:2] + struct.pack("!H", words) + odd[4:])
    assert packets == [VECTORS[0][2], rtcp.Malformed(odd[1])]


def test_unwanted_transport_feedback_is_skipped_and_the_rest_is_read():
    feedback = transport_cc.encode(1, 2, 10, 3, 0, [0, None, 4])
    data = rtcp.pli(1, 2) + feedback
    assert rtcp.parse(data, transport_cc=False) == [rtcp.Pli(1, 2)]
    assert len(rtcp.parse(data)) == 2
