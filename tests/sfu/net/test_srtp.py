"""In-place SRTP against pylibsrtp's own copying API."""

from __future__ import annotations

import itertools
import struct

import pytest
from pylibsrtp import Policy, Session

from sfu.net import srtp
from sfu.wire.rtp import build


@pytest.fixture(params=srtp.PROFILES, ids=lambda p: p.name)
def profile(request: pytest.FixtureRequest) -> srtp.SrtpProfile:
    found: srtp.SrtpProfile = request.param
    return found


def key_of(profile: srtp.SrtpProfile) -> bytes:
    return bytes(range(profile.key_length + profile.salt_length))


def test_protect_in_place_equals_the_copying_api(profile: srtp.SrtpProfile) -> None:
    context = srtp.SrtpContext(profile, key_of(profile), inbound=False)
    policy = Policy(key_of(profile), Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile.libsrtp_id)
    oracle = Session(policy)
    arena, cell = srtp.Arena(4096), srtp.length_cell()
    for seq in (1, 2, 3):
        packet = build(96, seq, 5, 6, b"payload" * seq)
        arena.data[100 : 100 + len(packet)] = packet
        cell[0] = len(packet)
        assert srtp.protect(context.pointer, arena.pointer + 100, cell) == srtp.OK
        assert cell[0] == len(packet) + profile.tag_length
        assert bytes(arena.data[100 : 100 + cell[0]]) == oracle.protect(packet)


def test_a_number_is_never_used_twice(profile: srtp.SrtpProfile) -> None:
    context = srtp.SrtpContext(profile, key_of(profile), inbound=False)
    assert context.protect(build(96, 7, 0, 1, b"first")) is not None
    assert context.protect(build(96, 7, 0, 1, b"other")) is None


def test_replay_tampering_and_age_are_distinguished(profile: srtp.SrtpProfile) -> None:
    outbound = srtp.SrtpContext(profile, key_of(profile), inbound=False)
    inbound = srtp.SrtpContext(profile, key_of(profile), inbound=True)
    arena, cell = srtp.Arena(2048), srtp.length_cell()

    def take(packet: bytes) -> int:
        arena.data[: len(packet)] = packet
        cell[0] = len(packet)
        return srtp.unprotect(inbound.pointer, arena.pointer, cell)

    wire = [outbound.protect(build(96, seq, 0, 1, b"x")) or b"" for seq in range(1200)]
    assert take(wire[100]) == srtp.OK
    assert take(wire[100]) == srtp.REPLAYED
    assert take(wire[101][:-1] + b"\0") in (srtp.AUTH_FAILED,)
    assert take(wire[1199]) == srtp.OK
    assert take(wire[1199 - srtp.WINDOW + 1]) == srtp.OK
    assert take(wire[100]) == srtp.TOO_OLD


def test_rtcp_goes_round_and_refuses_what_is_not_authentic(profile: srtp.SrtpProfile) -> None:
    outbound = srtp.SrtpContext(profile, key_of(profile), inbound=False)
    inbound = srtp.SrtpContext(profile, key_of(profile), inbound=True)
    plain = b"\x80\xc9\x00\x01" + bytes(4)
    wire = outbound.protect_rtcp(plain)
    assert wire is not None
    assert inbound.unprotect_rtcp(wire) == plain
    assert inbound.unprotect_rtcp(wire) is None
    assert inbound.unprotect_rtcp(b"\x80\xc9\x00\x01" + bytes(40)) is None
    assert inbound.unprotect_rtcp(b"") is None
    assert outbound.protect_rtcp(bytes(4000)) is None


def test_a_removed_stream_is_forgotten(profile: srtp.SrtpProfile) -> None:
    ssrc = 0x01020304
    outbound = srtp.SrtpContext(profile, key_of(profile), inbound=False)
    inbound = srtp.SrtpContext(profile, key_of(profile), inbound=True)
    wire = outbound.protect(build(96, 1, 0, ssrc, b"x"))
    assert wire is not None
    assert inbound.unprotect(wire) is not None
    assert inbound.unprotect(wire) is None
    inbound.remove_stream(ssrc)
    assert inbound.unprotect(wire) is not None


def test_the_faster_profile_comes_first() -> None:
    ticks = itertools.count()
    order = srtp.fastest_first(lambda: float(next(ticks)))
    assert set(order) == set(srtp.PROFILES)
    for seconds, first in ((9.0, 1), (1.05, 0), (0.5, 0)):
        # In turns: GCM takes `seconds`, the other one.
        slow = iter([0.0, seconds, 0.0, 1.0] * srtp.PROBE_ROUNDS)
        assert srtp.fastest_first(lambda times=slow: next(times))[0] is srtp.PROFILES[first]


def test_an_arena_is_one_memory() -> None:
    arena = srtp.Arena(16)
    arena.data[4:8] = struct.pack("!I", 0xCAFEF00D)
    assert bytes(srtp.ffi.buffer(arena.pointer + 4, 4)) == b"\xca\xfe\xf0\x0d"
    assert int(srtp.ffi.cast("uintptr_t", arena.pointer)) == arena.address
