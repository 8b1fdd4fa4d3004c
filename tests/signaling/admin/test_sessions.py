from __future__ import annotations

import pytest

from signaling.admin import sessions
from signaling.admin.sessions import Sessions, TooManyError

TOKEN = "the admin's own token"


def test_a_session_lives_until_it_ends() -> None:
    own = Sessions(TOKEN)
    secret = own.log_in(TOKEN, "10.0.0.1", 0.0)
    assert secret is not None
    assert own.valid(secret, sessions.LIFETIME - 1)
    assert not own.valid(secret, sessions.LIFETIME)
    assert not own.valid(secret + "x", 1.0)


def test_logging_out_ends_one_session_only() -> None:
    own = Sessions(TOKEN)
    one, two = (own.log_in(TOKEN, "10.0.0.1", 0.0) for _ in range(2))
    assert one
    assert two
    assert one != two
    own.log_out(one)
    own.log_out(one)
    assert not own.valid(one, 1.0)
    assert own.valid(two, 1.0)


@pytest.mark.parametrize("token", ["", "x", TOKEN + "x", TOKEN.upper(), "\ud800", "x" * 10_000])
def test_another_token_opens_nothing(token: str) -> None:
    own = Sessions(TOKEN)
    assert own.log_in(token, "10.0.0.1", 0.0) is None
    assert len(own) == 0


def test_guessing_is_limited_by_address_and_does_not_lock_the_admin_out() -> None:
    own = Sessions(TOKEN)
    for _ in range(sessions.WRONG_PER_MINUTE):
        assert own.log_in("guess", "10.0.0.1", 0.0) is None
    with pytest.raises(TooManyError) as refused:
        own.log_in(TOKEN, "10.0.0.1", 0.0)
    assert 0 < refused.value.seconds <= 60
    assert own.log_in(TOKEN, "10.0.0.2", 0.0)
    assert own.log_in(TOKEN, "10.0.0.1", refused.value.seconds)


def test_right_tokens_are_not_counted() -> None:
    own = Sessions(TOKEN)
    for _ in range(5 * sessions.WRONG_PER_MINUTE):
        assert own.knows(TOKEN, "10.0.0.1", 0.0)


def test_sessions_are_bounded_and_the_oldest_goes() -> None:
    own = Sessions(TOKEN)
    secrets = [own.log_in(TOKEN, "10.0.0.1", 0.0) or "" for _ in range(sessions.MOST + 3)]
    assert len(own) == sessions.MOST
    assert [own.valid(secret, 1.0) for secret in secrets[:4]] == [False, False, False, True]


def test_a_secret_that_is_no_text_is_no_session() -> None:
    assert not Sessions(TOKEN).valid("\udc80", 0.0)
