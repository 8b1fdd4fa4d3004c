from __future__ import annotations

import time
from pathlib import Path

import pytest

from signaling.meter.machine import Machine


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def machine(root: Path, folder: Path | None = None) -> Machine:
    return Machine(time.monotonic(), root=root, folder=folder, history=lambda: "ok")


def test_this_machine() -> None:
    found = machine(Path("/"), Path("/"))()
    assert found.rss_bytes > 1_000_000
    assert 0 < found.memory_used < 1
    assert 0 <= found.machine_cpu <= 1
    assert found.disk_free is not None
    assert found.history == "ok"


def test_what_is_not_there_is_not_known(tmp_path: Path) -> None:
    found = machine(tmp_path, tmp_path / "missing")()
    assert found.temperature is None
    assert found.disk_free is None
    assert found.throttled == ()


def test_the_hottest_zone_counts(tmp_path: Path) -> None:
    for zone, text in enumerate(("41250\n", "67400\n", "-274000\n", "999000\n", "rubbish\n", "")):
        put(tmp_path, f"sys/class/thermal/thermal_zone{zone}/temp", text)
    assert machine(tmp_path)().temperature == pytest.approx(67.4)


FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize(
    ("word", "throttled"),
    [
        ("0\n", ()),
        ("50000\n", ()),
        ("50005\n", ("underVoltage", "throttled")),
        ("0xf\n", ("underVoltage", "frequencyCapped", "throttled", "softTemperatureLimit")),
        ("rubbish\n", ()),
    ],
)
def test_what_the_firmware_of_a_pi_says(
    tmp_path: Path, word: str, throttled: tuple[str, ...]
) -> None:
    put(tmp_path, FIRMWARE, word)
    assert machine(tmp_path)().throttled == throttled


def test_what_its_voltage_monitor_says(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "cpu_thermal\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    looks = machine(tmp_path)
    assert looks().throttled == ()
    put(tmp_path, "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    assert looks().throttled == ("underVoltage",)


def test_cpu_is_that_since_the_call_before() -> None:
    looks = machine(Path("/"))
    before = time.process_time()
    while time.process_time() < before + 0.1:
        pass
    assert 0 < looks().cpu < 1.2
