"""The worker's end of the control channel."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from sfu import control
from sfu.process.channel import Channel

Pair = tuple[Channel, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    yield Channel(ours), theirs
    ours.close()
    theirs.close()


def test_however_much_comes_it_is_taken_in_portions_and_in_order(pair: Pair) -> None:
    channel, theirs = pair
    commands = [control.OpenRouter(f"{number}", "x" * 1000) for number in range(2000)]
    writer = threading.Thread(
        target=lambda: theirs.sendall(b"".join(control.frame(command) for command in commands))
    )
    writer.start()
    taken: list[control.Command] = []
    most = 0
    while len(taken) < len(commands):
        portion = list(channel.receive())
        most = max(most, len(portion))
        taken += portion
    writer.join()
    assert taken == commands
    assert most < len(commands) / 4
    assert not channel.is_closed


def test_an_end_is_seen_behind_what_came_before_it(pair: Pair) -> None:
    channel, theirs = pair
    theirs.sendall(control.frame(control.Drain()))
    theirs.close()
    assert list(channel.receive()) == [control.Drain()]
    assert channel.is_closed


@pytest.mark.parametrize("rubbish", [b"\xff" * 8, b"\0\0\0\x01\xc1"])
def test_rubbish_ends_it(pair: Pair, rubbish: bytes) -> None:
    channel, theirs = pair
    theirs.sendall(control.frame(control.Drain()) + rubbish)
    assert list(channel.receive()) == [control.Drain()]
    assert channel.is_closed


def test_statistics_are_left_out_for_who_does_not_read(pair: Pair) -> None:
    channel, theirs = pair
    router = "x" * 100_000
    stats = control.WorkerStats(
        cpu_seconds=1.0,
        rss_bytes=1,
        packets_received=1,
        packets_forwarded=1,
        bytes_received=1,
        bytes_sent=1,
        routers=1,
        transports=1,
        gather_ms=0.0,
        drops={},
        per_transport=(),
    )
    for number in range(40):
        channel.send(control.AudioLevels(f"{number}{router}", {}))
    channel.send(stats)
    channel.send(control.AudioLevels("last", {}))
    unframer, events = control.Unframer(), []
    while not events or events[-1] != control.AudioLevels("last", {}):
        channel.flush()
        events += [control.decode_event(body) for body in unframer.feed(theirs.recv(1 << 20))]
    assert len(events) == 41
    assert stats not in events
