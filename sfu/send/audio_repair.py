"""Lost voice: what to ask for again, and how much redundancy to send.

Theory of operation. Remedies that cost bytes, and one that costs delay.

Redundancy (RFC 2198) gives a lone lost packet back with the next one, 20 ms later, whatever the
round trip; of a burst it gives back as many as it has blocks. Browsers that can send it do from
the start, with one block; to a receiver it is sent while there is loss (`Redundancy`).

A receiver that takes neither redundancy nor asks again (Firefox) is sent each packet twice while
there is loss: the protected bytes of one right behind those of the next, 20 ms later. It drops the
second of them as a replay (RFC 3711 clause 3.3.2), so they count as one packet everywhere.

Asking again (RFC 4585) is for the rest, and for publishers without redundancy; browsers answer
for Opus, on the same SSRC, although they do not negotiate it. An answer is heard if it comes
within the jitter buffer. That of libwebrtc grows for late packets, but only as far as each percent
of loss it thereby avoids costs at most 20 ms; and past `MAX_BUDGET` it was seen to grow without
avoiding any. Hence `budget`: on a long path, asking would make a call slower and no clearer.
"""

from __future__ import annotations

from typing import Final

MIN_BUDGET: Final = 0.080
"""Seconds: what a jitter buffer begins with, and soon comes back to when packets come late."""
BUDGET_PER_LOSS: Final = 2.0
"""Seconds at a loss of everything: 20 ms a percent."""
MAX_BUDGET: Final = 0.120

ONE_BLOCK: Final = 0.01
"""Share of packets lost from which one block is sent."""
TWO_BLOCKS: Final = 0.03
MAX_BLOCKS: Final = 2
MAX_COPIES: Final = 1
COPY_AFTER: Final = 0.03
"""Seconds after which the copy of a packet leaves without a next one: the voice pauses."""
QUIET_SECONDS: Final = 10.0
"""So long the loss must have been lower before a block is left out again."""


def budget(loss: float) -> float:
    """How late a voice packet may come and still be played, in seconds; `loss` is a share."""
    return min(MAX_BUDGET, max(MIN_BUDGET, loss * BUDGET_PER_LOSS))


def worth_asking(rtt: float, age: float, loss: float) -> bool:
    """Whether the answer to a request made now would be heard.

    `rtt`: seconds to the publisher, 0 when not known yet; `age`: seconds since the packet was due
    (with the gap it is one frame old); `loss`: share of the stream's packets found missing of
    late, asked for or not, but without those that redundancy gave back.
    """
    return age + rtt <= budget(loss)


class Redundancy:
    """How many blocks (or copies) one receiver is sent: more at once, fewer after a quiet time."""

    __slots__ = ("_most", "_quiet_since", "blocks")

    def __init__(self, most: int = MAX_BLOCKS) -> None:
        self._most = most
        self.blocks = 0
        self._quiet_since = 0.0

    def report(self, loss: float, now: float) -> bool:
        """The receiver reported what share it lost; whether `blocks` changed. `now` in seconds."""
        wanted = min(self._most, 2 if loss >= TWO_BLOCKS else 1 if loss >= ONE_BLOCK else 0)
        if wanted >= self.blocks:
            changed = wanted > self.blocks
            self.blocks = wanted
            self._quiet_since = now
            return changed
        if now - self._quiet_since < QUIET_SECONDS:
            return False
        self.blocks -= 1
        self._quiet_since = now
        return True

    def stop(self) -> bool:
        """Nothing more, at once: the path repairs by itself; whether `blocks` changed."""
        changed = self.blocks > 0
        self.blocks = 0
        return changed
