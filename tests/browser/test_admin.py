"""The dashboard in Chromium: made-up calls, real clicks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import OpensPage
from tests.browser.person import until
from tests.signaling.admin.app import TOKEN, Running, play, recent, serve
from tests.signaling.samples import BAD_PERSON, room_name

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}

# How much of the chart differs from its background, and in how many colours.
_INKED = """(async () => {
  const canvas = document.querySelector('.chart canvas');
  const { width, height } = canvas;
  const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const colours = new Map();
  for (let at = 0; at < pixels.length; at += 4) {
    const colour = pixels.slice(at, at + 4).join();
    colours.set(colour, (colours.get(colour) ?? 0) + 1);
  }
  const hex = (name) => {
    const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    return [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16)).join() + ',255';
  };
  const near = (one, other) => {
    const parts = other.split(',');
    return one.split(',').every((part, place) => Math.abs(part - parts[place]) < 40);
  };
  return {
    // The line's edges are mixed with what is behind it.
    line: [...colours].filter(([colour]) => near(colour, hex('--line-down')))
      .reduce((sum, [, count]) => sum + count, 0),
    bands: [4, 3, 2, 1, 0].filter((index) => colours.get(hex(`--band-${index}`)) > 100).length,
  };
})()"""


@pytest_asyncio.fixture(loop_scope="session")
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """Ten rooms of ten, a second each tenth of one."""
    async with serve(tmp_path) as one:
        playing = asyncio.create_task(play(one, recent(10, 10, 32), every=0.1))
        yield one
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing


@pytest.fixture
def opens(running: Running, pages: OpensPage) -> OpensPage:
    """Opens the dashboard."""

    async def open_page(**options: Any) -> ChromiumPage:
        page = await pages(**options)
        await page.goto(f"{running.url}/admin")
        await page.page.locator("#token").wait_for()
        return page

    return open_page


async def log_in(page: ChromiumPage, token: str = TOKEN) -> None:
    await page.page.fill("#token", token)
    await page.page.click("#login-form button")


async def sideways(page: ChromiumPage) -> int:
    """Pixels that the page is wider than the screen."""
    wider: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wider


async def test_a_wrong_token_is_reported_and_nothing_is_shown(opens: OpensPage) -> None:
    page = await opens()
    await log_in(page, "not the token of this server")
    await page.page.locator("#login-problem:not([hidden])").wait_for()
    assert "not the admin token" in await page.page.inner_text("#login-problem")
    assert await page.page.locator(".room-card").count() == 0


async def test_rooms_a_person_a_chart_and_a_removal(running: Running, opens: OpensPage) -> None:
    page = await opens()
    await log_in(page)
    own = page.page
    await own.locator(".room-card").nth(9).wait_for()
    assert await own.locator(".room-card .row").count() == 100
    # In words: the bad networks are named, and come first.
    await own.locator("#state[data-level='fair'], #state[data-level='poor']").wait_for()
    assert "10 rooms" in await own.inner_text("#state-title")
    first = own.locator(".room-people > li").first
    assert await first.get_attribute("data-level") in ("fair", "poor")
    name = await first.locator(".row-name").inner_text()

    await first.locator(".row").click()
    await own.locator("#view-person:not([hidden])").wait_for()
    assert await own.inner_text("#person-title") == name
    await own.locator("#gets .track").nth(15).wait_for()
    assert await own.locator("#sends .track").count() == 2
    assert "×" in await own.locator("#gets .track-how", has_text="fps").first.inner_text()
    await own.locator("#gets .track summary").first.click()
    headings = await own.locator("#gets .track").first.locator("thead th").all_inner_texts()
    assert headings == ["Server", "Browser"]
    assert "modelled with" in await own.inner_text("#gets .track .track-grade >> nth=0")

    # It is drawn when somebody can see it; the bands are those of the tables that somebody opens.
    await own.click("#studies > summary")
    await own.locator(".chart").scroll_into_view_if_needed()

    async def inked() -> bool:
        found = await page.evaluate(_INKED)
        return bool(found["line"] > 20 and found["bands"] >= 3)

    await until("the chart is drawn", inked)

    participant = (await own.evaluate("location.hash")).rsplit("/", 1)[1]
    await own.click("#remove")
    await own.locator("#confirm[open]").wait_for()
    await own.keyboard.press("Escape")
    assert running.actions.removed == []
    await own.click("#remove")
    await own.click("#confirm-yes")
    await own.locator("#view-gone:not([hidden])").wait_for()
    assert running.actions.removed == [participant]


async def test_a_room_and_its_end(running: Running, opens: OpensPage) -> None:
    page = await opens()
    await log_in(page)
    own = page.page
    name = room_name(3)
    await own.click(f".room-name:text-is('{name}')")
    await own.locator("#room-rows tr").nth(9).wait_for()
    await own.locator("#room-tracks .track").nth(17).wait_for()
    row = own.locator("#room-rows tr").nth(BAD_PERSON)
    assert "Mbit/s" in await row.inner_text()
    # Every column has its cell, and the last one is the transport.
    headings = await own.locator("#room-columns th").all_inner_texts()
    cells = await row.locator("th, td").all_inner_texts()
    assert len(cells) == len(headings) == 9
    assert (headings[-1], cells[-1]) == ("Transport", "UDP")
    await own.click("#close-room")
    await own.click("#confirm-yes")
    await own.locator("#view-gone:not([hidden])").wait_for()
    assert running.actions.closed == [name]


async def test_a_capture_is_started_stopped_and_fetched(running: Running, opens: OpensPage) -> None:
    page = await opens()
    await log_in(page)
    own = page.page
    await own.locator(".room-card .row").first.click()
    await own.click("#start-capture")
    await own.select_option("#capture-seconds", "10")
    await own.click("#capture button[value='yes']")
    await own.locator("#captures:not([hidden]) .capture").wait_for()
    ((_, headers_only, seconds, limit),) = running.actions.started
    assert (headers_only, seconds, limit) == (True, 10.0, 20_000_000)
    await own.click(".capture button")
    async with own.expect_download() as download:
        await own.click(".capture a")
    assert (await download.value).suggested_filename == "c0.pcapng"


async def test_the_profile_changes_grades_and_is_remembered(opens: OpensPage) -> None:
    page = await opens()
    await log_in(page)
    own = page.page
    await own.locator(".room-card .row").first.click()
    await own.click("#studies > summary")
    await own.locator(".grade-overall strong").wait_for()
    await own.select_option("#profile", "cisco-video")
    await own.locator(".grade-overall span:text-is('target missed')").wait_for()
    await own.reload()
    await own.click("#studies > summary")
    await own.locator(".grade-overall span:text-is('target missed')").wait_for()
    assert await own.input_value("#profile") == "cisco-video"


async def test_the_server_in_words(opens: OpensPage) -> None:
    page = await opens()
    await log_in(page)
    own = page.page
    await own.click(".admin-nav [data-place='server']")
    await own.locator(".worker").nth(1).wait_for()
    await own.locator(".drops li").first.wait_for()
    assert "not announced" in await own.inner_text(".drops li >> nth=0")
    assert "95 %" in await own.inner_text(".histogram .hint >> nth=0")


async def test_logging_out_leaves_nothing_behind(opens: OpensPage) -> None:
    page = await opens()
    await log_in(page)
    await page.page.locator(".room-card").first.wait_for()
    await page.page.click("#logout")
    await page.page.locator("#token").wait_for()
    assert await page.page.locator(".room-card").count() == 0


async def test_on_a_phone(opens: OpensPage) -> None:
    page = await opens(**PHONE)
    assert await sideways(page) == 0
    await log_in(page)
    own = page.page
    await own.locator(".room-card").first.wait_for()
    assert await sideways(page) == 0
    await own.locator(".room-card .row").first.tap()
    await own.locator("#gets .track").first.wait_for()
    assert await sideways(page) == 0
    await own.locator("#person-room").tap()
    await own.locator("#room-rows tr").first.wait_for()
    assert await sideways(page) == 0
    await own.locator(".admin-nav [data-place='server']").tap()
    await own.locator(".worker").first.wait_for()
    assert await sideways(page) == 0


async def test_with_the_keyboard_alone(opens: OpensPage) -> None:
    page = await opens()
    own = page.page
    await own.keyboard.type(TOKEN)
    await own.keyboard.press("Enter")
    await own.locator(".room-card").first.wait_for()
    await own.locator(".room-card .row").first.focus()
    await own.keyboard.press("Enter")
    await own.locator("#view-person:not([hidden])").wait_for()
    # A screen reader goes on at the title of what came.
    assert await own.evaluate("document.activeElement.id") == "person-title"
    chart = own.locator(".chart canvas")
    # Focus brings it into view; it says in words what it shows, once it shows something.
    await chart.focus()
    await own.wait_for_function(
        "() => document.querySelector('.chart canvas').getAttribute('aria-label')"
        "?.includes('Receives: least')"
    )
    before = await chart.get_attribute("aria-label")
    await own.keyboard.press("+")
    await own.wait_for_function(
        "before => document.querySelector('.chart canvas').getAttribute('aria-label') !== before",
        arg=before,
    )
