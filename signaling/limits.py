"""Token buckets: one, by kind of request, and by address in bounded memory.

Sans-I/O: the caller passes `now` (seconds of a monotonic clock). IPv6 addresses count by their
/64, which is what one household or phone is given (RFC 6177).
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Mapping

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address_key(address: str) -> str:
    """What counts as one address: IPv4 as it is (also when mapped), IPv6 by its /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether the address lies in one of the networks."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)


class Bucket:
    """One token bucket; full at first."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """`rate`: tokens a second."""
        self._rate, self._burst, self._tokens, self._at = rate, burst, burst, now

    def take(self, now: float) -> float:
        """0.0 when a token was taken, else the seconds until there is one."""
        wait = self.wait(now)
        if not wait:
            self._tokens -= 1
        return wait

    def give(self, tokens: float) -> None:
        """Put some back; it holds no more than `burst`."""
        self._tokens = min(self._burst, self._tokens + tokens)

    def wait(self, now: float) -> float:
        """Seconds until there is a token."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._rate


class Budgets:
    """A bucket for each kind of request that has a budget; others are always let through."""

    def __init__(self, budgets: Mapping[type, tuple[float, float]], now: float) -> None:
        """`budgets`: kind -> (requests a second, requests at once)."""
        self._buckets = {kind: Bucket(*budget, now) for kind, budget in budgets.items()}

    def take(self, kind: type, now: float) -> float:
        """0.0 when it is allowed, else the seconds to wait."""
        bucket = self._buckets.get(kind)
        return bucket.take(now) if bucket is not None else 0.0


class AddressLimit:
    """A bucket for each address; the least recently seen is forgotten beyond `capacity`."""

    def __init__(self, per_minute: int, capacity: int = 4096) -> None:
        """`per_minute`: both the sustained rate and the burst; 0 means no limit."""
        self._per_minute, self._capacity = per_minute, capacity
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: str, now: float) -> int:
        """0 when it is allowed, else the whole seconds to wait. '' is no address."""
        if not self._per_minute or not address:
            return 0
        key = address_key(address)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = Bucket(self._per_minute / 60, self._per_minute, now)
            self._buckets[key] = bucket
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return math.ceil(bucket.take(now))

    def wait(self, address: str, now: float) -> int:
        """Whole seconds until `take` would allow it; takes nothing."""
        bucket = self._buckets.get(address_key(address))
        return math.ceil(bucket.wait(now)) if bucket else 0
