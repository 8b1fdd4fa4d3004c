"""The estimator on a virtual link: minutes of network in simulated time."""

import random

import pytest

from sfu.congestion.estimator import MAX_BPS, MIN_BPS, BandwidthEstimator
from sfu.wire.transport_cc import TransportCc
from tests.sfu.congestion.link import TICK, Receiver, Sender, VirtualLink, greedy, layered, run

LAYERS = (150_000, 300_000, 500_000, 700_000, 1_000_000, 1_500_000, 2_500_000, 4_500_000)


@pytest.mark.parametrize("fps", [0, 25], ids=["even", "frames"])
@pytest.mark.parametrize("capacity", [200_000, 500_000, 2_000_000, 5_000_000])
def test_steady_state(capacity, fps):
    link = VirtualLink(capacity)
    sender = Sender(link, greedy(fps))
    run([sender], 30)
    assert 0.85 * capacity < sender.trace.target(10, 30) < 1.15 * capacity
    assert sender.trace.standing_queue(5, 30) < 0.1


def test_steady_state_of_a_fast_link():
    sender = Sender(VirtualLink(20e6), greedy(), receiver=Receiver(interval=0.1))
    run([sender], 14)
    assert 0.85 * 20e6 < sender.trace.target(6, 14) < 1.15 * 20e6
    assert sender.trace.standing_queue(2, 14) < 0.1


def test_steady_state_of_a_fast_link_with_frames():
    sender = Sender(VirtualLink(10e6), greedy(25), receiver=Receiver(interval=0.1))
    run([sender], 20)
    assert 0.85 * 10e6 < sender.trace.target(8, 20) < 1.15 * 10e6
    assert sender.trace.standing_queue(4, 20) < 0.1


@pytest.mark.parametrize(
    ("capacity", "burst"), [(300_000, 4_000), (300_000, 16_000), (1_000_000, 16_000)]
)
def test_a_shaper_with_a_burst_fools_no_probe_for_long(capacity, burst):
    link = VirtualLink(capacity, burst_bytes=burst)
    # Steps so far apart that most of the time less is sent than the link carries.
    source = layered([capacity * share for share in (0.4, 0.7, 1.3, 2.0, 4.0)])
    sender = Sender(link, source, wanted_bps=5 * capacity)
    run([sender], 90)
    trace = sender.trace
    assert 0.8 * capacity < trace.target(20, 90) < 1.2 * capacity
    assert trace.queue_share(20, 90, 0.9) < 0.15


def test_where_probes_were_wrong_a_wider_link_is_found_all_the_same():
    link = VirtualLink([(0, 3e5), (40, 4e6)], burst_bytes=8_000)
    sender = Sender(link, layered([120_000, *LAYERS]), wanted_bps=2_500_000)
    run([sender], 60)
    assert sender.trace.target(50, 51) > 0.9 * 2_500_000


@pytest.mark.parametrize("start", [100_000, 300_000, 1_000_000])
@pytest.mark.parametrize("capacity", [300_000, 3_000_000])
def test_any_start_finds_the_rate(capacity, start):
    link = VirtualLink(capacity)
    estimator = BandwidthEstimator(0.0, start)
    sender = Sender(link, layered(LAYERS), wanted_bps=5_000_000, estimator=estimator)
    run([sender], 15)
    trace = sender.trace
    if start < capacity:
        assert trace.target(5, 6) > 0.6 * capacity
    # What was sent too much at the start is gone two seconds later.
    assert trace.queue_share(2, 4, 0.95) < 0.1
    assert 0.75 * capacity < trace.target(10, 15) < 1.15 * capacity


@pytest.mark.parametrize("source", [greedy(), layered(LAYERS)], ids=["greedy", "layered"])
def test_a_cut_and_its_end(source):
    link = VirtualLink([(0, 5e6), (15, 5e5), (30, 5e6)])
    sender = Sender(link, source, wanted_bps=5_000_000)
    run([sender], 42)
    trace = sender.trace
    former = trace.target(5, 15)
    assert trace.target(16.5, 18) < 1.1 * 5e5
    assert 0.8 * 5e5 < trace.target(20, 30) < 1.15 * 5e5
    assert trace.standing_queue(17, 30) < 0.1
    assert trace.target(39, 40) > 0.9 * former
    assert trace.standing_queue(30, 42) < 0.1


@pytest.mark.parametrize("capacity", [300_000, 1_000_000, 4_000_000])
def test_two_share_a_bottleneck(capacity):
    link = VirtualLink(capacity)
    first, second = Sender(link, greedy(25)), Sender(link, greedy(30), starts=8)
    run([first, second], 70)
    one, two = first.trace.sent(20, 70), second.trace.sent(20, 70)
    assert 0.4 < one / (one + two) < 0.6
    assert one + two > 0.8 * capacity
    assert first.trace.standing_queue(20, 70) < 0.1


@pytest.mark.parametrize("loss", [0.02, 0.05, 0.1, 0.2])
def test_random_loss_does_not_starve(loss):
    link = VirtualLink(2e6, loss=loss, jitter=0.005)
    source = layered((150_000, 500_000, 1_000_000, 1_500_000))
    sender = Sender(link, source, wanted_bps=1_800_000)
    run([sender], 40)
    assert sender.trace.sent(10, 40) > 1_000_000
    assert sender.trace.target(10, 40) > 0.75 * 2e6


def test_loss_that_a_lower_rate_cures_is_heeded():
    """A policer: it drops what is too much, and nothing ever waits."""
    link = VirtualLink(1e6, queue_seconds=0.01)
    sender = Sender(link, greedy())
    run([sender], 30)
    assert 0.8 * 1e6 < sender.trace.sent(10, 30) < 1.1 * 1e6
    assert sender.estimator.loss.inherent < 0.05


@pytest.mark.parametrize(("granularity", "jitter"), [(0.001, 0.0), (0.001, 0.004), (0.00025, 0.01)])
def test_coarse_arrival_times_and_jitter_do_not_fool_it(granularity, jitter):
    link = VirtualLink(3e6, jitter=jitter)
    receiver = Receiver(granularity=granularity, interval=0.1)
    sender = Sender(link, layered(LAYERS[:-2]), wanted_bps=2_000_000, receiver=receiver)
    run([sender], 30)
    # The link carries all that is wanted.
    assert sender.trace.lowest_target(6, 30) > 1_540_000
    assert sender.trace.sent(10, 30) > 0.9 * 1_540_000


def test_reordering_does_not_fool_it():
    link = VirtualLink(3e6, reorder=0.05, reorder_seconds=0.03)
    sender = Sender(link, layered(LAYERS[:-2]), wanted_bps=2_000_000)
    run([sender], 20)
    assert sender.trace.lowest_target(6, 20) > 1_540_000
    assert sender.estimator.history.recovered > 0
    assert sender.estimator.loss.inherent == 0


def test_a_longer_path_is_no_queue():
    link = VirtualLink(2e6)
    sender = Sender(link, greedy(25))
    for index in range(int(40 / TICK)):
        link.delay = 0.02 if index * TICK < 15 else 0.17
        sender.step(index * TICK)
    assert sender.trace.target(30, 40) > 0.8 * 2e6


def silenced(link, layers, start, end, seconds):
    """A sender through a link that carries nothing between `start` and `end`."""
    sender = Sender(link, layered(layers), wanted_bps=2_600_000)
    for index in range(int(seconds / TICK)):
        now = index * TICK
        link.loss = 1.0 if start <= now < end else 0.0
        sender.step(now)
    return sender


def test_silence_lowers_the_rate_and_its_end_brings_it_back():
    link = VirtualLink(3e6)
    sender = silenced(link, LAYERS, 15, 23, 40)
    trace = sender.trace
    before = trace.target(10, 15)
    assert trace.target(22, 23) < 0.3 * before
    assert trace.target(23.6, 24) > 0.7 * before, "the path is as it was, which is soon found"
    assert trace.target(33, 34) > 0.9 * 2_600_000
    assert sender.estimator.loss.inherent == 0, "what was sent into the silence is no usual loss"


@pytest.mark.parametrize("rate", [2e5, 5e5])
def test_a_path_that_comes_back_slower_is_not_flooded(rate):
    link = VirtualLink([(0, 3e6), (15, rate)])
    sender = silenced(link, LAYERS, 15, 23, 40)
    trace = sender.trace
    # In the silence it fell to 0.4 Mbit/s only; that may have filled the queue for a moment.
    assert trace.queue_share(24.5, 40, 0.95) < 0.1
    assert trace.target(24, 30) < 1.2 * rate
    assert trace.target(30, 40) > 0.75 * rate


def test_the_end_of_a_silence_is_seen_even_while_unconstrained():
    """A receiver that does not report what it missed: all that it names has come."""
    sender = Sender(VirtualLink(50e6), layered([2_000_000]), wanted_bps=2_000_000)
    run([sender], 8)
    sender.estimator.set_unconstrained(True)
    sender.receiver = Receiver(return_delay=100)
    for index in range(int(8 / TICK), int(13 / TICK)):
        if index == int(12 / TICK):
            sender.receiver = Receiver()
        sender.step(index * TICK)
    assert 12 < sender.estimator.returned_at < 12.3


def test_nothing_is_probed_into_a_silence():
    link = VirtualLink(3e6)
    sender = silenced(link, [150_000], 15, 30, 30)
    assert sender.trace.sent(18, 30) < 250_000


def test_the_rate_does_not_grow_without_evidence():
    sender = Sender(VirtualLink(20e6), layered([100_000]), wanted_bps=0)
    run([sender], 60)
    assert sender.trace.target(59, 60) < 320_000
    assert sender.estimator.prober.results == 0


def noise(seed, number):
    """Feedback that makes no sense, some of it about what was just sent."""
    draw = random.Random(seed)
    while True:
        base = draw.choice([draw.randrange(65536), number() - draw.randrange(300)]) & 0xFFFF
        arrivals = [
            draw.choice([None, 0, 1, draw.randrange(-0x8000, 0x8000)])
            for _ in range(draw.randrange(1, 60))
        ]
        yield TransportCc(1, 2, base, draw.randrange(-0x800000, 0x800000), 0, tuple(arrivals))


def test_forged_feedback_raises_nothing_and_is_got_over():
    sender = Sender(VirtualLink(2e6), greedy(25), wanted_bps=3_000_000)
    lies = noise(1, lambda: sender.number)
    for index in range(int(40 / TICK)):
        now = index * TICK
        sender.step(now)
        if index % 10 == 0 and now < 15:
            sender.estimator.feedback(next(lies), now)
        assert MIN_BPS <= sender.estimator.target_bps <= MAX_BPS
    assert sender.estimator.history.forged > 100
    assert 0.7 * 2e6 < sender.trace.target(30, 40) < 1.15 * 2e6


def test_repeated_and_late_feedback_changes_nothing():
    def play(again):
        sender = Sender(VirtualLink(1e6), greedy())
        reports = sender.receiver.reports

        def and_again(now):
            found = reports(now)
            kept.extend(found)
            return found + kept[-again * 3 :] if again else found

        kept = []
        sender.receiver.reports = and_again
        run([sender], 10)
        return sender

    plain, repeated = play(0), play(1)
    assert repeated.trace.target_bps == plain.trace.target_bps
    assert repeated.estimator.history.repeated > 1000


@pytest.mark.parametrize("first_number", [0, 65_000])
def test_numbers_wrap(first_number):
    sender = Sender(VirtualLink(20e6), greedy(), first_number=first_number)
    run([sender], 6)
    plain = Sender(VirtualLink(20e6), greedy())
    run([plain], 6)
    assert sender.trace.target_bps == plain.trace.target_bps


def test_without_transport_feedback_remb_is_a_bound():
    made = BandwidthEstimator(0.0, 300_000)
    made.remb(200_000, 1.0)
    assert made.target_bps == 200_000
    made.remb(0, 2.0)
    assert made.target_bps == MIN_BPS
    made.remb(1 << 63, 3.0)
    assert made.target_bps == 300_000


def test_a_remb_does_not_hold_for_ever():
    made = BandwidthEstimator(0.0, 300_000)
    made.remb(50_000, 1.0)
    made.receiver_report(0.05, 12.0)
    assert made.target_bps == 300_000


def reported(loss, seconds, bps, remb=0):
    """What comes of a second-by-second report of `loss` while `bps` is sent."""
    made = BandwidthEstimator(0.0, 300_000)
    number = 0
    for second in range(1, seconds + 1):
        number += 100
        made.sent(number & 0xFFFF, bps // 8, second - 0.5)
        if remb:
            made.remb(remb, second)
        made.receiver_report(loss, second)
        made.tick(second)
    return made.target_bps


def test_without_transport_feedback_loss_decides():
    assert reported(0.0, 20, 10_000_000) > 1_000_000
    assert reported(0.05, 20, 10_000_000) == 300_000
    assert reported(0.3, 20, 10_000_000) < 50_000
    # Not beyond what is sent.
    assert reported(0.0, 60, 300_000) <= 460_000
    # A receiver that measures is believed at once.
    assert reported(0.0, 3, 10_000_000, remb=2_000_000) == 2_000_000


@pytest.mark.parametrize("fraction", [-1.0, 2.0, 1e9])
def test_absurd_reports(fraction):
    assert MIN_BPS <= reported(fraction, 5, 1_000_000) <= MAX_BPS


def unconstrained(link, seconds, seed=1):
    """A sender of 2 Mbit/s that is unconstrained since second 8, and when it ceased to be so."""
    source = layered([2_000_000], seed=seed)
    sender = Sender(link, source, wanted_bps=2_000_000, receiver=Receiver(interval=0.1))
    run([sender], 8)
    sender.estimator.set_unconstrained(True)
    analysed = []
    acknowledge = sender.estimator.history.acknowledge
    sender.estimator.history = Spy(sender.estimator.history, analysed, acknowledge)
    read = sender.read
    for index in range(int(8 / TICK), int(seconds / TICK)):
        sender.step(index * TICK)
        if not sender.estimator.unconstrained:
            return index * TICK, sender.read - read, len(analysed)
    return None, sender.read - read, len(analysed)


class Spy:
    """A history whose full analyses are counted."""

    def __init__(self, history, analysed, acknowledge):
        self._history, self._analysed, self._acknowledge = history, analysed, acknowledge

    def __getattr__(self, name):
        return getattr(self._history, name)

    def acknowledge(self, packet, now):
        self._analysed.append(now)
        return self._acknowledge(packet, now)


@pytest.mark.parametrize("jitter", [0, 0.01])
def test_while_unconstrained_quick_checks_will_do(jitter):
    ended, read, analysed = unconstrained(VirtualLink(50e6, jitter=jitter), 28)
    assert ended is None
    assert 60 <= read <= 100, "four quick checks a second at most"
    assert analysed <= 12, "and a full analysis every other second"


@pytest.mark.parametrize("rate", [3e5, 1e6, 1.8e6])
@pytest.mark.parametrize("at", [12.0, 12.35, 12.7])
def test_a_quick_check_shows_that_the_path_became_slow(rate, at):
    ended, _, _ = unconstrained(VirtualLink([(0, 50e6), (at, rate)]), 20)
    assert ended is not None
    # A queue must first have formed, and have stood for a quarter of a second.
    assert at < ended < at + 1.2


def test_a_quick_check_shows_what_is_lost():
    class Lossy(VirtualLink):
        def send(self, size, now):
            self.loss = 0.1 if now > 12 else 0.0
            return super().send(size, now)

    ended, _, _ = unconstrained(Lossy(50e6), 20)
    assert ended is not None
    assert 12 < ended < 12.8
