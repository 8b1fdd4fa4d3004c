"""Who is speaking, from the audio level that each packet carries (RFC 6464).

Theory of operation. Each track has a noise floor that follows its quiet moments: down at once, up
slowly, and quickly only under a sound that hardly changes, which speech never does. What stands out
of the floor is its `excess`. Two views of it are kept:

- the newest interval: a sound that stands out may be a first syllable, so it gets a place from
  whose holder nothing was heard for `HOLD` seconds, at once;
- the last `WINDOW` seconds: speech fills most of them, clicks and coughs a few. Speech gets the
  place of one who only clicks, at once, and that of another who speaks when it is clearly louder
  for a while. Only speech can be dominant.

Places keep their order, so that whatever is tied to a place changes only when its holder does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

SILENCE: Final = 127
"""-dBov; what a track that sent nothing counts as."""
MIN_FLOOR: Final = 67.0
"""Loudness (127 - level) below which no floor falls: -60 dBov, so comfort noise is not heard."""
MAX_FLOOR: Final = 97.0
"""-30 dBov: no floor rises above it but under a steady sound."""
FIRST_FLOOR: Final = 77.0
"""-50 dBov, before anything is known of a track."""
RISE: Final = 1.5
"""dB a second that a floor rises under a sound."""
STEADY_RISE: Final = 40.0
"""The same under a steady one."""
STEADY_TIME: Final = 1.5
"""Seconds looked back at to see whether a sound is steady."""
STEADY_SPREAD: Final = 4.0
"""dB between the loudest and the quietest interval of that time, below which it is."""
ONSET: Final = 12.0
"""dB above the floor at which an interval may be speech."""
WINDOW: Final = 0.6
"""Seconds; a few syllables."""
QUANTILE: Final = 0.4
"""Of the loudness in a window: speech stands out in over 60 % of its intervals."""
SPEECH: Final = 8.0
"""dB above the floor at that quantile."""
STRESSED: Final = 0.8
"""The quantile by which voices are compared: syllables, and not the dips between them."""
SMOOTHING: Final = 1.5
"""Seconds over which loudness is compared."""
HOLD: Final = 1.5
"""Seconds after the last word during which a place is still its holder's."""
CLEARLY: Final = 6.0
"""dB by which somebody must be louder to take a place or the floor from somebody who speaks."""
CONTEST: Final = 0.6
"""Seconds for which that must last."""
PAUSE: Final = 0.8
"""Seconds of silence after which another voice is dominant without having to be louder."""
LONGEST_STEP: Final = 0.5
"""Seconds; more than this between two updates counts as this."""


class _Voice:
    """What is known of one track."""

    __slots__ = ("excess", "floor", "heard_at", "loud", "recent", "spoke_at", "winning")

    def __init__(self) -> None:
        self.floor = FIRST_FLOOR
        self.recent: deque[tuple[float, float]] = deque()
        """Time and loudness of each interval of the last `STEADY_TIME`."""
        self.excess = 0.0
        """Of the newest interval, dB."""
        self.loud = 0.0
        """How loud it speaks, smoothed; 0 once it has been silent for long."""
        self.heard_at = -1.0
        """When an interval last stood out."""
        self.spoke_at = -1.0
        """When it last was speech for sure."""
        self.winning = 0.0
        """Seconds for which it has been clearly louder than the weakest of the selected."""

    def hear(self, level: int, elapsed: float, now: float) -> None:
        """One interval of `elapsed` seconds that ends now."""
        loudness = float(SILENCE - max(0, min(SILENCE, level)))
        recent = self.recent
        while recent and now - recent[0][0] >= STEADY_TIME:
            recent.popleft()
        if not loudness:
            pass  # No packets, or a muted microphone: nothing is learned of the noise around it.
        elif loudness < self.floor:
            self.floor = max(MIN_FLOOR, loudness)
        else:
            steady = self._is_steady(loudness, now)
            rise, most = (STEADY_RISE, loudness) if steady else (RISE, max(self.floor, MAX_FLOOR))
            self.floor = max(MIN_FLOOR, min(loudness, most, self.floor + rise * elapsed))
        self.excess = max(0.0, loudness - self.floor)
        recent.append((now, loudness))
        if self.excess >= ONSET:
            self.heard_at = now
        window = [entry[1] for entry in recent if now - entry[0] < WINDOW]
        window.sort()
        body = window[int(len(window) * QUANTILE)] - self.floor
        if body >= SPEECH and now - recent[0][0] >= WINDOW / 3:
            self.spoke_at = now
            loud = window[int(len(window) * STRESSED)]
            share = min(1.0, elapsed / SMOOTHING) if self.loud else 1.0
            self.loud += (loud - self.loud) * share
        elif not self.spoke(now):
            # Sooner it would count pauses between words, which have nothing to do with loudness.
            self.loud = 0.0

    def _is_steady(self, loudness: float, now: float) -> bool:
        recent = self.recent
        if not recent or now - recent[0][0] < STEADY_TIME * 0.75:
            return False
        values = [entry[1] for entry in recent]
        return max(*values, loudness) - min(*values, loudness) < STEADY_SPREAD

    def spoke(self, now: float) -> bool:
        """Whether that was speech, within `HOLD`."""
        return self.spoke_at >= 0 and now - self.spoke_at < HOLD

    def sounded(self, now: float) -> bool:
        """Whether anything stood out within `HOLD`."""
        return self.spoke(now) or (self.heard_at >= 0 and now - self.heard_at < HOLD)


class ActiveSpeakers:
    """The loudest voices of one room. `update` is called with every interval, 20 to 200 ms."""

    def __init__(self, places: int = 3) -> None:
        """`places` is how many are selected at most; 0: all."""
        self.places = places
        self.selected: tuple[str, ...] = ()
        """Tracks, by place."""
        self.dominant: str | None = None
        """Who speaks, or spoke last; None before anybody did."""
        self._voices: dict[str, _Voice] = {}
        self._updated_at = -1.0
        self._challenger: str | None = None
        self._challenging = 0.0

    def add(self, track: str) -> bool:
        """A new track; whether the selection has changed. Adding it again does nothing."""
        if track in self._voices:
            return False
        self._voices[track] = _Voice()
        return self._fill()

    def remove(self, track: str) -> bool:
        """A track is gone; whether the selection or the dominant speaker has changed."""
        if self._voices.pop(track, None) is None:
            return False
        changed = False
        if track == self.dominant:
            self.dominant = None
            changed = True
        if track == self._challenger:
            self._challenger = None
        if track in self.selected:
            self.selected = tuple(other for other in self.selected if other != track)
            changed = True
        return self._fill() or changed

    def leaves_out(self, track: str) -> bool:
        """Whether this voice has no place; one that was not added always has."""
        return track in self._voices and track not in self.selected

    def set_places(self, places: int) -> bool:
        """Another number of places (0: all); whether the selection has changed."""
        self.places = places
        if 0 < places < len(self.selected):
            latest = sorted(self.selected, key=self._last_word, reverse=True)[:places]
            self.selected = tuple(track for track in self.selected if track in latest)
            return True
        return self._fill()

    def update(self, levels: Mapping[str, int], now: float) -> bool:
        """Take the loudest level of each track in the interval that ends `now`.

        Levels are 0 (loudest) to 127 in -dBov; a track not named was silent, and one that was
        not added is ignored. Whether the selection or the dominant speaker has changed.
        """
        elapsed = now - self._updated_at if self._updated_at >= 0 else 0.0
        elapsed = max(0.0, min(LONGEST_STEP, elapsed))
        self._updated_at = now
        for track, voice in self._voices.items():
            voice.hear(levels.get(track, SILENCE), elapsed, now)
        changed = self._let_in(now)
        changed = self._contest(elapsed, now) or changed
        return self._choose_dominant(elapsed, now) or changed

    def _last_word(self, track: str) -> float:
        """When it was last heard; a mere sound counts as if it were `HOLD` older."""
        voice = self._voices[track]
        return max(voice.spoke_at, voice.heard_at - HOLD)

    def _fill(self) -> bool:
        """Give free places away: to who spoke last, or came first."""
        selected = list(self.selected)
        free = len(self._voices) if self.places <= 0 else self.places
        waiting = [track for track in self._voices if track not in selected]
        waiting.sort(key=self._last_word, reverse=True)
        selected += waiting[: max(0, free - len(selected))]
        changed = len(selected) != len(self.selected)
        self.selected = tuple(selected)
        return changed

    def _replace(self, old: str, new: str) -> None:
        self._voices[new].winning = 0.0
        self.selected = tuple(new if track == old else track for track in self.selected)

    def _waiting(self) -> list[str]:
        if len(self.selected) == len(self._voices):
            return []
        return [track for track in self._voices if track not in self.selected]

    def _let_in(self, now: float) -> bool:
        """Whoever stands out now gets a place that is not in use, the loudest first."""
        voices = self._voices
        callers = [t for t in self._waiting() if voices[t].excess >= ONSET]
        callers.sort(key=lambda t: (voices[t].loud, voices[t].excess), reverse=True)
        changed = False
        for caller in callers:
            if voices[caller].spoke_at == now:
                idle = [t for t in self.selected if not voices[t].spoke(now)]
            else:
                idle = [t for t in self.selected if not voices[t].sounded(now)]
            if idle:
                self._replace(min(idle, key=self._last_word), caller)
                changed = True
        return changed

    def _contest(self, elapsed: float, now: float) -> bool:
        """Whoever has been clearly louder for a while takes the place of the weakest."""
        voices = self._voices
        waiting = self._waiting()
        if not waiting:
            return False
        weakest = min(self.selected, key=lambda t: voices[t].loud)
        bar = voices[weakest].loud + CLEARLY
        winner: str | None = None
        for track in waiting:
            voice = voices[track]
            if voice.loud > bar and voice.spoke_at == now:
                voice.winning += elapsed
                if voice.winning >= CONTEST and (
                    winner is None or voice.loud > voices[winner].loud
                ):
                    winner = track
            else:
                voice.winning = 0.0
        if winner is None:
            return False
        self._replace(weakest, winner)
        return True

    def _choose_dominant(self, elapsed: float, now: float) -> bool:
        voices = self._voices
        speaking = [t for t in self.selected if voices[t].spoke_at == now]
        if not speaking:
            self._challenging = 0.0
            return False
        best = max(speaking, key=lambda t: voices[t].loud)
        if best == self.dominant:
            self._challenging = 0.0
            return False
        holder = voices.get(self.dominant) if self.dominant is not None else None
        if (
            holder is not None
            and self.dominant in self.selected
            and now - holder.spoke_at < PAUSE
            and not self._is_challenged(best, holder, elapsed)
        ):
            return False
        self.dominant = best
        self._challenging = 0.0
        return True

    def _is_challenged(self, track: str, holder: _Voice, elapsed: float) -> bool:
        """Whether `track` has been clearly louder than the dominant speaker for long enough."""
        if track != self._challenger:
            self._challenger = track
            self._challenging = 0.0
        if self._voices[track].loud > holder.loud + CLEARLY:
            self._challenging += elapsed
        else:
            self._challenging = 0.0
        return self._challenging >= CONTEST
