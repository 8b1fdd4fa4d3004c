"""Every setting of the server: one dataclass, one field each.

`load` puts together what the defaults, a TOML file, the environment and the command line give, the
later ones first, and refuses what it does not know or what cannot be. It reads no flag and no
environment itself: `__main__` does, and passes them in.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qos import grades
from signaling.edge.hosts import NAME
from signaling.edge.patience import Patience
from signaling.limits import Network


class ConfigError(Exception):
    """A setting is wrong; the text is one line for whoever wrote it."""


def setting(
    default: Any,
    text: str,
    low: int | None = None,
    high: int | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A field with its documentation and what it may be."""
    metadata = {"help": text, "low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Config:
    """All settings. The text of each is also its help on the command line."""

    host: str = setting("", "address to listen on for pages and signaling; empty for all")
    port: int = setting(8443, "TCP port of pages and signaling; 0 for any free one", 0, 65535)
    tls: bool = setting(True, "serve HTTPS; off behind a proxy that does, or on loopback")
    tls_cert: str = setting("", "certificate file (PEM); empty for a self-signed one")
    tls_key: str = setting("", "private key file (PEM) of tls_cert")
    trusted_proxies: tuple[str, ...] = setting(
        (), "networks (CIDR) of proxies whose X-Forwarded-* headers are believed"
    )
    server_names: tuple[str, ...] = setting(
        (),
        "further DNS names of this server, such as meet.school.example or *.school.example; its "
        "host name, addresses and the names in tls_cert need none",
    )
    allowed_origins: tuple[str, ...] = setting(
        (), "other sites (scheme://host:port) whose pages may open the WebSocket"
    )
    data_dir: str = setting(
        "var", "folder for the certificate, the admin token, the history and captures"
    )
    media_port: int = setting(
        24000, "UDP port of the first worker, the others follow; 0 for any free ones", 0, 65535
    )
    media_host: str = setting(
        "",
        "address to take media at; empty for that of host, or for all addresses where there are "
        "trusted_proxies",
    )
    ice_tcp: bool = setting(
        True, "also take media over TCP, for networks that block UDP, on the same port numbers"
    )
    announce: tuple[str, ...] = setting(
        (), "IP addresses to offer for media besides those of this machine's interfaces"
    )
    workers: int = setting(0, "media workers; 0 for one for each core", 0, 64)
    room_capacity: int = setting(10, "people in one room", 2, 50)
    max_rooms: int = setting(100, "rooms at once", 1, 10_000)
    create_rooms: tuple[str, ...] = setting(
        ("anyone",), "who may make a room: `anyone`, `nobody`, or networks (CIDR)"
    )
    rooms_per_address: int = setting(
        50, "rooms at once that were made from one address; 0 for no limit", 0, 10_000
    )
    wrong_passwords_per_minute: int = setting(
        10, "wrong passwords from one address at one room; 0 for no limit", 0, 100_000
    )
    joins_per_minute: int = setting(
        240, "joins from one address, and as many at once; 0 for no limit", 0, 100_000
    )
    max_sockets: int = setting(1000, "WebSockets at once", 1, 100_000)
    max_connections: int = setting(
        3000, "connections to pages and signaling at once; idle ones make room", 16, 100_000
    )
    connections_per_address: int = setting(
        1000, "of these, from one address (of an IPv6 /64 together)", 4, 100_000
    )
    connects_per_minute: int = setting(
        6000, "new connections from one address, and as many at once; 0 for no limit", 0, 1_000_000
    )
    header_seconds: int = setting(
        10, "from a connection to the end of its first request's headers, TLS included", 1, 600
    )
    body_seconds: int = setting(20, "for the body of a request", 1, 600)
    keepalive_seconds: int = setting(30, "between requests of one connection", 1, 3600)
    stall_seconds: int = setting(
        30, "that a connection may stay open while its other end reads nothing", 1, 600
    )
    max_publish_kbps: int = setting(
        3000, "bit rate of one published video, kbit/s; 0 for no limit", 0, 100_000
    )
    loudest: int = setting(
        3, "voices of a room that are sent on at the same time; 0 for all", 0, 50
    )
    audio_redundancy: str = setting(
        "auto",
        "redundant audio (RED), which repairs lost voice, where both ends have it",
        choices=("off", "auto"),
    )
    admin_token: str = setting(
        "", "secret of the admin's pages, 16 characters or more; empty for one kept in data_dir"
    )
    metrics_room_names: bool = setting(
        False, "name rooms in /metrics as people do, instead of by a pseudonym"
    )
    history: bool = setting(True, "keep the history of calls and their quality in data_dir")
    history_megabytes: int = setting(200, "size of the history; the oldest goes first", 1, 100_000)
    grade_profile: str = setting(
        "tiphon", "tables by which quality is graded", choices=grades.PROFILES
    )
    log_level: str = setting(
        "info", "least level that is logged", choices=("debug", "info", "warning", "error")
    )
    log_format: str = setting("text", "form of the log lines", choices=("text", "json"))

    @property
    def worker_count(self) -> int:
        """`workers`, with 0 resolved."""
        return self.workers or os.cpu_count() or 1

    @property
    def patience(self) -> Patience:
        """How long a connection is waited for."""
        return Patience(
            headers=self.header_seconds,
            body=self.body_seconds,
            next_request=self.keepalive_seconds,
            reading=self.stall_seconds,
        )

    @property
    def creators(self) -> tuple[Network, ...] | None:
        """Networks that may make rooms; None when everyone may."""
        if self.create_rooms == ("anyone",):
            return None
        return tuple(ipaddress.ip_network(item) for item in self.create_rooms if item != "nobody")

    @property
    def proxies(self) -> tuple[Network, ...]:
        """`trusted_proxies`, parsed."""
        return tuple(ipaddress.ip_network(item) for item in self.trusted_proxies)


FIELDS = {field.name: field for field in dataclasses.fields(Config)}
_SHORT_SECRET = 16
_PATTERNS = {
    "allowed_origins": re.compile(r"https?://[^/\s]+"),
    "server_names": re.compile(rf"(?:\*\.)?{NAME.pattern}", re.IGNORECASE),
}


def load(file: Path | None, *layers: Mapping[str, object]) -> Config:
    """Defaults, then the TOML file, then `layers`, each over the ones before.

    Values of a layer may be text, as flags and environment give it. Raises `ConfigError`.
    """
    values: dict[str, object] = {}
    for layer in (_read_toml(file) if file else {}, *layers):
        for key, value in layer.items():
            if key not in FIELDS:
                raise ConfigError(_unknown(key))
            values[key] = _typed(key, value)
    config = Config(**values)  # type: ignore[arg-type]
    _check_together(config)
    return config


def _read_toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from None


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key.lower().replace("-", "_"), FIELDS, 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"unknown setting {key}{hint}"


def _typed(key: str, value: object) -> object:
    field = FIELDS[key]
    if isinstance(field.default, bool):
        return _boolean(key, value)
    if isinstance(field.default, int):
        return _integer(key, value)
    if isinstance(field.default, tuple):
        return _strings(key, value)
    if not isinstance(value, str):
        raise ConfigError(f"{key} must be text, not {value!r}")
    choices = field.metadata["choices"]
    if choices and value not in choices:
        raise ConfigError(f"{key} must be one of {', '.join(choices)}, not {value!r}")
    return value


def _boolean(key: str, value: object) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise ConfigError(f"{key} must be true or false, not {value!r}")
    return value


def _integer(key: str, value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        value = int(value)
    low, high = FIELDS[key].metadata["low"], FIELDS[key].metadata["high"]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ConfigError(f"{key} must be a whole number from {low} to {high}, not {value!r}")
    return value


def _strings(key: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{key} must be a list of texts, not {value!r}")
    for item in value:
        _check_item(key, item)
    return tuple(value)


def _check_item(key: str, item: str) -> None:
    try:
        if key == "announce":
            address = ipaddress.ip_address(item)
            if address.is_unspecified or address.is_multicast:
                raise ValueError
        elif key == "trusted_proxies" or (
            key == "create_rooms" and item not in ("anyone", "nobody")
        ):
            ipaddress.ip_network(item)
        elif key in _PATTERNS and not _PATTERNS[key].fullmatch(item):
            raise ValueError
    except ValueError:
        wanted = {
            "announce": "an IP address",
            "allowed_origins": "scheme://host:port",
            "server_names": "a DNS name as meet.school.example",
            "create_rooms": "`anyone`, `nobody` or a network as 192.168.1.0/24",
        }.get(key, "a network as 192.168.1.0/24")
        raise ConfigError(f"{key}: {item!r} is not {wanted}") from None


def _check_together(config: Config) -> None:
    if bool(config.tls_cert) != bool(config.tls_key):
        raise ConfigError("tls_cert and tls_key go together: one of them is missing")
    if config.admin_token and len(config.admin_token) < _SHORT_SECRET:
        raise ConfigError(f"admin_token must have {_SHORT_SECRET} characters or more")
    if len(config.create_rooms) > 1 and {"anyone", "nobody"} & set(config.create_rooms):
        raise ConfigError("create_rooms: `anyone` and `nobody` stand alone")
    if config.media_port and config.media_port + config.worker_count - 1 > 65535:
        raise ConfigError("media_port is too high: each worker needs one port from there on")
    media = range(config.media_port, config.media_port + config.worker_count)
    if config.ice_tcp and config.media_port and config.port in media:
        raise ConfigError("port and media_port overlap: pages and media over TCP need their own")
