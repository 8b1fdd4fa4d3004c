"""The media worker: one process, one port (UDP, and TCP for who needs it), one loop of its own.

Theory of operation. The loop waits for datagrams and commands, until something is due by time
(`Deadlines`). An idle worker wakes up for every packet; a busy one polls at intervals instead
(`Gather`), the longer the busier it is, so that the cost of a packet falls as load rises. Then:
receive a batch, take it apart, fan it out, send it. What is due ten times a second of every peer is
done piece by piece behind that (`Round`).

Garbage collection never interrupts that: it is switched off, and run by hand now and then after
what exists at the start was frozen. Signaling owns the process through the channel: when it
closes, the worker ends.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import select
import signal
import socket
import sys
import time
from functools import partial
from typing import Final

from qos.histogram import Histogram
from sfu import control, logs
from sfu.drops import DropReason
from sfu.net.srtp import fastest_first
from sfu.net.tcp import TcpSockets, udp_beside_tcp
from sfu.net.udp import SLOT_SIZE, SLOTS, SendBatch, UdpSocket
from sfu.process import rounds
from sfu.process.capture import Captures
from sfu.process.channel import Channel
from sfu.process.deadlines import NEVER, Deadlines
from sfu.process.gather import Gather
from sfu.process.poller import poller
from sfu.process.rounds import Round
from sfu.process.shedding import LoadShedder
from sfu.process.worker_stats import rss_bytes, transport_stats
from sfu.receive.ingress import Ingress
from sfu.room.router import Router
from sfu.room.worker_rooms import WorkerRooms
from sfu.send.egress import Outbox
from sfu.send.forwarder import Forwarder
from sfu.wire import ntp as ntp_time

CONNECTIONS_INTERVAL: Final = 0.1
IDLE_INTERVAL: Final = 0.25
"""Seconds between checks of TCP connections, with and without transports."""
LEVELS_INTERVAL: Final = 0.2
STATS_INTERVAL: Final = 1.0
COLLECT_INTERVAL: Final = 10.0
MAX_BATCHES: Final = 8
"""Batches received in a row before commands and deadlines get their turn."""
MAX_TRACEBACKS: Final = 20
"""Unexpected errors written out in full; the rest is only counted."""

log = logging.getLogger("sfu.worker")


class Worker:
    """All state of the process."""

    def __init__(self, channel: Channel, udp: UdpSocket, tcp: bool = True) -> None:
        """`tcp`: take peers over TCP too, on the same port number."""
        self._channel = channel
        self._udp = udp
        self._tcp = TcpSockets(udp, self._connection_closed, listen=tcp)
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
        self._profiles = fastest_first(time.perf_counter)
        self._gather = Gather(time.monotonic(), time.process_time())
        self._shedder = LoadShedder(time.monotonic())
        self._deadlines = Deadlines(self._unexpected)
        self._round = Round(time.monotonic, self._unexpected)
        begin = self._deadlines.add("a round", self._begin_round, rounds.INTERVAL)
        self._rooms = WorkerRooms(
            channel,
            self._ingress,
            self._forwarder,
            self._outbox,
            self._tcp,
            self._profiles,
            udp.address_size,
            self._deadlines,
            begin,
        )
        self._captures = Captures(self._outbox, udp.port, SLOT_SIZE, self._tcp.unpack_address)
        self._poller = poller()
        self._received_at = 0.0
        self._delays = Histogram()
        """Of what is forwarded, from arrival to send."""
        self._running = True
        self._stop_requested = False
        self._errors = 0
        now = time.monotonic()
        self._next_levels = now
        self._next_stats = now + STATS_INTERVAL
        self._deadlines.add("statistics", self._send_stats).by(self._next_stats)
        self._deadlines.add("TCP connections", self._check_connections).by(now)
        self._deadlines.add("garbage", self._collect_garbage).by(now + COLLECT_INTERVAL)

    def announce(self) -> None:
        """Tell signaling where we listen."""
        self._channel.send(
            control.WorkerReady(
                pid=os.getpid(),
                port=self._udp.port,
                tcp_port=self._tcp.port,
                fingerprint=self._rooms.certificate.fingerprint,
                srtp_profiles=tuple(profile.name for profile in self._profiles),
                features=self._udp.features,
            )
        )

    def run(self) -> None:
        """Serve until drained, or until signaling is gone."""
        wait_for, udp_fd = self._poller, self._udp.fileno()
        for fd in (udp_fd, self._channel.fileno(), self._tcp.fileno()):
            wait_for.register(fd, select.POLLIN)
        while self._running:
            if self._gather.pays and self._receive_later():
                # Under load there is always something: no need to ask what.
                if self._tcp.connections:
                    self._receive_tcp()
            else:
                wait = 0.0 if self._round else max(0.0, self._deadlines.next_at - time.monotonic())
                ready = [fd for fd, _ in wait_for.poll(wait)]
                # Commands first: a transport's first check may come right behind its command.
                if ready and ready != [udp_fd]:
                    self._receive_commands()
                if udp_fd in ready:
                    soon = time.monotonic() - self._received_at < self._gather.seconds
                    self._gather.polled(soon)
                    self._receive()
                if self._tcp.fileno() in ready:
                    self._receive_tcp()
            now = time.monotonic()
            if now >= self._deadlines.next_at:
                self._run_deadlines(now)
            elif self._round:
                self._go_on(now)
            if self._stop_requested:
                self.stop()
        self._tcp.close(time.monotonic())

    def request_stop(self) -> None:
        """Stop at the next turn of the loop; safe in a signal handler."""
        self._stop_requested = True

    def stop(self) -> None:
        """Close every transport and leave the loop."""
        now = time.monotonic()
        self._rooms.close(now)
        self._captures.close()
        self._channel.flush()
        self._running = False

    # Packets.

    def _receive_later(self) -> bool:
        """Sleep what is left of the gathering time, then receive; False if nothing came."""
        left = self._gather.seconds - (time.monotonic() - self._received_at)
        if left > 0:
            time.sleep(left)
        found = self._receive()
        self._gather.polled(found)
        return found

    def _receive(self) -> bool:
        """Work on what has arrived; False if that is nothing."""
        udp = self._udp
        self._received_at = time.monotonic()
        for count in range(MAX_BATCHES):
            sizes, addresses = udp.receive()
            if not sizes:
                return count > 0
            self._process(sizes, addresses, udp.waited)
            if len(sizes) < SLOTS:
                break
        return True

    def _receive_tcp(self) -> None:
        try:
            self._tcp.receive(time.monotonic(), self._process)
        except Exception:
            self._unexpected("a connection")

    def _process(self, sizes: list[int], addresses: bytes, waited: float = 0.0) -> None:
        """`waited`: seconds since the first of them arrived."""
        now = time.monotonic()
        before = self._forwarder.forwarded
        try:
            if self._captures.running:
                # Before anything is deciphered where it lies.
                by_address = self._ingress.by_address
                self._captures.received(sizes, addresses, self._udp.arena.data, by_address)
            self._ingress.receive(sizes, addresses, now)
            self._forwarder.flush(now)
            self._outbox.flush(now)
            sent = self._forwarder.forwarded - before
            if sent:
                took = time.monotonic() - now
                if len(sizes) == 1:
                    self._delays.add(took + waited, sent)
                else:
                    # When the others arrived is not known: evenly since then.
                    self._delays.spread(took, took + waited, sent)
        except Exception:
            # One bad packet may cost its batch, but never everybody's call.
            self._unexpected("packets")

    def _unexpected(self, where: str) -> None:
        self._errors += 1
        if self._errors <= MAX_TRACEBACKS:
            log.exception("unexpected error in %s", where)

    # Time.

    def _run_deadlines(self, now: float) -> None:
        """Everything that is due, and what a busy loop does not ask for in between."""
        self._receive_commands()
        self._receive_tcp()
        self._deadlines.run(now)
        self._send_what_waits(now)

    def _send_what_waits(self, now: float) -> None:
        try:
            self._forwarder.flush(now)
            self._outbox.flush(now)
        except Exception:
            self._unexpected("sending")
        self._channel.flush()

    def _check_connections(self, now: float) -> float:
        self._tcp.tick(now)
        return now + (CONNECTIONS_INTERVAL if self._rooms else IDLE_INTERVAL)

    def _send_stats(self, now: float) -> float:
        # Steady, although the loop is not: else a second would now and then have none.
        self._next_stats = max(self._next_stats, now - STATS_INTERVAL) + STATS_INTERVAL
        self._channel.send(self._stats(now))
        for state in self._captures.tick():
            self._channel.send(state)
        return self._next_stats

    def _collect_garbage(self, now: float) -> float:
        gc.collect()
        return now + COLLECT_INTERVAL

    def _begin_round(self, now: float) -> float:
        """Due while there are transports; what is left of the last round comes first."""
        if not self._rooms:
            return NEVER
        self._gather.measure(now, time.process_time())
        if self._shedder.update(self._gather.load, now):
            log.warning("load %.2f of a core: step %d", self._gather.load, self._shedder.step)
            self._rooms.set_shed(self._shedder.shed)
        levels_due = now >= self._next_levels
        if levels_due:
            self._next_levels = now + LEVELS_INTERVAL
        self._round.finish(now, self._ntp(now))
        for router in self._rooms.routers.values():
            self._round.add(router.room, router.steps())
            self._round.add(router.room, [partial(self._report_room, router, levels_due)])
        return now + rounds.INTERVAL

    def _go_on(self, now: float) -> None:
        """Some more of the round."""
        self._round.go_on(now, self._ntp(now))
        self._send_what_waits(now)

    def _ntp(self, now: float) -> int:
        return ntp_time.from_unix(now + self._wall_offset)

    def _report_room(self, router: Router, levels_due: bool, now: float, _: int) -> None:
        """What signaling should know of a room whose peers have all had their turn."""
        for event in router.changed_demands(now):
            self._channel.send(event)
        for states in router.changed_states(now):
            self._channel.send(states)
        levels = router.changed_levels() if levels_due else None
        if levels is not None:
            self._channel.send(control.AudioLevels(router.id, levels))

    # Commands.

    def _receive_commands(self) -> None:
        rooms = self._rooms
        for command in self._channel.receive():
            if isinstance(command, control.Drain):
                self.stop()
                continue
            try:
                now = time.monotonic()
                if isinstance(command, control.StartCapture | control.StopCapture):
                    self._start_or_stop_capture(command)
                else:
                    rooms.execute(command, now)
                self._outbox.flush(now)
            except Exception:
                self._unexpected(type(command).__name__)
        if self._channel.is_closed and self._running:
            log.warning("signaling is gone, so this worker ends")
            self.stop()

    def _start_or_stop_capture(self, command: control.StartCapture | control.StopCapture) -> None:
        if isinstance(command, control.StopCapture):
            self._captures.stop(command.capture)
            return
        state = self._captures.start(command, self._rooms.endpoints_of(command.transports))
        if state is not None:
            self._channel.send(state)

    def _connection_closed(self, address: bytes, now: float) -> None:
        self._rooms.connection_closed(address, now)

    # Statistics.

    def _stats(self, now: float) -> control.WorkerStats:
        drops = {str(reason): count for reason, count in self._ingress.drops.items() if count}
        for reason, count in (
            (DropReason.SEND_BUFFER_FULL, self._batch.overflowed),
            (DropReason.SEND_REFUSED, self._batch.refused + self._forwarder.refused),
            (DropReason.TOO_OLD, self._forwarder.too_old),
            (DropReason.NO_CONSENT, self._outbox.nowhere.dropped),
            (DropReason.CAPTURE_SLOW, self._captures.dropped),
            *self._tcp.drops.items(),
        ):
            if count:
                drops[reason] = drops.get(reason, 0) + count
        if self._errors:
            drops["unexpectedError"] = self._errors
        endpoints = self._rooms.endpoints()
        unpack = self._tcp.unpack_address
        per_transport = tuple(
            [
                transport_stats(endpoint, now, unpack, self._tcp.connections)
                for endpoint in endpoints
            ]
        )
        return control.WorkerStats(
            at=now,
            cpu_seconds=time.process_time(),
            rss_bytes=rss_bytes(),
            packets_received=self._ingress.packets,
            packets_forwarded=self._forwarder.forwarded,
            bytes_received=self._ingress.octets,
            bytes_sent=sum(stats.bytes_sent for stats in per_transport),
            routers=len(self._rooms.routers),
            transports=len(endpoints),
            gather_ms=self._gather.seconds * 1000,
            drops=drops,
            shedding=self._shedder.step,
            forwarding_delay=tuple(self._delays.counts),
            per_transport=per_transport,
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sfu.worker", description="Started by signaling.")
    parser.add_argument("--channel-fd", type=int, required=True)
    parser.add_argument("--port", type=int, default=0, help="UDP; 0 takes a free one")
    parser.add_argument("--host", default="", help="IP address to take media at; empty for all")
    parser.add_argument("--no-tcp", action="store_true", help="no ICE-TCP on the same number")
    parser.add_argument("--log-level", default="INFO")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")
    return parser.parse_args()


def main() -> int:
    """The process that signaling spawns; exit code 0 after a drain, 2 when the port is taken."""
    arguments = _arguments()
    logs.set_up(arguments.log_level, arguments.log_format)
    # A Ctrl-C in the terminal reaches this process too; signaling decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(socket.socket(fileno=arguments.channel_fd))
    try:
        make = UdpSocket if arguments.no_tcp else udp_beside_tcp
        udp = make(arguments.port, host=arguments.host)
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
