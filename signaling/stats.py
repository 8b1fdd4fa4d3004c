"""What /api/stats reports: counters of the server and its workers, in camelCase."""

from __future__ import annotations

import os
import time
from typing import Any

import psutil

from sfu.control import TransportStats
from signaling.conference.rooms import Rooms
from signaling.worker_pool import Worker, WorkerPool


def collect(rooms: Rooms, pool: WorkerPool, uptime: float) -> dict[str, Any]:
    """`uptime` in seconds."""
    return {
        "workers": [_worker(rooms, worker) for worker in pool.workers],
        "server": {
            "pid": os.getpid(),
            "cpuSeconds": time.process_time(),
            "rssBytes": psutil.Process().memory_info().rss,
            "rooms": len(rooms.rooms),
            "participants": sum(len(room.participants) for room in rooms.rooms.values()),
            "uptimeSeconds": round(uptime, 3),
        },
    }


def _worker(rooms: Rooms, worker: Worker) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "pid": worker.process.pid,
        "port": worker.port,
        "tcpPort": worker.tcp_port,
    }
    stats = worker.stats
    if stats is None:
        return entry
    return entry | {
        "cpuSeconds": stats.cpu_seconds,
        "rssBytes": stats.rss_bytes,
        "packetsReceived": stats.packets_received,
        "packetsForwarded": stats.packets_forwarded,
        "bytesReceived": stats.bytes_received,
        "bytesSent": stats.bytes_sent,
        "routers": stats.routers,
        "transports": stats.transports,
        "gatherMs": stats.gather_ms,
        "shedding": stats.shedding,
        "drops": stats.drops,
        "perTransport": [_transport(rooms, one) for one in stats.per_transport],
    }


def _transport(rooms: Rooms, stats: TransportStats) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "transport": stats.transport,
        "room": None,
        "participant": None,
        "direction": None,
        "packetsReceived": stats.packets_received,
        "bytesReceived": stats.bytes_received,
        "packetsSent": stats.packets_sent,
        "bytesSent": stats.bytes_sent,
        "rttMs": stats.rtt_ms,
        "lossPercent": stats.loss_percent,
        "jitterMs": stats.jitter_ms,
        "estimateBps": stats.estimate_bps,
        "targetBps": stats.target_bps,
    }
    room = rooms.room_of(stats.transport)
    if room is not None:
        entry["room"] = room.name
        if found := room.media.find(stats.transport):
            participant, connection = found
            entry |= {"participant": participant.id, "direction": connection.direction}
    return entry
