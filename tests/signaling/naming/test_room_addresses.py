from __future__ import annotations

import json
import subprocess
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from signaling.naming.room_addresses import EXPLANATION, path_of, room_of
from tests.signaling.conftest import Serve

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "address",
    [
        "kelas 5B",
        "kelas 5B/",
        "kelas 5B//",
        "/kelas 5B",
        "kelas 5B.",
        "kelas 5B...",
        "kelas 5B./",
        " kelas  5B \n",
        "\u200ekelas 5B\u200e",
        "\u2066kelas 5B\u2069.",
        "kelas%205B",
        "kelas%25205B",
        "kelas%205B%2F",
        "kelas\u00a05B",
        "ke\u00adlas 5B\u200b",
    ],
)
def test_one_room_however_its_address_was_copied(address: str) -> None:
    assert room_of(address) == "kelas 5B"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("100%", "100%"),
        ("100%zz", "100%zz"),
        ("%ff", "%ff"),
        ("a/b", "a/b"),
        (".net", ".net"),
        ("...", "..."),
        ("l'e\u0301te\u0301", "l'été"),
        ("", None),
        ("/", None),
        (".", None),
        ("..", None),
        ("./", None),
        ("%2e%2e", None),
        ("x" * 65, None),
        ("a\u202eb", None),
        ("\x00", None),
        ("\u200b", None),
    ],
)
def test_what_an_address_means(address: str, name: str | None) -> None:
    assert room_of(address) == name


@pytest.mark.parametrize("name", ["a/b", "kelas 5B", "100%", "会議?#", "l'été", "(x)!*~", "a+b&c"])
def test_a_room_has_one_address(name: str) -> None:
    path = path_of(name)
    assert room_of(unquote(path.removeprefix("/r/"))) == name
    script = (
        f"import('./web/shared/rooms.js').then((m) => console.log(JSON.stringify("
        f"[m.roomPath({json.dumps(name)}), m.roomFromPath({json.dumps(path)})])))"
    )
    found = subprocess.run(["node", "-e", script], cwd=ROOT, capture_output=True, check=True)
    assert json.loads(found.stdout) == [path, name]


@pytest.mark.parametrize(
    "path",
    [
        "/r/kelas%205B/",
        "/R/kelas%205B",
        "/r/%E2%80%8Ekelas%205B.",
        "/r/kelas%25205B",
        "/r//kelas 5B",
    ],
)
async def test_the_page_leads_to_the_rooms_address(serve: Serve, path: str) -> None:
    run = await serve()
    url = f"{run.url}{path}?x=1"
    async with run.http.get(url, allow_redirects=False) as answer:
        assert answer.status == 302
        assert answer.headers["Location"] == "/r/kelas%205B?x=1"
    async with run.http.get(url) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"


async def test_an_address_of_no_room_says_what_is_wrong(serve: Serve) -> None:
    run = await serve()
    browser = {"Accept": "text/html", "Accept-Language": "id"}
    for path in ("/r/", "/r/..%2F", "/r/" + "x" * 65, "/r/" + quote("a\u202eb"), "/r/%00"):
        async with run.http.get(run.url + path, headers=browser) as answer:
            assert answer.status == 400, path
            page = await answer.text()
            assert EXPLANATION["id"] in page
            assert '<a href="/">' in page


def test_the_page_says_the_same() -> None:
    for language, text in EXPLANATION.items():
        path = ROOT / "web" / "shared" / "locales" / f"{language}.js"
        phrases = path.read_text(encoding="utf-8")
        assert f"'error.badRoomName': '{text}'" in phrases
        assert f"'start.badName': '{text}'" in phrases
