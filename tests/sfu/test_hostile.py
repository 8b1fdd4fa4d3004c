"""Participants who send what no browser sends, against a real worker: others must not notice."""

from __future__ import annotations

import itertools
import random
import socket
import struct
import time
from collections.abc import Iterator
from functools import partial

import pytest

from sfu import control
from sfu.codecs import red
from sfu.net import stun
from sfu.receive import nack
from sfu.wire import rtcp, rtp, transport_cc
from tests.sfu import peers
from tests.sfu.peers import (
    DOWN_EXTENSIONS,
    Browser,
    WorkerProcess,
    audio_spec,
    delta_frame,
    down_spec,
    keyframe,
    open_room,
    publish,
    video_spec,
    worker,
)

PLAIN = control.Extensions(mid=1)
"""Without transport-wide feedback nothing is paced, and nothing is sent to probe the network."""
RED = 63
LAYERS = (control.StreamSpec(rid="q"), control.StreamSpec(rid="f"))
subscribe = partial(peers.subscribe, extensions=PLAIN)


def ssrc_of(packet: bytes) -> int:
    return int.from_bytes(packet[8:12], "big")


def seq_of(packet: bytes) -> int:
    return int.from_bytes(packet[2:4], "big")


def stamp_of(packet: bytes) -> int:
    return int.from_bytes(packet[4:8], "big")


def body(packet: bytes) -> bytes:
    start = rtp.header_length(packet, 0, len(packet))
    return packet[start : len(packet) - rtp.padding_length(packet, 0, len(packet))]


def media(browser: Browser, ssrc: int) -> list[bytes]:
    """What came under an SSRC."""
    return [packet for packet in browser.rtp if ssrc_of(packet) == ssrc]


def follows(packets: list[bytes]) -> bool:
    """Whether the numbers follow each other without a hole."""
    pairs = itertools.pairwise(map(seq_of, packets))
    return all((after - before) & 0xFFFF == 1 for before, after in pairs)


class Call:
    """Two participants whose call goes on meanwhile."""

    def __init__(self, process: WorkerProcess, name: str, room: str) -> None:
        video, audio = video_spec(f"{name}-v"), audio_spec(f"{name}-a")
        self.talks = publish(process, f"{name}-talks", video, audio, room=room)
        self.hears = subscribe(
            process, f"{name}-hears", down_spec(video, 7000), down_spec(audio, 8000), room=room
        )
        self.sent = 0

    def beat(self) -> None:
        """One frame and one voice packet, which are waited for."""
        number = self.sent
        payload = delta_frame(number & 0x7FFF, 600) if number else keyframe(0, 600)
        self.talks.send_rtp(rtp.build(96, number & 0xFFFF, number * 3000, 1000, payload))
        self.talks.send_rtp(rtp.build(111, number & 0xFFFF, number * 960, 500, b"\x78voice"))
        if not number % 10:
            self.hears.send_rtcp(rtcp.receiver_report(1))
        self.sent = number + 1
        self.hears.receive_until(lambda: len(self.hears.rtp) == 2 * self.sent)

    def assert_whole(self) -> None:
        for ssrc in (7000, 8000):
            packets = media(self.hears, ssrc)
            assert len(packets) == self.sent
            assert follows(packets)


class Scene:
    """A worker with a call in the room of the hostile one, and one in another room."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.calls = [Call(process, "same", "r"), Call(process, "other", "elsewhere")]

    def beat(self) -> None:
        for call in self.calls:
            call.beat()

    def drops(self) -> dict[str, int]:
        """Look at everything: the calls are whole, the worker never stumbled."""
        self.beat()
        for call in self.calls:
            call.assert_whole()
        drops = self.process.stats().drops
        assert "unexpectedError" not in drops
        return drops


@pytest.fixture
def scene() -> Iterator[Scene]:
    with worker() as process:
        open_room(process)
        open_room(process, "elsewhere")
        found = Scene(process)
        found.beat()
        yield found


def send_video(
    browser: Browser, numbers: range, ssrc: int = 1000, size: int = 100, rid: str = ""
) -> None:
    """Frames of one packet, of which the one numbered 0 is a keyframe."""
    extensions = {4: b"1", 10: rid.encode()} if rid else {4: b"1"}
    for number in numbers:
        payload = delta_frame(number & 0x7FFF, size) if number else keyframe(0, size)
        browser.send_rtp(
            rtp.build(96, number & 0xFFFF, number * 3000, ssrc, payload, extensions=extensions)
        )


def requests(browser: Browser, kind: type[rtcp.Packet]) -> list[rtcp.Packet]:
    return [p for data in browser.rtcp for p in rtcp.parse(data) if isinstance(p, kind)]


# What anybody may send.

ROUNDS, IN_ROUND = 10, 40
"""Few enough at a time that no socket buffer is full, which would be no drop of the worker's."""


def rubbish(seed: int) -> Iterator[list[bytes]]:
    """Random datagrams; half of them begin as STUN, DTLS, RTP or RTCP do (RFC 7983)."""
    noise = random.Random(seed)
    for _ in range(ROUNDS):
        made = []
        for _ in range(IN_ROUND):
            data = noise.randbytes(noise.choice((0, 1, 11, 12, 13, 28, 200, 1500, 1501, 4000)))
            if data and noise.random() < 0.5:
                first = noise.choice((b"\0", b"\x16", b"\x80", b"\x90", b"\xbf"))
                data = first + noise.choice((b"\x01", b"\x60", b"\xc8", b"\xcd", b"")) + data[2:]
            made.append(data)
        yield made


def test_random_datagrams_of_strangers_are_all_counted(scene: Scene) -> None:
    known = sum(scene.process.stats().drops.values())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagrams in rubbish(1):
            for datagram in datagrams:
                stranger.sendto(datagram, ("127.0.0.1", scene.process.ready.port))
            scene.beat()
    drops = scene.drops()
    assert sum(drops.values()) - known == ROUNDS * IN_ROUND
    assert {"empty", "oversized", "unknownFirstByte", "unverifiedAddress"} <= drops.keys()


def test_random_datagrams_of_somebody_known_end_nobodys_call(scene: Scene) -> None:
    mallory = publish(scene.process, "mallory", video_spec("m"))
    for datagrams in rubbish(2):
        for datagram in datagrams:
            mallory.socket.sendto(datagram, mallory.address)
        scene.beat()
    drops = scene.drops()
    assert {"srtpAuth", "rtpMalformed", "tooManySsrcs"} & drops.keys()
    # Nor its own: what is not authentic changes nothing.
    receiver = subscribe(scene.process, "late", down_spec(video_spec("m"), 9000))
    send_video(mallory, range(3))
    receiver.receive_until(lambda: len(media(receiver, 9000)) == 3)


# What subscribers say.


def test_feedback_on_what_was_never_sent_changes_nothing(scene: Scene) -> None:
    video = video_spec("v")
    alice = publish(scene.process, "alice", video)
    bob = subscribe(
        scene.process, "bob", down_spec(video, 7000), extensions=DOWN_EXTENSIONS, room="r"
    )
    send_video(alice, range(30))
    bob.receive_until(lambda: len(media(bob, 7000)) == 30)
    lead = rtcp.receiver_report(1)
    for base, reference, arrivals in (
        (20_000, 5, [0] * 200),  # ahead of everything
        (40_000, 5, [None] * 8191),
        (65_530, 5, [4] * 20),  # over the wrap
        (10, 9, [4] * 10),
        (0, 5, [4] * 10),  # the first after the second
        (0, 5, [4] * 10),  # and again
        (20, 0x7FFFFF, [4] * 5),
        (25, -0x800000, [-30_000] * 5),  # the clock wraps, and runs backwards
        (0, 6, [32_767] * 30),
    ):
        bob.send_rtcp(lead + transport_cc.encode(1, 7000, base, reference, 0, arrivals))
        scene.beat()
    cut = transport_cc.encode(1, 7000, 0, 5, 0, [300] * 9)[:-8]
    bob.send_rtcp(lead + cut[:2] + (len(cut) // 4 - 1).to_bytes(2, "big") + cut[4:])
    # The queue of who lies about its path may be flushed: it goes on with a keyframe.
    number = 30
    while len(media(bob, 7000)) < 60:
        alice.send_rtp(rtp.build(96, number, number * 3000, 1000, keyframe(number)))
        number += 1
        bob.pump()
    assert follows(media(bob, 7000))
    assert scene.drops() == {"rtcpMalformed": 1}
    stats = scene.process.stats()
    estimates = {t.transport: t.estimate_bps for t in stats.per_transport}
    assert 0 <= estimates[bob.id] <= 50_000_000


@pytest.mark.parametrize("extensions", [PLAIN, DOWN_EXTENSIONS], ids=["remb", "transport-cc"])
def test_absurd_rembs_are_bounds_and_no_more(scene: Scene, extensions: control.Extensions) -> None:
    video = video_spec("v")
    alice = publish(scene.process, "alice", video)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000), extensions=extensions)
    send_video(alice, range(5))
    bob.receive_until(lambda: len(media(bob, 7000)) == 5)
    highest = struct.pack("!II4sI", 1, 0, b"REMB", 1 << 24 | 63 << 18 | 0x3FFFF)
    endless = struct.pack("!BBH", 0x8F, rtcp.PSFB, 5) + highest + struct.pack("!I", 7000)
    for remb in (rtcp.remb(1, 0, [7000]), rtcp.remb(1, 1 << 63, [7000]), endless):
        bob.send_rtcp(rtcp.receiver_report(1) + remb)
        states = scene.process.wait(
            control.DownTrackStates, lambda e: e.transport == bob.id and e.estimate_bps > 0
        )
        assert states.estimate_bps <= 50_000_000
        scene.beat()
    # What was flushed for lack of room goes on with a keyframe.
    number = 5
    while len(media(bob, 7000)) < 10:
        alice.send_rtp(rtp.build(96, number, number * 3000, 1000, keyframe(number)))
        number += 1
        bob.pump()
    assert follows(media(bob, 7000))
    assert scene.drops() == {}


def test_storms_of_nacks_get_less_than_was_sent(scene: Scene) -> None:
    video, size, count = video_spec("v"), 900, 200
    alice = publish(scene.process, "alice", video)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000))
    for start in range(0, count, 20):
        send_video(alice, range(start, start + 20), size=size)
        bob.receive_until(lambda end=start + 20: len(media(bob, 7000)) == end)  # type: ignore[misc]
    seqs = [seq_of(packet) for packet in media(bob, 7000)]
    never = [(seqs[-1] + ahead) & 0xFFFF for ahead in range(1, 1000)]
    before = [(seqs[0] - back) & 0xFFFF for back in range(1, 1000)]
    for number in range(120):
        for wanted in (seqs, never, before):
            bob.send_rtcp(rtcp.receiver_report(1) + rtcp.nack(1, 7000, wanted))
        if number % 20 == 0:
            scene.beat()
            bob.pump(0)
    scene.drops()
    bob.pump()
    again = media(bob, 7001)
    assert again
    assert len(again) <= nack.BURST + nack.RESENDS_PER_PACKET * count
    assert {body(packet)[:2] for packet in again} <= {packet[2:4] for packet in media(bob, 7000)}
    resent = sum(len(packet) for packet in again)
    assert resent < sum(len(packet) for packet in media(bob, 7000))


def collect(browser: Browser) -> list[bytes]:
    """RTP as it came over the wire, repetitions included, from now on."""
    wire: list[bytes] = []
    take = browser._take

    def keep(datagram: bytes) -> None:
        if 128 <= datagram[0] <= 191 and not rtp.is_rtcp(datagram[1]):
            wire.append(datagram)
        else:
            take(datagram)

    browser._take = keep  # type: ignore[method-assign]
    return wire


def test_voice_is_resent_from_the_first_request_on_and_within_bounds(scene: Scene) -> None:
    audio, count = audio_spec("a"), 100
    alice = publish(scene.process, "alice", audio)
    bob = subscribe(scene.process, "bob", down_spec(audio, 8000))
    wire = collect(bob)

    def send(numbers: range) -> None:
        for number in numbers:
            alice.send_rtp(rtp.build(111, number, number * 960, 500, b"\x78voice"))
        bob.receive_until(lambda: len(set(wire)) == numbers.stop)

    send(range(10))
    early = seq_of(wire[-1])
    bob.send_rtcp(rtcp.receiver_report(1) + rtcp.nack(1, 8000, [early]))
    # Commands and datagrams have no common order, but datagrams have.
    send(range(10, count))
    assert len(wire) == count
    for _ in range(40):
        bob.send_rtcp(
            rtcp.receiver_report(1) + rtcp.nack(1, 8000, [seq_of(p) for p in wire[:count]])
        )
        scene.beat()
        bob.pump(0)
    scene.drops()
    bob.pump()
    again = wire[count:]
    assert again
    assert len(again) <= nack.BURST + nack.RESENDS_PER_PACKET * count
    # The same bytes: another plaintext under the same number would give the key away.
    assert set(again) <= set(wire[10:count])


def test_storms_of_keyframe_requests_reach_the_publisher_thinly(scene: Scene) -> None:
    video = video_spec("v")
    alice = publish(scene.process, "alice", video)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000))
    start = time.monotonic()
    send_video(alice, range(2))
    bob.receive_until(lambda: len(media(bob, 7000)) == 2)
    number = 2
    while len(requests(alice, rtcp.Pli)) < 3:
        for _ in range(30):
            bob.send_rtcp(rtcp.receiver_report(1) + rtcp.pli(1, 7000))
            bob.send_rtcp(rtcp.receiver_report(1) + rtcp.fir(1, [(7000, number), (7001, 0)] * 60))
        send_video(alice, range(number, number + 1))
        number += 1
        alice.pump()
        scene.beat()
    asked = len(requests(alice, rtcp.Pli))
    assert asked <= (time.monotonic() - start) / 0.5 + 1
    assert not requests(alice, rtcp.Fir)
    scene.drops()


def test_storms_of_reports_cost_the_others_nothing(scene: Scene) -> None:
    video = video_spec("v")
    publish(scene.process, "alice", video)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000), extensions=DOWN_EXTENSIONS)
    endless = transport_cc.encode(1, 7000, 0, 5, 0, [None] * 8191)
    for _ in range(60):
        for _ in range(20):
            bob.send_rtcp(rtcp.receiver_report(1) + endless * 20)
        scene.beat()
    assert scene.drops()["rtcpStorm"] > 1000


# What publishers send.


def test_layers_that_vanish_and_come_back(scene: Scene) -> None:
    video = video_spec("v", streams=LAYERS)
    alice = publish(scene.process, "alice", video)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000))
    number = 0
    while not bob.rtp or len(body(bob.rtp[-1])) < 300:
        for ssrc, rid, size in ((31, "q", 100), (33, "f", 300)):
            extensions = {4: b"1", 10: rid.encode()}
            frame = keyframe(number, size)
            alice.send_rtp(rtp.build(96, number, number * 3000, ssrc, frame, extensions=extensions))
        number += 1
        bob.pump()
    last = number

    def asked(ssrc: int) -> bool:
        return any(
            isinstance(p, rtcp.Pli) and p.media_ssrc == ssrc for p in requests(alice, rtcp.Pli)
        )

    while not asked(31):
        send_video(alice, range(number, number + 1), 31, rid="q")
        number += 1
        alice.pump()
        scene.beat()
    bob.pump()
    seen = len(bob.rtp)
    alice.send_rtp(rtp.build(96, number, number * 3000, 31, keyframe(number)))
    bob.receive_until(lambda: len(bob.rtp) == seen + 1)
    send_video(alice, range(last, last + 1), 33, rid="f")
    alice.rtcp.clear()
    alice.receive_until(lambda: asked(33))
    alice.send_rtp(rtp.build(96, last + 1, 3000 * last + 3000, 33, keyframe(9)))
    bob.receive_until(lambda: len(bob.rtp) == seen + 2)
    assert follows(bob.rtp)
    scene.drops()


def test_a_new_ssrc_and_size_go_on_in_the_same_series(scene: Scene) -> None:
    video = video_spec("v", streams=(control.StreamSpec(),))
    alice = publish(scene.process, "alice", video)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000))
    send_video(alice, range(3), 31)
    bob.receive_until(lambda: len(bob.rtp) == 3)
    send_video(alice, range(500, 502), 32)
    larger = bytearray(keyframe(77))
    larger[12:16] = b"\x00\x05\xd0\x02"
    alice.send_rtp(rtp.build(96, 502, 900, 32, bytes(larger), extensions={4: b"1"}))
    bob.receive_until(lambda: len(bob.rtp) == 4)
    assert body(bob.rtp[3])[6:] == bytes(larger[6:])
    # A type and a rid that no offer named.
    alice.send_rtp(rtp.build(98, 503, 0, 32, keyframe(), extensions={4: b"1"}))
    alice.send_rtp(rtp.build(96, 1, 0, 40, keyframe(), extensions={4: b"1", 10: b"z"}))
    alice.send_rtp(rtp.build(96, 504, 1800, 32, keyframe(79), extensions={4: b"1"}))
    bob.receive_until(lambda: len(bob.rtp) == 5)
    drops = scene.drops()
    assert drops == {"unknownPayloadType": 1, "unknownSsrc": 1}
    # What a drop kept back is not waited for once a keyframe is behind it.
    assert follows(bob.rtp)


def test_ssrcs_that_take_turns_are_tired_of(scene: Scene) -> None:
    video = video_spec("v", streams=(control.StreamSpec(),))
    alice = publish(scene.process, "alice", video)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000))
    for number in range(200):
        for ssrc in (31, 32):
            payload = keyframe(number)
            packet = rtp.build(96, number, number * 3000, ssrc, payload, extensions={4: b"1"})
            alice.send_rtp(packet)
        for ssrc in (9_000 + number, 10_000 + number):
            # RTX with a new SSRC each.
            alice.send_rtp(rtp.build(97, 1, 0, ssrc, b"\0\1x", extensions={4: b"1"}))
        if number % 20 == 0:
            scene.beat()
    bob.receive_until(lambda: len(bob.rtp) >= 200)
    assert follows(bob.rtp)
    drops = scene.drops()
    assert drops["unknownSsrc"] + drops["tooManySsrcs"] > 500


def test_redundant_voice_in_every_wrong_form(scene: Scene) -> None:
    audio = audio_spec("a", red_payload_type=RED)
    alice = publish(scene.process, "alice", audio)
    bob = subscribe(scene.process, "bob", down_spec(audio, 8000))

    def voice(number: int) -> bytes:
        return b"\x78voice" + bytes((number,))

    def send(number: int, payload: bytes, payload_type: int = RED) -> None:
        alice.send_rtp(rtp.build(payload_type, number, number * 960, 500, payload))

    def redundant(number: int, blocks: int = 1) -> bytes:
        earlier = [(back * 960, voice(number - back)) for back in range(blocks, 0, -1)]
        return red.wrap(voice(number), earlier, 111)

    send(0, voice(0), 111)
    send(1, redundant(1))
    # 2 is missing, then 6 and 7, then 10 (after a plain one).
    send(3, redundant(3))
    send(4, voice(4), 111)
    send(5, redundant(5))
    send(8, redundant(8, 2))
    send(9, voice(9), 111)
    send(11, redundant(11))
    bob.receive_until(lambda: len(bob.rtp) == 12)
    send(12, redundant(12)[:7])
    send(13, redundant(13))
    bob.receive_until(lambda: len(bob.rtp) == 14)
    whole = redundant(12, 2)
    forms = [whole[:cut] for cut in (1, 3, 4, 8, 9, len(whole) - len(voice(12)))]
    forms += [
        red.wrap(voice(12), [(960, voice(11))], 96),
        b"\xef\xff\xff\xff" * 20,
        b"\xef\0\0\0",
        bytes((111,)),
        bytes((0xEF, 0x0F, 0x03, 0xFF, 111)) + voice(12),
    ]
    for number, wrong in enumerate(forms, 14):
        send(number, wrong)
        scene.beat()
    end = 14 + len(forms)
    send(end, voice(end), 111)
    bob.receive_until(lambda: len(bob.rtp) == 15)
    came = [*range(14), end]
    assert [body(packet) for packet in bob.rtp] == [voice(number) for number in came]
    assert [stamp_of(packet) for packet in bob.rtp] == [number * 960 for number in came]
    first = seq_of(bob.rtp[0])
    assert [(seq_of(packet) - first) & 0xFFFF for packet in bob.rtp] == came
    assert {packet[1] & 0x7F for packet in bob.rtp} == {109}
    assert scene.drops() == {"rtpMalformed": 1 + len(forms)}


def test_sender_reports_of_another_age(scene: Scene) -> None:
    video, audio = video_spec("v"), audio_spec("a")
    alice = publish(scene.process, "alice", video, audio)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000), down_spec(audio, 8000))
    send_video(alice, range(2))
    alice.send_rtp(rtp.build(111, 0, 0, 500, b"\x78voice"))
    bob.receive_until(lambda: len(bob.rtp) == 3)
    for ntp in (1, (1 << 64) - 1, 1 << 63):
        alice.send_rtcp(rtcp.sender_report(1000, ntp, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF))
        alice.send_rtcp(rtcp.sender_report(500, (1 << 64) - ntp, 0, 0, 0))
        bob.rtcp.clear()
        bob.receive_until(lambda: len(requests(bob, rtcp.SenderReport)) >= 2)
        scene.beat()
    for ssrc in range(200):
        bob.send_rtcp(rtcp.receiver_report(ssrc) + rtcp.xr_rrtr(ssrc, 1 << 40))
    lying = rtcp.ReportBlock(7000, 255, -(1 << 23), 0xFFFFFFFF, 0xFFFFFFFF, 1, 0xFFFFFFFF)
    bob.send_rtcp(rtcp.receiver_report(1, [lying] * 31))
    send_video(alice, range(2, 4))
    bob.receive_until(lambda: len(media(bob, 7000)) == 4)
    bob.rtcp.clear()
    bob.receive_until(lambda: bool(requests(bob, rtcp.DelaySinceLastReceiverReport)))
    assert scene.drops() == {}


def test_who_sends_more_than_it_may_is_cut(scene: Scene) -> None:
    # Nothing is announced, or another SSRC would not be listened to.
    video = video_spec("v", max_bitrate_bps=100_000, streams=(control.StreamSpec(),))
    audio = audio_spec("a")
    alice = publish(scene.process, "alice", video, audio)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000), down_spec(audio, 8000))
    number = 0

    def cut() -> int:
        scene.process.poll(0)
        stats = [e for e in scene.process.events if isinstance(e, control.WorkerStats)]
        return stats[-1].drops.get("publishLimit", 0) if stats else 0

    while not cut():
        send_video(alice, range(number, number + 5), size=1000)
        number += 5
        scene.beat()
        bob.pump(0.01)
    # Another SSRC does not help.
    before, number = cut(), 1
    while cut() < before + 20:
        send_video(alice, range(number, number + 5), 2000, size=1000)
        number += 5
        scene.beat()
    alice.send_rtp(rtp.build(111, 0, 0, 500, b"\x78voice"))
    bob.receive_until(lambda: bool(media(bob, 8000)))
    shown, quiet = len(media(bob, 7000)), number
    while len(media(bob, 7000)) == shown:
        alice.send_rtp(rtp.build(96, quiet, quiet * 3000, 2000, keyframe(1), extensions={4: b"1"}))
        quiet += 1
        bob.pump(0.05)
        scene.beat()
    assert follows(media(bob, 7000))
    assert set(scene.drops()) == {"publishLimit"}


# What signaling passes on.


def test_absurd_views_are_taken_as_they_can_be(scene: Scene) -> None:
    video = video_spec("v")
    alice = publish(scene.process, "alice", video)
    bob = subscribe(scene.process, "bob", down_spec(video, 7000))
    send_video(alice, range(1))
    bob.receive_until(lambda: len(bob.rtp) == 1)

    def look(*sizes: tuple[int, int], limit: int = 0) -> None:
        views = [control.TrackView(up_track="v", width=w, height=h) for w, h in sizes]
        scene.process.send(
            control.SetView(transport=bob.id, views=tuple(views), max_bitrate_bps=limit)
        )

    def wait(state: str) -> None:
        scene.process.wait(
            control.DownTrackStates,
            lambda e: e.transport == bob.id and e.tracks[0].state == state,
        )

    number = 1

    def flow() -> None:
        """Until it is shown again; the publisher is asked for a keyframe and sends one."""
        nonlocal number
        seen = len(bob.rtp)
        while len(bob.rtp) == seen:
            alice.send_rtp(rtp.build(96, number, number * 3000, 1000, keyframe(number)))
            number += 1
            # It consents.
            bob.send_rtcp(rtcp.receiver_report(1))
            bob.pump()

    for hidden in ((-1, 100), (100, -(1 << 63)), (0, 0)):
        look(hidden)
        wait("hidden")
        # The last one counts.
        look((640, 360), (2**31, 2**31), (2**63, 1))
        flow()
        wait("flowing")
        scene.beat()
    look((640, 360), limit=-5)
    nobody = control.TrackView(up_track="nobody's", width=1, height=1)
    many = control.SetView(transport=bob.id, views=(nobody,) * 50_000)
    scene.process.send(many, control.SetView(transport="nobody", views=()))
    for _ in range(20):
        for _ in range(100):
            look((320, 180), (640, 360))
        scene.beat()
    flow()
    assert follows(bob.rtp)
    assert scene.drops() == {}


def test_restarts_of_nobody_twice_and_with_old_names(scene: Scene) -> None:
    audio = audio_spec("a")
    alice = publish(scene.process, "alice", audio)
    bob = subscribe(scene.process, "bob", down_spec(audio, 8000))

    def check(ufrag: str, pwd: str) -> None:
        bob.socket.sendto(
            stun.binding_request(
                bytes(12),
                f"{ufrag}:{bob.remote_ufrag}",
                pwd.encode(),
                controlling=1,
                use_candidate=True,
            ),
            bob.address,
        )

    old = (bob.ufrag, bob.pwd)
    scene.process.send(
        control.RestartIce("nobody", "x", "y" * 22),
        control.RestartIce(bob.id, "first", "password-of-the-first"),
        control.RestartIce(bob.id, "second", "password-of-the-second"),
        control.RestartIce(bob.id, "second", "another password of it"),
        control.RestartIce(bob.id, *old),
    )
    # Commands have been taken.
    scene.process.stats()
    replies = len(bob.stun_replies)
    check("first", "password-of-the-first")
    check("second", "password-of-the-first")
    check(*old)
    bob.receive_until(lambda: len(bob.stun_replies) == replies + 1)
    scene.beat()
    bob.move()
    bob.remote_ufrag = "anew"
    bob.announce()
    scene.process.settle()
    check("second", "password-of-the-second")
    bob.receive_until(lambda: len(bob.stun_replies) == replies + 2 and bob.is_proven)
    check(*old)
    alice.send_rtp(rtp.build(111, 1, 960, 500, b"\x78voice"))
    bob.receive_until(lambda: len(bob.rtp) == 1)
    assert scene.drops() == {"stunUnknownUser": 2, "stunBadIntegrity": 1}


def test_an_ssrc_is_never_begun_anew(scene: Scene) -> None:
    video = video_spec("v")
    alice = publish(scene.process, "alice", video)
    first = down_spec(video, 7000)
    bob = subscribe(scene.process, "bob", first)
    send_video(alice, range(1))
    bob.receive_until(lambda: len(bob.rtp) == 1)
    # The same once more, one whose RTX was another's media, and one that is new.
    again = (first, down_spec(video, 7100, rtx_ssrc=7000), down_spec(video, 7200))
    for tracks in ((), again):
        scene.process.send(control.SetDownTracks(bob.id, PLAIN, tracks))
    bob.receive_until(lambda: len(bob.rtp) == 2)
    send_video(alice, range(1, 5))
    bob.receive_until(lambda: len(media(bob, 7200)) == 5)
    changed = down_spec(video, 7200, payload_type=99)
    scene.process.send(control.SetDownTracks(bob.id, PLAIN, (changed, down_spec(video, 7300))))
    bob.receive_until(lambda: len(media(bob, 7300)) == 5)
    send_video(alice, range(5, 6))
    bob.receive_until(lambda: len(media(bob, 7300)) == 6)
    assert [len(media(bob, ssrc)) for ssrc in (7000, 7100, 7200)] == [1, 0, 5]
    assert scene.drops() == {}
