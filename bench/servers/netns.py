"""Two network namespaces joined by a veth pair, so that no loopback shortcut is measured.

The server runs in one (by `ip netns exec`); the bench enters the other itself, and what it
starts from there inherits it. Both are removed at the end, also after Ctrl-C.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CLONE_NEWNET = 0x40000000

SERVER_ADDRESS = "10.99.0.1"
CLIENT_ADDRESS = "10.99.0.2"
SERVER_INTERFACE = "v0"
CLIENT_INTERFACE = "v1"


class NamespaceError(Exception):
    """Namespaces cannot be made here; the text says what is needed."""


@dataclass(frozen=True)
class Link:
    """The two ends."""

    server: str
    """Name of the server's namespace; its interface is `SERVER_INTERFACE`."""
    client: str

    def in_server(self, command: list[str]) -> list[str]:
        """The command, to be run in the server's namespace."""
        return ["ip", "netns", "exec", self.server, *command]


def missing() -> str:
    """What is needed and not there, in words; empty when namespaces can be made."""
    if os.geteuid() != 0:
        return "two network namespaces are needed, and making them needs root (sudo)"
    if shutil.which("ip") is None:
        return "the command `ip` is needed: Debian package iproute2"
    return ""


def _ip(*arguments: str) -> None:
    done = subprocess.run(
        ["ip", *arguments], check=False, capture_output=True, text=True, timeout=20
    )
    if done.returncode:
        raise NamespaceError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def _configure(namespace: str, interface: str, address: str) -> None:
    _ip("-n", namespace, "address", "add", f"{address}/24", "dev", interface)
    _ip("-n", namespace, "link", "set", interface, "up")


@contextlib.contextmanager
def veth_pair() -> Iterator[Link]:
    """Make both namespaces and join them. Raises `NamespaceError`."""
    if reason := missing():
        raise NamespaceError(reason)
    link = Link(f"bench-s-{os.getpid()}", f"bench-c-{os.getpid()}")
    try:
        for name in (link.server, link.client):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        peer = ("peer", "name", CLIENT_INTERFACE, "netns", link.client)
        _ip("-n", link.server, "link", "add", SERVER_INTERFACE, "type", "veth", *peer)
        _configure(link.server, SERVER_INTERFACE, SERVER_ADDRESS)
        _configure(link.client, CLIENT_INTERFACE, CLIENT_ADDRESS)
        yield link
    finally:
        for name in (link.server, link.client):
            with contextlib.suppress(NamespaceError, subprocess.TimeoutExpired):
                _ip("netns", "delete", name)


@contextlib.contextmanager
def entered(namespace: str) -> Iterator[None]:
    """This thread, and what it starts, is in the namespace meanwhile."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        inside = os.open(Path("/run/netns") / namespace, os.O_RDONLY)
        try:
            _setns(inside)
        finally:
            os.close(inside)
        try:
            yield
        finally:
            _setns(before)
    finally:
        os.close(before)


def _setns(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, _CLONE_NEWNET):
        raise NamespaceError(os.strerror(ctypes.get_errno()))
