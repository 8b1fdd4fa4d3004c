"""Requests that cannot be granted, as exceptions: they become `error` messages or HTTP answers.

Whoever raises one has changed nothing.
"""

from __future__ import annotations

from signaling.messages import ErrorCode


class RefusedError(Exception):
    """A request cannot be granted; `code` says why, the text in English for a developer."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class TooManyError(RefusedError):
    """A limit was reached; the request may be made again after `retry_after` seconds."""

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__("tooMany", text)
        self.retry_after = retry_after
