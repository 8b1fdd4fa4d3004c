"""Which SSRCs are let in, forgotten and never let in again; and what libsrtp really does."""

from __future__ import annotations

import itertools

import pytest

from sfu.drops import DropReason
from sfu.net import srtp
from sfu.net.sources import IDLE, MAX_KNOWN, MAX_RETIRED, Sources
from sfu.wire import rtcp
from sfu.wire.rtp import build


class Scene:
    def __init__(self) -> None:
        self.removed: list[int] = []
        self.sources = Sources(self.removed.append)

    def take(self, ssrc: int, now: float) -> DropReason | None:
        reason = self.sources.refuses(ssrc, now)
        if reason is None:
            self.sources.heard(ssrc, now)
        return reason


def test_ever_new_ssrcs_are_refused_once_there_are_too_many() -> None:
    scene = Scene()
    taken = [ssrc for ssrc in range(5000) if scene.take(ssrc, ssrc / 1000) is None]
    assert taken == list(range(MAX_KNOWN))
    assert scene.take(3, 6.0) is None
    assert scene.take(4999, 6.0) is DropReason.TOO_MANY_SSRCS
    assert scene.removed == []


def test_what_is_forged_takes_no_place() -> None:
    scene = Scene()
    for ssrc in range(10 * MAX_KNOWN):
        assert scene.sources.refuses(ssrc, 0.0) is None
    assert len(scene.sources) == 0


def test_the_one_silent_for_longest_makes_room_and_is_not_let_in_again() -> None:
    scene = Scene()
    for ssrc in range(MAX_KNOWN):
        scene.take(ssrc, 0.0)
    scene.take(0, 30.0)
    assert scene.take(7000, IDLE - 1) is DropReason.TOO_MANY_SSRCS
    assert scene.take(7000, IDLE) is None
    assert scene.removed == [1]
    assert scene.take(1, IDLE) is DropReason.SSRC_RETIRED
    assert not scene.sources.may_bind(1)
    assert scene.sources.may_bind(2)
    assert len(scene.sources) == MAX_KNOWN


def test_an_association_takes_so_many_in_its_life_and_no_more() -> None:
    scene = Scene()
    total = MAX_KNOWN + MAX_RETIRED
    taken = [ssrc for ssrc in range(total + 100) if scene.take(ssrc, ssrc * IDLE) is None]
    assert taken == list(range(total))
    assert not scene.sources.may_bind(total)


def test_bound_ones_are_always_taken_and_never_forgotten() -> None:
    scene = Scene()
    bound = {1, 999_999}
    scene.sources.bound = (bound,)
    for ssrc in range(MAX_KNOWN):
        scene.take(ssrc, 0.0)
    assert scene.take(999_999, 1.0) is None
    for ssrc in range(1000, 1003):
        assert scene.take(ssrc, 2 * IDLE) is None
    assert 1 not in scene.removed
    # One that is retired stays known, so that its packets cannot be replayed.
    bound.clear()
    scene.sources.heard(1, 3 * IDLE)
    assert scene.take(1, 3 * IDLE) is None


@pytest.fixture(params=srtp.PROFILES, ids=lambda p: p.name)
def contexts(request: pytest.FixtureRequest) -> tuple[srtp.SrtpContext, srtp.SrtpContext]:
    profile: srtp.SrtpProfile = request.param
    key = bytes(range(profile.key_length + profile.salt_length))
    return (
        srtp.SrtpContext(profile, key, inbound=False),
        srtp.SrtpContext(profile, key, inbound=True),
    )


def test_libsrtp_keeps_a_stream_only_of_what_was_authentic(
    contexts: tuple[srtp.SrtpContext, srtp.SrtpContext],
) -> None:
    outbound, inbound = contexts
    for ssrc, protect, unprotect, plain in (
        (1, outbound.protect, inbound.unprotect, build(96, 1, 0, 1, b"x")),
        (2, outbound.protect_rtcp, inbound.unprotect_rtcp, rtcp.receiver_report(2)),
    ):
        wire = protect(plain)
        assert wire is not None
        assert unprotect(wire[:-1] + bytes((wire[-1] ^ 1,))) is None
        assert not inbound.remove_stream(ssrc)
        assert unprotect(wire) == plain
        assert inbound.remove_stream(ssrc)
        assert not inbound.remove_stream(ssrc)


def test_with_a_stream_its_replay_list_is_forgotten(
    contexts: tuple[srtp.SrtpContext, srtp.SrtpContext],
) -> None:
    """Why an SSRC is never begun twice."""
    outbound, inbound = contexts
    wire = outbound.protect_rtcp(rtcp.receiver_report(5))
    assert wire is not None
    assert inbound.unprotect_rtcp(wire) is not None
    assert inbound.unprotect_rtcp(wire) is None
    inbound.remove_stream(5)
    assert inbound.unprotect_rtcp(wire) is not None


def test_a_context_forgets_the_streams_that_its_sources_retire(
    contexts: tuple[srtp.SrtpContext, srtp.SrtpContext],
) -> None:
    _, inbound = contexts
    for ssrc in itertools.chain(range(MAX_KNOWN), (9999,)):
        inbound.sources.heard(ssrc, 0.0)
    assert inbound.sources.refuses(0, IDLE) is DropReason.SSRC_RETIRED
