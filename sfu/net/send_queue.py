"""What waits for a TCP peer that reads slower than we send: bounded, and honest about what matters.

Theory of operation. Three lanes: control (STUN, DTLS, RTCP), audio, video. What is written next
is a *chunk* of whole frames, taken from the lanes in this order, so that a voice never waits
behind more than one chunk of video; a chunk that was begun is always finished, so the peer
never sees half a packet. A packet that comes when video waits too long or too much is dropped
with its frame to the end: all that follows of its SSRC and timestamp. (The marker bit would
do the same, but resends have the frame's timestamp too, RFC 4588, and a marker may be lost before
it gets here.) What waits of that frame stays: the receiver asks for the rest, so that even a
keyframe larger than the lane comes through. Audio is dropped only when its own lane is full.
What the network held up for so long that nobody can use it any more is dropped where it waits.

Sans-I/O: `now` is in monotonic seconds; the owner writes `chunk` and reports by `sent`.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from sfu.net.framing import frame

CHUNK: Final = 16 * 1024
"""Bytes handed to the kernel at a time; the last packet may go past it."""
CONTROL_BYTES: Final = 32 * 1024
AUDIO_BYTES: Final = 64 * 1024
VIDEO_BYTES: Final = 192 * 1024
"""What may wait in each lane; video: a large keyframe must fit."""
VIDEO_WAIT: Final = 0.6
"""Seconds that video may have waited when another frame is let in."""
STALE: Final = 2.0
"""Seconds after which media that still waits is of no use; a jitter buffer ends well before."""

_Waiting = tuple[float, bytes]
"""Since when, and the frame: length, packet."""


class SendQueue:
    """Frames of one connection that wait for the kernel."""

    __slots__ = (
        "_audio",
        "_audio_size",
        "_chunk",
        "_control",
        "_control_size",
        "_oldest",
        "_refused",
        "_stale",
        "_video",
        "_video_size",
        "dropped",
    )

    def __init__(self) -> None:
        self._control: deque[bytes] = deque()
        self._audio: deque[_Waiting] = deque()
        self._video: deque[_Waiting] = deque()
        self._control_size = self._audio_size = self._video_size = 0
        self._chunk = b""
        self._oldest = 0.0
        # Since when the first media packet of the chunk has waited.
        self._refused: dict[bytes, bytes] = {}
        """Timestamp of the frame whose rest is not let in, by SSRC; empty when nothing waits."""
        self._stale: dict[bytes, bytes] = {}
        """The same of the frame whose beginning was too old to be sent."""
        self.dropped = 0
        """Packets, since the owner last took the count."""

    def __bool__(self) -> bool:
        return bool(self._chunk or self._control or self._audio or self._video)

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return len(self._chunk) + self._control_size + self._audio_size + self._video_size

    def waited(self, now: float) -> float:
        """Seconds for which the oldest packet has waited; 0 while none does."""
        since = [lane[0][0] for lane in (self._audio, self._video) if lane]
        if self._chunk:
            since.append(self._oldest)
        return max(0.0, now - min(since)) if since else 0.0

    def put_control(self, datagram: bytes) -> bool:
        """Queue STUN, DTLS or RTCP; False when its lane is full."""
        if self._control_size + len(datagram) + 2 > CONTROL_BYTES:
            self.dropped += 1
            return False
        self._control.append(frame(datagram))
        self._control_size += len(datagram) + 2
        return True

    def put_audio(self, packet: bytes, now: float) -> None:
        """Queue an RTP packet of a voice."""
        size = len(packet) + 2
        if self._audio_size + size > AUDIO_BYTES:
            self.dropped += 1
            return
        self._audio.append((now, frame(packet)))
        self._audio_size += size

    def put_video(self, packet: bytes, now: float) -> None:
        """Queue any other RTP packet, or drop it with the rest of its frame."""
        size = len(packet) + 2
        ssrc, timestamp = packet[8:12], packet[4:8]
        if self._refused.get(ssrc) == timestamp:
            self.dropped += 1
            return
        video = self._video
        if self._video_size + size > VIDEO_BYTES or (video and now - video[0][0] > VIDEO_WAIT):
            self._refused[ssrc] = timestamp
            self.dropped += 1
            return
        video.append((now, frame(packet)))
        self._video_size += size

    def chunk(self, now: float) -> bytes:
        """What to write next, b"" when nothing waits; the same until `sent` took from it."""
        if self._chunk:
            return self._chunk
        self._oldest = now - self.waited(now)
        parts: list[bytes] = []
        room = CHUNK
        while self._control and room > 0:
            part = self._control.popleft()
            self._control_size -= len(part)
            parts.append(part)
            room -= len(part)
        room = self._add_audio(parts, room, now)
        self._add_video(parts, room, now)
        self._chunk = b"".join(parts)
        if not self:
            self._refused.clear()
            self._stale.clear()
        return self._chunk

    def _add_audio(self, parts: list[bytes], room: int, now: float) -> int:
        while self._audio and room > 0:
            since, part = self._audio.popleft()
            self._audio_size -= len(part)
            if now - since > STALE:
                self.dropped += 1
                continue
            parts.append(part)
            room -= len(part)
        return room

    def _add_video(self, parts: list[bytes], room: int, now: float) -> None:
        """With a stale packet the rest of its frame is dropped."""
        while self._video and room > 0:
            since, part = self._video.popleft()
            self._video_size -= len(part)
            ssrc, timestamp = part[10:14], part[6:10]
            if now - since > STALE:
                self._stale[ssrc] = timestamp
            elif self._stale.get(ssrc) != timestamp:
                parts.append(part)
                room -= len(part)
                continue
            self.dropped += 1

    def sent(self, count: int) -> None:
        """The kernel took the first `count` bytes of the chunk."""
        self._chunk = self._chunk[count:]
