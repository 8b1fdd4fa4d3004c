"""Firefox without a driver program, over WebDriver BiDi.

Playwright cannot drive an unpatched Firefox; the browser itself speaks BiDi on a WebSocket when
started with `--remote-debugging-port`. Only what is needed is here: one page, evaluated in.
`FirefoxPage` is for who has an event loop, `FirefoxThread` for who has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

_PREFERENCES = {
    "media.navigator.streams.fake": "true",
    "media.navigator.permission.disabled": "true",
    "media.autoplay.default": "0",
    "media.getdisplaymedia.screencapturekit.enabled": "false",
    "browser.shell.checkDefaultBrowser": "false",
    "browser.aboutwelcome.enabled": "false",
    "datareporting.policy.dataSubmissionEnabled": "false",
    "app.update.enabled": "false",
}

Result = TypeVar("Result")

_LISTENS = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")


def executable() -> str | None:
    return next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)


def missing() -> str:
    """What is not there, in words; empty when Firefox can be measured."""
    if executable() is not None:
        return ""
    return "`--browser firefox` needs Firefox: Debian package firefox-esr"


class FirefoxPage:
    """One headless Firefox with one page. `close` must be called."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        client: aiohttp.ClientSession,
        socket: aiohttp.ClientWebSocketResponse,
    ) -> None:
        self._process = process
        self._client = client
        self._socket = socket
        self._context = ""
        self._last_id = 0

    @classmethod
    async def launch(
        cls, executable: str, profile: Path, preferences: Mapping[str, str] | None = None
    ) -> FirefoxPage:
        """Start Firefox with a fresh profile. Raises `TimeoutError` when it does not listen.

        `preferences` come on top of those that a call needs; values as in `user.js`.
        """
        wanted = {**_PREFERENCES, **(preferences or {})}
        lines = [f'user_pref("{name}", {value});' for name, value in wanted.items()]
        (profile / "user.js").write_text("\n".join(lines))
        process = await asyncio.create_subprocess_exec(
            executable,
            "--headless",
            "--no-remote",
            "--profile",
            str(profile),
            "--remote-debugging-port",
            "0",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        url = await asyncio.wait_for(_listening_url(process), 60)
        client = aiohttp.ClientSession()
        socket = await client.ws_connect(f"{url}/session", max_msg_size=0)
        page = cls(process, client, socket)
        await page._begin()
        return page

    async def goto(self, url: str) -> None:
        await self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited. Raises `RuntimeError`."""
        result = await self._ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({expression})) ?? null))()",
            target={"context": self._context},
            awaitPromise=True,
        )
        if result["type"] != "success":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    async def add_script(self, script: str) -> None:
        """Run this before any script of each page that is loaded from now on."""
        await self._ask("script.addPreloadScript", functionDeclaration=f"() => {{{script}\n}}")

    async def resize(self, width: int, height: int) -> None:
        """Of the page, pixels."""
        viewport = {"width": width, "height": height}
        await self._ask("browsingContext.setViewport", context=self._context, viewport=viewport)

    async def close(self) -> None:
        await self._socket.close()
        await self._client.close()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def _begin(self) -> None:
        capabilities = {"alwaysMatch": {"acceptInsecureCerts": True}}
        await self._ask("session.new", capabilities=capabilities)
        tree = await self._ask("browsingContext.getTree")
        self._context = tree["contexts"][0]["context"]

    async def _ask(self, method: str, **params: Any) -> Any:
        self._last_id += 1
        request = self._last_id
        await self._socket.send_json({"id": request, "method": method, "params": params})
        async with asyncio.timeout(60):
            while True:
                answer = await self._socket.receive_json()
                if answer.get("id") == request:
                    break
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
        return answer["result"]


async def _listening_url(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if found := _LISTENS.search(line):
            # Nobody reads on: an unread pipe would stop the browser when it is full.
            drain = asyncio.create_task(process.stderr.read())
            drain.add_done_callback(lambda task: task.exception())
            return found[1].decode()
    raise TimeoutError("Firefox ended before it listened")


class FirefoxThread:
    """As Playwright's synchronous page, for one `FirefoxPage` in a thread of its own.

    The thread may live in another network namespace, where the browser is and listens.
    """

    def __init__(
        self,
        executable: str,
        profile: Path,
        preferences: Mapping[str, str],
        namespace: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        """`namespace()` is entered by the thread. Raises `TimeoutError`, `OSError`."""
        self._loop = asyncio.new_event_loop()
        self._namespace = namespace
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._page = self._wait(FirefoxPage.launch(executable, profile, preferences))

    def _run(self) -> None:
        with self._namespace():
            self._loop.run_forever()

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        future: Future[Result] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(120)

    def add_init_script(self, script: str) -> None:
        self._wait(self._page.add_script(script))

    def set_viewport_size(self, width: int, height: int) -> None:
        self._wait(self._page.resize(width, height))

    def goto(self, url: str) -> None:
        self._wait(self._page.goto(url))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression. Raises `RuntimeError`."""
        return self._wait(self._page.evaluate(expression))

    @staticmethod
    def wait_for_timeout(milliseconds: float) -> None:
        time.sleep(milliseconds / 1000)

    def close(self) -> None:
        """End the browser and the thread."""
        self._wait(self._page.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
