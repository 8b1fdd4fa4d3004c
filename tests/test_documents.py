"""What documents name is there: files, folders, modules, headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.scenarios import OTHERS, SCENARIOS, TABLE

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
OURS = ("bench", "docs", "qos", "sfu", "signaling", "systemd", "tests", "web")
"""Folders whose files are named in documents."""

_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*/?")
_SOURCE = re.compile(r"[\w-]+\.(?:py|js)")
_MODULE = re.compile(r"(?:python3? -m|-m) ((?:bench|qos|sfu|signaling|tests)[\w.]*)")
_SCENARIO = re.compile(r"python -m bench (\w+)")
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def ours() -> set[str]:
    """Every file of the project, by its name alone."""
    return {path.name for folder in OURS for path in (ROOT / folder).rglob("*.*")}


def named_files(text: str) -> set[str]:
    """Paths and names of source files in the code spans of a document."""
    found: set[str] = set()
    for span in _CODE.findall(text):
        for word in span.split():
            is_path = "/" in word and word.split("/")[0] in OURS and _PATH.fullmatch(word)
            if is_path or _SOURCE.fullmatch(word):
                found.add(word)
    return found


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_document_names_exist(document: Path) -> None:
    names = ours()
    missing = {
        name
        for name in named_files(document.read_text(encoding="utf-8"))
        if not ((ROOT / name).exists() if "/" in name else name in names)
    }
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_modules_that_a_document_runs_exist(document: Path) -> None:
    for module in _MODULE.findall(document.read_text(encoding="utf-8")):
        base = ROOT / module.replace(".", "/")
        assert base.with_suffix(".py").exists() or (base / "__main__.py").exists(), module


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_scenarios_that_a_document_names_exist(document: Path) -> None:
    known = {*SCENARIOS, *OTHERS, *TABLE, "compare", "studies", "scenarioN", "NAME"}
    assert not set(_SCENARIO.findall(document.read_text(encoding="utf-8"))) - known


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_of_a_document_lead_somewhere(document: Path) -> None:
    for file, heading in _LINK.findall(document.read_text(encoding="utf-8")):
        target = document.parent / file if file else document
        assert target.exists(), file
        if heading:
            headings = _HEADING.findall(target.read_text(encoding="utf-8"))
            assert heading in {anchor(text) for text in headings}, f"{file}#{heading}"


def test_what_is_not_there_is_found() -> None:
    text = "See `sfu/nowhere.py`, `wire/`, `python -m bench` and `unheard_of.js`."
    assert named_files(text) == {"sfu/nowhere.py", "unheard_of.js"}
