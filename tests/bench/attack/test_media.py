"""The attacks' own tools do what they say: against a peer that lets them, they come about."""

from OpenSSL import SSL

from bench.attack.media import LenientCertificate, Renegotiator
from sfu.net.dtls import Certificate, DtlsConnection

ALLOW_CLIENT_RENEGOTIATION = 1 << 8
"""SSL_OP_ALLOW_CLIENT_RENEGOTIATION; pyOpenSSL has no name for it."""


class WelcomingCertificate(LenientCertificate):
    def context(self, profiles):
        context: SSL.Context = super().context(profiles)
        context.set_options(ALLOW_CLIENT_RENEGOTIATION)
        return context


def renegotiate_with(certificate):
    server = DtlsConnection(certificate, "server")
    client = Renegotiator(LenientCertificate.generate(), "client")

    def exchange():
        for _ in range(10):
            for datagram in client.datagrams_to_send():
                server.receive(datagram, 0.0)
            for datagram in server.datagrams_to_send():
                client.receive(datagram, 0.0)

    client.start(0.0)
    exchange()
    assert client.state == server.state == "connected"
    client.again()
    exchange()
    return client.times


def test_a_renegotiation_comes_about_with_a_server_that_allows_it():
    assert renegotiate_with(WelcomingCertificate.generate()) == 1


def test_ours_refuses_it():
    assert renegotiate_with(Certificate.generate()) == 0
