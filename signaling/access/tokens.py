"""Random names and secrets."""

from __future__ import annotations

import hashlib
import secrets

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_ICE_CHARS = _LETTERS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def new_id(prefix: str) -> str:
    """A public identifier that is not used twice: 12 characters of 36 after the prefix."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(12))


def new_secret() -> str:
    """Over 255 bits, fit for a URL and for a command line, where a leading dash means a flag."""
    while (secret := secrets.token_urlsafe(32)).startswith("-"):
        pass
    return secret


def ice_credentials() -> tuple[str, str]:
    """(ufrag, pwd): RFC 8445 section 5.3 wants 24 and 128 bits at least."""
    ufrag = "".join(secrets.choice(_ICE_CHARS) for _ in range(8))
    return ufrag, "".join(secrets.choice(_ICE_CHARS) for _ in range(24))


def digest(secret: str) -> bytes:
    """SHA-256: to keep a secret or to look it up by, without having it."""
    return hashlib.sha256(secret.encode()).digest()


def same(left: str, right: str) -> bool:
    """Compare secrets in a time that does not depend on where they differ."""
    return secrets.compare_digest(left.encode(), right.encode())
