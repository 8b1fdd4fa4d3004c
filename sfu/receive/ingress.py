"""Where datagrams come in: each of a batch goes to STUN, DTLS, RTCP or a stream.

Theory of operation. The first byte of a datagram is its kind (RFC 7983), its source address names
the endpoint; what is neither known nor a check is counted under a `DropReason` and forgotten before
anything reads it. RTP is unprotected where it lies in the receive slot, read with `unpack_from`,
and its payload is copied once, into the packet that the cache and the forwarder share. The
publisher's header extensions end here: their ids mean nothing to a receiver.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from sfu.codecs import red
from sfu.drops import DropReason
from sfu.net import stun
from sfu.net.path import TAG_BYTES
from sfu.net.srtp import (
    AUTH_FAILED,
    REPLAYED,
    TOO_OLD,
    Arena,
    SrtpProfile,
    length_cell,
    unprotect,
)
from sfu.receive import arrival
from sfu.receive.publisher import Publisher
from sfu.receive.rtp_stream import Output, RtpStream
from sfu.room.endpoint import RTCP_COST, Endpoint, WebRtcEndpoint, numbers_named
from sfu.wire import ntp as ntp_time
from sfu.wire import rtcp, transport_cc
from sfu.wire.packet import MARKER
from sfu.wire.rtp import (
    ONE_BYTE_PROFILE,
    TWO_BYTE_PROFILE,
    extensions,
    header_length,
)

MAX_DATAGRAM: Final = 1500
_header: Final = struct.Struct("!BBHII").unpack_from
_usual: Final = struct.Struct("!BBHIIHHBH").unpack_from
"""The fixed header, an extension block's profile and length, and its first element."""
_ssrc: Final = struct.Struct("!I").unpack_from
_block: Final = struct.Struct("!HH").unpack_from
_rtcp: Final = struct.Struct("!BBH").unpack_from

_SRTP_DROPS: Final = {
    AUTH_FAILED: DropReason.SRTP_AUTH,
    REPLAYED: DropReason.SRTP_REPLAY,
    TOO_OLD: DropReason.TOO_OLD,
}


class Ingress:
    """Receives batches of datagrams; one a worker."""

    def __init__(
        self,
        arena: Arena,
        pointers: list[Any],
        slot_size: int,
        address_size: int,
        unpack_address: Callable[[bytes], tuple[str, int]],
        wall_offset: float,
        dirty: list[Output],
    ) -> None:
        """The arena and slots of the socket's `receive`, and how to read its addresses.

        `wall_offset` added to `now` is Unix time. It is fixed for the worker's life, so that NTP
        times never jump when the box's clock is set. `dirty` is `Forwarder.dirty`: streams with
        something pending.
        """
        self.by_address: dict[bytes, Endpoint] = {}
        """Verified addresses."""
        self.by_ufrag: dict[bytes, WebRtcEndpoint] = {}
        self.by_tag: dict[bytes, WebRtcEndpoint] = {}
        """By what the transaction ids of an endpoint's own checks begin with."""
        self.drops: dict[DropReason, int] = dict.fromkeys(DropReason, 0)
        self.packets = self.octets = 0
        """Media that came from participants; of the octets RTCP too."""
        self._data = arena.data
        self._view = memoryview(arena.data)
        self._pointers = pointers
        self._slot_size = slot_size
        self._address_size = address_size
        self._unpack_address = unpack_address
        self._wall_offset = wall_offset
        self._dirty = dirty
        self._cell = length_cell()
        self._reporting: list[Endpoint] = []
        """Publishers with `arrivals` in this batch."""
        self._origins: list[bytes] = []
        """The address from which the first of each came."""

    def receive(self, sizes: list[int], addresses: bytes, now: float) -> None:
        """One batch: slot i holds `sizes[i]` bytes from the i-th address; `now` in seconds."""
        data, view, pointers, cell = self._data, self._view, self._pointers, self._cell
        width, slot_size, by_address = self._address_size, self._slot_size, self.by_address
        reporting, origins = self._reporting, self._origins
        source = 0
        for slot, size in enumerate(sizes):
            at = slot * slot_size
            address = addresses[source : source + width]
            source += width
            endpoint = by_address.get(address)
            if endpoint is None or not 128 <= data[at] <= 191 or not 12 <= size <= MAX_DATAGRAM:
                self._receive_other(address, at, size, now)
                continue
            publisher = endpoint.publisher
            stream = None if publisher is None else publisher.streams.get(*_ssrc(data, at + 8))
            if publisher is None or stream is None or publisher.context is None:
                self._receive_unusual(endpoint, address, slot, size, now)
                continue
            cell[0] = size
            error = unprotect(publisher.context, pointers[slot], cell)
            endpoint.packets += 1
            endpoint.octets += size
            if error:
                self._refuse(endpoint, error, now)
                continue
            plain = cell[0]
            first, second, seq, timestamp, _, profile, words, element, number = _usual(data, at)
            header = 16 + (words << 2)
            expected = stream.next_seq
            if (
                first == 0x90
                and second & 0x7F == stream.fast_payload_type
                and profile == ONE_BYTE_PROFILE
                and element == publisher.feedback_byte
                and seq == expected & 0xFFFF
                and 16 < header < plain
            ):
                # Nearly every packet: the next in line, its transport-wide number comes first.
                arrivals = publisher.arrivals
                if not arrivals:
                    reporting.append(endpoint)
                    origins.append(address)
                arrivals.append(number)
                payload = view[at + header : at + plain].tobytes()
                if not stream.is_video:
                    self._read_level(publisher, stream, at + 19, at + header)
                    if stream.redundant and not (payload := self._primary(stream, payload)):
                        continue
                pending = stream.pending
                if not pending:
                    self._dirty.append(stream.output)
                pending.append((expected, timestamp, (second & 0x80) << 16, payload))
                stream.next_seq = expected + 1
                continue
            endpoint.transport.heard(address, now)
            self._settle(endpoint, now)
            self._receive_plain(publisher, stream, at, plain, now)
        if reporting:
            self._note_arrivals(now)

    def _note_arrivals(self, now: float) -> None:
        for endpoint, address in zip(self._reporting, self._origins, strict=True):
            publisher = endpoint.publisher
            assert publisher is not None
            endpoint.transport.heard(address, now)
            self.packets += endpoint.packets
            self.octets += endpoint.octets
            endpoint.settle(now)
            if publisher.feedback is not None:
                publisher.feedback.packets(publisher.arrivals, now)
            publisher.arrivals.clear()
        self._reporting.clear()
        self._origins.clear()

    def _primary(self, stream: RtpStream, payload: bytes) -> bytes:
        """The newest frame of redundant audio, which comes in line; b"" if it is malformed."""
        newest = red.primary(payload, stream.track.spec.payload_type) or b""
        if not newest:
            self.drops[DropReason.RTP_MALFORMED] += 1
        return newest

    def _read_level(self, publisher: Publisher, stream: RtpStream, at: int, end: int) -> None:
        """The audio level, where it is among the next two elements behind the number."""
        data = self._data
        for _ in range(2):
            if at + 1 >= end:
                return
            element = data[at]
            if element == publisher.level_byte:
                level = data[at + 1] & 0x7F
                if level < stream.track.level:
                    stream.track.level = level
                return
            if not element:
                at += 1
            elif 0x10 <= element < 0xF0:
                at += (element & 0x0F) + 2
            else:
                return  # ids 0 with a length and 15 end the list, RFC 8285 clause 4.2

    def _refuse(self, endpoint: Endpoint, error: int, now: float) -> None:
        """libsrtp took no packet of this; it counts towards the budget all the same."""
        self.drops[_SRTP_DROPS.get(error, DropReason.RTP_MALFORMED)] += 1
        self._settle(endpoint, now)

    def _settle(self, endpoint: Endpoint, now: float) -> None:
        """Count what came of it, and whether it may send more."""
        self.packets += endpoint.packets
        self.octets += endpoint.octets
        endpoint.settle(now)

    def _receive_unusual(
        self, endpoint: Endpoint, address: bytes, slot: int, size: int, now: float
    ) -> None:
        """RTCP, RTX, an SSRC not seen before, or media that is not due."""
        at = slot * self._slot_size
        if 192 <= self._data[at + 1] <= 223:
            self._receive_rtcp(endpoint, address, at, size, now)
            return
        if endpoint.is_over_budget and not endpoint.may_go_on(now):
            self.drops[DropReason.PACKET_STORM] += 1
            return
        publisher = endpoint.publisher
        inbound = None if endpoint.transport.is_over else endpoint.transport.inbound
        if publisher is None or publisher.context is None or inbound is None:
            self.drops[DropReason.SRTP_NOT_READY] += 1
            return
        (ssrc,) = _ssrc(self._data, at + 8)
        sources = inbound.sources
        stream = publisher.streams.get(ssrc)
        if stream is None and ssrc not in publisher.rtx:
            reason = sources.refuses(ssrc, now)
            if reason is not None or not publisher.may_learn(ssrc):
                self.drops[reason or DropReason.TOO_MANY_SSRCS] += 1
                return
        self._cell[0] = size
        error = unprotect(publisher.context, self._pointers[slot], self._cell)
        endpoint.packets += 1
        endpoint.octets += size
        if error:
            self._refuse(endpoint, error, now)
            return
        self._settle(endpoint, now)
        if stream is None:
            sources.heard(ssrc, now)
        endpoint.transport.heard(address, now)
        self._receive_plain(publisher, stream, at, self._cell[0], now)

    def _receive_plain(
        self, publisher: Publisher, stream: RtpStream | None, at: int, size: int, now: float
    ) -> None:
        """Any packet that is authentic, with everything that RFC 3550 and RFC 8285 allow."""
        data = self._data
        first, second, seq, timestamp, _ = _header(data, at)
        header = header_length(data, at, size)
        padding = data[at + size - 1] if first & 0x20 else 0
        if header < 0 or header + padding > size or (first & 0x20 and not padding):
            self.drops[DropReason.RTP_MALFORMED] += 1
            return
        if first & 0x10:
            self._read_extensions(publisher, stream, at, header, now)
        payload = self._view[at + header : at + size - padding].tobytes()
        if stream is None:
            self._receive_unbound(publisher, at, header, payload, now)
        elif not stream.track.carries(second & 0x7F):
            self.drops[DropReason.UNKNOWN_PAYLOAD_TYPE] += 1
        elif stream.shut:
            stream.shut_octets += len(payload)
            self.drops[DropReason.PUBLISH_LIMIT] += 1
        elif second & 0x7F != stream.track.spec.payload_type and payload:
            self._count(arrival.receive_redundant(stream, seq, timestamp, payload, now))
        elif payload:
            if stream.redundant:
                stream.expect(second & 0x7F)  # redundancy was switched off
            if not arrival.receive(
                stream, seq, timestamp, MARKER if second & 0x80 else 0, payload, now
            ):
                self.drops[DropReason.TOO_OLD] += 1
        else:
            arrival.skip_padding(stream, seq, timestamp, now)

    def _count(self, reason: DropReason | None) -> None:
        if reason is not None:
            self.drops[reason] += 1

    def _read_extensions(
        self, publisher: Publisher, stream: RtpStream | None, at: int, header: int, now: float
    ) -> None:
        """Read transport-wide sequence number and audio level in the header extensions."""
        data = self._data
        feedback = publisher.feedback
        wanted = publisher.extensions
        profile, words = _block(data, at + 12 + ((data[at] & 0x0F) << 2))
        if profile == ONE_BYTE_PROFILE:
            end = at + header
            pos = end - words * 4
            while pos < end:
                first = data[pos]
                if not first:
                    pos += 1
                    continue
                name = first >> 4
                following = pos + (first & 0x0F) + 2
                # Ids 15 and 0 (with a length) end the list, RFC 8285 clause 4.2.
                if name in (0, 15) or following > end:
                    return
                if name == wanted.transport_cc:
                    if feedback is not None and following == pos + 3:
                        feedback.packet(data[pos + 1] << 8 | data[pos + 2], now)
                elif name == wanted.audio_level and stream is not None:
                    level = data[pos + 1] & 0x7F
                    if level < stream.track.level:
                        stream.track.level = level
                pos = following
        elif profile & 0xFFF0 == TWO_BYTE_PROFILE:
            found = extensions(self._view[at : at + header], 0, header)
            value = found.get(wanted.transport_cc, b"")
            if feedback is not None and len(value) == 2:
                feedback.packet(int.from_bytes(value, "big"), now)
            level_value = found.get(wanted.audio_level, b"")
            if level_value and stream is not None:
                stream.track.level = min(stream.track.level, level_value[0] & 0x7F)

    def _receive_unbound(
        self, publisher: Publisher, at: int, header: int, payload: bytes, now: float
    ) -> None:
        """A packet of an RTX stream, or the first of an SSRC not seen before."""
        _, second, seq, timestamp, ssrc = _header(self._data, at)
        payload_type, marker = second & 0x7F, MARKER if second & 0x80 else 0
        repaired = publisher.rtx.get(ssrc)
        if repaired is not None:
            self._count(
                arrival.receive_resend(repaired, payload_type, timestamp, marker, payload, now)
            )
            return
        known = any(
            track.carries(payload_type) or payload_type == track.spec.rtx_payload_type
            for track in publisher.tracks.values()
        )
        if not known:
            self.drops[DropReason.UNKNOWN_PAYLOAD_TYPE] += 1
            publisher.refuse(ssrc)
            return
        packet = self._data[at : at + header]
        if not publisher.learn(ssrc, payload_type, packet, header, now):
            self.drops[DropReason.UNKNOWN_SSRC] += 1
            publisher.undecided(ssrc)
            return
        stream = publisher.streams.get(ssrc)
        if stream is not None and payload_type == stream.track.spec.red_payload_type != 0:
            self._count(arrival.receive_redundant(stream, seq, timestamp, payload, now))
        elif stream is not None and payload:
            arrival.receive(stream, seq, timestamp, marker, payload, now)
        elif ssrc in publisher.rtx:
            stream = publisher.rtx[ssrc]
            self._count(
                arrival.receive_resend(stream, payload_type, timestamp, marker, payload, now)
            )

    def _receive_rtcp(
        self, endpoint: Endpoint, address: bytes, at: int, size: int, now: float
    ) -> None:
        transport = endpoint.transport
        if transport.inbound is None or transport.is_over:
            self.drops[DropReason.SRTP_NOT_READY] += 1
            return
        if not endpoint.rtcp.allows(now):
            self.drops[DropReason.RTCP_STORM] += 1
            return
        subscriber = endpoint.subscriber
        wants = subscriber is not None and subscriber.wants_feedback(now)
        if not wants and self._is_feedback(at, size, transport.inbound.profile):
            return
        # The sender's SSRC is clear (RFC 3711 clause 3.4).
        (ssrc,) = _ssrc(self._data, at + 4)
        sources = transport.inbound.sources
        reason = sources.refuses(ssrc, now)
        if reason is not None:
            self.drops[reason] += 1
            return
        plain = transport.inbound.unprotect_rtcp(self._view[at : at + size].tobytes())
        if plain is None:
            self.drops[DropReason.SRTP_AUTH] += 1
            return
        sources.heard(ssrc, now)
        transport.heard(address, now)
        self.octets += size
        endpoint.rtcp.charge(size + RTCP_COST)
        try:
            packets = rtcp.parse(plain, transport_cc=wants)
        except rtcp.RtcpError:
            self.drops[DropReason.RTCP_MALFORMED] += 1
            return
        endpoint.rtcp.charge(numbers_named(packets))
        end = endpoint.publisher or endpoint.subscriber
        if end is not None:
            ntp_now = ntp_time.from_unix(now + self._wall_offset)
            for packet in packets:
                if isinstance(packet, rtcp.Malformed):
                    self.drops[DropReason.RTCP_MALFORMED] += 1
                else:
                    end.receive_rtcp(packet, now, ntp_now)

    def _is_feedback(self, at: int, size: int, profile: SrtpProfile) -> bool:
        """Whether this is transport-wide feedback and nothing else.

        The first eight bytes of SRTCP are clear, behind the rest stand an index and the tag (RFC
        3711 clause 3.4): what is not wanted need not be deciphered.
        """
        first, packet_type, words = _rtcp(self._data, at)
        if packet_type != rtcp.RTPFB or first & 0x1F != transport_cc.FORMAT:
            return False
        length: int = 4 + (words << 2)
        return size == length + 4 + profile.tag_length

    def _receive_other(self, address: bytes, at: int, size: int, now: float) -> None:
        """STUN, DTLS, or nothing of ours."""
        if size == 0:
            self.drops[DropReason.EMPTY] += 1
            return
        if size > MAX_DATAGRAM:
            self.drops[DropReason.OVERSIZED] += 1
            return
        first = self._data[at]
        if first < 4:
            self._receive_stun(self._view[at : at + size].tobytes(), address, now)
        elif 20 <= first <= 63:
            endpoint = self.by_address.get(address)
            if endpoint is None:
                self.drops[DropReason.UNVERIFIED_ADDRESS] += 1
            elif not isinstance(endpoint, WebRtcEndpoint):
                self.drops[DropReason.UNKNOWN_FIRST_BYTE] += 1
            elif not endpoint.dtls.allows(now):
                self.drops[DropReason.DTLS_STORM] += 1
            else:
                endpoint.dtls.charge(1)
                endpoint.transport.receive_dtls(self._view[at : at + size].tobytes(), address, now)
        elif 128 <= first <= 191:
            known = size < 12 or address in self.by_address
            reason = DropReason.RTP_MALFORMED if known else DropReason.UNVERIFIED_ADDRESS
            self.drops[reason] += 1
        else:
            self.drops[DropReason.UNKNOWN_FIRST_BYTE] += 1

    def _receive_stun(self, datagram: bytes, address: bytes, now: float) -> None:
        message = stun.parse(datagram)
        if message is None or message.method != stun.BINDING:
            self.drops[DropReason.STUN_MALFORMED] += 1
            return
        if message.cls == stun.CLASS_SUCCESS:
            self._receive_answer(message, address, now)
            return
        if message.cls != stun.CLASS_REQUEST:
            return  # an indication keeps a path open and asks for nothing
        endpoint = self.by_ufrag.get(message.username.partition(b":")[0])
        if endpoint is None:
            self.drops[DropReason.STUN_UNKNOWN_USER] += 1
            return
        if not endpoint.may_check(now, known=self.by_address.get(address) is endpoint):
            self.drops[DropReason.STUN_STORM] += 1
            return
        source = self._unpack_address(address)
        if not endpoint.transport.receive_check(message, address, source, now):
            self.drops[DropReason.STUN_BAD_INTEGRITY] += 1

    def _receive_answer(self, message: stun.StunMessage, address: bytes, now: float) -> None:
        endpoint = self.by_tag.get(message.transaction_id[:TAG_BYTES])
        if endpoint is None:
            self.drops[DropReason.STUN_UNKNOWN_USER] += 1
        elif not endpoint.transport.receive_answer(message, address, now):
            self.drops[DropReason.STUN_BAD_INTEGRITY] += 1
