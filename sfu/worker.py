"""The media worker: one process, one port (UDP, and TCP for who needs it), one loop of its own.

Theory of operation. The loop waits for datagrams and commands, nothing else; everything that is
due by time happens on a tick. An idle worker wakes up for every packet; a busy one looks at
intervals instead (`Gather`), the longer the busier it is, so that the cost of a packet falls as
load rises. Then: receive a batch, take it apart, fan it out, send it.

Garbage collection never interrupts that: it is switched off, and run by hand now and then after
what exists at the start was frozen. Signaling owns the process through the channel: when it
closes, the worker ends.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import resource
import secrets
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

from sfu import control
from sfu import ntp as ntp_time
from sfu.channel import Channel
from sfu.drops import DropReason
from sfu.egress import Outbox
from sfu.forwarder import Forwarder
from sfu.gather import Gather
from sfu.ingress import Ingress, Peer
from sfu.net.dtls import Certificate
from sfu.net.srtp import fastest_first
from sfu.net.tcp import TcpSockets
from sfu.net.transport import Transport
from sfu.net.udp import SLOT_SIZE, SLOTS, SendBatch, UdpSocket
from sfu.publisher import Publisher
from sfu.router import Router
from sfu.shedding import LoadShedder
from sfu.subscriber import Subscriber

TICK: Final = 0.1
"""Seconds between feedback, reports and looks at layers."""
REPAIR_TICK: Final = 0.01
"""The same while packets are missing or a keyframe was just asked for."""
PACE_TICK: Final = 0.005
"""The same while something waits in a pacer, or a probe is under way."""
IDLE_TICK: Final = 0.25
"""Without transports nothing is due but the sign of life."""
LEVELS_INTERVAL: Final = 0.2
STATS_INTERVAL: Final = 1.0
COLLECT_INTERVAL: Final = 10.0
MAX_BATCHES: Final = 8
"""Batches received in a row before commands and ticks get their turn."""
MAX_TRACEBACKS: Final = 20
"""Unexpected errors written out in full; the rest is only counted."""

log = logging.getLogger("sfu.worker")


class Worker:
    """All state of the process."""

    def __init__(self, channel: Channel, udp: UdpSocket, tcp: bool = True) -> None:
        """`tcp`: take peers over TCP too, on the same port number."""
        self._channel = channel
        self._udp = udp
        self._tcp = TcpSockets(udp, self._connection_closed, time.monotonic(), listen=tcp)
        self._batch = SendBatch(udp)
        self._outbox = Outbox(self._batch, self._tcp.connections)
        self._forwarder = Forwarder(self._outbox)
        self._wall_offset = time.time() - time.monotonic()
        self._ingress = Ingress(
            udp.arena,
            udp.pointers,
            SLOT_SIZE,
            udp.address_size,
            self._tcp.unpack_address,
            self._wall_offset,
            self._forwarder.dirty,
        )
        self._certificate = Certificate.generate()
        self._profiles = fastest_first(time.perf_counter)
        self._gather = Gather(time.monotonic(), time.process_time())
        self._shedder = LoadShedder(time.monotonic())
        self._routers: dict[str, Router] = {}
        self._router_of: dict[str, Router] = {}
        """By transport id."""
        self._poller = _poller()
        self._received_at = 0.0
        self._running = True
        self._stop_requested = False
        self._errors = 0
        now = time.monotonic()
        self._next_tick = now
        self._last_tick = now
        self._next_media = now
        self._next_levels = now
        self._next_stats = now + STATS_INTERVAL
        self._next_collect = now + COLLECT_INTERVAL

    def announce(self) -> None:
        """Tell signaling where we listen."""
        self._channel.send(
            control.WorkerReady(
                pid=os.getpid(),
                port=self._udp.port,
                tcp_port=self._tcp.port,
                fingerprint=self._certificate.fingerprint,
                srtp_profiles=tuple(profile.name for profile in self._profiles),
                features=self._udp.features,
            )
        )

    def run(self) -> None:
        """Serve until drained, or until signaling is gone."""
        poller, udp_fd = self._poller, self._udp.fileno()
        poller.register(udp_fd, select.POLLIN)
        poller.register(self._channel.fileno(), select.POLLIN)
        poller.register(self._tcp.fileno(), select.POLLIN)
        while self._running:
            if self._gather.seconds and self._receive_later():
                # Under load there is always something: no need to ask what.
                if self._tcp.connections:
                    self._receive_tcp()
            else:
                wait = max(0.0, self._next_tick - time.monotonic())
                ready = [fd for fd, _ in poller.poll(wait)]
                # Commands first: a transport's first check may come right behind its command.
                if ready and ready != [udp_fd]:
                    self._take_commands()
                if udp_fd in ready:
                    self._receive()
                if self._tcp.fileno() in ready:
                    self._receive_tcp()
            now = time.monotonic()
            if self._forwarder.pacing_wanted:
                self._next_tick = min(self._next_tick, self._last_tick + PACE_TICK)
            elif self._forwarder.repair_wanted:
                self._next_tick = min(self._next_tick, self._last_tick + REPAIR_TICK)
            if now >= self._next_tick:
                self._last_tick = now
                self._take_commands()
                self._receive_tcp()
                self._tick(now)
            if self._stop_requested:
                self.stop()
        self._tcp.close()

    def request_stop(self) -> None:
        """Stop at the next turn of the loop; safe in a signal handler."""
        self._stop_requested = True

    def stop(self) -> None:
        """Close every transport and leave the loop."""
        for router in list(self._routers.values()):
            self._close_router(router)
        self._channel.flush()
        self._running = False

    # Packets.

    def _receive_later(self) -> bool:
        """Sleep what is left of the gathering time, then receive; False if nothing came."""
        left = self._gather.seconds - (time.monotonic() - self._received_at)
        if left > 0:
            time.sleep(left)
        return self._receive()

    def _receive(self) -> bool:
        """Work on what has arrived; False if that is nothing."""
        udp = self._udp
        self._received_at = time.monotonic()
        for count in range(MAX_BATCHES):
            sizes, addresses = udp.receive()
            if not sizes:
                return count > 0
            self._take_packets(sizes, addresses)
            if len(sizes) < SLOTS:
                break
        return True

    def _receive_tcp(self) -> None:
        try:
            self._tcp.receive(time.monotonic(), self._take_packets)
        except Exception:
            self._unexpected("a connection")

    def _take_packets(self, sizes: list[int], addresses: bytes) -> None:
        now = time.monotonic()
        try:
            self._outbox.now = now
            self._ingress.take(sizes, addresses, now)
            self._forwarder.flush(now)
            self._outbox.flush()
        except Exception:
            # One bad packet may cost its batch, but never everybody's call.
            self._unexpected("packets")

    def _unexpected(self, where: str) -> None:
        self._errors += 1
        if self._errors <= MAX_TRACEBACKS:
            log.exception("unexpected error in %s", where)

    # Time.

    def _tick(self, now: float) -> None:
        busy = bool(self._router_of)
        self._next_tick = now + (TICK if busy else IDLE_TICK)
        try:
            self._tcp.tick(now)
            if busy:
                self._tick_media(now)
                self._next_tick = self._next_media
            if now >= self._next_stats:
                self._next_stats = now + STATS_INTERVAL
                self._channel.send(self._stats(now))
            if now >= self._next_collect:
                self._next_collect = now + COLLECT_INTERVAL
                gc.collect()
        except Exception:
            self._unexpected("a tick")
        self._channel.flush()

    def _tick_media(self, now: float) -> None:
        self._outbox.now = now
        self._repair(now)
        if now >= self._next_media:
            self._next_media = now + TICK
            self._tick_routers(now)
        self._forwarder.pacing_wanted = False
        for router in self._routers.values():
            if router.pace(now):
                self._forwarder.pacing_wanted = True
        self._forwarder.flush(now)
        self._outbox.flush()

    def _tick_routers(self, now: float) -> None:
        ntp_now = ntp_time.from_unix(now + self._wall_offset)
        self._gather.measure(now, time.process_time())
        if self._shedder.update(self._gather.load, now):
            log.warning("load %.2f of a core: step %d", self._gather.load, self._shedder.step)
            for router in self._routers.values():
                router.set_shed(self._shedder.shed)
        for router in list(self._routers.values()):
            router.tick(now, ntp_now)
            for peer in list(router.peers.values()):
                peer.transport.tick(now)
            for event in router.take_demands(now):
                self._channel.send(event)
            for states in router.take_states(now):
                self._channel.send(states)
        if now >= self._next_levels:
            self._next_levels = now + LEVELS_INTERVAL
            for router in self._routers.values():
                levels = router.take_levels()
                if levels is not None:
                    self._channel.send(control.AudioLevels(router.id, levels))

    def _repair(self, now: float) -> None:
        """Ask for what is missing, and come back soon while something is."""
        self._forwarder.repair_wanted = False
        for router in self._routers.values():
            if router.repair(now):
                self._forwarder.repair_wanted = True

    # Commands.

    def _take_commands(self) -> None:
        for command in self._channel.receive():
            take = _COMMANDS[type(command)]
            try:
                take(self, command, time.monotonic())
                self._outbox.flush()
            except Exception:
                self._unexpected(type(command).__name__)
        if self._channel.is_closed:
            log.warning("signaling is gone, so this worker ends")
            self.stop()

    def _open_router(self, command: control.OpenRouter, now: float) -> None:
        if command.router not in self._routers:
            router = Router(command.router, command.room, command.loudest)
            router.set_shed(self._shedder.shed)
            self._routers[command.router] = router

    def _take_close_router(self, command: control.CloseRouter, now: float) -> None:
        router = self._routers.get(command.router)
        if router is not None:
            self._close_router(router)

    def _close_router(self, router: Router) -> None:
        for peer in list(router.peers.values()):
            self._close_peer(router, peer)
        self._routers.pop(router.id, None)

    def _open_transport(self, command: control.OpenTransport, now: float) -> None:
        router = self._routers.get(command.router)
        if router is None or command.transport in self._router_of:
            return
        transport = Transport(
            command, self._certificate, self._profiles, self, self._tcp.send_one, now
        )
        if command.direction == "publish":
            publisher = Publisher(transport, self._forwarder, secrets.randbits(32))
            peer = Peer(transport, publisher=publisher)
        else:
            subscriber = Subscriber(
                transport, self._forwarder, self._outbox, self._udp.address_size, _random_seq
            )
            peer = Peer(transport, subscriber=subscriber)
        router.add(peer)
        self._router_of[transport.id] = router
        self._ingress.by_ufrag[command.ice_ufrag.encode()] = peer
        self._next_tick = min(self._next_tick, now + REPAIR_TICK)

    def _connect_transport(self, command: control.ConnectTransport, now: float) -> None:
        peer = self._peer(command.transport)
        if peer is not None:
            peer.transport.connect(command, now)

    def _restart_ice(self, command: control.RestartIce, now: float) -> None:
        peer = self._peer(command.transport)
        if peer is not None:
            peer.transport.restart_ice(command.ice_ufrag, command.ice_pwd)
            self._ingress.by_ufrag.update(dict.fromkeys(peer.transport.ufrags, peer))

    def _set_up_tracks(self, command: control.SetUpTracks, now: float) -> None:
        peer = self._peer(command.transport)
        if peer is not None and peer.publisher is not None:
            self._router_of[command.transport].set_up_tracks(peer.publisher, command, now)

    def _set_down_tracks(self, command: control.SetDownTracks, now: float) -> None:
        peer = self._peer(command.transport)
        if peer is not None and peer.subscriber is not None:
            self._router_of[command.transport].set_down_tracks(peer.subscriber, command, now)

    def _set_view(self, command: control.SetView, now: float) -> None:
        peer = self._peer(command.transport)
        if peer is not None and peer.subscriber is not None:
            peer.subscriber.set_view(command)
            self._next_tick = self._next_media = now

    def _close_transport(self, command: control.CloseTransport, now: float) -> None:
        peer = self._peer(command.transport)
        if peer is not None:
            self._close_peer(self._router_of[command.transport], peer)

    def _drain(self, command: control.Drain, now: float) -> None:
        self.stop()

    def _peer(self, transport: str) -> Peer | None:
        router = self._router_of.get(transport)
        return None if router is None else router.peers.get(transport)

    def _close_peer(self, router: Router, peer: Peer) -> None:
        """We end it: what waits is sent, the peer is told, nothing is kept."""
        self._outbox.flush()
        if peer.subscriber is not None:
            peer.subscriber.goodbye()
        peer.transport.close()
        self._forget(router, peer)

    def _forget(self, router: Router, peer: Peer) -> None:
        router.transport_gone(peer)
        self._router_of.pop(peer.transport.id, None)
        for ufrag in peer.transport.ufrags:
            self._ingress.by_ufrag.pop(ufrag, None)
        for address in peer.transport.addresses:
            if self._ingress.by_address.get(address) is peer:
                del self._ingress.by_address[address]
                self._tcp.dismiss(address)

    # What transports tell (TransportEvents).

    def transport_changed(self, transport: Transport) -> None:
        """Pass it on; a transport that is over is forgotten."""
        router = self._router_of.get(transport.id)
        if router is None:
            return
        peer = router.peers[transport.id]
        log.info(
            "room %s: %s transport of %s is %s %s",
            router.room,
            transport.direction,
            transport.participant,
            transport.state,
            transport.reason,
        )
        if transport.state == "connected":
            router.transport_connected(peer, time.monotonic())
        elif transport.is_over:
            self._forget(router, peer)
        if transport.state != "new":
            self._channel.send(
                control.TransportChanged(
                    transport=transport.id, state=transport.state, reason=transport.reason
                )
            )

    def transport_checked(self, transport: Transport) -> None:
        self._channel.send(control.TransportChanged(transport=transport.id, state="checked"))

    def ufrag_forgotten(self, transport: Transport, ufrag: bytes) -> None:
        self._ingress.by_ufrag.pop(ufrag, None)

    def address_verified(self, transport: Transport, address: bytes) -> None:
        peer = self._peer(transport.id)
        if peer is not None:
            self._ingress.by_address[address] = peer
            self._tcp.verify(address)

    def address_forgotten(self, transport: Transport, address: bytes) -> None:
        self._ingress.by_address.pop(address, None)
        self._tcp.dismiss(address)

    def _connection_closed(self, address: bytes) -> None:
        peer = self._ingress.by_address.pop(address, None)
        if peer is not None:
            peer.transport.address_lost(address)

    def address_selected(self, transport: Transport) -> None:
        peer = self._peer(transport.id)
        if peer is not None and peer.subscriber is not None:
            peer.subscriber.address_selected()

    # Statistics.

    def _stats(self, now: float) -> control.WorkerStats:
        drops = {str(reason): count for reason, count in self._ingress.drops.items() if count}
        for reason, count in (
            (DropReason.SEND_BUFFER_FULL, self._batch.overflowed),
            (DropReason.SEND_REFUSED, self._batch.refused + self._forwarder.refused),
            (DropReason.TOO_OLD, self._forwarder.too_old),
            *self._tcp.drops.items(),
        ):
            if count:
                drops[reason] = drops.get(reason, 0) + count
        if self._errors:
            drops["unexpectedError"] = self._errors
        peers = [peer for router in self._routers.values() for peer in router.peers.values()]
        per_transport = tuple(_transport_stats(peer) for peer in peers)
        return control.WorkerStats(
            cpu_seconds=time.process_time(),
            rss_bytes=_rss_bytes(),
            packets_received=self._ingress.packets,
            packets_forwarded=self._forwarder.forwarded,
            bytes_received=self._ingress.octets,
            bytes_sent=sum(stats.bytes_sent for stats in per_transport),
            routers=len(self._routers),
            transports=len(peers),
            gather_ms=self._gather.seconds * 1000,
            drops=drops,
            shedding=self._shedder.step,
            per_transport=per_transport,
        )


_COMMANDS: Final[dict[type, Callable[..., None]]] = {
    control.OpenRouter: Worker._open_router,
    control.CloseRouter: Worker._take_close_router,
    control.OpenTransport: Worker._open_transport,
    control.ConnectTransport: Worker._connect_transport,
    control.RestartIce: Worker._restart_ice,
    control.SetUpTracks: Worker._set_up_tracks,
    control.SetDownTracks: Worker._set_down_tracks,
    control.SetView: Worker._set_view,
    control.CloseTransport: Worker._close_transport,
    control.Drain: Worker._drain,
}


def _random_seq() -> int:
    """Below 32768: a first packet that is lost must not look like a wrap (RFC 3711 3.3.1)."""
    return secrets.randbits(15)


def _transport_stats(peer: Peer) -> control.TransportStats:
    transport = peer.transport
    subscriber, publisher = peer.subscriber, peer.publisher
    sent = (0, 0) if subscriber is None else subscriber.totals()
    received = (0, 0) if publisher is None else publisher.totals()
    downlink = None if subscriber is None else subscriber.downlink
    end = publisher or subscriber
    loss, jitter = (0.0, 0.0) if end is None else end.quality()
    return control.TransportStats(
        transport=transport.id,
        packets_received=received[0],
        bytes_received=received[1],
        packets_sent=sent[0],
        bytes_sent=sent[1],
        rtt_ms=0.0 if subscriber is None else subscriber.rtt * 1000,
        loss_percent=loss * 100,
        jitter_ms=jitter * 1000,
        estimate_bps=0 if downlink is None else downlink.estimate_bps,
        target_bps=0 if downlink is None else downlink.allotted_bps,
    )


def _rss_bytes() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        # Elsewhere than on Linux: the peak, which macOS gives in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class _Poll:
    """`select.poll` with `select.epoll`'s unit of time, for systems without epoll."""

    def __init__(self) -> None:
        self._poll = select.poll()

    def register(self, fd: int, events: int) -> None:
        self._poll.register(fd, events)

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        return self._poll.poll(timeout * 1000)


def _poller() -> select.epoll | _Poll:
    return select.epoll() if hasattr(select, "epoll") else _Poll()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sfu.worker", description="Started by signaling.")
    parser.add_argument("--channel-fd", type=int, required=True)
    parser.add_argument("--port", type=int, default=0, help="UDP; 0 takes a free one")
    parser.add_argument("--no-tcp", action="store_true", help="no ICE-TCP on the same number")
    parser.add_argument("--log-level", default="INFO")
    return parser.parse_args()


def main() -> int:
    """The process that signaling spawns; exit code 0 after a drain, 2 when the port is taken."""
    arguments = _arguments()
    logging.basicConfig(
        level=arguments.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # A Ctrl-C in the terminal reaches this process too; signaling decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=arguments.channel_fd))
    try:
        udp = UdpSocket(arguments.port)
    except OSError as error:
        log.error("cannot listen on UDP port %d: %s", arguments.port, error.strerror)
        return 2
    worker = Worker(channel, udp, tcp=not arguments.no_tcp)
    signal.signal(signal.SIGTERM, lambda *_: worker.request_stop())
    worker.announce()
    gc.collect()
    gc.freeze()
    gc.disable()
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
