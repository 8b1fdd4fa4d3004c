from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.signaling.admin.app import TOKEN, Running, serve


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with serve(tmp_path) as one:
        yield one


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser's cookies, also for a bare address."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
async def admin(running: Running, http: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """The same, logged in and speaking as a page of this server."""
    http.headers["Origin"] = running.url
    async with http.post(f"{running.url}/api/admin/login", json={"token": TOKEN}) as answer:
        assert answer.status == 200
    return http
