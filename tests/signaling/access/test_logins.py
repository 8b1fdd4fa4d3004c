from __future__ import annotations

from signaling.access import logins
from signaling.access.identity import ADMIN, Identity
from signaling.access.logins import Logins

MEMBER = Identity("member", "member", "Ada", "ada@school.example")


def test_a_login_lives_until_it_ends() -> None:
    own = Logins()
    secret = own.log_in(ADMIN, 0.0)
    assert own.identity(secret, logins.LIFETIME - 1) == ADMIN
    assert own.identity(secret, logins.LIFETIME) is None
    assert own.identity(secret + "x", 1.0) is None


def test_each_login_is_somebodys_own() -> None:
    own = Logins()
    secrets = [own.log_in(identity, 0.0) for identity in (ADMIN, MEMBER)]
    assert [own.identity(secret, 1.0) for secret in secrets] == [ADMIN, MEMBER]


def test_logging_out_ends_one_login_only() -> None:
    own = Logins()
    one, two = (own.log_in(ADMIN, 0.0) for _ in range(2))
    assert one != two
    own.log_out(one)
    own.log_out(one)
    assert own.identity(one, 1.0) is None
    assert own.identity(two, 1.0)


def test_logins_are_bounded_and_the_oldest_goes() -> None:
    own = Logins()
    secrets = [own.log_in(ADMIN, 0.0) for _ in range(logins.MOST + 3)]
    assert len(own) == logins.MOST
    assert [bool(own.identity(secret, 1.0)) for secret in secrets[:4]] == [False] * 3 + [True]


def test_a_secret_that_is_no_text_is_no_login() -> None:
    assert Logins().identity("\udc80", 0.0) is None
