"""Messages between the bench and one aiortc process, over the channel of `bench.child`."""

from __future__ import annotations

import msgspec

from bench.real.crew import Snapshot


class Join(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Join and publish; `Joined` answers."""

    participant: int
    url: str
    room: str
    kinds: tuple[str, ...]
    tracks: int
    """To be received; `Receives` is sent when all of them are decoded."""


class Begin(msgspec.Struct, frozen=True, tag=True):
    """The window begins."""


class Report(msgspec.Struct, frozen=True, tag=True):
    """`Reported` answers."""


class Leave(msgspec.Struct, frozen=True, tag=True):
    """Leave and end."""


class Joined(msgspec.Struct, frozen=True, tag=True):
    """Publishes, and both sides are connected."""


class Receives(msgspec.Struct, frozen=True, tag=True):
    """Something of each awaited track was decoded."""


class Lost(msgspec.Struct, frozen=True, tag=True):
    """The call did not come about, or is over."""

    reason: str


class Reported(msgspec.Struct, frozen=True, tag=True):
    """How it is."""

    look: Snapshot


Command = Join | Begin | Report | Leave
Event = Joined | Receives | Lost | Reported

commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
events: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(Event)
