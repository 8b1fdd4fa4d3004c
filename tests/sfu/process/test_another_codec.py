"""A codec with neither descriptor nor frame numbers nor temporal layers, through a whole worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sfu import control
from sfu.wire import rtcp, rtp
from tests.sfu import h264
from tests.sfu.peers import (
    EXTENSIONS,
    Browser,
    WorkerProcess,
    down_spec,
    keyframe,
    open_room,
    publish,
    subscribe,
    video_spec,
    worker,
)
from tests.sfu.process.test_worker import header, payload

LOW, HIGH, LOW_RTX, HIGH_RTX = 31, 33, 32, 34
LAYERS = (
    control.StreamSpec(rid="q", ssrc=LOW, rtx_ssrc=LOW_RTX),
    control.StreamSpec(rid="f", ssrc=HIGH, rtx_ssrc=HIGH_RTX),
)
CAMERA = video_spec("v", codec="H264", payload_type=102, rtx_payload_type=103, streams=LAYERS)
FRAME = 3000
"""Timestamp units."""


@pytest.fixture
def process() -> Iterator[WorkerProcess]:
    with worker(module="tests.sfu.h264") as running:
        open_room(running)
        yield running


class Camera:
    """A publisher of two layers, each with its own numbers."""

    def __init__(self, process: WorkerProcess) -> None:
        self.browser = publish(process, "alice", CAMERA)
        self.seq = {LOW: 100, HIGH: 65533}
        self.timestamp = {LOW: 1000, HIGH: 500_000}

    def _packet(self, ssrc: int, body: bytes, marker: bool) -> bytes:
        self.seq[ssrc] += 1
        return rtp.build(
            102, self.seq[ssrc] & 0xFFFF, self.timestamp[ssrc], ssrc, body, marker=marker
        )

    def frame(self, ssrc: int, *bodies: bytes, lost: int = -1) -> list[bytes]:
        """Send a frame of these packets, without the one at place `lost`; its payloads."""
        self.timestamp[ssrc] += FRAME
        for place, body in enumerate(bodies):
            packet = self._packet(ssrc, body, place == len(bodies) - 1)
            if place != lost:
                self.browser.send_rtp(packet)
        return list(bodies)

    def keyframe(self, ssrc: int, number: int) -> list[bytes]:
        return self.frame(ssrc, *h264.PARAMETERS, h264.fragment(number))

    def asked(self, kind: type[rtcp.Packet] = rtcp.Pli) -> set[int]:
        """SSRCs of which keyframes were asked for, or packets."""
        found = [packet for data in self.browser.rtcp for packet in rtcp.parse(data)]
        return {p.media_ssrc for p in found if isinstance(p, kind)}  # type: ignore[attr-defined]


def came(viewer: Browser, count: int) -> list[bytes]:
    """Payloads of the first `count` packets, when they are there."""
    viewer.receive_until(lambda: len(viewer.rtp) >= count)
    return [payload(packet) for packet in viewer.rtp]


def test_keyframe_requests_layers_and_resends_need_no_more_than_the_codecs_entry(
    process: WorkerProcess,
) -> None:
    camera = Camera(process)
    receiver = down_spec(CAMERA, 7000, payload_type=108, rtx_payload_type=109)
    # Without transport-wide numbers nothing is sent beyond the media, to probe.
    bob = subscribe(process, "bob", receiver, extensions=control.Extensions())

    # Nothing can be shown before a keyframe, which is asked for.
    camera.frame(LOW, h264.slice_of(1))
    camera.browser.receive_until(lambda: LOW in camera.asked())
    sent = camera.keyframe(LOW, 2) + camera.frame(LOW, h264.slice_of(4))
    assert came(bob, 4) == sent

    # A better layer arrives: it is asked for a keyframe and switched to just there, and what the
    # lower one sends no longer flows.
    camera.frame(HIGH, h264.slice_of(9))
    camera.browser.receive_until(lambda: HIGH in camera.asked())
    sent += camera.keyframe(HIGH, 10)
    assert came(bob, 7) == sent
    camera.frame(LOW, h264.slice_of(5))
    sent += camera.frame(HIGH, h264.slice_of(12))
    assert came(bob, 8) == sent

    # One series of numbers under the receiver's own types, and timestamps that go forward.
    first = header(bob.rtp[0])
    assert [header(packet)[0] for packet in bob.rtp] == [108] * 8
    assert [header(packet)[2] - first[2] for packet in bob.rtp] == list(range(8))
    assert [header(packet)[4] for packet in bob.rtp] == [7000] * 8
    steps = [(header(packet)[3] - first[3]) & 0xFFFFFFFF for packet in bob.rtp]
    assert steps[:4] == [0, 0, 0, FRAME]
    assert FRAME < steps[4] == steps[5] == steps[6] == steps[7] - FRAME

    # A resend of either layer is the packet as it was, its number before it (RFC 4588 section 4).
    lost = [header(bob.rtp[place])[2] for place in (1, 5)]
    bob.send_rtcp(rtcp.receiver_report(1) + rtcp.nack(1, 7000, lost))
    again = came(bob, 10)[8:]
    assert again == [
        number.to_bytes(2, "big") + sent[place] for number, place in zip(lost, (1, 5), strict=True)
    ]
    assert [(header(p)[0], header(p)[4]) for p in bob.rtp[8:]] == [(109, 7001)] * 2


def test_a_gap_is_asked_for_and_what_follows_waits_for_the_resend(process: WorkerProcess) -> None:
    camera = Camera(process)
    bob = subscribe(process, "bob", down_spec(CAMERA, 7000), extensions=control.Extensions())
    sent = camera.keyframe(LOW, 1)
    assert came(bob, 3) == sent
    # Of a frame of one packet nothing comes. Without frame numbers no gap is taken for padding.
    missing = camera.frame(LOW, h264.slice_of(3), lost=0)
    behind = camera.frame(LOW, h264.slice_of(4))
    camera.browser.receive_until(lambda: LOW in camera.asked(rtcp.Nack))
    assert len(bob.rtp) == 3
    number = camera.seq[LOW] - 1
    resend = number.to_bytes(2, "big") + missing[0]
    stamp = camera.timestamp[LOW] - FRAME
    camera.browser.send_rtp(rtp.build(103, 1, stamp, LOW_RTX, resend, marker=True))
    assert came(bob, 5) == sent + missing + behind
    first = header(bob.rtp[0])[2]
    assert [header(packet)[2] - first for packet in bob.rtp] == list(range(5))


def test_a_track_that_comes_back_with_another_codec_flows_to_who_was_offered_that(
    process: WorkerProcess,
) -> None:
    camera = Camera(process)
    bob = subscribe(process, "bob", down_spec(CAMERA, 7000), extensions=control.Extensions())
    sent = camera.keyframe(LOW, 1)
    assert came(bob, 3) == sent
    again = video_spec("v", payload_type=96, streams=(control.StreamSpec(ssrc=41),))
    process.send(control.SetUpTracks(camera.browser.id, EXTENSIONS, (again,)))
    process.settle()
    camera.browser.send_rtp(rtp.build(96, 1, 0, 41, keyframe(5), marker=True))
    # Whoever comes is shown the keyframe at once, so the worker has it by then.
    carol = subscribe(process, "carol", down_spec(again, 9000), extensions=control.Extensions())
    assert came(carol, 1) == [keyframe(5)]
    bob.pump()
    assert len(bob.rtp) == 3
    process.send(control.SetDownTracks(bob.id, control.Extensions(), (down_spec(again, 7100),)))
    assert came(bob, 4)[3] == keyframe(5)
    assert header(bob.rtp[3])[4] == 7100
