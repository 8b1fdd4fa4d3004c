"""The web client's files: one version at a time, small on the wire, asked for once."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from signaling.site.files import ICONS, Site, accepts_gzip
from signaling.site.pages import WEB

PAGE = f"""<!doctype html>
<link rel="stylesheet" href="/static/css/base.css">
<body>{ICONS}<svg><use href="#icon-mic"></use></svg><a href="/">home</a></body>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "base.css").write_text("body { margin: 0; }\n" * 50)
    (tmp_path / "icons.svg").write_text('<svg xmlns="http://x"><symbol id="icon-mic"/></svg>')
    (tmp_path / "room.html").write_text(PAGE)
    (tmp_path / "logo.png").write_bytes(bytes(range(256)))
    for hidden in (".env.js", "base.css~", "notes.py", "node_modules/a.js", ".git/a.js"):
        path = tmp_path / hidden
        path.parent.mkdir(exist_ok=True)
        path.write_text("secret")
    return tmp_path


def test_a_page_names_its_files_by_the_version_and_holds_the_icons(folder: Path) -> None:
    site = Site(folder)
    page = site.file("room.html")
    assert page is not None
    text = page.body.decode()
    assert f'href="/static/{site.version}/css/base.css"' in text
    assert '<symbol id="icon-mic"/>' in text
    assert ICONS not in text
    assert '<a href="/">' in text
    assert gzip.decompress(page.packed) == page.body


def test_what_a_version_names_is_for_ever_and_nothing_else_is(folder: Path) -> None:
    site = Site(folder)
    for path, lasting in (
        (f"{site.version}/css/base.css", True),
        ("css/base.css", False),
        ("0123456789ab/css/base.css", False),
    ):
        found = site.find(path)
        assert found is not None
        assert (found[0].body, found[1]) == ((folder / "css/base.css").read_bytes(), lasting), path


def test_any_change_makes_another_version_and_none_makes_the_same(folder: Path) -> None:
    before = Site(folder)
    assert Site(folder).version == before.version
    (folder / "css" / "base.css").write_text("body { margin: 1px; }")
    after = Site(folder)
    assert after.version != before.version
    assert before.file("css/base.css") != after.file("css/base.css")
    old = before.file("css/base.css")
    assert old is not None
    assert b"margin: 0" in old.body, "what runs does not mix versions"


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "nothing.js", ".env.js", "base.css~", "notes.py", "node_modules/a.js", ".git/a.js",
        "../pyproject.toml", "css", "css/", "/css/base.css", "css/../css/base.css",
        "\0", "x" * 9999,
    ],
)  # fmt: skip
def test_nothing_else_is_found(folder: Path, path: str) -> None:
    site = Site(folder)
    assert site.find(path) is None
    assert site.find(f"{site.version}/{path}") is None


def test_what_does_not_get_smaller_is_sent_as_it_is(folder: Path) -> None:
    file = Site(folder).file("logo.png")
    assert file is not None
    assert (file.kind, file.packed) == ("image/png", b"")


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("gzip, deflate, br", True), ("br;q=1.0, gzip;q=0.8, *;q=0.1", True), ("*", True),
        ("GZIP", True), ("", False), ("br", False), ("gzip;q=0", False), ("gzip; q=0.000", False),
        ("identity, x-gzip", False), ("gzip;q=zwölf", True),
    ],
)  # fmt: skip
def test_gzip_is_sent_to_who_takes_it(header: str, wanted: bool) -> None:
    assert accepts_gzip(header) is wanted


def test_the_real_pages_name_only_files_that_there_are() -> None:
    site = Site(WEB)
    for path in WEB.glob("*.html"):
        page = site.file(path.name)
        assert page is not None
        text = page.body.decode()
        named = re.findall(r'(?:href|src)="/static/([^"#]+)', text)
        assert named
        assert ICONS not in text
        for name in named:
            found = site.find(name)
            assert found is not None, f"{path.name} names {name}"
            assert found[1], f"{path.name} names {name}"
        icons = set(re.findall(r'<use href="#([^"]+)"', text))
        assert icons <= set(re.findall(r'<symbol id="([^"]+)"', text)), path.name


def test_style_sheets_that_follow_one_another_are_one(folder: Path) -> None:
    (folder / "css" / "room.css").write_text('@font-face { src: url("../logo.png"); }')
    sheet = '<link rel="stylesheet" href="/static/css/{}.css">'
    (folder / "start.html").write_text(
        f"{sheet.format('base')}\n  {sheet.format('room')}\n<script></script>{sheet.format('base')}"
    )
    site = Site(folder)
    page = site.file("start.html")
    assert page is not None
    named = re.findall(rf'href="/static/{site.version}/([^"]+)"', page.body.decode())
    assert named == ["css/start-1.css", "css/base.css"]
    joined = site.file(named[0])
    assert joined is not None
    parts = [(folder / "css" / name).read_bytes() for name in ("base.css", "room.css")]
    assert joined.body == b"\n".join(parts)


def test_no_script_or_style_leaves_its_version() -> None:
    """An absolute address in one would be asked for each time, and could be of another version."""
    for path in (*WEB.rglob("*.js"), *WEB.rglob("*.css")):
        assert "/static/" not in path.read_text(), path.name


def test_a_cold_load_of_the_room_is_light() -> None:
    site = Site(WEB)
    page = site.file("room.html")
    assert page is not None
    named = re.findall(r'(?:href|src)="/static/([^"#]+)', page.body.decode())
    files = [page, *(site.find(name)[0] for name in dict.fromkeys(named))]  # type: ignore[index]
    assert sum(len(file.packed or file.body) for file in files) < 160_000
