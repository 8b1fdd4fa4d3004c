"""Chromium through Playwright, with the interface that the tests share with Firefox."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Playwright

from bench.real.chromium import FLAGS


async def launch(playwright: Playwright, executable: str) -> Browser:
    return await playwright.chromium.launch(executable_path=executable, args=FLAGS)


class ChromiumPage:
    """One page in a context of its own: nothing is shared with other participants."""

    def __init__(self, context: BrowserContext, page: Page, problems: list[str]) -> None:
        self._context = context
        self.page = page
        self.problems = problems
        """Exceptions that no code of the page caught, and what its policy refused."""

    @classmethod
    async def open(cls, browser: Browser, **options: Any) -> ChromiumPage:
        context = await browser.new_context(ignore_https_errors=True, locale="en-US", **options)
        page = await context.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda line: problems.append(line.text) if "Security Policy" in line.text else None,
        )
        return cls(context, page, problems)

    async def goto(self, url: str) -> None:
        await self.page.goto(url)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        return await self.page.evaluate(f"async () => (await ({expression})) ?? null")

    async def close(self) -> None:
        await self._context.close()
