"""A capture of one participant, by a real worker, read back by the analyser and by tshark."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfu.control import CaptureState, CloseTransport, StartCapture, StopCapture
from sfu.wire import rtp
from tests.sfu.peers import (
    Browser,
    WorkerProcess,
    audio_spec,
    down_spec,
    open_room,
    publish,
    subscribe,
    worker,
)

COUNT = 200


class Scene:
    """Alice speaks, Bob listens; both are captured, and Carol is not."""

    def __init__(self, process: WorkerProcess, folder: Path) -> None:
        self.process = process
        spec = audio_spec("a")
        self.alice = publish(process, "alice", spec)
        self.bob = subscribe(process, "bob", down_spec(spec, 8000))
        self.carol = subscribe(process, "carol", down_spec(spec, 9000))
        self.file = folder / "one.pcapng"
        self.next = 0

    def start(self, **changed: Any) -> None:
        fields: dict[str, Any] = {
            "capture": "one",
            "path": str(self.file),
            "transports": (self.alice.id, self.bob.id),
            "max_bytes": 10_000_000,
            "max_seconds": 60.0,
        }
        self.process.send(StartCapture(**(fields | changed)))
        # Commands have been taken.
        self.process.stats()

    def talk(self, count: int = COUNT, dropped: int = 0) -> None:
        """So many packets, of which the network loses some."""
        for _ in range(count):
            packet = rtp.build(111, self.next & 0xFFFF, self.next * 960, 500, b"\x78" + bytes(99))
            if not 10 <= self.next < 10 + dropped:
                self.alice.send_rtp(packet)
            self.next += 1
            if self.next % 20 == 0:
                self.alice.pump(0.001)
        for browser in (self.bob, self.carol):
            self.all_of(browser, self.next - dropped)

    @staticmethod
    def all_of(browser: Browser, count: int) -> None:
        browser.receive_until(lambda: len(browser.rtp) == count)

    def ended(self) -> CaptureState:
        return self.process.wait(CaptureState, lambda state: state.ended != "")

    def stop(self) -> CaptureState:
        self.process.send(StopCapture("one"))
        return self.ended()

    def streams(self) -> dict[str, dict[str, Any]]:
        """What the analyser finds, by SSRC."""
        found = subprocess.run(
            [sys.executable, "-m", "qos", "--json", str(self.file)],
            capture_output=True,
            text=True,
            check=True,
        )
        streams = json.loads(found.stdout)["streams"]
        return {str(stream["ssrc"]): stream for stream in streams}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with worker() as running:
        open_room(running)
        yield Scene(running, tmp_path)


def by_number(streams: dict[str, dict[str, Any]], ssrc: int) -> dict[str, Any]:
    """A stream, however its SSRC is written."""
    (found,) = [stream for name, stream in streams.items() if int(name, 0) == ssrc]
    return found


def test_what_came_and_what_went_out_is_there_and_nothing_of_others(scene: Scene) -> None:
    scene.start()
    scene.talk(dropped=7)
    state = scene.stop()
    assert state.ended == "stopped"
    assert state.packets >= 2 * (COUNT - 7)
    assert state.bytes == scene.file.stat().st_size
    streams = scene.streams()
    assert {int(name, 0) for name in streams} == {500, 8000}
    up, down = by_number(streams, 500), by_number(streams, 8000)
    assert (up["packets"], up["expected"], up["lost"]) == (COUNT - 7, COUNT, 7)
    assert down["packets"] == COUNT - 7
    assert scene.file.stat().st_mode & 0o777 == 0o600


def test_only_headers_unless_asked(scene: Scene) -> None:
    scene.start()
    scene.talk()
    small = scene.stop().bytes
    scene.file = scene.file.with_name("two.pcapng")
    scene.start(path=str(scene.file), headers_only=False)
    scene.talk()
    assert scene.stop().bytes > small + COUNT * 100


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_opens_it(scene: Scene) -> None:
    scene.start()
    scene.talk()
    scene.stop()
    found = subprocess.run(
        [
            "tshark", "-r", str(scene.file), "--enable-heuristic", "rtp_udp",
            "-Y", "rtp.ssrc==500", "-T", "fields", "-e", "rtp.seq",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [int(number) for number in found.stdout.split()] == list(range(COUNT))


def test_it_ends_when_it_is_full(scene: Scene) -> None:
    scene.start(max_bytes=5000)
    scene.talk()
    state = scene.ended()
    assert state.ended == "full"
    assert scene.file.stat().st_size == state.bytes <= 5000


def test_it_ends_with_the_transports(scene: Scene) -> None:
    scene.start()
    scene.talk(20)
    scene.process.send(CloseTransport(scene.alice.id), CloseTransport(scene.bob.id))
    assert scene.ended().ended == "gone"


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "/nowhere/at/all.pcapng"},
        {"transports": ("nobody",)},
        {"path": "/dev/null"},
    ],
)
def test_what_cannot_be_begun_is_said_and_costs_nobody_anything(
    scene: Scene, changed: dict[str, Any]
) -> None:
    scene.start(**changed)
    assert scene.ended().ended == "failed"
    scene.talk()


def test_a_full_disk_ends_it_and_not_the_call(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        scene.start(path=str(folder / "one.pcapng"), headers_only=False)
        scene.talk(500)
        assert scene.ended().ended == "failed"
        scene.talk(20)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_transport_is_captured_once_at_a_time(scene: Scene) -> None:
    scene.start()
    scene.start(capture="other", path=str(scene.file.with_name("other.pcapng")))
    assert scene.ended() == CaptureState("other", 0, 0, "failed")
    scene.talk(20)
    assert scene.stop().packets >= 40
