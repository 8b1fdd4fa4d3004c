"""The batched socket on loopback, with and without what the kernel offers."""

from __future__ import annotations

import select
import socket

import pytest

from sfu.net import udp
from sfu.net.srtp import Arena
from sfu.net.udp import SendBatch, UdpSocket


@pytest.fixture(params=[True, False], ids=["dual-stack", "ipv4"])
def ends(request: pytest.FixtureRequest) -> tuple[UdpSocket, UdpSocket]:
    return UdpSocket(0, dual_stack=request.param), UdpSocket(0, dual_stack=request.param)


def arrived(sock: UdpSocket, count: int) -> tuple[list[int], bytes]:
    """Take `count` datagrams; there must not be more."""
    sizes: list[int] = []
    addresses = b""
    while len(sizes) < count:
        assert select.select([sock], [], [], 30)[0], f"only {sizes}"
        more, where = sock.receive()
        sizes += more
        addresses += where
    return sizes, addresses


def name_of(sock: UdpSocket, peer: UdpSocket) -> Arena:
    address = sock.pack_address("127.0.0.1", peer.port)
    arena = Arena(len(address))
    arena.data[:] = address
    return arena


def test_a_run_is_cut_into_datagrams(ends: tuple[UdpSocket, UdpSocket]) -> None:
    near, far = ends
    memory, name, batch = Arena(2000), name_of(near, far), SendBatch(near)
    memory.data[:] = bytes(i // 100 for i in range(2000))
    batch.send([name.address] * 2, [memory.address, memory.address + 1000], [950, 77], [100, 77])
    sizes, addresses = arrived(far, 11)
    assert sizes == [100] * 9 + [50, 77]
    assert [far.arena.data[i * udp.SLOT_SIZE] for i in range(11)] == list(range(11))
    assert far.unpack_address(addresses[: far.address_size]) == ("127.0.0.1", near.port)
    assert (batch.refused, batch.overflowed) == (0, 0)


def test_without_segmentation_the_same_datagrams_leave(
    ends: tuple[UdpSocket, UdpSocket],
) -> None:
    near, far = ends
    near.segments = False
    memory, name, batch = Arena(2000), name_of(near, far), SendBatch(near)
    batch.send([name.address], [memory.address], [950], [100])
    assert arrived(far, 10)[0] == [100] * 9 + [50]


def test_without_the_batch_calls_the_same_datagrams_move(
    ends: tuple[UdpSocket, UdpSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = ends
    monkeypatch.setattr(udp, "_sendmmsg", None)
    monkeypatch.setattr(udp, "_recvmmsg", None)
    memory, name, batch = Arena(2000), name_of(near, far), SendBatch(near)
    batch.send([name.address], [memory.address], [250], [100])
    near.send_one(bytes(3000), bytes(name.data))
    sizes, addresses = arrived(far, 4)
    assert sizes == [100, 100, 50, udp.MAX_DATAGRAM + 1]
    assert far.unpack_address(addresses[-far.address_size :]) == ("127.0.0.1", near.port)


def test_more_messages_than_a_batch_holds(ends: tuple[UdpSocket, UdpSocket]) -> None:
    near, far = ends
    memory, name, batch = Arena(100), name_of(near, far), SendBatch(near)
    count = udp.MESSAGES + 10
    batch.send([name.address] * count, [memory.address] * count, [10] * count, [10] * count)
    assert arrived(far, udp.MESSAGES + 10)[0] == [10] * (udp.MESSAGES + 10)


def test_what_the_kernel_refuses_is_counted_and_the_rest_is_sent(
    ends: tuple[UdpSocket, UdpSocket],
) -> None:
    near, far = ends
    memory, name, batch = Arena(100), name_of(near, far), SendBatch(near)
    nowhere = Arena(near.address_size)
    nowhere.data[:] = near.pack_address("240.0.0.1", 0)
    names = [name.address, nowhere.address, name.address]
    batch.send(names, [memory.address] * 3, [10, 30, 20], [10, 10, 20])
    assert arrived(far, 2)[0] == [10, 20]
    assert batch.refused == 3


def test_empty_and_oversized_datagrams_show_their_size(
    ends: tuple[UdpSocket, UdpSocket],
) -> None:
    near, far = ends
    address = near.pack_address("127.0.0.1", far.port)
    for size in (0, 1, udp.MAX_DATAGRAM, udp.MAX_DATAGRAM + 1, 9000):
        near.send_one(bytes(size), address)
    assert arrived(far, 5)[0] == [0, 1, 1500, 1501, 1501]


def test_addresses_go_round() -> None:
    sock = UdpSocket(0)
    if not sock.dual_stack:
        pytest.skip("this machine has no IPv6")
    for host in ("192.0.2.7", "2001:db8::7"):
        assert sock.unpack_address(sock.pack_address(host, 4242)) == (host, 4242)


def test_a_taken_port_is_an_error() -> None:
    taken = UdpSocket(0)
    with pytest.raises(OSError, match="in use"):
        UdpSocket(taken.port)


def test_ipv6_peers_reach_a_dual_stack_socket() -> None:
    sock = UdpSocket(0)
    if not sock.dual_stack:
        pytest.skip("this machine has no IPv6")
    peer = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    peer.sendto(b"hello", ("::1", sock.port))
    sizes, addresses = arrived(sock, 1)
    assert sizes == [5]
    assert sock.unpack_address(addresses)[0] == "::1"
    assert sock.send_one(b"there", addresses)
    assert peer.recv(100) == b"there"


def test_one_address_only() -> None:
    for host in ("127.0.0.1", "::1"):
        sock = UdpSocket(0, host=host)
        try:
            assert sock.socket.getsockname()[0] == host
            assert sock.dual_stack == (":" in host)
        finally:
            sock.close()
    with pytest.raises(OSError, match="assign"):
        UdpSocket(0, host="192.0.2.77")


def test_a_kernel_that_refuses_large_buffers_is_good_enough(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Strict(socket.socket):
        def setsockopt(self, level: int, option: int, value: object) -> None:  # type: ignore[override]
            if option != socket.IPV6_V6ONLY or level != socket.IPPROTO_IPV6:
                raise OSError(92, "Protocol not available")
            super().setsockopt(level, option, value)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "socket", Strict)
    sock = UdpSocket(0)
    try:
        assert not sock.segments
        assert "receive buffer of the media port stays small" in caplog.text
        assert sock.receive() == ([], b"")
    finally:
        sock.close()
