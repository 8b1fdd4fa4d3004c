"""`why`: one test for each step, in the order of the steps."""

from __future__ import annotations

from typing import get_args

import pytest

from sfu.control import DownState, DownTrackState, DownTrackStates
from signaling import messages
from signaling.conference.room import Room
from signaling.refusals import RefusedError
from tests.signaling.people import Person, call


def asked(asker: Person, other: Person | str) -> messages.Reasons:
    name = other if isinstance(other, str) else other.id
    asker.room.why(asker.participant, name)
    return asker.got(messages.Reasons)[-1]


def steps(asker: Person, other: Person) -> list[tuple[str, str]]:
    """(step, side) of the microphone and the camera."""
    reasons = asked(asker, other)
    assert [one.source for one in reasons.tracks] == ["microphone", "camera"]
    assert [one.track for one in reasons.tracks] == list(other.tracks)
    return [(one.step, one.side) for one in reasons.tracks]


def of_the_message(reasons: messages.Reasons) -> tuple[object, object]:
    assert reasons.tracks == ()
    return reasons.step, reasons.side


def report(asker: Person, *states: tuple[str, str]) -> None:
    subscription = asker.participant.subscription
    assert subscription is not None
    tracks = tuple(DownTrackState(up_track=t, state=s) for t, s in states)  # type: ignore[arg-type]
    asker.room.down_track_states(
        DownTrackStates(transport=subscription.transport, tracks=tracks, estimate_bps=0)
    )


def test_nobody_and_oneself(room: Room) -> None:
    ada = Person(room, "Ada")
    reasons = asked(ada, "nobody")
    assert reasons.participant == "nobody"
    assert of_the_message(reasons) == ("signaling", "theirs")
    with pytest.raises(RefusedError, match="that is you"):
        asked(ada, ada)


def test_away(room: Room) -> None:
    ada, bo = call(room)
    ada.away()
    assert of_the_message(asked(bo, ada)) == ("signaling", "theirs")


def test_not_published(room: Room) -> None:
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    assert of_the_message(asked(bo, ada)) == ("notPublished", "theirs")


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("iceTimeout", "ice"),
        ("consentExpired", "ice"),
        ("fingerprintMismatch", "dtls"),
        ("dtlsFailed", "dtls"),
        ("dtlsTimeout", "dtls"),
        ("", "notPublished"),
    ],
)
def test_their_connection_failed(room: Room, reason: str, step: str) -> None:
    ada, bo = call(room)
    ada.change("publish", "failed", reason)
    assert of_the_message(asked(bo, ada)) == (step, "theirs")
    ada.publish(restart=True)
    assert steps(bo, ada) == [("ice", "theirs")] * 2


def test_their_ice_and_dtls(room: Room) -> None:
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    ada.publish()
    assert steps(bo, ada) == [("ice", "theirs")] * 2
    ada.change("publish", "checked")
    assert steps(bo, ada) == [("dtls", "theirs")] * 2
    ada.change("publish", "connected")
    assert ("dtls", "theirs") not in steps(bo, ada)
    assert [one.state for one in ada.got(messages.Transport)] == ["connected"]


def test_muted(room: Room) -> None:
    ada, bo = call(room)
    report(bo, *((track, "flowing") for track in ada.tracks))
    room.mute(ada.participant, messages.Mute(ada.tracks[1], True))
    assert steps(bo, ada) == [("flowing", "yours"), ("muted", "theirs")]


def test_negotiation(room: Room) -> None:
    ada, bo = Person(room, "Ada"), Person(room, "Bo")
    ada.publish()
    ada.change("publish", "connected")
    assert steps(bo, ada) == [("negotiation", "yours")] * 2
    bo.take()
    assert steps(bo, ada) == [("ice", "yours")] * 2
    bo.change("subscribe", "checked")
    assert steps(bo, ada) == [("dtls", "yours")] * 2
    # Another one's tracks wait for the next answer while these flow.
    cy = Person(room, "Cy")
    cy.publish()
    cy.change("publish", "connected")
    assert steps(bo, cy) == [("negotiation", "yours")] * 2


@pytest.mark.parametrize(
    ("reason", "step"), [("consentExpired", "ice"), ("dtlsFailed", "dtls"), ("", "negotiation")]
)
def test_own_connection_failed(room: Room, reason: str, step: str) -> None:
    ada, bo = call(room)
    bo.change("subscribe", "failed", reason)
    assert steps(bo, ada) == [(step, "yours")] * 2
    room.resubscribe(bo.participant)
    assert steps(bo, ada) == [("negotiation", "yours")] * 2


@pytest.mark.parametrize("state", get_args(DownState))
def test_what_the_worker_reports(room: Room, state: str) -> None:
    ada, bo = call(room)
    assert steps(bo, ada) == [("noPackets", "theirs")] * 2
    report(bo, (ada.tracks[1], state))
    side = "theirs" if state in ("noPackets", "noKeyframe", "notLoudest") else "yours"
    assert steps(bo, ada) == [("noPackets", "theirs"), (state, side)]


def test_sound_that_another_device_plays(room: Room) -> None:
    ada, bo = call(room)
    report(bo, (ada.tracks[1], "flowing"))
    bo.view(1.0, audio=False)
    assert steps(bo, ada) == [("hidden", "yours"), ("flowing", "yours")]


def test_asking_changes_nothing(room: Room) -> None:
    ada, bo = call(room)
    ada.inbox.clear()
    for _ in range(500):
        asked(bo, ada)
    assert ada.inbox == []
