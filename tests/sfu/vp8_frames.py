"""Made-up VP8 frames with temporal layers, as packets of a stream."""

from sfu.codecs.vp8 import temporal_id
from sfu.wire.packet import MARKER

# TID and Y of libwebrtc's patterns of three and two temporal layers, without the keyframe.
THREE_LAYERS = ((0, 0), (2, 1), (1, 1), (2, 0), (0, 0), (2, 0), (1, 0), (2, 0))
TWO_LAYERS = ((0, 0), (1, 1), (0, 0), (1, 0))


def payload(tid=-1, sync=0, picture_id=-1, tl0=-1, start=True, keyframe=False, bits=15, size=20):
    """A VP8 payload with the descriptor fields that are not negative."""
    first = 0x10 if start else 0x00
    present, fields = 0, b""
    if picture_id >= 0:
        present |= 0x80
        if bits == 15:
            fields += (0x8000 | picture_id & 0x7FFF).to_bytes(2, "big")
        else:
            fields += bytes([picture_id & 0x7F])
    if tl0 >= 0:
        present |= 0x40
        fields += bytes([tl0 & 0xFF])
    if tid >= 0:
        present |= 0x20
        fields += bytes([tid << 6 | sync << 5])
    head = bytes([first | 0x80, present]) + fields if present else bytes([first])
    return head + bytes([0 if keyframe else 1]) + bytes(size)


def make_frames(pattern, count, packets=2, seq=1000, picture_id=0, tl0=0, keyframes=(0,)):
    """`count` frames of `packets` packets each; the frames as lists of packets."""
    made = []
    tl0 -= 1
    for number in range(count):
        tid, sync = pattern[number % len(pattern)]
        keyframe = number in keyframes
        if tid <= 0:
            tl0 += 1
        frame = []
        for index in range(packets):
            data = payload(
                tid,
                sync,
                picture_id + number,
                tl0 if tid >= 0 else -1,
                start=index == 0,
                keyframe=keyframe and index == 0,
            )
            marker = MARKER if index == packets - 1 else 0
            frame.append((seq, 3000 * number, marker, data))
            seq += 1
        made.append(frame)
    return made


def tids(runs_or_packets):
    return [temporal_id(p[3]) >> 1 for p in runs_or_packets]


def kept(filter_, packets):
    return [p for run in filter_.filter(packets) if run.kept for p in run.packets]
