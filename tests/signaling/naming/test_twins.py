from __future__ import annotations

import pytest

from signaling.naming.twins import MOST, skeletons, twins_of


@pytest.mark.parametrize(
    ("name", "other", "alike"),
    [
        ("Room", "R0om", True),
        ("Room", "R\u043e\u043em", True),  # Cyrillic o
        ("Room", "ROOM", True),
        ("Room", "\uff32\uff4f\uff4f\uff4d", True),  # wide
        ("MATEMATIKA", "\u039c\u0391\u03a4\u0395\u039c\u0391\u03a4\u0399\u039a\u0391", True),
        ("paypal", "\u0440\u0430\u0443\u0440\u0430l", True),
        ("Kelas 7A", "kelas-7a", True),
        ("kelas I", "kelas l", True),
        ("kelas 1", "kelas I", True),
        ("modern", "rnodern", True),
        ("Jum\u2019at", "Jum'at", True),
        ("\u2764\ufe0f", "\u2764", True),
        ("Room", "Roon", False),
        ("kelas 7.1", "kelas 71", False),
        ("kelas 7 1", "kelas 71", False),
        ("kelas 1", "kelas 2", False),
        ("mali", "mall", False),
        ("rese", "rés\u00e9", False),
        ("日本", "日本語", False),
    ],
)
def test_names_that_look_alike(name: str, other: str, alike: bool) -> None:
    assert (not skeletons(name).isdisjoint(skeletons(other))) is alike


def test_a_name_is_no_twin_of_itself_and_few_are_shown() -> None:
    rooms = [(name, skeletons(name)) for name in ("Room", "R0om", "r00m", "ROOM", "room", "other")]
    assert twins_of("Room", rooms) == ["R0om", "ROOM", "r00m"]
    assert len(twins_of("RooM", rooms)) == MOST
    assert twins_of("else", rooms) == []
