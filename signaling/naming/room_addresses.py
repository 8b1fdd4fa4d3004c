"""The room that an address means, however it was copied. Pure.

Addresses travel through chats, mails and copied sentences: with a slash or a full stop behind them,
marks of direction around them, capitals in `/R/`, a line's end, percent signs encoded twice. All of
these mean one room, and its page has one address.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from signaling.naming.names import clean_room_name

MOST_ENCODINGS = 3
"""How often an address may have been percent-encoded: by a browser, a chat, and a mail."""
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_MARKS = "\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"
"""Of direction, in which programs wrap what they show."""
_EDGES = re.compile(rf"^[/\s{_MARKS}]+|[/\s{_MARKS}]+$|(?<=[^./\s{_MARKS}])[./\s{_MARKS}]+$")
"""What stands around an address: ends of sentences and folders, where something is before them."""
EXPLANATION = {
    "en": "This room name cannot be used. A name has 1 to 64 visible characters, and is not only "
    "dots.",
    "id": "Nama ruang ini tidak dapat dipakai. Nama terdiri dari 1 sampai 64 karakter yang "
    "terlihat, dan tidak hanya titik.",
}
"""What is wrong with an address that means no room, by language; `error.badRoomName` of
web/shared/locales has the same text."""


def room_of(address: str) -> str | None:
    """The name of the room; None when it means none.

    `address`: what follows `/r/`, decoded once, as a path is.
    """
    for _ in range(MOST_ENCODINGS - 1):
        if not _ESCAPE.search(address):
            break
        try:
            address = unquote(address, errors="strict")
        except UnicodeDecodeError:
            break
    return clean_room_name(_EDGES.sub("", address))


def path_of(name: str) -> str:
    """Of the room's page; as `roomPath` in web/shared/rooms.js writes it."""
    return "/r/" + quote(name, safe="!'()*")
