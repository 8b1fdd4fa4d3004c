"""The last packets of one stream, for resends and for a newcomer's first frame.

Theory of operation. A ring indexed by sequence number. A slot holds a packet of the window
(newest - size, newest] or nothing: what a jump passes over is cleared at once, so memory follows
the window, and `evict` clears from the old end what has aged. Numbers may be given extended or
as their low 16 bits; the cache counts on from the first one it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


class PacketCache(Generic[Entry]):
    """Entries are the caller's own, such as the packet's bytes; the cache never looks inside."""

    __slots__ = ("_entries", "_keyframe", "_newest", "_oldest", "_seqs", "_size", "_times")

    def __init__(self, size: int = 1024) -> None:
        """`size` is in packets, a power of two so that slots stay apart over a wrap."""
        if size < 1 or size & (size - 1) or size > 0x4000:
            raise ValueError(f"a cache of {size} packets")
        self._size = size
        self._entries: list[Entry | None] = [None] * size
        self._seqs = [-1] * size
        self._times = [0.0] * size
        self._newest = -1
        self._oldest = 0
        self._keyframe = -1

    def put(self, seq: int, entry: Entry | None, now: float, keyframe_start: bool = False) -> bool:
        """Keep a packet; whether it was kept.

        A duplicate and a packet older than the window are not. One that is behind by more than
        twice the size means that the stream began anew: the cache then starts over with it.
        `keyframe_start` marks the first packet of a keyframe.
        """
        size = self._size
        newest = self._newest
        if newest < 0:
            self._newest = self._oldest = seq
        else:
            ahead = ((seq - newest + 0x8000) & 0xFFFF) - 0x8000
            if ahead == 1:
                self._newest = seq = newest + 1
            elif ahead > 1:
                self._newest = seq = newest + ahead
                self._clear(max(newest + 1, seq - size + 1), seq)
            elif ahead < -2 * size:
                self.clear()
                self._newest = self._oldest = seq
            else:
                seq = newest + ahead
                if seq < 0 or ahead <= -size or self._seqs[seq % size] == seq:
                    return False
                if seq < self._oldest:
                    self._oldest = seq
        slot = seq % size
        self._entries[slot] = entry
        self._seqs[slot] = seq
        self._times[slot] = now
        if keyframe_start and seq > self._keyframe:
            self._keyframe = seq
        return True

    def extend(self, first: int, entries: Sequence[Entry], now: float) -> None:
        """Keep packets that follow the newest without a gap; `first` is the first one's number.

        With anything else than the newest number + 1 they are put one by one.
        """
        if first != self._newest + 1 or self._newest < 0 or len(entries) > self._size:
            for number, entry in enumerate(entries, first):
                self.put(number, entry, now)
            return
        size, held, seqs, times = self._size, self._entries, self._seqs, self._times
        count = len(entries)
        slot = first % size
        end = slot + count
        if count == 1:
            held[slot], seqs[slot], times[slot] = entries[0], first, now
        elif end <= size:
            held[slot:end] = entries
            seqs[slot:end] = range(first, first + count)
            times[slot:end] = [now] * count
        else:
            for seq, entry in enumerate(entries, first):
                slot = seq % size
                held[slot], seqs[slot], times[slot] = entry, seq, now
        self._newest = first + count - 1

    def skip(self, seq: int, now: float) -> bool:
        """Note that this number came and carries nothing, such as a packet of mere padding.

        It is no hole in a replay, and `get` does not find it. Gives what `put` would.
        """
        return self.put(seq, None, now)

    def mark_keyframe(self, seq: int) -> None:
        """The packet of this (extended) number, the newest, is the first of a keyframe."""
        self._keyframe = seq

    @property
    def size(self) -> int:
        """Packets that it can hold."""
        return self._size

    @property
    def keyframe(self) -> int:
        """Extended number of the newest keyframe's first packet; -1 before the first."""
        return self._keyframe

    def holds(self, seq: int) -> bool:
        """Whether the packet of this extended number came, skipped or not, and is still here."""
        return self._seqs[seq % self._size] == seq

    def get(self, seq: int) -> Entry | None:
        """The packet of this number, extended or its low 16 bits."""
        slot = seq % self._size
        held = self._seqs[slot]
        if held < 0 or (held ^ seq) & 0xFFFF:
            return None
        return self._entries[slot]

    def evict(self, now: float, max_age: float = 1.0) -> None:
        """Forget what was put more than `max_age` seconds ago; call it from a tick."""
        limit = now - max_age
        newest, size = self._newest, self._size
        held, seqs, times = self._entries, self._seqs, self._times
        seq = max(self._oldest, newest - size + 1)
        while seq <= newest:
            slot = seq % size
            if seqs[slot] >= 0:
                if times[slot] >= limit:
                    break
                seqs[slot] = -1
                held[slot] = None
            seq += 1
        self._oldest = seq

    def replay(self, max_packets: int = 40) -> list[tuple[int, Entry]]:
        """The latest keyframe and all after it, in order, each with its number.

        Empty when there is none, when that is more than `max_packets`, or when one is missing:
        a newcomer then needs a new keyframe.
        """
        first, newest, size = self._keyframe, self._newest, self._size
        if first < 0 or newest - first >= min(max_packets, size):
            return []
        found: list[tuple[int, Entry]] = []
        for seq in range(first, newest + 1):
            slot = seq % size
            if self._seqs[slot] != seq:
                return []
            entry = self._entries[slot]
            if entry is not None:
                found.append((seq, entry))
        return found

    def since(self, oldest: float) -> list[tuple[int, Entry]]:
        """The newest packets without a gap that were put at `oldest` or later, in order."""
        found: list[tuple[int, Entry]] = []
        seq, size = self._newest, self._size
        while seq >= 0 and len(found) < size:
            slot = seq % size
            entry = self._entries[slot]
            if self._seqs[slot] != seq or self._times[slot] < oldest or entry is None:
                break
            found.append((seq, entry))
            seq -= 1
        found.reverse()
        return found

    def clear(self) -> None:
        """Forget everything."""
        self._clear(0, self._size)
        self._newest = -1
        self._oldest = 0
        self._keyframe = -1

    def __len__(self) -> int:
        """Packets held, skipped ones included."""
        return sum(seq >= 0 for seq in self._seqs)

    def _clear(self, first: int, end: int) -> None:
        size = self._size
        for seq in range(first, end):
            slot = seq % size
            self._seqs[slot] = -1
            self._entries[slot] = None
