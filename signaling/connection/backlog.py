"""Messages that wait for one reader, without those that a later one has made pointless. Pure.

Theory of operation. What others do in a room must not cut off somebody on a slow network, however
much it is. So what waits is bounded by the state that it describes, not by the number of changes:
of levels, layers and offers only the newest waits; what came and went while the reader was behind
(a track, a person) is left out altogether; of chat as many lines wait as a room keeps. Answers to
the reader's own requests all wait: their number is in its own hand, and `limit` holds it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from signaling import messages

Key = tuple[object, ...]


def _whole(message: Any) -> Key:
    return (type(message),)


def _of_track(message: Any) -> Key:
    return (type(message), message.track)


_KEYS: dict[type, Callable[[Any], Key]] = {
    messages.Offer: _whole,
    messages.Speaking: _whole,
    messages.Receiving: _whole,
    messages.Quality: _whole,
    messages.Pong: _whole,
    messages.Layers: _of_track,
    messages.TrackMuted: _of_track,
    messages.TrackPublished: lambda message: (type(message), message.track.id),
    messages.ParticipantJoined: lambda message: (type(message), message.participant.id),
    messages.Reasons: lambda message: (type(message), message.participant),
}
"""What a message describes, for those of which only the newest matters."""

_OF_TRACKS = (messages.TrackPublished, messages.TrackUnpublished, messages.TrackMuted)


class Backlog:
    """See the module's text. First in, first out."""

    def __init__(self, limit: int) -> None:
        """`limit`: messages that may wait."""
        self._limit = limit
        self._waiting: OrderedDict[int, messages.FromServer] = OrderedDict()
        self._places: dict[Key, int] = {}
        self._chat: deque[int] = deque()
        self._number = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: messages.FromServer) -> bool:
        """Whether there was room for it; if not, nothing has changed."""
        key = _key(message)
        if key in self._places:
            self._drop(key)
        elif isinstance(message, messages.ChatMessage):
            self._make_room_for_chat()
        elif self._cancels(message):
            return True
        if len(self._waiting) >= self._limit:
            return False
        self._number += 1
        self._waiting[self._number] = message
        if key:
            self._places[key] = self._number
        elif isinstance(message, messages.ChatMessage):
            self._chat.append(self._number)
        return True

    def pop(self) -> messages.FromServer | None:
        """The one that waited longest; None when none does."""
        if not self._waiting:
            return None
        number, message = self._waiting.popitem(last=False)
        self._places.pop(_key(message), None)
        if self._chat and self._chat[0] == number:
            self._chat.popleft()
        return message

    def _drop(self, key: Key) -> bool:
        number = self._places.pop(key, None)
        return number is not None and self._waiting.pop(number, None) is not None

    def _make_room_for_chat(self) -> None:
        if len(self._chat) >= messages.CHAT_KEPT:
            del self._waiting[self._chat.popleft()]

    def _cancels(self, message: messages.FromServer) -> bool:
        """Leave out what `message` ends; whether it then needs not be sent itself."""
        if not self._waiting:
            return False
        if isinstance(message, messages.TrackUnpublished):
            self._drop((messages.TrackMuted, message.track))
            return self._drop((messages.TrackPublished, message.track))
        if isinstance(message, messages.ParticipantLeft):
            self._forget(message.participant)
            return self._drop((messages.ParticipantJoined, message.participant))
        return False

    def _forget(self, participant: str) -> None:
        """All about the tracks of one who left."""
        for number, message in list(self._waiting.items()):
            if isinstance(message, _OF_TRACKS) and message.participant == participant:
                del self._waiting[number]
                self._places.pop(_key(message), None)


def _key(message: messages.FromServer) -> Key:
    make = _KEYS.get(type(message))
    return make(message) if make is not None else ()
