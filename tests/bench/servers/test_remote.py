"""A box elsewhere: what it is asked, and the errors of one that is not ours."""

from __future__ import annotations

import datetime
import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.context import UsageError
from bench.servers import remote
from bench.servers.remote import RemoteServer
from bench.servers.server import ServerError
from signaling.machine.certificate import own_certificate

TOKEN = "0123456789abcdef"
STATS: dict[str, Any] = {
    "server": {"pid": 10, "cpuSeconds": 1.5, "rssBytes": 1000},
    "workers": [
        {"pid": 11, "port": 1, "cpuSeconds": 7.25, "rssBytes": 2000},
        {"pid": 12, "port": 2, "cpuSeconds": 0.25, "rssBytes": 3000},
    ],
}
YOUNG = STATS | {"workers": [STATS["workers"][0], {"pid": 12, "port": 2}]}
"""The second worker has not reported yet."""

Answers = dict[str, tuple[int, bytes]]


class Box(http.server.ThreadingHTTPServer):
    """Answers as it is reported."""

    daemon_threads = True

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answers = answers
        self.asked = threading.Event()
        """Set with every answer."""
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Box)
        status, body = self.server.answers.get(self.path, (404, b"not here"))
        if self.path == "/api/stats" and self.headers["Authorization"] != f"Bearer {TOKEN}":
            status, body = 401, b"{}"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)
        self.server.asked.set()

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal of the tests."""


def ours(**changes: tuple[int, bytes]) -> Answers:
    return {
        "/healthz": (200, b"ok\n"),
        "/readyz": (200, b"ready\n"),
        "/api/stats": (200, json.dumps(STATS).encode()),
        **{f"/{name}": answer for name, answer in changes.items()},
    }


@pytest.fixture
def box() -> Iterator[Callable[[Answers], Box]]:
    made: list[Box] = []

    def make(answers: Answers) -> Box:
        made.append(Box(answers))
        return made[-1]

    yield make
    for one in made:
        one.shutdown()
        one.server_close()


def url(box: Box, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{box.server_address[1]}"


def test_cpu_and_memory_are_those_that_the_box_reports(box: Callable[[Answers], Box]) -> None:
    with RemoteServer(url(box(ours())), TOKEN) as server:
        usages, media = server.usages()
        assert server.alive
    assert media == {11, 12}
    assert {pid: (u.cpu_seconds, u.rss_bytes) for pid, u in usages.items()} == {
        10: (1.5, 1000),
        11: (7.25, 2000),
        12: (0.25, 3000),
    }


def test_workers_that_have_not_reported_yet_are_waited_for(box: Callable[[Answers], Box]) -> None:
    class Growing(dict[str, tuple[int, bytes]]):
        looks = 0

        def get(self, path: str, default: Any = None) -> Any:
            if path != "/api/stats":
                return super().get(path, default)
            self.looks += 1
            return 200, json.dumps(YOUNG if self.looks < 3 else STATS).encode()

    answers = Growing(ours())
    with RemoteServer(url(box(answers)), TOKEN) as server:
        assert answers.looks >= 3
        assert set(server.usages()[0]) == {10, 11, 12}


def test_a_worker_that_never_reports_does_not_hold_a_run_up(
    box: Callable[[Answers], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "REPORT_SECONDS", 0.0)
    young = ours(**{"api/stats": (200, json.dumps(YOUNG).encode())})
    with RemoteServer(url(box(young)), TOKEN) as server:
        usages, media = server.usages()
        assert set(usages) == {10, 11}
        assert media == {11, 12}


def test_without_a_token_nothing_is_known_of_its_processes(box: Callable[[Answers], Box]) -> None:
    with RemoteServer(url(box(ours()))) as server:
        assert server.usages() == ({}, set())
        assert server.alive


@pytest.mark.parametrize(
    ("answers", "token", "expected"),
    [
        ({}, "", "is not our server: /healthz answered 404"),
        (ours(healthz=(200, b"<html>")), "", "is not our server: /healthz answered 200"),
        (ours(readyz=(404, b"?")), "", "is not our server: /readyz answered 404"),
        (ours(readyz=(503, b"no media worker\n")), "", "has no media worker"),
        (ours(), "wrong", "does not take this admin token"),
        (ours(**{"api/stats": (200, b"[]")}), TOKEN, "/api/stats is another's"),
        (ours(**{"api/stats": (200, b'{"server": {}}')}), TOKEN, "/api/stats is another's"),
        (ours(**{"api/stats": (500, b"")}), TOKEN, "/api/stats answered 500"),
    ],
)
def test_what_is_not_ours_is_reported(
    answers: Answers, token: str, expected: str, box: Callable[[Answers], Box]
) -> None:
    with pytest.raises(ServerError, match=expected), RemoteServer(url(box(answers)), token):
        pass


def test_a_box_that_speaks_no_tls_is_reported(box: Callable[[Answers], Box]) -> None:
    with (
        pytest.raises(ServerError, match="is it http://"),
        RemoteServer(url(box(ours()), "https"), insecure=True),
    ):
        pass


def test_a_certificate_of_its_own_needs_insecure(
    box: Callable[[Answers], Box], tmp_path: Path
) -> None:
    made = box(ours())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    now = datetime.datetime.now(datetime.UTC)
    certificate, key = own_certificate(tmp_path, ["127.0.0.1"], now)
    context.load_cert_chain(certificate, key)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    with (
        pytest.raises(ServerError, match="is not trusted here: --insecure"),
        RemoteServer(url(made, "https")),
    ):
        pass
    with RemoteServer(url(made, "https"), TOKEN, insecure=True) as server:
        assert server.usages()[1] == {11, 12}


def test_nobody_there_is_reported(box: Callable[[Answers], Box]) -> None:
    made = box(ours())
    address = url(made)
    made.shutdown()
    made.server_close()
    with pytest.raises(ServerError, match="Connection refused"), RemoteServer(address):
        pass


def test_a_box_that_goes_silent_counts_as_gone(
    box: Callable[[Answers], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "ASK_SECONDS", 0.01)
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.5)
    made = box(ours())
    with RemoteServer(url(made), TOKEN) as server:
        before = server.usages()
        made.answers = {}
        until = time.monotonic() + 20
        while server.alive:
            assert time.monotonic() < until
            made.asked.clear()
            assert made.asked.wait(10)
        assert server.usages() == before
        assert "/api/stats answered 404" in server.log_tail()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://box.local", "https://box.local"),
        ("https://box.local:8443/", "https://box.local:8443"),
        ("http://[fe80::1]:80", "http://[fe80::1]:80"),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    assert remote.checked_url(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "box", "ftp://box", "https://", "https://b x", "https://box:1e9", "https://u@box",
     "https://box/r/room", "https://box?x=1", "https://[::1"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        remote.checked_url(text)
