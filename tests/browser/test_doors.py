"""Getting in, or being shown why not: passwords, full rooms, missing devices, a server away."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.browser.person import until
from tests.browser.server import Server

pytestmark = pytest.mark.browser


async def test_password_of_the_first_is_asked_of_the_second(room: str, on_chromium: Opens) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.open(room)
    await until("the room is new", lambda: ana.see("!protect.hidden"))
    await ana.enter(own_password="kopi susu")
    await ana.inside()
    await budi.open(room)
    await until(
        "the password field", lambda: budi.see("!document.getElementById('password-field').hidden")
    )
    await budi.enter(password="teh manis")
    await until("the refusal", lambda: refused_with(budi.text, "That password is not right."))
    await budi.enter(password="kopi susu")
    await budi.inside()
    await ana.sees("Budi")


async def test_full_room_says_so(room: str, on_chromium: Opens) -> None:
    for name in ("Ana", "Budi", "Citra"):
        await (await on_chromium(name)).join(room, bare=True)
    late = await on_chromium("Dewi")
    await late.open(room)
    await until("the room is full", lambda: reads(late.text, "presence", "The room is full."))
    await late.enter()
    await until("the refusal", lambda: refused_with(late.text, "The room is full."))


async def test_who_opens_a_room_that_looks_like_another_is_shown_the_other(
    room: str, on_chromium: Opens
) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.join(f"{room}-room", bare=True)
    await budi.open(f"{room}-r00m")
    await until(
        "the other room", lambda: budi.see("!document.getElementById('look-alikes').hidden")
    )
    other = await budi.see("document.querySelector('#look-alikes a').href")
    assert other == f"{room}-room"
    await budi.page.goto(other)
    await budi.enter()
    await budi.inside()
    await ana.sees("Budi")


async def test_name_is_needed_and_remembered(room: str, on_chromium: Opens) -> None:
    nobody = await on_chromium("")
    await nobody.open(room)
    await nobody.enter()
    assert (await nobody.text("join-problem")).startswith("Type your name first")
    nobody.name = "Eka"
    await nobody.enter()
    await nobody.inside()
    await nobody.page.goto(room)
    assert await nobody.see("document.getElementById('name').value") == "Eka"


async def test_blocked_camera_is_reported_and_does_not_keep_out(
    room: str, on_chromium: Opens
) -> None:
    ana = await on_chromium("Ana")
    assert isinstance(ana.page, ChromiumPage)
    await ana.page.page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () =>"
        " Promise.reject(new DOMException('no', 'NotAllowedError'))"
    )
    await ana.page.goto(room)
    await until(
        "the notice",
        lambda: reads(ana.text, "device-problems", "Camera and microphone are blocked."),
    )
    await ana.enter()
    await ana.inside()


async def test_away_server_is_reported(tmp_path: Path, on_chromium: Opens) -> None:
    server = Server(tmp_path)
    try:
        ana = await on_chromium("Ana")
        await ana.open(f"{server.url}/r/sendiri")
    finally:
        server.stop()
    await ana.enter()
    await until("the refusal", lambda: refused_with(ana.text, "The server does not answer."))


async def test_start_page_leads_to_a_room(server: Server, on_chromium: Opens) -> None:
    ana = await on_chromium("Ana")
    assert isinstance(ana.page, ChromiumPage)
    page = ana.page.page
    await page.goto(server.url)
    await page.click("#random")
    name = await page.input_value("#room")
    assert name
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{server.url}/r/{name}")
    await ana.enter(bare=True)
    await ana.inside()
    await page.goto(server.url)
    assert await ana.text("recent-list") == name
    await page.click("#language label:first-child")
    assert await page.text_content("h1") == "Buka ruang, mulai mengobrol"
    assert await page.get_attribute("html", "lang") == "id"


async def refused_with(text: object, beginning: str) -> bool:
    return await reads(text, "join-problem", beginning)


async def reads(text: object, element: str, beginning: str) -> bool:
    assert callable(text)
    shown: str = await text(element)
    return shown.startswith(beginning)
