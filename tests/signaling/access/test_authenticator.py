from __future__ import annotations

import pytest

from signaling.access import authenticator
from signaling.access.authenticator import AdminByToken, Claim, GuestByName
from signaling.access.identity import ADMIN, Identity, guest
from signaling.refusals import RefusedError, TooManyError

TOKEN = "the admin's own token"


async def claim(own: AdminByToken, token: str, address: str, now: float) -> Identity | None:
    return await own.identify(Claim(address, token=token), now)


async def test_a_guest_has_the_tidied_name_and_nothing_else() -> None:
    found = await GuestByName().identify(Claim("10.0.0.1", "  Ibu \u200b Sari "), 0.0)
    assert found == guest("Ibu Sari")
    assert found is not None
    assert (found.role, found.subject) == ("guest", "")


@pytest.mark.parametrize("name", ["", "\u202eadmin", "\x00"])
async def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await GuestByName().identify(Claim("10.0.0.1", name), 0.0)
    assert refused.value.code == "badName"


async def test_the_token_makes_the_admin_whatever_the_name() -> None:
    own = AdminByToken(TOKEN)
    assert await own.identify(Claim("", "Mallory", TOKEN), 0.0) == ADMIN


@pytest.mark.parametrize("token", ["", "x", TOKEN + "x", TOKEN.upper(), "\ud800", "x" * 10_000])
async def test_another_token_makes_nobody(token: str) -> None:
    assert await claim(AdminByToken(TOKEN), token, "10.0.0.1", 0.0) is None


async def test_guessing_is_limited_by_address_and_does_not_lock_the_admin_out() -> None:
    own = AdminByToken(TOKEN)
    for _ in range(authenticator.WRONG_PER_MINUTE):
        assert await claim(own, "guess", "10.0.0.1", 0.0) is None
    with pytest.raises(TooManyError) as refused:
        await claim(own, TOKEN, "10.0.0.1", 0.0)
    assert 0 < refused.value.retry_after <= 60
    assert await claim(own, TOKEN, "10.0.0.2", 0.0)
    assert await claim(own, TOKEN, "10.0.0.1", refused.value.retry_after)


async def test_right_tokens_are_not_counted() -> None:
    own = AdminByToken(TOKEN)
    for _ in range(5 * authenticator.WRONG_PER_MINUTE):
        assert await claim(own, TOKEN, "10.0.0.1", 0.0)
