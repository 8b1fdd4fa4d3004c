"""A server elsewhere, as `--url` names it: the box is measured without the participants on it.

Theory of operation. The box is asked what it is (`/healthz`, `/readyz`), then, with the admin
token, what it uses (`/api/stats`): CPU seconds and memory of its processes. A thread of its own
asks each half second, so that a box that does not answer holds nothing up here; `usages` gives the
newest answer and `sampled_at` when that came, because CPU is divided by the time between two
answers and not by the window. A worker writes its CPU seconds once a second, so the share over
30 s is right to some 3 %. Without a token the box's CPU and memory are not known, and nothing is
guessed.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import ssl
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from bench.context import UsageError
from bench.servers.processes import Usage
from bench.servers.server import Server, ServerError

ANSWER_SECONDS = 5.0
ASK_SECONDS = 0.5
LOST_SECONDS = 6.0
"""Without an answer for so long the box counts as gone."""
REPORT_SECONDS, YOUNG_SECONDS = 5.0, 0.1
"""The longest wait for a worker that has not reported yet, and the pause between two requests."""
MAX_ANSWER = 8 << 20


class RemoteServer(Server):
    """A box that somebody else started."""

    name = "remote"

    def __init__(self, url: str, token: str = "", *, insecure: bool = False) -> None:
        """Raises `UsageError` when `url` is no address of a web server."""
        self._url = checked_url(url)
        parts = urlsplit(self._url)
        super().__init__(parts.hostname or "")
        self._token = token
        self._port, self._tls = parts.port, parts.scheme == "https"
        self._context = _tls_context(insecure) if self._tls else None
        self._newest: tuple[dict[int, Usage], set[int]] = {}, set()
        self._answered = self._sampled = 0.0
        self._problem = ""
        self._ended = threading.Event()
        self._asking: threading.Thread | None = None

    @property
    def url(self) -> str:
        return self._url

    def start(self) -> None:
        """Look whether it is our server and takes the token. Raises `ServerError`."""
        status, body = self._get("/healthz")
        if status != 200 or body.strip() != b"ok":
            raise ServerError(f"{self._url} is not our server: /healthz answered {status}")
        status, body = self._get("/readyz")
        if status not in (200, 503) or not body.startswith((b"ready", b"no media worker")):
            raise ServerError(f"{self._url} is not our server: /readyz answered {status}")
        if status != 200:
            raise ServerError(f"{self._url} has no media worker at the moment")
        if self._token:
            self._wait_for_workers()
        self._answered = time.monotonic()
        self._asking = threading.Thread(target=self._ask, name="bench-remote", daemon=True)
        self._asking.start()

    def close(self) -> None:
        self._ended.set()
        if self._asking is not None:
            self._asking.join(ANSWER_SECONDS + ASK_SECONDS)
        super().close()

    @property
    def alive(self) -> bool:
        return time.monotonic() - self._answered < LOST_SECONDS

    @property
    def sampled_at(self) -> float:
        return self._sampled or super().sampled_at

    def usages(self) -> tuple[dict[int, Usage], set[int]]:
        return self._newest

    def log_tail(self) -> str:
        return self._problem or "it does not answer"

    def _ask(self) -> None:
        while not self._ended.wait(ASK_SECONDS):
            try:
                if self._token:
                    self._look()
                else:
                    self._get("/healthz")
            except ServerError as error:
                self._problem = str(error)
            else:
                self._answered = time.monotonic()

    def _wait_for_workers(self) -> None:
        """A worker reports its usage a second after its start: a younger one would later look like
        the successor of another."""
        last = time.monotonic() + REPORT_SECONDS
        self._look()
        while not self._newest[1] <= self._newest[0].keys() and time.monotonic() < last:
            self._ended.wait(YOUNG_SECONDS)
            self._look()

    def _look(self) -> None:
        status, body = self._get("/api/stats", {"Authorization": f"Bearer {self._token}"})
        if status in (401, 403):
            raise ServerError(f"{self._url} does not take this admin token")
        if status != 200:
            raise ServerError(f"{self._url}/api/stats answered {status}")
        try:
            self._newest = usages_of(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ServerError(f"{self._url} is not our server: /api/stats is another's") from None
        self._sampled = time.monotonic()

    def _get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body. Raises `ServerError` in words for people."""
        connection: http.client.HTTPConnection
        if self._context is not None:
            connection = http.client.HTTPSConnection(
                self.host, self._port, timeout=ANSWER_SECONDS, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(self.host, self._port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(MAX_ANSWER)
        except ssl.SSLCertVerificationError:
            raise ServerError(
                f"the certificate of {self._url} is not trusted here: --insecure takes it anyway"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(f"no answer from {self._url}: {_words(error)}") from None
        finally:
            with contextlib.suppress(OSError):
                connection.close()


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {ANSWER_SECONDS:.0f} s"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS there: is it http://?"
    if isinstance(error, http.client.HTTPException):
        return "what answers does not speak HTTP: is it https://?"
    return str(getattr(error, "strerror", "") or error)


def _tls_context(insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def checked_url(text: str) -> str:
    """`scheme://host[:port]`, without a path. Raises `UsageError`."""
    wrong = UsageError(f"{text!r} is no address of a server, as https://box.local")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in text):
        raise wrong
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{text!r}: only scheme, host and port, as https://box.local:8443")
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).version == 6:
            host = f"[{host}]"
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def usages_of(stats: dict[str, Any]) -> tuple[dict[int, Usage], set[int]]:
    """All processes in an answer of `/api/stats`, and which of them carry media.

    Descriptors are not reported (0). Raises KeyError, TypeError or ValueError for another's answer.
    """
    rows = [(stats["server"], "signaling")]
    rows += [(worker, "worker") for worker in stats["workers"] if "cpuSeconds" in worker]
    found = {
        int(row["pid"]): Usage(
            int(row["pid"]), name, float(row["cpuSeconds"]), int(row["rssBytes"]), 0
        )
        for row, name in rows
    }
    return found, {int(worker["pid"]) for worker in stats["workers"]}
