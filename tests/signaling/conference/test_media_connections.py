"""Publications and subscriptions: found by their transport, and what outlives their end."""

from __future__ import annotations

from sfu.control import CloseTransport, OpenTransport
from signaling import messages
from signaling.conference.room import Room
from tests.signaling.fakes import offer
from tests.signaling.people import TRACKS, Person, Worker, call


def found(room: Room, worker: Worker) -> set[str]:
    """Transports, of all that were ever opened, that lead to a connection."""
    transports = {command.transport for command in worker.all(OpenTransport)}
    return {transport for transport in transports if room.media.find(transport) is not None}


def open_ones(room: Room) -> set[str]:
    return {
        connection.transport
        for participant in room.participants.values()
        for connection in participant.media_connections()
    }


def test_exactly_the_open_connections_are_found(room: Room, worker: Worker) -> None:
    def check(count: int) -> None:
        assert found(room, worker) == open_ones(room)
        assert len(open_ones(room)) == count

    ada, bo = call(room)
    check(2)
    for person, side in ((ada, "publish"), (bo, "subscribe")):
        transport = person.change(side, "connected")  # type: ignore[arg-type]
        entry = room.media.find(transport)
        assert entry is not None
        assert (entry[0], entry[1].direction) == (person.participant, side)
    ada.publish(restart=True)
    check(2)
    bo.change("subscribe", "failed", "consentExpired")
    check(1)
    room.resubscribe(bo.participant)
    check(2)
    ada.change("publish", "failed", "iceTimeout")
    check(1)
    ada.publish()
    check(2)
    room.remove(ada.participant, "left")
    check(1)
    room.worker_lost()
    check(0)


def test_the_worker_learns_of_each_end_that_is_ours_and_of_no_other(
    room: Room, worker: Worker
) -> None:
    ada, bo = call(room)
    first = ada.change("publish", "connected")
    ada.publish(restart=True)
    failed = bo.change("subscribe", "failed", "consentExpired")
    room.resubscribe(bo.participant)
    closed = [command.transport for command in worker.all(CloseTransport)]
    assert closed == [first]
    assert failed not in closed


def test_a_subscription_that_failed_waits_for_its_client(room: Room) -> None:
    ada, bo = call(room)
    bo.change("subscribe", "failed", "consentExpired")
    ada.publish(restart=True)
    assert bo.participant.subscription is None
    room.resubscribe(bo.participant)
    assert bo.participant.subscription is not None


def test_a_failure_is_known_until_the_next_connection(room: Room) -> None:
    ada, bo = call(room)
    bo.change("subscribe", "failed", "dtlsFailed")
    ada.change("publish", "failed", "iceTimeout")
    room.resubscribe(bo.participant)
    # Nobody publishes, so there is nothing to subscribe to yet.
    assert bo.participant.latest_subscription is not None
    assert bo.participant.latest_subscription.failure == "dtlsFailed"
    assert ada.participant.latest_publication is not None
    assert ada.participant.latest_publication.failure == "iceTimeout"
    ada.publish()
    for latest in (ada.participant.latest_publication, bo.participant.latest_subscription):
        assert (latest.failure, latest.open) == ("", True)


def test_nothing_is_received_over_an_end(room: Room) -> None:
    _, bo = call(room)
    before = bo.participant.subscription
    assert before is not None
    room.resubscribe(bo.participant)
    after = bo.participant.subscription
    assert after is not None
    assert after is not before
    assert (before.receiving, before.open, before.failure) == (None, False, "")


def test_a_track_that_comes_with_another_codec_is_noticed(room: Room) -> None:
    ada, _ = call(room)
    ada.participant.tracks[ada.tracks[1]].codec = "another"
    message = messages.Publish(2, offer("chromium"), TRACKS, restart=False)
    change = room.media.publish(ada.participant, message)
    assert change.recoded
    assert (change.ended, change.begun, change.muted) == ([], [], [])
    again = messages.Publish(3, offer("chromium"), TRACKS, restart=False)
    assert not room.media.publish(ada.participant, again).recoded


def test_a_publisher_without_connection_has_no_tracks(room: Room) -> None:
    ada, _ = call(room)
    assert len(ada.participant.tracks) == 2
    ada.change("publish", "closed")
    assert ada.participant.tracks == {}
    other = Person(room, "Citra")
    assert other.participant.tracks == {}
