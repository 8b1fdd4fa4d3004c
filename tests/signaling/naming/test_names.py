from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.naming import names

FAMILY = "👩‍👩‍👧"
SHAKING = "🙂‍↔️"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
PERSIAN = "می‌خواهم"
HINDI = "क्‍ष"
SINHALA = "ශ්‍රී ලංකා"
BENGALI = "র‍্যাব"


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("  Ada ", "Ada"),
        ("e\u0301", "\u00e9"),
        ("x" * 64, "x" * 64),
        ("x" * 65, None),
        ("", None),
        (" \t ", None),
        ("a\nb", None),
        ("a\x7fb", None),
        ("a\u2028b", None),
        ("a\ud800b", None),
        ("a\ue000b", None),
        ("a\uffffb", None),
        ("evil\u202eexe", None),
        ("\u202eexe", None),
        ("x\u2066y", None),
    ],
)
def test_names_are_trimmed_and_controls_refused(raw: str, name: str | None) -> None:
    assert names.clean_name(raw) == name


@pytest.mark.parametrize(
    "invisible",
    [
        "\u00ad",  # soft hyphen
        "\u034f",  # grapheme joiner
        "\u061c",  # Arabic letter mark
        "\u115f",  # Hangul filler
        "\u180e",  # Mongolian vowel separator
        "\u200b",
        "\u200c",
        "\u200d",
        "\u200e",
        "\u2060",
        "\u2064",  # invisible plus
        "\u206a",  # a deprecated one
        "\u3164",  # Hangul filler
        "\ufe00",
        "\ufe0f",
        "\ufeff",
        "\uffa0",
        "\U0001d173",
        "\U000e0041",  # a tag
        "\U000e0100",  # variation selector 17
    ],
)
def test_what_nobody_sees_makes_no_other_name(invisible: str) -> None:
    assert names.clean_name(f"Ro{invisible}om") == "Room"
    assert names.clean_name(f"{invisible}Room{invisible}") == "Room"
    assert names.clean_name(invisible * 3) is None
    assert names.clean_name(f" {invisible} ") is None


@pytest.mark.parametrize(
    "name",
    [
        "日本",
        FAMILY,
        f"日本 {FAMILY}",
        SHAKING,
        ENGLAND,
        "❤️ 1️⃣ 👩🏽‍💻 🏳️‍🌈",
        PERSIAN,
        HINDI,
        SINHALA,
        BENGALI,
        "Nguyễn Thị Minh Khai",
        "ภาษาไทยที่นี่",
        "שָׁלוֹם",
        "한국어",
        "Ruang 7A / Matematika (IPA)",
    ],
)
def test_names_of_all_scripts_stay_as_they_are(name: str) -> None:
    assert names.clean_name(name) == unicodedata.normalize("NFC", name)


def test_a_joiner_stays_only_where_it_does_something() -> None:
    assert names.clean_name("دا‌د") == "داد"
    assert names.clean_name(f"a{FAMILY}‍b") == f"a{FAMILY}b"
    assert names.clean_name("🏴\U000e0061\U000e007f") == "🏴"


@pytest.mark.parametrize("wrapped", ["\u2068Ada\u2069", "\u202aAda\u202c", "\ufeffAda\u200e \r\n"])
def test_marks_around_a_pasted_name_are_taken_off(wrapped: str) -> None:
    assert names.clean_name(wrapped) == "Ada"


def test_white_space_is_one_space_as_a_page_shows_it() -> None:
    assert names.clean_name("Kelas\u00a0 \u30007A\u2800") == "Kelas 7A"
    assert names.clean_name("\u2800\u2800") is None


def test_a_mark_alone_and_piles_of_marks_are_no_names() -> None:
    assert names.clean_name("\u0301") is None
    assert names.clean_name("Z\u0300\u0301\u0302\u0303\u0304") is None
    assert names.clean_name("Z\u0321\u0321") is None
    assert names.clean_name("Z\u0300\u0301\u0302") is not None


@given(st.text(max_size=80) | st.text(alphabet="aر‌‍क्\ufe0f🏴👩‍\u0301 \u200e\u2068\u2069\u202e"))
def test_a_clean_name_is_clean(raw: str) -> None:
    name = names.clean_name(raw)
    if name is not None:
        assert names.clean_name(name) == name
        assert unicodedata.is_normalized("NFC", name)


def test_room_names_that_a_path_cannot_hold() -> None:
    assert [names.clean_room_name(name) for name in (".", "..", "...")] == [None, None, "..."]


def test_chat_keeps_lines_and_must_have_something_to_see() -> None:
    assert names.clean_text(" a\n\tb\x00 ") == "a\n\tb"
    assert names.clean_text(" \n ") is None
    assert names.clean_text("\u200b\u3164\u2800\n\u00a0") is None
