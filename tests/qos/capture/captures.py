"""Captures made by the tests: RTP streams with known faults, in every format that is read."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from qos.capture.analysis import Analysis, Found
from qos.capture.files import CaptureFile

ETHERNET, RAW, NULL, LOOP, SLL, SLL2 = 1, 101, 0, 108, 113, 276
SOURCE, DESTINATION = ("10.0.0.1", 5004), ("10.0.0.2", 5006)
EPOCH = 1_700_000_000


class Sent(NamedTuple):
    """One RTP packet."""

    time: float
    """Seconds since the first, when captured."""
    seq: int
    timestamp: int
    marker: bool = False
    size: int = 100
    """Bytes of payload."""
    ssrc: int = 0x1234ABCD
    payload_type: int = 111


def voice(
    count: int,
    *,
    seq: int = 1000,
    timestamp: int = 5000,
    ssrc: int = 0x1234ABCD,
    jitter: float = 0.002,
    seed: int = 1,
) -> list[Sent]:
    """Opus: 50 packets a second, each up to `jitter` seconds late."""
    rng = random.Random(seed)
    return [
        Sent(
            number * 0.02 + rng.random() * jitter,
            (seq + number) & 0xFFFF,
            (timestamp + number * 960) & 0xFFFFFFFF,
            ssrc=ssrc,
        )
        for number in range(count)
    ]


def video(frames: int, *, seq: int = 30000, ssrc: int = 0x0BADCAFE, seed: int = 2) -> list[Sent]:
    """30 frames a second of 1 to 6 packets, the last of each with the marker."""
    rng = random.Random(seed)
    sent = []
    for frame in range(frames):
        count = rng.randint(1, 6)
        for index in range(count):
            time = frame / 30 + index * 0.0007 + rng.random() * 0.0005
            last = index == count - 1
            sent.append(Sent(time, seq & 0xFFFF, frame * 3000, last, 1000, ssrc, 96))
            seq += 1
    return sent


def with_events(sent: list[Sent], *events: tuple[int, int], payload_type: int = 101) -> list[Sent]:
    """With telephone events in place of voice: (index of the first, packets) of each.

    All packets of an event have the timestamp of its beginning, the first has the marker, and the
    last comes three times (RFC 4733 section 2.5.1).
    """
    out = list(sent)
    for start, count in events:
        for index in range(start, start + count):
            out[index] = out[index]._replace(
                payload_type=payload_type,
                timestamp=out[start].timestamp,
                marker=index == start,
                size=4,
            )
    return out


def lossy(sent: list[Sent], percent: float, seed: int = 3) -> list[Sent]:
    """Without some; the first and the last stay."""
    rng = random.Random(seed)
    kept = [packet for packet in sent[1:-1] if rng.random() * 100 >= percent]
    return [sent[0], *kept, sent[-1]]


def swapped(sent: list[Sent], every: int) -> list[Sent]:
    """Every so often a packet comes after the one that follows it."""
    out = list(sent)
    for index in range(every, len(out) - 1, every):
        a, b = out[index], out[index + 1]
        out[index], out[index + 1] = b._replace(time=a.time), a._replace(time=b.time)
    return out


def doubled(sent: list[Sent], every: int) -> list[Sent]:
    """Every so often a packet comes twice."""
    out = []
    for index, packet in enumerate(sent):
        out.append(packet)
        if index and index % every == 0:
            out.append(packet._replace(time=packet.time + 0.0004))
    return out


def rtp(packet: Sent) -> bytes:
    second = packet.payload_type | (0x80 if packet.marker else 0)
    header = struct.pack(">BBHII", 0x80, second, packet.seq, packet.timestamp, packet.ssrc)
    return header + bytes(packet.size)


def udp4(
    payload: bytes,
    source: tuple[str, int] = SOURCE,
    destination: tuple[str, int] = DESTINATION,
    *,
    options: bytes = b"",
    fragment: int = 0,
) -> bytes:
    """An IPv4 packet."""
    header = 20 + len(options)
    size = 8 + len(payload)
    addresses = _ipv4(source[0]) + _ipv4(destination[0])
    start = struct.pack(">BBHHHBBH", 0x40 | header // 4, 0, header + size, 1, fragment, 64, 17, 0)
    udp = struct.pack(">HHHH", source[1], destination[1], size, 0)
    return start + addresses + options + udp + payload


def udp6(payload: bytes, *, extension: bool = False) -> bytes:
    """An IPv6 packet, with a destination options header when wanted."""
    udp = struct.pack(">HHHH", SOURCE[1], DESTINATION[1], 8 + len(payload), 0) + payload
    body = b"\x11\x00\x01\x04\0\0\0\0" + udp if extension else udp
    source, destination = b"\xfd" + bytes(14) + b"\x01", b"\xfd" + bytes(14) + b"\x02"
    following = 60 if extension else 17
    return struct.pack(">IHBB16s16s", 6 << 28, len(body), following, 64, source, destination) + body


def ethernet(packet: bytes, tags: bytes = b"") -> bytes:
    """An Ethernet frame; `tags` go between the addresses and the type."""
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return bytes.fromhex("020000000002020000000001") + tags + kind + packet


def linked(link: int, packet: bytes) -> bytes:
    """An IP packet in a frame of any of the link types."""
    four = packet[0] >> 4 == 4
    kind = b"\x08\x00" if four else b"\x86\xdd"
    family = 2 if four else 24
    return {
        ETHERNET: ethernet(packet),
        RAW: packet,
        NULL: struct.pack("<I", family) + packet,
        LOOP: struct.pack(">I", family) + packet,
        SLL: struct.pack(">HHH8s", 0, 1, 6, b"\2\0\0\0\0\1") + kind + packet,
        SLL2: kind + struct.pack(">HiHBB8s", 0, 1, 1, 0, 6, b"\2\0\0\0\0\1") + packet,
    }[link]


Framed = tuple[float, bytes]
"""Seconds since the first, frame."""


def frames(sent: Iterable[Sent], link: int = ETHERNET) -> list[Framed]:
    return sorted(
        ((packet.time, linked(link, udp4(rtp(packet)))) for packet in sent),
        key=lambda framed: framed[0],
    )


def pcap(
    framed: Iterable[Framed], link: int = ETHERNET, order: str = "<", nano: bool = True
) -> bytes:
    """A savefile, of nanoseconds unless asked otherwise."""
    magic, unit = (0xA1B23C4D, 1_000_000_000) if nano else (0xA1B2C3D4, 1_000_000)
    out = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for time, frame in framed:
        ticks = round(time * unit)
        out.append(
            struct.pack(f"{order}IIII", EPOCH + ticks // unit, ticks % unit, len(frame), len(frame))
        )
        out.append(frame)
    return b"".join(out)


def pcapng(
    framed: Iterable[Framed], link: int = ETHERNET, order: str = "<", resolution: int | None = 9
) -> bytes:
    """A pcapng of one section and one interface; `resolution` as if_tsresol has it."""
    out = [block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))]
    options = b""
    unit = 10**6
    if resolution is not None:
        options = struct.pack(f"{order}HHB3x", 9, 1, resolution) + bytes(4)
        unit = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    out.append(block(order, 1, struct.pack(f"{order}HHI", link, 0, 0) + options))
    for time, frame in framed:
        ticks = EPOCH * unit + round(time * unit)
        head = struct.pack(
            f"{order}IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)
        )
        out.append(block(order, 6, head + frame + bytes(-len(frame) % 4)))
    return b"".join(out)


def block(order: str, kind: int, body: bytes) -> bytes:
    size = 12 + len(body)
    return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)


def write(folder: Path, content: bytes, name: str = "capture.pcap") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _ipv4(text: str) -> bytes:
    return bytes(int(part) for part in text.split("."))


def analysed(content: bytes, mode: str = "rfc3550") -> tuple[Analysis, list[Found]]:
    """What the analysis says of a capture."""
    analysis = Analysis(mode)
    analysis.run(CaptureFile(BytesIO(content)))
    return analysis, analysis.finish()
