"""Each attack for a second against a whole server of its own settings: it gets nothing.

What a call beside it notices is measured by `python -m bench attack`; nothing here depends on
speed.
"""

import time
from collections.abc import Iterator

import pytest

from bench.attack.catalogue import ATTACKS
from bench.attack.measure import SETTINGS
from bench.context import LOOPBACK
from bench.servers.server import OwnServer, Server

pytestmark = pytest.mark.bench

SECONDS = 1.5


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with OwnServer(LOOPBACK, 1, 10, 1, settings={**SETTINGS, "room_capacity": None}) as one:
        yield one


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_gets_nothing(server: Server, name: str) -> None:
    attack = ATTACKS[name](server.url, 60 + list(ATTACKS).index(name))
    try:
        await attack.prepare()
        await attack.run(time.monotonic() + SECONDS)
        verdict = await attack.verdict()
    finally:
        await attack.close()
    assert verdict.held, verdict.text
    assert server.alive


def test_nothing_of_it_is_a_traceback_in_the_log(server: Server) -> None:
    assert "Traceback" not in (server.folder / "log").read_text(errors="replace")
