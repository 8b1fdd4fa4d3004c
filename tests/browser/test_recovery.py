"""Calls that survive: a reload, a killed worker, a dropped WebSocket, a restarted server."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import Person, until
from tests.browser.server import Server, now

pytestmark = pytest.mark.browser

log = logging.getLogger(__name__)


async def test_reload_comes_back_as_the_same_person(room: str, on_chromium: Opens) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.join(room)
    await budi.join(room)
    await ana.sees("Budi")
    before = await budi.see("conference.id")
    assert isinstance(budi.page, ChromiumPage)
    await budi.page.page.reload()
    await budi.inside()
    assert await budi.see("conference.id") == before
    await ana.sees("Budi")
    await budi.sees("Ana")
    await budi.hears("Ana")


@pytest.mark.timeout(300)
async def test_killed_worker_is_survived(
    room: str, server: Server, on_chromium: Opens, on_firefox: Opens
) -> None:
    # One of each: three that encode 1280x720 in layers keep two cores busy with themselves.
    people = [await on_chromium("Ana"), await on_firefox("Citra")]
    for person in people:
        await person.join(room)
    for person in people:
        await person.sees(*others(person, people))
    killed = server.kill_worker()
    began = now()
    again = [person.sees(*others(person, people), seconds=120) for person in people]
    await asyncio.gather(*again)
    log.info("they see each other again %.1f s after the kill", now() - began)
    assert server.stats()["workers"][0]["pid"] != killed
    for person in people:
        await person.hears(*others(person, people))


async def test_dropped_websocket_resumes_and_media_flows_on(room: str, on_chromium: Opens) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    assert isinstance(budi.page, ChromiumPage)
    await budi.page.page.add_init_script(
        "window.WebSocket = class extends WebSocket {"
        " constructor(url) { super(url); window.socket = this; } };"
    )
    await ana.join(room)
    await budi.join(room)
    await budi.sees("Ana")
    before = await budi.see("[conference.id, window.pc = conference.subscribeConnection][0]")
    await budi.see("socket.close(4000)")
    await until("the banner", lambda: budi.see("conference.state === 'reconnecting'"))
    await budi.inside()
    assert await budi.see("conference.id") == before
    assert await budi.see("conference.subscribeConnection === pc"), "media was not touched"
    await ana.sees("Budi")
    await budi.sees("Ana")


async def test_restarted_server_is_joined_again(tmp_path: Path, on_chromium: Opens) -> None:
    server = Server(tmp_path)
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    try:
        for person in (ana, budi):
            await person.join(f"{server.url}/r/ulang")
        await ana.sees("Budi")
    finally:
        server.stop()
    await until("Ana is notified", lambda: ana.see("!banner.hidden"))
    again = Server(tmp_path, port=server.port)
    try:
        for person in (ana, budi):
            await person.inside()
        await ana.sees("Budi")
        await budi.sees("Ana")
    finally:
        again.stop()


def others(person: Person, people: list[Person]) -> list[str]:
    return [one.name for one in people if one is not person]
