"""One ICE / DTLS / SRTP association with a browser: who it is, where it is, and its keys.

Theory of operation. We are ICE-lite (RFC 8445 clause 2.5): the peer checks, we answer. A check
that carries our user name and is signed with our password makes its source address one of ours,
if no other transport has it; DTLS and SRTP are accepted from such addresses only. The peer asks
with USE-CANDIDATE to be sent to one, which is how a phone that leaves the Wi-Fi keeps its call. But
a source address can be forged, so its checks are answered with one of our own, and media goes only
where that was answered (`path`). An address that another transport has becomes ours by such an
answer too, and by nothing else.

Where media goes is chosen anew at each check, answer and tick: the nominated address if it can be
used, else the one in use, else the one last heard. When there is none, sending pauses (`is_open`).

An ICE restart (RFC 8445 clause 9) adds credentials to those in use. Both are good until the first
check under the new ones, which ends the old ones. Addresses, DTLS and keys stay as they are.

States go new -> connected -> failed or closed; the last two are final. The owner
gets `events`, feeds datagrams, and calls `tick`. Sans-I/O: sending is injected.
"""

from __future__ import annotations

import logging
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final, Literal, Protocol

from sfu.control import ConnectTransport, Fingerprint, OpenTransport
from sfu.net import stun
from sfu.net.dtls import Certificate, DtlsConnection
from sfu.net.framing import is_connection
from sfu.net.path import TAG_BYTES, Path
from sfu.net.srtp import SrtpContext, SrtpProfile

CONSENT_TIMEOUT: Final = 30.0
"""Seconds of silence after which a peer no longer consents (RFC 7675 clause 5.1)."""
ICE_TIMEOUT: Final = 30.0
"""Seconds that a new transport waits for its first check."""
MAX_ADDRESSES: Final = 16
"""Of one transport; the oldest unused one makes room."""
MAX_CONNECTIONS: Final = 2
"""The same of those that are TCP connections: one in use, one that is to replace it."""
MAX_FLIGHT: Final = 16
"""Datagrams of the handshake that wait for proof; OpenSSL repeats what is thrown away."""

State = Literal["new", "connected", "failed", "closed"]
Reason = Literal[
    "", "fingerprintMismatch", "dtlsFailed", "dtlsTimeout", "iceTimeout", "consentExpired"
]


class TransportEvents(Protocol):
    """What a transport reports to its owner."""

    def transport_changed(self, transport: WebRtcTransport, now: float) -> None:
        """`transport.state` is new."""

    def transport_checked(self, transport: WebRtcTransport) -> None:
        """The first authentic check came through."""

    def ufrag_forgotten(self, transport: WebRtcTransport, ufrag: bytes) -> None:
        """Checks under this user name are not good any more."""

    def address_claimed(self, transport: WebRtcTransport, address: bytes) -> bool:
        """Datagrams from `address` shall belong to `transport`; False where another has it."""

    def address_proven(self, transport: WebRtcTransport, address: bytes, now: float) -> None:
        """They do, whoever had it."""

    def address_forgotten(self, transport: WebRtcTransport, address: bytes, now: float) -> None:
        """They no longer do."""

    def address_selected(self, transport: WebRtcTransport, now: float) -> None:
        """`selected` or `is_open` has changed."""


class Credentials:
    """One generation of ICE user names and our password."""

    __slots__ = ("pwd", "remote_pwd", "remote_ufrag", "ufrag")

    def __init__(self, ufrag: str, pwd: str) -> None:
        self.ufrag = ufrag.encode()
        self.pwd = pwd.encode()
        self.remote_ufrag = b""
        """Empty until the peer's description is known; meanwhile any is accepted."""
        self.remote_pwd = b""


class WebRtcTransport:
    """The `Transport` to a browser; the receive path reads `inbound` directly."""

    def __init__(
        self,
        command: OpenTransport,
        certificate: Certificate,
        profiles: tuple[SrtpProfile, ...],
        events: TransportEvents,
        send: Callable[[bytes, bytes, float], object],
        now: float,
    ) -> None:
        """`send(datagram, address, now)` puts a datagram on the wire; `now` in seconds, steady."""
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
        self.tag = secrets.token_bytes(TAG_BYTES)
        """Begins the transaction id of each check of ours."""
        self._paths: dict[bytes, Path] = {}
        """By address, oldest first."""
        self._nominated: Path | None = None
        self._path: Path | None = None
        """The selected one."""
        self.selected: bytes | None = None
        """Where the peer is, as far as we know."""
        self.is_open = False
        """Media may go there: it is proven, and heard of late."""
        self._flight: deque[bytes] = deque(maxlen=MAX_FLIGHT)
        """DTLS that waits until it may be sent."""
        self._shook_with: set[bytes] = set()
        """Addresses that were sent some of the handshake, the first two."""
        self.inbound: SrtpContext | None = None
        self.outbound: SrtpContext | None = None
        self._is_used_up = False
        self.moves = 0
        """Times that `selected` was another."""
        self.last_heard = now
        self.log = logging.getLogger("sfu.transport")

    def __repr__(self) -> str:
        return f"<Transport {self.id} {self.direction} of {self.participant} {self.state}>"

    @property
    def is_over(self) -> bool:
        return self.state in ("failed", "closed")

    @property
    def addresses(self) -> list[bytes]:
        """From which datagrams are ours."""
        return [path.address for path in self._paths.values() if path.owned]

    @property
    def ufrags(self) -> tuple[bytes, ...]:
        """Our user names under which checks are good."""
        return tuple(credentials.ufrag for credentials in self._credentials)

    def restart_ice(self, ufrag: str, pwd: str) -> None:
        """Add new credentials; the earlier ones stay good until the first check under these.

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
        # During a restart the old name means only that the peer does not know of it yet.
        if remote_ufrag != self._credentials[0].remote_ufrag:
            self._credentials[-1].remote_ufrag = remote_ufrag
            self._credentials[-1].remote_pwd = command.remote_pwd.encode()
            for path in self._paths.values():
                self._ask(path, now, checked=True)
        if self._fingerprints or self.is_over:
            return
        self._fingerprints = command.fingerprints
        if self._dtls is None:
            self._dtls = DtlsConnection(self._certificate, command.dtls_role, self._profiles)
            if command.dtls_role == "client" and self._path is not None:
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
        path = self._paths.get(address) or self._add(address, now)
        path.received += message.size
        path.heard_at = now
        if not path.owned:
            self._claim(path)
        reply = stun.binding_success(message.transaction_id, source, credentials.pwd)
        if path.may_take(len(reply), now):
            self._send(reply, address, now)
        self._ask(path, now, checked=True)
        if message.use_candidate:
            self._nominated = path
        self._choose(now)
        if not self.is_checked:
            self.is_checked = True
            self._events.transport_checked(self)
        if self._dtls is not None and self._dtls.role == "client" and self._dtls.state == "new":
            self._dtls.start(now)
        self._flush_dtls(now)
        return True

    def receive_answer(self, message: stun.StunMessage, address: bytes, now: float) -> bool:
        """A binding response to a check of ours; False when it is not authentic."""
        path = self._paths.get(address)
        if path is None or self.is_over or message.transaction_id != path.transaction:
            return True  # late, or once more
        if not message.check_integrity(path.pwd):
            return False
        self.last_heard = now
        path.transaction = b""
        path.prove(now)
        if not path.owned:
            path.owned = True
            self._events.address_proven(self, address, now)
        self._choose(now)
        self._flush_dtls(now)
        return True

    def heard(self, address: bytes, now: float) -> None:
        """Authentic SRTP or SRTCP came from one of our addresses."""
        self.last_heard = now
        path = self._paths.get(address)
        if path is not None:
            path.heard_at = now
            if not self.is_open:
                self._choose(now)

    def _add(self, address: bytes, now: float) -> Path:
        path = Path(address, is_connection(address), now)
        connections = [known for known in self._paths.values() if known.is_connection]
        if path.is_connection and len(connections) >= MAX_CONNECTIONS:
            self._forget_one_of(connections, now)
        elif len(self._paths) >= MAX_ADDRESSES:
            self._forget_one_of(list(self._paths.values()), now)
        self._paths[address] = path
        return path

    def _forget_one_of(self, paths: list[Path], now: float) -> None:
        """The oldest that is not in use; one that is not ours first."""
        unused = [path for path in paths if path is not self._path]
        oldest = next((path for path in unused if not path.owned), unused[0])
        self._drop(oldest)
        self._events.address_forgotten(self, oldest.address, now)

    def _claim(self, path: Path) -> None:
        path.owned = self._events.address_claimed(self, path.address)

    def _drop(self, path: Path) -> None:
        del self._paths[path.address]
        if path is self._nominated:
            self._nominated = None

    def _ask(self, path: Path, now: float, *, checked: bool = False) -> None:
        """Check that the peer is there, if that is due."""
        credentials = self._credentials[0]
        if path.pwd != credentials.remote_pwd:
            path.pwd, path.transaction = credentials.remote_pwd, b""
        if not path.wants_check(now, checked=checked):
            return
        request = stun.binding_request(
            path.begin_check(self.tag, now),
            f"{credentials.remote_ufrag.decode()}:{credentials.ufrag.decode()}",
            path.pwd,
        )
        if path.may_take(len(request), now):
            self._send(request, path.address, now)

    def _choose(self, now: float) -> None:
        """Where to send, and whether."""
        usable = [path for path in self._paths.values() if path.is_usable(now)]
        # The handshake must go somewhere, within limits, when nothing is proven.
        among = usable or [path for path in self._paths.values() if path.owned]
        best: Path | None
        if self._nominated in among:
            best = self._nominated
        elif self._path in among:
            best = self._path
        else:
            best = max(among, key=lambda path: path.heard_at, default=None)
        self._select(best, now, is_open=best in usable)

    def _select(self, path: Path | None, now: float, *, is_open: bool) -> None:
        if path is self._path and is_open is self.is_open:
            return
        if path is not None and path is not self._path:
            self.moves += 1
        self._path = path
        self.selected = None if path is None else path.address
        self.is_open = is_open
        self._events.address_selected(self, now)

    def address_lost(self, address: bytes, now: float) -> None:
        """A connection is gone, or another transport has proven that the address is its own.

        What else is proven is used; else the next check names an address.
        """
        path = self._paths.get(address)
        if path is None:
            return
        self._drop(path)
        if path is self._path:
            self._choose(now)

    def receive_dtls(self, datagram: bytes, address: bytes, now: float) -> None:
        """A DTLS datagram from one of our addresses."""
        path = self._paths.get(address)
        if self.is_over or path is None:
            return
        path.received += len(datagram)
        if self._dtls is None:
            # Ahead of the session description: a browser that answers is always the client.
            self._dtls = DtlsConnection(self._certificate, "server", self._profiles)
        was = self._dtls.state
        self._dtls.receive(datagram, now)
        if was == "handshaking" and self._dtls.state == "connected":
            self._shaken(path, now)
        self._after_dtls(now)

    def _shaken(self, path: Path, now: float) -> None:
        """The peer's last flight came from there: it got ours, if it went nowhere else."""
        path.heard_at = now
        if self._shook_with == {path.address}:
            path.prove(now)
        self._choose(now)

    def _after_dtls(self, now: float) -> None:
        dtls = self._dtls
        if dtls is None:
            return
        self._flush_dtls(now)
        if dtls.state == "failed":
            self._end("failed", "dtlsTimeout" if dtls.timed_out else "dtlsFailed", now)
        elif dtls.state == "closed":
            self._end("closed", "", now)
        elif dtls.state == "connected" and self.state == "new" and self._fingerprints:
            self._handshake_done(dtls, now)

    def _handshake_done(self, dtls: DtlsConnection, now: float) -> None:
        if not dtls.matches(self._fingerprints):
            self.log.warning("the certificate of %s is not the announced one", self.participant)
            dtls.close()
            self._flush_dtls(now)
            self._end("failed", "fingerprintMismatch", now)
            return
        keys = dtls.srtp_keys()
        if keys is None:
            self._end("failed", "dtlsFailed", now)
            return
        profile, local, remote = keys
        self.outbound = SrtpContext(profile, local, inbound=False)
        self.inbound = SrtpContext(profile, remote, inbound=True)
        self.state = "connected"
        self._events.transport_changed(self, now)

    def _flush_dtls(self, now: float) -> None:
        """Send the handshake's datagrams, as many as may go to the selected address."""
        if self._dtls is None:
            return
        flight, path = self._flight, self._path
        flight.extend(self._dtls.datagrams_to_send())
        while flight and path is not None and path.may_take(len(flight[0]), now):
            if len(self._shook_with) < 2:
                self._shook_with.add(path.address)
            self._send(flight.popleft(), path.address, now)

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

        def send(datagram: bytes, address: bytes, now: float) -> object:
            seen(datagram, address)
            return self._wire(datagram, address, now)

        self._send = send

    def send_rtcp(self, packet: bytes, now: float) -> None:
        """Protect and send a compound RTCP packet; nothing happens while media may not be sent."""
        if self.outbound is None or self.selected is None or not self.is_open or self.is_over:
            return
        protected = self.outbound.protect_rtcp(packet)
        if protected is not None:
            self._send(protected, self.selected, now)

    def tick(self, now: float) -> None:
        """Handshake timers, our checks, and consent; call it some times a second."""
        if self.is_over:
            return
        if self._is_used_up:
            self._end("closed", "", now)
            return
        for path in self._paths.values():
            self._ask(path, now)
        if self.is_open and self._path is not None and not self._path.is_usable(now):
            self._choose(now)
        if self._dtls is not None:
            deadline = self._dtls.deadline()
            if deadline is not None and now >= deadline:
                self._dtls.handle_timeout(now)
                again = self._dtls.datagrams_to_send()
                if again:
                    # What was held back is among it.
                    self._flight.clear()
                    self._flight.extend(again)
                self._after_dtls(now)
                if self.is_over:
                    return
        if not self.is_checked:
            if now - self._opened_at > ICE_TIMEOUT:
                self._end("failed", "iceTimeout", now)
        elif now - self.last_heard > CONSENT_TIMEOUT:
            self._end("closed", "consentExpired", now)

    def use_up(self) -> None:
        """So many SSRCs were used under its keys that it must end: the peer gets another one."""
        self._is_used_up = True

    def close(self, now: float) -> None:
        """Send close_notify and end. `transport_changed` is not called."""
        if self.is_over:
            return
        if self._dtls is not None and self._dtls.state == "connected":
            self._dtls.close()
            self._flush_dtls(now)
        self.state = "closed"

    def _end(self, state: Literal["failed", "closed"], reason: Reason, now: float) -> None:
        self.state = state
        self.reason = reason
        self._events.transport_changed(self, now)
