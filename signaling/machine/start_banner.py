"""What a person who starts the server reads: where to open it, and what to expect there."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from signaling.config import Config
from signaling.machine import addresses


def text(settings: Config, hosts: Sequence[str], port: int, *, scan: bool) -> str:
    """The whole of it; `scan` adds a code that a phone's camera opens."""
    scheme = "https" if settings.tls else "http"
    urls = [f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/" for host in hosts]
    lines = ["", "The conference server is running. Open one of these in a browser:", ""]
    lines += [f"    {url}" for url in urls]
    lines.append("")
    # Without TLS the pages that a phone would open have no camera.
    if scan and settings.tls and not addresses.is_loopback(hosts[0]):
        lines += ["Or with a phone in the same network:", "", _code(urls[0])]
    if settings.tls and not settings.tls_cert:
        lines += [
            "The browser warns once, because this server made its certificate itself and nobody",
            "else vouches for it. Choose to go on: the connection is encrypted all the same.",
            "",
        ]
    elif not settings.tls and not addresses.is_loopback(settings.host):
        lines += [
            "Without TLS, browsers allow camera and microphone on localhost only: other machines",
            "need a proxy in front that serves HTTPS.",
            "",
        ]
    token = (
        "admin_token" if settings.admin_token else f"in {Path(settings.data_dir, 'admin-token')}"
    )
    lines += [f"For admins: /admin at the same addresses; the token to log in is {token}.", ""]
    lines.append("Stop with Control-C.")
    return "\n".join(lines)


def shows_codes(output: TextIO) -> bool:
    """Whether somebody looks at `output`, and it can draw half a square."""
    return output.isatty() and (output.encoding or "").lower().replace("-", "") == "utf8"


def _code(url: str) -> str:
    """A QR code in half squares, light on dark as terminals are."""
    # Loaded only here: nobody scans the log of a service.
    import segno

    drawn = io.StringIO()
    segno.make_qr(url, error="l").terminal(drawn, border=2, compact=True)
    return drawn.getvalue()
