"""A transport's life in simulated time: checks, consent, addresses, early and late descriptions."""

from __future__ import annotations

from sfu import control
from sfu.net import stun
from sfu.net.dtls import Certificate, DtlsConnection
from sfu.net.framing import CONNECTION_FAMILY
from sfu.net.path import PROOF_LASTS, SILENCE
from sfu.net.srtp import PROFILES
from sfu.net.webrtc_transport import (
    CONSENT_TIMEOUT,
    ICE_TIMEOUT,
    MAX_ADDRESSES,
    MAX_CONNECTIONS,
    WebRtcTransport,
)

HOME, AWAY = b"address-at-home.", b"address-on-road."
SOURCE = ("192.0.2.1", 5000)


class Owner:
    """Writes down what the transport reports and sends."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.verified: list[bytes] = []
        self.taken: set[bytes] = set()
        """Addresses that other transports have."""
        self.refused = 0
        self.selected: list[bytes | None] = []
        self.sent: list[tuple[bytes, bytes]] = []
        self.checked = 0
        self.forgotten_ufrags: list[bytes] = []

    def transport_changed(self, transport: WebRtcTransport, now: float) -> None:
        self.changes.append((transport.state, transport.reason))

    def transport_checked(self, transport: WebRtcTransport) -> None:
        self.checked += 1

    def ufrag_forgotten(self, transport: WebRtcTransport, ufrag: bytes) -> None:
        self.forgotten_ufrags.append(ufrag)

    def address_claimed(self, transport: WebRtcTransport, address: bytes) -> bool:
        if address in self.taken:
            self.refused += 1
            return False
        self.verified.append(address)
        return True

    def address_proven(self, transport: WebRtcTransport, address: bytes, now: float) -> None:
        self.taken.remove(address)
        self.verified.append(address)

    def address_forgotten(self, transport: WebRtcTransport, address: bytes, now: float) -> None:
        if address in self.verified:
            self.verified.remove(address)

    def address_selected(self, transport: WebRtcTransport, now: float) -> None:
        self.selected.append(transport.selected)

    def send(self, datagram: bytes, address: bytes, now: float) -> None:
        self.sent.append((datagram, address))


class Scene:
    def __init__(self) -> None:
        self.owner = Owner()
        command = control.OpenTransport(
            transport="t",
            router="r",
            participant="alice",
            direction="publish",
            ice_ufrag="ours",
            ice_pwd="password",
        )
        self.transport = WebRtcTransport(
            command, Certificate.generate(), PROFILES, self.owner, self.owner.send, 0.0
        )
        self.certificate = Certificate.generate()
        self.dtls = DtlsConnection(self.certificate, "client")

    def check(
        self,
        now: float,
        address: bytes = HOME,
        *,
        nominate: bool = True,
        password: bytes = b"password",
        remote: str = "theirs",
        ours: str = "ours",
    ) -> bool:
        request = stun.binding_request(
            bytes(12), f"{ours}:{remote}", password, controlling=1, use_candidate=nominate
        )
        message = stun.parse(request)
        assert message is not None
        return self.transport.receive_check(message, address, SOURCE, now)

    def announce(self, now: float = 0.0, remote: str = "theirs", pwd: str | None = None) -> None:
        self.transport.connect(
            control.ConnectTransport(
                transport="t",
                remote_ufrag=remote,
                remote_pwd=f"{remote}-password" if pwd is None else pwd,
                fingerprints=(self.certificate.fingerprint,),
                dtls_role="server",
            ),
            now,
        )

    def asked(self, address: bytes) -> list[stun.StunMessage]:
        """The transport's own checks of an address."""
        found = [stun.parse(datagram) for datagram, to in self.owner.sent if to == address]
        return [one for one in found if one is not None and one.cls == stun.CLASS_REQUEST]

    def answer(
        self, now: float, address: bytes = HOME, *, remote: str = "theirs", guessed: bytes = b""
    ) -> bool:
        """Answer its last check, if it sent one; or one whose transaction id was guessed."""
        asked = self.asked(address)
        if not asked and not guessed:
            return False
        transaction = guessed or asked[-1].transaction_id
        reply = stun.binding_success(transaction, SOURCE, f"{remote}-password".encode())
        message = stun.parse(reply)
        assert message is not None
        return self.transport.receive_answer(message, address, now)

    def octets(self, address: bytes) -> int:
        """Bytes that were sent there."""
        return sum(len(datagram) for datagram, to in self.owner.sent if to == address)

    def shake(self, now: float, address: bytes = HOME) -> None:
        self.dtls.start(now)
        for _ in range(6):
            self.answer(now, address)
            for datagram in self.dtls.datagrams_to_send():
                self.transport.receive_dtls(datagram, address, now)
            for datagram, _ in self.owner.sent:
                if 20 <= datagram[0] <= 63:
                    self.dtls.receive(datagram, now)
            self.owner.sent.clear()


def connected() -> Scene:
    scene = Scene()
    scene.announce()
    assert scene.check(1.0)
    scene.shake(1.0)
    assert scene.owner.changes == [("connected", "")]
    return scene


def test_keys_come_with_the_description_early_or_late() -> None:
    connected()
    scene = Scene()
    scene.check(1.0)
    scene.shake(1.0)
    assert scene.owner.changes == []
    scene.announce(2.0)
    assert scene.owner.changes == [("connected", "")]


def test_only_an_authentic_check_verifies_an_address() -> None:
    scene = Scene()
    assert not scene.check(1.0, password=b"wrong")
    assert scene.owner.verified == []
    assert scene.owner.sent == []
    scene.announce()
    assert not scene.check(1.0, remote="somebody")
    assert scene.check(1.0)
    assert scene.owner.verified == [HOME]
    answer = stun.parse(scene.owner.sent[0][0])
    assert answer is not None
    assert answer.mapped_address() == SOURCE


def test_the_nominated_address_is_sent_to() -> None:
    scene = connected()
    scene.check(2.0, AWAY, nominate=False)
    assert scene.transport.selected == HOME
    scene.check(3.0, AWAY, nominate=True)
    assert scene.transport.selected == HOME
    scene.answer(3.1, AWAY)
    assert scene.transport.selected == AWAY
    assert scene.owner.verified == [HOME, AWAY]
    scene.transport.send_rtcp(b"\x80\xc9\x00\x01" + bytes(4), 3.1)
    assert scene.owner.sent[-1][1] == AWAY


def test_addresses_are_bounded_and_the_selected_one_stays() -> None:
    scene = connected()
    for number in range(3 * MAX_ADDRESSES):
        scene.check(2.0, b"%016d" % number, nominate=False)
    assert len(scene.owner.verified) == MAX_ADDRESSES
    assert HOME in scene.owner.verified


def test_silence_ends_consent() -> None:
    scene = connected()
    scene.transport.tick(1.0 + CONSENT_TIMEOUT)
    assert scene.owner.changes == [("connected", "")]
    scene.check(20.0)
    scene.transport.tick(20.0 + CONSENT_TIMEOUT)
    scene.transport.tick(20.5 + CONSENT_TIMEOUT)
    assert scene.owner.changes[1:] == [("closed", "consentExpired")]


def test_a_browser_that_never_checks_is_given_up() -> None:
    scene = Scene()
    scene.transport.tick(ICE_TIMEOUT)
    assert scene.owner.changes == []
    scene.transport.tick(ICE_TIMEOUT + 1)
    assert scene.owner.changes == [("failed", "iceTimeout")]


def test_a_handshake_that_never_comes_is_given_up() -> None:
    scene = Scene()
    scene.announce()
    scene.check(1.0)
    scene.dtls.start(1.0)
    scene.transport.receive_dtls(scene.dtls.datagrams_to_send()[0], HOME, 1.0)
    for second in range(2, 40, 2):
        scene.check(float(second))
        scene.transport.tick(float(second))
    assert scene.owner.changes == [("failed", "dtlsTimeout")]


def test_close_notify_closes() -> None:
    scene = connected()
    scene.dtls.close()
    for datagram in scene.dtls.datagrams_to_send():
        scene.transport.receive_dtls(datagram, HOME, 2.0)
    assert scene.owner.changes[-1] == ("closed", "")
    scene.transport.tick(100.0)
    assert len(scene.owner.changes) == 2


def test_as_dtls_client_we_begin_when_the_peer_is_known() -> None:
    scene = Scene()
    scene.dtls = DtlsConnection(scene.certificate, "server")
    scene.transport.connect(
        control.ConnectTransport(
            transport="t",
            remote_ufrag="theirs",
            fingerprints=(scene.certificate.fingerprint,),
            dtls_role="client",
        ),
        0.0,
    )
    assert scene.owner.sent == []
    scene.check(1.0)
    hello = [datagram for datagram, _ in scene.owner.sent if 20 <= datagram[0] <= 63]
    assert hello
    for _ in range(6):
        for datagram, _address in scene.owner.sent:
            if 20 <= datagram[0] <= 63:
                scene.dtls.receive(datagram, 1.0)
        scene.owner.sent.clear()
        for datagram in scene.dtls.datagrams_to_send():
            scene.transport.receive_dtls(datagram, HOME, 1.0)
    assert scene.owner.changes == [("connected", "")]


def test_the_first_check_is_reported_once() -> None:
    scene = Scene()
    scene.check(1.0, password=b"wrong")
    assert scene.owner.checked == 0
    scene.check(2.0)
    scene.check(3.0, AWAY)
    assert scene.owner.checked == 1


def test_an_ice_restart_takes_over_with_its_first_check() -> None:
    scene = connected()
    scene.transport.restart_ice("ours2", "password2")
    scene.announce(2.0, remote="theirs2")
    assert scene.transport.ufrags == (b"ours", b"ours2")
    assert scene.check(3.0)
    assert not scene.check(3.0, ours="ours2", password=b"password", remote="theirs2")
    assert not scene.check(3.0, ours="ours2", password=b"password2", remote="theirs")
    assert not scene.check(3.0, ours="ours", password=b"password", remote="theirs2")
    assert scene.owner.forgotten_ufrags == []
    scene.owner.sent.clear()
    assert scene.check(4.0, AWAY, ours="ours2", password=b"password2", remote="theirs2")
    answer = stun.parse(scene.owner.sent[0][0])
    assert answer is not None
    assert answer.check_integrity(b"password2")
    assert scene.owner.forgotten_ufrags == [b"ours"]
    assert not scene.check(5.0)
    assert scene.answer(5.0, AWAY, remote="theirs2")
    assert scene.transport.selected == AWAY
    assert scene.owner.changes == [("connected", "")]


def test_a_restart_may_be_checked_before_its_answer_is_known() -> None:
    scene = connected()
    scene.transport.restart_ice("ours2", "password2")
    # Another change of the session, which the peer answered before.
    scene.announce(2.0)
    assert scene.check(3.0, AWAY, ours="ours2", password=b"password2", remote="theirs2")
    scene.announce(4.0, remote="theirs2")
    assert scene.check(5.0, AWAY, ours="ours2", password=b"password2", remote="theirs2")
    assert not scene.check(5.0, AWAY, ours="ours2", password=b"password2", remote="theirs")


def test_a_restart_that_nobody_took_up_is_replaced() -> None:
    scene = connected()
    scene.transport.restart_ice("ours2", "password2")
    scene.transport.restart_ice("ours3", "password3")
    scene.transport.restart_ice("ours3", "password3")
    assert scene.owner.forgotten_ufrags == [b"ours2"]
    assert scene.transport.ufrags == (b"ours", b"ours3")
    assert not scene.check(3.0, ours="ours2", password=b"password2")
    assert scene.check(4.0, ours="ours3", password=b"password3", remote="any")
    scene.transport.tick(4.0 + CONSENT_TIMEOUT)
    assert scene.owner.changes == [("connected", "")]
    scene.transport.tick(4.5 + CONSENT_TIMEOUT)
    assert scene.owner.changes[1:] == [("closed", "consentExpired")]


def test_a_lost_connection_is_replaced_by_the_next_check() -> None:
    scene = connected()
    scene.transport.address_lost(HOME, 1.0)
    assert scene.transport.addresses == []
    scene.owner.sent.clear()
    scene.transport.send_rtcp(b"\x80\xc9\x00\x01" + bytes(4), 1.0)
    assert scene.owner.sent == []
    scene.transport.tick(1.0 + CONSENT_TIMEOUT)
    assert scene.owner.changes == [("connected", "")]
    scene.check(20.0, AWAY, nominate=False)
    assert scene.transport.selected == AWAY
    scene.transport.tick(20.5 + CONSENT_TIMEOUT)
    assert scene.owner.changes[1:] == [("closed", "consentExpired")]


def test_an_outage_of_29_seconds_ends_nothing() -> None:
    scene = connected()
    for tenth in range(10, 300):
        scene.transport.tick(tenth / 10)
    scene.check(30.0, AWAY)
    scene.answer(30.1, AWAY)
    assert scene.owner.changes == [("connected", "")]
    assert scene.transport.selected == AWAY


def test_an_outage_of_20_seconds_only_delays_the_handshake() -> None:
    scene = Scene()
    scene.announce()
    scene.check(1.0)
    scene.dtls.start(1.0)
    scene.transport.receive_dtls(scene.dtls.datagrams_to_send()[0], HOME, 1.0)
    for tenth in range(10, 210):
        scene.transport.tick(tenth / 10)
    scene.check(21.0, AWAY)
    scene.answer(21.1, AWAY)
    scene.shake(21.2, AWAY)
    assert scene.owner.changes == [("connected", "")]
    assert scene.transport.selected == AWAY


# Where media may go.


def test_an_address_is_proven_by_an_answer_that_cannot_be_guessed() -> None:
    scene = Scene()
    scene.announce()
    scene.check(1.0)
    assert not scene.transport.is_open
    (request,) = scene.asked(HOME)
    assert request.username == b"theirs:ours"
    assert request.check_integrity(b"theirs-password")
    assert request.controlling is False
    scene.answer(1.1, guessed=request.transaction_id[:4] + bytes(8))
    assert not scene.answer(1.1, remote="somebody")
    assert not scene.transport.is_open
    assert scene.answer(1.2)
    assert scene.transport.is_open


def test_the_handshake_proves_the_address_that_its_flight_went_to() -> None:
    scene = Scene()
    scene.announce(pwd="")
    scene.check(1.0)
    scene.shake(1.0)
    assert scene.owner.changes == [("connected", "")]
    assert scene.transport.is_open
    # Whose flight went elsewhere may have been seen there.
    scene = Scene()
    scene.announce(pwd="")
    scene.check(1.0)
    scene.dtls.start(1.0)
    scene.transport.receive_dtls(scene.dtls.datagrams_to_send()[0], HOME, 1.0)
    scene.check(1.0, AWAY)
    scene.shake(1.0, AWAY)
    assert scene.owner.changes == [("connected", "")]
    assert not scene.transport.is_open


def test_an_address_that_is_not_proven_gets_little_however_often_it_is_named() -> None:
    scene = connected()
    came = 0
    scene.owner.sent.clear()
    for tenth in range(20, 720):
        now = tenth / 10
        if tenth % 10 == 0:
            # From somewhere else the one who forges keeps the call alive.
            assert scene.check(now)
            scene.answer(now)
            assert scene.check(now, AWAY)
            came += 120
        scene.transport.tick(now)
        scene.transport.send_rtcp(b"\x80\xc9\x00\x01" + bytes(800), now)
    assert scene.transport.selected == HOME
    assert 0 < scene.octets(AWAY) <= 3 * came


def test_neither_does_it_when_all_else_is_silent() -> None:
    scene = connected()
    scene.owner.sent.clear()
    for tenth in range(20, 720):
        now = tenth / 10
        if tenth % 10 == 0:
            assert scene.check(now, AWAY)
        scene.transport.tick(now)
        scene.transport.send_rtcp(b"\x80\xc9\x00\x01" + bytes(800), now)
    assert not scene.transport.is_open
    assert scene.octets(AWAY) <= 3 * 70 * 120


def test_sending_pauses_where_nothing_comes_from_and_goes_on_at_the_first_sign() -> None:
    scene = connected()
    scene.answer(1.0)
    scene.transport.tick(1.0 + SILENCE)
    assert scene.transport.is_open
    scene.transport.tick(1.1 + SILENCE)
    assert not scene.transport.is_open
    assert scene.transport.selected == HOME
    scene.owner.sent.clear()
    scene.transport.send_rtcp(b"\x80\xc9\x00\x01" + bytes(4), 1.1 + SILENCE)
    assert scene.owner.sent == []
    scene.transport.heard(HOME, 9.0)
    assert scene.transport.is_open
    for tenth in range(90, 200):
        scene.transport.tick(tenth / 10)
    assert not scene.transport.is_open
    # We ask meanwhile, so that it need not wait for the peer's next check.
    assert scene.answer(20.0)
    assert scene.transport.is_open


def test_one_check_of_the_peer_may_be_lost() -> None:
    scene = connected()
    for tenth in range(10, 600):
        scene.transport.tick(tenth / 10)
        if tenth % 60 == 0 and tenth != 300:
            scene.check(tenth / 10)
        scene.answer(tenth / 10)
        scene.owner.sent.clear()
        assert scene.transport.is_open, tenth


def test_another_proven_address_is_used_when_the_selected_one_falls_silent() -> None:
    scene = connected()
    for second in range(2, 20):
        scene.check(float(second), AWAY, nominate=False)
        scene.answer(second + 0.1, AWAY)
        scene.transport.tick(second + 0.2)
        expected = HOME if second + 0.2 - 1.0 <= SILENCE else AWAY
        assert scene.transport.selected == expected
        assert scene.transport.is_open
    # The nominated one is back.
    scene.check(20.0)
    assert scene.transport.selected == HOME


def test_a_proof_lasts_as_long_as_consent() -> None:
    scene = connected()
    for second in range(2, 60):
        # It is no longer there, but somebody forges checks from there.
        scene.check(float(second))
        scene.transport.tick(float(second))
        assert scene.transport.is_open is (second - 1.0 < PROOF_LASTS)
    scene.owner.sent.clear()
    scene.check(60.0)
    assert scene.answer(60.1)
    assert scene.transport.is_open


def test_the_address_of_another_is_taken_over_by_proof_only() -> None:
    scene = connected()
    scene.owner.taken.add(AWAY)
    for second in range(2, 6):
        scene.check(float(second), AWAY)
    assert scene.owner.refused == 4
    assert scene.transport.addresses == [HOME]
    assert scene.transport.selected == HOME
    assert scene.answer(6.0, AWAY)
    assert scene.owner.taken == set()
    assert scene.transport.selected == AWAY


def test_who_loses_its_address_proves_the_next_one() -> None:
    scene = connected()
    scene.check(2.0, AWAY, nominate=False)
    scene.answer(2.0, AWAY)
    scene.transport.address_lost(HOME, 3.0)
    assert scene.transport.selected == AWAY
    scene.transport.address_lost(AWAY, 4.0)
    assert (scene.transport.selected, scene.transport.is_open) == (None, False)
    scene.owner.sent.clear()
    scene.check(5.0)
    assert not scene.transport.is_open
    assert scene.answer(5.1)
    assert scene.transport.is_open


def test_a_description_that_comes_late_is_checked_at_once() -> None:
    scene = Scene()
    scene.check(1.0)
    assert scene.asked(HOME) == []
    scene.announce(1.1)
    assert scene.answer(1.2)
    assert scene.transport.is_open


def test_a_flight_waits_for_proof_and_not_for_a_timer() -> None:
    scene = Scene()
    scene.check(1.0)
    scene.dtls.start(1.0)
    (hello,) = scene.dtls.datagrams_to_send()
    scene.owner.sent.clear()
    scene.transport.receive_dtls(hello, HOME, 1.1)
    before = scene.octets(HOME)
    assert before <= 3 * (120 + len(hello))
    scene.announce(1.1)
    scene.answer(1.2)
    flight = [datagram for datagram, _ in scene.owner.sent if 20 <= datagram[0] <= 63]
    for datagram in flight:
        scene.dtls.receive(datagram, 1.2)
    # Its last flight: it has got all of ours.
    assert len(scene.dtls.datagrams_to_send()) >= 1


def test_a_connection_is_proven_and_there_are_two_at_most() -> None:
    scene = Scene()
    scene.announce()
    dialled = [CONNECTION_FAMILY + bytes((number,)) + bytes(13) for number in range(5)]
    for address in dialled:
        assert scene.check(1.0, address)
        assert scene.transport.is_open
        assert scene.transport.selected == address
    assert scene.owner.verified == dialled[-MAX_CONNECTIONS:]
    assert all(scene.asked(address) == [] for address in dialled)
    scene.check(2.0)
    assert scene.owner.verified == [*dialled[-MAX_CONNECTIONS:], HOME]


def test_one_whose_keys_are_used_up_ends_at_the_next_tick() -> None:
    scene = connected()
    scene.transport.use_up()
    assert scene.owner.changes == [("connected", "")]
    scene.transport.tick(2.0)
    assert scene.owner.changes[1:] == [("closed", "")]
