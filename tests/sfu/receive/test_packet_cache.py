"""The packet cache, from every boundary of the sequence numbers."""

import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.receive.packet_cache import PacketCache

BOUNDARIES = (0, 32767, 32768, 65535, 65536, 200000)


def filled(first, steps, size=16, keyframes=()):
    cache = PacketCache(size)
    for step in steps:
        cache.put(first + step, f"p{step}", step / 100, step in keyframes)
    return cache


def held(cache, first, steps):
    return [step for step in steps if cache.get(first + step) is not None]


@pytest.mark.parametrize("first", BOUNDARIES)
@pytest.mark.parametrize("mask", [0xFFFF, -1], ids=["16 bits", "extended"])
def test_put_and_get(first, mask):
    cache = PacketCache(16)
    for step in range(40):
        assert cache.put((first + step) & mask, f"p{step}", 0.0) is True
    for step in range(24, 40):
        assert cache.get((first + step) & 0xFFFF) == f"p{step}"
        assert cache.get(first + step) == f"p{step}"
    assert held(cache, first, range(-30, 24)) == []
    assert held(cache, first, range(40, 80)) == []
    assert len(cache) == 16


@pytest.mark.parametrize("first", [5, *BOUNDARIES[1:]])
def test_late_packets_and_duplicates(first):
    cache = filled(first, [0, 1, 4, 5])
    assert cache.put(first + 3, "late", 0.0) is True
    assert cache.put(first + 4, "duplicate", 0.0) is False
    assert cache.put(first - 3, "earlier than the first", 0.0) is True
    assert cache.put(first + 5 - 16, "older than the window", 0.0) is False
    assert cache.put(first + 5 - 32, "much older", 0.0) is False
    assert held(cache, first, range(-40, 20)) == [-3, 0, 1, 3, 4, 5]
    assert cache.get(first + 3) == "late"
    assert cache.get(first + 4) == "p4"


def test_a_late_packet_never_takes_a_newer_ones_slot():
    cache = filled(100, [16])
    assert cache.put(100, "old", 0.0) is False
    assert cache.get(116) == "p16"


@pytest.mark.parametrize("first", BOUNDARIES)
def test_a_jump_forgets_what_it_passes_over(first):
    cache = filled(first, range(16))
    cache.put(first + 25, "ahead", 0.0)
    assert held(cache, first, range(-10, 60)) == [10, 11, 12, 13, 14, 15, 25]
    assert len(cache) == 7
    cache.put(first + 10000, "far ahead", 0.0)
    assert len(cache) == 1
    assert cache.get(first + 10000) == "far ahead"


@pytest.mark.parametrize("first", BOUNDARIES[1:])
def test_a_big_step_back_starts_over(first):
    cache = filled(first, range(16), keyframes=[10])
    assert cache.put(first - 20000, "anew", 1.0) is True
    assert len(cache) == 1
    assert cache.get(first - 20000) == "anew"
    assert cache.replay() == []
    assert cache.put(first - 19999, "next", 1.0) is True
    assert len(cache) == 2


@pytest.mark.parametrize("first", BOUNDARIES)
def test_evict_by_age(first):
    cache = filled(first, range(10))
    cache.evict(1.035)
    assert held(cache, first, range(-20, 20)) == [4, 5, 6, 7, 8, 9]
    cache.evict(1.035)
    assert len(cache) == 6
    cache.evict(0.095, max_age=0.02)
    assert held(cache, first, range(-20, 20)) == [8, 9]
    cache.evict(50.0)
    assert len(cache) == 0
    cache.evict(60.0)
    assert cache.put(first + 10, "again", 60.0) is True
    assert cache.put(first + 9, "late", 60.0) is True
    cache.evict(60.5)
    assert held(cache, first, range(-20, 20)) == [9, 10]
    cache.evict(62.0)
    assert len(cache) == 0


def test_evict_when_the_ring_went_round():
    cache = filled(0, range(100))
    cache.evict(1.895)
    assert held(cache, 0, range(120)) == list(range(90, 100))
    PacketCache(16).evict(5.0)


class Payload:
    pass


def test_memory_falls():
    cache = PacketCache(1024)
    references = []
    for seq in range(3000):
        payload = Payload()
        references.append(weakref.ref(payload))
        cache.put(seq, payload, seq / 1000)
        del payload
    assert [seq for seq, ref in enumerate(references) if ref()] == list(range(1976, 3000))
    cache.evict(3.4995)
    assert [seq for seq, ref in enumerate(references) if ref()] == list(range(2500, 3000))
    cache.evict(5.0)
    assert not any(ref() for ref in references)


@pytest.mark.parametrize("first", BOUNDARIES)
def test_replay(first):
    cache = filled(first, range(12), keyframes=[3, 8])
    expected = [(first + step, f"p{step}") for step in range(8, 12)]
    assert cache.replay() == expected
    assert cache.replay(4) == expected
    assert cache.replay(3) == []
    cache.put(first + 13, "after a hole", 0.0)
    assert cache.replay() == []
    cache.put(first + 12, "late", 0.0)
    assert [seq - first for seq, _ in cache.replay()] == [8, 9, 10, 11, 12, 13]
    cache.put(first + 14, "new", 0.0, keyframe_start=True)
    assert cache.replay() == [(first + 14, "new")]


def test_replay_needs_the_keyframe_whole():
    assert PacketCache(16).replay() == []
    assert filled(0, range(5)).replay() == []
    assert filled(0, range(40), keyframes=[2]).replay() == []
    cache = filled(0, range(8), keyframes=[2])
    cache.evict(1.025)
    assert cache.replay() == []
    # A late keyframe that is older than the latest is not the latest.
    cache = filled(0, [0, 1, 3, 4, 5, 2], keyframes=[2, 4])
    assert [seq for seq, _ in cache.replay()] == [4, 5]


def test_a_skipped_number_is_no_hole():
    cache = filled(0, range(6), keyframes=[2])
    cache.skip(6, 0.06)
    cache.put(7, "p7", 0.07)
    assert [seq for seq, _ in cache.replay()] == [2, 3, 4, 5, 7]
    assert cache.get(6) is None
    assert cache.put(6, "again", 0.08) is False
    cache.evict(1.065)
    assert held(cache, 0, range(10)) == [7]
    assert len(cache) == 1


@pytest.mark.parametrize("size", [0, -4, 3, 1000, 32768])
def test_size_is_a_power_of_two(size):
    with pytest.raises(ValueError, match=str(size)):
        PacketCache(size)


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.integers(-20, 30), st.booleans()), max_size=120),
    st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_holds_just_the_window(first, moves, wrapped):
    """Against a plain dictionary of everything that came."""
    cache = PacketCache(16)
    newest = first + 65536
    model = {}
    cache.put(newest, newest, 0.0)
    model[newest] = False
    for time, (move, keyframe) in enumerate(moves):
        seq = newest + move
        fresh = seq not in model and seq > newest - 16
        kept = cache.put(seq & 0xFFFF if wrapped else seq, seq, float(time), keyframe)
        assert kept is fresh
        if kept:
            model[seq] = keyframe
        newest = max(newest, seq)
        for old in [old for old in model if old <= newest - 16]:
            del model[old]
        assert len(cache) == len(model)
    for seq in range(newest - 40, newest + 40):
        assert cache.get(seq & 0xFFFF) == (seq if seq in model else None)
    starts = [seq for seq, keyframe in model.items() if keyframe]
    run = list(range(max(starts), newest + 1)) if starts else []
    whole = all(seq in model for seq in run)
    if not starts or whole:
        assert cache.replay() == [(seq, seq) for seq in run]
    else:
        assert cache.replay() == []
