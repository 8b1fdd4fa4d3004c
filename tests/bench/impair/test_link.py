"""The link program between two real namespaces: what it does to UDP and TCP."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.impair import rig
from bench.impair.line import Profile
from bench.servers import netns
from bench.servers.netns import NamespaceError

pytestmark = [pytest.mark.netns, pytest.mark.timeout(60)]
PORT = 5004
ENOUGH = 20.0
"""Seconds until which something must have come that comes at all."""


@pytest.fixture
def network() -> Iterator[rig.Star]:
    if reason := rig.missing():
        pytest.skip(reason)
    with rig.star(1, {0}) as made:
        yield made


def open_inside(namespace: str, kind: socket.SocketKind, address: str) -> socket.socket:
    with netns.entered(namespace):
        found = socket.socket(socket.AF_INET, kind)
    found.settimeout(ENOUGH)
    found.bind((address, PORT))
    return found


@pytest.fixture
def ends(network: rig.Star) -> Iterator[tuple[socket.socket, socket.socket]]:
    """UDP sockets in the hub and in the spoke."""
    with (
        open_inside(network.hub, socket.SOCK_DGRAM, rig.HUB_ADDRESS) as hub,
        open_inside(
            network.spokes[0].namespace, socket.SOCK_DGRAM, network.spokes[0].address
        ) as spoke,
    ):
        hub.connect(spoke.getsockname())
        spoke.connect(hub.getsockname())
        yield hub, spoke


Ends = tuple[socket.socket, socket.socket]


def test_each_direction_has_its_own_delay(network: rig.Star, ends: Ends) -> None:
    hub, spoke = ends
    hub.send(b"who has that address")
    spoke.recv(100)
    network.spokes[0].impair(Profile(delay_ms=120), Profile(delay_ms=30))
    for source, target, delay in ((hub, spoke, 0.12), (spoke, hub, 0.03)):
        began = time.monotonic()
        source.send(b"hello")
        assert target.recv(100) == b"hello"
        assert time.monotonic() - began >= delay


def test_what_arrives_is_all_but_the_lost_and_in_order(network: rig.Star, ends: Ends) -> None:
    hub, spoke = ends
    hub.send(b"who has that address")
    spoke.recv(100)
    network.spokes[0].impair(
        Profile(delay_ms=5, jitter_ms=20, loss_percent=20, burst=4), Profile(delay_ms=5)
    )
    link = network.spokes[0].link
    assert link is not None
    arrived: list[int] = []
    deadline = time.monotonic() + ENOUGH
    spoke.settimeout(0.1)
    for begin in range(0, 400, 50):
        for number in range(begin, begin + 50):
            hub.send(number.to_bytes(4, "big"))
        # No more under way than every socket's buffer holds, however late its reader is.
        while len(arrived) + link.counters()["down"]["lost"] < begin + 50:
            assert time.monotonic() < deadline, (len(arrived), link.counters())
            with contextlib.suppress(TimeoutError):
                arrived.append(int.from_bytes(spoke.recv(100), "big"))
    counters = link.counters()["down"]
    assert counters["overflowed"] == 0
    assert len(arrived) + counters["lost"] == 400
    assert 20 < counters["lost"] < 200
    assert arrived == sorted(arrived)


def test_tcp_passes_whole_and_no_faster_than_the_bottleneck(network: rig.Star) -> None:
    (spoke,) = network.spokes
    spoke.impair(Profile(rate_kbps=4000, delay_ms=20, loss_percent=1), Profile(delay_ms=20))
    data = os.urandom(300_000)
    with (
        open_inside(network.hub, socket.SOCK_STREAM, rig.HUB_ADDRESS) as listening,
        open_inside(spoke.namespace, socket.SOCK_STREAM, spoke.address) as client,
    ):
        listening.listen()
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()
        began = time.monotonic()
        received = b""
        with accepted:
            sending = threading.Thread(target=accepted.sendall, args=(data,))
            sending.start()
            while len(received) < len(data):
                received += client.recv(65536)
            sending.join()
    assert received == data
    assert time.monotonic() - began > len(data) * 8 / 4_000_000


def test_nothing_is_left_of_it(network: rig.Star) -> None:
    (spoke,) = network.spokes
    assert Path("/run/netns", spoke.middle).exists()
    spoke.disconnect()
    assert not Path("/run/netns", spoke.middle).exists()
    with pytest.raises(NamespaceError, match="has ended"):
        spoke.impair(Profile(delay_ms=1))


def test_a_spoke_without_link_program_reports_it() -> None:
    spoke = rig.Spoke("hub", "plain", "spoke1", "hub1", "10.77.0.2")
    with pytest.raises(NamespaceError, match="plain has no link program"):
        spoke.impair(Profile(delay_ms=1))
