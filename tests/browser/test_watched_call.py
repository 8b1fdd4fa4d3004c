"""A real call, watched by an admin from the start to its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qos.__main__ import main as analyse
from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import Person, until
from tests.browser.server import ADMIN_TOKEN, Server

pytestmark = pytest.mark.browser


async def ask(admin: Person, path: str, **body: Any) -> Any:
    """What the admin's own page gets from the server."""
    options: dict[str, Any] = {}
    if body:
        options = {
            "method": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(body),
        }
    asked = f"fetch({path!r}, {json.dumps(options)}).then((answer) => answer.json())"
    return await admin.see(asked)


async def log_in(admin: Person, server: Server) -> None:
    assert isinstance(admin.page, ChromiumPage)
    await admin.page.goto(f"{server.url}/admin")
    await admin.page.page.locator("input[type=password]").fill(ADMIN_TOKEN)
    await admin.page.page.keyboard.press("Enter")


async def captured(admin: Person, server: Server, participant: str) -> bytes:
    """The file of a finished capture of somebody's packets."""
    started = await ask(
        admin, "/api/admin/captures", participant=participant, seconds=60, limitBytes=10_000_000
    )

    async def running() -> Any:
        found = (await ask(admin, "/api/admin/captures"))["captures"]
        return next((one for one in found if one["packets"] > 200), None)

    await until("packets are captured", running)
    await ask(admin, f"/api/admin/captures/{started['id']}/stop", why="")

    async def finished() -> Any:
        found = (await ask(admin, "/api/admin/captures"))["captures"]
        return all(one["state"] == "done" for one in found)

    await until("the capture is done", finished)
    assert isinstance(admin.page, ChromiumPage)
    context = admin.page.page.context.request
    answer = await context.get(f"{server.url}/api/admin/captures/{started['id']}/file")
    return await answer.body()


@pytest.mark.timeout(240)
async def test_a_call_is_seen_captured_ended_and_judged(
    room: str, server: Server, on_chromium: Opens, tmp_path: Path, capsys: Any
) -> None:
    ana, budi, admin = [await on_chromium(name) for name in ("Ana", "Budi", "Admin")]
    await ana.join(room)
    await budi.join(room)
    await ana.sees("Budi")
    await log_in(admin, server)
    name = room.rpartition("/")[2]
    shown = f"document.body.innerText.includes({name!r})"
    await until("the room is on the dashboard", lambda: admin.see(shown))

    # A capture that our own analyser reads.
    me = await ana.see("conference.id")
    file = tmp_path / "ana.pcapng"
    file.write_bytes(await captured(admin, server, me))
    assert analyse([str(file), "--json"]) == 0
    streams = json.loads(capsys.readouterr().out)["streams"]
    assert sum(stream["packets"] for stream in streams) > 200
    assert all(stream["lost"] == 0 for stream in streams)

    # Removed, notified, and asked how it was.
    await ask(admin, f"/api/admin/participants/{me}/remove", why="")
    await until("Ana is notified", lambda: ana.see("!document.getElementById('goodbye').hidden"))
    await ana.see("document.querySelector('#opinion-audio input[value=good]').click()")
    await ana.click("opinion-send")
    await until(
        "Ana is thanked", lambda: ana.see("!document.getElementById('opinion-result').hidden")
    )
    await budi.alone_with()
    await budi.see("document.getElementById('leave').click()")

    async def judged() -> Any:
        calls = (await ask(admin, f"/api/admin/calls?search={name}"))["calls"]
        found = await ask(admin, f"/api/admin/calls/{calls[0]['call']}") if calls else {}
        people = found.get("people", [])
        return found if any(one["votes"]["audio"] for one in people) else None

    report = await until("the vote is in the report", judged)
    assert {person["name"] for person in report["people"]} == {"Ana", "Budi"}
    kinds = {event["kind"] for event in report["events"]}
    assert {"joined", "published", "removed"} <= kinds
