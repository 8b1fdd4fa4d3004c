"""The servers that the bench starts itself: ours, and Janus to compare with."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from bench.servers import netns, processes
from bench.servers.processes import Usage

START_SECONDS = 20.0
JANUS_PORT = 8188
JANUS_OLDEST = 1000
"""1.0.0 as Janus counts: the first with several publishers in one subscription."""
_JANUS_ETC = Path("/etc/janus")

Command = Callable[[list[str]], list[str]]
"""Where to run: gives the command line to start, as in another namespace."""


class ServerError(Exception):
    """The server did not start; the text says why, with the end of its log."""


class Server(ABC):
    """A server process in a scratch folder of its own. `with` it."""

    name = ""

    def __init__(self, host: str, wrap: Command = list) -> None:
        self.host = host
        self._wrap = wrap
        self._folder = tempfile.TemporaryDirectory(prefix=f"bench-{self.name}-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        return Path(self._folder.name)

    @property
    @abstractmethod
    def url(self) -> str:
        """Where participants go."""

    def _launch(self, command: list[str], port: int) -> None:
        log = self.folder / "log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                self._wrap(command),
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=self.folder,
                env=_environment(),
            )
        if not processes.wait_for_port(self.host, port, self._process, START_SECONDS):
            tail = processes.last_lines(log)
            self.close()
            raise ServerError(f"{self.name} did not start: {tail or 'no answer'}")

    def __enter__(self) -> Server:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def start(self) -> None:
        """Returns when it accepts connections. Raises `ServerError`."""

    def close(self) -> None:
        """End the server and remove its folder."""
        if self._process is not None:
            processes.end(self._process)
            self._process = None
        self._folder.cleanup()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def usages(self) -> tuple[dict[int, Usage], set[int]]:
        """All its processes now, and which of them carry media."""
        if self._process is None:
            return {}, set()
        main = self._process.pid
        workers = processes.children(main)
        # Workers carry the media of ours; Janus is one process.
        return processes.usages([main, *workers]), set(workers) or {main}

    @property
    def sampled_at(self) -> float:
        """To which moment (monotonic seconds) the last `usages` belong."""
        return time.monotonic()

    def log_tail(self) -> str:
        return processes.last_lines(self.folder / "log")


def _environment() -> dict[str, str]:
    """Without what would configure the server behind the bench's back."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SFU_")}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2])}


def unverified() -> ssl.SSLContext:
    """For the certificate that a box makes for itself."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def free_port(host: str) -> int:
    """A TCP port that nobody listens on at the moment."""
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class OwnServer(Server):
    """`python -m signaling` from this source tree."""

    name = "sfu"

    def __init__(
        self,
        host: str,
        workers: int,
        capacity: int,
        rooms: int,
        wrap: Command = list,
        loudest: int = 0,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        """`loudest` is how many voices are sent on at most. 0: everything goes to everybody, so
        that figures compare with servers that know no better. `settings` go over those that the
        bench takes; None there leaves one to the server's default."""
        super().__init__(host, wrap)
        self._given = dict(settings or {})
        self._loudest = loudest
        self._workers, self._capacity, self._rooms = workers, capacity, rooms
        # In another namespace nobody else listens.
        self._port = 8443 if host == netns.SERVER_ADDRESS else free_port(host)

    @property
    def url(self) -> str:
        scheme = "https" if self._given.get("tls") else "http"
        return f"{scheme}://{self.host}:{self._port}"

    def start(self) -> None:
        settings: dict[str, object] = {
            "host": self.host,
            "port": self._port,
            "tls": False,
            "data_dir": str(self.folder),
            "media_port": 0,
            "workers": self._workers,
            "room_capacity": max(2, self._capacity),
            "max_rooms": max(100, self._rooms),
            "joins_per_minute": 0,
            "rooms_per_address": 0,
            "max_publish_kbps": 0,
            "log_level": "warning",
            "loudest": self._loudest,
            **self._given,
        }
        config = self.folder / "sfu.toml"
        # What JSON calls text, numbers and booleans, TOML calls so too.
        config.write_text(
            "".join(f"{k} = {json.dumps(v)}\n" for k, v in settings.items() if v is not None)
        )
        self._launch([sys.executable, "-m", "signaling", "--config", str(config)], self._port)
        until = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if not self.alive or time.monotonic() > until:
                raise ServerError(f"{self.name} did not get ready: {self.log_tail()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        """Whether a media worker is up."""
        connection = self._connection()
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._given.get("tls"):
            return http.client.HTTPSConnection(
                self.host, self._port, timeout=2, context=unverified()
            )
        return http.client.HTTPConnection(self.host, self._port, timeout=2)


class Janus(Server):
    """Janus with the VideoRoom plugin from Debian's package, as ICE-lite server."""

    name = "janus"

    def __init__(self, wrap: Command) -> None:
        super().__init__(netns.SERVER_ADDRESS, wrap)

    @property
    def url(self) -> str:
        return f"ws://{self.host}:{JANUS_PORT}"

    @staticmethod
    def missing() -> str:
        """What is not there, in words; empty when Janus can be started."""
        if shutil.which("janus") is None:
            return "Janus is not installed: Debian package janus (apt install janus)"
        if not (_JANUS_ETC / "janus.jcfg").exists():
            return f"Janus has no configuration in {_JANUS_ETC}: Debian package janus"
        return _too_old(janus_version())

    def start(self) -> None:
        if reason := self.missing():
            raise ServerError(reason)
        plugins = _plugins_folder()
        (self.folder / "janus.jcfg").write_text(
            "general: {\n"
            f'  configs_folder = "{self.folder}"\n'
            f'  plugins_folder = "{plugins}/plugins"\n'
            f'  transports_folder = "{plugins}/transports"\n'
            f'  events_folder = "{plugins}/events"\n'
            f'  loggers_folder = "{plugins}/loggers"\n'
            "  debug_level = 3\n"
            "}\n"
            f'nat: {{ ice_lite = true\n  ice_enforce_list = "{netns.SERVER_INTERFACE}" }}\n'
            'plugins: { disable = "' + ",".join(_others(plugins / "plugins", "videoroom")) + '" }\n'
            'transports: { disable = "'
            + ",".join(_others(plugins / "transports", "websockets"))
            + '" }\n'
        )
        (self.folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")
        (self.folder / "janus.transport.websockets.jcfg").write_text(
            f"general: {{ ws = true\n  ws_port = {JANUS_PORT}\n  wss = false }}\n"
            "admin: { admin_ws = false }\n"
        )
        self._launch(["janus", "-F", str(self.folder)], JANUS_PORT)

    def usages(self) -> tuple[dict[int, Usage], set[int]]:
        found, _ = super().usages()
        return found, set(found)


def janus_version() -> str:
    """The version that the installed Janus prints, as `1102 (1.1.2)`; empty without one."""
    try:
        done = subprocess.run(
            ["janus", "--version"], check=False, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"Janus version: *(\d+ \([\w.]+\))", done.stdout + done.stderr)
    return found.group(1) if found else ""


def _too_old(version: str) -> str:
    """Why this Janus cannot be measured; one that prints no version is tried."""
    if version and int(version.split()[0]) < JANUS_OLDEST:
        return (
            f"Janus {version} is too old: its VideoRoom subscribes to one publisher at a time."
            " 1.0 or newer is needed, as Debian 12's package janus"
        )
    return ""


def _plugins_folder() -> Path:
    """Where the package keeps its shared objects: depends on the architecture."""
    for folder in (*Path("/usr/lib").glob("*/janus"), Path("/usr/lib/janus")):
        if (folder / "plugins").is_dir():
            return folder
    raise ServerError("Janus has no plugins: Debian package janus")


def _others(folder: Path, kept: str) -> list[str]:
    return sorted(path.name for path in folder.glob("*.so") if kept not in path.name)
