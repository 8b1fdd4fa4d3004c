"""When a probe is sent, how fast and how large.

Theory of operation. A cluster is a short burst at a multiple of the estimate, made of padding or
resends (libwebrtc's goog_cc/probe_controller.cc).

- At the start at 3 times the estimate, and after a success at twice what was found, and so on.
  The next cluster waits for the result of the last: six times a start rate that was far too high
  already would fill a queue for a quarter of a second.
- Later when the allocator wants more than the estimate: after 2 s (1 s before the first success),
  and after each attempt that found nothing half as late again, up to 3.5 s; not within 2 s of an
  overuse.
- When the path was silent and is there again (`resume`): at once, at nearly the rate of before, as
  libwebrtc does after a large drop. Paths that were cut mostly come back as they were.
- A cluster lasts 20 ms; once an overuse was seen 60 ms at 1.5 times, until three in a row have
  come through: on a link that is full both add 30 ms of queue at most.
- Where a shaper was detected a cluster is large enough to empty its bucket, and comes seldom.

Sans-I/O: `now` is in monotonic seconds.
"""

from __future__ import annotations

from typing import Final

START_FACTOR: Final = 3.0
FACTOR: Final = 2.0
"""Times the estimate, or what was reached."""
CLUSTER_SECONDS, LATER_SECONDS = 0.02, 0.04
"""The second once an overuse was seen: longer than the time between two frames of a video that
may share the link, so that it is not met while that is silent."""
BURST_INTERVAL: Final = 0.005
"""Seconds from one burst of a cluster to the next."""
CAREFUL_FACTOR, CAREFUL_SECONDS = 1.5, 0.06
"""Near the link's end."""
CAREFUL_SUCCESSES: Final = 3
"""In a row, after which it is no longer thought near."""
MAX_QUEUE_SECONDS: Final = 0.09
"""Of the estimate: what a cluster holds at most."""
MIN_BYTES: Final = 1000
"""Five packets of padding: fewer show nothing."""
WANTED: Final = 1.05
"""Times the estimate that must be wanted for a probe to be of use."""
START_INTERVAL, FIRST_INTERVAL, MAX_INTERVAL = 1.0, 2.0, 3.5
"""The first while nothing has come through yet: people wait for the video, and a machine that is
busy with a join makes a cluster look like one that met a bottleneck."""
RESUME_SHARE: Final = 0.85
"""Of the rate of before, for the first cluster after a silence."""
NEAR_INTERVAL: Final = 6.0
"""Where the estimate is nearly what a cluster found: the next ones would find no more."""
BLANK_INTERVAL: Final = 0.3
MAX_BLANKS: Final = 3
"""So soon, and so often, is one that showed nothing made again: the receiver's machine was busy."""
PASSED: Final = 0.7
"""Of the speed it was sent with: a cluster that showed less is no success to build the next on."""
LARGE_DROP: Final = 1 / 3
"""Of the estimate: after an overuse that takes more of it the pace is that after a success."""
PATIENT_FACTOR: Final = 2.0
PATIENT_BYTES, MAX_PATIENT_BYTES = 24_000, 48_000
"""What a patient cluster holds: half of it is more than the link carries meanwhile, which is more
than the usual burst of a shaper (some packets to 16 kB). Doubled when that was wrong, too."""
PATIENT_INTERVAL: Final = 6.0


class Cluster:
    """One probe: how many bytes are to be in the network by when."""

    __slots__ = ("bps", "bytes", "careful", "ended", "patient", "sent_before", "started")

    def __init__(
        self,
        bps: int,
        size: int,
        now: float,
        sent_before: int,
        careful: bool = False,
        patient: bool = False,
    ) -> None:
        self.bps = bps
        self.bytes = size
        """In all; what else is sent meanwhile counts."""
        self.started = now
        self.ended = -1.0
        """When its last burst was sent; negative: not yet."""
        self.sent_before = sent_before
        """Bytes of the transport."""
        self.careful = careful
        """Near what the link carries, so that a success counts in part."""
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


class ProbeSchedule:
    """When the next cluster begins and what it is, from what became of those before."""

    __slots__ = (
        "_before_silence_bps",
        "_blanks",
        "_interval",
        "_is_first",
        "_next_at",
        "_reached_bps",
        "_resumed_bps",
        "_streak",
    )

    def __init__(self, now: float) -> None:
        self._is_first = True
        self._interval = START_INTERVAL
        self._next_at = now
        self._blanks = 0
        """Clusters in a row that showed nothing."""
        self._streak = 0
        """Successes in a row."""
        self._reached_bps = 0.0
        """By the last of them."""
        self._before_silence_bps = 0.0
        """Until a cluster was made of it."""
        self._resumed_bps = 0.0
        """The least rate of the cluster that begins next."""

    def is_due(self, now: float, estimate_bps: int, wanted_bps: int) -> bool:
        """Whether a cluster is to begin now; if so `cluster` or `patient_cluster` makes it.

        `wanted_bps` is what the allocator could use.
        """
        if now < self._next_at:
            return False
        self._resumed_bps = RESUME_SHARE * self._before_silence_bps
        self._before_silence_bps = 0.0
        if wanted_bps <= WANTED * estimate_bps:
            self._streak = 0
            return False
        return True

    def cluster(
        self, now: float, estimate_bps: int, wanted_bps: int, bytes_sent: int, careful: bool
    ) -> Cluster:
        """A short one; `careful`: the link's end was met lately."""
        resumed_bps = self._resumed_bps
        seconds = LATER_SECONDS if careful else CLUSTER_SECONDS
        careful = careful and not resumed_bps and self._streak < CAREFUL_SUCCESSES
        if careful:
            seconds, bps = CAREFUL_SECONDS, CAREFUL_FACTOR * estimate_bps
        elif self._streak:
            bps = FACTOR * max(self._reached_bps, estimate_bps)
        else:
            factor = START_FACTOR if self._is_first else FACTOR
            bps = max(resumed_bps, factor * estimate_bps)
        # Twice what is wanted leaves room for what the other tracks send meanwhile.
        bps = min(bps, max(2.0 * wanted_bps, CAREFUL_FACTOR * estimate_bps))
        room = max(MIN_BYTES, int(MAX_QUEUE_SECONDS * estimate_bps / 8))
        size = min(max(int(bps * seconds / 8), MIN_BYTES), room)
        self._next_at = now + self._interval
        self._is_first = False
        return Cluster(int(bps), size, now, bytes_sent, careful)

    def patient_cluster(
        self, now: float, estimate_bps: int, bytes_sent: int, detections: int
    ) -> Cluster:
        """One that empties a shaper's bucket; `detections` as `ShaperDetector` counts them."""
        size = min(PATIENT_BYTES << detections - 1, MAX_PATIENT_BYTES)
        self._next_at = now + PATIENT_INTERVAL
        self._is_first = False
        return Cluster(int(PATIENT_FACTOR * estimate_bps), size, now, bytes_sent, patient=True)

    def showed_nothing(self, now: float) -> None:
        """The last cluster did."""
        if self._blanks < MAX_BLANKS:
            self._blanks += 1
            self._next_at = min(self._next_at, now + BLANK_INTERVAL)
        else:
            self._interval = max(self._interval, FIRST_INTERVAL)

    def met_bottleneck(self, near: bool) -> None:
        """The last cluster did; `near`: the estimate is nearly what it found."""
        self._streak = self._blanks = 0
        self._interval = min(1.5 * self._interval, NEAR_INTERVAL if near else MAX_INTERVAL)

    def passed(self, cluster: Cluster, reached_bps: float) -> None:
        """The last cluster met no bottleneck, at this rate."""
        self._blanks = 0
        self._interval = FIRST_INTERVAL
        if reached_bps <= PASSED * cluster.bps:
            self._streak = 0
            return
        self._streak += 1
        self._reached_bps = reached_bps
        self._next_at = cluster.ended

    def resume(self, now: float, before_bps: float) -> None:
        """Feedback is there again after a silence; the rate was `before_bps` until then."""
        self._before_silence_bps = before_bps
        self._interval = FIRST_INTERVAL
        self._next_at = now
        self._streak = self._blanks = 0

    def overused(self, now: float, share_lost: float, shaped: bool) -> None:
        """The estimate fell by this share; `shaped`: a shaper is known."""
        self._streak = 0
        self._before_silence_bps = 0.0
        self._next_at = max(self._next_at, now + FIRST_INTERVAL)
        if share_lost > LARGE_DROP and not shaped:
            self._interval = FIRST_INTERVAL
            self._next_at = now + FIRST_INTERVAL
