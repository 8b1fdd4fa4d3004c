from __future__ import annotations

from typing import get_args

import pytest

from signaling.access import permissions
from signaling.access.identity import ADMIN, LOCAL_PROGRAM, STRANGER, Identity, Role, guest
from signaling.access.permissions import GRANTS, Act
from signaling.refusals import RefusedError

HOST = Identity("hostLink", "host", "Ibu Sari")


def test_the_table_is_total() -> None:
    assert set(GRANTS) == set(get_args(Act))
    granted = {role for roles in GRANTS.values() for role in roles}
    assert granted == set(get_args(Role))


def may(identity: Identity) -> set[Act]:
    return {act for act in get_args(Act) if permissions.allows(identity, act)}


def test_a_stranger_may_say_who_they_are_and_nothing_else() -> None:
    assert may(STRANGER) == {"introduce"}


def test_a_guest_takes_part_and_has_no_power_over_others() -> None:
    assert may(guest("Ada")) == {"join", "receive", "publish", "chat"}


def test_a_host_may_all_that_a_guest_may() -> None:
    assert may(guest("Ada")) < may(HOST)
    assert "putOut" in may(HOST)
    assert not may(HOST) & {"watch", "removeAnybody", "closeAnyRoom"}


def test_the_admin_runs_the_server_and_is_in_no_room() -> None:
    assert {"watch", "capture", "removeAnybody", "closeAnyRoom", "readHistory"} <= may(ADMIN)
    assert "join" not in may(ADMIN)


def test_a_program_on_this_machine_reads_metrics_and_no_names() -> None:
    assert not may(LOCAL_PROGRAM) & {"watch", "readHistory", "capture", "removeAnybody"}


def test_who_may_not_is_refused_with_role_and_act() -> None:
    permissions.check(HOST, "putOut")
    with pytest.raises(RefusedError, match="guest") as refused:
        permissions.check(guest("Ada"), "putOut")
    assert refused.value.code == "notAllowed"
