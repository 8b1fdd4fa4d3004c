from __future__ import annotations

import io
import os

import pytest
import segno

from signaling.config import Config
from signaling.machine import start_banner

LAN = ["192.168.1.20", "localhost"]


def modules(text: str) -> list[list[bool]]:
    """The dark squares of a code in half squares, light ones drawn; without its quiet border."""
    halves = {"\N{FULL BLOCK}": (0, 0), "\N{UPPER HALF BLOCK}": (0, 1)}
    halves |= {"\N{LOWER HALF BLOCK}": (1, 0), " ": (1, 1)}
    drawn = [line for line in text.splitlines() if "\N{FULL BLOCK}" * 2 in line]
    rows: list[list[bool]] = []
    for line in drawn:
        for half in (0, 1):
            rows.append([bool(halves[character][half]) for character in line])
    width = len(rows[0])
    assert not any(any(row[:2] + row[-2:]) for row in rows[:width])
    return [row[2:-2] for row in rows[2 : width - 2]]


def test_addresses_come_one_a_line_and_the_link_for_admins() -> None:
    text = start_banner.text(Config(), ["192.168.1.20", "fd00::7", "localhost"], 8443, scan=False)
    assert "    https://192.168.1.20:8443/\n    https://[fd00::7]:8443/\n" in text
    assert "    https://localhost:8443/\n" in text
    assert "The browser warns once" in text
    assert "admin-token" in text
    assert "\N{FULL BLOCK}" not in text


def test_the_code_is_the_first_address() -> None:
    text = start_banner.text(Config(), LAN, 8443, scan=True)
    wanted = segno.make_qr("https://192.168.1.20:8443/", error="l").matrix
    assert modules(text) == [[bool(module) for module in row] for row in wanted]


@pytest.mark.parametrize(
    ("settings", "hosts"),
    [
        (Config(host="127.0.0.1"), ["127.0.0.1"]),
        (Config(), ["localhost"]),
        (Config(tls=False), LAN),
    ],
)
def test_what_no_phone_can_use_has_no_code(settings: Config, hosts: list[str]) -> None:
    assert "\N{FULL BLOCK}" not in start_banner.text(settings, hosts, 8443, scan=True)


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", True), ("UTF8", True), ("ascii", False)])
def test_codes_are_for_terminals_that_can_draw_them(encoding: str, shown: bool) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(ours), open(theirs, "w", encoding=encoding) as terminal:
        assert start_banner.shows_codes(terminal) is shown
    assert not start_banner.shows_codes(io.TextIOWrapper(io.BytesIO(), encoding=encoding))
