"""Browsers and the server for the tests in this folder; without a browser they are skipped."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from bench.real.firefox import FirefoxPage
from tests.browser import chromium
from tests.browser.chromium import ChromiumPage
from tests.browser.person import Person
from tests.browser.server import Server

Opens = Callable[..., Awaitable[Person]]
OpensPage = Callable[..., Awaitable[ChromiumPage]]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser that they share lives in one loop, so they all do."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def _executable(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"no {names[0]} on this machine")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"), "--room-capacity=3")
    yield running
    running.stop()


@pytest.fixture
def room(server: Server) -> str:
    """The address of a room that nobody else uses."""
    return f"{server.url}/r/ruang-{uuid4().hex[:8]}"


class Chromium:
    """One Chromium for all tests: each page has a context of its own, as in a private window."""

    def __init__(self, playwright: Playwright, executable: str) -> None:
        self._playwright, self._executable = playwright, executable
        self._browser: Browser | None = None

    async def open(self, **options: Any) -> ChromiumPage:
        """A page, in another Chromium when the one before has ended."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = await chromium.launch(self._playwright, self._executable)
        return await ChromiumPage.open(self._browser, **options)

    async def close(self) -> None:
        if self._browser is not None:
            await self._browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_chromium() -> AsyncIterator[Chromium]:
    executable = _executable("chromium", "chromium-browser", "google-chrome")
    async with async_playwright() as playwright:
        running = Chromium(playwright, executable)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def pages(one_chromium: Chromium) -> AsyncIterator[OpensPage]:
    """Opens pages of Chromium; at the end none may have had a problem."""
    opened: list[ChromiumPage] = []

    async def open_page(**options: Any) -> ChromiumPage:
        opened.append(await one_chromium.open(**options))
        return opened[-1]

    yield open_page
    for page in opened:
        await page.close()
    assert [problem for page in opened for problem in page.problems] == []


@pytest.fixture
def on_chromium(pages: OpensPage) -> Opens:
    """Makes people with Chromium, each with a storage of their own."""

    async def person(name: str, **options: Any) -> Person:
        return Person(await pages(**options), name)

    return person


@pytest_asyncio.fixture(loop_scope="session")
async def on_firefox(tmp_path: Path) -> AsyncIterator[Opens]:
    """Makes people with Firefox, each with a process of their own."""
    executable = _executable("firefox-esr", "firefox")
    async with AsyncExitStack() as stack:

        async def person(name: str) -> Person:
            profile = tmp_path / f"profile-{name}"
            profile.mkdir()
            page = await FirefoxPage.launch(executable, profile)
            stack.push_async_callback(page.close)
            return Person(page, name)

        yield person
