"""Handshakes between two of our own and with aiortc's certificate handling, in simulated time."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Literal

import pytest
from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL

from sfu.control import Fingerprint
from sfu.net import dtls, srtp
from sfu.net.dtls import Certificate, DtlsConnection


def shake(a: DtlsConnection, b: DtlsConnection, now: float = 0.0) -> None:
    for _ in range(10):
        for datagram in a.datagrams_to_send():
            assert len(datagram) <= dtls.MTU
            b.receive(datagram, now)
        for datagram in b.datagrams_to_send():
            assert len(datagram) <= dtls.MTU
            a.receive(datagram, now)


def pair(*server_order: srtp.SrtpProfile) -> tuple[DtlsConnection, DtlsConnection]:
    client = DtlsConnection(Certificate.generate(), "client")
    server = DtlsConnection(Certificate.generate(), "server", server_order or srtp.PROFILES)
    client.start(0.0)
    return client, server


@pytest.mark.parametrize("profile", srtp.PROFILES, ids=lambda p: p.name)
def test_the_server_s_order_of_profiles_wins(profile: srtp.SrtpProfile) -> None:
    others = tuple(p for p in srtp.PROFILES if p is not profile)
    client, server = pair(profile, *others)
    shake(client, server)
    assert (client.state, server.state) == ("connected", "connected")
    ours, theirs = client.srtp_keys(), server.srtp_keys()
    assert ours is not None
    assert theirs is not None
    assert ours[0] is theirs[0] is profile
    assert ours[1:] == (theirs[2], theirs[1])
    assert len(ours[1]) == profile.key_length + profile.salt_length


def test_fingerprints_identify_the_peer() -> None:
    client_certificate, server_certificate = Certificate.generate(), Certificate.generate()
    client = DtlsConnection(client_certificate, "client")
    server = DtlsConnection(server_certificate, "server")
    client.start(0.0)
    assert client.peer_fingerprint("sha-256") is None
    shake(client, server)
    assert client.matches((server_certificate.fingerprint,))
    assert server.matches((client_certificate.fingerprint,))
    lower = client_certificate.fingerprint.value.lower()
    assert server.matches((Fingerprint("SHA-256", lower),))
    assert not server.matches((server_certificate.fingerprint,))
    assert not server.matches((Fingerprint("md5", "00"),))
    assert not server.matches(())


def test_a_lost_flight_is_sent_again() -> None:
    client = DtlsConnection(Certificate.generate(), "client")
    server = DtlsConnection(Certificate.generate(), "server")
    client.start(time.monotonic())
    # It is lost.
    assert client.datagrams_to_send()
    # OpenSSL counts real time: wait for just what it asks for.
    while not (again := client.datagrams_to_send()):
        deadline = client.deadline()
        assert deadline is not None
        time.sleep(max(0.0, deadline - time.monotonic()))
        client.handle_timeout(now := time.monotonic())
    server.receive(again[0], now)
    shake(client, server, now)
    assert client.state == "connected"


def test_a_handshake_that_never_answers_is_given_up() -> None:
    client, _ = pair()
    client.handle_timeout(dtls.HANDSHAKE_TIMEOUT + 1)
    assert client.state == "failed"
    assert client.timed_out
    assert client.deadline() is None


def test_close_notify_reaches_the_peer() -> None:
    client, server = pair()
    shake(client, server)
    server.close()
    for datagram in server.datagrams_to_send():
        client.receive(datagram, 0.0)
    assert (client.state, server.state) == ("closed", "closed")


def test_garbage_neither_raises_nor_ends_a_connection() -> None:
    client, server = pair()
    for datagram in (b"\x16", b"\x16\xfe\xfd" + bytes(10), bytes(range(20, 64)) * 20):
        server.receive(datagram, 0.0)
    shake(client, server)
    for datagram in (b"\x17", b"\x15\xfe\xfd" + bytes(30), b"\x17\xfe\xfd" + bytes(60)):
        server.receive(datagram, 0.0)
    assert server.state == "connected"


def test_the_fingerprint_is_the_one_aiortc_computes() -> None:
    certificate = RTCCertificate.generateCertificate()
    theirs = {f.algorithm: f.value for f in certificate.getFingerprints()}
    assert dtls.digest(certificate._cert, "sha-256") == theirs["sha-256"]
    assert dtls.digest(certificate._cert, "SHA-512") == theirs["sha-512"]


class Renegotiator:
    """A peer that asks for a second handshake under the first one's keys."""

    def __init__(self, role: str) -> None:
        certificate = Certificate.generate()
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_certificate(certificate._certificate)
        context.use_privatekey(certificate._key)
        context.set_tlsext_use_srtp(b":".join(p.openssl_name for p in srtp.PROFILES))
        # Any certificate will do: which one it is, is not what is tried here.
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        self.ssl = SSL.Connection(context)
        self.ssl.set_ciphertext_mtu(dtls.MTU)
        if role == "client":
            self.ssl.set_connect_state()
        else:
            self.ssl.set_accept_state()

    def exchange(self, other: DtlsConnection) -> None:
        for _ in range(8):
            with suppress(SSL.Error):
                self.ssl.do_handshake()
            with suppress(SSL.Error):
                self.ssl.recv(100)
            for datagram in other.datagrams_to_send():
                self.ssl.bio_write(datagram)
            with suppress(SSL.Error):
                while True:
                    other.receive(self.ssl.bio_read(2000), 0.0)


@pytest.mark.parametrize("role", ["server", "client"])
def test_there_is_no_second_handshake(role: Literal["server", "client"]) -> None:
    ours = DtlsConnection(Certificate.generate(), role)
    peer = Renegotiator("client" if role == "server" else "server")
    ours.start(0.0)
    peer.exchange(ours)
    assert ours.state == "connected"
    keys = ours.srtp_keys()
    peer.ssl.renegotiate()
    peer.exchange(ours)
    # It was asked for.
    assert peer.ssl.total_renegotiations() == 1
    assert ours._ssl.total_renegotiations() == 0
    assert ours.srtp_keys() == keys
