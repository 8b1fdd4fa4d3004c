"""ICE restarts: new credentials for connections that stand."""

from __future__ import annotations

import pytest

from sfu.control import (
    CloseTransport,
    ConnectTransport,
    OpenTransport,
    RestartIce,
    SetDownTracks,
    SetUpTracks,
)
from signaling import messages
from signaling.conference.room import Room
from signaling.negotiation import sdp
from signaling.refusals import RefusedError
from tests.signaling.fakes import answer, offer
from tests.signaling.people import Person, Worker, call

RESTARTED = offer("chromium").replace("kncF", "newU")
OTHER_CERTIFICATE = offer("chromium").replace("3C:75", "00:00")


def ufrag(text: str) -> str:
    return sdp.parse(text).media[0].ice_ufrag


def test_publish_with_new_credentials_keeps_connection_and_tracks(
    room: Room, worker: Worker
) -> None:
    ada, bo = call(room)
    first = ada.got(messages.Published)[0]
    offers = len(bo.got(messages.Offer))
    worker.commands.clear()
    again = ada.publish(2, sdp=RESTARTED)
    assert again.tracks == first.tracks
    tracks, restart, connect = worker.commands
    assert isinstance(tracks, SetUpTracks)
    assert isinstance(restart, RestartIce)
    assert isinstance(connect, ConnectTransport)
    assert restart.transport == connect.transport == tracks.transport
    assert connect.remote_ufrag == "newU"
    assert restart.ice_ufrag == ufrag(again.sdp) != ufrag(first.sdp)
    assert f"a=ice-pwd:{restart.ice_pwd}" in again.sdp
    assert len(bo.got(messages.Offer)) == offers
    # Sent again because the answer got lost: the same answer, and no second restart.
    assert ada.publish(2, sdp=RESTARTED) == again
    assert ada.publish(3, sdp=RESTARTED).sdp.count(restart.ice_ufrag) == 2
    assert len(worker.all(RestartIce)) == 1
    # And back to the first ones, which is another restart.
    assert ufrag(ada.publish(4).sdp) not in (restart.ice_ufrag, ufrag(first.sdp))
    assert worker.last(ConnectTransport).remote_ufrag == "kncF"
    assert not any(isinstance(one, OpenTransport | CloseTransport) for one in worker.commands)


@pytest.mark.parametrize(
    "text",
    [
        OTHER_CERTIFICATE,
        OTHER_CERTIFICATE.replace("kncF", "newU"),
        RESTARTED.replace("a=setup:actpass", "a=setup:passive"),
    ],
)
def test_another_certificate_or_role_needs_a_new_connection(
    room: Room, worker: Worker, text: str
) -> None:
    ada, _ = call(room)
    before = list(worker.commands)
    with pytest.raises(RefusedError, match="publish with restart") as refused:
        ada.publish(2, sdp=text)
    assert refused.value.code == "badSdp"
    assert worker.commands == before
    opened = len(worker.all(OpenTransport))
    ada.publish(2, restart=True, sdp=text)
    assert len(worker.all(OpenTransport)) == opened + 1
    assert len(worker.all(RestartIce)) == 0


def test_a_bad_restart_changes_nothing(room: Room, worker: Worker) -> None:
    ada, _ = call(room)
    before = list(worker.commands)
    with pytest.raises(RefusedError, match="offers no Opus"):
        ada.publish(2, sdp=RESTARTED.replace("VP8/90000", "VP7/90000").replace("opus/", "x/"))
    assert worker.commands == before
    assert ufrag(ada.publish(2).sdp) == ufrag(ada.got(messages.Published)[0].sdp)


def test_subscribe_offer_with_new_credentials(room: Room, worker: Worker) -> None:
    _, bo = call(room)
    first = bo.got(messages.Offer)[-1]
    worker.commands.clear()
    room.restart_ice(bo.participant)
    again = bo.got(messages.Offer)[-1]
    (restart,) = worker.all(RestartIce)
    assert (again.id, again.restart, again.tracks) == (first.id + 1, False, first.tracks)
    assert restart.ice_ufrag == ufrag(again.sdp) != ufrag(first.sdp)
    assert worker.commands == [restart]
    bo.take("newpeer")
    assert worker.last(ConnectTransport).remote_ufrag == "newpeer"
    assert worker.last(SetDownTracks).transport == restart.transport
    assert not any(isinstance(one, OpenTransport | CloseTransport) for one in worker.commands)


def test_a_peer_that_keeps_its_credentials_is_taken_as_well(room: Room, worker: Worker) -> None:
    _, bo = call(room)
    connects = len(worker.all(ConnectTransport))
    room.restart_ice(bo.participant)
    bo.take()
    assert len(worker.all(ConnectTransport)) == connects


def test_without_a_restart_new_credentials_are_refused(room: Room) -> None:
    _, bo = call(room)
    Person(room, "Cy").publish()
    with pytest.raises(RefusedError, match="ICE credentials changed"):
        bo.take("newpeer")
    # The offer is still open.
    bo.take()
    room.restart_ice(bo.participant)
    bo.take("newpeer")
    Person(room, "Di").publish()
    with pytest.raises(RefusedError, match="ICE credentials changed"):
        bo.take("third")


def test_another_certificate_in_an_answer_is_refused(room: Room) -> None:
    _, bo = call(room)
    room.restart_ice(bo.participant)
    last = bo.got(messages.Offer)[-1]
    text = answer(last.sdp, "newpeer").replace("CD:CD", "00:00")
    with pytest.raises(RefusedError, match="ask for a new connection"):
        room.answer(bo.participant, messages.Answer(last.id, text))
    bo.take("newpeer")


def test_before_there_is_a_subscription_nothing_happens(room: Room, worker: Worker) -> None:
    bo = Person(room, "Bo")
    room.restart_ice(bo.participant)
    assert bo.inbox == []
    ada = Person(room, "Ada")
    ada.publish()
    assert len(bo.got(messages.Offer)) == 1
    assert worker.all(RestartIce) == []


def test_while_an_offer_is_open_the_next_one_restarts(room: Room, worker: Worker) -> None:
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    ada.publish()
    for _ in range(3):
        room.restart_ice(bo.participant)
    assert len(bo.got(messages.Offer)) == 1
    assert worker.all(RestartIce) == []
    bo.take()
    assert len(bo.got(messages.Offer)) == 2
    bo.take("newpeer")
    assert len(bo.got(messages.Offer)) == 2


def test_a_storm_is_one_restart_at_a_time(room: Room, worker: Worker) -> None:
    _, bo = call(room)
    for _ in range(1000):
        room.restart_ice(bo.participant)
    assert len(worker.all(RestartIce)) == 1
    offers = len(bo.got(messages.Offer))
    bo.take("newpeer")
    assert len(bo.got(messages.Offer)) == offers
    room.restart_ice(bo.participant)
    assert len(worker.all(RestartIce)) == 2


def test_an_open_restart_comes_again_on_return(room: Room, worker: Worker) -> None:
    _, bo = call(room)
    room.restart_ice(bo.participant)
    pending = bo.got(messages.Offer)[-1]
    bo.away()
    assert pending in bo.back()
    bo.take("newpeer")
    assert worker.last(ConnectTransport).remote_ufrag == "newpeer"


def test_changes_meanwhile_go_with_the_restart(room: Room, worker: Worker) -> None:
    _, bo = call(room)
    cy = Person(room, "Cy")
    cy.publish()
    room.restart_ice(bo.participant)
    Person(room, "Di").publish()
    bo.take()
    last = bo.got(messages.Offer)[-1]
    assert len(last.tracks) == 6
    assert ufrag(last.sdp) == worker.last(RestartIce).ice_ufrag
    bo.take("newpeer")
    assert len(worker.last(SetDownTracks).tracks) == 6
    assert len(worker.all(RestartIce)) == 1
