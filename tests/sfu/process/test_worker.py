"""The worker process from outside: datagrams in, datagrams out."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from sfu import control
from sfu.wire import rtcp, rtp
from sfu.wire.transport_cc import TransportCc
from tests.sfu.peers import (
    DEADLINE,
    Browser,
    WorkerProcess,
    audio_spec,
    delta_frame,
    down_spec,
    keyframe,
    open_room,
    publish,
    subscribe,
    video_spec,
    worker,
)


@pytest.fixture
def process() -> Iterator[WorkerProcess]:
    with worker() as running:
        open_room(running)
        yield running


def header(packet: bytes) -> tuple[int, int, int, int, int]:
    """Payload type, marker, sequence number, timestamp, SSRC."""
    _, second, seq, timestamp, ssrc = struct.unpack_from("!BBHII", packet)
    return second & 0x7F, second >> 7, seq, timestamp, ssrc


def payload(packet: bytes) -> bytes:
    start = rtp.header_length(packet, 0, len(packet))
    return packet[start : len(packet) - rtp.padding_length(packet, 0, len(packet))]


def test_media_flows_and_is_rewritten(process: WorkerProcess) -> None:
    video, audio = video_spec("v"), audio_spec("a")
    alice = publish(process, "alice", video, audio)
    bob = subscribe(process, "bob", down_spec(video, 7000), down_spec(audio, 8000))
    alice.send_rtp(rtp.build(96, 10, 90000, 1000, keyframe(), extensions={3: b"\0\1"}))
    alice.send_rtp(rtp.build(96, 11, 90000, 1000, b"\x80\xe0\x80\x01\x07\x00tail", marker=True))
    alice.send_rtp(rtp.build(111, 20, 960, 500, b"\x78voice", extensions={1: b"\x10"}))
    alice.send_rtp(rtp.build(111, 21, 1920, 500, b"\x78again", extensions={1: b"\x10"}))
    bob.receive_until(lambda: len(bob.rtp) == 4)
    video_out = [p for p in bob.rtp if header(p)[4] == 7000]
    audio_out = [p for p in bob.rtp if header(p)[4] == 8000]
    assert [header(p)[0] for p in video_out] == [100, 100]
    assert [header(p)[1] for p in video_out] == [0, 1]
    assert header(video_out[1])[2] == header(video_out[0])[2] + 1
    assert header(video_out[0])[2] < 32768 + 2
    assert payload(video_out[0]) == keyframe()
    assert payload(video_out[1]) == b"\x80\xe0\x80\x01\x07\x00tail"
    assert header(audio_out[0])[0] == 109
    assert payload(audio_out[-1]) == b"\x78again"
    numbers = [
        int.from_bytes(rtp.extension(p, 0, rtp.header_length(p, 0, len(p)), 5) or b"", "big")
        for p in bob.rtp
    ]
    assert sorted(numbers) == list(range(len(bob.rtp)))


def test_a_receiver_without_the_extension_gets_plain_headers(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000), extensions=control.Extensions())
    alice.send_rtp(rtp.build(96, 65535, 90000, 1000, keyframe()))
    alice.send_rtp(rtp.build(96, 0, 93000, 1000, delta_frame()))
    bob.receive_until(lambda: len(bob.rtp) == 2)
    assert [packet[0] for packet in bob.rtp] == [0x80, 0x80]
    assert header(bob.rtp[1])[2] == (header(bob.rtp[0])[2] + 1) & 0xFFFF


def test_a_newcomer_gets_the_last_keyframe_at_once(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    for number, body in enumerate((keyframe(1), delta_frame(2), delta_frame(3))):
        alice.send_rtp(rtp.build(96, number, number * 3000, 1000, body))
    bob = subscribe(process, "bob", down_spec(video, 7000))
    bob.receive_until(lambda: len(bob.rtp) == 3)
    assert [payload(p) for p in bob.rtp] == [keyframe(1), delta_frame(2), delta_frame(3)]
    alice.send_rtp(rtp.build(96, 3, 9000, 1000, delta_frame(4)))
    bob.receive_until(lambda: len(bob.rtp) == 4)
    assert header(bob.rtp[3])[2] == header(bob.rtp[0])[2] + 3


def test_without_a_keyframe_one_is_asked_for(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    alice.send_rtp(rtp.build(96, 1, 0, 1000, delta_frame()))
    subscribe(process, "bob", down_spec(video, 7000))

    def pli() -> list[rtcp.Packet]:
        return [p for data in alice.rtcp for p in rtcp.parse(data) if isinstance(p, rtcp.Pli)]

    alice.receive_until(lambda: bool(pli()))
    assert pli()[0].media_ssrc == 1000  # type: ignore[union-attr]


def test_a_nack_is_answered_over_rtx(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000))
    alice.send_rtp(rtp.build(96, 5, 0, 1000, keyframe()))
    bob.receive_until(lambda: len(bob.rtp) == 1)
    lost = header(bob.rtp[0])[2]
    bob.send_rtcp(rtcp.receiver_report(1) + rtcp.nack(1, 7000, [lost, (lost + 500) & 0xFFFF]))
    bob.receive_until(lambda: len(bob.rtp) == 2)
    assert header(bob.rtp[1])[0] == 101
    assert header(bob.rtp[1])[4] == 7001
    assert payload(bob.rtp[1]) == lost.to_bytes(2, "big") + keyframe()


def test_a_nack_without_rtx_gets_the_same_bytes_again(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000, rtx_ssrc=0, rtx_payload_type=0))
    alice.send_rtp(rtp.build(96, 5, 0, 1000, keyframe()))
    wire: list[bytes] = []
    take = bob._take
    bob._take = lambda d: (wire.append(d), None)[1] if 128 <= d[0] <= 191 else take(d)  # type: ignore[method-assign]
    bob.receive_until(lambda: len([d for d in wire if not rtp.is_rtcp(d[1])]) == 1)
    lost = header(wire[-1])[2]
    bob.send_rtcp(rtcp.receiver_report(1) + rtcp.nack(1, 7000, [lost]))
    bob.receive_until(lambda: len([d for d in wire if not rtp.is_rtcp(d[1])]) == 2)
    media = [d for d in wire if not rtp.is_rtcp(d[1])]
    assert media[0] == media[1]


def test_a_gap_is_asked_for_and_what_follows_waits_for_the_resend(
    process: WorkerProcess,
) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000))
    alice.send_rtp(rtp.build(96, 65534, 0, 1000, keyframe()))
    alice.send_rtp(rtp.build(96, 0, 6000, 1000, delta_frame(3)))

    def asked() -> list[int]:
        packets = [p for data in alice.rtcp for p in rtcp.parse(data)]
        return [seq for p in packets if isinstance(p, rtcp.Nack) for seq in p.seqs]

    alice.receive_until(lambda: bool(asked()))
    assert set(asked()) == {65535}
    body = (65535).to_bytes(2, "big") + delta_frame(2)
    alice.send_rtp(rtp.build(97, 1, 3000, 1001, body))
    bob.receive_until(lambda: len(bob.rtp) == 3)
    first = header(bob.rtp[0])[2]
    assert [(header(p)[2] - first) & 0xFFFF for p in bob.rtp] == [0, 1, 2]
    assert [payload(p) for p in bob.rtp[1:]] == [delta_frame(2), delta_frame(3)]


def test_simulcast_learned_from_rids_goes_up_at_a_keyframe(process: WorkerProcess) -> None:
    layers = tuple(control.StreamSpec(rid=rid) for rid in "qhf")
    video = video_spec("v", streams=layers)
    alice = publish(process, "alice", video)
    # Without transport-wide numbers nothing is sent beyond the media, to probe the path.
    bob = subscribe(process, "bob", down_spec(video, 7000), extensions=control.Extensions())

    def send(ssrc: int, rid: str, seq: int, ts: int, body: bytes) -> None:
        extensions = {4: b"1", 10: rid.encode()}
        alice.send_rtp(rtp.build(96, seq, ts, ssrc, body, extensions=extensions))

    send(31, "q", 100, 1000, keyframe(50))
    send(31, "q", 101, 4000, delta_frame(51))
    bob.receive_until(lambda: len(bob.rtp) == 2)
    send(33, "f", 7, 500_000, delta_frame(9))
    send(33, "f", 8, 503_000, keyframe(10))
    send(33, "f", 9, 506_000, delta_frame(11))
    bob.receive_until(lambda: len(bob.rtp) == 4)
    send(31, "q", 102, 7000, delta_frame(52))
    send(33, "f", 10, 509_000, delta_frame(12))
    bob.receive_until(lambda: len(bob.rtp) == 5)
    assert payload(bob.rtp[4])[6:] == delta_frame(12)[6:]
    first = header(bob.rtp[0])[2]
    assert [(header(p)[2] - first) & 0xFFFF for p in bob.rtp] == [0, 1, 2, 3, 4]
    picture_ids = [int.from_bytes(payload(p)[2:4], "big") & 0x7FFF for p in bob.rtp]
    assert picture_ids == [50, 51, 52, 53, 54]
    timestamps = [header(p)[3] for p in bob.rtp]
    assert timestamps[0] < timestamps[1] < timestamps[2]
    assert timestamps[3] - timestamps[2] == 3000


def test_after_bye_the_next_lower_layer_is_asked_for_at_once(process: WorkerProcess) -> None:
    layers = (control.StreamSpec(rid="q", ssrc=31), control.StreamSpec(rid="f", ssrc=33))
    video = video_spec("v", streams=layers)
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000))
    alice.send_rtp(rtp.build(96, 1, 0, 33, keyframe(1)))
    alice.send_rtp(rtp.build(96, 1, 0, 31, keyframe(1)))
    bob.receive_until(lambda: len(bob.rtp) == 1)
    alice.send_rtcp(rtcp.receiver_report(33) + rtcp.bye([33]))

    def asked() -> set[int]:
        packets = [p for data in alice.rtcp for p in rtcp.parse(data)]
        return {p.media_ssrc for p in packets if isinstance(p, rtcp.Pli)}

    number = 1
    while 31 not in asked():
        number += 1
        alice.send_rtp(rtp.build(96, number, number * 3000, 31, delta_frame(number)))
        alice.pump()
    assert asked() == {31}
    alice.send_rtp(rtp.build(96, number + 1, 90_000, 31, keyframe(9)))
    bob.receive_until(lambda: len(bob.rtp) == 2)
    assert payload(bob.rtp[1])[6:] == keyframe(9)[6:]


def test_feedback_and_reports_reach_the_publisher(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    for number in range(5):
        body = keyframe() if number == 0 else delta_frame(number)
        packet = rtp.build(
            96, number, number * 3000, 1000, body, extensions={3: bytes((0, number))}
        )
        alice.send_rtp(packet)

    def parsed() -> list[rtcp.Packet]:
        return [p for data in alice.rtcp for p in rtcp.parse(data)]

    alice.receive_until(
        lambda: (
            any(isinstance(p, TransportCc) for p in parsed())
            and any(isinstance(p, rtcp.ReceiverReport) for p in parsed())
        )
    )
    feedback = [p for p in parsed() if isinstance(p, TransportCc)]
    assert feedback[0].base_seq == 0
    assert sum(arrival is not None for p in feedback for arrival in p.arrivals) == 5


def test_sender_reports_keep_audio_and_video_on_one_timeline(process: WorkerProcess) -> None:
    video, audio = video_spec("v"), audio_spec("a")
    alice = publish(process, "alice", video, audio)
    bob = subscribe(process, "bob", down_spec(video, 7000), down_spec(audio, 8000))
    ntp = 0xE000_0000 << 32
    alice.send_rtcp(rtcp.sender_report(1000, ntp, 900_000, 1, 1))
    alice.send_rtcp(rtcp.sender_report(500, ntp + (1 << 31), 480_000, 1, 1))
    for number in range(3):
        body = keyframe() if number == 0 else delta_frame(number)
        alice.send_rtp(rtp.build(96, number, 900_000 + number, 1000, body))
        alice.send_rtp(rtp.build(111, number, 480_000 + number, 500, b"\x78voice"))
        bob.pump(0)

    def reports() -> dict[int, rtcp.SenderReport]:
        packets = [p for data in bob.rtcp for p in rtcp.parse(data)]
        return {p.ssrc: p for p in packets if isinstance(p, rtcp.SenderReport)}

    bob.receive_until(lambda: set(reports()) == {7000, 8000})
    both = reports()
    video_at, audio_at = both[7000], both[8000]
    # At the video report's instant, each clock in seconds since the publisher's first report.
    apart = (audio_at.ntp - video_at.ntp) / 2**32
    video_time = (video_at.rtp_timestamp - 900_000) / 90_000
    audio_time = (audio_at.rtp_timestamp - 480_000) / 48_000 + 0.5 - apart
    assert video_time == pytest.approx(audio_time, abs=0.001)


def test_the_worker_speaks_of_who_is_loud(process: WorkerProcess) -> None:
    audio = audio_spec("a")
    alice = publish(process, "alice", audio)
    alice.send_rtp(rtp.build(111, 1, 0, 500, b"\x78voice", extensions={1: b"\x8f"}))
    assert process.wait(control.AudioLevels).levels == {"alice": 15}
    assert process.wait(control.AudioLevels).levels == {}


def test_a_moved_browser_keeps_its_call(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000))
    alice.send_rtp(rtp.build(96, 1, 0, 1000, keyframe()))
    bob.receive_until(lambda: len(bob.rtp) == 1)
    bob.move()
    bob.stun_replies.clear()
    bob.check()
    bob.receive_until(lambda: bool(bob.stun_replies) and bob.is_proven)
    alice.move()
    alice.send_rtp(rtp.build(96, 2, 3000, 1000, delta_frame(2)))
    assert process.stats().drops["unverifiedAddress"] == 1
    alice.stun_replies.clear()
    alice.check()
    alice.receive_until(lambda: bool(alice.stun_replies))
    alice.send_rtp(rtp.build(96, 3, 6000, 1000, keyframe(3)))
    bob.receive_until(lambda: len(bob.rtp) == 2)
    assert payload(bob.rtp[1])[6:] == keyframe(3)[6:]


def test_a_wrong_fingerprint_fails_the_transport(process: WorkerProcess) -> None:
    browser = Browser(process, "mallory", "publish")
    browser.announce(control.Fingerprint("sha-256", ":".join(["00"] * 32)))
    browser.handshake()
    changed = process.wait(control.TransportChanged, lambda event: event.state != "checked")
    assert (changed.state, changed.reason) == ("failed", "fingerprintMismatch")


def test_the_fingerprint_may_come_after_the_handshake(process: WorkerProcess) -> None:
    browser = Browser(process, "early", "publish")
    browser.handshake()
    browser.announce()
    process.wait(control.TransportChanged, lambda event: event.state == "connected")


def test_close_says_goodbye(process: WorkerProcess) -> None:
    browser = Browser(process, "alice", "publish")
    browser.connect()
    process.send(control.CloseTransport(browser.id))
    browser.receive_until(lambda: browser.dtls.state == "closed")


def test_drain_ends_with_zero_and_goodbyes() -> None:
    with worker() as process:
        open_room(process)
        video = video_spec("v")
        alice = publish(process, "alice", video)
        bob = subscribe(process, "bob", down_spec(video, 7000))
        alice.send_rtp(rtp.build(96, 1, 0, 1000, keyframe()))
        bob.receive_until(lambda: len(bob.rtp) == 1)
        assert process.close() == 0
        bob.receive_until(lambda: bob.dtls.state == "closed")
        packets = [p for data in bob.rtcp for p in rtcp.parse(data)]
        assert any(isinstance(p, rtcp.Bye) and 7000 in p.ssrcs for p in packets)


def test_the_worker_ends_when_signaling_is_gone() -> None:
    process = WorkerProcess()
    process.channel.close()
    assert process.process.wait(DEADLINE) == 0


# Bad input: counted by name, and nobody's call notices.


def test_strangers_are_dropped_by_name(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000))
    stranger = Browser._bind()
    for datagram in (
        b"",
        b"\x80",
        b"\xff" * 30,
        b"\x00" * 1501,
        b"\x00" * 24,
        b"\x16\xfe\xfd" + bytes(40),
        b"\x80\x60" + bytes(40),
        b"\x80\xc8" + bytes(40),
        b"\x00\x01\x00\x0c\x21\x12\xa4\x42" + bytes(20),
    ):
        stranger.sendto(datagram, alice.address)
    alice.send_rtp(rtp.build(96, 1, 0, 1000, keyframe()))
    bob.receive_until(lambda: len(bob.rtp) == 1)
    drops = process.stats().drops
    assert drops["empty"] == 1
    assert drops["rtpMalformed"] == 1
    assert drops["unknownFirstByte"] == 1
    assert drops["oversized"] == 1
    assert drops["stunMalformed"] == 2
    assert drops["unverifiedAddress"] == 3


def test_checks_with_the_wrong_secrets_verify_nothing(process: WorkerProcess) -> None:
    alice = Browser(process, "alice", "publish")
    alice.announce()
    alice.check(password="wrong")
    alice.ufrag, ufrag = "nobody", alice.ufrag
    alice.check()
    alice.ufrag = ufrag
    alice.dtls.start(0.0)
    for datagram in alice.dtls.datagrams_to_send():
        alice.socket.sendto(datagram, alice.address)
    drops = process.stats().drops
    assert drops["stunBadIntegrity"] == 1
    assert drops["stunUnknownUser"] == 1
    assert drops["unverifiedAddress"] == 1
    alice.pump()
    assert not alice.stun_replies


def test_replayed_and_tampered_media_is_dropped(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000))
    wire = alice.send_rtp(rtp.build(96, 1, 0, 1000, keyframe()))
    alice.socket.sendto(wire, alice.address)
    assert alice.outbound is not None
    tampered = bytearray(alice.outbound.protect(rtp.build(96, 2, 0, 1000, delta_frame())) or b"")
    tampered[40] ^= 1
    alice.socket.sendto(tampered, alice.address)
    alice.socket.sendto(b"\x80\xc8" + bytes(60), alice.address)
    alice.send_rtp(rtp.build(96, 3, 0, 1000, keyframe(3)))
    bob.receive_until(lambda: len(bob.rtp) == 2)
    drops = process.stats().drops
    assert drops["srtpReplay"] == 1
    assert drops["srtpAuth"] == 2


def test_absurd_rtp_and_rtcp_is_dropped(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000))
    alice.send_rtp(rtp.build(55, 1, 0, 1000, b"unknown payload type"))
    alice.send_rtp(rtp.build(55, 1, 0, 4242, b"unknown payload type, unknown SSRC"))
    pad = bytearray(rtp.build(96, 2, 0, 1000, b"x\xff"))
    pad[0] |= 0x20
    alice.send_rtp(bytes(pad))
    pad[2:4] = b"\0\3"
    pad[-1] = 0
    alice.send_rtp(bytes(pad))
    for seq, block in enumerate(
        (b"\xbe\xde\x00\x01\xff\xff\xff\xff", b"\x10\x00\x00\x01\x03\xff\0\0"), 9
    ):
        alice.send_rtp(struct.pack("!HHII", 0x9060, seq, 0, 1000) + block + delta_frame())
    alice.send_rtcp(b"\x80\xc8\x00\x01" + bytes(4))
    alice.send_rtcp(b"\x81\xcd\x00\x02" + bytes(8))
    alice.send_rtp(rtp.build(96, 20, 0, 1000, keyframe()))
    bob.receive_until(lambda: len(bob.rtp) >= 1)
    stats = process.stats()
    assert stats.drops["unknownPayloadType"] == 2
    assert stats.drops["rtpMalformed"] == 2
    assert stats.drops["rtcpMalformed"] >= 1
    assert "unexpectedError" not in stats.drops


def test_two_hundred_ssrcs_are_capped(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000))
    for ssrc in range(20_000, 20_200):
        alice.send_rtp(rtp.build(33, 1, 0, ssrc, b"x"))
    alice.send_rtp(rtp.build(96, 1, 0, 1000, keyframe()))
    bob.receive_until(lambda: len(bob.rtp) == 1)
    drops = process.stats().drops
    assert drops["unknownPayloadType"] + drops["tooManySsrcs"] == 200
    assert drops["tooManySsrcs"] >= 160


def test_nack_storms_are_no_amplifier(process: WorkerProcess) -> None:
    video = video_spec("v")
    alice = publish(process, "alice", video)
    bob = subscribe(process, "bob", down_spec(video, 7000))
    for number in range(40):
        body = keyframe() if number == 0 else delta_frame(number)
        alice.send_rtp(rtp.build(96, number, number, 1000, body))
    bob.receive_until(lambda: len(bob.rtp) == 40)
    seqs = [header(packet)[2] for packet in bob.rtp]
    for _ in range(50):
        bob.send_rtcp(rtcp.receiver_report(1) + rtcp.nack(1, 7000, seqs))
    process.stats()
    bob.pump()
    assert len(bob.rtp) <= 40 + 50 + 10
