"""A transport's life in simulated time: checks, consent, addresses, early and late descriptions."""

from __future__ import annotations

from sfu import control
from sfu.net import stun
from sfu.net.dtls import Certificate, DtlsConnection
from sfu.net.srtp import PROFILES
from sfu.net.transport import CONSENT_TIMEOUT, ICE_TIMEOUT, MAX_ADDRESSES, Transport

HOME, AWAY = b"address-at-home.", b"address-on-road."
SOURCE = ("192.0.2.1", 5000)


class Owner:
    """Writes down what the transport tells and sends."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.verified: list[bytes] = []
        self.selected: list[bytes | None] = []
        self.sent: list[tuple[bytes, bytes]] = []
        self.checked = 0
        self.forgotten_ufrags: list[bytes] = []

    def transport_changed(self, transport: Transport) -> None:
        self.changes.append((transport.state, transport.reason))

    def transport_checked(self, transport: Transport) -> None:
        self.checked += 1

    def ufrag_forgotten(self, transport: Transport, ufrag: bytes) -> None:
        self.forgotten_ufrags.append(ufrag)

    def address_verified(self, transport: Transport, address: bytes) -> None:
        self.verified.append(address)

    def address_forgotten(self, transport: Transport, address: bytes) -> None:
        self.verified.remove(address)

    def address_selected(self, transport: Transport) -> None:
        self.selected.append(transport.selected)

    def send(self, datagram: bytes, address: bytes) -> None:
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
        self.transport = Transport(
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

    def announce(self, now: float = 0.0, remote: str = "theirs") -> None:
        self.transport.connect(
            control.ConnectTransport(
                transport="t",
                remote_ufrag=remote,
                fingerprints=(self.certificate.fingerprint,),
                dtls_role="server",
            ),
            now,
        )

    def shake(self, now: float) -> None:
        self.dtls.start(now)
        for _ in range(6):
            for datagram in self.dtls.take_datagrams():
                self.transport.receive_dtls(datagram, now)
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
    assert scene.transport.selected == AWAY
    assert scene.owner.verified == [HOME, AWAY]
    scene.transport.send_rtcp(b"\x80\xc9\x00\x01" + bytes(4))
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
    scene.transport.receive_dtls(scene.dtls.take_datagrams()[0], 1.0)
    for second in range(2, 40, 2):
        scene.check(float(second))
        scene.transport.tick(float(second))
    assert scene.owner.changes == [("failed", "dtlsTimeout")]


def test_close_notify_closes() -> None:
    scene = connected()
    scene.dtls.close()
    for datagram in scene.dtls.take_datagrams():
        scene.transport.receive_dtls(datagram, 2.0)
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
        for datagram in scene.dtls.take_datagrams():
            scene.transport.receive_dtls(datagram, 1.0)
    assert scene.owner.changes == [("connected", "")]


def test_the_first_check_is_told_once() -> None:
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
    assert scene.transport.selected == AWAY
    assert scene.owner.changes == [("connected", "")]


def test_a_restart_may_be_checked_before_its_answer_is_known() -> None:
    scene = connected()
    scene.transport.restart_ice("ours2", "password2")
    scene.announce(2.0)  # another change of the session, which the peer answered before
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
    scene.transport.address_lost(HOME)
    assert scene.transport.addresses == []
    scene.owner.sent.clear()
    scene.transport.send_rtcp(b"\x80\xc9\x00\x01" + bytes(4))
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
    assert scene.owner.changes == [("connected", "")]
    assert scene.transport.selected == AWAY


def test_an_outage_of_20_seconds_only_delays_the_handshake() -> None:
    scene = Scene()
    scene.announce()
    scene.check(1.0)
    scene.dtls.start(1.0)
    scene.transport.receive_dtls(scene.dtls.take_datagrams()[0], 1.0)
    for tenth in range(10, 210):
        scene.transport.tick(tenth / 10)
    scene.check(21.0, AWAY)
    scene.shake(21.0)
    assert scene.owner.changes == [("connected", "")]
    assert scene.transport.selected == AWAY
