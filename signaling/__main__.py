"""The console command `sfu`: the only reader of flags and environment.

Each setting of `Config` is a flag (`--room-capacity 20`), an environment variable
(`SFU_ROOM_CAPACITY=20`) and a key of the TOML file (`room_capacity = 20`); the first of these
that is given wins. Exit codes: 0 after a requested end, 2 when the server cannot start.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import gc
import os
import signal
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sfu import logs
from signaling import config
from signaling.access import tokens
from signaling.config import Config, ConfigError
from signaling.edge import descriptors
from signaling.machine import addresses, ports, start_banner
from signaling.machine.private_files import UMASK, keep_private
from signaling.server import Server
from signaling.worker_pool import WorkerStartError, launcher

PREFIX = "SFU_"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise ConfigError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until a signal; gives the exit code."""
    try:
        settings = read_settings(sys.argv[1:] if arguments is None else arguments, os.environ)
        logs.set_up(settings.log_level, settings.log_format)
        return asyncio.run(_serve(settings))
    except (ConfigError, WorkerStartError) as error:
        print(f"sfu: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Config:
    """Raises `ConfigError`; `--help` ends the process."""
    flags, unknown = _parser().parse_known_args(arguments)
    if unknown:
        raise ConfigError(_unknown_flag(unknown[0]))
    given = {key: value for key, value in vars(flags).items() if value is not None}
    file = given.pop("config", None) or environment.get(PREFIX + "CONFIG")
    variables = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(PREFIX) and key != PREFIX + "CONFIG"
    }
    return config.load(Path(file) if file else None, variables, given)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sfu",
        description="A conference server for one small box.",
        epilog="Every flag is also an environment variable (SFU_ROOM_CAPACITY) and a key of the "
        "TOML file (room_capacity). Lists are separated by commas.",
        allow_abbrev=False,
    )
    parser.add_argument("--config", metavar="FILE", help="a TOML file of settings")
    for field in config.FIELDS.values():
        flag = "--" + field.name.replace("_", "-")
        text = field.metadata["help"].replace("%", "%%")
        if isinstance(field.default, bool):
            parser.add_argument(
                flag, action=argparse.BooleanOptionalAction, help=text, default=None
            )
        else:
            shown = ",".join(field.default) if isinstance(field.default, tuple) else field.default
            suffix = f" (default: {shown})" if shown not in ("", ()) else ""
            parser.add_argument(flag, metavar="VALUE", help=text + suffix)
    return parser


def _unknown_flag(argument: str) -> str:
    if not argument.startswith("--"):
        return f"unknown argument {argument}"
    try:
        config.load(None, {argument[2:].partition("=")[0].replace("-", "_"): ""})
    except ConfigError as error:
        return str(error)
    return f"unknown argument {argument}"


async def _serve(settings: Config) -> int:
    os.umask(UMASK)
    stop = _stop_on_signals()
    machine = addresses.machine_addresses()
    data = Path(settings.data_dir)
    try:
        keep_private(data)
    except OSError as error:
        raise ConfigError(f"cannot use data_dir {data}: {error.strerror}") from None
    tls = _tls(settings, data, machine)
    token = settings.admin_token or _admin_token(data)
    media_host = _media_host(settings)
    ports.check_media(settings, media_host)
    offered = addresses.media_addresses(media_host, settings.announce, machine)
    launch = launcher(
        settings.media_port, settings.log_level, settings.ice_tcp, settings.log_format, media_host
    )
    server = Server(
        settings,
        offered,
        launch,
        token,
        _certified_names(settings),
        descriptors.connections_within(descriptors.raise_limit(), settings.max_connections),
    )
    try:
        port = await server.start(tls)
    except OSError as error:
        raise ConfigError(ports.page_trouble(settings, error)) from None
    hosts = addresses.page_hosts(settings.host, machine)
    print(
        start_banner.text(settings, hosts, port, scan=start_banner.shows_codes(sys.stdout)),
        flush=True,
    )
    # What lives now lives until the end: later collections need not look at it.
    gc.collect()
    gc.freeze()
    await stop.wait()
    await server.close()
    return 0


def _stop_on_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; a second one ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def requested() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, requested)
    return stop


def _tls(settings: Config, data: Path, machine: Sequence[str]) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    certificate, key = Path(settings.tls_cert), Path(settings.tls_key)
    if not settings.tls_cert:
        # Loaded only here: making certificates is a rare thing, and the library is large.
        from signaling.machine.certificate import own_certificate

        wanted = list(dict.fromkeys([*machine, *settings.announce, "127.0.0.1", "::1"]))
        now = datetime.datetime.now(datetime.UTC)
        try:
            certificate, key = own_certificate(data, wanted, now, settings.server_names)
        except OSError as error:
            raise ConfigError(f"cannot write to data_dir {data}: {error.strerror}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Handshakes cost a server more than a client; nobody needs a second one (CVE-2011-1473).
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError:
        raise ConfigError(f"{certificate} and {key} are not a certificate and its key") from None
    except OSError as error:
        raise ConfigError(f"cannot read {certificate} or {key}: {error.strerror}") from None
    return context


def _certified_names(settings: Config) -> list[str]:
    """Whoever vouched for a certificate made sure that these are names of this server."""
    if not settings.tls_cert:
        return []
    from signaling.machine.certificate import named_in

    return named_in(Path(settings.tls_cert).read_bytes())


def _admin_token(data: Path) -> str:
    """Of an earlier start, or a new one."""
    from signaling.machine.certificate import write_secret

    path = data / "admin-token"
    try:
        if path.exists():
            kept = path.read_text(encoding="ascii", errors="replace").strip()
            if len(kept) >= 16:
                return kept
        token = tokens.new_secret()
        data.mkdir(parents=True, exist_ok=True)
        write_secret(path, token.encode() + b"\n")
    except OSError as error:
        raise ConfigError(f"cannot use data_dir {data}: {error.strerror}") from None
    return token


def _media_host(settings: Config) -> str:
    proxied = bool(settings.trusted_proxies)
    try:
        return addresses.media_host(settings.media_host, settings.host, proxied=proxied)
    except OSError:
        name = "media_host" if settings.media_host else "host"
        wanted = settings.media_host or settings.host
        raise ConfigError(f"{name} {wanted!r} is not an address of this machine") from None


if __name__ == "__main__":
    sys.exit(main())
