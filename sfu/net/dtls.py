"""DTLS 1.2 with use_srtp (RFC 5763, RFC 5764) over a memory BIO.

Sans-I/O: the owner feeds datagrams to `receive`, sends what `datagrams_to_send` gives, and calls
`handle_timeout` when `deadline` has passed. OpenSSL keeps its own retransmission clock, so the
deadline is asked of it and not computed here. The certificate of the peer is accepted by
OpenSSL whatever it is: who owns the connection must compare `peer_fingerprint` with what
signaling brought before it asks for `srtp_keys`.
"""

from __future__ import annotations

import datetime
import secrets
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto

from sfu.control import Fingerprint
from sfu.net.srtp import PROFILES, SrtpProfile

MTU = 1200
"""Bytes of a datagram: without it a flight with a certificate does not fit and never arrives."""

HANDSHAKE_TIMEOUT = 30.0
"""Seconds from `start` until a handshake is given up."""

_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA"
)
_EXPORTER_LABEL = b"EXTRACTOR-dtls_srtp"
_MAX_DATAGRAM = 1500

State = Literal["new", "handshaking", "connected", "failed", "closed"]

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha-256": hashes.SHA256,
    "sha-384": hashes.SHA384,
    "sha-512": hashes.SHA512,
    "sha-1": hashes.SHA1,
}


def digest(certificate: x509.Certificate, algorithm: str) -> str | None:
    """The fingerprint as SDP writes it (RFC 8122), or None for an unknown hash name."""
    kind = _HASHES.get(algorithm.lower())
    if kind is None:
        return None
    return certificate.fingerprint(kind()).hex(":").upper()


class Certificate:
    """A self-signed key pair for DTLS, made anew at each start of a worker."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate
        self._contexts: dict[tuple[SrtpProfile, ...], SSL.Context] = {}

    @classmethod
    def generate(cls) -> Certificate:
        """A new P-256 key and a certificate valid for 30 days, as browsers make them."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, secrets.token_hex(8))])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @property
    def fingerprint(self) -> Fingerprint:
        """SHA-256 of the certificate."""
        value = digest(self._certificate, "sha-256")
        assert value is not None
        return Fingerprint("sha-256", value)

    def pem(self) -> bytes:
        """The certificate alone, for diagnosis."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def context(self, profiles: tuple[SrtpProfile, ...]) -> SSL.Context:
        """An OpenSSL context that offers `profiles` in this order; made once for each order."""
        context = self._contexts.get(profiles)
        if context is None:
            context = SSL.Context(SSL.DTLS_METHOD)
            # OpenSSL lets no client renegotiate unless asked to, but a server may ask us.
            context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
            context.use_certificate(self._certificate)
            context.use_privatekey(self._key)
            context.set_cipher_list(_CIPHERS)
            context.set_tlsext_use_srtp(b":".join(p.openssl_name for p in profiles))
            self._contexts[profiles] = context
        return context


class DtlsConnection:
    """One DTLS association."""

    def __init__(
        self,
        certificate: Certificate,
        role: Literal["server", "client"],
        profiles: tuple[SrtpProfile, ...] = PROFILES,
    ) -> None:
        self.state: State = "new"
        self.role = role
        self._ssl = SSL.Connection(certificate.context(profiles))
        self._ssl.set_ciphertext_mtu(MTU)
        if role == "server":
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()
        self._give_up_at = 0.0
        self._timer_at: float | None = None
        self.timed_out = False

    def start(self, now: float) -> None:
        """Begin: a client's first flight is ready afterwards. `now` in seconds, monotonic."""
        if self.state == "new":
            self.state = "handshaking"
            self._give_up_at = now + HANDSHAKE_TIMEOUT
            self._advance(now)

    def receive(self, datagram: bytes, now: float) -> None:
        """Receive one DTLS datagram; a malformed one is ignored (RFC 6347 clause 4.1.2.7)."""
        if self.state in ("failed", "closed"):
            return
        if self.state == "new":
            self.start(now)
        self._ssl.bio_write(datagram)
        if self.state == "handshaking":
            self._advance(now)
        elif self.state == "connected":
            self._read()

    def _advance(self, now: float) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            timeout = self._ssl.DTLSv1_get_timeout()
            self._timer_at = None if timeout is None else now + timeout
        except SSL.Error:
            self.state = "failed"
        else:
            self.state = "connected"
            self._timer_at = None

    def _read(self) -> None:
        """Application data is not ours; alerts and repeated flights are handled by OpenSSL."""
        try:
            while True:
                self._ssl.recv(_MAX_DATAGRAM)
        except SSL.WantReadError:
            return
        except SSL.ZeroReturnError:
            self.state = "closed"
        except SSL.Error:
            self.state = "failed"

    def deadline(self) -> float | None:
        """When `handle_timeout` wants to be called (monotonic seconds)."""
        if self.state != "handshaking":
            return None
        if self._timer_at is None:
            return self._give_up_at
        return min(self._timer_at, self._give_up_at)

    def handle_timeout(self, now: float) -> None:
        """Repeat the last flight, or fail with `timed_out` set."""
        if self.state != "handshaking":
            return
        if now >= self._give_up_at:
            self.state = "failed"
            self.timed_out = True
            return
        if self._timer_at is not None and now >= self._timer_at:
            try:
                self._ssl.DTLSv1_handle_timeout()
            except SSL.Error:
                self.state = "failed"
                return
            timeout = self._ssl.DTLSv1_get_timeout()
            self._timer_at = None if timeout is None else now + max(timeout, 0.01)

    def datagrams_to_send(self) -> list[bytes]:
        """What to send now, in order."""
        datagrams = []
        try:
            while True:
                datagrams.append(self._ssl.bio_read(_MAX_DATAGRAM))
        except SSL.Error:  # WantReadError: drained
            return _split_records(datagrams)

    def peer_fingerprint(self, algorithm: str) -> str | None:
        """Of the peer's certificate, or None: unknown hash, or no certificate yet."""
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return None
        return digest(certificate, algorithm)

    def matches(self, fingerprints: tuple[Fingerprint, ...]) -> bool:
        """Whether the peer's certificate is one of those that signaling named (RFC 8122 5)."""
        return any(
            self.peer_fingerprint(wanted.algorithm) == wanted.value.upper()
            for wanted in fingerprints
        )

    def srtp_keys(self) -> tuple[SrtpProfile, bytes, bytes] | None:
        """Profile, our and the peer's master key + salt (RFC 5764 clause 4.2).

        None when the peer negotiated no SRTP profile. Only when `state` is `connected`.
        """
        name = self._ssl.get_selected_srtp_profile()
        profile = next((p for p in PROFILES if p.openssl_name == name), None)
        if profile is None:
            return None
        key, salt = profile.key_length, profile.salt_length
        material = self._ssl.export_keying_material(_EXPORTER_LABEL, 2 * (key + salt))
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        return (profile, server, client) if self.role == "server" else (profile, client, server)

    def close(self) -> None:
        """Queue close_notify (see `datagrams_to_send`)."""
        if self.state == "connected":
            try:
                self._ssl.shutdown()
            except (SSL.Error, crypto.Error):
                self.state = "failed"
                return
        self.state = "closed"


def _split_records(chunks: list[bytes]) -> list[bytes]:
    """Pack DTLS records into datagrams of at most `MTU` bytes.

    The memory BIO is a byte stream: a read may return several records or a flight's end and the
    next one's beginning. Records are cut at their own length (RFC 6347 clause 4.1).
    """
    data = b"".join(chunks)
    datagrams: list[bytes] = []
    start = at = 0
    while at + 13 <= len(data):
        size = 13 + int.from_bytes(data[at + 11 : at + 13], "big")
        if at > start and at + size - start > MTU:
            datagrams.append(data[start:at])
            start = at
        at += size
    if start < len(data):
        datagrams.append(data[start:])
    return datagrams
