"""Ports that cannot be had: who has them, and what to do about it.

Looked at before anything is started, because a media worker that finds its port taken could only
fail with an error of its own.
"""

from __future__ import annotations

import errno
import socket

import psutil

from signaling.config import Config, ConfigError

_KINDS = {"UDP": socket.SOCK_DGRAM, "TCP": socket.SOCK_STREAM}


def check_media(settings: Config, host: str) -> None:
    """Whether every worker can have its port. `host`: where media is received; empty: everywhere.

    Raises `ConfigError`, whose text is what to do.
    """
    for index in range(settings.worker_count if settings.media_port else 1):
        port = settings.media_port and settings.media_port + index
        _check("UDP", host, port, settings)
        if settings.ice_tcp:
            _check("TCP", host, port, settings)


def page_trouble(settings: Config, error: OSError) -> str:
    """The error when pages cannot be served at the port that was wanted."""
    where = f"{settings.host or '*'} port {settings.port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"TCP {where} is in use{_holder('TCP', settings.port)}: "
            "stop what uses it, or choose another with --port"
        )
    if error.errno == errno.EACCES:
        return f"{where} needs more rights: choose a port above 1023 with --port"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"host {settings.host!r} is not an address of this machine"
    return f"cannot listen on {where}: {error.strerror or error}"


def _check(name: str, host: str, port: int, settings: Config) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, _KINDS[name]) as probe:
        if name == "TCP":
            # Connections of an earlier start may linger; that is no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(_media_trouble(name, host, port, settings, error)) from None


def _media_trouble(name: str, host: str, port: int, settings: Config, error: OSError) -> str:
    if error.errno == errno.EADDRNOTAVAIL:
        setting = "media_host" if settings.media_host else "host"
        return f"{setting} {host!r} is not an address of this machine"
    where = f"{name} port {port} (media_port)"
    if error.errno == errno.EACCES:
        return f"{where} needs more rights: choose ports above 1023 with --media-port"
    if error.errno != errno.EADDRINUSE:
        return f"{where} cannot be had: {error.strerror}"
    last = settings.media_port + settings.worker_count - 1
    ports = f"port {port}" if last == settings.media_port else f"ports {settings.media_port}-{last}"
    without = ", or go without media over TCP: --no-ice-tcp" if name == "TCP" else ""
    return (
        f"{where} is in use{_holder(name, port)}: stop what uses it, or choose another with "
        f"--media-port (0 takes any free one; {ports} would be needed here){without}"
    )


def _holder(name: str, port: int) -> str:
    """` by sfu (process 4711)`; empty where the system does not show it."""
    try:
        for entry in psutil.net_connections("udp" if name == "UDP" else "tcp"):
            listens = name == "UDP" or entry.status == psutil.CONN_LISTEN
            if listens and entry.laddr and entry.laddr.port == port and entry.pid:
                return f" by {psutil.Process(entry.pid).name()} (process {entry.pid})"
    except (psutil.Error, OSError, RuntimeError, ValueError):
        pass  # It is a hint only, and not every system or user may read it.
    return ""
