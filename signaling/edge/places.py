"""Who has a connection: bounded in all and by address, and the idle make room.

Sans-I/O: the caller passes `now` (seconds of a monotonic clock) and closes what it is handed.

Theory of operation. A connection is *busy* while a request of it is being answered, a WebSocket
for all its life. Otherwise it is *idle*: it has sent nothing yet, is in its TLS handshake or its
headers, or waits for the next request. HTTP lets a server end an idle connection at any time (RFC
9112 section 9.5), and browsers open another one. So idle connections have a deadline, and when all
places are taken the one that has been idle longest makes room: whoever opens connections and stays
silent displaces their own, and locks nobody out who has something to send.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


class Place:
    """One connection's; made by `Places.take`."""

    __slots__ = ("close", "deadline", "key", "taken")

    def __init__(self, key: str) -> None:
        self.key = key
        """What counts as its address (`limits.address_key`); empty when it has none of its own."""
        self.deadline = 0.0
        """Until when it may be idle."""
        self.close: Callable[[], None] = lambda: None
        """Ends the connection at once; whoever serves it sets this."""
        self.taken = True
        """Until `Places.free`."""


class Places:
    """All connections of one listener."""

    def __init__(self, most: int, most_of_one: int) -> None:
        """`most`: connections in all. `most_of_one`: from one address."""
        self._most, self._most_of_one = most, most_of_one
        self._count = 0
        self._by_key: Counter[str] = Counter()
        # Insertion order: who became idle first comes first.
        self._idle: dict[Place, None] = {}
        self._idle_by_key: dict[str, dict[Place, None]] = {}
        self.refused = 0
        """Connections for which there was no room."""
        self.displaced = 0
        """Idle ones that made room."""

    def __len__(self) -> int:
        return self._count

    def take(self, key: str, now: float, patience: float) -> Place | None:
        """A place for a new connection, idle for at most `patience` seconds; None: refuse it.

        With an empty `key` (a proxy, which speaks for many) only the number in all counts.
        """
        if key and self._by_key[key] >= self._most_of_one:
            fits = self._displace(self._idle_by_key.get(key, {}))
        else:
            fits = self._count < self._most or self._displace(self._idle)
        if not fits:
            self.refused += 1
            return None
        place = Place(key)
        self._count += 1
        if key:
            self._by_key[key] += 1
        self.idle(place, now, patience)
        return place

    def idle(self, place: Place, now: float, patience: float) -> None:
        """Nothing is being answered; the connection is closed after `patience` seconds of that."""
        if not place.taken:
            return
        self.busy(place)
        place.deadline = now + patience
        self._idle[place] = None
        self._idle_by_key.setdefault(place.key, {})[place] = None

    def busy(self, place: Place) -> None:
        """A request is being answered."""
        self._idle.pop(place, None)
        of_key = self._idle_by_key.get(place.key)
        if of_key is not None:
            of_key.pop(place, None)
            if not of_key:
                del self._idle_by_key[place.key]

    def free(self, place: Place) -> None:
        """The connection is gone; harmless when that is known."""
        if not place.taken:
            return
        place.taken = False
        self.busy(place)
        self._count -= 1
        if place.key:
            self._by_key[place.key] -= 1
            if not self._by_key[place.key]:
                del self._by_key[place.key]

    def expired(self, now: float) -> list[Place]:
        """Whose time is over: to be closed."""
        return [place for place in self._idle if now >= place.deadline]

    def _displace(self, candidates: dict[Place, None]) -> bool:
        """Close whoever of them has been idle longest; False when nobody is."""
        oldest = next(iter(candidates), None)
        if oldest is None:
            return False
        self.displaced += 1
        self.free(oldest)
        oldest.close()
        return True
