"""The driver process: the media of many simulated participants in one epoll loop.

Theory of operation. Started by `light.fleet` with three descriptors: the channel, the recordings
and the send table (both memory files, shared by all drivers). Every transport has its own
socket, as a browser's has. One heap holds what is due: frames, pacer steps, RTCP, checks. The
loop ends when the channel does. How late it is to send what was due is measured all the time,
because a load generator that cannot keep up measures itself and not the server.
"""

from __future__ import annotations

import gc
import heapq
import itertools
import mmap
import os
import secrets
import select
import socket
import sys
import time
from collections.abc import Callable

from bench.lateness import Lateness
from bench.light import channel, talk
from bench.light.association import Association
from bench.light.receiver import Receiver, TrackCounter, Window, choose_sample
from bench.light.sender import PACER_STEP_NS, OutgoingStream, Publisher, phase
from bench.light.transport import Transport
from bench.light.wire import BATCH, SLOT_BYTES, ReceiveBatch, SendBatch
from bench.recordings.library import Library, received
from bench.recordings.recording import index_layers, index_payloads
from sfu.control import Unframer, frame
from sfu.net.dtls import Certificate

RTCP_SECONDS = 1.0
FEEDBACK_SECONDS = 0.1
"""Between transport-cc feedbacks, as libwebrtc at these rates."""

REQUEST_STEP_NS = 10_000_000
"""Between checks for missing packets."""

_SECOND = 1_000_000_000


class Driver:
    """Runs until the channel is closed."""

    def __init__(self, connection: socket.socket, library: Library, table: memoryview) -> None:
        self._connection = connection
        self._unframer = Unframer()
        self._library = library
        self._times = table
        self._index = {
            "audio": index_payloads(library.audio),
            "video": index_layers(library.videos()),
        }
        if library.screen is not None:
            self._index["screen"] = index_payloads(library.screen)
        self._certificate = Certificate.generate()
        self._epoll = select.epoll()
        self._transports: dict[int, Transport] = {}
        self._by_fd: dict[int, Transport] = {}
        self._receive, self._send = ReceiveBatch(), SendBatch()
        self._window = Window()
        self._heap: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = itertools.count()
        self._open = True
        self._late = Lateness()
        self._began: tuple[float, float] | None = None
        self._cpu = self._wall = 0.0
        self._gone = 0

    def run(self) -> None:
        """The loop."""
        self._epoll.register(self._connection.fileno(), select.EPOLLIN)
        self._report(channel.Ready(self._certificate.fingerprint))
        while self._open:
            wait = 1.0
            if self._heap:
                wait = max(0.0, (self._heap[0][0] - time.monotonic_ns()) / _SECOND)
            for fd, _ in self._epoll.poll(wait, 256):
                transport = self._by_fd.get(fd)
                if transport is not None:
                    self._read(transport)
                elif fd == self._connection.fileno():
                    self._commands()
            self._run_due()
        for transport in list(self._transports.values()):
            self._close(transport)

    def _at(self, when: int, action: Callable[[int], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), action))

    def _run_due(self) -> None:
        now = time.monotonic_ns()
        while self._heap and self._heap[0][0] <= now:
            when, _, action = heapq.heappop(self._heap)
            action(when)

    # Packets in.

    def _read(self, transport: Transport) -> None:
        association, receiver, batch = transport.association, transport.receiver, self._receive
        data, lengths = batch.data, batch.lengths
        count = BATCH
        while count == BATCH:
            count = batch.receive(association.fd)
            arrivals = batch.arrivals
            context = association.inbound
            for slot in range(count):
                at = slot * SLOT_BYTES
                size = lengths[slot]
                if 128 <= data[at] < 192 and size > 12 and context is not None:
                    if 192 <= data[at + 1] < 224:
                        transport.receive_rtcp(bytes(data[at : at + size]))
                    else:
                        receiver.packet(batch, slot, size, context, arrivals[slot])
                elif size:
                    association.datagram(bytes(data[at : at + size]), arrivals[slot] / _SECOND)
                    context = association.inbound
        if receiver.waiting and not transport.requesting:
            self._request(transport, time.monotonic_ns())
        if not transport.announced:
            self._announce(transport)
        elif not transport.complete and receiver.complete():
            transport.complete = True
            self._report(channel.Receiving(transport.number))

    def _request(self, transport: Transport, due: int) -> None:
        """Ask for what is missing, until nothing is."""
        if not transport.connected:
            return
        transport.request_missing(due)
        if transport.requesting:
            self._at(due + REQUEST_STEP_NS, lambda next_due: self._request(transport, next_due))

    # Transports.

    def _announce(self, transport: Transport) -> None:
        association = transport.association
        if association.state == "connected":
            transport.announced = True
            self._report(channel.Connected(transport.number, association.profile))
            self._start_media(transport)
        elif association.state == "failed":
            transport.announced = True
            self._report(channel.Failed(transport.number, association.reason))

    def _open_transport(self, plan: channel.OpenTransport) -> None:
        now = time.monotonic_ns()
        try:
            association = Association(plan, self._certificate, now / _SECOND)
        except OSError as error:
            self._report(channel.Failed(plan.transport, str(error)))
            return
        streams = [
            OutgoingStream(
                stream,
                self._library.of(stream.kind, stream.rid),
                self._library.base(plan.participant, stream.kind, stream.rid),
                plan.extensions,
                plan.participant,
                talk.levels_of(self._library, plan.participant),
                dtx=self._library.dtx,
            )
            for stream in plan.streams
        ]
        transport = Transport(
            association,
            Publisher(streams, self._times, self._window, self._send),
            Receiver(self._times, self._window, plan.extensions.transport_cc),
            streams[0].ssrc if streams else secrets.randbits(32),
        )
        self._transports[plan.transport] = transport
        self._by_fd[association.fd] = transport
        self._epoll.register(association.fd, select.EPOLLIN)
        self._tick(transport, now)

    def _tick(self, transport: Transport, _: int) -> None:
        if transport.association.state == "closed":
            return
        now = time.monotonic_ns()
        before = transport.association.state
        wait = transport.association.tick(now / _SECOND)
        if not transport.announced:
            self._announce(transport)
        elif before == "connected" and transport.association.state == "failed":
            self._report(channel.Failed(transport.number, transport.association.reason))
        self._at(now + int(wait * _SECOND), lambda due: self._tick(transport, due))

    def _start_media(self, transport: Transport) -> None:
        now = time.monotonic_ns()
        participant = transport.participant
        for stream in transport.publisher.streams:
            step = stream.interval_ns
            first = now - now % step + step + phase(participant, step)
            self._schedule_frame(transport, stream, first)
        if transport.publisher.streams:
            self._at(now, lambda due: self._sender_reports(transport, due))
        else:
            offset = phase(participant, int(FEEDBACK_SECONDS * _SECOND))
            self._at(now + offset, lambda due: self._feedback(transport, due))
            offset = phase(participant, int(RTCP_SECONDS * _SECOND))
            self._at(now + offset, lambda due: self._reports(transport, due))

    def _schedule_frame(self, transport: Transport, stream: OutgoingStream, when: int) -> None:
        self._at(when, lambda due: self._frame(transport, stream, due))

    def _frame(self, transport: Transport, stream: OutgoingStream, due: int) -> None:
        if not transport.connected:
            return
        self._late.note((time.monotonic_ns() - due) / _SECOND)
        waiting = bool(stream.queue)
        stream.next_frame(due)
        if not waiting:
            self._flush(transport, stream, due)
        self._schedule_frame(transport, stream, due + stream.interval_ns)

    def _flush(self, transport: Transport, stream: OutgoingStream, due: int) -> None:
        context = transport.association.outbound
        if context is None or not transport.connected:
            return
        fd = transport.association.fd
        if transport.publisher.flush(stream, fd, context, time.monotonic_ns):
            self._at(due + PACER_STEP_NS, lambda next_due: self._flush(transport, stream, next_due))

    # RTCP out.

    def _sender_reports(self, transport: Transport, due: int) -> None:
        if transport.connected:
            transport.send_sender_reports(time.time())
            self._at(due + _SECOND, lambda next_due: self._sender_reports(transport, next_due))

    def _reports(self, transport: Transport, due: int) -> None:
        if transport.connected:
            transport.association.send_rtcp(transport.receiver.report(transport.ssrc))
            again = due + int(RTCP_SECONDS * _SECOND)
            self._at(again, lambda next_due: self._reports(transport, next_due))

    def _feedback(self, transport: Transport, due: int) -> None:
        if transport.connected:
            transport.association.send_rtcp(transport.receiver.feedback(transport.ssrc))
            again = due + int(FEEDBACK_SECONDS * _SECOND)
            self._at(again, lambda next_due: self._feedback(transport, next_due))

    def _close(self, transport: Transport) -> None:
        self._gone += sum(track.packets for track in transport.receiver.tracks.values())
        self._epoll.unregister(transport.association.fd)
        del self._by_fd[transport.association.fd]
        del self._transports[transport.number]
        transport.close()

    # The channel.

    def _report(self, event: channel.Event) -> None:
        try:
            self._connection.sendall(frame(event))
        except OSError:
            self._open = False

    def _commands(self) -> None:
        try:
            data = self._connection.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            self._open = False
            return
        for body in self._unframer.feed(data):
            self._command(channel.commands.decode(body))

    def _command(self, command: channel.Command) -> None:
        if isinstance(command, channel.OpenTransport):
            self._open_transport(command)
        elif isinstance(command, channel.SetTracks):
            self._set_tracks(command)
        elif isinstance(command, channel.SetLayers):
            self._set_layers(command)
        elif isinstance(command, channel.CloseTransport):
            transport = self._transports.get(command.transport)
            if transport is not None:
                self._close(transport)
        elif isinstance(command, channel.Measure):
            self._measure(command)
        elif isinstance(command, channel.Stop):
            self._window.stop = min(self._window.stop, command.stop)
            self._end_window(command.stop)
        else:
            self._report(self._measured())

    def _set_tracks(self, command: channel.SetTracks) -> None:
        transport = self._transports.get(command.transport)
        if transport is None:
            return
        receiver = transport.receiver
        kept = receiver.tracks
        receiver.tracks = {
            track.ssrc: kept.get(track.ssrc) or self._counter(track) for track in command.tracks
        }
        self._gone += sum(t.packets for ssrc, t in kept.items() if ssrc not in receiver.tracks)
        receiver.repairs = {t.repair_ssrc: t.ssrc for t in command.tracks if t.repair_ssrc}
        for media_ssrc in receiver.repairs.values():
            receiver.tracks[media_ssrc].waiting = receiver.waiting
        receiver.awaited = {track.ssrc for track in command.tracks if track.awaited}
        transport.complete = False

    def _set_layers(self, command: channel.SetLayers) -> None:
        transport = self._transports.get(command.transport)
        for stream in transport.publisher.streams if transport is not None else ():
            if stream.mid == command.mid:
                stream.set_active(stream.rid in command.rids)

    def _counter(self, track: channel.Track) -> TrackCounter:
        counter = TrackCounter(
            track.kind,
            track.publisher,
            self._library.base(track.publisher, track.kind),
            self._index[track.kind],
            self._library.of(track.kind).clock_rate,
        )
        counter.opaque = track.opaque
        return counter

    def _measure(self, command: channel.Measure) -> None:
        self._window.start, self._window.stop = command.start, command.stop
        for transport in self._transports.values():
            transport.receiver.clear()
            for stream in transport.publisher.streams:
                stream.clear()
        self._gone = 0
        choose_sample([transport.receiver for transport in self._transports.values()])
        gc.collect()
        self._at(command.start, self._begin_window)
        self._at(command.stop, self._end_window)

    def _begin_window(self, due: int) -> None:
        self._late.clear()
        self._began = (time.process_time(), time.monotonic())
        self._at(due + _SECOND, self._progress)

    def _progress(self, due: int) -> None:
        if self._began is None:
            return
        packets = size = delay = 0
        for transport in self._transports.values():
            for track in transport.receiver.tracks.values():
                packets += track.packets
                size += track.bytes
                delay += track.delay_sum
        self._report(channel.Progress(time.monotonic_ns(), packets, size, delay))
        self._at(due + _SECOND, self._progress)

    def _end_window(self, _: int) -> None:
        if self._began is not None:
            self._cpu = time.process_time() - self._began[0]
            self._wall = time.monotonic() - self._began[1]
            self._began = None

    def _measured(self) -> channel.Measured:
        publishers = [s for t in self._transports.values() for s in t.publisher.streams]
        receivers = [
            (t.participant, t.receiver) for t in self._transports.values() if t.receiver.tracks
        ]
        return channel.Measured(
            sent=tuple(stream.result() for stream in publishers),
            received=tuple(
                track.result(who) for who, r in receivers for track in r.tracks.values()
            ),
            delays={
                who: {bucket: n for bucket, n in enumerate(r.delays) if n} for who, r in receivers
            },
            unknown=sum(r.unknown for _, r in receivers),
            refused=sum(r.refused for _, r in receivers),
            extra=sum(r.extra for _, r in receivers),
            gone=self._gone,
            samples=tuple(sample for who, r in receivers for sample in r.samples(who)),
            cpu_seconds=self._cpu,
            wall_seconds=self._wall,
            late_p99_ms=self._late.percentile_ms(0.99) or 0.0,
            late_max_ms=self._late.percentile_ms(1.0) or 0.0,
        )


def main() -> None:
    """`CHANNEL_FD RECORDINGS_FD TABLE_FD`, started by the bench only."""
    connection_fd, library_fd, table_fd = (int(text) for text in sys.argv[1:4])
    library = received(library_fd)
    table = memoryview(mmap.mmap(table_fd, os.fstat(table_fd).st_size)).cast("q")
    driver = Driver(socket.socket(fileno=connection_fd), library, table)
    # Collections stop the loop: let them be rare and pass over what stays for good.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    driver.run()


if __name__ == "__main__":
    main()
