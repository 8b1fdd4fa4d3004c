"""Messages of clients, read from text: known types only, each by its struct. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Union

import msgspec

from signaling.messages import FromClient, type_of
from signaling.refusals import RefusedError

MAX_REFUSAL = 200
"""Characters of the text that says what is wrong with a message, which may quote it."""
MAX_TYPE = 64
"""Characters of an unknown type that a refusal repeats."""


class MessageError(RefusedError):
    """The text is no message of the protocol."""

    def __init__(self, text: str, request: str | None = None) -> None:
        """`request`: the type that the message names, when nothing of that type is known."""
        super().__init__("badMessage", text[:MAX_REFUSAL])
        self.request = request


class Decoder:
    """Reads messages of some types and refuses all others by name."""

    def __init__(self, kinds: Iterable[type[FromClient]]) -> None:
        """Raises `TypeError` when two of them have the same type on the wire."""
        kinds = tuple(kinds)
        self._types = {type_of(kind) for kind in kinds}
        union: Any = Union[kinds]  # noqa: UP007 (made at run time)
        self._decoder: msgspec.json.Decoder[FromClient] = msgspec.json.Decoder(union)

    def decode(self, text: str | bytes) -> FromClient:
        """One message of a client. Raises `MessageError` and nothing else."""
        try:
            return self._decoder.decode(text)
        except msgspec.ValidationError as error:
            self._check_type(text)
            raise MessageError(str(error)) from None
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise MessageError("not JSON") from None

    def _check_type(self, text: str | bytes) -> None:
        """Raises `MessageError` when the text names a type that is not known."""
        try:
            kind = _typed.decode(text).type
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return
        if kind not in self._types:
            kind = kind[:MAX_TYPE]
            raise MessageError(f"unknown message type {kind!r}", kind)


class _Typed(msgspec.Struct):
    type: str


_typed = msgspec.json.Decoder(_Typed)
