"""Attacks that once worked, against a real worker, in their short form: others notice nothing."""

from __future__ import annotations

import os
import socket

from sfu import control
from sfu.net import path, stun
from sfu.net.sources import MAX_KNOWN
from sfu.net.webrtc_transport import MAX_CONNECTIONS
from sfu.room.endpoint import CHECK_BURST, DTLS_BURST, PACKET_RATE
from sfu.wire import rtcp, rtp
from tests.sfu.peers import (
    EXTENSIONS,
    Browser,
    audio_spec,
    down_spec,
    keyframe,
    publish,
    video_spec,
)
from tests.sfu.test_hostile import Scene, media, scene, send_video, subscribe
from tests.sfu.test_tcp import TcpBrowser

__all__ = ["scene"]

# SSRCs without end.


def test_reports_under_ever_new_ssrcs_leave_no_state_behind(scene: Scene) -> None:
    video = video_spec("v")
    for mallory in (
        publish(scene.process, "mallory", video),
        subscribe(scene.process, "mallory", down_spec(video, 7000)),
    ):
        before = scene.drops().get("tooManySsrcs", 0)
        for ssrc in range(1_000_000, 1_000_000 + 4 * MAX_KNOWN):
            mallory.send_rtcp(rtcp.receiver_report(ssrc))
            if not ssrc % 40:
                scene.beat()
        assert scene.drops()["tooManySsrcs"] - before == 3 * MAX_KNOWN
        # Those that were let in are still heard.
        mallory.send_rtcp(rtcp.receiver_report(1_000_000))
        assert scene.drops()["tooManySsrcs"] - before == 3 * MAX_KNOWN


def test_media_of_a_track_that_was_taken_away_cannot_be_replayed(scene: Scene) -> None:
    first, other = video_spec("v"), audio_spec("a")
    alice = publish(scene.process, "alice", first, other)
    bob = subscribe(scene.process, "bob", down_spec(first, 7000))
    send_video(alice, range(3))
    bob.receive_until(lambda: len(media(bob, 7000)) == 3)
    wire = [
        alice.send_rtp(rtp.build(96, number, number * 3000, 1000, keyframe(number)))
        for number in range(3, 6)
    ]
    bob.receive_until(lambda: len(media(bob, 7000)) == 6)
    scene.process.send(control.SetUpTracks(alice.id, EXTENSIONS, (other,)))
    # The same line carries something else now, under an SSRC that is to be learned.
    again = video_spec("w", streams=(control.StreamSpec(),))
    scene.process.send(control.SetUpTracks(alice.id, EXTENSIONS, (other, again)))
    scene.process.settle()
    scene.process.stats()
    for datagram in wire:
        alice.socket.sendto(datagram, alice.address)
    assert scene.drops() == {"srtpReplay": 3}
    # Who uses the SSRC again goes on where it was (Firefox does so).
    carol = subscribe(scene.process, "carol", down_spec(again, 9000))
    for number in range(7, 10):
        alice.send_rtp(
            rtp.build(96, number, number * 3000, 1000, keyframe(number), extensions={4: b"1"})
        )
    carol.receive_until(lambda: len(media(carol, 9000)) == 3)
    assert scene.drops() == {"srtpReplay": 3}


# Addresses of others.


def forge(attacker: Browser, source: socket.socket) -> bytes:
    """A check of the attacker's that seems to come from somebody else's address."""
    request = stun.binding_request(
        os.urandom(12),
        f"{attacker.ufrag}:{attacker.remote_ufrag}",
        attacker.pwd.encode(),
        controlling=1,
        use_candidate=True,
    )
    source.sendto(request, attacker.address)
    return request


def test_a_forged_source_takes_nobodys_address(scene: Scene) -> None:
    audio = audio_spec("a")
    alice = publish(scene.process, "alice", audio)
    bob = subscribe(scene.process, "bob", down_spec(audio, 8000))
    mallory = subscribe(scene.process, "mallory", down_spec(audio, 9000))
    for number in range(60):
        forge(mallory, bob.socket)
        forge(mallory, alice.socket)
        alice.send_rtp(rtp.build(111, number, number * 960, 500, b"\x78voice"))
        bob.receive_until(lambda count=number + 1: len(bob.rtp) == count)  # type: ignore[misc]
        bob.send_rtcp(rtcp.receiver_report(1))
        if not number % 10:
            scene.beat()
    mallory.receive_until(lambda: len(mallory.rtp) == 60)
    assert {ssrc for packet in bob.rtp for ssrc in [packet[8:12]]} == {(8000).to_bytes(4, "big")}
    drops = scene.drops()
    assert drops.keys() <= {"addressTaken", "stunStorm"}
    assert sum(drops.values()) == 120


def test_who_is_really_there_gets_an_address_that_another_had(scene: Scene) -> None:
    """A network that gives one's address to somebody else, as those behind NAT do."""
    audio = audio_spec("a")
    alice = publish(scene.process, "alice", audio)
    bob = subscribe(scene.process, "bob", down_spec(audio, 8000))
    carol = subscribe(scene.process, "carol", down_spec(audio, 9000))
    carol.socket.close()
    carol.socket, carol.is_proven = bob.socket.dup(), False
    carol.check()
    carol.receive_until(lambda: carol.is_proven)
    alice.send_rtp(rtp.build(111, 1, 960, 500, b"\x78voice"))
    carol.receive_until(lambda: len(carol.rtp) == 1)
    bob.move()
    bob.check()
    bob.receive_until(lambda: bob.is_proven)
    alice.send_rtp(rtp.build(111, 2, 1920, 500, b"\x78again"))
    bob.receive_until(lambda: len(bob.rtp) >= 1)
    carol.receive_until(lambda: len(carol.rtp) == 2)
    # What was for Bob while he was nowhere.
    assert scene.drops() == {"addressTaken": 1, "noConsent": 1}


def test_one_who_never_answered_gets_next_to_nothing(scene: Scene) -> None:
    audio = audio_spec("a")
    alice = publish(scene.process, "alice", audio)
    mallory = subscribe(scene.process, "mallory", down_spec(audio, 9000))
    came = sent = number = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        victim.setblocking(False)
        for _ in range(12):
            sent += len(forge(mallory, victim))
            for _ in range(20):
                alice.send_rtp(rtp.build(111, number, number * 960, 500, b"\x78" + bytes(200)))
                number += 1
            # Where it is, it gets all the same.
            mallory.receive_until(lambda count=number: len(mallory.rtp) == count)  # type: ignore[misc]
            mallory.send_rtcp(rtcp.receiver_report(1))
            scene.beat()
            while True:
                try:
                    came += len(victim.recv(2048))
                except BlockingIOError:
                    break
    assert 0 < came <= path.FACTOR * sent
    assert scene.drops() == {}


# More than anybody sends.


def test_a_voice_of_twenty_megabits_is_none(scene: Scene) -> None:
    audio = audio_spec("a")
    mallory = publish(scene.process, "mallory", audio)
    bob = subscribe(scene.process, "bob", down_spec(audio, 8000))
    number = 0
    while not scene.process.stats().drops.get("publishLimit"):
        for _ in range(100):
            mallory.send_rtp(rtp.build(111, number, number * 960, 500, b"\x78" + bytes(1200)))
            number += 1
        scene.beat()
        bob.pump(0)
    assert sum(len(packet) for packet in media(bob, 8000)) < number * 1200
    assert set(scene.drops()) == {"publishLimit"}


def test_a_flood_of_packets_is_dropped_unread(scene: Scene) -> None:
    mallory = publish(scene.process, "mallory", video_spec("v"))
    wire = mallory.send_rtp(rtp.build(96, 1, 0, 1000, keyframe()))
    sent = 0
    while not scene.process.stats().drops.get("packetStorm"):
        for _ in range(PACKET_RATE // 40):
            # One that was sent before takes as long to be found out as any.
            for _ in range(40):
                mallory.socket.sendto(wire, mallory.address)
            sent += 40
            scene.beat()
        assert sent < 40 * PACKET_RATE
    drops = scene.drops()
    assert set(drops) == {"packetStorm", "srtpReplay"}


def test_floods_of_checks_and_of_handshakes_are_dropped_unread(scene: Scene) -> None:
    audio = audio_spec("a")
    mallory = publish(scene.process, "mallory", audio)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        for _ in range(20):
            for _ in range(CHECK_BURST // 2):
                forge(mallory, elsewhere)
                mallory.socket.sendto(b"\x16\xfe\xfd" + bytes(40), mallory.address)
            scene.beat()
    drops = scene.drops()
    assert drops["stunStorm"] > 0
    assert 0 < drops["dtlsStorm"] <= 20 * CHECK_BURST // 2 - DTLS_BURST
    # Its own checks are answered all the same.
    mallory.stun_replies.clear()
    mallory.check()
    mallory.receive_until(lambda: bool(mallory.stun_replies))
    bob = subscribe(scene.process, "bob", down_spec(audio, 8000))
    mallory.send_rtp(rtp.build(111, 1, 960, 500, b"\x78voice"))
    bob.receive_until(lambda: len(bob.rtp) == 1)


def test_nobody_holds_more_than_two_connections(scene: Scene) -> None:
    audio = audio_spec("a")
    alice = publish(scene.process, "alice", audio)
    mallory = TcpBrowser(scene.process, "mallory", "subscribe")
    scene.process.send(control.SetDownTracks(mallory.id, EXTENSIONS, (down_spec(audio, 8000),)))
    mallory.connect()
    held = [mallory.socket]
    for _ in range(20):
        replies = len(mallory.stun_replies)
        mallory.redial()
        held.append(mallory.socket)
        mallory.check()
        mallory.receive_until(lambda count=replies: len(mallory.stun_replies) > count)  # type: ignore[misc]
        scene.beat()
    for connection in held[:-MAX_CONNECTIONS]:
        while connection.recv(4096):
            pass
    # The last one is in use.
    alice.send_rtp(rtp.build(111, 1, 960, 500, b"\x78voice"))
    mallory.receive_until(lambda: len(mallory.rtp) == 1)
    assert scene.drops() == {}
