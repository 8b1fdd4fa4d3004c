"""Why one participant does not see or hear another: the first step that fails. No I/O.

The steps are those that media passes: from the other's browser to the server, then
from the server to one's own. Each is judged by the state that signaling and the worker keep.
"""

from __future__ import annotations

from sfu.control import DownState
from signaling import messages
from signaling.conference.media_connection import MediaConnection, State
from signaling.conference.participant import Participant
from signaling.conference.publication import Track

_FAILURES: dict[str, messages.Step] = {
    "iceTimeout": "ice",
    "consentExpired": "ice",
    "fingerprintMismatch": "dtls",
    "dtlsFailed": "dtls",
    "dtlsTimeout": "dtls",
}
"""Reason of a transport's end -> step."""
_WAITS_FOR: dict[State, messages.Step] = {"new": "ice", "checked": "dtls"}
"""What a connection that has come so far still waits for."""
_SIDES: dict[DownState, messages.Side] = {
    "noPackets": "theirs",
    "noKeyframe": "theirs",
    "notLoudest": "theirs",
    "hidden": "yours",
    "pausedByBandwidth": "yours",
    "shed": "yours",
    "flowing": "yours",
}

_Reason = tuple[messages.Step, messages.Side]


def explain(asker: Participant, other: Participant) -> messages.Reasons:
    """What keeps `asker` from each track of `other`."""
    if not other.present:
        return absent(other.id)
    if not other.tracks:
        step = _FAILURES.get(_failure(other.latest_publication), "notPublished")
        return messages.Reasons(other.id, step=step, side="theirs")
    reasons = []
    for track in other.tracks.values():
        step, side = _theirs(other, track) or _yours(asker, track) or _flow(asker, track)
        reasons.append(messages.TrackReason(track.id, track.source, step, side))
    return messages.Reasons(other.id, tuple(reasons))


def absent(participant: str) -> messages.Reasons:
    """Of somebody whose WebSocket is away, or who is not there any more."""
    return messages.Reasons(participant, step="signaling", side="theirs")


def _theirs(other: Participant, track: Track) -> _Reason | None:
    assert other.publication is not None  # `explain` has seen to it
    if waits_for := _WAITS_FOR.get(other.publication.state):
        return waits_for, "theirs"
    return ("muted", "theirs") if track.muted else None


def _yours(asker: Participant, track: Track) -> _Reason | None:
    subscription = asker.subscription
    if subscription is None:
        return _FAILURES.get(_failure(asker.latest_subscription), "negotiation"), "yours"
    answer = subscription.answered_with
    if answer is None or all(spec.up_track != track.id for spec in answer.tracks):
        return "negotiation", "yours"
    if waits_for := _WAITS_FOR.get(subscription.state):
        return waits_for, "yours"
    return None


def _failure(connection: MediaConnection | None) -> str:
    return connection.failure if connection is not None else ""


def _flow(asker: Participant, track: Track) -> _Reason:
    view, subscription = asker.view.latest, asker.subscription
    if track.kind == "audio" and view is not None and not view.audio:
        return "hidden", "yours"
    receiving = subscription.receiving if subscription is not None else None
    reported = receiving.tracks if receiving is not None else ()
    # What the worker has not reported yet has not begun to flow.
    state: DownState = next((one.state for one in reported if one.track == track.id), "noPackets")
    return state, _SIDES[state]
