"""The pages that look back: a call's report, the list of calls, opinions, and the question."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page

from signaling.records import routes
from signaling.records.pages import add_page_routes
from signaling.records.store import Records, Settings
from signaling.site import pages
from tests.browser.chromium import ChromiumPage
from tests.browser.conftest import Opens
from tests.signaling.records.conftest import feed
from tests.signaling.samples import START, Calls, Episode

pytestmark = pytest.mark.browser

BAD, GOOD = "call001x000", "call002x000"
"""Three people, one of whom has a bad network; and two people without trouble, an hour later."""
PAPER = 703
"""CSS pixels of a sheet of A4 between its margins."""


@dataclass
class Site:
    """A server of nothing but these pages."""

    url: str
    records: Records
    admin: list[bool] = field(default_factory=lambda: [True])

    async def allowed(self, request: web.Request) -> None:
        if not self.admin[0]:
            raise web.HTTPUnauthorized


def bad_person(calls: Calls, call: str = BAD) -> str:
    return calls.rooms[call][1].participant


@pytest_asyncio.fixture(loop_scope="session")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    records = Records(tmp_path, Settings(keep_free=0), lambda: START + 4000)
    site = Site("", records)
    app = web.Application()
    routes.add_routes(app, records, site.allowed, lambda *_: None)
    add_page_routes(app, site.allowed)
    pages.add_routes(app)
    async with TestServer(app) as server:
        site.url = str(server.make_url("")).rstrip("/")
        yield site
    records.close()


@pytest_asyncio.fixture(loop_scope="session")
async def full(site: Site) -> Site:
    """With two calls and some votes."""
    bad = Calls(rooms=1, people=3, seed=1, episode=Episode(loss=14.0))
    feed(site.records, 70, bad, end=True)
    quiet = Episode(begin=0, end=0)
    feed(site.records, 40, Calls(1, 2, 2, START + 3600, episode=quiet), end=True)
    site.records.vote(BAD, bad_person(bad), "poor", "bad")
    site.records.vote(BAD, bad.rooms[BAD][0].participant, "good", None)
    assert site.records.flush()
    return site


async def opened(person: Any, url: str) -> Page:
    """The page, once all of it is there."""
    assert isinstance(person.page, ChromiumPage)
    page = person.page.page
    await page.goto(url)
    await page.wait_for_selector("[aria-busy=true]", state="detached")
    return page


async def shown(page: Page) -> dict[str, float]:
    """Every figure of the page with its name in the export."""
    figures: list[list[str]] = await page.evaluate(
        "[...document.querySelectorAll('data[data-field]')]"
        ".map((one) => [one.dataset.field, one.value])"
    )
    return {name: float(value) for name, value in figures}


async def exported(page: Page, form: str) -> bytes:
    async with page.expect_download() as starting:
        await page.click(f"#export-{form}")
    download = await starting.value
    assert download.suggested_filename.startswith("Physics-2-20")
    assert download.suggested_filename.endswith(f".{form}")
    return (await download.path()).read_bytes()


def in_json(report: dict[str, Any], name: str) -> Any:
    """The value at a name such as `<participant>.down.loss.mean`."""
    participant, *steps = name.split(".")
    found: Any = next(one for one in report["people"] if one["participant"] == participant)
    first = steps[0]
    if first not in found:
        track, direction = steps[:2]
        both = (one["track"] == track and one["direction"] == direction for one in found["tracks"])
        found = found["tracks"][list(both).index(True)]["summary"]
        steps = steps[2:]
    for step in steps:
        found = found[step]
    return found


_OF_FIELD = {
    "up": ("inbound", "both", ""),
    "down": ("outbound", "both", ""),
    "downAudio": ("outbound", "audio", ""),
    "downVideo": ("outbound", "video", ""),
}


def in_csv(rows: list[dict[str, str]], name: str) -> float:
    participant, first, *rest = name.split(".")
    if first == "experience":
        # The same in all rows of a person.
        own = {row[f"{first}.{rest[0]}"] for row in rows if row["participant"] == participant}
        return float(own.pop())
    direction, kind, track = _OF_FIELD.get(first, ("", "", first))
    if track:
        direction, *rest = rest
    (row,) = [
        row
        for row in rows
        if row["participant"] == participant
        and row["direction"] == direction
        and row["track"] == track
        and (not kind or row["kind"] == kind)
    ]
    return float(row[".".join(rest)])


async def test_numbers_of_the_page_are_those_of_the_exports(full: Site, on_chromium: Opens) -> None:
    page = await opened(await on_chromium("Ana"), f"{full.url}/admin/reports/{BAD}")
    figures = await shown(page)
    assert len(figures) > 60
    report = json.loads(await exported(page, "json"))
    rows = list(csv.DictReader(io.StringIO((await exported(page, "csv")).decode("utf-8-sig"))))
    for name, value in figures.items():
        assert value == in_json(report, name), name
        assert value == in_csv(rows, name), name
    loss = f"{report['people'][1]['participant']}.down.loss.mean"
    text = await page.text_content(f"data[data-field='{loss}']")
    assert text == f"{figures[loss]:.1f} %"


async def test_report_says_who_when_and_what_happened(full: Site, on_chromium: Opens) -> None:
    page = await opened(await on_chromium("Ana"), f"{full.url}/admin/reports/{BAD}")
    assert await page.text_content("h1") == "Physics 2"
    assert await page.locator(".cardy tbody tr").count() == 3
    assert await page.locator(".chart").count() == 6
    drawn = await page.locator(".chart .plot-line").evaluate_all(
        "(lines) => lines.map((line) => line.getAttribute('d').length)"
    )
    assert len(drawn) == 18
    assert min(drawn) > 20
    marks = await page.locator(".lane").nth(1).locator(".lane-mark.trouble").count()
    assert marks >= 1
    await page.click(".events summary")
    events = await page.inner_text(".event-list")
    assert "Bo changed to another network (IPv4)." in events
    assert "Bo: video was lowered (camera)." in events
    await page.click(".method > summary")
    said = await page.inner_text(".notes-list")
    assert "no G.1070 coefficients are published" in said
    assert await page.locator(".sides .browser-row").count() == 6


async def test_what_was_lived_through_comes_first(full: Site, on_chromium: Opens) -> None:
    page = await opened(await on_chromium("Ana"), f"{full.url}/admin/reports/{BAD}")
    assert (
        await page.inner_text("main section >> nth=0 >> .headline") == "3 of 3 people had trouble."
    )
    card = page.locator(".person-card").nth(0)
    assert "Bo lost 14 % on their own network for 30 s." in await card.inner_text()
    assert "bad" in await card.locator(".grade").inner_text()
    brief = await page.inner_text(".brief")
    assert "Video froze for Ada" in brief
    assert "packets were lost on the network of Bo." in brief
    assert await page.locator(".lane").nth(1).locator(".lane-spell").count() >= 1
    assert await page.locator("details[open]").count() == 0
    await page.click("#language label:first-child")
    assert "Bo kehilangan 14 % di jaringannya sendiri selama 30 dtk." in await card.inner_text()
    await opened_again(page, f"{full.url}/admin/reports/{GOOD}")
    assert "Tidak ada gangguan berarti" in await page.inner_text(".headline")
    await opened_again(page, f"{full.url}/admin/reports")
    first = page.locator(".worst-row").first
    assert "Bo kehilangan 14 %" in await first.inner_text()
    await first.click()
    await page.wait_for_selector(".person-card")


async def test_one_head_leads_everywhere(full: Site, on_chromium: Opens) -> None:
    page = await opened(await on_chromium("Ana"), f"{full.url}/admin/reports")
    links = (
        "[...document.querySelectorAll('.admin-nav a')].map((link) => link.getAttribute('href'))"
    )
    assert await page.evaluate(links) == [
        "/admin#/",
        "/admin#/server",
        "/admin/reports",
        "/admin/opinions",
    ]
    assert await page.inner_text(".admin-nav [aria-current]") == "Past calls"
    for width in (320, 768, 1280, 2560):
        await page.set_viewport_size({"width": width, "height": 900})
        wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider == 0, width
    # By the keyboard alone.
    await page.keyboard.press("Tab")
    for _ in range(4):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/admin/opinions")
    assert await page.inner_text(".admin-nav [aria-current]") == "Opinions"


async def test_another_table_gives_other_words(full: Site, on_chromium: Opens) -> None:
    page = await opened(await on_chromium("Ana"), f"{full.url}/admin/reports/{BAD}")
    # Tables of studies are for whoever asks, and so are their colours behind the lines.
    words = page.locator(".grades-table")
    assert not await words.is_visible()
    assert await page.locator(".chart .band-4").count() == 0
    await page.click(".studies > summary")
    await page.wait_for_selector(".chart .band-4")
    assert "satisfying" in await words.inner_text()
    await page.select_option("#profile", "g1010")
    assert "target met" in await words.inner_text()
    assert "missed" in await words.inner_text()
    assert await page.evaluate("document.activeElement.id") == "profile"
    await page.click("#language label:first-child")
    assert "sasaran tercapai" in await words.inner_text()
    assert await page.input_value("#profile") == "g1010"


async def test_one_person_can_stand_out(full: Site, on_chromium: Opens) -> None:
    page = await opened(await on_chromium("Ana"), f"{full.url}/admin/reports/{BAD}")
    await page.click(".legend-person:nth-child(2)")
    assert await page.get_attribute(".legend-person:nth-child(2)", "aria-pressed") == "true"
    loss = page.locator(".chart").nth(0)
    assert await loss.locator(".plot-line.faint").count() == 2
    assert await loss.locator(".plot-worst").count() == 1
    await page.check("[name=direction][value=inbound]", force=True)
    assert await page.locator(".chart .plot-line").count() == 18


async def test_paper_holds_all_of_it(full: Site, on_chromium: Opens) -> None:
    person = await on_chromium("Ana", color_scheme="dark")
    page = await opened(person, f"{full.url}/admin/reports/{BAD}")
    await page.set_viewport_size({"width": PAPER, "height": 1000})
    await page.emulate_media(media="print")
    too_wide = await page.evaluate(
        f"[...document.querySelectorAll('main *')].map((one) =>"
        f" [one.className, Math.round(one.getBoundingClientRect().right)])"
        f".filter(([, right]) => right > {PAPER})"
    )
    assert too_wide == []
    assert not await page.is_visible(".report-actions")
    assert not await page.is_visible(".admin-top")
    breaks = await page.locator(".chart").evaluate_all(
        "(charts) => charts.map((chart) => getComputedStyle(chart).breakInside)"
    )
    assert set(breaks) == {"avoid"}
    background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"
    paper = await page.pdf(prefer_css_page_size=True)
    assert paper.startswith(b"%PDF")
    # A4 in points, as the style sheet asks.
    assert b"/MediaBox [0 0 594.95996 841.91998]" in paper or b"/MediaBox [0 0 595" in paper


async def test_calls_are_found_and_put_in_order(full: Site, on_chromium: Opens) -> None:
    page = await opened(await on_chromium("Ana"), f"{full.url}/admin/reports")
    links = page.locator(".call-row")
    order = "(rows) => rows.map((row) => row.getAttribute('href').split('/').at(-1))"
    assert await links.evaluate_all(order) == [GOOD, BAD]
    await page.select_option("[name=order]", "worst")
    await page.wait_for_selector(f"#calls li:first-child > [href$='{BAD}']")
    assert await links.evaluate_all(order) == [BAD, GOOD]
    await page.fill("[name=search]", "siti")
    await page.wait_for_selector(f"[href$='{GOOD}']", state="detached")
    assert await links.evaluate_all(order) == [BAD]
    assert "search=siti" in page.url
    await page.fill("[name=search]", "nobody of that name")
    await page.wait_for_selector(".empty")
    assert "No call matches" in await page.inner_text(".empty")
    await page.click(".empty button")
    await page.wait_for_selector(".call-row")
    assert await links.count() == 2
    await links.first.click()
    await page.wait_for_selector("h1")


async def test_nothing_yet_is_said_in_words(site: Site, on_chromium: Opens) -> None:
    page = await opened(await on_chromium("Ana"), f"{site.url}/admin/reports")
    assert "No calls yet" in await page.inner_text(".empty")
    await opened_again(page, f"{site.url}/admin/opinions")
    assert "No opinions yet" in await page.inner_text(".empty")
    await opened_again(page, f"{site.url}/admin/reports/none-such")
    assert "not on record" in await page.inner_text(".empty")


async def opened_again(page: Page, url: str) -> None:
    await page.goto(url)
    await page.wait_for_selector("[aria-busy=true]", state="detached")


async def test_strangers_are_led_to_the_login(full: Site, on_chromium: Opens) -> None:
    full.admin[0] = False
    person = await on_chromium("Ana")
    assert isinstance(person.page, ChromiumPage)
    for path in (f"/admin/reports/{BAD}", "/admin/reports", "/admin/opinions"):
        answer = await person.page.page.request.get(full.url + path, max_redirects=0)
        assert answer.status == 302
        assert answer.headers["location"] == f"/admin?next={path}"


async def test_opinions_stand_beside_the_model(full: Site, on_chromium: Opens) -> None:
    page = await opened(await on_chromium("Ana"), f"{full.url}/admin/opinions")
    figures = await shown(page)
    answer = await page.request.get(f"{full.url}/api/admin/opinions")
    opinions = await answer.json()
    assert figures["audio.votes.n"] == 2
    assert figures["audio.votes.mean"] == opinions["audio"]["votes"]["mean"] == 3
    assert figures["audio.model.mean"] == opinions["audio"]["model"]["mean"]
    # Two votes say nothing of an interval.
    assert opinions["audio"]["votes"]["low"] is None
    assert "audio.difference.low" not in figures
    assert await page.locator(".scatter-dot.audio").count() == 2
    assert "2 votes with an estimate; 15 are needed" in await page.inner_text("main")
    assert "of all" in await page.inner_text("main") or "too few" in await page.inner_text("main")


async def test_who_hangs_up_is_asked_in_words(room: str, on_chromium: Opens) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.join(room, bare=True)
    await budi.join(room, bare=True)
    await ana.alone_with("Budi")
    assert isinstance(ana.page, ChromiumPage)
    page = ana.page.page
    asked: list[dict[str, Any]] = []

    async def take(route: Any) -> None:
        asked.append(route.request.post_data_json)
        await route.fulfill(status=204 if len(asked) > 1 else 503)

    await page.route("**/api/votes", take)
    me = await ana.see("conference.id")
    await ana.click("leave")
    await page.wait_for_selector("#opinion:not([hidden])")
    labels = await page.locator(".opinion-choice").all_inner_texts()
    assert labels == ["Excellent", "Good", "Fair", "Poor", "Bad"] * 2
    # By keyboard alone: the first choice, one to the right, and the button.
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate("new FormData(opinion).get('audio')") == "good"
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#opinion-result.bad:not([hidden])")
    await page.click("#opinion-send")
    await page.wait_for_selector("#opinion[hidden]", state="attached")
    assert await page.inner_text("#opinion-result") == "Thank you for your opinion."
    vote = asked[-1]
    assert (vote["audio"], vote["video"], vote["participant"]) == ("good", None, me)
    assert vote["room"]
    assert vote["token"]


async def test_the_question_can_be_skipped_and_is_not_asked_of_the_lonely(
    room: str, on_chromium: Opens
) -> None:
    ana, budi = await on_chromium("Ana"), await on_chromium("Budi")
    await ana.join(room, bare=True)
    await ana.click("leave")
    assert await ana.see("!goodbye.hidden && opinion.hidden")
    await ana.click("rejoin")
    await ana.enter(bare=True)
    await ana.inside()
    await budi.join(room, bare=True)
    await budi.alone_with("Ana")
    await budi.click("leave")
    assert await budi.see("!goodbye.hidden && !opinion.hidden")
    await budi.click("opinion-skip")
    assert await budi.see("opinion.hidden && document.activeElement.id === 'goodbye-title'")
