"""Which packets to ask for again, and which requests to answer (RFC 4585 clause 6.2.1).

Theory of operation. `NackGenerator` stands on the receiving side of one stream. A gap in the
numbers becomes missing packets; `due`, called from a tick, lists those to ask for now. The first
request waits for two packets after the one that showed the gap (three newer ones in all, the
threshold at which TCP too takes reordering for loss) or for 10 ms: reordering on real paths is
mostly within neighbours, and on a thin stream such as audio three packets would take 60 ms.
Requests repeat when the answer is overdue: by how long answers have taken (smoothed, and four
times their deviation, as TCP's retransmission timer), within bounds that the round trip sets. On a
long path each is sent twice, an instant apart: it is small, and waiting for the next one is what
costs; senders repeat a packet once a round trip at most, so the second copy brings no second
answer. When so much is missing that asking is hopeless, all is dropped and a keyframe is wanted
instead.

`ResendLimiter` stands on the sending side of one stream to one receiver. It keeps resends from
being an amplifier: a receiver, honest or not, gets one packet once per round trip, and in all at
most `BURST` plus a quarter of what was sent to it.
"""

from __future__ import annotations

REORDER_SECONDS = 0.010
REORDER_PACKETS = 3
"""Newer packets, the one that showed the gap included."""
RETRY_ROUND_TRIPS = 1.5
"""After which a request is repeated at the latest, or while no answer has been timed."""
LEAST_RETRY_ROUND_TRIPS = 1.1
"""Earlier than after one, a sender takes it for the same request."""
MIN_RTT = 0.020
"""For the pace of requests."""
LONG_PATH = 0.040
"""Seconds of round trip from which on a request is sent twice."""
COPY_AFTER = 0.015
"""Seconds: far enough behind the first that a burst of loss may spare it."""
ANSWER_GAIN, DEVIATION_GAIN, DEVIATIONS = 1 / 8, 1 / 4, 4
"""RFC 6298 clause 2."""
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
    __slots__ = ("asked_at", "copy_due", "due_at", "since", "tries", "trigger")

    def __init__(self, trigger: int, now: float) -> None:
        self.asked_at = 0.0
        self.copy_due = False
        self.trigger = trigger
        """With this number seen, the gap is no mere reordering."""
        self.since = now
        self.due_at = now + REORDER_SECONDS
        self.tries = 0


class NackGenerator:
    """Missing packets of one stream, by extended sequence number."""

    __slots__ = (
        "_answer",
        "_asked_beyond",
        "_deviation",
        "_highest",
        "_missing",
        "keyframe_needed",
        "max_age",
        "missed",
    )

    def __init__(self) -> None:
        self._asked_beyond = -1
        self._highest = -1
        self._answer = 0.0
        """Seconds from a request to the resend, smoothed; 0 before the first."""
        self._deviation = 0.0
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
            found = self._missing.pop(ext_seq, None)
            if found is not None and found.tries == 1:
                self._time_answer(now - found.asked_at)

    def _time_answer(self, seconds: float) -> None:
        """Of a packet that was asked for once: which request was answered is known."""
        if not self._answer:
            self._answer, self._deviation = seconds, seconds / 2
            return
        self._deviation += (abs(seconds - self._answer) - self._deviation) * DEVIATION_GAIN
        self._answer += (seconds - self._answer) * ANSWER_GAIN

    def _overdue(self, rtt: float) -> float:
        """Seconds after a request at which no answer is to be expected any more."""
        rtt = max(rtt, MIN_RTT)
        longest = rtt * RETRY_ROUND_TRIPS
        if not self._answer:
            return longest
        expected = self._answer + DEVIATIONS * self._deviation
        return max(rtt * LEAST_RETRY_ROUND_TRIPS, min(longest, expected))

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
        self.forget(ext_seq)

    def forget(self, ext_seq: int) -> None:
        """Nothing before this packet is worth asking for."""
        missing = self._missing
        if missing:
            for seq in [seq for seq in missing if seq < ext_seq]:
                del missing[seq]

    def missing_since(self, ext_seq: int) -> float | None:
        """When this packet was found missing; None when it is not (any more) asked for."""
        state = self._missing.get(ext_seq)
        return None if state is None else state.since

    def due(self, now: float, rtt: float) -> list[int]:
        """16-bit numbers to ask for now, oldest first; they count as asked for.

        `rtt` in seconds to the sender, 0 when not known yet.
        """
        missing = self._missing
        if not missing:
            return []
        highest = self._highest
        wait = self._overdue(rtt)
        wanted: list[int] = []
        hopeless: list[int] = []
        for seq, state in missing.items():
            if now - state.since >= self.max_age:
                hopeless.append(seq)
            elif now >= state.due_at or (state.tries == 0 and highest >= state.trigger):
                if state.copy_due:
                    state.copy_due = False
                    state.due_at = state.asked_at + wait
                elif state.tries == MAX_TRIES:
                    hopeless.append(seq)
                    continue
                else:
                    state.tries += 1
                    state.asked_at = now
                    state.copy_due = rtt >= LONG_PATH
                    state.due_at = now + (COPY_AFTER if state.copy_due else wait)
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
        """So many packets were sent since the last call, resends not counted.

        What is not used is kept up to `BURST`, so that over any stretch of time the resends are
        at most `BURST` and a quarter of the packets sent in it.
        """
        self._allowance = min(BURST, self._allowance + packets * RESENDS_PER_PACKET)

    @property
    def spent(self) -> bool:
        """Whether nothing more may be resent for now."""
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
        """Note that this packet was resent; arguments as in `allows`."""
        self._allowance -= 1.0
        sent_at = self._sent_at
        if seq in sent_at:
            del sent_at[seq]
        elif len(sent_at) >= MAX_REMEMBERED:
            del sent_at[next(iter(sent_at))]
        sent_at[seq] = now
