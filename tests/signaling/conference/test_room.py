"""Rooms without I/O: absence and return, and what workers report."""

from __future__ import annotations

import pytest

from sfu.control import (
    CloseTransport,
    DownTrackState,
    DownTrackStates,
    LayersWanted,
    OpenRouter,
    SetDownTracks,
    SetUpTracks,
    TransportChanged,
)
from signaling import messages
from signaling.conference.participant import AWAY, RESUME, SILENT
from signaling.conference.room import Room
from signaling.refusals import RefusedError
from tests.signaling.memory_connection import MemoryConnection
from tests.signaling.people import Person, Worker, call, connected, new_room, stats


def test_without_media_gone_after_five_seconds(room: Room) -> None:
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    room.away(ada.participant, cleanly=False, now=100.0)
    room.remove_gone(100.0 + AWAY - 0.01)
    assert ada.participant in room
    room.remove_gone(100.0 + AWAY)
    assert ada.participant not in room
    (left,) = bo.got(messages.ParticipantLeft)
    assert left.reason == "lost"


def test_media_that_flows_keeps_it_for_thirty(room: Room, worker: Worker) -> None:
    ada = Person(room, "Ada")
    ada.publish()
    transport = connected(ada)
    room.away(ada.participant, cleanly=False, now=100.0)
    for second in range(1, int(RESUME)):
        room.transport_stats(stats(transport, second), 100.0 + second)
        room.remove_gone(100.0 + second)
        assert ada.participant in room
    room.remove_gone(100.0 + RESUME)
    assert ada.participant not in room
    assert CloseTransport(transport) in worker.commands


def test_media_that_falls_silent_does_not(room: Room) -> None:
    ada = Person(room, "Ada")
    ada.publish()
    transport = connected(ada)
    room.away(ada.participant, cleanly=False, now=100.0)
    room.transport_stats(stats(transport, 500), 108.0)
    for second in range(9, 12):
        room.transport_stats(stats(transport, 500), 100.0 + second)
        room.remove_gone(100.0 + second)
    assert ada.participant in room
    room.remove_gone(108.0 + SILENT)
    assert ada.participant not in room


def test_clean_close_and_failed_media_mean_five_seconds(room: Room) -> None:
    for cleanly, state in ((True, "connected"), (False, "closed")):
        ada = Person(room, "Ada")
        ada.publish()
        transport = connected(ada)
        room.transport_stats(stats(transport, 1), 104.0)
        room.away(ada.participant, cleanly, now=100.0)
        room.transport_changed(TransportChanged(transport=transport, state=state))  # type: ignore[arg-type]
        room.remove_gone(100.0 + AWAY)
        assert ada.participant not in room


def test_present_people_stay_however_silent(room: Room) -> None:
    ada = Person(room, "Ada")
    room.remove_gone(1e9)
    assert ada.participant in room


def test_what_was_missed_is_sent_on_return(room: Room) -> None:
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    ada.publish()
    bo.publish()
    bo.take()
    room.away(bo.participant, cleanly=False, now=0.0)
    transport = bo.participant.publication
    assert transport is not None
    room.transport_changed(
        TransportChanged(transport=transport.transport, state="failed", reason="iceTimeout")
    )
    ada.publish(restart=True)
    bo.inbox.clear()
    bo.participant.connection = MemoryConnection(bo.inbox)
    room.resume(bo.participant)
    kinds = [type(message) for message in bo.inbox]
    assert kinds == [messages.Welcome, messages.Transport, messages.Offer]
    assert bo.inbox[1].reason == "iceTimeout"
    assert [track.participant for track in bo.inbox[2].tracks] == [ada.participant.id] * 2
    bo.take()


def test_a_reset_missed_is_sent_on_return(room: Room) -> None:
    ada = Person(room, "Ada")
    ada.publish()
    room.away(ada.participant, cleanly=False, now=0.0)
    room.worker_lost()
    room.placed(Worker())
    ada.inbox.clear()
    ada.participant.connection = MemoryConnection(ada.inbox)
    room.resume(ada.participant)
    assert [type(message) for message in ada.inbox] == [messages.Welcome, messages.Reset]


def test_nothing_can_be_published_without_a_worker(room: Room) -> None:
    ada = Person(room, "Ada")
    room.worker_lost()
    with pytest.raises(RefusedError) as refused:
        ada.publish()
    assert refused.value.code == "serverBusy"


def test_lines_are_used_again(room: Room) -> None:
    viewer = Person(room, "viewer")
    for _ in range(5):
        ada = Person(room, "Ada")
        ada.publish()
        first = viewer.take()
        room.remove(ada.participant, "left")
        viewer.take()
        assert [track.mid for track in first.tracks] == ["0", "1"]
    assert viewer.participant.subscription is not None
    assert len(viewer.participant.subscription.lines) == 2


def test_a_line_is_not_used_again_before_its_end_was_answered(room: Room) -> None:
    viewer, ada = Person(room, "viewer"), Person(room, "Ada")
    ada.publish()
    viewer.take()
    ada.publish(restart=True)
    assert [track.mid for track in viewer.take().tracks] == ["2", "3"]
    ada.publish(restart=True)
    assert [track.mid for track in viewer.take().tracks] == ["0", "1"]


def test_ssrcs_are_unique(room: Room) -> None:
    viewer = Person(room, "viewer")
    for number in range(6):
        Person(room, f"n{number}").publish()
    viewer.take()
    subscription = viewer.participant.subscription
    assert subscription is not None
    ssrcs = [n for line in subscription.lines for n in (line.ssrc, line.rtx_ssrc) if n]
    assert len(ssrcs) == len(set(ssrcs)) == 6 * 3
    cnames = {line.participant: line.cname for line in subscription.lines}
    assert len(set(cnames.values())) == 6


def test_levels_fall_silent_when_nobody_repeats_them(room: Room) -> None:
    ada = Person(room, "Ada")
    room.audio_levels({ada.participant.id: 30}, now=10.0)
    room.audio_levels({ada.participant.id: 30}, now=10.2)
    room.remove_gone(10.5)
    room.remove_gone(11.5)
    room.remove_gone(12.0)
    sent = [message.participants for message in ada.got(messages.Speaking)]
    assert sent == [(messages.SpeakingLevel(ada.participant.id, 30),), ()]


def test_events_about_what_is_gone_are_ignored(room: Room) -> None:
    ada = Person(room, "Ada")
    room.transport_changed(TransportChanged(transport="r.99", state="failed"))
    room.audio_levels({"nobody": 3}, now=1.0)
    assert ada.inbox == []


def wanted(person: Person, track: str, *rids: str) -> None:
    publication = person.participant.publication
    assert publication is not None
    event = LayersWanted(transport=publication.transport, track=track, rids=rids)
    person.room.layers_wanted(event)


def test_layers_are_sent_and_kept(room: Room) -> None:
    ada, bo = call(room)
    video = ada.tracks[1]
    wanted(ada, video, "q", "h")
    wanted(ada, video)
    wanted(ada, "of nobody", "q")
    assert ada.got(messages.Layers) == [
        messages.Layers(video, ("q", "h")),
        messages.Layers(video, ()),
    ]
    assert bo.got(messages.Layers) == []
    ada.away()
    wanted(ada, video, "q")
    assert messages.Layers(video, ("q",)) in ada.back()
    # With the answer to a further offer, and not of tracks that are gone.
    ada.inbox.clear()
    ada.publish(2)
    assert [type(message) for message in ada.inbox] == [messages.Published, messages.Layers]
    ada.inbox.clear()
    ada.publish(restart=True)
    assert ada.got(messages.Layers) == []


def test_layers_of_an_earlier_connection_are_ignored(room: Room) -> None:
    ada, _ = call(room)
    old = connected(ada)
    video = ada.tracks[1]
    ada.publish(restart=True)
    room.layers_wanted(LayersWanted(transport=old, track=video, rids=("q",)))
    assert ada.participant.publication is not None
    assert ada.participant.publication.layers == {}


def received(person: Person, track: str, transport: str) -> None:
    state = DownTrackState(up_track=track, state="flowing", spatial=1, temporal=2, limited=True)
    event = DownTrackStates(transport=transport, tracks=(state,), estimate_bps=700_000)
    person.room.down_track_states(event)


def test_what_is_received_is_reported_and_kept(room: Room) -> None:
    ada, bo = call(room)
    transport = bo.change("subscribe", "connected")
    received(bo, ada.tracks[1], transport)
    entry = messages.ReceivedTrack(ada.tracks[1], "flowing", 1, True)
    sent = messages.Receiving((entry,), 700_000)
    assert bo.got(messages.Receiving) == [sent]
    assert ada.got(messages.Receiving) == []
    bo.away()
    assert sent in bo.back()
    # The next connection begins with nothing.
    bo.change("subscribe", "failed", "consentExpired")
    received(bo, ada.tracks[1], transport)
    assert bo.participant.subscription is None
    bo.away()
    assert not any(isinstance(message, messages.Receiving) for message in bo.back())


def test_a_lost_worker_leaves_nothing_behind(room: Room) -> None:
    ada, bo = call(room)
    wanted(ada, ada.tracks[1], "q")
    received(bo, ada.tracks[1], bo.change("subscribe", "connected"))
    room.worker_lost()
    assert (ada.participant.publication, bo.participant.subscription) == (None, None)


def test_a_first_check_is_no_news_to_the_client(room: Room) -> None:
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    ada.publish()
    bo.take()
    ada.change("publish", "checked")
    bo.change("subscribe", "checked")
    assert ada.got(messages.Transport) == bo.got(messages.Transport) == []
    ada.away()
    # Media does not flow yet.
    assert ada.participant.gone_at() == AWAY


def test_the_router_learns_how_many_voices(worker: Worker) -> None:
    new_room(worker, loudest=3)
    assert worker.last(OpenRouter).loudest == 3
    new_room(worker)
    assert worker.last(OpenRouter).loudest == 0


def test_redundant_audio_can_be_switched_off(worker: Worker) -> None:
    for redundancy, payload_type in ((True, 63), (False, 0)):
        ada, bo = call(new_room(worker, redundancy=redundancy))
        assert worker.all(SetUpTracks)[-1].tracks[0].red_payload_type == payload_type
        assert worker.last(SetDownTracks).tracks[0].red_payload_type == payload_type
        texts = [ada.got(messages.Published)[-1].sdp, bo.got(messages.Offer)[-1].sdp]
        assert [" red/48000/2" in text for text in texts] == [redundancy] * 2
