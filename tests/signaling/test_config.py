from __future__ import annotations

from pathlib import Path

import pytest

from signaling import __main__ as command
from signaling.config import FIELDS, Config, ConfigError, load


def test_defaults() -> None:
    assert load(None) == Config()
    assert Config().worker_count >= 1
    assert Config().creators is None


def test_later_layers_win(tmp_path: Path) -> None:
    file = tmp_path / "sfu.toml"
    file.write_text('port = 1000\nroom_capacity = 20\nannounce = ["198.51.100.7"]\ntls = false\n')
    environment = {"SFU_CONFIG": str(file), "SFU_PORT": "2000", "SFU_HOST": "10.0.0.1", "HOME": "/"}
    config = command.read_settings(["--port", "3000", "--tls"], environment)
    assert (config.port, config.host, config.room_capacity) == (3000, "10.0.0.1", 20)
    assert config.announce == ("198.51.100.7",)
    assert config.tls is True
    assert command.read_settings(["--config", str(file)], {}).port == 1000


def test_lists_and_booleans_as_text() -> None:
    config = load(None, {"create_rooms": "10.0.0.0/8, fd00::/8", "tls": "no"})
    assert config.create_rooms == ("10.0.0.0/8", "fd00::/8")
    assert config.tls is False
    assert [str(network) for network in config.creators or ()] == ["10.0.0.0/8", "fd00::/8"]
    assert load(None, {"create_rooms": "nobody"}).creators == ()


def test_port_and_media_port_may_be_one_without_media_over_tcp() -> None:
    config = load(None, {"port": 50000, "media_port": 50000, "ice_tcp": False, "workers": 1})
    assert config.port == config.media_port
    assert load(None, {"port": 50000, "media_port": 0}).ice_tcp is True


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"room_capasity": 3}, "unknown setting room_capasity; did you mean room_capacity"),
        ({"zzz": 3}, "unknown setting zzz$"),
        ({"port": "many"}, "port must be a whole number from 0 to 65535, not 'many'"),
        ({"port": 70000}, "port must be a whole number from 0 to 65535, not 70000"),
        ({"port": True}, "port must be a whole number"),
        ({"room_capacity": 1}, "room_capacity must be a whole number from 2 to 50"),
        ({"tls": "maybe"}, "tls must be true or false"),
        ({"host": 5}, "host must be text"),
        ({"log_level": "loud"}, "log_level must be one of debug, info, warning, error"),
        ({"announce": "example.org"}, "announce: 'example.org' is not an IP address"),
        ({"announce": "0.0.0.0"}, "announce: '0.0.0.0' is not an IP address"),
        ({"announce": [5]}, "announce must be a list of texts"),
        ({"create_rooms": "everyone"}, "create_rooms: 'everyone' is not `anyone`, `nobody`"),
        ({"create_rooms": "anyone,nobody"}, "stand alone"),
        ({"trusted_proxies": "x"}, "is not a network"),
        ({"allowed_origins": "example.org"}, "is not scheme://host:port"),
        ({"tls_cert": "a.pem"}, "go together"),
        ({"admin_token": "short"}, "admin_token must have 16"),
        ({"media_port": 65535, "workers": 2}, "media_port is too high"),
        ({"port": 24001, "workers": 2}, "port and media_port overlap"),
        ({"ice_tcp": "sometimes"}, "ice_tcp must be true or false"),
        ({"loudest": -1}, "loudest must be a whole number from 0 to 50"),
        ({"audio_redundancy": "on"}, "audio_redundancy must be one of off, auto"),
    ],
)
def test_refused(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        load(None, values)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*: No such file"):
        load(tmp_path / "none.toml")
    file = tmp_path / "bad.toml"
    file.write_text("port = = 3")
    with pytest.raises(ConfigError, match=r"is not TOML: .*line 1"):
        load(file)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--room-capasity", "3"], "did you mean room_capacity"),
        (["--room-cap", "3"], "did you mean room_capacity"),
        (["--port"], "expected one argument"),
        (["stray"], "unknown argument stray"),
    ],
)
def test_bad_flags_end_with_one_line(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 2
    text = capsys.readouterr().err
    assert reason in text
    assert text.count("\n") == 1


def test_unknown_environment_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean room_capacity"):
        command.read_settings([], {"SFU_ROOM_CAPACTY": "5"})


def test_every_setting_is_a_flag_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name, field in FIELDS.items():
        assert "--" + name.replace("_", "-") in text
        assert field.metadata["help"]
