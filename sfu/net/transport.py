"""One ICE / DTLS / SRTP association with a browser: who it is, where it is, and its keys.

Theory of operation. We are ICE-lite (RFC 8445 clause 2.5): the peer checks, we answer. A check
that carries our user name and is signed with our password proves that whoever is at its source
address knows the session description; only then is that address *verified*, and only from
verified addresses are DTLS and SRTP taken. The peer says with USE-CANDIDATE where it wants to be
sent to, which is how a phone that leaves the Wi-Fi keeps its call.

An ICE restart (RFC 8445 clause 9) adds credentials to those in use. Both are good until the first
check under the new ones, which ends the old ones. Addresses, DTLS and keys stay as they are.

States go new -> connected -> failed or closed; the last two are final. The owner is told
through `events`, feeds datagrams, and calls `tick`. Sans-I/O: sending is injected.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Literal, Protocol

from sfu.control import ConnectTransport, Fingerprint, OpenTransport
from sfu.net import stun
from sfu.net.dtls import Certificate, DtlsConnection
from sfu.net.srtp import SrtpContext, SrtpProfile

CONSENT_TIMEOUT: Final = 30.0
"""Seconds of silence after which a peer no longer consents (RFC 7675 clause 5.1)."""
ICE_TIMEOUT: Final = 30.0
"""Seconds that a new transport waits for its first check."""
MAX_ADDRESSES: Final = 16
"""Verified addresses of one transport; the oldest unused one makes room."""

State = Literal["new", "connected", "failed", "closed"]
Reason = Literal[
    "", "fingerprintMismatch", "dtlsFailed", "dtlsTimeout", "iceTimeout", "consentExpired"
]


class TransportEvents(Protocol):
    """What a transport tells its owner."""

    def transport_changed(self, transport: Transport) -> None:
        """`transport.state` is new."""

    def transport_checked(self, transport: Transport) -> None:
        """The first authentic check came through."""

    def ufrag_forgotten(self, transport: Transport, ufrag: bytes) -> None:
        """Checks under this user name are not good any more."""

    def address_verified(self, transport: Transport, address: bytes) -> None:
        """Datagrams from `address` belong to `transport` now."""

    def address_forgotten(self, transport: Transport, address: bytes) -> None:
        """They no longer do."""

    def address_selected(self, transport: Transport) -> None:
        """Send to `transport.selected` from now on."""


class Credentials:
    """One generation of ICE user names and our password."""

    __slots__ = ("pwd", "remote_ufrag", "ufrag")

    def __init__(self, ufrag: str, pwd: str) -> None:
        self.ufrag = ufrag.encode()
        self.pwd = pwd.encode()
        self.remote_ufrag = b""
        """Empty until the peer's description is known: then any is taken."""


class Transport:
    """State of one association; the receive path reads `inbound` and `last_heard` directly."""

    def __init__(
        self,
        command: OpenTransport,
        certificate: Certificate,
        profiles: tuple[SrtpProfile, ...],
        events: TransportEvents,
        send: Callable[[bytes, bytes], object],
        now: float,
    ) -> None:
        """`send(datagram, address)` puts a datagram on the wire; `now` in monotonic seconds."""
        self.id = command.transport
        self.participant = command.participant
        self.direction = command.direction
        self._credentials = [Credentials(command.ice_ufrag, command.ice_pwd)]
        """In use, and during an ICE restart the new ones behind it."""
        self.is_checked = False
        """An authentic check has come."""
        self._fingerprints: tuple[Fingerprint, ...] = ()
        self._certificate = certificate
        self._profiles = profiles
        self._events = events
        self._send = self._wire = send
        self._dtls: DtlsConnection | None = None
        self._opened_at = now
        self.state: State = "new"
        self.reason: Reason = ""
        self.addresses: list[bytes] = []
        self.selected: bytes | None = None
        self.inbound: SrtpContext | None = None
        self.outbound: SrtpContext | None = None
        self.moves = 0
        """Times that the peer chose where it is to be sent to."""
        self.last_heard = now
        self.log = logging.getLogger("sfu.transport")

    def __repr__(self) -> str:
        return f"<Transport {self.id} {self.direction} of {self.participant} {self.state}>"

    @property
    def is_over(self) -> bool:
        return self.state in ("failed", "closed")

    @property
    def ufrags(self) -> tuple[bytes, ...]:
        """Our user names under which checks are good."""
        return tuple(credentials.ufrag for credentials in self._credentials)

    def restart_ice(self, ufrag: str, pwd: str) -> None:
        """Take new credentials; the earlier ones stay good until the first check under these.

        A restart that the peer never took up is replaced. The peer's own new user name comes with
        `connect`.
        """
        if self.is_over or ufrag.encode() in self.ufrags:
            return
        for unused in self._credentials[1:]:
            self._events.ufrag_forgotten(self, unused.ufrag)
        self._credentials[1:] = [Credentials(ufrag, pwd)]

    def connect(self, command: ConnectTransport, now: float) -> None:
        """The peer's session description is known: its user name, fingerprints, DTLS role.

        A repeated command with other fingerprints does not change an association that stands.
        """
        remote_ufrag = command.remote_ufrag.encode()
        # During a restart the old name says only that the peer has not heard of it yet.
        if remote_ufrag != self._credentials[0].remote_ufrag:
            self._credentials[-1].remote_ufrag = remote_ufrag
        if self._fingerprints or self.is_over:
            return
        self._fingerprints = command.fingerprints
        if self._dtls is None:
            self._dtls = DtlsConnection(self._certificate, command.dtls_role, self._profiles)
            if command.dtls_role == "client" and self.selected is not None:
                self._dtls.start(now)
        self._after_dtls(now)

    def receive_check(
        self, message: stun.StunMessage, address: bytes, source: tuple[str, int], now: float
    ) -> bool:
        """A binding request under one of `ufrags`; False when it is not authentic."""
        local, _, remote = message.username.partition(b":")
        credentials = next((one for one in self._credentials if one.ufrag == local), None)
        if credentials is None or not message.check_integrity(credentials.pwd):
            return False
        if credentials.remote_ufrag not in (b"", remote):
            return False
        self.last_heard = now
        if credentials is not self._credentials[0]:
            self._events.ufrag_forgotten(self, self._credentials.pop(0).ufrag)
        if address not in self.addresses:
            self._verify(address)
        if address != self.selected and (message.use_candidate or self.selected is None):
            self.selected = address
            self.moves += 1
            self._events.address_selected(self)
            self._flush_dtls()
        reply = stun.binding_success(message.transaction_id, source, credentials.pwd)
        self._send(reply, address)
        if not self.is_checked:
            self.is_checked = True
            self._events.transport_checked(self)
        if self._dtls is not None and self._dtls.role == "client" and self._dtls.state == "new":
            self._dtls.start(now)
            self._flush_dtls()
        return True

    def _verify(self, address: bytes) -> None:
        if len(self.addresses) >= MAX_ADDRESSES:
            oldest = next(known for known in self.addresses if known != self.selected)
            self.addresses.remove(oldest)
            self._events.address_forgotten(self, oldest)
        self.addresses.append(address)
        self._events.address_verified(self, address)

    def address_lost(self, address: bytes) -> None:
        """A connection is gone; the next check says where to send instead."""
        if address in self.addresses:
            self.addresses.remove(address)
        if address == self.selected:
            self.selected = None

    def receive_dtls(self, datagram: bytes, now: float) -> None:
        """A DTLS datagram from a verified address."""
        if self.is_over:
            return
        if self._dtls is None:
            # Ahead of the session description: a browser that answers is always the client.
            self._dtls = DtlsConnection(self._certificate, "server", self._profiles)
        self._dtls.receive(datagram, now)
        self._after_dtls(now)

    def _after_dtls(self, now: float) -> None:
        dtls = self._dtls
        if dtls is None:
            return
        self._flush_dtls()
        if dtls.state == "failed":
            self._end("failed", "dtlsTimeout" if dtls.timed_out else "dtlsFailed")
        elif dtls.state == "closed":
            self._end("closed", "")
        elif dtls.state == "connected" and self.state == "new" and self._fingerprints:
            self._handshake_done(dtls)

    def _handshake_done(self, dtls: DtlsConnection) -> None:
        if not dtls.matches(self._fingerprints):
            self.log.warning("the certificate of %s is not the announced one", self.participant)
            dtls.close()
            self._flush_dtls()
            self._end("failed", "fingerprintMismatch")
            return
        keys = dtls.srtp_keys()
        if keys is None:
            self._end("failed", "dtlsFailed")
            return
        profile, local, remote = keys
        self.outbound = SrtpContext(profile, local, inbound=False)
        self.inbound = SrtpContext(profile, remote, inbound=True)
        self.state = "connected"
        self._events.transport_changed(self)

    def _flush_dtls(self) -> None:
        if self._dtls is None or self.selected is None:
            return
        for datagram in self._dtls.take_datagrams():
            self._send(datagram, self.selected)

    @property
    def tapped(self) -> bool:
        """Whether somebody is shown what is sent."""
        return self._send is not self._wire

    def tap(self, seen: Callable[[bytes, bytes], object] | None) -> None:
        """Show each datagram that is not media to `seen`, with its address, before it is sent;
        None: no more."""
        if seen is None:
            self._send = self._wire
            return

        def send(datagram: bytes, address: bytes) -> object:
            seen(datagram, address)
            return self._wire(datagram, address)

        self._send = send

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send a compound RTCP packet; nothing happens before keys are there."""
        if self.outbound is None or self.selected is None or self.is_over:
            return
        protected = self.outbound.protect_rtcp(packet)
        if protected is not None:
            self._send(protected, self.selected)

    def tick(self, now: float) -> None:
        """Handshake timers and consent; call it some times a second."""
        if self.is_over:
            return
        if self._dtls is not None:
            deadline = self._dtls.deadline()
            if deadline is not None and now >= deadline:
                self._dtls.handle_timeout(now)
                self._after_dtls(now)
                if self.is_over:
                    return
        if not self.is_checked:
            if now - self._opened_at > ICE_TIMEOUT:
                self._end("failed", "iceTimeout")
        elif now - self.last_heard > CONSENT_TIMEOUT:
            self._end("closed", "consentExpired")

    def close(self) -> None:
        """Say goodbye (DTLS close_notify) and end. `transport_changed` is not called."""
        if self.is_over:
            return
        if self._dtls is not None and self._dtls.state == "connected":
            self._dtls.close()
            self._flush_dtls()
        self.state = "closed"

    def _end(self, state: Literal["failed", "closed"], reason: Reason) -> None:
        self.state = state
        self.reason = reason
        self._events.transport_changed(self)
