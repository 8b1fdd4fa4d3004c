from __future__ import annotations

from collections.abc import Iterable

from signaling import messages
from signaling.connection.backlog import Backlog


def info(name: str) -> messages.ParticipantInfo:
    return messages.ParticipantInfo(name, name, ())


def track(name: str) -> messages.TrackInfo:
    return messages.TrackInfo(name, "audio", "microphone", False)


def taken(backlog: Backlog) -> Iterable[messages.FromServer]:
    while (message := backlog.pop()) is not None:
        yield message


def after(*added: messages.FromServer) -> list[messages.FromServer]:
    backlog = Backlog(1000)
    assert all(backlog.add(message) for message in added)
    return list(taken(backlog))


def test_first_in_first_out() -> None:
    chat = messages.ChatMessage("p", "Ada", "hello", 1.0)
    joined, left = messages.ParticipantJoined(info("p")), messages.ParticipantLeft("q", "left")
    assert after(chat, joined, left) == [chat, joined, left]
    assert after() == []


def test_of_states_only_the_newest_waits() -> None:
    def speaking(level: int) -> messages.Speaking:
        return messages.Speaking((messages.SpeakingLevel("p", level),))

    layers = messages.Layers("a", ("q",)), messages.Layers("b", ()), messages.Layers("a", ())
    assert after(speaking(1), *layers, speaking(2)) == [layers[1], layers[2], speaking(2)]
    offers = [messages.Offer(number, "", (), False) for number in (1, 2)]
    assert after(*offers) == offers[1:]
    muted = [messages.TrackMuted("p", "t", state) for state in (True, False)]
    assert after(*muted) == muted[1:]


def test_what_came_and_went_meanwhile_is_left_out() -> None:
    published, ended = messages.TrackPublished("p", track("t")), messages.TrackUnpublished("p", "t")
    assert after(published, messages.TrackMuted("p", "t", True), ended) == []
    assert after(messages.TrackMuted("p", "t", True), ended) == [ended]
    assert after(ended, published) == [ended, published]
    joined, left = messages.ParticipantJoined(info("p")), messages.ParticipantLeft("p", "left")
    other = messages.TrackPublished("q", track("u"))
    assert after(joined, published, other, ended, left) == [other]
    assert after(published, left) == [left]


def test_as_much_chat_waits_as_a_room_keeps() -> None:
    lines = [messages.ChatMessage("p", "Ada", str(number), 0.0) for number in range(300)]
    assert after(*lines) == lines[-messages.CHAT_KEPT :]


def test_a_storm_of_others_never_fills_it() -> None:
    backlog = Backlog(1000)
    for number in range(5000):
        name, person = f"t{number}", f"p{number % 50}"
        assert backlog.add(messages.ParticipantJoined(info(person)))
        assert backlog.add(messages.TrackPublished(person, track(name)))
        assert backlog.add(messages.Offer(number, "", (), False))
        assert backlog.add(messages.ChatMessage(person, "Ada", "x", 0.0))
        if number % 2:
            assert backlog.add(messages.TrackUnpublished(person, name))
        if number >= 50:
            assert backlog.add(messages.ParticipantLeft(f"p{(number + 1) % 50}", "left"))
        assert len(backlog) < 300


def test_answers_to_own_requests_are_counted() -> None:
    backlog = Backlog(3)
    answers = [messages.Published(number, "", ()) for number in range(4)]
    assert [backlog.add(answer) for answer in answers] == [True, True, True, False]
    # What replaces one that waits needs no room of its own.
    assert backlog.pop() == answers[0]
    assert backlog.add(messages.Pong(1.0))
    assert backlog.add(messages.Pong(2.0))
    assert list(taken(backlog)) == [*answers[1:3], messages.Pong(2.0)]
