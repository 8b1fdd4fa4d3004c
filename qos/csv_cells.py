"""Cells of CSV files that a spreadsheet takes for what they are. Pure.

OWASP, CSV Injection: a cell that begins like a formula is computed, and names come from strangers.
A program may split a line at semicolons or tabs in spite of the quotes, so what begins like a
formula behind one of those is defused too. Numbers stay numbers.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"(^|[;\t\r\n])([ \u00a0]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])")
"""Where an apostrophe makes text of it: before = + - @, wide ones too, at the start of a cell or
of what may become one; and before a tab or a line break that begins a cell."""


def cell(value: object) -> object:
    """What to write for a value: nothing for None, the shortest text for a float, text defused."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return _FORMULA.sub(lambda found: f"{found[1] or ''}{found[2] or ''}'", value)
    return value
