"""What the path to one subscriber carries: send-side bandwidth estimation.

Who calls what and when (one `BandwidthEstimator` a subscribe transport; `now` in seconds on one
steady clock, the same value for everything done in one round of the worker's loop):

- `sent(next_number, size, now)` once a flush: `next_number` is the next transport-wide number
  (16 bits) after the flush, `size` the bytes of all datagrams flushed to this transport. Every
  packet that got a transport-wide number counts: media, resends, padding. The estimator begins
  with `first_number`; where the numbers jump (a new egress) a new estimator begins.
- `feedback(packet, now)` for each `TransportCc` that the subscriber sends.
- `on_rtt(rtt)` whenever a round trip was measured (seconds).
- `remb(bps, now)` and `receiver_report(fraction_lost, now)` (0 to 1: the worst of the blocks, or
  their mean weighted by packets) as they come: without transport-cc they are all there is, with
  it a REMB is a bound and reports are ignored.
- `use_stream(stream)` when media goes over a TCP connection from now on, `use_stream(None)` when it
  goes by datagrams. Of a connection its own queue is the signal, and delays and losses are none.
- `tick(now)` five times a second or more often, in the worker's rounds.
- `target_bps` afterwards is the allocator's budget for everything: media, headers, resends. It
  changes in `feedback`, `remb`, `receiver_report` and `tick` only.
- `padding_due(now, wanted_bps)` each round, and every 5 ms while `is_probing`: how many bytes to
  send at once beyond the media (resends of cached packets on the RTX stream, or padding), in this
  very round, so that `sent` gets the same `now`; mostly 0. `wanted_bps` is what the allocator would
  use if it had it: the best layers of all that is viewed. Above 1.05 x `target_bps` the prober
  tries for more.
- `Pacer.set_rate(target_bps, estimator.limited(now))` when the target has changed.

Theory of operation. `SentHistory` turns feedback into outcomes, one a flush. `DelayDetector`,
`RateController` (delay-based rate), `LossController` (a bound for what delay does not show) and
`Prober` each take them, and know nothing of one another; here they are tied together.
"""

from __future__ import annotations

from math import inf
from typing import Final

from sfu.congestion.acked import AckedRate
from sfu.congestion.aimd import RateController
from sfu.congestion.delay import DelayDetector, Usage
from sfu.congestion.fallback import ReportedRate
from sfu.congestion.history import Outcome, SentHistory
from sfu.congestion.loss import LossController
from sfu.congestion.probe_schedule import CLUSTER_SECONDS
from sfu.congestion.prober import Prober
from sfu.congestion.stream_queue import Stream, StreamDetector
from sfu.wire.transport_cc import TransportCc

CHECK_SECONDS: Final = 0.25
"""Between two quick checks while unconstrained."""
ANALYSIS_SECONDS: Final = 2.0
"""Between two full analyses while quick checks show nothing; no longer than `SILENCE_SECONDS`, so
that the end of a silence gets one."""
ANALYSIS_STEP: Final = 4
"""One in so many flushes counts for delay in a full analysis while unconstrained."""
UNCONSTRAINED_LOSS: Final = 0.02
"""Share of packets lost that ends it."""
START_BPS: Final = 300_000
MIN_BPS: Final = 30_000
"""A voice and its headers."""
MAX_BPS: Final = 50_000_000
ACKED_WINDOW, RECENT_WINDOW = 0.5, 0.2
PATIENT_QUEUE: Final = 0.04
"""Seconds of queue at which a patient cluster is broken off: it has found what it looked for."""
QUEUED_SECONDS: Final = 0.025
"""A queue that stands this long is one."""
DRAIN_ABOVE, LARGEST_DRAIN, DRAIN_GAIN = 0.03, 0.2, 2.0
"""A queue that stands longer than 30 ms is emptied: for each 10 ms more 2 % are left free, up to
40 %, until it is gone."""
SILENCE_SECONDS: Final = 2.0
"""Without feedback on what was sent the path may be cut: go down step by step."""
SILENCE_STEP, SILENCE_FLOOR_BPS = 0.7, 100_000
LIMITED_SECONDS: Final = 10.0
BEYOND: Final = 1.1
"""Times the capacity last met: above it the link is not what it was."""
NEAR_SECONDS: Final = 4.0
FEEDBACK_SECONDS: Final = 5.0
"""After this long without transport-cc the reports count again."""


class BandwidthEstimator:
    """Of one subscribe transport."""

    def __init__(
        self,
        now: float,
        start_bps: int = START_BPS,
        *,
        min_bps: int = MIN_BPS,
        max_bps: int = MAX_BPS,
        first_number: int = 0,
    ) -> None:
        """`first_number`: transport-wide number of the first packet to be sent."""
        self.history = SentHistory(first_number)
        self.sent = self.history.sent
        self.acked = AckedRate()
        self.delay: DelayDetector | StreamDetector = DelayDetector()
        self.rate = RateController(start_bps, min_bps, max_bps)
        self.loss = LossController()
        self.prober = Prober(now)
        self.reported = ReportedRate(start_bps, min_bps, max_bps)
        self.rtt = 0.1
        """Seconds; a guess until the first measurement."""
        self.target_bps = start_bps
        """What may be sent, bit/s."""
        self.overused_at = -inf
        """When it last backed off."""
        self.known = False
        """Feedback has come: the target is more than a guess."""
        self.unconstrained = False
        """The path carries all that is wanted, so that quick checks of the feedback will do."""
        self.returned_at = -inf
        """When feedback came again after a silence."""
        self._min_bps = min_bps
        self._silent_bps = 0.0
        """The rate before a silence that is not over; 0: there is none."""
        self._next_check = self._next_analysis = now
        self._feedback_at = -1e9
        self._heard_at = now
        """Last feedback, or last step down for want of it."""
        self._sent_by_then = 0
        self._recovered = 0
        self._quiet_until = -1.0

    @property
    def over_tcp(self) -> bool:
        """Whether the path repairs and queues by itself."""
        return isinstance(self.delay, StreamDetector)

    def use_stream(self, stream: Stream | None) -> None:
        """What is sent goes over this TCP connection; None: it goes by datagrams."""
        self.delay = DelayDetector() if stream is None else StreamDetector(stream)
        self.loss = LossController()
        self.unconstrained = False

    def set_unconstrained(self, unconstrained: bool) -> None:
        """Whether the path carries all that is wanted, as far as the downlink knows: believed until
        the first sign of trouble."""
        self.unconstrained = unconstrained

    @property
    def is_probing(self) -> bool:
        """Is a cluster being sent?"""
        cluster = self.prober.cluster
        return cluster is not None and cluster.ended < 0

    def limited(self, now: float) -> bool:
        """Has it backed off lately, so that the target is what the link carries and no less?"""
        return now - self.overused_at < LIMITED_SECONDS

    def on_rtt(self, rtt: float) -> None:
        """Smoothed round trip, seconds."""
        if 0 < rtt < 10:
            self.rtt = rtt

    def feedback(self, packet: TransportCc, now: float) -> None:
        """Transport-wide feedback from the subscriber, whatever it reports."""
        unconstrained = self.unconstrained and self.prober.cluster is None
        self._next_check = now + CHECK_SECONDS
        if unconstrained and now < self._next_analysis and self._quick_check(packet, now):
            return
        outcomes = self.history.acknowledge(packet, now)
        if self._silent_bps:
            outcomes = self._return(outcomes, now)
        if not outcomes:
            return
        self._heard(now)
        if unconstrained:
            self._full_analysis(outcomes, now)
            return
        self.acked.add(outcomes)
        # What the link loses in any case is no sign of what it carries.
        arrives = 1 - self.loss.inherent
        acked_bps = int(self.acked.bps(ACKED_WINDOW) / arrives)
        shown_bps = self.prober.add(
            outcomes, self.rate.bps, self.rtt, now, self.loss.loss, self.delay.queue.lowest
        )
        self.rate.raise_to(shown_bps)
        if not self.loss.trying:
            self.loss.raise_to(shown_bps)
        usage = self.delay.add(outcomes, now, self._quiet_until, self.rate.bps)
        if not self.over_tcp:
            recent_bps = 0
            if usage is Usage.OVERUSE:
                recent_bps = int(self.acked.bps(RECENT_WINDOW) / arrives)
            self._follow(usage, acked_bps, recent_bps, now)
            self._judge_loss(outcomes, acked_bps, now)
        cluster = self.prober.cluster
        if cluster is not None and cluster.patient and self.delay.queue.recent > PATIENT_QUEUE:
            cluster.break_off(now)
        self._set_target(now)

    def _follow(self, usage: Usage, acked_bps: int, recent_bps: int, now: float) -> None:
        """The rate, by how the path is used and what it carries (`RateController.update`)."""
        before, ceiling_bps = self.rate.bps, self.prober.ceiling_bps(now)
        queue = self.delay.queue.recent
        if self.rate.update(usage, acked_bps, recent_bps, ceiling_bps, self.rtt, now, queue):
            self._backed_off(before, now, recent_bps or acked_bps)

    def _follow_stream(self, stream: StreamDetector, now: float) -> None:
        """Over TCP: the rate by what waits, and by what the kernel took."""
        usage = stream.update(now)
        if not self.known or stream.stands_still or (self.unconstrained and usage is Usage.NORMAL):
            return
        self.unconstrained = False
        self._follow(usage, stream.taken_bps, stream.taken_bps, now)
        self._set_target(now)

    def _return(self, outcomes: list[Outcome], now: float) -> list[Outcome]:
        """The end of a silence. What was sent into it is no share that the path loses."""
        first = next((n for n, outcome in enumerate(outcomes) if outcome.received), len(outcomes))
        if first < len(outcomes):
            self.prober.resume(now, self._silent_bps)
            self.returned_at = now
            self._silent_bps = 0.0
        return outcomes[first:]

    def _heard(self, now: float) -> None:
        self.known = True
        self._feedback_at = self._heard_at = now
        self._sent_by_then = self.history.bytes_sent

    def wants_feedback(self, now: float) -> bool:
        """Whether the next feedback should be read at all."""
        return not self.unconstrained or self.prober.cluster is not None or now >= self._next_check

    def _quick_check(self, packet: TransportCc, now: float) -> bool:
        """While unconstrained: whether all of it came, and its ends without having waited."""
        ends = self.history.ends(packet)
        if ends is None:
            return False
        queue = self.delay.queue
        arrival, first, last = ends
        queue.add(first, arrival)
        if queue.delay + max(last - first, 0.0) > QUEUED_SECONDS:
            self._next_check = now  # which will show whether it stays
            return False
        self._heard(now)
        return True

    def _full_analysis(self, outcomes: list[Outcome], now: float) -> None:
        """While unconstrained: nothing is concluded but whether it still is."""
        self._next_analysis = now + ANALYSIS_SECONDS
        usage = self.delay.add(outcomes[::ANALYSIS_STEP], now, self._quiet_until, self.rate.bps)
        packets = sum([outcome[2] for outcome in outcomes])
        lost = packets - sum([outcome[3] for outcome in outcomes])
        queued = self.delay.queue.floor > QUEUED_SECONDS
        if usage is Usage.OVERUSE or queued or lost > UNCONSTRAINED_LOSS * packets:
            self.unconstrained = False
            # What was not read is missing in it.
            self.acked = AckedRate()

    def _judge_loss(self, outcomes: list[Outcome], acked_bps: int, now: float) -> None:
        packets = sum([outcome[2] for outcome in outcomes])
        lost = packets - sum([outcome[3] for outcome in outcomes])
        lost -= self.history.recovered - self._recovered
        self._recovered = self.history.recovered
        queued = self.delay.queue.floor > QUEUED_SECONDS
        before = self.target_bps
        if self.loss.add(packets, lost, queued, acked_bps, self.rtt, now):
            self._backed_off(before, now, acked_bps)

    def _backed_off(self, before: float, now: float, arrives_bps: float) -> None:
        self.overused_at = now
        after = min(self.rate.bps, self.loss.bound_bps)
        # A machine that stands for a moment shows that nothing arrives, but no queue that stays.
        stands = self.delay.queue.floor > QUEUED_SECONDS
        self.prober.overused(now, 1 - after / before, arrives_bps if stands else 0.0)

    def _set_target(self, now: float) -> None:
        if now - self._feedback_at < FEEDBACK_SECONDS:
            floor = min(max(self.delay.queue.floor - DRAIN_ABOVE, 0.0), LARGEST_DRAIN)
            rate_bps = self.rate.bps * (1 - DRAIN_GAIN * floor)
            bps = min(rate_bps, self.loss.bound_bps, self.reported.remb_bps(now))
        else:
            bps = self.reported.bps(now) if self.reported.heard else self.rate.bps
        self.target_bps = int(max(bps, self._min_bps))

    def remb(self, bps: int, now: float) -> None:
        """Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03), any integer."""
        self.reported.remb(bps, now)
        self._set_target(now)

    def receiver_report(self, fraction_lost: float, now: float) -> None:
        """Loss since the last report, 0 to 1 (RFC 3550 clause 6.4.1)."""
        self.reported.report(fraction_lost, self.history.bytes_sent, now)
        if now - self._feedback_at >= FEEDBACK_SECONDS:
            self._heard_at = now
            self._sent_by_then = self.history.bytes_sent
        self._set_target(now)

    def tick(self, now: float) -> None:
        """What follows from nothing having been heard, and from what waits for TCP."""
        if isinstance(self.delay, StreamDetector):
            self._follow_stream(self.delay, now)
        silent = now - self._heard_at > SILENCE_SECONDS + self.rtt
        if not silent or self.history.bytes_sent == self._sent_by_then:
            return
        self._heard_at = now - SILENCE_SECONDS - self.rtt + 1.0
        if self.known and self.rate.bps > SILENCE_FLOOR_BPS:
            self._silent_bps = self._silent_bps or self.rate.bps
            self.rate.lower_to(max(SILENCE_STEP * self.rate.bps, SILENCE_FLOOR_BPS))
            self._set_target(now)

    def padding_due(self, now: float, wanted_bps: int) -> int:
        """Bytes of padding or resends to send in this round, at `now`; mostly 0."""
        cluster = self.prober.cluster
        sent = self.history.bytes_sent
        if cluster is None and self._may_probe(now):
            careful = self.overused_at >= 0
            used_bps = self.acked.bps(ACKED_WINDOW)
            cluster = self.prober.due(now, self.target_bps, wanted_bps, sent, careful, used_bps)
        if cluster is None or cluster.ended >= 0:
            return 0
        size = cluster.due(now, sent)
        # What follows waits for what the cluster left in a queue.
        drained = cluster.bytes * 8 / max(self.target_bps, 1)
        if cluster.patient:
            # It is only as much as it is faster than the link.
            drained -= cluster.seconds
        self._quiet_until = now + max(drained, CLUSTER_SECONDS)
        return size

    def _may_probe(self, now: float) -> bool:
        """Neither disturbed, nor at the link's end.

        There a probe would only take from whoever shares the link. It is left when the rate has
        grown beyond it unhindered, or after a while.
        """
        if self._silent_bps or self.delay.usage is Usage.OVERUSE:
            return False
        if self.delay.queue.floor > QUEUED_SECONDS:
            return False
        near = self.rate.bps < BEYOND * self.rate.capacity.bps
        return not self.loss.trying and not (near and now - self.overused_at < NEAR_SECONDS)
