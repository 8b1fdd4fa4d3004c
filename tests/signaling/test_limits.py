from __future__ import annotations

import ipaddress

import pytest

from signaling.limits import AddressLimit, Bucket, address_key, within


def test_bucket_refills_at_its_rate() -> None:
    bucket = Bucket(rate=2.0, burst=3.0, now=100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.wait(100.25) == 0.25
    assert bucket.take(100.5) == 0.0
    assert bucket.take(100.5) == 0.5
    # Never more than the burst.
    assert [bucket.take(1000.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_addresses_count_apart_and_networks_together() -> None:
    limit = AddressLimit(per_minute=1)
    assert limit.take("10.0.0.1", 0.0) == 0
    assert limit.take("10.0.0.2", 0.0) == 0
    assert limit.take("::ffff:10.0.0.1", 0.0) == 60
    assert limit.take("2001:db8::1", 0.0) == 0
    assert limit.take("2001:db8::2", 0.0) == 60
    assert limit.take("2001:db8:0:1::1", 0.0) == 0
    assert limit.take("10.0.0.1", 60.0) == 0


def test_wait_takes_nothing() -> None:
    limit = AddressLimit(per_minute=1)
    assert limit.wait("a", 0.0) == 0
    assert len(limit) == 0
    limit.take("a", 0.0)
    assert limit.wait("a", 30.0) == limit.wait("a", 30.0) == 30


def test_no_limit() -> None:
    limit = AddressLimit(per_minute=0)
    assert [limit.take("a", 0.0) for _ in range(1000)] == [0] * 1000


def test_memory_is_bounded_and_the_busy_are_remembered() -> None:
    limit = AddressLimit(per_minute=2, capacity=10)
    for number in range(100):
        limit.take("10.0.0.1", 0.0)
        limit.take(f"10.1.0.{number}", 0.0)
    assert len(limit) == 10
    assert limit.take("10.0.0.1", 0.0) > 0


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.168.1.5", "192.168.1.5"),
        ("::ffff:192.168.1.5", "192.168.1.5"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_address_key(address: str, key: str) -> None:
    assert address_key(address) == key


def test_within() -> None:
    networks = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
    assert within("10.1.2.3", networks)
    assert within("::ffff:10.1.2.3", networks)
    assert within("fd00::1", networks)
    assert not within("11.1.2.3", networks)
    assert not within("nobody", networks)
