"""One room's media inside a worker: who publishes what, and who receives it.

Theory of operation. Signaling lists the up tracks of a publish transport and those of them that a
subscribe transport wants; the router ties the two together as soon as both are there, in any
order. It closes its transports' ends (`transport_gone`), the worker closes the router.
"""

from __future__ import annotations

from functools import partial

from sfu.control import DownTrackStates, LayersWanted, SetDownTracks, SetUpTracks, SetView
from sfu.process.rounds import Step
from sfu.process.shedding import STEPS, Shed
from sfu.receive.publisher import Publisher
from sfu.receive.up_track import UpTrack
from sfu.room.endpoint import Endpoint
from sfu.room.speakers import ActiveSpeakers
from sfu.send.down_track import DownTrack
from sfu.send.subscriber import Subscriber

FEW_MORE = 2
"""Voices beyond the loudest that are sent on all the same: they are mostly silent, and whoever is
let in loses a first syllable now and then."""
SPEECH_LEVEL = 50
"""Levels below this (louder, in -dBov) are reported to signaling."""


class Router:
    """The tracks of one room."""

    def __init__(self, router: str, room: str, loudest: int = 0) -> None:
        """`loudest`: how many voices are sent on at the same time; 0: all."""
        self.loudest = loudest
        self.shed = STEPS[0]
        self.speakers = ActiveSpeakers(loudest)
        self.id = router
        self.room = room
        self.endpoints: dict[str, Endpoint] = {}
        """By transport id."""
        self._up_tracks: dict[str, tuple[UpTrack, Publisher]] = {}
        self._round_trips: dict[str, float] = {}
        """Seconds, by participant."""
        self._spoke = False
        self._turn = 0
        self._view_changed = False

    def set_shed(self, shed: Shed) -> None:
        """What this worker can still afford."""
        self.shed = shed
        self._set_places()
        for endpoint in self.endpoints.values():
            if endpoint.subscriber is not None:
                endpoint.subscriber.set_shed(shed)

    def _set_places(self) -> None:
        """How many voices are sent on: all while leaving some out would save next to nothing."""
        voices = sum(track.is_voice for track, _ in self._up_tracks.values())
        places = self.loudest if voices > self.loudest + FEW_MORE else 0
        if self.shed.voices:
            places = min(places or self.shed.voices, self.shed.voices)
        if places != self.speakers.places:
            self.speakers.set_places(places)

    def add(self, endpoint: Endpoint) -> None:
        """A transport of this room was opened."""
        self.endpoints[endpoint.transport.id] = endpoint

    def set_up_tracks(self, publisher: Publisher, command: SetUpTracks, now: float) -> None:
        """The tracks of one publisher, all of them."""
        new, gone = publisher.set_tracks(command)
        for track in gone:
            self._forget_track(track.track, publisher)
        for track in new:
            self._up_tracks[track.track] = (track, publisher)
            if track.is_voice and command.extensions.audio_level:
                # Whose level is not known is always heard.
                self.speakers.add(track.track)
        self._set_places()
        for track in new:
            for down in self._down_tracks():
                if down.up_track is None and down.spec.up_track == track.track:
                    self._tie(track, down, now)

    def set_down_tracks(self, subscriber: Subscriber, command: SetDownTracks, now: float) -> None:
        """The tracks of one subscriber, all of them."""
        new, gone = subscriber.set_tracks(command, now)
        for down in gone:
            self._untie(down)
        for down in new:
            found = self._up_tracks.get(down.spec.up_track)
            if found is not None:
                self._tie(found[0], down, now)

    def set_view(self, subscriber: Subscriber, command: SetView, now: float) -> None:
        """What one subscriber shows: layers may be needed now, or no longer."""
        subscriber.set_view(command, now)
        self._view_changed = True

    def transport_connected(self, endpoint: Endpoint, now: float) -> None:
        """Keys are there: media may flow."""
        if endpoint.publisher is not None:
            endpoint.publisher.connected()
        subscriber = endpoint.subscriber
        if subscriber is None:
            return
        subscriber.connected(now)
        subscriber.set_shed(self.shed)
        if subscriber.pending is not None:
            self.set_down_tracks(subscriber, subscriber.pending, now)

    def transport_gone(self, endpoint: Endpoint) -> None:
        """The transport is over: its tracks end, on either side."""
        self.endpoints.pop(endpoint.transport.id, None)
        self._round_trips.pop(endpoint.transport.participant, None)
        if endpoint.publisher is not None:
            for name in endpoint.publisher.tracks:
                self._forget_track(name, endpoint.publisher)
            endpoint.publisher.close()
        if endpoint.subscriber is not None:
            endpoint.subscriber.close()
            for down in endpoint.subscriber.down_tracks.values():
                self._untie(down)

    def _forget_track(self, name: str, publisher: Publisher) -> None:
        found = self._up_tracks.get(name)
        if found is None or found[1] is not publisher:
            return  # it goes on over another transport
        del self._up_tracks[name]
        self.speakers.remove(name)
        self._set_places()

    def _listen(self, now: float, _: int) -> None:
        """Choose the voices that are sent on."""
        voices = {name: track for name, (track, _) in self._up_tracks.items() if track.is_voice}
        self.speakers.update({name: track.hear() for name, track in voices.items()}, now)
        for name, track in voices.items():
            track.silence(self.speakers.leaves_out(name), now)

    def _down_tracks(self) -> list[DownTrack]:
        return [
            down
            for endpoint in self.endpoints.values()
            if endpoint.subscriber is not None
            for down in endpoint.subscriber.down_tracks.values()
        ]

    @staticmethod
    def _tie(track: UpTrack, down: DownTrack, now: float) -> None:
        # A receiver that was offered another codec is offered this one soon.
        if track.codec is down.codec:
            down.up_track = track
            track.attach(down, now)

    @staticmethod
    def _untie(down: DownTrack) -> None:
        if down.up_track is not None:
            down.up_track.detach(down)
            down.up_track = None

    def _clock_offset(self, up_track: str) -> float | None:
        found = self._up_tracks.get(up_track)
        return None if found is None else found[1].clock.offset

    def changed_demands(self, now: float) -> list[LayersWanted]:
        """Layers that publishers should begin or cease to send."""
        if self._turn and not self._view_changed:
            return []
        self._view_changed = False
        found = []
        for track, publisher in self._up_tracks.values():
            rids = track.changed_demand(now)
            if rids is not None:
                found.append(LayersWanted(publisher.transport.id, track.track, rids))
        return found

    def changed_states(self, now: float) -> list[DownTrackStates]:
        """What each participant is sent, where that has changed."""
        if self._turn:
            return []
        found = [
            endpoint.subscriber.changed_states(now)
            for endpoint in self.endpoints.values()
            if endpoint.subscriber is not None
        ]
        return [states for states in found if states is not None]

    def steps(self) -> list[Step]:
        """The next round, of which there are ten a second: feedback and reports of all endpoints,
        layers and caches of all tracks.

        Feedback to publishers is due each time. The rest takes turns: what comes in now, what goes
        out the next time.
        """
        self._turn ^= 1
        found: list[Step] = [
            partial(self._tick_endpoint, endpoint) for endpoint in self.endpoints.values()
        ]
        if self._turn or self.speakers.places:
            found.append(self._listen)
        return found

    def tick(self, now: float, ntp_now: int) -> None:
        """A whole round at once."""
        for step in self.steps():
            step(now, ntp_now)

    def _tick_endpoint(self, endpoint: Endpoint, now: float, ntp_now: int) -> None:
        publisher, subscriber = endpoint.publisher, endpoint.subscriber
        if self.endpoints.get(endpoint.transport.id) is not endpoint:
            return  # gone since the round began
        if publisher is not None:
            if self._turn:
                for track in publisher.tracks.values():
                    track.tick(now)
            publisher.path_rtt = self._round_trips.get(endpoint.transport.participant, 0.0)
            publisher.tick(now, ntp_now)
        elif subscriber is not None and self._turn:
            subscriber.pace(now)
        elif subscriber is not None:
            subscriber.tick(now, ntp_now, self._clock_offset)
            self._round_trips[endpoint.transport.participant] = subscriber.rtt
        endpoint.transport.tick(now)

    def changed_levels(self) -> dict[str, int] | None:
        """Who spoke since the last call, by participant; None when nothing changed."""
        levels: dict[str, int] = {}
        for track, _ in self._up_tracks.values():
            if track.is_voice:
                level = track.pop_level()
                if level < SPEECH_LEVEL:
                    levels[track.participant] = min(level, levels.get(track.participant, 127))
        if not levels and not self._spoke:
            return None
        self._spoke = bool(levels)
        return levels
