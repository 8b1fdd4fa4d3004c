"""A link program: moves frames between two interfaces with the delay of a `Line`, or drops them.

    python -m bench.impair.link INTERFACE INTERFACE SEED

Theory of operation. It runs in a namespace between two others and knows no address: what comes in
at one interface leaves at the other (packet(7) sockets), in the order of a heap of due times.
With each frame goes the kernel's note on its checksum (PACKET_VNET_HDR), so that a checksum that
the sender left to its card is still accepted by the receiver, with no offload switched off.
ARP is delayed and never lost: no wide area network carries it.

Each line on standard input is a JSON object, `down` (first to second interface) and `up` being
the fields of a `Profile` that is in force from then on; a direction that is not named stays as
it is. Each line is answered by one with the counters of both. End of input ends the program.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import select
import socket
import sys
import time
from typing import Any, Final

from bench.impair.line import Line, Profile

DIRECTIONS: Final = ("down", "up")
_SOL_PACKET: Final = 263
"""Options of packet(7) that the socket module does not name (linux/if_packet.h)."""
_VNET_HDR: Final = 15
_IGNORE_OUTGOING: Final = 23
_ETH_P_ALL: Final = 3
_NOTE: Final = 10
"""Bytes of virtio_net_hdr before each frame."""
_ETHER_TYPE: Final = slice(_NOTE + 12, _NOTE + 14)
_ARP: Final = b"\x08\x06"
_LARGEST: Final = 1 << 16
_BUFFER: Final = 8 << 20
"""Bytes; a stall's worth of packets must fit."""
_AT_ONCE: Final = 64
"""Frames read from one interface before the heap is checked again."""
_NICENESS: Final = -10
"""Before browsers and server: lateness of this program would be part of the link."""


def _open(interface: str) -> socket.socket:
    found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    found.setsockopt(_SOL_PACKET, _VNET_HDR, 1)
    found.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    found.bind((interface, 0))
    found.setblocking(False)
    return found


class Link:
    """Both directions and their heap."""

    def __init__(self, interfaces: tuple[str, str], seed: int) -> None:
        self.lines = [Line(Profile(), seed), Line(Profile(), seed + 1)]
        self.latest = 0.0
        """By how much the latest frame since the last change of profile was late (seconds)."""
        self._sockets = [_open(interface) for interface in interfaces]
        self._heap: list[tuple[float, int, int, bytes]] = []
        self._serial = 0

    def run(self) -> None:
        """Until standard input ends."""
        while True:
            self._send_due()
            wait = max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None
            ready, _, _ = select.select([sys.stdin, *self._sockets], [], [], wait)
            for number, source in enumerate(self._sockets):
                if source in ready:
                    self._take(number, source)
            if sys.stdin in ready and not self._obey(sys.stdin.readline()):
                return

    def _send_due(self) -> None:
        heap = self._heap
        while heap and heap[0][0] <= (now := time.monotonic()):
            due, _, number, frame = heapq.heappop(heap)
            self.latest = max(self.latest, now - due)
            # An interface that is down, or full, loses it as a cable would.
            with contextlib.suppress(OSError):
                self._sockets[1 - number].send(frame)

    def _take(self, number: int, source: socket.socket) -> None:
        line = self.lines[number]
        for _ in range(_AT_ONCE):
            try:
                frame = source.recv(_LARGEST)
            except OSError:
                return
            now = time.monotonic()
            due = line.send(len(frame) - _NOTE, now, frame[_ETHER_TYPE] == _ARP)
            if due is not None:
                self._serial += 1
                heapq.heappush(self._heap, (due, self._serial, number, frame))

    def _obey(self, text: str) -> bool:
        if not text:
            return False
        asked = json.loads(text)
        for line, direction in zip(self.lines, DIRECTIONS, strict=True):
            if direction in asked:
                line.change(Profile(**asked[direction]))
                self.latest = 0.0
        print(json.dumps(self._counters()), flush=True)
        return True

    def _counters(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            direction: {
                "passed": line.passed, "lost": line.lost, "overflowed": line.overflowed,
            }
            for line, direction in zip(self.lines, DIRECTIONS, strict=True)
        }  # fmt: skip
        return {**found, "latestMs": round(self.latest * 1000, 2)}


def main() -> None:
    """See the module's text."""
    with contextlib.suppress(PermissionError):
        os.nice(_NICENESS)
    first, second, seed = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        Link((first, second), int(seed)).run()


if __name__ == "__main__":
    main()
