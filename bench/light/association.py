"""One ICE / DTLS / SRTP association of a simulated participant, on a UDP socket of its own.

Theory of operation. The participant is the full, controlling agent and the server is ICE-lite
(RFC 8445 clause 8.1.1), so there is one candidate pair: checks with USE-CANDIDATE until one is
answered, then DTLS, then media; from then on a consent check every 2.5 s (RFC 7675). A check
that is not answered within 30 s, a DTLS failure or a wrong fingerprint end the association:
`state` becomes `failed` and `reason` says why. The owner calls `datagram` for what is no RTP
and no RTCP, `tick` when it is due, and closes.
"""

from __future__ import annotations

import secrets
import socket
from typing import Literal

from bench.light.channel import OpenTransport
from bench.light.wire import stamp_arrivals
from sfu.net import stun
from sfu.net.dtls import Certificate, DtlsConnection
from sfu.net.srtp import SrtpContext

CHECK_SECONDS = 0.1
CONSENT_SECONDS = 2.5
CONSENT_TIMEOUT = 30.0
CONNECT_TIMEOUT = 10.0
_RECEIVE_BUFFER = 4 * 1024 * 1024

State = Literal["checking", "handshaking", "connected", "failed", "closed"]


class Association:
    """Times are monotonic seconds."""

    def __init__(
        self,
        plan: OpenTransport,
        certificate: Certificate,
        now: float,
        source: str = "",
        dtls: type[DtlsConnection] = DtlsConnection,
    ) -> None:
        """`source` is the address that datagrams come from; empty leaves it to the system."""
        self.plan = plan
        self.state: State = "checking"
        self.reason = ""
        family = socket.AF_INET6 if ":" in plan.address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        stamp_arrivals(self.socket)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(plan.address)
        self.fd = self.socket.fileno()
        self.outbound: SrtpContext | None = None
        self.inbound: SrtpContext | None = None
        self.profile = ""
        role: Literal["server", "client"] = "client" if plan.dtls_role == "client" else "server"
        self._dtls = dtls(certificate, role)
        self._transaction = b""
        self._tie_breaker = secrets.randbits(64)
        self._next_check = now
        self._answered = now
        self._give_up = now + CONNECT_TIMEOUT

    def tick(self, now: float) -> float:
        """Do what is due; returns when to call again (seconds from now)."""
        if self.state in ("failed", "closed"):
            return 60.0
        if now >= self._next_check:
            self._check()
            waiting = CHECK_SECONDS if self.state == "checking" else CONSENT_SECONDS
            self._next_check = now + waiting
        if self.state == "handshaking":
            self._dtls.handle_timeout(now)
            self._after_dtls()
        if self.state != "connected" and now >= self._give_up:
            stage = "checks" if self.state == "checking" else "DTLS"
            self.fail(f"no answer to {stage} within {CONNECT_TIMEOUT:.0f} s")
        elif now - self._answered > CONSENT_TIMEOUT:
            self.fail(f"no consent for {CONSENT_TIMEOUT:.0f} s")
        return self._wait(now)

    def _wait(self, now: float) -> float:
        due = self._next_check
        deadline = self._dtls.deadline()
        if self.state == "handshaking" and deadline is not None:
            due = min(due, deadline)
        return max(0.001, due - now)

    def _check(self) -> None:
        self._transaction = secrets.token_bytes(12)
        self.send(self.check(self._transaction))

    def check(self, transaction: bytes) -> bytes:
        """A signed check that nominates wherever it comes from (RFC 8445 clause 8.1.1)."""
        return stun.binding_request(
            transaction,
            f"{self.plan.remote_ufrag}:{self.plan.local_ufrag}",
            self.plan.remote_pwd.encode(),
            controlling=self._tie_breaker,
            use_candidate=True,
        )

    def datagram(self, data: bytes, now: float) -> None:
        """STUN or DTLS, by the first byte (RFC 7983)."""
        if data[0] < 4:
            self._stun(data, now)
        elif 20 <= data[0] < 64 and self.state in ("handshaking", "connected"):
            self._dtls.receive(data, now)
            self._after_dtls()

    def _stun(self, data: bytes, now: float) -> None:
        message = stun.parse(data)
        if message is None or message.method != stun.BINDING:
            return
        if message.cls == stun.CLASS_REQUEST:
            if message.check_integrity(self.plan.local_pwd.encode()):
                self.send(
                    stun.binding_success(
                        message.transaction_id, self.plan.address, self.plan.local_pwd.encode()
                    )
                )
            return
        if message.cls != stun.CLASS_SUCCESS or message.transaction_id != self._transaction:
            return
        if not message.check_integrity(self.plan.remote_pwd.encode()):
            return
        self._answered = now
        if self.state == "checking":
            self.state = "handshaking"
            self._next_check = now + CONSENT_SECONDS
            self._dtls.start(now)
            self._after_dtls()

    def _after_dtls(self) -> None:
        for datagram in self._dtls.datagrams_to_send():
            self.send(datagram)
        if self.state == "handshaking" and self._dtls.state == "connected":
            self._keys()
        elif self._dtls.state == "failed":
            self.fail("DTLS failed")
        elif self._dtls.state == "closed":
            self.fail("the server closed the connection")

    def _keys(self) -> None:
        if not self._dtls.matches((self.plan.fingerprint,)):
            self.fail("the server's certificate has another fingerprint than its SDP")
            return
        keys = self._dtls.srtp_keys()
        if keys is None:
            self.fail("no SRTP profile was agreed")
            return
        profile, local, remote = keys
        self.outbound = SrtpContext(profile, local, inbound=False)
        self.inbound = SrtpContext(profile, remote, inbound=True)
        self.profile = profile.name
        self.state = "connected"

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send a compound RTCP packet."""
        if self.outbound is not None and packet:
            protected = self.outbound.protect_rtcp(packet)
            if protected is not None:
                self.send(protected)

    def send(self, datagram: bytes) -> None:
        """Put it on the wire as it is."""
        try:
            self.socket.send(datagram)
        except OSError:
            # Lost, as on any network: checks and DTLS are repeated.
            return

    def fail(self, reason: str) -> None:
        """End it by a fault."""
        if self.state not in ("failed", "closed"):
            self.state, self.reason = "failed", reason

    def close(self) -> None:
        """Say goodbye and close the socket."""
        if self.state == "connected":
            self._dtls.close()
            for datagram in self._dtls.datagrams_to_send():
                self.send(datagram)
        self.state = "closed"
        self.socket.close()
