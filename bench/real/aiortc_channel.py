"""Messages between the bench and one aiortc process: length-prefixed MessagePack both ways."""

from __future__ import annotations

import struct

import msgspec

from bench.real.crew import Look

_LENGTH = struct.Struct("!I")


class Come(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Join and publish; `Came` answers."""

    participant: int
    url: str
    room: str
    kinds: tuple[str, ...]
    tracks: int
    """To be received; `Receives` tells when all of them are decoded."""


class Begin(msgspec.Struct, frozen=True, tag=True):
    """The window begins."""


class Tell(msgspec.Struct, frozen=True, tag=True):
    """`Told` answers."""


class Leave(msgspec.Struct, frozen=True, tag=True):
    """Leave and end."""


class Came(msgspec.Struct, frozen=True, tag=True):
    """Publishes, and both sides are connected."""


class Receives(msgspec.Struct, frozen=True, tag=True):
    """Something of each awaited track was decoded."""


class Lost(msgspec.Struct, frozen=True, tag=True):
    """The call did not come about, or is over."""

    reason: str


class Told(msgspec.Struct, frozen=True, tag=True):
    """How it is."""

    look: Look


Command = Come | Begin | Tell | Leave
Event = Came | Receives | Lost | Told

_encoder = msgspec.msgpack.Encoder()
commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)


def frame(message: Command | Event) -> bytes:
    """One message as it goes on the channel."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body
