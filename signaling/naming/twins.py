"""Names that look alike: R0om and Room, and Room with a letter of another script. Pure.

After the skeletons of UTS #39 section 4: two names are twins when they have one in common. Capitals
and small letters differ in what they look like (I as l, i not), so a name has two: of what is
written, and of its small letters. A space, a hyphen and an underscore count as the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from signaling.naming.confusables import LOOKALIKES

MOST = 3
"""Twins that somebody is shown."""

_PROTOTYPES = {ord(one): latin for latin, many in LOOKALIKES.items() for one in many}
_PROTOTYPES |= {ord("0"): "O", ord("1"): "l", ord("I"): "l", ord("|"): "l", ord("m"): "rn"}
_PROTOTYPES |= dict.fromkeys(map(ord, "’‘`´"), "'")
_SPACING = {"Zs", "Pd", "Pc"}
"""Categories of spaces, hyphens and underscores."""


def skeletons(name: str) -> frozenset[str]:
    """What `name` looks like; those of names that look alike have one in common.

    A name of signs only has none.
    """
    whole = unicodedata.normalize("NFKC", name)
    return frozenset({_reduced(whole), _reduced(whole.casefold())} - {""})


def _reduced(text: str) -> str:
    kept = "".join(
        " " if unicodedata.category(character) in _SPACING else character
        for character in unicodedata.normalize("NFKD", text).translate(_PROTOTYPES)
        if unicodedata.category(character) != "Cf" and not "\ufe00" <= character <= "\ufe0f"
    )
    # What another script's capital looks like is a capital: `m` is known small only.
    return " ".join(kept.casefold().translate(_PROTOTYPES).casefold().split())


def twins_of(name: str, others: Iterable[tuple[str, frozenset[str]]]) -> list[str]:
    """Names among `others` (with their skeletons) that look like `name` and are not it."""
    wanted = skeletons(name)
    found = (other for other, has in others if other != name and not wanted.isdisjoint(has))
    return sorted(found)[:MOST]
