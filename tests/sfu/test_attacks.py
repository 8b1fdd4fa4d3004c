"""Attacks that once worked, against a real worker, in their short form: others notice nothing."""

from __future__ import annotations

from sfu import control, rtcp, rtp
from sfu.net.sources import MAX_KNOWN
from tests.sfu.peers import audio_spec, down_spec, keyframe, video_spec
from tests.sfu.test_hostile import EXTENSIONS, Scene, media, publish, scene, send_video, subscribe

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
