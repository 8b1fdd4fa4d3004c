"""Guesses at rooms' passwords: each is paid for before it is verified.

Theory of operation. A guess takes a token from four buckets: that of its WebSocket, of its address
at this room, of its address at all rooms, and of the room from all addresses. So one person who
mistypes runs dry before the school behind the same address does, one address cannot try for long,
and many addresses cannot try much longer. A token is lent until the password was verified: a wrong
one keeps it, a right one gives it back and one more, so that a class that knows the password
comes in however often somebody beside it mistypes. Who finds a bucket empty while some of its
tokens are lent waits for those: a whole class comes in at once, though ten guesses are the limit.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from signaling.limits import Bucket, address_key

SOCKET_PART = 0.5
"""Of the guesses that an address has at a room: those of one WebSocket."""
ADDRESS_TIMES, ROOM_TIMES = 5, 10
"""As many guesses as an address has at a room: one address at all rooms, all at one room."""
CAPACITY = 4096
"""Buckets that are remembered."""


class TooManyGuessesError(Exception):
    """Come back after `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


class Allowance:
    """One bucket of guesses, full at first."""

    __slots__ = ("bucket", "lent")

    def __init__(self, per_minute: float, now: float) -> None:
        self.bucket = Bucket(per_minute / 60, per_minute, now)
        self.lent = 0
        """Tokens of guesses that are being verified."""


class Guesses:
    """See the module's text."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`per_minute`: guesses of one address at one room, and as many at once; 0: no limit."""
        self._per_minute, self._clock = per_minute, clock
        self._allowances: OrderedDict[tuple[str, str], Allowance] = OrderedDict()
        self._settled: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._allowances)

    def of_socket(self) -> Allowance:
        """For one WebSocket to keep."""
        return Allowance(max(1.0, self._per_minute * SOCKET_PART), self._clock())

    async def verify(
        self, check: Callable[[], Awaitable[bool]], room: str, address: str, own: Allowance
    ) -> bool:
        """What `check` says, when a guess may be made. Raises `TooManyGuessesError`, and what
        `check` raises; then the guess counts as none. `address`: '' when it is not known.
        """
        if not self._per_minute:
            return await check()
        allowances = [own, *self._find(room, address_key(address) if address else "")]
        await self._borrow(allowances)
        right: bool | None = False
        try:
            right = await check()
        except asyncio.CancelledError:
            # Who hangs up meanwhile has guessed all the same.
            raise
        except Exception:
            right = None
            raise
        finally:
            self._settle(allowances, right)
        return right

    def _find(self, room: str, address: str) -> list[Allowance]:
        wanted = [(("", room), ROOM_TIMES)]
        if address:
            wanted += [((address, room), 1), ((address, ""), ADDRESS_TIMES)]
        return [self._allowance(key, times * self._per_minute) for key, times in wanted]

    def _allowance(self, key: tuple[str, str], per_minute: float) -> Allowance:
        found = self._allowances.get(key)
        if found is None:
            found = self._allowances[key] = Allowance(per_minute, self._clock())
            if len(self._allowances) > CAPACITY:
                self._allowances.popitem(last=False)
        self._allowances.move_to_end(key)
        return found

    async def _borrow(self, allowances: Sequence[Allowance]) -> None:
        while True:
            now = self._clock()
            empty = [(one, wait) for one in allowances if (wait := one.bucket.wait(now))]
            if not empty:
                break
            if not all(one.lent for one, _ in empty):
                raise TooManyGuessesError(math.ceil(max(wait for _, wait in empty)))
            if self._settled is None:
                self._settled = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._settled)
        for one in allowances:
            one.bucket.take(now)
            one.lent += 1

    def _settle(self, allowances: Sequence[Allowance], right: bool | None) -> None:
        """`right`: None when it could not be verified."""
        for one in allowances:
            one.lent -= 1
            one.bucket.give(2 if right else 0 if right is False else 1)
        settled, self._settled = self._settled, None
        if settled is not None:
            settled.set_result(None)
