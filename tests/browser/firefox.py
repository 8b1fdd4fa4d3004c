"""Firefox without a driver program, over WebDriver BiDi.

Playwright cannot drive an unpatched Firefox; the browser itself speaks BiDi on a WebSocket when
started with `--remote-debugging-port`. Only what the tests need is here: one page, evaluated in.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

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

_LISTENS = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")


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
    async def launch(cls, executable: str, profile: Path) -> FirefoxPage:
        """Start Firefox with a fresh profile. Raises `TimeoutError` when it does not listen."""
        lines = [f'user_pref("{name}", {value});' for name, value in _PREFERENCES.items()]
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
