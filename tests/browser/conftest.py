"""Browsers and the server for the tests in this folder; without a browser they are skipped."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import async_playwright

from tests.browser import chromium
from tests.browser.chromium import ChromiumPage
from tests.browser.firefox import FirefoxPage
from tests.browser.person import Person
from tests.browser.server import Server

Opens = Callable[..., Awaitable[Person]]


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


@pytest.fixture
async def on_chromium() -> AsyncIterator[Opens]:
    """Makes people with Chromium, each with a storage of their own."""
    executable = _executable("chromium", "chromium-browser", "google-chrome")
    async with AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())
        browser = await chromium.launch(playwright, executable)
        stack.push_async_callback(browser.close)
        pages: list[ChromiumPage] = []

        async def person(name: str, **options: Any) -> Person:
            page = await ChromiumPage.open(browser, **options)
            pages.append(page)
            return Person(page, name)

        yield person
        assert [problem for page in pages for problem in page.problems] == []


@pytest.fixture
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
