"""Whatever order things happen in, nobody is in two stages and nothing stays behind."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.conference.participant import RESUME
from signaling.refusals import RefusedError
from tests.signaling.connection.test_session import House, settle
from tests.signaling.memory_connection import MemoryClient

SEATS = 3
ACTS = st.sampled_from(("join", "let in", "refuse", "leave", "lose", "resume", "chat", "put out"))


class Play:
    """Three people who do what they like; whoever loses a connection has another."""

    def __init__(self) -> None:
        self.house = House()
        self.clients = [self.house.client() for _ in range(SEATS)]
        self.gone: list[MemoryClient] = []
        self.tokens: list[str] = []

    async def act(self, act: str, seat: int, settled: bool) -> None:
        client, name = self.clients[seat], f"person {seat}"
        decision = self.house.lobby.waiting.get(name)
        if act == "join":
            await client.join(name=name)
        elif act == "let in" and decision is not None and not decision.done():
            decision.set_result(None)
        elif act == "refuse" and decision is not None and not decision.done():
            decision.set_exception(RefusedError("notAllowed", "not today"))
        elif act == "leave":
            await client.say("leave")
        elif act == "lose":
            self.renew(seat)
        elif act == "resume" and self.tokens:
            await client.say("resume", version=1, token=self.tokens[seat % len(self.tokens)])
        elif act == "chat":
            await client.say("chat", text="hello")
        elif act == "put out" and client.session.stage == "joined":
            self.house.rooms.dismiss(*client.session.place)
        if settled:
            await settle()
        for one in self.clients:
            if one.session.stage == "joined":
                self.tokens.append(one.session.place[1].token)
        for number, one in enumerate(self.clients):
            if not one.outlet.open:
                self.renew(number)

    def renew(self, seat: int) -> None:
        self.clients[seat].session.ended(cleanly=False, why=1006)
        self.gone.append(self.clients[seat])
        self.clients[seat] = self.house.client()

    def check(self) -> None:
        """Once everything that could go on did."""
        waiting = {
            f"person {n}" for n, c in enumerate(self.clients) if c.session.stage == "waiting"
        }
        assert self.house.lobby.waiting.keys() == waiting
        room = self.house.rooms.rooms.get("room")
        present = [one for one in room.participants.values() if one.present] if room else []
        joined = [c.session for c in self.clients if c.session.stage == "joined"]
        assert {id(one.connection) for one in present} == {id(one) for one in joined}
        assert all(one.session.stage == "connected" for one in self.gone)


@settings(max_examples=150)
@given(st.lists(st.tuples(ACTS, st.integers(0, SEATS - 1), st.booleans()), max_size=25))
def test_nothing_stays_behind(story: list[tuple[str, int, bool]]) -> None:
    async def play() -> None:
        made = Play()
        for act, seat, settled in story:
            await made.act(act, seat, settled)
        await settle()
        made.check()
        for seat in range(SEATS):
            made.renew(seat)
        await settle()
        assert made.house.lobby.waiting == {}
        made.house.rooms.tick(time.monotonic() + RESUME + 1)
        assert made.house.rooms.rooms == {}

    asyncio.run(play())
