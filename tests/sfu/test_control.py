"""Messages and framing of the control channel."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu import control
from sfu.process.channel import Channel

COMMANDS = [
    control.OpenRouter("r", "Kelas 7A"),
    control.SetUpTracks(
        "t",
        control.Extensions(mid=4),
        (
            control.UpTrackSpec(
                track="v",
                mid="1",
                kind="video",
                codec="VP8",
                payload_type=96,
                streams=(control.StreamSpec(rid="q"), control.StreamSpec(rid="f")),
            ),
        ),
    ),
    control.Drain(),
]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_messages_survive_any_cut(size: int) -> None:
    data = b"".join(control.frame(command) for command in COMMANDS)
    unframer = control.Unframer()
    bodies = [
        body for at in range(0, len(data), size) for body in unframer.feed(data[at : at + size])
    ]
    assert [control.decode_command(body) for body in bodies] == COMMANDS


def test_an_absurd_length_breaks_the_channel() -> None:
    with pytest.raises(control.ChannelError):
        list(control.Unframer().feed(b"\xff\xff\xff\xff"))


@given(st.binary(max_size=100))
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(control.ChannelError):
        control.decode_command(body)
    with pytest.raises(control.ChannelError):
        control.decode_event(body)


def test_a_channel_reads_whole_commands_and_sees_the_end() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(theirs)
    ours.sendall(control.frame(COMMANDS[0]) + control.frame(COMMANDS[1])[:5])
    assert list(channel.receive()) == [COMMANDS[0]]
    ours.sendall(control.frame(COMMANDS[1])[5:])
    assert list(channel.receive()) == [COMMANDS[1]]
    ours.close()
    assert list(channel.receive()) == []
    assert channel.is_closed


def test_a_broken_channel_is_closed() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(theirs)
    ours.sendall(b"\x00\x00\x00\x02{}")
    assert list(channel.receive()) == []
    assert channel.is_closed


def test_a_reader_that_stops_loses_statistics_and_nothing_else() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(theirs)
    stats = control.WorkerStats(
        cpu_seconds=0.0,
        rss_bytes=0,
        packets_received=0,
        packets_forwarded=0,
        bytes_received=0,
        bytes_sent=0,
        routers=0,
        transports=0,
        gather_ms=0.0,
        drops={"x" * 1000: 1},
        per_transport=(),
    )
    for _ in range(3000):
        channel.send(stats)
    channel.send(control.AudioLevels("r", {"alice": 3}))
    unframer = control.Unframer()
    events: list[control.Event] = []
    ours.settimeout(5)
    while not events or not isinstance(events[-1], control.AudioLevels):
        channel.flush()
        events += [control.decode_event(body) for body in unframer.feed(ours.recv(1 << 20))]
    assert 500 < len(events) < 3000
