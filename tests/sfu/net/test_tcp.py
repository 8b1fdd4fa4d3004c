"""The TCP side of a worker's port on loopback: strangers, slow readers, framing, endings."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from sfu.drops import DropReason
from sfu.net import stun, tcp
from sfu.net.framing import MAX_DATAGRAM, FrameReader, frame
from sfu.net.send_queue import AUDIO_BYTES, STALE, VIDEO_BYTES
from sfu.net.tcp import (
    MAX_STRANGERS,
    MAX_STRANGERS_PER_HOST,
    STALL_SECONDS,
    STRANGER_BYTES,
    STRANGER_SECONDS,
    TcpSockets,
    udp_beside_tcp,
)
from sfu.net.tcp_connection import Connection
from sfu.net.udp import SLOT_SIZE, SLOTS, UdpSocket

VOICE, CAMERA = 8000, 7000
CHECK = stun.binding_request(bytes(12), "a:b", b"password", controlling=1, use_candidate=True)


class Side:
    """The TCP sockets under test, with an owner that writes down what it is given."""

    def __init__(self, *, dual_stack: bool = True) -> None:
        self.udp = udp_beside_tcp(0, dual_stack=dual_stack)
        self.now = 100.0
        self.closed: list[bytes] = []
        self.taken: list[tuple[bytes, bytes]] = []
        self.sizes: list[int] = []
        self.accept_all = False
        self.tcp = TcpSockets(self.udp, lambda address, _: self.closed.append(address))
        self.peers: list[socket.socket] = []

    def take(self, sizes: list[int], addresses: bytes) -> None:
        width = self.udp.address_size
        assert len(addresses) == width * len(sizes)
        assert len(sizes) <= SLOTS
        self.sizes += sizes
        for slot, size in enumerate(sizes):
            at = slot * SLOT_SIZE
            address = addresses[slot * width : slot * width + width]
            self.taken.append((bytes(self.udp.arena.data[at : at + size]), address))
            if self.accept_all:
                self.tcp.verify(address)

    def dial(self, host: str = "127.0.0.1") -> socket.socket:
        peer = socket.create_connection((host, self.udp.port), timeout=10)
        self.peers.append(peer)
        return peer

    def step(self) -> None:
        """What the loop does when the selector wakes it."""
        select.select([self.tcp], [], [], 10)
        self.tcp.receive(self.now, self.take)

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, "nothing more comes"
            select.select([self.tcp], [], [], 0.05)
            self.tcp.receive(self.now, self.take)

    def join(self, host: str = "127.0.0.1") -> tuple[socket.socket, Connection]:
        """A connection whose check was found good."""
        peer = self.dial(host)
        peer.sendall(frame(CHECK))
        count = len(self.taken)
        self.until(lambda: len(self.taken) > count)
        address = self.taken[-1][1]
        self.tcp.verify(address)
        return peer, self.tcp.connections[address]

    def close(self) -> None:
        self.tcp.close(self.now)
        self.udp.close()
        for peer in self.peers:
            peer.close()


@pytest.fixture
def side() -> Iterator[Side]:
    made = Side()
    yield made
    made.close()


def read_all(peer: socket.socket, reader: FrameReader, timeout: float = 0.2) -> list[bytes]:
    found = []
    while select.select([peer], [], [], timeout)[0]:
        data = peer.recv(65536)
        if not data:
            break
        found += reader.feed(data)
    return found


def is_ended(peer: socket.socket) -> bool:
    """Whether the far side has closed; what came before is thrown away."""
    peer.settimeout(10)
    with suppress(ConnectionError):
        while peer.recv(65536):
            pass
    return True


def packet(ssrc: int, seq: int, timestamp: int, size: int = 1000) -> bytes:
    return struct.pack("!BBHII", 0x80, 100, seq & 0xFFFF, timestamp, ssrc) + bytes(size - 12)


def runs_of(packets: list[bytes]) -> tuple[bytearray, list[tuple[int, int]]]:
    return bytearray(b"".join(packets)), [(len(one), len(one)) for one in packets]


@pytest.mark.parametrize(
    ("dual_stack", "host"), [(True, "127.0.0.1"), (True, "::1"), (False, "127.0.0.1")]
)
def test_a_connection_is_one_more_address(dual_stack: bool, host: str) -> None:
    side = Side(dual_stack=dual_stack)
    assert side.tcp.port == side.udp.port
    peer, connection = side.join(host)
    address = connection.address
    assert len(address) == side.udp.address_size
    assert side.tcp.unpack_address(address) == (host, peer.getsockname()[1])
    assert side.tcp.send_one(b"\x01\x01answer", address, side.now)
    assert read_all(peer, FrameReader()) == [b"\x01\x01answer"]
    other, second = side.join(host)
    assert second.address != address
    udp_address = side.udp.pack_address("127.0.0.1", 5000)
    assert side.tcp.unpack_address(udp_address) == ("127.0.0.1", 5000)
    ours = side.udp.pack_address("127.0.0.1", side.udp.port)
    assert side.tcp.send_one(b"\x01\x01answer", ours, side.now)
    other.close()
    side.close()


def test_datagrams_arrive_however_the_stream_is_cut(side: Side) -> None:
    peer, connection = side.join()
    sent = [b"\x80" * 12, b"", b"\x16" * MAX_DATAGRAM, *(bytes((0x80, n)) for n in range(200))]
    stream = b"".join(map(frame, sent))
    side.taken.clear()
    for at in (0, 1, 3, 15, 17, 1000, 1519):
        following = next((b for b in (1, 3, 15, 17, 1000, 1519) if b > at), len(stream))
        peer.sendall(stream[at:following])
        side.step()
    side.until(lambda: len(side.taken) >= len(sent))
    assert [datagram for datagram, _ in side.taken] == sent
    assert {address for _, address in side.taken} == {connection.address}


def test_a_frame_too_long_reads_as_an_oversized_datagram(side: Side) -> None:
    peer, _ = side.join()
    side.sizes.clear()
    peer.sendall(frame(bytes(65535)) + frame(b"\x80" * 20))
    side.until(lambda: len(side.sizes) == 2)
    assert side.sizes == [MAX_DATAGRAM + 1, 20]


def test_a_stream_of_empty_frames_is_closed(side: Side) -> None:
    peer, connection = side.join()
    peer.sendall(b"".join(map(frame, [b"", b"\x80" * 12, b"", b"\x80" * 12])))
    side.until(lambda: len(side.taken) == 5)
    peer.sendall(bytes(16 * 1024))
    side.until(lambda: bool(side.closed))
    assert side.closed == [connection.address]
    assert side.tcp.drops == {DropReason.TCP_RUBBISH: 1}
    assert len(side.taken) < 1500


@pytest.mark.parametrize("opening", [b"GET / HTTP/1.1\r\n\r\n", frame(b""), frame(b"\x16hello")])
def test_a_stranger_who_does_not_begin_with_stun_is_shown_out(side: Side, opening: bytes) -> None:
    peer = side.dial()
    peer.sendall(opening + bytes(STRANGER_BYTES))
    side.until(lambda: bool(side.tcp.drops))
    assert is_ended(peer)
    assert side.tcp.drops == {DropReason.TCP_STRANGER: 1}
    assert side.taken == []
    assert side.closed == []


def test_a_stranger_has_few_bytes(side: Side) -> None:
    peer = side.dial()
    stream = frame(CHECK) * 200
    peer.sendall(stream)
    side.until(lambda: bool(side.tcp.drops))
    assert is_ended(peer)
    assert len(side.taken) == STRANGER_BYTES // len(frame(CHECK))
    assert side.tcp.connections == {}


def test_a_stranger_has_little_time(side: Side) -> None:
    peer = side.dial()
    _, known = side.join()
    side.tcp.tick(side.now + STRANGER_SECONDS)
    assert len(side.tcp.connections) == 2
    side.tcp.tick(side.now + STRANGER_SECONDS + 0.1)
    assert is_ended(peer)
    assert list(side.tcp.connections) == [known.address]
    assert side.tcp.drops == {DropReason.TCP_STRANGER: 1}


def test_a_flood_from_one_host_is_refused_and_others_stay(side: Side) -> None:
    _, known = side.join()
    for _ in range(MAX_STRANGERS_PER_HOST + 10):
        side.dial()
        side.step()
    side.until(lambda: side.tcp.drops.get(DropReason.TCP_REFUSED) == 10)
    assert len(side.tcp.connections) == MAX_STRANGERS_PER_HOST + 1
    _, elsewhere = side.join("::1")
    assert {known.address, elsewhere.address} <= set(side.tcp.connections)


def test_a_flood_from_many_hosts_pushes_out_its_own_first(side: Side) -> None:
    _, known = side.join()
    for number in range(MAX_STRANGERS + 20):
        peer = socket.socket()
        side.peers.append(peer)
        peer.bind((f"127.0.{number // 50 + 1}.1", 0))
        peer.connect(("127.0.0.1", side.udp.port))
        side.step()
    side.until(lambda: side.tcp.drops.get(DropReason.TCP_STRANGER) == 20)
    assert len(side.tcp.connections) == MAX_STRANGERS + 1
    _, late = side.join()
    assert {known.address, late.address} <= set(side.tcp.connections)


def test_one_host_has_its_share_and_no_more(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "MAX_PER_HOST", 5)
    joined = [side.join() for _ in range(5)]
    side.dial()
    side.until(lambda: side.tcp.drops.get(DropReason.TCP_REFUSED) == 1)
    side.join("::1")
    joined[0][0].close()
    side.until(lambda: bool(side.closed))
    side.join()
    assert len(side.tcp.connections) == 6


def test_a_peer_that_leaves_is_reported_after_its_last_words(side: Side) -> None:
    peer, connection = side.join()
    side.taken.clear()
    peer.sendall(frame(b"\x15bye"))
    peer.close()
    side.until(lambda: bool(side.closed))
    assert side.taken == [(b"\x15bye", connection.address)]
    assert side.closed == [connection.address]
    assert not side.tcp.send_one(b"\x16hello", connection.address, side.now)
    connection.send_runs(*runs_of([packet(CAMERA, 1, 0)]), frozenset(), side.now)
    assert side.tcp.drops == {DropReason.TCP_CLOSED: 1}


def test_who_is_dismissed_gets_what_waits_and_the_end(side: Side) -> None:
    peer, connection = side.join()
    side.tcp.send_one(b"\x15goodbye", connection.address, side.now)
    side.tcp.dismiss(connection.address, side.now)
    peer.sendall(frame(b"\x80" * 20))
    side.taken.clear()
    reader = FrameReader()
    assert read_all(peer, reader, timeout=30) == [b"\x15goodbye"]
    peer.close()
    side.until(lambda: not side.tcp.connections)
    assert side.closed == []
    assert side.taken == []
    side.tcp.dismiss(connection.address, side.now)
    assert side.tcp.drops == {}


def test_who_is_dismissed_and_stays_is_closed_soon(side: Side) -> None:
    peer, connection = side.join()
    side.tcp.dismiss(connection.address, side.now)
    side.tcp.tick(side.now + STRANGER_SECONDS + 0.1)
    assert side.tcp.connections == {}
    assert is_ended(peer)
    assert side.tcp.drops == {}


def stuff(side: Side, connection: Connection, frames: range) -> None:
    """Ten packets a frame and a voice packet beside each."""
    for number in frames:
        packets = [packet(CAMERA, number * 10 + n, number * 3000) for n in range(10)]
        packets.append(packet(VOICE, number, number * 960, 100))
        connection.send_runs(*runs_of(packets), frozenset((VOICE,)), side.now)


def numbers(packets: list[bytes], ssrc: int) -> list[int]:
    wanted = ssrc.to_bytes(4, "big")
    return [int.from_bytes(p[2:4], "big") for p in packets if p[8:12] == wanted]


def test_who_was_dismissed_and_stays_keeps_nobody_out(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.net.tcp.MAX_CONNECTIONS", 3)
    _, kept = side.join()
    staying = [side.join()[1] for _ in range(2)]
    for connection in staying:
        side.tcp.dismiss(connection.address, side.now)
    side.join()
    side.join()
    assert [connection.is_closed for connection in (*staying, kept)] == [True, True, False]


def test_a_slow_reader_loses_video_and_no_voice_and_no_frame_is_torn(side: Side) -> None:
    peer, connection = side.join()
    fast, other = side.join()
    fast_reader, fast_found = FrameReader(), []
    for number in range(600):
        stuff(side, connection, range(number, number + 1))
        stuff(side, other, range(number, number + 1))
        fast_found += read_all(fast, fast_reader, timeout=0)
    assert connection.queue.size <= VIDEO_BYTES + AUDIO_BYTES
    assert connection.waited(side.now + 0.5) >= 0.5
    assert 0 < connection.taken < other.taken
    dropped = side.tcp.drops[DropReason.TCP_SLOW_READER]
    assert dropped > 100
    reader = FrameReader()
    found: list[bytes] = []
    while connection.queue or select.select([peer], [], [], 0.2)[0]:
        found += read_all(peer, reader, timeout=0)
        side.tcp.receive(side.now, side.take)
    voices, video = numbers(found, VOICE), numbers(found, CAMERA)
    assert voices == list(range(600))
    assert len(found) == len(voices) + len(video)
    assert len(video) == 6000 - dropped
    # Frames are whole, but for the one that was begun when room ended, which lacks its end.
    by_frame = [[n % 10 for n in video if n // 10 == k] for k in sorted({n // 10 for n in video})]
    torn = [parts for parts in by_frame if parts != list(range(10))]
    assert all(parts == list(range(len(parts))) for parts in torn)
    while other.queue or select.select([fast], [], [], 0.2)[0]:
        fast_found += read_all(fast, fast_reader, timeout=0)
        side.tcp.receive(side.now, side.take)
    assert numbers(fast_found, CAMERA) == list(range(6000))


def test_a_peer_that_reads_nothing_is_closed_and_others_never_notice(side: Side) -> None:
    peer, stuck = side.join()
    other, well = side.join()
    stuff(side, stuck, range(600))
    assert stuck.queue
    reader = FrameReader()
    side.now += STALL_SECONDS / 2
    side.tcp.tick(side.now)
    stuff(side, well, range(3))
    assert len(read_all(other, reader)) == 33
    side.now += STALL_SECONDS / 2 + 0.1
    side.tcp.tick(side.now)
    assert side.closed == [stuck.address]
    assert side.tcp.drops[DropReason.TCP_STALLED] == 1
    assert list(side.tcp.connections) == [well.address]
    stuff(side, well, range(3, 6))
    assert len(read_all(other, reader)) == 33
    del peer


def test_after_an_outage_only_fresh_media_is_sent(side: Side) -> None:
    peer, connection = side.join()
    stuff(side, connection, range(600))
    side.now += STALE + 8.0
    side.tcp.tick(side.now)
    assert side.closed == []
    connection.send_runs(*runs_of([packet(VOICE, 7777, 0, 100)]), frozenset((VOICE,)), side.now)
    found: list[bytes] = []
    reader = FrameReader()
    while connection.queue or select.select([peer], [], [], 0.2)[0]:
        found += read_all(peer, reader, timeout=0)
        side.tcp.receive(side.now, side.take)
    voices = numbers(found, VOICE)
    assert voices[-1] == 7777
    assert len(voices) < 600
    assert not connection.queue


def test_a_packet_that_could_not_be_protected_does_not_leave(side: Side) -> None:
    peer, connection = side.join()
    good = packet(VOICE, 1, 0, 100)
    connection.send_runs(*runs_of([bytes(100), good]), frozenset(), side.now)
    assert read_all(peer, FrameReader()) == [good]


def test_runs_are_cut_into_packets(side: Side) -> None:
    peer, connection = side.join()
    packets = [packet(CAMERA, n, 0, 500) for n in range(3)] + [packet(CAMERA, 3, 0, 200)]
    data = bytearray(b"".join(packets))
    connection.send_runs(data, [(1700, 500)], frozenset(), side.now)
    assert read_all(peer, FrameReader()) == packets


def test_without_a_listener_there_is_only_udp(side: Side) -> None:
    udp = udp_beside_tcp(0)
    tcp = TcpSockets(udp, lambda *_: None, listen=False)
    assert tcp.port == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", udp.port), timeout=10)
    assert tcp.send_one(b"\x01\x01answer", udp.pack_address("127.0.0.1", side.udp.port), 1.0)
    assert select.select([side.udp], [], [], 10)[0]
    tcp.close(1.0)
    udp.close()


def test_a_taken_port_leaves_udp_alone() -> None:
    udp = udp_beside_tcp(0)
    taken = socket.socket(socket.AF_INET6)
    taken.bind(("::", udp.port))
    taken.listen()
    tcp = TcpSockets(udp, lambda *_: None)
    assert tcp.port == 0
    assert not tcp.receive(1.0, lambda *_: None)
    tcp.tick(1.0)
    tcp.close(1.0)
    taken.close()
    udp.close()


def test_any_port_is_one_that_is_free_over_tcp_too(monkeypatch: pytest.MonkeyPatch) -> None:
    first = udp_beside_tcp(0)
    with socket.create_server(("::", first.port), family=socket.AF_INET6, dualstack_ipv6=True):
        offered = iter([first])

        def any_udp(port: int, *, host: str, dual_stack: bool) -> UdpSocket:
            return next(offered, None) or UdpSocket(port, host=host, dual_stack=dual_stack)

        monkeypatch.setattr("sfu.net.tcp.UdpSocket", any_udp)
        udp = udp_beside_tcp(0)
        assert udp is not first
        tcp = TcpSockets(udp, lambda *_: None)
        assert tcp.port == udp.port
        tcp.close(1.0)
        udp.close()
