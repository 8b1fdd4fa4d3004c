"""The machine and this process: CPU, memory, disk, temperature, throttling. Reads the kernel.

Temperatures are those of `/sys/class/thermal`; throttling is what a Raspberry Pi's firmware and
its voltage monitor report, where the kernel shows them. What a machine does not show is None.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from signaling.machine.system import System
from signaling.meter.samples import ServerSample

_THERMAL = "sys/class/thermal"
_FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
_MONITORS = "sys/class/hwmon"
_FLAGS = (
    (0, "underVoltage"),
    (1, "frequencyCapped"),
    (2, "throttled"),
    (3, "softTemperatureLimit"),
)
"""Bits of the firmware's word for what holds now; those from 16 on are for what ever did."""
_HOTTEST = 150.0
"""Degrees Celsius; a zone that reads more, or less than -40, has no sensor."""


class Machine:
    """Call it once a second for a `ServerSample`; shares are those since the call before."""

    def __init__(
        self,
        started: float,
        *,
        folder: Path | None = None,
        history: Callable[[], str] = lambda: "off",
        root: Path = Path("/"),
    ) -> None:
        """`started`: when the server did (monotonic seconds). `folder`: where the history lives;
        `history` returns its state. `root`: of the file system that the kernel shows itself in."""
        self._started, self._folder, self._history = started, folder, history
        self._root, self._system = root, System()
        self._before = (time.monotonic(), time.process_time())
        self._times = self._busy_and_all()
        self._zones = [path / "temp" for path in sorted((root / _THERMAL).glob("thermal_zone*"))]
        self._alarms = [
            path.parent / "in0_lcrit_alarm"
            for path in sorted((root / _MONITORS).glob("hwmon*/name"))
            if _read(path) == "rpi_volt"
        ]

    def __call__(self) -> ServerSample:
        """The machine and this process now."""
        now, cpu = time.monotonic(), time.process_time()
        elapsed, used = now - self._before[0], cpu - self._before[1]
        self._before = now, cpu
        busy, everything = self._busy_and_all()
        was_busy, was_everything = self._times
        self._times = busy, everything
        spent = everything - was_everything
        return ServerSample(
            cpu=max(0.0, used / elapsed) if elapsed > 0 else 0.0,
            rss_bytes=self._system.ask("our memory", _rss, _peak_rss),
            memory_used=self._system.ask(
                "how much memory is in use", lambda: psutil.virtual_memory().percent / 100, float
            ),
            machine_cpu=min(1.0, max(0.0, (busy - was_busy) / spent)) if spent > 0 else 0.0,
            uptime=now - self._started,
            temperature=self._temperature(),
            throttled=self._throttled(),
            disk_free=self._disk_free(),
            history=self._history(),
        )

    def _busy_and_all(self) -> tuple[float, float]:
        """CPU seconds of all cores since the machine started."""
        return self._system.ask("how busy its cores are", _busy_and_all, lambda: (0.0, 0.0))

    def _temperature(self) -> float | None:
        found = [_number(_read(zone)) for zone in self._zones]
        degrees = [value / 1000 for value in found if value is not None]
        return max((value for value in degrees if -40 < value < _HOTTEST), default=None)

    def _throttled(self) -> tuple[str, ...]:
        try:
            word = int(_read(self._root / _FIRMWARE) or "0", 16)
        except ValueError:
            word = 0
        if any(_read(alarm) == "1" for alarm in self._alarms):
            word |= 1
        return tuple(name for bit, name in _FLAGS if word >> bit & 1)

    def _disk_free(self) -> int | None:
        if self._folder is None:
            return None
        try:
            room = os.statvfs(self._folder)
        except OSError:
            return None
        return room.f_bavail * room.f_frsize


def _busy_and_all() -> tuple[float, float]:
    times = psutil.cpu_times()
    everything = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return everything - times.idle - getattr(times, "iowait", 0.0), everything


def _rss() -> int:
    rss: int = psutil.Process().memory_info().rss
    return rss


def _peak_rss() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _read(path: Path) -> str:
    """Content of a file of the kernel's; empty when it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
