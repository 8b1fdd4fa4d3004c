from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qos.csv_cells import cell

FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1dcmd", "'\uff1dcmd"),
        ("  =1", "  '=1"),
        ("\tx", "'\tx"),
        ("\t=1", "\t'=1"),
        ("a;=1;-2", "a;'=1;'-2"),
        ("a\t@b", "a\t'@b"),
        ("a; +b", "a; '+b"),
        ("a\r\n=b", "a\r\n'=b"),
        ('Ada, "the" first\n', 'Ada, "the" first\n'),
        ("7-A = b", "7-A = b"),
        ("", ""),
    ],
)
def test_a_text_is_never_a_formula(text: str, written: str) -> None:
    assert cell(text) == written


@given(st.text(alphabet="=+-@;\t\r\n \uff1da1"))
def test_nor_is_what_a_program_may_part_it_into(text: str) -> None:
    written = cell(text)
    assert isinstance(written, str)
    assert written.replace("'", "") == text
    for part in re.split("[;\t\r\n]", written):
        assert not part.lstrip(" \u00a0").startswith(FORMULA)


def test_numbers_stay_numbers() -> None:
    assert [cell(value) for value in (-5, 0.1, -1e-9, None, True)] == [
        -5,
        "0.1",
        "-1e-09",
        "",
        True,
    ]
