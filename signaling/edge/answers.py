"""What a request that cannot be served is answered: a page, JSON or a line, as the asker reads it.

A browser gets a short page in its language with a link back, a program under `/api/` gets
`{"error": code, "message": text}`, anything else one line of text.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from signaling.site import pages

_MALAY = frozenset({"id", "ms", "jv", "su"})
"""Languages whose readers read Indonesian; as `chooseLanguage` in web/shared/i18n.js has it."""
CODES = {
    400: "badRequest",
    401: "notAdmin",
    403: "forbidden",
    404: "notFound",
    405: "badMethod",
    413: "tooLarge",
    421: "wrongHost",
    429: "tooMany",
    500: "internal",
    503: "busy",
}
_TITLES = {
    "en": {
        400: "This address cannot be read",
        401: "The admin must log in",
        403: "This is not allowed here",
        404: "There is no such page",
        405: "That cannot be done here",
        413: "That is too large",
        421: "The server does not know this name",
        429: "Too many attempts",
        500: "Something went wrong on the server",
        503: "The server is busy",
    },
    "id": {
        400: "Alamat ini tidak dapat dibaca",
        401: "Admin harus masuk dulu",
        403: "Ini tidak diizinkan di sini",
        404: "Halaman ini tidak ada",
        405: "Ini tidak dapat dilakukan di sini",
        413: "Kiriman ini terlalu besar",
        421: "Server tidak mengenal nama ini",
        429: "Terlalu banyak percobaan",
        500: "Terjadi kesalahan di server",
        503: "Server sedang sibuk",
    },
}
_HINTS = {
    "en": {
        400: "Check the address, or begin at the start page.",
        404: "The address may be mistyped or cut short.",
        429: "Wait a moment, then try again.",
        500: "Try again. If it happens once more, say so to whoever runs the server.",
        503: "Wait a moment, then try again.",
    },
    "id": {
        400: "Periksa alamatnya, atau mulai dari halaman awal.",
        404: "Mungkin alamatnya salah ketik atau terpotong.",
        429: "Tunggu sebentar, lalu coba lagi.",
        500: "Coba lagi. Jika terulang, beri tahu pengelola server.",
        503: "Tunggu sebentar, lalu coba lagi.",
    },
}
_BACK = {"en": "To the start page", "id": "Ke halaman awal"}
_PAGE = """<!doctype html>
<html lang="{language}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{title}</title>
  <link rel="stylesheet" href="/static/theme/tokens.css">
  <link rel="stylesheet" href="/static/css/base.css">
  <link rel="stylesheet" href="/static/css/answer.css">
  <script src="/static/theme/early.js"></script>
</head>
<body class="answer">
  <main>
    <h1>{title}</h1>
{paragraphs}
  </main>
</body>
</html>
"""


def bare(status: int) -> web.Response:
    """For what is no request that could be understood."""
    phrase = HTTPStatus(status).phrase
    return web.Response(text=f"{status} {phrase}\n", status=status, headers=pages.HEADERS)


def language(request: web.BaseRequest) -> str:
    """`id` or `en`, whichever the browser prefers (RFC 9110 section 12.5.4, in its order)."""
    for tag in request.headers.get(hdrs.ACCEPT_LANGUAGE, "")[:256].lower().split(","):
        primary = re.split(r"[-;]", tag.strip())[0]
        if primary in _MALAY:
            return "id"
        if primary == "en":
            return "en"
    return "en"


def refusal(
    request: web.BaseRequest,
    status: int,
    text: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    hint: Mapping[str, str] | None = None,
    line: str = "",
    code: str = "",
) -> web.Response:
    """The answer to a request that is not served.

    `text`: for programs, one line. `hint`: for people, by language, instead of the usual one;
    `line`: what they may copy from it. `code`: for programs, if not the usual one of `status`.
    """
    text = text.strip() or HTTPStatus(status).phrase.lower()
    if request.path.startswith("/api/"):
        found = {"error": code or CODES.get(status, "refused"), "message": text}
        body, kind = json.dumps(found, separators=(",", ":")), "application/json"
    elif "text/html" in request.headers.get(hdrs.ACCEPT, ""):
        body, kind = _page(language(request), status, hint, line), "text/html"
    else:
        body, kind = f"{text}\n", "text/plain"
    return web.Response(
        text=body,
        status=status,
        content_type=kind,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def _page(of: str, status: int, hint: Mapping[str, str] | None, line: str) -> str:
    title = _TITLES[of].get(status, HTTPStatus(status).phrase)
    text = (hint or {}).get(of) or _HINTS[of].get(status, "")
    paragraphs = [f"    <p>{html.escape(text)}</p>"] if text else []
    if line:
        paragraphs.append(f"    <pre>{html.escape(line)}</pre>")
    # Under a name that is not ours, the start page is refused too.
    if status != 421:
        paragraphs.append(f'    <p><a href="/">{html.escape(_BACK[of])}</a></p>')
    return _PAGE.format(language=of, title=html.escape(title), paragraphs="\n".join(paragraphs))
