"""The far end of a subscribe transport in simulated time: what a browser makes of it.

Frames are put together and played as libwebrtc does (modules/video_coding/
rtp_vp8_ref_finder.cc): a frame with temporal layers needs the frames it may refer to, and none of
unknown content in between; one without needs all before it. What is missing is asked for.
"""

from __future__ import annotations

from bisect import insort
from itertools import pairwise
from typing import Final

from sfu.codecs import vp8
from sfu.control import DownTrackSpec
from sfu.receive.nack import NackGenerator
from sfu.wire import rtcp, rtp
from tests.sfu.room_sources import TRUTH, Truth

PLAYOUT: Final = 0.1
"""Seconds from the fastest arrival to playing."""
PATIENCE, KEYFRAME_PATIENCE = 3.0, 0.2
"""Seconds without a frame before a keyframe is asked for, going on and at the start."""


def body(packet: bytes) -> bytes:
    """Payload without padding."""
    start = rtp.header_length(packet, 0, len(packet))
    return packet[start : len(packet) - rtp.padding_length(packet, 0, len(packet))]


class Continuity:
    """Asserts, on what leaves, that one down track is one unbroken series."""

    def __init__(self) -> None:
        self.highest = -1
        self.picture_id = self.tl0 = -1
        self.truth: Truth | None = None

    def packet(self, seq: int, payload: bytes, lossless: bool) -> None:
        """A packet under its media SSRC; `lossless`: the publisher's uplink loses nothing."""
        if self.highest >= 0:
            step = rtp.seq_diff(seq, self.highest & 0xFFFF)
            if step <= 0:
                return
            assert step == 1 or not lossless, f"{step - 1} numbers left out"
        self.highest = seq
        found = vp8.parse(payload)
        truth = Truth(*TRUTH.unpack(payload[-TRUTH.size :]))
        assert found is not None
        key = vp8.is_keyframe(payload)
        if self.truth is not None and lossless:
            self._follows(found, truth, key)
        self.picture_id, self.tl0, self.truth = found.picture_id, found.tl0picidx, truth

    def _follows(self, found: vp8.Descriptor, truth: Truth, key: bool) -> None:
        before = self.truth
        assert before is not None
        if truth == before._replace(part=before.part + 1):
            assert (found.picture_id, found.tl0picidx) == (self.picture_id, self.tl0)
            return
        assert truth.part == 0, "a frame without its beginning"
        step = found.picture_id - self.picture_id & 0x7FFF
        if key:
            # What waited may have been flushed, a frame's beginning sent or not; and after a
            # pause of the same stream its numbers may just go on.
            same = truth.layer == before.layer
            assert 0 < step < (vp8.LONGEST_JUMP if same else 3), "frames out of order"
            return
        assert step == 1
        assert truth.layer == before.layer
        assert before.part == before.parts - 1, "half a frame"
        assert truth.frame > before.frame
        if found.tid >= 0 and self.tl0 >= 0:
            assert found.tl0picidx - self.tl0 & 0xFF == (found.tid == 0)


class Frame:
    """One frame that is being received."""

    def __init__(self, truth: Truth, found: vp8.Descriptor, key: bool, at: float) -> None:
        self.truth, self.key = truth, key
        self.tid, self.sync, self.tl0 = found.tid, found.y, found.tl0picidx
        self.parts: set[int] = set()
        self.first_at = at
        self.complete_at = -1.0


class Video:
    """One video track as it is seen."""

    def __init__(self, spec: DownTrackSpec) -> None:
        self.spec = spec
        self.nack = NackGenerator()
        self.sent = Continuity()
        self.played: list[tuple[float, int]] = []
        """When each frame was shown, and its layer."""
        self.captured: list[float] = []
        """When each of those was."""
        self.octets: list[tuple[float, int]] = []
        self.asked_for_keyframe: list[float] = []
        self.asked_for: list[float] = []
        """When each number was asked for, as often as it was."""
        self._highest = self._expected_before = -1
        self._received = 0
        self._frames: dict[int, Frame] = {}
        # The newest VP8 picture id, not wrapped.
        self._newest_id = -1
        self._shown = -1
        # By temporal layer: the newest frame shown.
        self._last: dict[int, int] = {}
        # Frames that are whole, shown or not.
        self._complete: set[int] = set()
        self._base_tl0 = 0
        # Of the frame shown last.
        self._layer = self._frame = -1
        self._key_wanted = True
        self._since = -1.0
        self._fastest = float("inf")

    def packet(self, seq: int, payload: bytes, at: float, resent: bool = False) -> None:
        """A packet arrived, by its own or as a resend."""
        if self._highest < 0:
            self._highest = self._expected_before = seq = seq + 0x10000
        else:
            seq = self._highest + rtp.seq_diff(seq, self._highest & 0xFFFF)
            self._highest = max(self._highest, seq)
        self._received += not resent
        self.nack.packet(seq, at)
        found = vp8.parse(payload)
        assert found is not None
        if self._since < 0:
            self._since = at
        if self._newest_id < 0:
            self._newest_id = found.picture_id + 0x8000
        step = (found.picture_id - self._newest_id + 0x4000 & 0x7FFF) - 0x4000
        number = self._newest_id + step
        self._newest_id = max(self._newest_id, number)
        if number <= self._shown:
            return
        truth = Truth(*TRUTH.unpack(payload[-TRUTH.size :]))
        frame = self._frames.get(number)
        if frame is None or (frame.truth.layer, frame.truth.frame) != (truth.layer, truth.frame):
            frame = self._frames[number] = Frame(truth, found, False, at)
        if found.start and vp8.is_keyframe(payload):
            frame.key = True
            self.nack.keyframe(seq)
        frame.parts.add(truth.part)
        if len(frame.parts) == truth.parts and frame.complete_at < 0:
            frame.complete_at = at
            self._complete.add(number)
            if len(self._complete) > 256:
                self._complete = {n for n in self._complete if n > number - 128}
            self._fastest = min(self._fastest, at - truth.captured)

    def take_loss(self) -> int:
        """Of the media since the last call, in 1/256."""
        expected = self._highest - self._expected_before
        received = self._received
        self._expected_before, self._received = self._highest, 0
        if expected <= 0 or received >= expected:
            return 0
        return int((expected - received) * 256 / expected) & 0xFF

    def play(self, now: float) -> None:
        """Show what is due."""
        while True:
            waiting = [n for n in sorted(self._frames) if self._frames[n].complete_at >= 0]
            number = next((n for n in waiting if self._can_show(n)), -1)
            if number < 0:
                break
            frame = self._frames[number]
            in_line = number == self._shown + 1
            if not in_line and now < frame.truth.captured + self._fastest + PLAYOUT:
                break
            self._show(number, frame, now)
        if len(self._frames) > 400:
            for number in sorted(self._frames)[:200]:
                del self._frames[number]

    def _can_show(self, number: int) -> bool:
        frame = self._frames[number]
        if frame.key:
            return True
        if self._key_wanted:
            return False
        if frame.tid < 0:
            return number == self._shown + 1
        if frame.tid == 0:
            return self._base(frame, 1)
        if not self._base(frame, 0):
            return False
        if frame.sync:
            return True
        # A frame between it and those it may refer to is of unknown content.
        oldest = min(self._last.get(tid, -1) for tid in range(1, frame.tid + 1))
        return oldest >= 0 and all(n in self._complete for n in range(oldest + 1, number))

    def _base(self, frame: Frame, ahead: int) -> bool:
        return frame.tl0 - self._base_tl0 & 0xFF == ahead

    def _show(self, number: int, frame: Frame, now: float) -> None:
        if frame.key:
            self._last = dict.fromkeys(range(3), number)
            self._key_wanted = False
        else:
            assert frame.truth.layer == self._layer, "a layer without its keyframe"
            assert frame.truth.frame > self._frame
        if frame.tid >= 0:
            self._last[frame.tid] = number
        if frame.tid <= 0:
            self._base_tl0 = frame.tl0
        self._layer, self._frame = frame.truth.layer, frame.truth.frame
        self._shown = number
        self.played.append((now, frame.truth.layer))
        self.captured.append(frame.truth.captured)
        for old in [n for n in self._frames if n <= number]:
            del self._frames[old]

    def requests(self, now: float, rtt: float) -> list[bytes]:
        """RTCP to be sent now."""
        found = []
        missing = self.nack.due(now, rtt)
        self.asked_for += [now] * len(missing)
        if missing:
            found.append(rtcp.nack(1, self.spec.ssrc, missing))
        last = self.played[-1][0] if self.played else self._since
        patience = PATIENCE if self.played else KEYFRAME_PATIENCE
        waits = self._since >= 0 and now - last > patience and bool(self._frames)
        asked = self.asked_for_keyframe[-1] if self.asked_for_keyframe else -1.0
        if (waits or self.nack.keyframe_needed) and now - asked > 1.0:
            self.nack.keyframe_needed = False
            self.asked_for_keyframe.append(now)
            found.append(rtcp.pli(1, self.spec.ssrc))
        return found

    # What a test asks.

    def fps(self, start: float, end: float) -> float:
        return sum(start <= at < end for at, _ in self.played) / (end - start)

    def longest_gap(self, start: float, end: float) -> float:
        times = [start, *(at for at, _ in self.played if start <= at < end), end]
        return max(b - a for a, b in pairwise(times))

    def frozen(self, start: float, end: float, buffered: float = 0.95) -> float:
        """Seconds a minute of pauses that a browser counts as freezes (libwebrtc: a pause longer
        than three mean intervals, and than one by 150 ms).

        A browser buffers: it shows a frame when this share of the frames so far would have come.
        """
        delays: list[float] = []
        shown: list[float] = []
        for (at, _), captured in zip(self.played, self.captured, strict=True):
            insort(delays, at - captured)
            target = delays[int(buffered * (len(delays) - 1))]
            if start <= at < end:
                shown.append(max(at, captured + target))
        pauses = [b - a for a, b in pairwise(shown)]
        mean = sum(pauses) / max(1, len(pauses))
        limit = max(3 * mean, mean + 0.15)
        return sum(p for p in pauses if p > limit) * 60 / (end - start)

    def layers(self, start: float, end: float) -> list[int]:
        return [layer for at, layer in self.played if start <= at < end]

    def switches(self, start: float, end: float) -> int:
        layers = self.layers(start, end)
        return sum(a != b for a, b in pairwise(layers))

    def bps(self, start: float, end: float) -> float:
        return sum(size for at, size in self.octets if start <= at < end) * 8 / (end - start)


class Sound:
    """One voice as it is heard."""

    def __init__(self, spec: DownTrackSpec) -> None:
        self.spec = spec
        self.heard: list[tuple[float, float, int]] = []
        """Arrival, delay since capture, frame."""
        self._highest = self._before = -1
        self._received = 0

    def number(self, seq: int) -> None:
        """A packet of this number arrived, for the first time."""
        if self._highest < 0:
            self._highest = self._before = seq
        self._highest += max(0, rtp.seq_diff(seq, self._highest & 0xFFFF))
        self._received += 1

    def take_loss(self) -> int:
        """Since the last call, in 1/256."""
        expected, received = self._highest - self._before, self._received
        self._before, self._received = self._highest, 0
        return max(0, expected - received) * 256 // expected if expected > 0 else 0

    def packet(self, payload: bytes, at: float) -> None:
        truth = Truth(*TRUTH.unpack(payload[-TRUTH.size :]))
        self.heard.append((at, at - truth.captured, truth.frame))

    def loss(self, start: float, end: float) -> float:
        """Share of the frames captured then that never came."""
        frames = sorted({f for at, delay, f in self.heard if start <= at - delay < end})
        if not frames:
            return 1.0
        return 1 - len(frames) / round((end - start) * 50)

    def longest_delay(self, start: float, end: float) -> float:
        return max((delay for at, delay, _ in self.heard if start <= at < end), default=0.0)
