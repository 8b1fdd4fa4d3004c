"""One transport of a simulated participant: its association with what it sends and receives."""

from __future__ import annotations

from dataclasses import dataclass

from bench.light.association import Association
from bench.light.receiver import Receiver
from bench.light.sender import Publisher
from sfu.wire import rtcp


@dataclass(slots=True)
class Transport:
    """The driver's loop calls it when something arrives or is due."""

    association: Association
    publisher: Publisher
    receiver: Receiver
    ssrc: int
    """Of this participant's RTCP."""
    announced: bool = False
    """`Connected` or `Failed` was sent."""
    complete: bool = True
    """`Receiving` was sent, or nothing is awaited."""
    requesting: bool = False
    """It looks for missing packets periodically."""

    @property
    def number(self) -> int:
        return self.association.plan.transport

    @property
    def participant(self) -> int:
        return self.association.plan.participant

    @property
    def connected(self) -> bool:
        return self.association.state == "connected"

    def receive_rtcp(self, protected: bytes) -> None:
        """A protected compound packet: keyframe requests and NACKs are answered."""
        context = self.association.inbound
        plain = context.unprotect_rtcp(protected) if context is not None else None
        if plain is None:
            self.receiver.refused += 1
            return
        try:
            packets = rtcp.parse(plain)
        except rtcp.RtcpError:
            self.receiver.unknown += 1
            return
        for packet in packets:
            if isinstance(packet, rtcp.Pli):
                self._request_keyframe(packet.media_ssrc)
            elif isinstance(packet, rtcp.Fir):
                for ssrc, _ in packet.entries:
                    self._request_keyframe(ssrc)
            elif isinstance(packet, rtcp.Nack):
                self._resend(packet)

    def _request_keyframe(self, ssrc: int) -> None:
        stream = self.publisher.stream(ssrc)
        if stream is not None:
            stream.request_keyframe()

    def _resend(self, nack: rtcp.Nack) -> None:
        context = self.association.outbound
        if context is not None:
            for packet in self.publisher.resend(nack.media_ssrc, nack.seqs, context):
                self.association.send(packet)

    def request_missing(self, now: int) -> None:
        """Ask for what is missing and due (monotonic nanoseconds); `requesting` says whether to
        call again."""
        for packet in self.receiver.requests(self.ssrc, now):
            self.association.send_rtcp(packet)
        self.requesting = bool(self.receiver.waiting)

    def send_sender_reports(self, unix_seconds: float) -> None:
        """Of all active streams."""
        for stream in self.publisher.streams:
            if stream.active:
                self.association.send_rtcp(stream.sender_report(unix_seconds))

    def close(self) -> None:
        """Say goodbye and close."""
        ssrcs = [stream.ssrc for stream in self.publisher.streams]
        if self.connected and ssrcs:
            self.association.send_rtcp(rtcp.receiver_report(ssrcs[0]) + rtcp.bye(ssrcs))
        self.association.close()
