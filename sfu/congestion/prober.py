"""Sends more than is needed for a moment, to learn whether the link carries it.

Theory of operation. `ProbeSchedule` says when a cluster begins and how large it is, `measure` what
it showed, `ShaperDetector` whether that is to be believed; here they are tied to what is sent and
to the feedback that comes. A cluster that arrived as fast as it was sent shows that the link
carries that rate. One that arrived more slowly shows the bottleneck, but as it has crowded out
whoever shares the link that figure holds their part: it is taken with a margin, and near the link's
end not at all.

Sans-I/O: `now` is in monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

from sfu.congestion.history import Outcome
from sfu.congestion.probe_result import ProbeResult, measure
from sfu.congestion.probe_schedule import CLUSTER_SECONDS, Cluster, ProbeSchedule
from sfu.congestion.shaper import ShaperDetector

RESULT_SECONDS: Final = 1.0
"""A cluster that no feedback came for by then, and a round trip, has shown nothing."""
CAREFUL_SHARE: Final = 1 / 3
"""Of the difference to what a careful cluster has shown: it may have been lucky."""
SATURATED_FACTOR: Final = 0.85
"""Of a bottleneck's rate that is taken for the estimate."""
NEAR: Final = 1.15
"""Times the estimate: a bottleneck below that is near."""
CEILING_SECONDS: Final = 10.0
"""How long the estimate does not grow beyond a bottleneck that was met."""
SHAPED_SECONDS, SHAPED_MARGIN = 30.0, 1.05
"""The same, and how far above what then arrived, where a shaper was detected."""


class Prober:
    """Decides on clusters and reads their results; one a transport."""

    __slots__ = (
        "_ceiling_at",
        "_ceiling_bps",
        "_outcomes",
        "_schedule",
        "_shaper",
        "cluster",
        "results",
    )

    def __init__(self, now: float) -> None:
        self.cluster: Cluster | None = None
        """Being sent, or waiting for its result."""
        self.results = 0
        """Clusters that showed something."""
        self._schedule = ProbeSchedule(now)
        self._shaper = ShaperDetector()
        self._ceiling_at = -inf
        self._ceiling_bps = inf
        self._outcomes: list[Outcome] = []

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
        schedule, shaper = self._schedule, self._shaper
        if self.cluster is not None or not schedule.is_due(now, estimate_bps, wanted_bps):
            return None
        shaper.cluster_begins(estimate_bps, used_bps, now)
        if shaper.detected:
            cluster = schedule.patient_cluster(now, estimate_bps, bytes_sent, shaper.detections)
        else:
            cluster = schedule.cluster(now, estimate_bps, wanted_bps, bytes_sent, careful)
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
        seconds = SHAPED_SECONDS if self._shaper.detected else CEILING_SECONDS
        return self._ceiling_bps if now < self._ceiling_at + seconds else inf

    def _finish(
        self, cluster: Cluster, estimate_bps: float, result: ProbeResult | None, now: float
    ) -> float:
        self.cluster = None
        self._outcomes = []
        if result is None:
            self._schedule.showed_nothing(now)
            return 0.0
        self.results += 1
        bps = result.bps
        if result.saturated:
            self._schedule.met_bottleneck(near=bps < NEAR * estimate_bps)
            self._ceiling_at, self._ceiling_bps = now, bps
            bps *= SATURATED_FACTOR
            if bps <= estimate_bps or cluster.careful:
                return 0.0
        else:
            self._schedule.passed(cluster, bps)
            if bps > self._ceiling_bps:
                self._ceiling_bps = inf
            if cluster.careful:
                # One that was lucky between the frames of others must not do much harm.
                bps = estimate_bps + CAREFUL_SHARE * max(0.0, bps - estimate_bps)
        self._shaper.cluster_passed(bps, now)
        return bps

    def resume(self, now: float, before_bps: float) -> None:
        """Feedback is there again after a silence; the rate was `before_bps` until then."""
        self._schedule.resume(now, before_bps)

    def overused(self, now: float, share_lost: float, arrives_bps: float) -> None:
        """The estimate fell by this share, when no more than `arrives_bps` got through."""
        if self._shaper.overused(arrives_bps, now):
            self._ceiling_at, self._ceiling_bps = now, SHAPED_MARGIN * arrives_bps
        self._schedule.overused(now, share_lost, self._shaper.detected)
