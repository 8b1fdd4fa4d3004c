from __future__ import annotations

import asyncio

import pytest

from signaling.access.guesses import CAPACITY, Allowance, Guesses, TooManyGuessesError


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Door:
    """A room's password, and how often it was verified."""

    def __init__(self, per_minute: int = 10) -> None:
        self.clock = Clock()
        self.guesses = Guesses(per_minute, self.clock)
        self.verified = 0

    async def guess(
        self, right: bool, own: Allowance | None = None, address: str = "10.0.0.1", room: str = "r"
    ) -> str:
        async def check() -> bool:
            self.verified += 1
            await asyncio.sleep(0)
            return right

        try:
            own = own or self.guesses.of_socket()
            return "in" if await self.guesses.verify(check, room, address, own) else "wrong"
        except TooManyGuessesError as error:
            return f"wait {error.seconds}"


async def test_of_many_guesses_at_one_moment_only_as_many_are_verified_as_there_are() -> None:
    door = Door()
    answers = await asyncio.gather(*(door.guess(False) for _ in range(100)))
    assert door.verified == 10
    assert answers.count("wrong") == 10
    assert answers.count("wait 6") == 90
    door.clock.now += 6
    assert [await door.guess(False) for _ in range(2)] == ["wrong", "wait 6"]


async def test_a_class_that_knows_the_password_comes_in_at_one_moment() -> None:
    door = Door()
    assert await asyncio.gather(*(door.guess(True) for _ in range(100))) == ["in"] * 100


async def test_who_mistypes_runs_dry_before_the_others_do() -> None:
    door = Door()
    clumsy = door.guesses.of_socket()
    typed = [await door.guess(False, clumsy) for _ in range(6)]
    assert typed == ["wrong"] * 5 + ["wait 12"]
    assert await asyncio.gather(*(door.guess(True) for _ in range(30))) == ["in"] * 30


async def test_a_class_comes_in_although_somebody_beside_it_guesses_on() -> None:
    door = Door()
    for _ in range(10):
        await door.guess(False)
    assert await door.guess(True) == "wait 6"
    # One is let in as soon as there is a token, and each brings one for the next.
    door.clock.now += 6
    assert [await door.guess(True) for _ in range(30)] == ["in"] * 30


async def test_rooms_and_addresses_count_apart_and_in_all() -> None:
    door = Door()
    for _ in range(10):
        await door.guess(False)
    assert await door.guess(False, room="another") == "wrong"
    assert await door.guess(False, address="10.0.0.2") == "wrong"
    for number in range(100):
        await door.guess(False, room=f"room {number}")
    assert door.verified == 12 + 39, "one address at all rooms"
    door.verified = 0
    for number in range(200):
        await door.guess(False, address=f"10.1.0.{number}", room="beset")
    assert door.verified == 100, "all addresses at one room"


async def test_without_an_address_socket_and_room_count() -> None:
    door = Door()
    own = door.guesses.of_socket()
    assert [await door.guess(False, own, address="") for _ in range(6)][-1] == "wait 12"
    assert [await door.guess(False, address="") for _ in range(95)] == ["wrong"] * 95
    assert await door.guess(False, address="") == "wait 1"


async def test_what_could_not_be_verified_is_given_back_and_who_hangs_up_has_guessed() -> None:
    door, own = Door(), Door().guesses.of_socket()

    async def fail() -> bool:
        raise OSError("no thread")

    for _ in range(30):
        with pytest.raises(OSError, match="no thread"):
            await door.guesses.verify(fail, "r", "10.0.0.1", own)

    async def forever() -> bool:
        await asyncio.Event().wait()
        return True

    hanging = [
        asyncio.create_task(door.guesses.verify(forever, "r", "10.0.0.1", door.guesses.of_socket()))
        for _ in range(10)
    ]
    await asyncio.sleep(0)
    waiting = asyncio.create_task(door.guess(True))
    await asyncio.sleep(0)
    assert not waiting.done()
    for task in hanging:
        task.cancel()
    assert await waiting == "wait 6"


async def test_no_limit_and_bounded_memory() -> None:
    door = Door(per_minute=0)
    assert [await door.guess(False) for _ in range(200)] == ["wrong"] * 200
    door = Door()
    for number in range(3000):
        await door.guess(False, room=str(number), address=f"10.0.{number % 250}.{number // 250}")
    assert len(door.guesses) == CAPACITY
