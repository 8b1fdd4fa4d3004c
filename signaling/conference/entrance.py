"""Who may come into a room: how often somebody may try, its password, its lobby."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from signaling.access.admission import Admission, NobodyLetsIn
from signaling.access.guesses import Allowance, Guesses, TooManyGuessesError
from signaling.access.identity import Identity
from signaling.access.passwords import OverloadedError, Passwords
from signaling.conference.room_description import RoomDescription
from signaling.config import Config
from signaling.limits import AddressLimit, within
from signaling.refusals import RefusedError, TooManyError

MAX_WAITING = 100
"""People who may wait to be let into one room."""
WAIT = 1800.0
"""Seconds that one of them may."""
WAITING_RETRY = 60
"""Seconds after which somebody may ask again for whom there is no room to wait."""
PASSWORDS_RETRY = 2
"""Seconds after which somebody may ask again while too many passwords are being hashed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody who wants to join asks for."""

    room: str
    """Its name, tidied (`naming.names`)."""
    password: str | None
    address: str
    """Where they are; '' when that is not known."""
    guesses: Allowance
    """Wrong passwords that their connection has left (`Guesses.of_socket`)."""
    features: frozenset[str] = frozenset()
    """`Participant.features`."""


class Entrance:
    """Of all rooms. Everything that forbids something raises `RefusedError`."""

    def __init__(
        self, config: Config, passwords: Passwords, admission: Admission | None = None
    ) -> None:
        """`admission`: by default nobody can be let into a room with a lobby."""
        self._config, self._passwords = config, passwords
        self._admission = admission or NobodyLetsIn()
        self._waiting: Counter[str] = Counter()
        """People who wait to be let in, by the name of the room."""
        self._joins = AddressLimit(config.joins_per_minute)
        self.guesses = Guesses(config.wrong_passwords_per_minute)

    def count_attempt(self, address: str) -> None:
        """Call for each attempt to join, before anything is checked. Raises `TooManyError`."""
        if wait := self._joins.take(self.counted(address), time.monotonic()):
            raise TooManyError("too many joins from your address", wait)

    def counted(self, address: str) -> str:
        """The address for limits; '' when it is a trusted proxy's, which does not show who comes:
        such limits would shut everybody out."""
        return "" if within(address, self._config.proxies) else address

    def may_create(self, address: str) -> bool:
        """Whether somebody at this address may make rooms."""
        creators = self._config.creators
        return creators is None or within(address, creators)

    async def describe(self, entry: Entry) -> RoomDescription:
        """The room that `entry` would make, of the settings and of what it asks for."""
        hashed = await self._hash(entry.password) if entry.password else ""
        return RoomDescription(entry.room, self._config.room_capacity, hashed)

    async def _hash(self, password: str) -> str:
        try:
            return await self._passwords.hash(password)
        except OverloadedError:
            raise TooManyError("too many passwords at once", PASSWORDS_RETRY) from None

    async def check_password(self, room: RoomDescription, entry: Entry) -> None:
        """That of `entry`, where the room has one."""
        password = entry.password
        if not room.password_hash:
            return
        if not password:
            raise RefusedError("passwordRequired", "the room needs a password")
        try:
            right = await self.guesses.verify(
                lambda: self._passwords.verify(room.password_hash, password),
                room.name,
                self.counted(entry.address),
                entry.guesses,
            )
        except TooManyGuessesError as error:
            raise TooManyError("too many wrong passwords", error.seconds) from None
        except OverloadedError:
            raise TooManyError("too many passwords at once", PASSWORDS_RETRY) from None
        if not right:
            raise RefusedError("wrongPassword", "the password is wrong")

    async def admit(
        self, identity: Identity, room: RoomDescription, on_wait: Callable[[], None]
    ) -> bool:
        """Returns once somebody may come in; True when they were let in, False when they need not
        be. `on_wait` is called before they wait."""
        if self._admission.admits(identity, room):
            return False
        if self._waiting[room.name] >= MAX_WAITING:
            raise TooManyError("too many people wait for this room", WAITING_RETRY)
        self._waiting[room.name] += 1
        try:
            on_wait()
            async with asyncio.timeout(WAIT):
                await self._admission.wait(identity, room)
        except TimeoutError:
            raise RefusedError("notAllowed", "nobody has let you in") from None
        finally:
            self._waiting[room.name] -= 1
            if not self._waiting[room.name]:
                del self._waiting[room.name]
        return True
