"""Whole calls in simulated time, on the networks that they must hold on."""

from __future__ import annotations

import random

import pytest

from sfu.process.shedding import STEPS
from sfu.send.audio_repair import Redundancy
from tests.sfu.congestion.link import VirtualLink
from tests.sfu.room_link import Room
from tests.sfu.room_sources import HALVES, QHF, LayerPlan

SEEDS = [1, 2]


class CutLink(VirtualLink):
    """A link that is down between two times."""

    down = (0.0, 0.0)

    def send(self, size: int, now: float) -> float | None:
        arrival = super().send(size, now)
        return None if self.down[0] <= now < self.down[1] else arrival


def gallery(room: Room, width: int = 640, height: int = 360, main: bool = True) -> None:
    """All cameras at one size, the first of them the main one."""
    tracks = list(room.videos)
    room.view(*((t, width, height, "main" if main and t == tracks[0] else "tile") for t in tracks))


def voices_lost(room: Room, start: float, end: float) -> float:
    return max(sound.loss(start, end) for sound in room.sounds.values())


def voice_delay(room: Room, start: float, end: float) -> float:
    return max(sound.longest_delay(start, end) for sound in room.sounds.values())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("temporal", [True, False])
def test_on_a_fast_network_four_tiles_reach_the_top_within_two_seconds(
    seed: int, temporal: bool
) -> None:
    room = Room(VirtualLink(100e6, seed=seed), 4, QHF, seed=seed, temporal=temporal)
    gallery(room, 1280, 720, main=False)
    room.run(8)
    for video in room.videos.values():
        assert set(video.layers(2, 8)) == {2}
        assert video.longest_gap(2, 8) < 0.15
    assert room.lowest_estimate(2, 8) > 4 * 1_500_000
    assert voices_lost(room, 1, 7) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cut_to_500_kbit_leaves_the_speaker_and_the_voices(seed: int) -> None:
    link = VirtualLink([(0, 5e6), (15, 5e5), (40, 5e6)], seed=seed)
    room = Room(link, 4, seed=seed)
    gallery(room)
    room.run(53)
    before = room.bps(8, 15)
    speaker = room.videos["v0"]
    assert speaker.longest_gap(18, 40) < 1.2
    assert speaker.fps(18, 40) > 8
    assert voices_lost(room, 17, 40) == 0
    assert voice_delay(room, 17, 40) < 0.2 + 0.05
    assert room.bps(20, 40) > 0.6 * 500_000
    assert room.bps(50, 53) > 0.9 * before


@pytest.mark.parametrize("seed", SEEDS)
def test_300_kbit_carry_four_voices_and_a_video(seed: int) -> None:
    room = Room(VirtualLink(3e5, seed=seed), 4, seed=seed)
    gallery(room)
    room.run(45)
    assert voices_lost(room, 5, 44) == 0
    assert voice_delay(room, 5, 44) < 0.3
    assert room.videos["v0"].fps(15, 45) > 3.5
    assert room.bps(15, 45) < 300_000


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [1e6, 1.9e6])
def test_layers_stay_as_they_are_while_the_path_does(seed: int, rate: float) -> None:
    """At rates where one step more nearly fits."""
    room = Room(VirtualLink(rate, seed=seed), 4, QHF, seed=seed)
    gallery(room)
    room.run(60)
    assert sum(video.switches(15, 60) for video in room.videos.values()) <= 6
    assert room.bps(15, 60) > 0.75 * rate


@pytest.mark.parametrize(("rate", "burst", "least"), [
    (3e5, 0, 10), (3e5, 8_000, 8), (3e5, 16_000, 8), (2.2e5, 8_000, 4),
])  # fmt: skip
def test_a_shaper_that_lets_bursts_pass_is_not_taken_for_a_fast_link(
    rate: float, burst: int, least: float
) -> None:
    """Each probe passes at once, and all that is then sent in good faith fills the queue."""
    losses = []
    for seed in SEEDS:
        link = VirtualLink(rate, seed=seed, burst_bytes=burst)
        plans = (LayerPlan("q", 320, 180, 150_000), HALVES[1])
        room = Room(link, 4, plans, seed=seed, voice_bytes=80)
        for voice in room.voices[2:]:
            voice.talks = False
        gallery(room)
        room.run(60)
        assert room.videos["v0"].fps(15, 60) > least
        assert room.videos["v0"].longest_gap(15, 60) < 4
        assert room.bps(15, 60) < rate
        losses.append(room.sounds["a0"].loss(15, 59))
    assert sum(losses) / len(losses) < 0.02


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("loss", "least"), [(0.02, 0.95), (0.05, 0.9), (0.1, 0.75)])
def test_random_loss_is_repaired_and_takes_no_layers(seed: int, loss: float, least: float) -> None:
    link = VirtualLink(2e6, seed=seed, loss=loss)
    room = Room(link, 1, seed=seed, feedback_loss=loss)
    gallery(room)
    room.run(35)
    (video,) = room.videos.values()
    assert video.fps(5, 35) > least * 25
    assert video.switches(5, 35) == 0
    assert video.longest_gap(5, 35) < 0.6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_link_that_was_down_carries_video_soon(seed: int) -> None:
    link = CutLink(5e6, seed=seed)
    link.down = (10, 18)
    room = Room(link, 4, seed=seed)
    voices = [down for down in room.subscriber.down_tracks.values() if down.spec.kind == "audio"]
    for down in voices:
        down.redundancy = Redundancy()
    gallery(room)
    room.run(10)
    room.feedback_loss = 1.0
    room.run(18)
    room.feedback_loss = 0.0
    room.run(27)
    for video in room.videos.values():
        assert video.fps(18.7, 20) > 12
        assert set(video.layers(21, 27)) == {1}
    assert {down.blocks for down in voices} == {0}, "no redundancy against what is over"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_publisher_who_was_away_is_seen_again_at_whatever_layer_comes(seed: int) -> None:
    room = Room(VirtualLink(20e6, seed=seed), 4, QHF, seed=seed)
    gallery(room, 1280, 720)
    camera = room.cameras[0]
    camera.outages.append((10, 18))
    # Its own uplink carries little at first.
    camera.caps += [(12, 21, 1), (21, 24, 2)]
    room.run(30)
    away = room.videos["v0"]
    assert away.longest_gap(18.5, 30) < 0.5
    assert away.fps(19, 21) > 20
    assert set(away.layers(28, 30)) == {2}
    for name in ("v1", "v2", "v3"):
        assert room.videos[name].longest_gap(3, 30) < 0.15


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("where", ["viewer", "server", "both"])
def test_a_machine_that_stalls_is_no_narrow_network(seed: int, where: str) -> None:
    room = Room(VirtualLink(100e6, seed=seed, delay=0.002), 2, QHF, seed=seed, feedback=0.05)
    gallery(room, 1280, 720)
    draw, at = random.Random(seed), 8.0
    while at < 18:
        start = at + draw.uniform(0.05, 0.3)
        at = start + draw.uniform(0.2, 0.4)
        if where != "server":
            room.stalls.append((start, at))
        if where != "viewer":
            room.server_stalls.append((start + 0.03, at - 0.05))
    room.run(26)
    assert room.lowest_estimate(8, 26) > 1_000_000
    for video in room.videos.values():
        assert video.longest_gap(8, 26) < 0.6
        assert set(video.layers(21, 26)) == {2}


def test_what_is_not_seen_gets_nothing_and_comes_back_at_once() -> None:
    room = Room(VirtualLink(20e6), 4, QHF)
    gallery(room)
    room.run(5)
    room.view(("v0", 640, 360, "main"), *((f"v{n}", 0, 0, "tile") for n in (1, 2, 3)))
    room.run(10)
    assert all(room.videos[f"v{n}"].bps(5.2, 10) == 0 for n in (1, 2, 3))
    gallery(room)
    room.run(12)
    for name in ("v1", "v2", "v3"):
        assert min(at for at, _ in room.videos[name].played if at > 10) < 10.5
        assert room.videos[name].fps(10.6, 12) > 20
    # A minimised window: voices only.
    room.view(*((f"v{n}", 0, 0, "tile") for n in range(4)))
    room.run(15)
    assert sum(video.bps(12.2, 15) for video in room.videos.values()) == 0
    assert voices_lost(room, 1, 14) == 0


def test_the_viewers_own_limit_and_choice() -> None:
    room = Room(VirtualLink(20e6), 2, QHF)
    shown = [("v0", 1280, 720, "main"), ("v1", 1280, 720, "tile")]
    room.view(*shown, max_bps=800_000)
    room.run(8)
    assert sum(video.bps(4, 8) for video in room.videos.values()) < 900_000
    assert all(video.fps(4, 8) > 12 for video in room.videos.values())
    room.view(*shown, quality="low")
    room.run(14)
    assert all(set(video.layers(10, 14)) == {0} for video in room.videos.values())
    room.view(("v0", 100, 60, "tile"), ("v1", 100, 60, "tile"), quality="high")
    room.run(20)
    assert all(set(video.layers(17, 20)) == {2} for video in room.videos.values())


@pytest.mark.parametrize("kind", ["nothing", "remb", "mute"])
def test_a_receiver_that_reports_little_is_sent_video(kind: str) -> None:
    room = Room(VirtualLink(5e6), 2, transport_cc=kind == "mute")
    room.reports = False
    room.remb_bps = 600_000 if kind == "remb" else 0
    gallery(room)
    room.run(20)
    for video in room.videos.values():
        assert video.longest_gap(8, 20) < 1.0
        assert video.fps(10, 20) > 10
    assert voices_lost(room, 1, 19) == 0
    if kind == "remb":
        assert room.videos["v0"].bps(10, 20) < 600_000


def test_each_step_of_shedding_sends_less_and_the_voices_stay() -> None:
    room = Room(VirtualLink(20e6), 3, QHF)
    gallery(room, 1280, 720)
    room.run(5)
    rates = []
    for step in STEPS[1:]:
        room.subscriber.set_shed(step)
        start = room.now
        room.run(start + 5)
        rates.append(room.bps(start + 2, room.now))
    assert rates == sorted(rates, reverse=True)
    assert set(room.videos["v0"].layers(room.now - 2, room.now)) == {0}
    assert not room.videos["v1"].layers(room.now - 2, room.now)
    room.subscriber.set_shed(STEPS[0])
    end = room.now
    room.run(end + 5)
    assert all(set(p.layers(end + 3, end + 5)) == {2} for p in room.videos.values())
    assert voices_lost(room, 1, end + 4) == 0


def test_voices_get_redundancy_as_soon_as_feedback_shows_loss() -> None:
    room = Room(VirtualLink(10e6, loss=0.05, seed=3), 2, seed=3)
    room.no_reports()
    voices = [down for down in room.subscriber.down_tracks.values() if down.spec.kind == "audio"]
    for down in voices:
        down.redundancy = Redundancy()
    gallery(room)
    room.run(3)
    assert {down.blocks for down in voices} == {2}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_full_queue_makes_no_voice_redundant(seed: int) -> None:
    """Redundancy would make the queue longer that loses the packets."""
    link = VirtualLink([(0, 5e6), (10, 3e5)], seed=seed, queue_seconds=0.2)
    room = Room(link, 4, seed=seed)
    voices = [down for down in room.subscriber.down_tracks.values() if down.spec.kind == "audio"]
    for down in voices:
        down.redundancy = Redundancy()
    gallery(room)
    blocks = set()
    while room.now < 25:
        room.run(room.now + 0.1)
        blocks |= {down.blocks for down in voices}
    assert link.dropped > 50
    assert blocks == {0}
