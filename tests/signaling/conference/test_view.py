"""What participants look at and listen to, as the worker is sent it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.control import DownTrackSpec, SetDownTracks, SetView, TrackView
from signaling import messages
from signaling.conference.room import Room
from signaling.conference.view import MAX_BITRATE, MAX_SIDE, VIEW_INTERVAL, heard_and_seen, set_view
from tests.signaling.fakes import answer
from tests.signaling.people import Person, Worker, call, new_room


def spec(track: str, kind: str) -> DownTrackSpec:
    return DownTrackSpec(
        up_track=track,
        mid="0",
        kind=kind,  # type: ignore[arg-type]
        codec="opus" if kind == "audio" else "VP8",
        ssrc=1,
        payload_type=96,
        cname="c",
    )


TRACKS = (spec("a1", "audio"), spec("v1", "video"), spec("v2", "video"))
SEEN = messages.Viewed("v1", 640, 360, "main")


@pytest.mark.parametrize(
    ("view", "views"),
    [
        (messages.View(), ()),
        (
            messages.View((SEEN,)),
            (TrackView(up_track="v1", width=640, height=360, importance="main"),),
        ),
        (
            messages.View((SEEN,), quality="low"),
            (
                TrackView(up_track="v1", width=640, height=360, importance="main", quality="low"),
                TrackView(up_track="v2", width=MAX_SIDE, height=MAX_SIDE, quality="low"),
            ),
        ),
        (
            messages.View((SEEN,), video=False),
            (
                TrackView(up_track="v1", width=0, height=0),
                TrackView(up_track="v2", width=0, height=0),
            ),
        ),
        # Neither audio nor what nobody publishes; the last word about a track counts.
        (
            messages.View(
                (
                    messages.Viewed("v2", 1, 1),
                    messages.Viewed("a1", 9, 9),
                    messages.Viewed("nobody", 9, 9),
                    messages.Viewed("v2", 0, 5, "screen"),
                )
            ),
            (TrackView(up_track="v2", width=0, height=5, importance="screen"),),
        ),
        (
            messages.View((messages.Viewed("v1", 2**53, MAX_SIDE + 1),)),
            (TrackView(up_track="v1", width=MAX_SIDE, height=MAX_SIDE),),
        ),
    ],
)
def test_set_view(view: messages.View, views: tuple[TrackView, ...]) -> None:
    assert set_view("r.1", view, TRACKS) == SetView(transport="r.1", views=views)


@pytest.mark.parametrize(
    ("asked", "sent"), [(None, 0), (0, 1), (300_000, 300_000), (2**53, MAX_BITRATE)]
)
def test_bit_rate(asked: int | None, sent: int) -> None:
    assert set_view("r.1", messages.View(max_bitrate=asked), ()).max_bitrate_bps == sent


def test_who_listens_elsewhere_gets_no_audio() -> None:
    assert heard_and_seen(None, TRACKS) == heard_and_seen(messages.View(), TRACKS) == TRACKS
    assert heard_and_seen(messages.View(audio=False), TRACKS) == TRACKS[1:]


def test_a_view_is_sent_at_once_and_again_when_tracks_change(room: Room, worker: Worker) -> None:
    ada, bo = call(room)
    assert worker.all(SetView) == []
    assert bo.view(10.0, messages.Viewed(ada.tracks[1], 320, 180)) == 0.0
    (first,) = worker.all(SetView)
    assert [(one.width, one.height) for one in first.views] == [(320, 180)]
    cy = Person(room, "Cy")
    cy.publish()
    bo.take()
    assert worker.last(SetView) == first
    assert worker.commands.index(worker.last(SetDownTracks)) < len(worker.commands) - 1
    assert isinstance(worker.commands[-1], SetView)


def test_a_view_before_the_subscription_is_kept_for_it(room: Room, worker: Worker) -> None:
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    bo.view(10.0, video=False)
    assert worker.all(SetView) == []
    ada.publish()
    bo.take()
    sent = worker.last(SetView)
    assert [(one.up_track, one.width) for one in sent.views] == [(ada.tracks[1], 0)]
    room.resubscribe(bo.participant)
    bo.take()
    again = worker.last(SetView)
    assert (again.views, again.transport != sent.transport) == (sent.views, True)


def test_other_rooms_tracks_are_none_of_its_business(room: Room, worker: Worker) -> None:
    _, bo = call(room)
    bo.view(10.0, messages.Viewed("t-of-another-room", 640, 360))
    assert worker.last(SetView).views == ()


def up_tracks(worker: Worker) -> list[str]:
    return [track.up_track for track in worker.last(SetDownTracks).tracks]


def test_sound_goes_at_once_and_comes_at_once(room: Room, worker: Worker) -> None:
    ada, bo = call(room)
    audio, video = ada.tracks
    bo.view(10.0, audio=False)
    assert up_tracks(worker) == [video]
    # The next offer makes ready for its return, under another SSRC.
    offered = bo.take()
    assert [(track.track, track.mid) for track in offered.tracks] == [(video, "1"), (audio, "2")]
    assert up_tracks(worker) == [video]
    bo.view(11.0, audio=True)
    assert up_tracks(worker) == [video, audio]
    # Back before the offer was answered: it flows with the answer.
    bo.view(12.0, audio=False)
    bo.view(13.0, audio=True)
    assert up_tracks(worker) == [video]
    assert bo.take().restart is False
    assert sorted(up_tracks(worker)) == sorted((audio, video))


@given(st.lists(st.sampled_from(["on", "off", "answer", "join", "leave", "republish"])))
def test_no_ssrc_is_ever_begun_anew(acts: list[str]) -> None:
    worker = Worker()
    room = new_room(worker)
    _, bo = call(room)
    others = [Person(room, "Cy")]
    for now, act in enumerate(acts):
        if act in ("on", "off"):
            bo.view(float(now), audio=act == "on")
        elif (
            act == "answer"
            and bo.participant.subscription
            and bo.participant.subscription.open_offer
        ):
            bo.take()
        elif act == "join":
            others.append(Person(room, "Di"))
        elif act == "leave" and others:
            room.remove(others.pop().participant, "left")
        elif act == "republish" and others:
            others[-1].publish(restart=True)
    sent: set[int] = set()
    ended: set[int] = set()
    for command in worker.all(SetDownTracks):
        listed = {track.ssrc for track in command.tracks}
        ended |= sent - listed
        assert not listed & ended
        sent = listed


def test_what_is_remembered_of_ssrcs_does_not_grow(room: Room) -> None:
    ada, bo = call(room)
    subscription = bo.participant.subscription
    assert subscription is not None
    for now in range(0, 400, 2):
        bo.view(float(now), audio=False)
        bo.view(float(now + 1), audio=True)
        while subscription.open_offer:
            bo.take()
    assert len(subscription.lines) <= 3
    assert len(subscription.spent) <= 3
    assert {track.up_track for track in subscription.listed.values()} == set(ada.tracks)


def test_a_track_that_is_answered_otherwise_gets_another_ssrc(room: Room, worker: Worker) -> None:
    ada, bo = call(room)
    before = worker.last(SetDownTracks).tracks
    Person(room, "Cy").publish()
    last = bo.got(messages.Offer)[-1]
    other = answer(last.sdp).replace("a=rtcp-fb:111 nack\r\n", "", 1)
    room.answer(bo.participant, messages.Answer(last.id, other))
    assert ada.tracks[0] not in up_tracks(worker)
    bo.take()
    (again,) = (t for t in worker.last(SetDownTracks).tracks if t.up_track == ada.tracks[0])
    assert again.ssrc != before[0].ssrc


def test_of_a_storm_the_newest_wins(room: Room, worker: Worker) -> None:
    ada, bo = call(room)
    video = ada.tracks[1]
    waits = [bo.view(10.0, messages.Viewed(video, 2 * n, n)) for n in range(1, 1000)]
    # One timer for all of them.
    assert [wait for wait in waits if wait] == [pytest.approx(VIEW_INTERVAL)]
    assert [one.views[0].height for one in worker.all(SetView)] == [1]
    room.view_due(bo.participant, 10.0 + VIEW_INTERVAL)
    assert [one.views[0].height for one in worker.all(SetView)] == [1, 999]
    room.view_due(bo.participant, 10.2)
    assert len(worker.all(SetView)) == 2
    assert bo.view(10.15, messages.Viewed(video, 8, 8)) == pytest.approx(0.05)
    assert bo.view(10.16, messages.Viewed(video, 9, 9)) == 0.0


def test_the_same_view_again_is_nothing_new(room: Room, worker: Worker) -> None:
    _, bo = call(room)
    for second in range(5):
        bo.view(10.0 + second, quality="low")
    assert len(worker.all(SetView)) == 1


def test_a_view_that_waits_for_somebody_who_left(room: Room, worker: Worker) -> None:
    _, bo = call(room)
    bo.view(10.0, quality="low")
    bo.view(10.0, quality="high")
    room.remove(bo.participant, "left")
    room.view_due(bo.participant, 10.1)
    assert len(worker.all(SetView)) == 1


def test_views_survive_the_worker(room: Room) -> None:
    ada, bo = call(room)
    bo.view(10.0, video=False)
    room.worker_lost()
    bo.view(11.0, video=False, quality="low")
    second = Worker()
    room.placed(second)
    ada.publish(restart=True)
    bo.take()
    assert [one.width for one in second.last(SetView).views] == [0]
