from __future__ import annotations

import resource

import pytest

from signaling.edge import descriptors


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What the system says, and what it is asked for."""
    found = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: found[0])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limit: found.append(limit))
    return found


def test_the_soft_limit_is_raised_to_the_hard_one(limits: list[tuple[int, int]]) -> None:
    assert descriptors.raise_limit() == 4096
    assert limits[1:] == [(4096, 4096)]


def test_without_a_hard_limit_there_are_enough(limits: list[tuple[int, int]]) -> None:
    limits[0] = (1024, resource.RLIM_INFINITY)
    assert descriptors.raise_limit() == 1 << 20
    limits[0] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert descriptors.raise_limit() == 1 << 20


def test_a_system_that_refuses_does_not_end_the_start(
    monkeypatch: pytest.MonkeyPatch,
    limits: list[tuple[int, int]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert descriptors.raise_limit() == 1024
    monkeypatch.setattr(resource, "getrlimit", refuse)
    assert descriptors.raise_limit() == 1 << 20
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


def test_some_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    assert descriptors.connections_within(100_000, 3000) == 3000
    assert not caplog.records
    assert descriptors.connections_within(1024, 3000) == 1024 - descriptors.RESERVE
    assert "1024 open files" in caplog.text
    assert descriptors.connections_within(64, 3000) > 0
