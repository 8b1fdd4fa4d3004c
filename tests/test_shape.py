"""How long a function and a file may be, held by reading the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = ("signaling", "sfu", "qos", "bench")
LONGEST_FUNCTION = 60
"""Lines from `def` to the last statement: what fits a screen."""
LONGEST_FILE = 500
LONGEST_TEST_FILE = 750
"""Tests mirror modules, and a module has more cases than lines to handle them."""


def functions(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, int]]:
    """Qualified name and lines of each function of a tree, those inside others too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield owner + node.name, (node.end_lineno or node.lineno) - node.lineno + 1
            yield from functions(node, f"{owner}{node.name}.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{owner}{node.name}.")
        else:
            yield from functions(node, owner)


def too_long(package: str) -> set[str]:
    found: set[str] = set()
    for path in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        name = path.relative_to(ROOT).as_posix()
        found |= {f"{name} {who}" for who, lines in functions(tree) if lines > LONGEST_FUNCTION}
    return found


@pytest.mark.parametrize("package", [*PROGRAM, "tests"])
def test_every_function_fits_a_screen(package: str) -> None:
    assert not too_long(package), f"longer than {LONGEST_FUNCTION} lines"


@pytest.mark.parametrize(
    ("folder", "pattern", "most"),
    [
        *((package, "*.py", LONGEST_FILE) for package in PROGRAM),
        ("web", "*.js", LONGEST_FILE),
        ("tests", "*.py", LONGEST_TEST_FILE),
    ],
)
def test_every_file_has_one_subject(folder: str, pattern: str, most: int) -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for path in (ROOT / folder).rglob(pattern)
    }
    assert lengths
    assert not {name: lines for name, lines in lengths.items() if lines > most}
