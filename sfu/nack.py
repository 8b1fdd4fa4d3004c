"""Which packets to ask for again, and which requests to answer (RFC 4585 clause 6.2.1).

Theory of operation. `NackGenerator` stands on the receiving side of one stream. A gap in the
numbers becomes missing packets; `due`, called from a tick, says which to ask for now. The first
request waits for two packets after the one that showed the gap (three newer ones in all, the
threshold at which TCP too takes reordering for loss) or for 10 ms: reordering on real paths is
mostly within neighbours, and on a thin stream such as audio three packets would take 60 ms.
Requests repeat at one and a half round trips, since an answer takes one. When so much is missing
that asking is hopeless, all is dropped and a keyframe is wanted instead.

`ResendLimiter` stands on the sending side of one stream to one receiver. It keeps resends from
being an amplifier: a receiver, honest or not, gets one packet once per round trip, and in all at
most `BURST` plus a quarter of what was sent to it.
"""

from __future__ import annotations

REORDER_SECONDS = 0.010
REORDER_PACKETS = 3
"""Newer packets, the one that showed the gap included."""
RETRY_ROUND_TRIPS = 1.5
MIN_RTT = 0.020
"""For the pace of requests."""
MAX_TRIES = 10
MAX_AGE = 1.0
"""Seconds: what is missing for longer is too late to show."""
MAX_MISSING = 300

BURST = 50.0
"""Resends allowed at once: a large keyframe."""
RESENDS_PER_PACKET = 0.25
MIN_RESEND_INTERVAL = 0.010
MAX_REMEMBERED = 512


class _Missing:
    __slots__ = ("due_at", "since", "tries", "trigger")

    def __init__(self, trigger: int, now: float) -> None:
        self.trigger = trigger
        """With this number seen, the gap is no mere reordering."""
        self.since = now
        self.due_at = now + REORDER_SECONDS
        self.tries = 0


class NackGenerator:
    """Missing packets of one stream, by extended sequence number."""

    __slots__ = (
        "_asked_beyond",
        "_highest",
        "_missing",
        "keyframe_needed",
        "max_age",
        "missed",
    )

    def __init__(self) -> None:
        self._asked_beyond = -1
        self._highest = -1
        self._missing: dict[int, _Missing] = {}
        self.keyframe_needed = False
        """Too much was missing to ask for; the caller or the next keyframe sets it back."""
        self.max_age = MAX_AGE
        """Seconds after which an answer would come too late."""
        self.missed = 0
        """Packets found missing so far, asked for or not."""

    def packet(self, ext_seq: int, now: float) -> None:
        """A packet arrived, by its own or as a resend; `now` in seconds on a steady clock."""
        highest = self._highest
        if ext_seq == highest + 1 or highest < 0:
            self._highest = ext_seq
        elif ext_seq > highest:
            self._highest = ext_seq
            self._gap(highest + 1, ext_seq, now)
        elif self._missing:
            self._missing.pop(ext_seq, None)

    def in_line(self, ext_seq: int) -> None:
        """Packets up to this one arrived, without a gap after the highest."""
        self._highest = ext_seq

    def _gap(self, first: int, end: int, now: float) -> None:
        missing = self._missing
        self.missed += end - first
        if len(missing) + end - first > MAX_MISSING:
            missing.clear()
            self.keyframe_needed = True
            return
        trigger = end + REORDER_PACKETS - 1
        for seq in range(first, end):
            missing[seq] = _Missing(trigger, now)

    def keyframe(self, ext_seq: int) -> None:
        """A keyframe begins with this packet: nothing before it is worth asking for."""
        self.keyframe_needed = False
        missing = self._missing
        if missing:
            for seq in [seq for seq in missing if seq < ext_seq]:
                del missing[seq]

    def due(self, now: float, rtt: float) -> list[int]:
        """16-bit numbers to ask for now, oldest first; they count as asked for.

        `rtt` in seconds to the sender, 0 when not known yet.
        """
        missing = self._missing
        if not missing:
            return []
        highest = self._highest
        wait = max(rtt, MIN_RTT) * RETRY_ROUND_TRIPS
        wanted: list[int] = []
        hopeless: list[int] = []
        for seq, state in missing.items():
            if now - state.since >= self.max_age:
                hopeless.append(seq)
            elif now >= state.due_at or (state.tries == 0 and highest >= state.trigger):
                if state.tries == MAX_TRIES:
                    hopeless.append(seq)
                    continue
                state.tries += 1
                state.due_at = now + wait
                wanted.append(seq & 0xFFFF)
        for seq in hopeless:
            del missing[seq]
        return wanted

    def beyond(self) -> list[int]:
        """The 16-bit number after the highest, once: nothing has come since that would show
        whether it was lost or never sent, and the caller thinks that it was sent."""
        if self._highest < 0 or self._asked_beyond == self._highest:
            return []
        self._asked_beyond = self._highest
        return [self._highest + 1 & 0xFFFF]

    def __len__(self) -> int:
        """Packets that are missing and still wanted."""
        return len(self._missing)

    def __bool__(self) -> bool:
        """Whether there is anything to ask for."""
        return self.keyframe_needed or bool(self._missing)


class ResendLimiter:
    """Answers to one receiver's NACKs for one stream."""

    __slots__ = ("_allowance", "_sent_at")

    def __init__(self) -> None:
        self._allowance = BURST
        self._sent_at: dict[int, float] = {}

    def sent(self, packets: int) -> None:
        """So many packets were sent since the last call, resends not counted; call it at ease.

        What is not used is kept up to `BURST`, so that over any stretch of time the resends are
        at most `BURST` and a quarter of the packets sent in it.
        """
        self._allowance = min(BURST, self._allowance + packets * RESENDS_PER_PACKET)

    @property
    def spent(self) -> bool:
        """Nothing more may be resent for now."""
        return self._allowance < 1.0

    def allows(self, seq: int, now: float, rtt: float) -> bool:
        """Whether to resend this packet now.

        `seq` in any one numbering, `rtt` in seconds to the receiver, 0 when not known yet.
        """
        last = self._sent_at.get(seq)
        if last is not None and now - last < max(rtt, MIN_RESEND_INTERVAL):
            return False
        return not self.spent

    def resent(self, seq: int, now: float) -> None:
        """It was."""
        self._allowance -= 1.0
        sent_at = self._sent_at
        if seq in sent_at:
            del sent_at[seq]
        elif len(sent_at) >= MAX_REMEMBERED:
            del sent_at[next(iter(sent_at))]
        sent_at[seq] = now
