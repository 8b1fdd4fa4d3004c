"""A publisher's lossy uplink in simulated time, and its answers to requests."""

from __future__ import annotations

import random

from sfu.receive.rtp_stream import RtpStream
from tests.sfu.room_sources import UPLINK, Arrival

HISTORY = 2.0
"""Seconds for which a publisher can repeat a packet."""


class Uplink:
    """Independent loss in both directions, a constant delay; packets stay in order."""

    def __init__(self, loss: float, rtt: float, seed: int = 1) -> None:
        """`rtt` in seconds."""
        self.loss, self.rtt = loss, rtt
        self.lost = 0
        self.requests = 0
        """Sequence numbers that the server asked for."""
        self._random = random.Random(seed)
        self._sent: dict[tuple[int, int], tuple[float, Arrival]] = {}
        self._resent: dict[tuple[int, int], float] = {}

    def _loses(self) -> bool:
        found = self._random.random() < self.loss
        self.lost += found
        return found

    def send(self, arrival: Arrival) -> Arrival | None:
        """A packet, which comes later than it would on a short path, or never."""
        sent_at = arrival.at - UPLINK
        arrival = arrival._replace(at=sent_at + self.rtt / 2)
        self._sent[arrival.stream.ssrc, arrival.seq] = (sent_at, arrival)
        return None if self._loses() else arrival

    def ask(self, stream: RtpStream, seqs: list[int], now: float) -> list[Arrival]:
        """The resends that a NACK brings about; a packet at most once a round trip."""
        self.requests += len(seqs)
        heard_at = now + self.rtt / 2
        if not seqs or self._loses():
            return []
        found = []
        for seq in seqs:
            key = (stream.ssrc, seq)
            sent_at, arrival = self._sent.get(key, (-HISTORY, None))
            again = heard_at - self._resent.get(key, -HISTORY) >= self.rtt
            if arrival is None or heard_at - sent_at > HISTORY or not again:
                continue
            self._resent[key] = heard_at
            if not self._loses():
                found.append(arrival._replace(at=heard_at + self.rtt / 2))
        return found
