"""Who is speaking: made-up microphones, at 20 ms, reported in intervals of 20 to 200 ms."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.room.speakers import HOLD, SILENCE, ActiveSpeakers

STEPS = (0.02, 0.05, 0.1, 0.2)
"""Seconds between two updates."""


def speech(seed, level=25, background=65, pause=0.4):
    """-dBov each 20 ms: syllables with short dips, and a pause every two or three seconds."""
    rng = random.Random(seed)
    while True:
        for _ in range(rng.randint(6, 10)):
            stress = rng.randint(-5, 6)
            for _ in range(rng.randint(7, 12)):
                yield level + stress + rng.randint(-2, 2)
            for _ in range(rng.randint(1, 4)):
                yield level + rng.randint(12, 25)
        for _ in range(int(pause * 50)):
            yield background + rng.randint(-2, 2)


def noise(seed, level, spread=1):
    """A fan."""
    rng = random.Random(seed)
    while True:
        yield level + rng.randint(-spread, spread)


def keyboard(seed, level=20, background=65, rate=4.0):
    """Clicks of 20 ms, so many a second on average."""
    rng = random.Random(seed)
    while True:
        for _ in range(max(2, round(rng.gauss(50 / rate, 3)))):
            yield background + rng.randint(-2, 2)
        yield level + rng.randint(-5, 5)


def silence():
    while True:
        yield SILENCE


class Room:
    """Microphones and the selection, on one clock; remembers every change."""

    def __init__(self, step=0.1, places=3, **microphones):
        self.speakers = ActiveSpeakers(places)
        self.microphones = microphones
        self.step = step
        self.now = 100.0
        self.updates = 0
        self.selections = []
        self.dominants = []
        for track in microphones:
            self.speakers.add(track)

    def run(self, seconds):
        per_update = round(self.step / 0.02)
        for _ in range(round(seconds / self.step)):
            levels = {}
            for track, microphone in self.microphones.items():
                levels[track] = min(next(microphone) for _ in range(per_update or 1))
            self.now += self.step
            before = self.speakers.selected, self.speakers.dominant
            changed = self.speakers.update(levels, self.now)
            after = self.speakers.selected, self.speakers.dominant
            assert changed is (after != before)
            if after[0] != before[0]:
                self.selections.append(after[0])
            if after[1] != before[1]:
                self.dominants.append(after[1])
        return self

    @property
    def selected(self):
        return set(self.speakers.selected)


def quiet(count, level=65):
    return {f"quiet{n}": noise(100 + n, level) for n in range(count)}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("seed", range(3))
def test_a_first_syllable_gets_in_at_once(step, seed):
    room = Room(step, **quiet(5), late=noise(1, 65)).run(3.0)
    assert "late" not in room.selected
    room.microphones["late"] = speech(seed)
    room.run(step)
    assert "late" in room.selected
    room.run(3.0)
    assert room.speakers.dominant == "late"


@pytest.mark.parametrize("step", STEPS)
def test_one_speaker_stays_dominant(step):
    room = Room(step, **quiet(5), a=speech(1)).run(30.0)
    assert room.dominants == ["a"]
    assert len(room.selections) <= 1


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("seed", range(3))
def test_three_who_talk_are_not_disturbed_by_a_fourth_as_loud(step, seed):
    talkers = {name: speech(seed * 10 + n) for n, name in enumerate("abc")}
    room = Room(step, **talkers, late=noise(1, 65)).run(5.0)
    room.microphones["late"] = speech(seed * 10 + 9)
    room.run(20.0)
    assert room.selected == {"a", "b", "c"}
    assert len(room.selections) <= 1


@pytest.mark.parametrize("step", STEPS)
def test_who_is_clearly_louder_for_a_while_takes_the_weakest_place(step):
    talkers = {"a": speech(1), "b": speech(2, level=40), "c": speech(3)}
    room = Room(step, **talkers, late=noise(1, 65)).run(5.0)
    room.microphones["late"] = speech(4, level=20)
    room.run(0.4)
    assert room.selected == {"a", "b", "c"}
    room.run(5.0)
    assert room.selected == {"a", "c", "late"}
    assert room.speakers.selected.index("late") == 1
    room.run(30.0)
    assert room.selected == {"a", "c", "late"}


@pytest.mark.parametrize("step", STEPS[:3])
@pytest.mark.parametrize("seed", range(3))
def test_a_keyboard_does_not_win(step, seed):
    room = Room(step, **quiet(4), talker=speech(seed), keys=keyboard(seed)).run(30.0)
    assert room.dominants == ["talker"]
    assert "talker" in room.selected


@pytest.mark.parametrize("step", STEPS[:3])
def test_keyboards_take_no_place_from_those_who_talk(step):
    talkers = {name: speech(n) for n, name in enumerate("abc")}
    keys = {f"keys{n}": keyboard(n) for n in range(4)}
    room = Room(step, **talkers, **keys).run(30.0)
    assert room.selected == {"a", "b", "c"}
    assert len(room.selections) <= 1


@pytest.mark.parametrize("step", STEPS[:3])
def test_keyboards_alone_keep_their_places_and_lose_them_to_speech(step):
    keys = {f"keys{n}": keyboard(n) for n in range(5)}
    room = Room(step, **keys, late=noise(1, 65)).run(30.0)
    assert len(room.selections) < 30
    assert room.dominants == []
    room.microphones["late"] = speech(1)
    room.run(0.6)
    assert "late" in room.selected


@pytest.mark.parametrize("level", [20, 35, 50])
@pytest.mark.parametrize("step", STEPS)
def test_a_fan_is_not_a_voice_for_long(step, level):
    room = Room(step, **quiet(4), talker=speech(1), fan=noise(2, level)).run(4.0)
    room.dominants.clear()
    room.run(15.0)
    assert room.speakers.dominant == "talker"
    assert len(room.dominants) <= 1


def test_a_fan_holds_no_place_against_voices():
    fans = {f"fan{n}": noise(n, 30) for n in range(3)}
    room = Room(0.1, **fans, a=silence(), b=silence()).run(5.0)
    room.microphones["a"] = speech(1)
    room.run(0.1)
    assert "a" in room.selected
    room.microphones["b"] = speech(2)
    room.run(0.1)
    assert {"a", "b"} <= room.selected


def test_a_voice_over_a_fan_is_heard():
    def both(seed):
        for voice, fan in zip(speech(seed), noise(seed, 45), strict=False):
            yield min(voice, fan)

    room = Room(0.1, **quiet(4), fan=noise(1, 45)).run(5.0)
    room.microphones["fan"] = both(3)
    room.run(1.0)
    assert room.speakers.dominant == "fan"


def test_a_gap_in_the_packets_does_not_make_noise_a_voice():
    room = Room(0.1, **quiet(4), fan=noise(1, 35)).run(5.0)
    room.dominants.clear()
    fan = room.microphones["fan"]
    room.microphones["fan"] = silence()
    room.run(0.3)
    room.microphones["fan"] = fan
    room.run(5.0)
    assert room.dominants == []


def test_comfort_noise_takes_no_place():
    def discontinuous(seed):
        while True:
            yield from [SILENCE] * 19
            yield 55

    room = Room(0.1, places=2, **{f"t{n}": discontinuous(n) for n in range(6)}).run(20.0)
    assert room.selections == []
    assert room.speakers.dominant is None


@pytest.mark.parametrize("step", STEPS)
def test_turns_are_taken_without_flapping(step):
    room = Room(step, **quiet(4), a=noise(1, 65), b=noise(2, 65)).run(2.0)
    for turn in range(6):
        one, other = ("a", "b") if turn % 2 == 0 else ("b", "a")
        room.microphones[one] = speech(turn)
        room.microphones[other] = noise(turn, 65)
        room.run(6.0)
        assert room.speakers.dominant == one
    assert room.dominants == ["a", "b"] * 3


def test_a_pause_between_sentences_costs_no_place():
    talkers = {name: speech(n, pause=HOLD * 0.8) for n, name in enumerate("abc")}
    room = Room(0.1, **talkers, **{f"keys{n}": keyboard(n) for n in range(3)}).run(30.0)
    assert room.selected == {"a", "b", "c"}
    assert len(room.selections) <= 1


def test_after_a_place_is_idle_it_goes_to_the_next_who_speaks_the_longest_idle_first():
    room = Room(0.1, **{name: speech(n) for n, name in enumerate("abc")}, d=noise(1, 65)).run(3.0)
    for name in "bac":
        room.microphones[name] = noise(1, 65)
        room.run(1.0)
    room.run(HOLD + 1.0)
    place = room.speakers.selected.index("b")
    room.microphones["d"] = speech(9)
    room.run(0.1)
    assert room.selected == {"a", "c", "d"}
    assert room.speakers.selected[place] == "d"


# Tracks that come and go.


@pytest.mark.parametrize("places", [0, 1, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 8])
def test_all_are_selected_while_there_are_places(places, count):
    speakers = ActiveSpeakers(places)
    for number in range(count):
        fits = places == 0 or number < places
        assert speakers.add(f"t{number}") is fits
    assert len(speakers.selected) == (min(places, count) if places else count)
    assert speakers.add("t0") is (count == 0)


def test_a_place_that_is_left_is_given_to_who_spoke_last():
    talkers = {name: speech(n) for n, name in enumerate("abc")}
    room = Room(0.1, **talkers, d=noise(1, 65), e=speech(9, level=30), f=noise(2, 65)).run(10.0)
    assert room.selected == {"a", "b", "c"}
    dominant = room.speakers.dominant
    assert room.speakers.remove(dominant) is True
    assert room.speakers.dominant is None
    assert room.selected == {"a", "b", "c", "e"} - {dominant}
    assert room.speakers.remove(dominant) is False
    assert room.speakers.remove("d") is False


def test_fewer_and_more_places():
    talkers = {"a": noise(1, 65), "b": speech(1), "c": noise(2, 65), "d": noise(3, 65)}
    room = Room(0.1, **talkers).run(5.0)
    assert room.speakers.set_places(1) is True
    assert room.speakers.selected == ("b",)
    assert room.speakers.set_places(1) is False
    assert room.speakers.set_places(0) is True
    assert room.selected == {"a", "b", "c", "d"}


def test_levels_out_of_range_and_unknown_tracks():
    speakers = ActiveSpeakers(1)
    speakers.add("a")
    speakers.add("b")
    for number in range(20):
        speakers.update({"a": -50, "b": 1000, "nobody": 0}, number * 0.1)
    assert speakers.selected == ("a",)
    # Time runs backwards.
    speakers.update({"b": 10}, 1.0)
    assert set(speakers.selected) <= {"a", "b"}


@given(
    st.integers(0, 4),
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(0, 6)),
            st.tuples(st.just("remove"), st.integers(0, 6)),
            st.tuples(st.just("update"), st.lists(st.integers(0, 127), min_size=7, max_size=7)),
        ),
        max_size=60,
    ),
)
@settings(max_examples=60, deadline=None)
def test_places_are_always_full_and_held_once(places, actions):
    speakers = ActiveSpeakers(places)
    present = set()
    now = 0.0
    for action, value in actions:
        before = speakers.selected, speakers.dominant
        if action == "add":
            changed = speakers.add(str(value))
            present.add(str(value))
        elif action == "remove":
            changed = speakers.remove(str(value))
            present.discard(str(value))
        else:
            now += 0.1
            changed = speakers.update({str(n): level for n, level in enumerate(value)}, now)
        assert changed is ((speakers.selected, speakers.dominant) != before)
        assert len(set(speakers.selected)) == len(speakers.selected)
        assert set(speakers.selected) <= present
        assert len(speakers.selected) == (min(places, len(present)) if places else len(present))
        assert speakers.dominant is None or speakers.dominant in present
