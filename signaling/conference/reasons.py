"""Why one participant does not see or hear another: the first step that fails. No I/O.

The steps are those that media passes on its way: from the other's browser to the server, then
from the server to one's own. Each is judged by the state that signaling and the worker keep.
"""

from __future__ import annotations

from sfu.control import DownState
from signaling import messages
from signaling.conference.participant import Participant, Track
from signaling.negotiation.parameters import Progress

_FAILURES: dict[str, messages.Step] = {
    "iceTimeout": "ice",
    "consentExpired": "ice",
    "fingerprintMismatch": "dtls",
    "dtlsFailed": "dtls",
    "dtlsTimeout": "dtls",
}
"""Reason of a transport's end -> step."""
_PROGRESS: dict[Progress, messages.Step] = {"new": "ice", "checked": "dtls"}
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
    if other.publication is None or not other.tracks:
        step = _FAILURES.get(other.publish_failure, "notPublished")
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
    if waits_for := _PROGRESS.get(other.publication.state):
        return waits_for, "theirs"
    return ("muted", "theirs") if track.muted else None


def _yours(asker: Participant, track: Track) -> _Reason | None:
    subscription = asker.subscription
    if subscription is None:
        return _FAILURES.get(asker.subscribe_failure, "negotiation"), "yours"
    answer = subscription.answered_with
    if answer is None or all(spec.up_track != track.id for spec in answer.tracks):
        return "negotiation", "yours"
    if waits_for := _PROGRESS.get(subscription.state):
        return waits_for, "yours"
    return None


def _flow(asker: Participant, track: Track) -> _Reason:
    if track.kind == "audio" and asker.view is not None and not asker.view.audio:
        return "hidden", "yours"
    told = asker.receiving.tracks if asker.receiving is not None else ()
    # What the worker has not spoken of yet has not begun to flow.
    state: DownState = next((one.state for one in told if one.track == track.id), "noPackets")
    return state, _SIDES[state]
