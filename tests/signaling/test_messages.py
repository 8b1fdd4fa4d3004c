from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling import messages
from signaling.connection.decoder import MessageError
from tests.signaling.decoding import decode


def test_names_on_the_wire() -> None:
    info = messages.TrackInfo("t", "audio", "screenAudio", True)
    assert messages.encode(messages.TrackPublished("p", info)) == (
        '{"type":"trackPublished","participant":"p",'
        '"track":{"id":"t","kind":"audio","source":"screenAudio","muted":true}}'
    )
    assert messages.encode(messages.ChatMessage("p", "n", "x", 1.5)) == (
        '{"type":"chat","participant":"p","name":"n","text":"x","at":1.5}'
    )
    error = messages.Error(code="tooMany", message="m", fatal=True, retry_after=3)
    assert messages.encode(error) == (
        '{"type":"error","code":"tooMany","message":"m","fatal":true,"retryAfter":3}'
    )


def test_decode() -> None:
    text = (
        '{"type":"publish","id":1,"sdp":"v=0","tracks":[{"mid":"0","source":"camera"}],'
        '"restart":true}'
    )
    message = decode(text)
    assert isinstance(message, messages.Publish)
    assert message.restart is True
    assert message.tracks[0].muted is False
    assert isinstance(decode('{"type":"candidate","any":[1]}'), messages.Candidate)


def test_looking_and_listening() -> None:
    view = decode(
        '{"type":"view","tracks":[{"track":"t","width":640,"height":360,"importance":"main"}],'
        '"quality":"low","video":true,"audio":false,"maxBitrate":300000}'
    )
    seen = (messages.Viewed("t", 640, 360, "main"),)
    assert view == messages.View(seen, "low", True, False, 300_000)
    assert decode('{"type":"view","tracks":[]}') == messages.View()
    assert isinstance(decode('{"type":"restartIce"}'), messages.RestartIce)
    assert decode('{"type":"why","participant":"p"}') == messages.Why("p")
    received = messages.ReceivedTrack("t", "noKeyframe", -1, True)
    assert messages.encode(messages.Receiving((received,), 5)) == (
        '{"type":"receiving","tracks":[{"track":"t","state":"noKeyframe","layer":-1,'
        '"limited":true}],"estimate":5}'
    )
    assert messages.encode(messages.Layers("t", ("q", ""))) == (
        '{"type":"layers","track":"t","rids":["q",""]}'
    )
    assert messages.encode(messages.Reasons("p", step="ice", side="theirs")) == (
        '{"type":"because","participant":"p","tracks":[],"step":"ice","side":"theirs"}'
    )
    reason = messages.TrackReason("t", "camera", "muted", "theirs")
    assert messages.encode(messages.Reasons("p", (reason,))) == (
        '{"type":"because","participant":"p","tracks":[{"track":"t","source":"camera",'
        '"step":"muted","side":"theirs"}]}'
    )


JOIN = '{"type":"join","version":1,"room":"r","name":"n",'
MANY = ",".join(['{"track":"t","width":1,"height":1}'] * 65)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"type":"view","tracks":[' + MANY + "]}", "length <= 64"),
        ('{"type":"view","tracks":[{"track":"t","width":-1,"height":1}]}', ">= 0"),
        ('{"type":"view","tracks":[{"track":"t","width":1e300,"height":1}]}', "Expected `int`"),
        ('{"type":"view","tracks":[{"track":"t","width":1}]}', "missing required field"),
        ('{"type":"view","tracks":[],"quality":"best"}', "Invalid enum value 'best'"),
        ('{"type":"view","tracks":[],"maxBitrate":-5}', ">= 0"),
        ('{"type":"view","tracks":[],"audio":1}', "Expected `bool`"),
        ('{"type":"why"}', "missing required field"),
        ("", "not JSON"),
        ("\ud800", "not JSON"),
        ("[" * 200_000, "."),
        ('{"type":"no"}', "unknown message type 'no'"),
        ('{"type":"welcome"}', "unknown message type 'welcome'"),
        ('{"type":5}', "Expected `str`"),
        ('{"text":"no type"}', "missing required field `type`"),
        (JOIN + '"features":["' + "x" * 33 + '"]}', "length <= 32"),
        (JOIN + '"features":[' + ",".join(['"x"'] * 33) + "]}", "length <= 32"),
        (JOIN + '"features":"x"}', "Expected `array`"),
        ('{"type":"ping"}', "missing required field `t`"),
        ('{"type":"ping","t":"1"}', "Expected `float`"),
        ('{"type":"chat","text":"' + "x" * 2001 + '"}', "length <= 2000"),
        ('{"type":"publish","id":-1,"sdp":"","tracks":[]}', ">= 0"),
        ('{"type":"publish","id":1,"sdp":"","tracks":[{"mid":"0","source":"nose"}]}', "nose"),
        ('{"type":"publish","id":1,"sdp":"","tracks":[{"mid":"","source":"camera"}]}', ">= 1"),
        ('{"type":"mute","track":"t","muted":1}', "Expected `bool`"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(MessageError, match=reason):
        decode(text)


def test_fields_of_a_newer_client_are_skipped_and_known_ones_still_checked() -> None:
    assert decode('{"type":"leave","x":{"y":[1]}}') == messages.Leave()
    newer = decode(JOIN + '"features":["future"],"locale":"id"}')
    assert newer == messages.Join(1, "r", "n", features=("future",))
    part = '{"track":"t","width":1,"height":1,"shape":"round"}'
    assert decode('{"type":"view","tracks":[' + part + "]}") == messages.View(
        (messages.Viewed("t", 1, 1),)
    )
    with pytest.raises(MessageError, match="Expected `str`"):
        decode('{"type":"chat","text":5,"colour":"red"}')


def test_an_unknown_type_is_refused_by_its_name_which_is_cut() -> None:
    with pytest.raises(MessageError) as refused:
        decode('{"type":"' + "y" * 1000 + '"}')
    assert refused.value.request == "y" * 64
    with pytest.raises(MessageError) as refused:
        decode('{"type":"mute","track":"t"}')
    assert refused.value.request is None


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_refused_politely(text: str) -> None:
    with pytest.raises(MessageError):
        decode(text)
