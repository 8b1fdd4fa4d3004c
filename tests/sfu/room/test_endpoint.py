"""What one participant may make the worker do."""

from __future__ import annotations

import pytest

from sfu.process.deadlines import Deadlines
from sfu.receive.publisher import Publisher
from sfu.room.endpoint import (
    CHECK_BURST,
    CHECK_RATE,
    OCTET_RATE,
    PACKET_RATE,
    Endpoint,
    WebRtcEndpoint,
)
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from tests.sfu.fan_out import Wire
from tests.sfu.keyed_transport import KeyedTransport
from tests.sfu.net.test_webrtc_transport import Scene


def endpoint() -> tuple[Endpoint, Publisher]:
    transport = KeyedTransport()
    publisher = Publisher(transport, Forwarder(Outbox(Wire())), 1, Deadlines(pytest.fail))
    publisher.connected()
    return Endpoint(transport, publisher=publisher), publisher


def offer(packets: int, size: int, seconds: int) -> int:
    """How many are taken of so many packets a second, in batches of a hundredth."""
    found, publisher = endpoint()
    taken = 0
    for hundredth in range(seconds * 100):
        now = 50 + hundredth / 100
        for _ in range(packets // 100):
            if found.is_over_budget and not found.may_go_on(now):
                continue
            assert publisher.context is not None
            found.packets += 1
            found.octets += size
            taken += 1
        found.settle(now)
    return taken


def test_what_a_browser_sends_is_all_taken() -> None:
    assert offer(1000, 1200, 10) == 10_000


def test_more_packets_or_more_bytes_are_held_to_the_rate() -> None:
    assert offer(50_000, 60, 10) <= PACKET_RATE * 11 + 600
    assert offer(20_000, 1400, 10) * 1400 <= OCTET_RATE * 11 + 300 * 1400


def test_checks_from_elsewhere_leave_the_own_ones_alone() -> None:
    found = WebRtcEndpoint(Scene().transport)
    taken = [found.may_check(10.0, known=False) for _ in range(1000)]
    assert sum(taken) == CHECK_BURST
    assert all(found.may_check(10 + n / CHECK_RATE, known=True) for n in range(200))
