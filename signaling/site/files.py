"""The web client's files as they were when the server started, ready to be sent.

Theory of operation. Addresses that pages name carry a version, a hash over all files:
`/static/<version>/room/main.js`. What is found there never changes, so a browser that has it asks
no more. Modules and style sheets name each other relatively and stay within the version they came
from. The pages themselves are asked for each time, by their `ETag`. Nothing is read from disk after
the start, so no page is ever made of two versions; after an upgrade the server is started again
anyway.

The style sheets of a page that follow one another are sent as one (`_joined`): they are small, and
each request costs more than it brings.

A page holds the icons itself (`ICONS`): one that is fetched when it is first shown is missing just
when the network is.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""By suffix; a file of another kind is not served. The system's own table is not to be trusted."""

PACKED = {".css", ".html", ".js", ".json", ".svg", ".webmanifest"}
"""Kinds that get smaller by compression; the others are compressed already."""
ICONS = "<!-- icons.svg -->"
"""Where a page wants the icons; each is then `#icon-<name>` within the page."""
VERSION_DIGITS = 12
_SHEET = r'<link rel="stylesheet" href="/static/([\w/.-]+\.css)">'
_SHEETS = re.compile(rf"{_SHEET}(?:\s*{_SHEET})+")
_VERSIONED = re.compile(rf"([0-9a-f]{{{VERSION_DIGITS}}})/(.+)", re.DOTALL)


class File(NamedTuple):
    """What is sent of one file."""

    kind: str
    """`Content-Type`."""
    body: bytes
    packed: bytes
    """With gzip; empty: not worth it."""
    tag: str
    """Of its content, for `ETag`."""


class Site:
    """All files below a folder, by their path in it."""

    def __init__(self, folder: Path) -> None:
        """Reads them all. Raises `OSError`."""
        files = dict(_read(folder))
        for path in [path for path in files if path.endswith(".html")]:
            files |= _joined(path, files)
        whole = hashlib.sha256()
        for path, body in sorted(files.items()):
            whole.update(f"{path}\0{len(body)}\0".encode() + body)
        self.version = whole.hexdigest()[:VERSION_DIGITS]
        """The same for the same files, another one for others."""
        self._files = files
        self._made: dict[str, File] = {}

    def find(self, path: str) -> tuple[File, bool] | None:
        """What lies at `/static/<path>`, and whether it will always be that.

        A page of another version still gets what is there now: its icons and its fonts.
        """
        versioned = _VERSIONED.fullmatch(path)
        version, inner = versioned.groups() if versioned else ("", path)
        file = self.file(inner)
        return None if file is None else (file, version == self.version)

    def file(self, path: str) -> File | None:
        """None where there is none; pages come with the addresses of this version."""
        if path not in self._files:
            return None
        if path not in self._made:
            self._made[path] = self._make(path)
        return self._made[path]

    def _make(self, path: str) -> File:
        body, suffix = self._files[path], PurePosixPath(path).suffix
        if suffix == ".html":
            body = self._page(body.decode()).encode()
        # No time of day in it: the same file is the same bytes.
        packed = gzip.compress(body, 9, mtime=0) if suffix in PACKED else b""
        return File(
            CONTENT_TYPES[suffix],
            body,
            packed if len(packed) < len(body) else b"",
            hashlib.sha256(body).hexdigest()[: 2 * VERSION_DIGITS],
        )

    def _page(self, text: str) -> str:
        icons = self._files.get("icons.svg", b"").decode().strip()
        hidden = icons.replace("<svg ", '<svg aria-hidden="true" hidden ', 1)
        return text.replace('"/static/', f'"/static/{self.version}/').replace(ICONS, hidden)


def accepts_gzip(header: str) -> bool:
    """Whether an `Accept-Encoding` wants it (RFC 9110 clause 12.5.3)."""
    for item in header.lower().split(","):
        name, _, parameters = item.partition(";")
        if name.strip() in ("gzip", "*"):
            quality = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", parameters)
            return not quality or float(quality[1]) > 0
    return False


def _joined(path: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """A page that names one style sheet for each row of them, and those sheets.

    All lie one folder deep, so what they name relatively is found from the joined one as well.
    """
    made: dict[str, bytes] = {}

    def join(row: re.Match[str]) -> str:
        names = re.findall(_SHEET, row[0])
        if not all(name in files and name.count("/") == 1 for name in names):
            return row[0]
        name = f"css/{PurePosixPath(path).stem}-{len(made) + 1}.css"
        made[name] = b"\n".join(files[one] for one in names)
        return f'<link rel="stylesheet" href="/static/{name}">'

    made[path] = _SHEETS.sub(join, files[path].decode()).encode()
    return made


def _read(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Not what an editor or a version control left there, nor what lies elsewhere."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        hidden = any(part.startswith((".", "node_modules")) for part in name.parts)
        if path.suffix in CONTENT_TYPES and not hidden and path.is_file():
            yield name.as_posix(), path.read_bytes()
