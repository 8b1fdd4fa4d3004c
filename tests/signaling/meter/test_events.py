from __future__ import annotations

from dataclasses import replace

import pytest

from sfu.control import TransportStats
from signaling.meter.events import SETTLES, Watcher
from signaling.meter.state import PersonState, Received, RoomState, TrackState

CAMERA = TrackState("tv", "video", "camera", False)
ADA = PersonState("ada", "Ada", 1.0, True, level="good", tracks=(CAMERA,), publish="r.1")
BO = PersonState(
    "bo", "Bo", 1.0, True, level="good", subscribe="r.2",
    receiving={"tv": Received("flowing", 2, False)},
)  # fmt: skip
ROOM = RoomState("call1", "Room", 1.0, 10, 0, 7, (ADA, BO))


def transport(name: str, moves: int, protocol: str = "udp", family: str = "ipv4") -> TransportStats:
    return TransportStats(
        transport=name, packets_received=0, bytes_received=0, packets_sent=0, bytes_sent=0,
        rtt_ms=0.0, protocol=protocol, family=family, moves=moves,  # type: ignore[arg-type]
    )  # fmt: skip


class Scene:
    def __init__(self) -> None:
        self.watcher = Watcher()
        self.transports = {"r.1": transport("r.1", 1), "r.2": transport("r.2", 1)}
        self.shed = 0
        self.why: dict[str, str] = {}
        self.see(ROOM)

    def see(self, *rooms: RoomState) -> list[tuple[str, str, str]]:
        events = self.watcher.compare(50.0, rooms, self.transports, {0: self.shed}, self.why)
        assert all(event.at == 50.0 and event.call and event.room for event in events)
        return [(event.kind, event.name, event.detail) for event in events]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_call_begins_and_ends() -> None:
    watcher = Watcher()
    began = watcher.compare(1.0, [ROOM], {}, {}, {})
    assert [(event.kind, event.name) for event in began] == [
        ("callStarted", ""),
        ("joined", "Ada"),
        ("published", "Ada"),
        ("joined", "Bo"),
    ]
    over = watcher.compare(2.0, [], {}, {}, {"ada": "left", "bo": "lost"})
    assert [(event.kind, event.name, event.detail) for event in over] == [
        ("left", "Ada", "left"),
        ("left", "Bo", "lost"),
        ("callEnded", "", ""),
    ]


def test_nothing_new_is_no_event(scene: Scene) -> None:
    assert scene.see(ROOM) == []


def test_a_room_made_anew_is_another_call(scene: Scene) -> None:
    kinds = [kind for kind, _, _ in scene.see(replace(ROOM, call="call2", people=(ADA,)))]
    assert kinds == ["left", "left", "callEnded", "callStarted", "joined", "published"]


@pytest.mark.parametrize(
    ("reason", "kind", "detail"),
    [
        ("left", "left", "left"),
        ("lost", "left", "lost"),
        ("removed", "removed", ""),
        ("", "left", ""),
    ],
)
def test_who_goes_and_why(scene: Scene, reason: str, kind: str, detail: str) -> None:
    scene.why = {"bo": reason} if reason else {}
    assert scene.see(replace(ROOM, people=(ADA,))) == [(kind, "Bo", detail)]


def test_tracks_come_and_go(scene: Scene) -> None:
    screen = TrackState("ts", "video", "screen", False)
    assert scene.see(replace(ROOM, people=(replace(ADA, tracks=(CAMERA, screen)), BO))) == [
        ("published", "Ada", "screen")
    ]
    assert scene.see(replace(ROOM, people=(replace(ADA, tracks=(screen,)), BO))) == [
        ("unpublished", "Ada", "camera")
    ]


@pytest.mark.parametrize(
    ("protocol", "family", "detail"),
    [("udp", "ipv4", "IPv4"), ("udp", "ipv6", "IPv6"), ("tcp", "ipv4", "TCP")],
)
def test_another_network(scene: Scene, protocol: str, family: str, detail: str) -> None:
    scene.transports["r.2"] = transport("r.2", 2, protocol, family)
    assert scene.see(ROOM) == [("networkChanged", "Bo", detail)]
    assert scene.see(ROOM) == []


def test_a_browser_that_still_chooses_its_path_has_not_moved(scene: Scene) -> None:
    """The first valid path need not be the one that ICE ends with."""
    fresh = replace(ROOM, people=(ADA, replace(BO, joined=50.0 - SETTLES + 1)))
    scene.transports["r.2"] = transport("r.2", 2, family="ipv6")
    assert scene.see(fresh) == []
    assert scene.see(ROOM) == []


def test_a_new_connection_is_no_other_network(scene: Scene) -> None:
    scene.transports["r.9"] = transport("r.9", 3)
    assert scene.see(replace(ROOM, people=(ADA, replace(BO, subscribe="r.9")))) == []


def test_quality(scene: Scene) -> None:
    assert scene.see(replace(ROOM, people=(ADA, replace(BO, level="poor")))) == [
        ("qualityChanged", "Bo", "poor")
    ]


def received(layer: int, limited: bool = False, state: str = "flowing") -> RoomState:
    bo = replace(BO, receiving={"tv": Received(state, layer, limited)})
    return replace(ROOM, people=(ADA, bo))


def test_a_layer_that_the_network_lowers_and_raises(scene: Scene) -> None:
    assert scene.see(received(1, True)) == [("layerDropped", "Bo", "camera")]
    assert scene.see(received(-1, True, "pausedByBandwidth")) == [("layerDropped", "Bo", "camera")]
    assert scene.see(received(1, True)) == [("layerRaised", "Bo", "camera")]
    assert scene.see(received(2)) == [("layerRaised", "Bo", "camera")]


def test_a_smaller_tile_is_no_event(scene: Scene) -> None:
    assert scene.see(received(0)) == []
    assert scene.see(received(2)) == []
    assert scene.see(received(-1, state="hidden")) == []


def test_the_server_has_too_much_to_do(scene: Scene) -> None:
    scene.shed = 2
    assert scene.see(ROOM) == [("shed", "", "2")]
    scene.shed = 0
    assert scene.see(ROOM) == [("shed", "", "0")]


def test_a_worker_is_lost_once(scene: Scene) -> None:
    assert scene.see(replace(ROOM, worker=-1, worker_pid=0)) == [("workerLost", "", "")]
    assert scene.see(replace(ROOM, worker=1, worker_pid=8)) == []
