"""When to send more than is needed for a moment, to learn what the link carries.

Theory of operation. A cluster is a short burst at a multiple of the estimate, made of padding or
resends. The rates at which it was sent and arrived tell the link's: libwebrtc's
modules/congestion_controller/goog_cc/probe_controller.cc and probe_bitrate_estimator.cc.

- At the start at 3 times the estimate, and after a success at twice what was found, and so on.
  The next cluster waits for the result of the last: six times a start rate that was far too high
  already would fill a queue for a quarter of a second.
- Later when the allocator wants more than the estimate: after 2 s (1 s before the first success),
  and after each attempt that found nothing half as late again, up to 3.5 s; not within 2 s of an
  overuse.
- When the way was silent and is there again (`resume`): at once, at nearly the rate of before, as
  libwebrtc does after a large drop. Ways that were cut mostly come back as they were.
- A cluster lasts 20 ms; once an overuse was seen 60 ms at 1.5 times, until three in a row have
  come through: on a link that is full both add 30 ms of queue at most.

A cluster that arrives as fast as it was sent shows that the link carries that rate. One that
arrives more slowly shows the bottleneck, but as it has crowded out whoever shares the link that
figure holds their part: it is taken with a margin, and near the link's end not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

from sfu.congestion.history import Outcome

START_FACTOR: Final = 3.0
FACTOR: Final = 2.0
CLUSTER_SECONDS, LATER_SECONDS = 0.02, 0.04
"""The second once an overuse was seen: longer than the time between two frames of a video that
may share the link, so that it is not met while that is silent."""
BURST_INTERVAL: Final = 0.005
CAREFUL_FACTOR, CAREFUL_SECONDS = 1.5, 0.06
"""Near the link's end."""
CAREFUL_SUCCESSES: Final = 3
"""In a row, after which it is no longer thought near."""
CAREFUL_SHARE: Final = 1 / 3
"""Of the way to what a careful cluster has shown: it may have been lucky."""
MAX_QUEUE_SECONDS: Final = 0.09
"""Of the estimate: what a cluster holds at most."""
MIN_BYTES: Final = 1000
"""Five packets of padding: fewer tell nothing."""
START_INTERVAL, FIRST_INTERVAL, MAX_INTERVAL = 1.0, 2.0, 3.5
"""The first while nothing has come through yet: people wait for their pictures, and a machine that
is busy with a join makes a cluster look like one that met a bottleneck."""
RESUME_SHARE: Final = 0.85
"""Of the rate of before, for the first cluster after a silence."""
NEAR, NEAR_INTERVAL = 1.15, 6.0
"""Where the estimate is nearly what a cluster found: the next ones would find no more."""
RESULT_SECONDS: Final = 1.0
"""A cluster that no feedback came for by then, and a round trip, is given up."""

BLANK_INTERVAL: Final = 0.3
MAX_BLANKS: Final = 3
"""So soon, and so often, is one that told nothing (the receiver's machine was busy) made again."""

REACHED: Final = 0.9
"""A cluster that arrived at this share of the speed it was sent with did not meet a bottleneck."""
SATURATED_FACTOR: Final = 0.85
CEILING_SECONDS: Final = 10.0
"""How long the estimate does not grow beyond a bottleneck that was met."""
PROVEN_SECONDS, CEILING_MARGIN = 30.0, 1.05
"""The same, and how far above what then arrived, where clusters were wrong."""
MIN_RECEIVED: Final = 0.5
LOSS_MARGIN: Final = 0.05
UNQUEUED: Final = 0.005
"""Seconds above the lowest delay that are no queue."""
MAX_RATIO: Final = 2.0
"""Arrived so much faster than sent: held up on the way and let go together, it tells nothing."""


BELIEVED_SECONDS: Final = 6.0
"""So soon after a cluster an overuse at less than `BELIEVED` of what it showed proves it wrong."""
BELIEVED: Final = 0.75
UNUSED: Final = 0.85
"""Only where less than this share of the estimate was used can a bucket have filled; else it is
others on the link who took what a cluster had shown."""
PATIENT_FACTOR: Final = 2.0
PATIENT_BYTES, MAX_PATIENT_BYTES = 24_000, 48_000
"""What a patient cluster holds: half of it is more than the link carries meanwhile, which is more
than the usual burst of a shaper (some packets to 16 kB). Doubled when that was wrong, too."""
PATIENT_INTERVAL: Final = 6.0
PATIENT_QUEUE: Final = 0.04
"""Seconds of queue at which a patient cluster is broken off: it has found what it looked for."""


class Cluster:
    """One probe: how many bytes are to be on their way by when."""

    __slots__ = ("bps", "bytes", "careful", "ended", "ident", "patient", "sent_before", "started")

    def __init__(
        self,
        ident: int,
        bps: int,
        size: int,
        now: float,
        sent_before: int,
        careful: bool = False,
        patient: bool = False,
    ) -> None:
        self.ident = ident
        self.bps = bps
        self.bytes = size
        """In all; what else is sent meanwhile counts."""
        self.started = now
        self.ended = -1.0
        """When its last burst was sent; negative: not yet."""
        self.sent_before = sent_before
        """Bytes of the transport."""
        self.careful = careful
        """Near what the link carries, so that a success counts half."""
        self.patient = patient
        """Large enough to empty a shaper's bucket; to be broken off when a queue grows."""

    @property
    def seconds(self) -> float:
        """How long it is to be."""
        return self.bytes * 8 / self.bps

    def break_off(self, now: float) -> None:
        """No more of it."""
        if self.ended < 0:
            self.ended = now

    def due(self, now: float, bytes_sent: int) -> int:
        """Bytes to send at once, 0: nothing yet or any more. `bytes_sent` of the transport."""
        sent = bytes_sent - self.sent_before
        # A burst is for the time up to the next.
        wanted = min(self.bytes, int((now - self.started + BURST_INTERVAL) * self.bps / 8))
        if wanted >= self.bytes:
            self.ended = now
        return max(0, wanted - sent)


class ProbeResult:
    """What a cluster showed."""

    __slots__ = ("bps", "saturated")

    def __init__(self, bps: float, saturated: bool) -> None:
        self.bps = bps
        """That the link carries."""
        self.saturated = saturated
        """It arrived more slowly than it was sent: no use in trying more."""


def measure(
    outcomes: Sequence[Outcome], loss: float = 0.0, lowest_delay: float | None = None
) -> ProbeResult | None:
    """Of the flushes of one cluster; None when they tell nothing.

    `loss`, 0 to 1, is usual on the link: as much and a little more is not the cluster's doing.
    `lowest_delay` is the least of late from departure to arrival (on the two clocks): a last burst
    that took no longer met no queue, so all before it had been carried, however its arrivals were
    bunched by a receiver that reads many packets at once.
    """
    packets = sum([outcome.packets for outcome in outcomes])
    arrived = [outcome for outcome in outcomes if outcome.received]
    received = sum([outcome.received for outcome in arrived])
    if len(arrived) < 2 or received < MIN_RECEIVED * packets:
        return None
    sent_for = outcomes[-1].sent_at - outcomes[0].sent_at
    first, last = arrived[0].first_arrival, max([o.last_arrival for o in arrived])
    sizes = [o.size * o.received / o.packets for o in arrived]
    if sent_for <= 0:
        return None
    # The last burst ends the time of sending, the first packet begins that of arriving.
    send_bps = sum([o.size for o in outcomes[:-1]]) * 8 / sent_for
    lost = packets - received > (loss + LOSS_MARGIN) * packets
    final = arrived[-1]
    if lowest_delay is not None and final is outcomes[-1] and not lost:
        delay = final.last_arrival - final.sent_at
        if delay <= lowest_delay + UNQUEUED:
            return ProbeResult(send_bps, False)
    if last <= first:
        return None
    receive_bps = (sum(sizes) - sizes[0] / arrived[0].received) * 8 / (last - first)
    if packets - received <= (loss + LOSS_MARGIN) * packets:
        receive_bps *= packets / received
    if receive_bps > MAX_RATIO * send_bps:
        return None
    saturated = receive_bps < REACHED * send_bps
    return ProbeResult(min(send_bps, receive_bps), saturated)


class Prober:
    """Decides on clusters and reads their results; one a transport."""

    __slots__ = (
        "_blanks",
        "_ceiling_at",
        "_ceiling_bps",
        "_fooled",
        "_ident",
        "_interval",
        "_next_at",
        "_outcomes",
        "_proven_at",
        "_reached",
        "_resumes_bps",
        "_shown_at",
        "_shown_bps",
        "_streak",
        "_unused",
        "cluster",
        "results",
    )

    def __init__(self, now: float) -> None:
        self.cluster: Cluster | None = None
        """Under way, or waiting for its result."""
        self.results = 0
        """Clusters that showed something."""
        self._blanks = 0
        # Clusters in a row that told nothing.
        self._ceiling_at = -inf
        self._ceiling_bps = inf
        self._ident = 0
        self._interval = START_INTERVAL
        self._next_at = now
        self._streak = 0
        # Successes in a row.
        self._reached = 0.0
        # By the last of them, bit/s.
        self._resumes_bps = 0.0
        # The rate before a silence, until a cluster was made of it.
        self._outcomes: list[Outcome] = []
        self._unused = False
        # Much of the estimate was, when the last cluster began.
        self._shown_at = -inf
        self._shown_bps = 0.0
        # What the last success made of the estimate.
        self._fooled = 0
        # How often in a row that was wrong.
        self._proven_at = -inf
        # When it was seen last.

    def due(
        self,
        now: float,
        estimate_bps: int,
        wanted_bps: int,
        bytes_sent: int,
        careful: bool = False,
        used_bps: float = 0.0,
    ) -> Cluster | None:
        """A new cluster to begin now, or None.

        `wanted_bps`: what the allocator could use; `bytes_sent`: of the transport, so far;
        `careful`: the link's end was met lately; `used_bps`: what arrives of what is sent, 0 where
        that is not known.
        """
        if self.cluster is not None or now < self._next_at:
            return None
        resumed_bps, self._resumes_bps = RESUME_SHARE * self._resumes_bps, 0.0
        if wanted_bps <= 1.05 * estimate_bps:
            self._streak = 0
            return None
        self._unused = 0 < used_bps < UNUSED * estimate_bps
        if self._fooled and self._proven_at < self._shown_at <= now - BELIEVED_SECONDS:
            self._fooled = 0
        if self._fooled:
            return self._patient(now, estimate_bps, bytes_sent)
        seconds = LATER_SECONDS if careful else CLUSTER_SECONDS
        careful = careful and not resumed_bps and self._streak < CAREFUL_SUCCESSES
        if careful:
            seconds, bps = CAREFUL_SECONDS, CAREFUL_FACTOR * estimate_bps
        elif self._streak:
            bps = FACTOR * max(self._reached, estimate_bps)
        else:
            factor = FACTOR if self._ident else START_FACTOR
            bps = max(resumed_bps, factor * estimate_bps)
        # Twice what is wanted leaves room for what the other tracks send meanwhile.
        bps = min(bps, max(2.0 * wanted_bps, CAREFUL_FACTOR * estimate_bps))
        room = max(MIN_BYTES, int(MAX_QUEUE_SECONDS * estimate_bps / 8))
        size = min(max(int(bps * seconds / 8), MIN_BYTES), room)
        self._next_at = now + self._interval
        return self._begin(Cluster(self._ident + 1, int(bps), size, now, bytes_sent, careful))

    def _patient(self, now: float, estimate_bps: int, bytes_sent: int) -> Cluster:
        size = min(PATIENT_BYTES << self._fooled - 1, MAX_PATIENT_BYTES)
        bps = int(PATIENT_FACTOR * estimate_bps)
        self._next_at = now + PATIENT_INTERVAL
        return self._begin(Cluster(self._ident + 1, bps, size, now, bytes_sent, patient=True))

    def _begin(self, cluster: Cluster) -> Cluster:
        self._ident = cluster.ident
        self._outcomes = []
        self.cluster = cluster
        return cluster

    def add(
        self,
        outcomes: Sequence[Outcome],
        estimate_bps: float,
        rtt: float,
        now: float,
        loss: float = 0.0,
        lowest_delay: float | None = None,
    ) -> float:
        """After each feedback, outcomes in order of sending; `loss` and `lowest_delay` are usual
        on the link, as in `measure`.

        Returns the rate that a cluster has shown the link to carry, once; 0: none, or none above
        the estimate.
        """
        cluster = self.cluster
        if cluster is None:
            return 0.0
        ended = cluster.ended
        seconds = max(5 * CLUSTER_SECONDS, cluster.seconds)
        over = now > cluster.started + seconds + RESULT_SECONDS + 2 * rtt
        # Our clock may have gone on a little between `due` and the flush.
        end = ended + 0.001 if ended >= 0 else now
        for outcome in outcomes:
            if outcome.sent_at > end:
                over = True
            elif outcome.sent_at >= cluster.started:
                self._outcomes.append(outcome)
        if ended >= 0 and self._outcomes and self._outcomes[-1].sent_at >= ended:
            over = True
        if not over:
            return 0.0
        result = measure(self._outcomes, loss, lowest_delay)
        return self._finish(cluster, estimate_bps, result, now)

    def ceiling_bps(self, now: float) -> float:
        """Where a cluster has lately met a bottleneck; infinite: none has."""
        seconds = PROVEN_SECONDS if self._fooled else CEILING_SECONDS
        return self._ceiling_bps if now < self._ceiling_at + seconds else inf

    def _finish(
        self, cluster: Cluster, estimate_bps: float, result: ProbeResult | None, now: float
    ) -> float:
        self.cluster = None
        self._outcomes = []
        if result is None:
            if self._blanks < MAX_BLANKS:
                self._blanks += 1
                self._next_at = min(self._next_at, now + BLANK_INTERVAL)
            else:
                self._interval = max(self._interval, FIRST_INTERVAL)
            return 0.0
        self.results += 1
        self._blanks = 0
        if result.saturated:
            self._streak = 0
            self._ceiling_at, self._ceiling_bps = now, result.bps
            near = result.bps < NEAR * estimate_bps
            self._interval = min(1.5 * self._interval, NEAR_INTERVAL if near else MAX_INTERVAL)
            bps = SATURATED_FACTOR * result.bps
            if bps <= estimate_bps or cluster.careful:
                return 0.0
            return self._show(bps, now)
        self._interval = FIRST_INTERVAL
        if result.bps > self._ceiling_bps:
            self._ceiling_bps = inf
        if result.bps <= 0.7 * cluster.bps:
            self._streak = 0
        else:
            self._streak += 1
            self._reached = result.bps
            self._next_at = cluster.ended
        bps = result.bps
        if cluster.careful:
            # One that was lucky between the frames of others must not do much harm.
            bps = estimate_bps + CAREFUL_SHARE * max(0.0, bps - estimate_bps)
        return self._show(bps, now)

    def _show(self, bps: float, now: float) -> float:
        if self._unused:
            self._shown_at, self._shown_bps = now, bps
        return bps

    def resume(self, now: float, before_bps: float) -> None:
        """Feedback is there again after a silence; the rate was `before_bps` until then."""
        self._resumes_bps = before_bps
        self._interval = FIRST_INTERVAL
        self._next_at = now
        self._streak = self._blanks = 0

    def overused(self, now: float, share_lost: float, arrives_bps: float) -> None:
        """The estimate fell by this share, when no more than `arrives_bps` got through."""
        recent = now - self._shown_at < BELIEVED_SECONDS
        if recent and 0 < arrives_bps < BELIEVED * self._shown_bps:
            self._fooled += 1
            self._shown_bps = 0.0
        if self._fooled and arrives_bps:
            self._proven_at = now
            self._ceiling_at, self._ceiling_bps = now, CEILING_MARGIN * arrives_bps
        self._streak = 0
        self._resumes_bps = 0.0
        self._next_at = max(self._next_at, now + FIRST_INTERVAL)
        if share_lost > 1 / 3 and not self._fooled:
            self._interval = FIRST_INTERVAL
            self._next_at = now + FIRST_INTERVAL
