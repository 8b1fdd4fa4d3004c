"""Secrets are long, differ, and survive a command line."""

from __future__ import annotations

import secrets

import pytest

from signaling.access import tokens


def test_a_secret_never_begins_with_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-" + "a" * 42, "-" + "b" * 42, "c" * 43])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda size: next(drawn))
    assert tokens.new_secret() == "c" * 43


def test_secrets_are_long_and_differ() -> None:
    made = {tokens.new_secret() for _ in range(200)}
    assert len(made) == 200
    assert all(len(secret) == 43 for secret in made)


def test_ice_credentials_have_the_bits_that_rfc_8445_wants() -> None:
    ufrag, pwd = tokens.ice_credentials()
    assert len(ufrag) >= 4
    assert len(pwd) >= 22
    assert (ufrag + pwd).isalnum()
