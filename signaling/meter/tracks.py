"""One track in one direction over one interval: from totals to a `TrackSample`. No I/O.

Theory of operation. Inbound figures are the server's own: what came, what is missing for good
(RFC 3550), how it jittered. Outbound ones are what was sent, and what the receiver's latest report
block contains of loss and jitter: browsers report video each second and voice each 5 s, so loss is
that between the two latest reports and holds until the next. Packets that a report counts as lost
count in the second in which the report came.

The bitrate of a voice is its recent peak: silence shows nothing of a codec. Where voice goes
out redundantly (RFC 2198, n frames in a packet), a frame is lost with the probability that n
packets in a row are, taken as independent: the score is of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from qos.audio_level import linear
from qos.bursts import burst_ratio
from qos.figures import NO_COUNTS, added_up, since
from sfu.control import TransportStats
from sfu.measured import DownTotals, StreamTotals, UpTotals
from signaling.meter import judge
from signaling.meter.browser_digest import MAX_AGE, Digest
from signaling.meter.rates import Interval, percent
from signaling.meter.samples import BrowserFigures, Figures, TrackSample
from signaling.meter.state import Received, TrackState

REPORT_HOLDS = 15.0
"""Seconds for which a receiver's report is believed; the slowest come each 5 s or so."""
_SCREEN = "screen"


@dataclass(slots=True)
class Reported:
    """What a receiver last reported of one down track."""

    reports: int = 0
    highest: int = 0
    lost: int = 0
    loss: float | None = None
    """Percent between the two latest reports."""
    jitter: float | None = None
    at: float = 0.0
    """When it reported, by the worker's clock."""


@dataclass(slots=True)
class Voice:
    """Bitrate of a voice while somebody speaks."""

    bitrate: float = 0.0

    def hear(self, bitrate: float | None) -> float:
        """Recent peak, bit/s."""
        self.bitrate = max(bitrate or 0.0, self.bitrate * judge.PEAK_DECAY)
        return self.bitrate


@dataclass(frozen=True, slots=True)
class Context:
    """What a track's figures need beside its own totals."""

    interval: Interval
    profile: str
    publisher: str
    """Participant id."""
    rtt: float | None
    """Between the server and the person whose sample it is, seconds."""
    delay: float | None
    """One way, all of it that is known, seconds."""


def inbound(
    context: Context,
    track: TrackState,
    found: tuple[TransportStats, UpTotals] | None,
    voice: Voice,
) -> TrackSample:
    """A published track as it arrives; `found` is what the worker counted of it, if anything."""
    interval = context.interval
    streams = () if found is None else found[1].streams
    transport = "" if found is None else found[0].transport
    pairs = [(stream, interval.stream(transport, stream)) for stream in streams]
    top = next((pair for pair in reversed(pairs) if pair[0].arriving), None)
    if found is None or top is None:
        return _silent(context, track, "inbound", "noPackets")
    figures = _arrived(context, pairs)
    frame_rate = _rate(interval, top[0].frames_received - top[1].frames_received)
    peak = voice.hear(figures.bitrate) if track.kind == "audio" else 0.0
    mos = _inbound_mos(context, track, figures, pairs, top, frame_rate, peak)
    figures = msgspec.structs.replace(figures, mos=mos[0], mos_model=mos[1])
    nominal = judge.nominal(track.kind, top[0].frame_width, top[0].frame_height)
    once = interval.fresh and interval.known
    counts = track.source != _SCREEN and not track.muted
    return TrackSample(
        track=track.id,
        direction="inbound",
        publisher=context.publisher,
        kind=track.kind,
        source=track.source,
        codec=track.codec,
        figures=figures,
        grades=judge.grade(context.profile, track.kind, figures, nominal),
        muted=track.muted,
        limited=_lacks(track, [stream.rid for stream in streams if stream.arriving]),
        rid=top[0].rid,
        width=top[0].frame_width or None,
        height=top[0].frame_height or None,
        frames_per_second=frame_rate if track.kind == "video" else None,
        # A screen on which nothing moves has pauses, and a muted camera sends next to nothing.
        freeze_count=top[0].freeze_count - top[1].freeze_count if once and counts else 0,
        counts=added_up([since(now.counts, was.counts) for now, was in pairs])
        if once
        else NO_COUNTS,
        audio_level=linear(found[1].audio_level) if track.kind == "audio" else None,
    )


def _lacks(track: TrackState, arriving: Sequence[str]) -> bool:
    """Whether the highest layer that is wanted does not arrive, although others do."""
    return bool(track.wanted and not track.muted and track.wanted[-1] not in arriving)


def _arrived(context: Context, pairs: Sequence[tuple[StreamTotals, StreamTotals]]) -> Figures:
    interval = context.interval
    expected = sum(now.packets_expected - was.packets_expected for now, was in pairs)
    lost = sum(now.packets_lost - was.packets_lost for now, was in pairs)
    received = sum(now.packets_received - was.packets_received for now, was in pairs)
    rate = _rate(interval, received)
    once = interval.fresh and interval.known
    return Figures(
        bitrate=_rate(
            interval, 8 * sum(now.bytes_received - was.bytes_received for now, was in pairs)
        ),
        packets_per_second=rate,
        packets=expected if once else 0,
        packets_lost=lost if once else 0,
        loss=percent(lost, expected) if interval.known else None,
        jitter=max(now.jitter for now, _ in pairs if now.arriving),
        round_trip_time=context.rtt,
        delay=context.delay,
        mean_inter_arrival=1.0 / rate if rate else None,
    )


def _inbound_mos(
    context: Context,
    track: TrackState,
    figures: Figures,
    pairs: Sequence[tuple[StreamTotals, StreamTotals]],
    top: tuple[StreamTotals, StreamTotals],
    frame_rate: float | None,
    peak: float,
) -> tuple[float | None, str]:
    if track.muted:
        return None, ""
    if track.kind == "audio":
        missed = sum(now.packets_missed - was.packets_missed for now, was in pairs)
        events = sum(now.loss_events - was.loss_events for now, was in pairs)
        ratio = burst_ratio(missed, events, figures.packets)
        return judge.voice(peak, figures.loss, context.delay, ratio)
    now, was = top
    bitrate = _rate(context.interval, 8 * (now.bytes_received - was.bytes_received))
    return judge.video(bitrate, frame_rate, figures.loss)


def outbound(
    context: Context,
    track: TrackState,
    found: tuple[TransportStats, DownTotals] | None,
    received: Received | None,
    reported: Reported,
    source: TrackSample,
    peak: float,
    browser: BrowserFigures | None,
) -> TrackSample:
    """A track as somebody receives it. `source` is the same track as it arrives, `peak` the
    bitrate of its voice; `received` is its state as the worker reports it, if it does."""
    state = received.state if received is not None else "noPackets"
    if found is None:
        return _silent(context, track, "outbound", state, browser)
    transport, now = found
    interval = context.interval
    was = interval.sent(transport.transport, now)
    lost = report(reported, now, interval.after.at)
    once = interval.fresh and interval.known
    flows = now.flows and state == "flowing"
    figures = _sent(context, now, was, reported, lost if once else 0)
    frame_rate = _frame_rate(now, source, browser) if flows and track.kind == "video" else None
    if flows and not track.muted:
        mos = _outbound_mos(context, track, figures, now, frame_rate, peak)
        figures = msgspec.structs.replace(figures, mos=mos[0], mos_model=mos[1])
    same = flows and now.rid == source.rid
    width, height = (source.width, source.height) if same else (None, None)
    nominal = judge.nominal(track.kind, width or 0, height or 0)
    return TrackSample(
        track=track.id,
        direction="outbound",
        publisher=context.publisher,
        kind=track.kind,
        source=track.source,
        codec=track.codec,
        figures=figures,
        grades=judge.grade(context.profile, track.kind, figures, nominal)
        if flows
        else judge.nothing(context.profile),
        muted=track.muted,
        state=state,
        limited=received is not None and received.limited,
        rid=now.rid if flows else "",
        temporal=now.temporal if now.temporal >= 0 else None,
        width=width if width is not None or browser is None else browser.width,
        height=height if height is not None or browser is None else browser.height,
        frames_per_second=frame_rate,
        counts=since(now.counts, was.counts) if once else NO_COUNTS,
        audio_level=source.audio_level,
        browser=browser,
    )


def _sent(
    context: Context, now: DownTotals, was: DownTotals, reported: Reported, lost: int
) -> Figures:
    interval = context.interval
    packets = now.packets_sent - was.packets_sent
    rate = _rate(interval, packets)
    # Reports go on while a track rests, and repeat the figures of its last packets.
    sent = now.flows or packets > 0
    known = sent and reported.at and interval.after.at - reported.at <= REPORT_HOLDS
    return Figures(
        bitrate=_rate(interval, 8 * (now.bytes_sent - was.bytes_sent)),
        packets_per_second=rate,
        packets=packets if interval.fresh and interval.known else 0,
        packets_lost=lost,
        loss=reported.loss if known else None,
        jitter=reported.jitter if known else None,
        round_trip_time=context.rtt,
        delay=context.delay,
        mean_inter_arrival=1.0 / rate if rate else None,
    )


def report(reported: Reported, now: DownTotals, at: float) -> int:
    """Store a new report of the receiver; returns the packets lost since the report before."""
    if now.reports == reported.reports:
        return 0
    first = reported.reports == 0 or now.reports < reported.reports
    if first:
        expected, lost = now.packets_sent, now.reported_lost
    else:
        expected = (now.reported_highest - reported.highest) & 0xFFFFFFFF
        lost = now.reported_lost - reported.lost
    if 0 < expected < 0x80000000:
        reported.loss = percent(lost, expected)
        # While nothing is sent its jitter is that of the last packets.
        reported.jitter = now.reported_jitter
    reported.reports, reported.at = now.reports, at
    reported.highest, reported.lost = now.reported_highest, now.reported_lost
    return lost


def _outbound_mos(
    context: Context,
    track: TrackState,
    figures: Figures,
    now: DownTotals,
    frame_rate: float | None,
    peak: float,
) -> tuple[float | None, str]:
    if track.kind == "video":
        return judge.video(figures.bitrate, frame_rate, figures.loss)
    loss = figures.loss
    if loss is not None and now.redundancy:
        loss = 100.0 * (loss / 100.0) ** (1 + now.redundancy)
    return judge.voice(peak, loss, context.delay, 1.0)


def _frame_rate(
    now: DownTotals, source: TrackSample, browser: BrowserFigures | None
) -> float | None:
    """What its browser decodes, or else what arrives, where all of that is sent on."""
    if browser is not None and browser.frames_per_second is not None:
        return browser.frames_per_second
    if now.temporal >= 0 or now.rid != source.rid:
        return None
    return source.frames_per_second


def browser_figures(digest: Digest | None, track: str, now: float) -> BrowserFigures | None:
    """A browser's latest report of a track, with its age; None when that is too long ago."""
    if digest is None or not 0 <= now - digest.at <= MAX_AGE:
        return None
    found = digest.tracks.get(track)
    return None if found is None else msgspec.structs.replace(found, age=now - digest.at)


def _silent(
    context: Context,
    track: TrackState,
    direction: str,
    state: str,
    browser: BrowserFigures | None = None,
) -> TrackSample:
    return TrackSample(
        track=track.id,
        direction="inbound" if direction == "inbound" else "outbound",
        publisher=context.publisher,
        kind=track.kind,
        source=track.source,
        codec=track.codec,
        figures=Figures(round_trip_time=context.rtt),
        grades=judge.nothing(context.profile),
        muted=track.muted,
        state=state,
        browser=browser,
    )


def _rate(interval: Interval, count: float) -> float | None:
    return max(0.0, count / interval.seconds) if interval.known else None
