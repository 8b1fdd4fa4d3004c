"""Finds the RTP streams of a capture and measures them. No I/O.

`Analysis.run` takes the packets of one capture; then `finish` gives the streams. The plain case,
IPv4/UDP of a stream that is known already, stays in one loop: one `struct` call, one look-up, one
call to `Stream.add`. Everything else leaves it for `_other`. Whatever is not RTP is counted by
name in `skipped`.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import isnan
from typing import NamedTuple

from qos.capture import rtcp, segments, turn
from qos.capture.candidates import (
    STATIC_CLOCK_RATES,
    Candidate,
    Held,
    looks_like_rtp,
    measured_clock_rate,
    payload_type_of,
)
from qos.capture.decode import LINKS, NETWORK_TUNNELS, Link, decode
from qos.capture.files import Packet
from qos.capture.framing import Framing
from qos.capture.header import header_size
from qos.capture.layers import TCP
from qos.capture.streams import MODES, Stream

MAX_CANDIDATES = 1024
"""Held at once; the oldest is decided when there are more."""
MAX_HELD = 150_000
"""Packets that all candidates hold together."""
MAX_STREAMS = 10_000
MAX_FLOWS = 10_000
MAX_KINDS = 256
"""Link types that have counters of their own."""

Key = tuple[bytes, int, int]
"""Flow, SSRC, protocol."""
Add = Callable[[float, int, int, int, int], None]

_RTP = struct.Struct(">BBHII")


class Found(NamedTuple):
    """One stream: a 5-tuple and an SSRC."""

    flow: bytes
    ssrc: int
    protocol: int
    stream: Stream


class Analysis:
    """What one capture holds.

    `mode` is a key of `MODES`; `clock_rates` maps payload types to what the user knows of them.
    """

    def __init__(self, mode: str, clock_rates: Mapping[int, int] | None = None) -> None:
        self._new_stream = MODES[mode]
        self._as_wireshark = mode == "wireshark"
        self._clock_rates = {**STATIC_CLOCK_RATES, **(clock_rates or {})}
        self._measured: dict[int, int] = {}
        self._adds: dict[tuple[bytes, int], Add] = {}
        self._tcp_adds: dict[tuple[bytes, int], Add] = {}
        self._found: dict[Key, Stream] = {}
        self._held: dict[Key, Candidate] = {}
        self._holding = 0
        self._rtp_flows: set[bytes] = set()
        self._payload_types: set[int] = set()
        self._framing = Framing(self._payload)
        self.skipped: Counter[str] = Counter()
        """Packets that are not RTP, by reason."""
        self.round_trips = rtcp.RoundTrips()
        self.rtcp_packets = 0
        self.srtcp_packets = 0
        """Encrypted reports: recognised, not readable."""
        self.packets = 0
        self.merged = 0
        """Datagrams that hold several RTP packets, because the kernel had yet to cut them."""

    def run(self, packets: Iterable[Packet]) -> None:
        """Take all packets of a capture. What `packets` raises passes through; `finish` works
        all the same."""
        adds = self._adds
        link_type, link, rtp = -1, LINKS[0], 0
        # Version 2; with padding, too, unless it has to be looked at.
        plain = 0xE0 if self._as_wireshark else 0xC0
        for time, kind, frame in packets:
            self.packets += 1
            if kind != link_type:
                if kind not in LINKS:
                    self._unknown_link(kind)
                    continue
                link_type, link = kind, LINKS[kind]
                fast, ipv4, rtp = link.fast, link.ipv4, link.header + 28
            try:
                # Names as in `decode._IPV4`; x and y are the two bytes that RTP begins with.
                field, version, total, part, protocol, flow, size, x, y, seq, stamp, ssrc = fast(
                    frame
                )
            except struct.error:
                self._other(time, link, frame)
                continue
            if (
                protocol == 17
                and x & plain == 0x80
                and (y < 192 or y > 223)
                and version == 0x45
                and field == ipv4
                and not part & 0x3FFF
                and 20 <= size <= total - 20
            ):
                # Is there a second header in it? See `segments`.
                mark = rtp + 12 if x & 0x10 else rtp + 8
                if frame.find(frame[mark : mark + 4], mark + 12) < 0:
                    add = adds.get((flow, ssrc))
                    if add is not None:
                        add(time, seq, stamp, y, size - 8)
                    else:
                        self._first((flow, ssrc, 17), (time, seq, stamp, y, size - 8))
                    continue
            elif version & 0xF0 == 0x60 and field in link.ipv6 and self._ipv6(time, link, frame):
                continue
            self._other(time, link, frame)

    def _ipv6(self, time: float, link: Link, frame: bytes) -> bool:
        """As the loop above for IPv6; False when the packet is not plain RTP of a known stream."""
        try:
            _, _, following, flow, size, x, y, seq, stamp, ssrc = link.fast6(frame)
        except struct.error:
            return False
        add = self._adds.get((flow, ssrc))
        plain = 0xE0 if self._as_wireshark else 0xC0
        if add is None or following != 17 or x & plain != 0x80 or 192 <= y <= 223 or size < 20:
            return False
        mark = link.header + (60 if x & 0x10 else 56)
        if frame.find(frame[mark : mark + 4], mark + 12) >= 0:
            return False
        add(time, seq, stamp, y, size - 8)
        return True

    def _unknown_link(self, kind: int) -> None:
        name = f"linkType{kind}"
        if name not in self.skipped and len(self.skipped) > MAX_KINDS:
            name = "linkType"
        self.skipped[name] += 1

    def _other(self, time: float, link: Link, frame: bytes) -> None:
        """A packet that is not plain IPv4/UDP/RTP."""
        datagram = decode(link, frame)
        if isinstance(datagram, str):
            self.skipped[datagram] += 1
        elif datagram.protocol == TCP:
            reason = self._framing.add(time, datagram)
            if reason:
                self.skipped[reason] += 1
        else:
            self._payload(time, datagram.protocol, datagram.flow, datagram.size, datagram.payload)

    def _payload(self, time: float, protocol: int, flow: bytes, size: int, payload: bytes) -> None:
        """Tell apart what a flow carries by its first byte (RFC 7983)."""
        first = payload[0] if payload else -1
        if not 128 <= first <= 191:
            relayed = turn.inside(payload, size)
            if relayed is not None and relayed[1][:1] >= b"\x80":
                self._payload(time, protocol, flow, *relayed)
            else:
                self.skipped[_named(first, flow)] += 1
        elif len(payload) > 1 and rtcp.FIRST <= payload[1] <= rtcp.LAST:
            self._report(time, size, payload)
        elif len(payload) < 12:
            self.skipped["notRtp"] += 1
        else:
            packets = segments.cut(payload) if len(payload) == size else [payload]
            self.merged += len(packets) > 1
            wrong = _wrong_padding(size, payload) if self._as_wireshark else ""
            if wrong:
                self.skipped[wrong] += 1
            elif len(packets) == 1 or self._as_wireshark:
                # Wireshark takes such a datagram for one packet.
                self._rtp(time, protocol, flow, size, payload)
            else:
                for packet in packets:
                    self._rtp(time, protocol, flow, len(packet), packet)

    def _rtp(self, time: float, protocol: int, flow: bytes, size: int, payload: bytes) -> None:
        if len(payload) < 12:
            self.skipped["notRtp"] += 1
        else:
            _, second, seq, timestamp, ssrc = _RTP.unpack_from(payload)
            adds = self._tcp_adds if protocol == TCP else self._adds
            add = adds.get((flow, ssrc))
            if add is not None:
                add(time, seq, timestamp, second, size)
            else:
                self._first((flow, ssrc, protocol), (time, seq, timestamp, second, size))

    def _report(self, time: float, size: int, payload: bytes) -> None:
        if len(payload) < size:
            self.skipped["rtcpTruncated"] += 1
        elif rtcp.is_plain(payload):
            self.rtcp_packets += 1
            self.round_trips.add(time, payload)
        elif rtcp.is_secure(payload, size):
            self.srtcp_packets += 1
        else:
            self.skipped["notRtp"] += 1

    def _first(self, key: Key, packet: Held) -> None:
        """A packet of a stream that is not known yet."""
        candidate = self._held.get(key)
        if candidate is None:
            if len(self._held) >= MAX_CANDIDATES:
                self._decide(next(iter(self._held)))
            candidate = self._held[key] = Candidate()
        self._holding += 1
        if candidate.add(packet):
            self._decide(key)
        elif self._holding > MAX_HELD:
            self._decide(next(iter(self._held)))

    def _decide(self, key: Key) -> None:
        flow, ssrc, protocol = key
        held = self._held.pop(key).held
        self._holding -= len(held)
        if not looks_like_rtp(held, flow in self._rtp_flows, self._payload_types):
            self.skipped["notRtp"] += len(held)
            return
        stream = self._found.get(key)
        if stream is None:
            if len(self._found) >= MAX_STREAMS:
                self.skipped["tooManyStreams"] += len(held)
                return
            rate, payload_type = self._clock_rate(held), payload_type_of(held)
            stream = self._found[key] = self._new_stream(rate, payload_type)
        if len(self._rtp_flows) < MAX_FLOWS:
            self._rtp_flows.add(flow)
        adds = self._tcp_adds if protocol == TCP else self._adds
        add = adds[flow, ssrc] = stream.add
        self._payload_types.add(payload_type_of(held))
        for packet in held:
            add(*packet)

    def _clock_rate(self, held: list[Held]) -> int | None:
        """As given or by RFC 3551; measured; as measured in other streams of the payload type."""
        payload_type = payload_type_of(held)
        rate = self._clock_rates.get(payload_type) or measured_clock_rate(held)
        if rate is None:
            return self._measured.get(payload_type)
        self._measured.setdefault(payload_type, rate)
        return rate

    def finish(self) -> list[Found]:
        """All streams, in the order of their beginnings."""
        # The well-filled ones first: they make their flows known, which helps the others.
        for key in sorted(self._held, key=lambda key: -len(self._held[key].held)):
            self._decide(key)
        for stream in self._found.values():
            stream.finish()
        found = [Found(*key, stream) for key, stream in self._found.items()]
        # Where no time is known, they stay in the order in which they were found.
        return sorted(found, key=lambda one: (isnan(one.stream.first), one.stream.first))


def _wrong_padding(size: int, payload: bytes) -> str:
    """Why Wireshark leaves a packet out whose padding bit is set, if it does.

    `badPadding`: the last byte is no possible count of padding. So it may well be in SRTP, where
    that byte is part of the tag, but Wireshark does not take such a packet for RTP.
    `paddingNotCaptured`: the last byte is not in the capture (headers only, for example). Wireshark
    shows such a packet as RTP, but its RTP statistics do not count it.
    """
    if not payload[0] & 0x20:
        return ""
    if len(payload) < size:
        return "paddingNotCaptured"
    return "" if 0 < payload[-1] <= size - header_size(payload) else "badPadding"


def _named(first: int, flow: bytes) -> str:
    """What a datagram is that is neither RTP nor RTCP."""
    ports = (int.from_bytes(flow[-4:-2], "big"), int.from_bytes(flow[-2:], "big"))
    for port in ports:
        if port in NETWORK_TUNNELS:
            return NETWORK_TUNNELS[port]
    if first < 0:
        return "empty"
    if first <= 3:
        return "stun"
    if 16 <= first <= 19:
        return "zrtp"
    if 20 <= first <= 63:
        return "dtls"
    if 64 <= first <= 79:
        return "turnChannel"
    return "otherUdp"
