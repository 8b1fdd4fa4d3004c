"""A star of network namespaces whose links can be made bad, one at a time.

Theory of operation. The server lives in the hub and has one address, on the hub's loopback
interface; each browser has a namespace of its own, the spoke, joined to the hub by a veth pair.
Both ends are unnumbered (host routes only), so that the server has one address to offer and
nobody gets a second path. Links are impaired without netem:

  - loss: an nftables rule at the receiving side of each direction drops UDP at random;
  - rate: a token bucket at the sending side, with a queue of 300 ms;
  - outage: the hub's end is taken down, so that the spoke loses its carrier;
  - no UDP: a rule at both ends drops all of it;
  - delay, jitter, stalls, bursts of loss: a link program (`bench.impair.link`) in a namespace of
    its own between hub and spoke, for those spokes that ask for one. It impairs all that passes,
    TCP too, and its own queue can be combined with delay and loss.

The kernel hands a batch that was sent with UDP_SEGMENT over a veth pair as one packet; loss would
then take whole batches. `gso_max_segs 1` on each end makes it cut them first.

Everything lives in namespaces of its own, so deleting these takes back all rules; whatever still
runs in them is killed by its process id.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.impair.line import Profile
from bench.impair.link_process import LinkProcess
from bench.servers.netns import NamespaceError

HUB_ADDRESS = "10.77.0.1"
QUEUE_MS = 300
BURST = "8kb"
SEED = 20261129
"""Of the first link program's random numbers."""
_PREFIX = "impair"
_MIDDLE_INTERFACES = ("to-hub", "to-spoke")
"""Of a link program."""
_NAMESPACES = Path("/run/netns")
_TCP = Path("/proc/sys/net/ipv4")


def missing() -> str:
    """What is needed and not there, in words; empty when a star can be made."""
    if os.geteuid() != 0:
        return "network namespaces are needed, and making them needs root (sudo)"
    for command, package in (("ip", "iproute2"), ("tc", "iproute2"), ("nft", "nftables")):
        if shutil.which(command) is None:
            return f"the command `{command}` is needed: Debian package {package}"
    return ""


def _run(*command: str, text: str = "") -> str:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, input=text, timeout=20
    )
    if done.returncode:
        raise NamespaceError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def loss_rules(interface: str, loss_percent: float, no_udp: bool) -> str:
    """The nftables script that makes what comes in by `interface` as bad as that.

    It replaces the rules that a former script made.
    """
    udp = f'iifname "{interface}" meta l4proto udp'
    rules = []
    if no_udp:
        rules.append(f"{udp} counter drop")
    elif loss_percent:
        rules.append(f"{udp} numgen random mod 10000 < {round(loss_percent * 100)} counter drop")
    lines = "\n".join(f"    {rule}" for rule in rules)
    return (
        "table inet bench\ndelete table inet bench\n"
        "table inet bench {\n  chain input {\n"
        "    type filter hook input priority 0; policy accept;\n"
        f"{lines}\n  }}\n}}\n"
    )


@dataclass
class Spoke:
    """One browser's namespace and its link to the hub."""

    hub: str
    namespace: str
    interface: str
    """In the spoke."""
    hub_interface: str
    address: str
    middle: str = ""
    """Namespace of the link program; empty without one."""
    link: LinkProcess | None = None

    def connect(self, seed: int = 0) -> None:
        """Make it; `seed` is the link program's. Raises `NamespaceError`."""
        _run("ip", "netns", "add", self.namespace)
        if self.middle:
            _run("ip", "netns", "add", self.middle)
            for near, end in zip(_MIDDLE_INTERFACES, self._ends, strict=True):
                _veth(self.middle, near, *end)
                # No neighbour discovery of its own.
                _run("ip", "-n", self.middle, "link", "set", "dev", near, "addrgenmode", "none",
                     "gso_max_segs", "1", "up")  # fmt: skip
        else:
            _veth(self.hub, self.hub_interface, self.namespace, self.interface)
        _run("ip", "-n", self.namespace, "address", "add", f"{self.address}/32",
             "dev", self.interface)  # fmt: skip
        _run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        for namespace, interface in self._ends:
            # No neighbour discovery of its own: what crosses the link is the call's.
            _run("ip", "-n", namespace, "link", "set", "dev", interface, "addrgenmode", "none",
                 "gso_max_segs", "1")  # fmt: skip
            _run("ip", "-n", namespace, "link", "set", "dev", interface, "up")
        self._route()
        if self.middle:
            self.link = LinkProcess(inside(self.middle), _MIDDLE_INTERFACES, seed)

    def disconnect(self) -> None:
        """Remove it, with whatever runs in it."""
        if self.link is not None:
            self.link.close()
        for namespace in filter(None, (self.namespace, self.middle)):
            _remove(namespace)

    @property
    def _ends(self) -> tuple[tuple[str, str], tuple[str, str]]:
        return (self.hub, self.hub_interface), (self.namespace, self.interface)

    def _route(self) -> None:
        """The kernel forgets a route when its interface goes down."""
        _run("ip", "-n", self.hub, "route", "replace", f"{self.address}/32",
             "dev", self.hub_interface, "src", HUB_ADDRESS)  # fmt: skip
        _run("ip", "-n", self.namespace, "route", "replace", f"{HUB_ADDRESS}/32",
             "dev", self.interface, "src", self.address)  # fmt: skip

    def impair(self, down: Profile | None = None, up: Profile | None = None) -> None:
        """Tell the link program what it does from now on; None leaves a direction as it is.

        Raises `NamespaceError` where there is no link program.
        """
        if self.link is None:
            raise NamespaceError(f"{self.namespace} has no link program")
        self.link.change(down, up)

    def loss(self, percent: float) -> None:
        """Drop UDP at random, in both directions."""
        for namespace, interface in self._ends:
            self._rules(namespace, loss_rules(interface, percent, False))

    def no_udp(self) -> None:
        """Drop all UDP, in both directions."""
        for namespace, interface in self._ends:
            self._rules(namespace, loss_rules(interface, 0, True))

    def _rules(self, namespace: str, script: str) -> None:
        _run("ip", "netns", "exec", namespace, "nft", "-f", "-", text=script)

    def dropped(self) -> tuple[int, int]:
        """Packets that the rules dropped so far: on the downlink, on the uplink."""
        up, down = (
            sum(int(n) for n in re.findall(r"counter packets (\d+)", self._listing(namespace)))
            for namespace, _ in self._ends
        )
        return down, up

    def _listing(self, namespace: str) -> str:
        return _run("ip", "netns", "exec", namespace, "nft", "list", "ruleset")

    def rate(self, down_kbps: int = 0, up_kbps: int = 0) -> None:
        """Limit each direction; 0 leaves it free."""
        for (namespace, interface), kbps in zip(self._ends, (down_kbps, up_kbps), strict=True):
            base = ("tc", "-n", namespace, "qdisc")
            if kbps:
                _run(*base, "replace", "dev", interface, "root", "tbf", "rate", f"{kbps}kbit",
                     "burst", BURST, "latency", f"{QUEUE_MS}ms")  # fmt: skip
            else:
                # There may be none to delete.
                with contextlib.suppress(NamespaceError):
                    _run(*base, "delete", "dev", interface, "root")

    def down(self) -> None:
        """Nothing goes through, and the spoke sees that its carrier is gone."""
        _run("ip", "-n", self.hub, "link", "set", "dev", self.hub_interface, "down")

    def up(self) -> None:
        """After `down`."""
        _run("ip", "-n", self.hub, "link", "set", "dev", self.hub_interface, "up")
        self._route()


def _veth(namespace: str, interface: str, far_namespace: str, far_interface: str) -> None:
    peer = ("peer", "name", far_interface, "netns", far_namespace)
    _run("ip", "-n", namespace, "link", "add", interface, "type", "veth", *peer)


def inside(namespace: str) -> list[str]:
    """The words before a command that is to run there."""
    return ["ip", "netns", "exec", namespace]


@dataclass(frozen=True)
class Star:
    """The hub and its spokes."""

    hub: str
    spokes: tuple[Spoke, ...]


@contextlib.contextmanager
def congestion_control(namespace: str, name: str) -> Iterator[None]:
    """Let TCP connections accepted by listeners that are opened there use this one.

    A namespace may only choose what the kernel's list allows to everybody: the name is on it
    meanwhile. Raises `NamespaceError` where the kernel has none of that name.
    """
    if name not in (_TCP / "tcp_available_congestion_control").read_text().split():
        raise NamespaceError(f"this kernel has no TCP congestion control `{name}`")
    listed = _TCP / "tcp_allowed_congestion_control"
    before = listed.read_text()
    try:
        if name not in before.split():
            listed.write_text(f"{before.strip()} {name}")
        _run(*inside(namespace), "sysctl", "-q", "-w", f"net.ipv4.tcp_congestion_control={name}")
        yield
    finally:
        if name not in before.split():
            listed.write_text(before)


@contextlib.contextmanager
def star(count: int, linked: Collection[int] = ()) -> Iterator[Star]:
    """Make a hub with `count` spokes; remove all of it at the end. Raises `NamespaceError`.

    Those whose number (from 0) is in `linked` have a link program between them and the hub.
    """
    if reason := missing():
        raise NamespaceError(reason)
    _sweep()
    name = f"{_PREFIX}-{os.getpid()}"
    spokes = tuple(
        Spoke(
            name, f"{name}-{number}", f"spoke{number}", f"hub{number}", f"10.77.0.{number + 1}",
            f"{name}-{number}-link" if number - 1 in linked else "",
        )
        for number in range(1, count + 1)
    )  # fmt: skip
    made = Star(name, spokes)
    try:
        _run("ip", "netns", "add", name)
        _run("ip", "-n", name, "link", "set", "lo", "up")
        _run("ip", "-n", name, "address", "add", f"{HUB_ADDRESS}/32", "dev", "lo")
        for number, spoke in enumerate(spokes):
            spoke.connect(SEED + 2 * number)
        yield made
    finally:
        _remove(name)
        for spoke in spokes:
            spoke.disconnect()


def _remove(namespace: str) -> None:
    """Kill what runs there, then delete it."""
    if not (_NAMESPACES / namespace).exists():
        return
    with contextlib.suppress(NamespaceError, subprocess.TimeoutExpired):
        for pid in _run("ip", "netns", "pids", namespace).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    with contextlib.suppress(NamespaceError, subprocess.TimeoutExpired):
        _run("ip", "netns", "delete", namespace)


def _sweep() -> None:
    """Remove what a killed run left behind."""
    for path in _NAMESPACES.glob(f"{_PREFIX}-*"):
        owner = path.name.split("-")[1]
        if owner.isdigit() and not Path("/proc", owner).exists():
            _remove(path.name)
