"""A run of real participants from join to report, with participants and a server that are none."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import Any

import pytest

from bench.real import call as real_call
from bench.real.crew import CrewError, InboundTrack, KindOfClient, OutboundTrack, Part, Snapshot
from bench.runs.run import InterruptedRunError, Load
from bench.servers.processes import Usage
from bench.servers.server import Server

KIND = KindOfClient("pretended", ("one-way delay: nobody is there",), shares_cores=False)
LOAD = Load("scenario1", 2, 0.05, ("audio",), warm_up=0.0)


class Box(Server):
    """Alive for so many looks."""

    name = "pretended"

    def __init__(self, snapshots: int = 10**9) -> None:
        super().__init__("127.0.0.1")
        self.left = snapshots

    @property
    def url(self) -> str:
        return "http://127.0.0.1:1"

    def start(self) -> None:
        """It is."""

    @property
    def alive(self) -> bool:
        return self.left > 0

    def usages(self) -> tuple[dict[int, Usage], set[int]]:
        self.left -= 1
        return {7: Usage(7, "x", 1.0, 1 << 20, 3)}, {7}

    def log_tail(self) -> str:
        return "last words"


class Pretenders:
    """Everybody gets 50 packets from one look to the next."""

    kind = KIND

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.looked = 0
        self.problem = ""
        self.hears = 1
        self.fails_at = 10**9

    async def __aenter__(self) -> Pretenders:
        self.steps.append("enter")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.steps.append("exit")

    async def join(self, part: Part) -> None:
        self.steps.append(f"come {part.participant} {part.room} {part.kinds} {part.tracks}")
        if part.participant == self.fails_at:
            raise CrewError("participant 1: the door is shut")

    async def receive(self, part: Part) -> None:
        self.steps.append(f"receive {part.participant}")

    async def begin(self) -> None:
        self.steps.append("begin")

    async def leave(self) -> None:
        self.steps.append("leave")

    async def snapshots(self) -> list[Snapshot]:
        self.looked += 1
        if self.looked == self.fails_at:
            raise CrewError("a page is gone")
        packets = 50 * self.looked
        return [
            Snapshot(
                participant=who,
                at=float(self.looked),
                bytes=100 * packets,
                received=tuple(
                    InboundTrack(publisher=1 - who, kind="audio", packets=packets, lost=0,
                               jitter_ms=1.0, frames=packets)
                    for _ in range(self.hears)
                ),
                sent=(OutboundTrack(kind="audio", packets=packets, bytes=80 * packets),),
                problem=self.problem,
                late_p99_ms=0.5,
            )
            for who in (0, 1)
        ]  # fmt: skip

    def processes(self) -> Sequence[Sequence[int]]:
        return [[], []]


def run(crew: Pretenders, box: Box | None = None, load: Load = LOAD) -> dict[str, Any]:
    return asyncio.run(real_call.measure(load, box or Box(), crew, lambda _: None))


def test_people_come_receive_are_measured_and_leave() -> None:
    crew = Pretenders()
    report = run(crew)
    assert (report["valid"], report["partial"], report["problems"]) == (True, False, [])
    assert crew.steps == [
        "enter",
        "come 0 1000 ('audio',) 1", "come 1 1000 ('audio',) 1",
        "receive 0", "receive 1",
        "begin", "leave", "exit",
    ]  # fmt: skip
    assert report["client"] == report["settings"]["client"] == "pretended"
    assert report["notKnown"] == list(KIND.not_known)
    assert report["summary"]["packetLossPercent"] == 0
    assert report["server"]["forwardedPackets"] == sum(t["packets"] for t in report["tracks"]) > 0
    assert report["quality"]["tiphon"]["overall"] is not None
    assert {"commit", "machine", "command"} <= set(report)


def test_a_server_that_dies_makes_a_partial_report() -> None:
    crew = Pretenders()
    report = run(crew, Box(snapshots=3), Load("scenario1", 2, 60.0, ("audio",), warm_up=0.0))
    assert report["partial"]
    assert not report["valid"]
    assert "the server ended in the middle: last words" in report["problems"]
    assert crew.steps[-1] == "exit"


def test_calls_that_are_lost_end_the_window() -> None:
    crew = Pretenders()
    crew.problem = "participant 0: the page is reconnecting"
    report = run(crew, None, Load("scenario1", 2, 60.0, ("audio",), warm_up=0.0))
    assert report["partial"]
    assert "the server ended in the middle: every call was lost" in report["problems"]
    assert report["lost"] == [0, 1]


def test_a_participant_that_gives_no_answer_ends_the_window_and_is_reported() -> None:
    crew = Pretenders()
    crew.fails_at = 2
    report = run(crew, None, Load("scenario1", 2, 60.0, ("audio",), warm_up=0.0))
    assert report["partial"]
    assert "a page is gone" in report["problems"]


def test_a_track_that_is_not_there_is_reported() -> None:
    crew = Pretenders()
    crew.hears = 0
    assert "0 tracks were received, not 2" in run(crew)["problems"]


def test_who_cannot_come_ends_the_run_and_everybody_is_let_go() -> None:
    crew = Pretenders()
    crew.fails_at = 1
    with pytest.raises(CrewError, match="the door is shut"):
        run(crew)
    assert crew.steps[-1] == "exit"


def test_an_interrupt_before_the_window_leaves_nothing() -> None:
    class Interrupted(Pretenders):
        async def receive(self, part: Part) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()

    crew = Interrupted()
    with pytest.raises(InterruptedRunError):
        run(crew)
    assert crew.steps[-1] == "exit"
