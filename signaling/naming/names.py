"""Names of rooms and people in one form, so that two that look alike to the byte are one. Pure.

Theory of operation. A name comes from a keyboard, from a chat that wrapped it in marks, or from
somebody who wants to pass for another. What nobody can see is taken out (joiners stay where a
script or an emoji needs them), white space becomes single spaces, and the rest is in normal form
C. What would change how the text around it reads is refused, not taken out: there the writer saw
something else than a reader would. Applying `clean_name` to its own result changes nothing.
"""

from __future__ import annotations

import unicodedata

import idna

MAX_NAME = 64
"""Characters of a room's or a person's name."""
MAX_MARKS = 4
"""Nonspacing marks on one letter (UTS #39 section 5.4); more are a pile that covers its lines."""

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Controls, format characters that are left, halves of pairs, private use, separators of lines."""
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates (UAX #9): they reverse what stands beside them."""
_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""Default_Ignorable_Code_Point (DerivedCoreProperties.txt): drawn as nothing at all."""
_BLANK = "\u2800"
"""The Braille cell without dots: drawn as a space."""
_REGIONS = frozenset(
    "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
"""The flags that are written with tag characters (UTS #51, RGI_Emoji_Tag_Sequence)."""
_FLAG = "\U0001f3f4"
_TEXT_STYLE, _EMOJI_STYLE, _KEYCAP, _KEYCAPS = "\ufe0e", "\ufe0f", "\u20e3", "0123456789#*"
_ARROW = "\u2194"
"""Part of emoji sequences though a mathematical sign."""
_VIRAMA = 9
"""Canonical combining class."""
_AROUND = "\u202a\u202b\u202c\u2066\u2067\u2068\u2069\u200e\u200f\u061c\ufeff \t\r\n\u00a0"
"""Taken from both ends: programs copy a name wrapped in marks of direction. Not so overrides,
under which the writer saw another name."""


def clean_name(raw: str) -> str | None:
    """A name in the one form in which it is kept and compared; None when it may not be used.

    Linear in the length of `raw`, which the message's schema bounds.
    """
    # Composing may join what an invisible character held apart, and what was composed may leave
    # a joiner without its reason: the second round settles both.
    name = _tidy(_tidy(raw.strip(_AROUND)))
    if not 1 <= len(name) <= MAX_NAME or not any(_shows(character) for character in name):
        return None
    if any(_refused(character) for character in name) or _piled(name):
        return None
    return name


def clean_room_name(raw: str) -> str | None:
    """As `clean_name`; and `.` and `..` cannot stand in a URL's path."""
    name = clean_name(raw)
    return None if name in (".", "..") else name


def clean_text(raw: str) -> str | None:
    """Chat text: trimmed, line breaks and tabs kept, other controls taken out.

    None when nothing is left to see.
    """
    text = "".join(
        c for c in raw.strip() if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs")
    )
    return text if any(_shows(character) for character in text) else None


def _shows(character: str) -> bool:
    """Whether there is ink of its own: neither blank, nor invisible, nor a mark on another."""
    category = unicodedata.category(character)
    seen = category[0] in "LNPS" or category in ("Mc", "Cn", "Co")
    return seen and character != _BLANK and not _ignorable(character)


def _ignorable(character: str) -> bool:
    code = ord(character)
    return code >= 0xAD and any(low <= code <= high for low, high in _IGNORABLE)


def _refused(character: str) -> bool:
    code = ord(character)
    if character in (_ZWNJ, _ZWJ) or 0xE0000 <= code <= 0xE007F:
        # Where they do something: `_tidy` has left no others.
        return False
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return noncharacter or unicodedata.category(character) in _REFUSED_CATEGORIES


def _piled(name: str) -> bool:
    """Whether a letter carries more marks than writing needs, or one mark twice."""
    run, before = 0, ""
    for character in unicodedata.normalize("NFD", name):
        run = run + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if run > MAX_MARKS or (run > 1 and character == before):
            return True
        before = character
    return False


def _tidy(text: str) -> str:
    """In normal form C, without what is not seen, with single spaces between its words."""
    text = unicodedata.normalize("NFC", text)
    kept = (c for index, c in enumerate(text) if not _ignorable(c) or _needed(text, index))
    spaced = "".join(" " if c == _BLANK or unicodedata.category(c) == "Zs" else c for c in kept)
    return unicodedata.normalize("NFC", " ".join(filter(None, spaced.split(" "))))


def _needed(text: str, index: int) -> bool:
    """Whether an ignorable character changes what is seen, by its neighbours."""
    character = text[index]
    if character in _REORDERING:
        # Inside a name: kept here, so that the name is refused.
        return True
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    if character in (_ZWNJ, _ZWJ):
        return _joins(text, index, before, after)
    if character in (_TEXT_STYLE, _EMOJI_STYLE):
        keycap = before != "" and before in _KEYCAPS and after == _KEYCAP
        return keycap or _pictograph(before)
    start = text.rfind(_FLAG, max(0, index - 6), index)
    return start >= 0 and text[start : start + 7] in _REGIONS


def _joins(text: str, index: int, before: str, after: str) -> bool:
    """Whether a joiner does something: by RFC 5892 appendix A, before a virama, in an emoji."""
    try:
        if idna.valid_contextj(text, index):
            return True
    except (ValueError, idna.IDNAError):
        return False
    if text[index] == _ZWNJ or not after:
        return False
    if unicodedata.combining(after) == _VIRAMA:
        # Bengali and Kannada write RA, joiner, virama (The Unicode Standard, section 12.2).
        return before != "" and unicodedata.category(before) == "Lo"
    modified = before in (_EMOJI_STYLE, _TEXT_STYLE) or "\U0001f3fb" <= before <= "\U0001f3ff"
    return (modified or _pictograph(before)) and _pictograph(after)


def _pictograph(character: str) -> bool:
    """Whether it may be part of an emoji; ones newer than this Python are known by their block."""
    if not character:
        return False
    return (
        unicodedata.category(character) == "So"
        or "\U0001f000" <= character <= "\U0001faff"
        or character == _ARROW
    )
