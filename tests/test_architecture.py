"""Which module may import what, held by reading the source and by running the worker's imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("signaling", "sfu", "qos", "bench")
MAY_IMPORT = {
    "signaling": {"signaling", "sfu", "qos"},
    "sfu": {"sfu", "qos"},
    "qos": {"qos"},
    "bench": {"bench", "signaling", "sfu", "qos"},
}
"""Of the project's own packages."""

ADAPTERS = {
    "qos.__main__": "command line",
    "qos.install_hint": "looks at the running interpreter",
    "sfu.logs": "time of a log line",
    "sfu.net.tcp": "sockets",
    "sfu.net.tcp_connection": "sockets",
    "sfu.net.udp": "sockets",
    "sfu.process.capture": "clock; starts capture files",
    "sfu.process.capture_file": "files, a thread",
    "sfu.process.channel": "sockets",
    "sfu.process.poller": "epoll",
    "sfu.process.worker": "the loop",
    "sfu.process.worker_stats": "memory of the process",
    "sfu.room.worker_rooms": "opens transports on the sockets",
    "signaling.__main__": "the process",
    "signaling.access.guesses": "clock, waiting",
    "signaling.access.passwords": "thread pool",
    "signaling.admin.admin_acts": "acts on rooms and captures",
    "signaling.admin.guard": "HTTP",
    "signaling.admin.live": "WebSocket",
    "signaling.admin.routes": "HTTP",
    "signaling.conference.entrance": "clock, waiting",
    "signaling.conference.rooms": "clock",
    "signaling.config": "files, environment",
    "signaling.connection.connection_end": "WebSocket",
    "signaling.conference.requests": "clock, timers",
    "signaling.connection.session": "tasks",
    "signaling.connection.websocket": "WebSocket",
    "signaling.edge.answers": "HTTP",
    "signaling.edge.descriptors": "limits of the process",
    "signaling.edge.forwarded": "HTTP",
    "signaling.edge.front": "HTTP",
    "signaling.edge.http": "HTTP",
    "signaling.edge.listener": "sockets",
    "signaling.edge.tls": "TLS",
    "signaling.machine.addresses": "network interfaces",
    "signaling.machine.certificate": "files",
    "signaling.machine.ports": "sockets",
    "signaling.machine.private_files": "files",
    "signaling.machine.start_banner": "addresses of this machine",
    "signaling.meter.captures": "files",
    "signaling.meter.machine": "figures of this machine",
    "signaling.meter.server_summary": "state of rooms and workers",
    "signaling.records.charts": "database",
    "signaling.records.findings": "database",
    "signaling.records.opinions": "database",
    "signaling.records.pages": "HTTP",
    "signaling.records.queries": "database",
    "signaling.records.rollup": "database",
    "signaling.records.routes": "HTTP",
    "signaling.records.schema": "database",
    "signaling.records.series": "database",
    "signaling.records.store": "database",
    "signaling.records.writer": "database, a thread",
    "signaling.room_listeners": "tasks",
    "signaling.server": "HTTP, WebSocket",
    "signaling.site.files": "files",
    "signaling.site.invitation": "HTTP",
    "signaling.site.pages": "HTTP",
    "signaling.stats": "figures of this process",
    "signaling.worker_pool": "child processes",
}
"""Modules of `sfu`, `signaling`, `qos` that own a clock, a socket, a file, a thread or a loop, or
drive one that does, and why. Every other module takes bytes and `now`."""

IMPURE = {
    "aiohttp",
    "asyncio",
    "concurrent",
    "multiprocessing",
    "os",
    "psutil",
    "queue",
    "resource",
    "select",
    "selectors",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "threading",
    "time",
}
IMPURE_FUNCTIONS = {"input", "open", "print"}
IMPURE_METHODS = {
    "exists",
    "glob",
    "is_dir",
    "is_file",
    "iterdir",
    "mkdir",
    "open",
    "read_bytes",
    "read_text",
    "rglob",
    "stat",
    "touch",
    "unlink",
    "write_bytes",
    "write_text",
}
"""Of files, whatever the object."""

NOT_IN_A_WORKER = {"aiohttp", "aiortc", "asyncio", "av", "numpy", "signaling", "bench"}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package: str) -> None:
    own = {*PACKAGES, "tests", "web"}
    files = modules(package)
    assert files
    for path in files:
        used = {name.partition(".")[0] for name in imports(path)} & own
        assert used <= MAY_IMPORT[package], f"{path.relative_to(ROOT)} imports {used}"


def module_files() -> dict[str, Path]:
    """Every module of the project by its full name."""
    found = {}
    for package in PACKAGES:
        for path in modules(package):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


FILES = module_files()


def imported_modules(path: Path) -> set[str]:
    """The project's modules that a file imports, wherever in it, `if TYPE_CHECKING` included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in FILES else node.module or "")
    return found & FILES.keys()


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes each of which reaches all the others of its group."""
    reached = {}
    for start in graph:
        seen: set[str] = set()
        left = [start]
        while left:
            for name in graph[left.pop()] - seen:
                seen.add(name)
                left.append(name)
        reached[start] = seen
    found: list[list[str]] = []
    for name in sorted(graph):
        circle = sorted(other for other in reached[name] if name in reached[other])
        if circle and circle not in found:
            found.append(circle)
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: imported_modules(path) for name, path in FILES.items()}
    assert graph["sfu.send.forwarder"]
    assert not circles(graph)


def test_a_circle_is_found_whatever_its_length() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "d"}, "e": {"a"}, "f": set()}
    assert circles(graph) == [["a", "b", "c"], ["d"]]


def impurities(name: str) -> set[str]:
    """What a module imports, calls or builds on that is not sans-I/O."""
    path = FILES[name]
    found = {module.partition(".")[0] for module in imports(path)} & IMPURE
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in IMPURE_FUNCTIONS:
            found.add(called.id)
        elif isinstance(called, ast.Attribute) and called.attr in IMPURE_METHODS:
            found.add(called.attr)
    return found | (imported_modules(path) & ADAPTERS.keys())


SANS_IO = sorted(name for name in FILES if name.partition(".")[0] in {"sfu", "signaling", "qos"})


@pytest.mark.parametrize("name", [name for name in SANS_IO if name not in ADAPTERS])
def test_a_module_that_is_no_adapter_is_pure(name: str) -> None:
    assert not impurities(name)


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_module_that_is_listed_as_an_adapter_is_one(name: str) -> None:
    assert impurities(name)


def test_only_main_reads_flags_and_environment() -> None:
    for path in modules("signaling"):
        names = {
            f"{node.value.id}.{node.attr}"
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        read = names & {"os.environ", "os.getenv", "sys.argv"}
        assert path.name == "__main__.py" or not read, path


def loaded_after(statement: str) -> set[str]:
    """Top-level modules of a fresh interpreter after a statement."""
    code = f"{statement}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(output.stdout.split())


def test_the_worker_stays_small() -> None:
    loaded = loaded_after("import sfu.process.worker")
    assert "sfu" in loaded
    assert not loaded & NOT_IN_A_WORKER


def test_the_server_stays_small() -> None:
    loaded = loaded_after("import signaling.__main__")
    assert "aiohttp" in loaded
    assert not loaded & {"aiortc", "av", "numpy", "pylibsrtp", "OpenSSL", "bench"}
