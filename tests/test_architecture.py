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

SANS_IO = (
    "sfu/wire/rtp.py",
    "sfu/wire/rtcp.py",
    "sfu/control.py",
    "sfu/receive/packet_cache.py",
    "sfu/send/packet_map.py",
    "sfu/receive/rtp_stream.py",
    "sfu/receive/up_track.py",
    "sfu/send/down_track.py",
    "sfu/send/forwarder.py",
    "sfu/process/rounds.py",
    "sfu/room/router.py",
    "sfu/receive/nack.py",
    "sfu/receive/in_order.py",
    "sfu/send/audio_repair.py",
    "sfu/send/downlink.py",
    "sfu/send/layer_selector.py",
    "sfu/receive/publish_limit.py",
    "sfu/receive/rate_meter.py",
    "sfu/process/shedding.py",
    "sfu/congestion/smoothed_rtt.py",
    "sfu/room/speakers.py",
    "sfu/send/subscriber.py",
    "sfu/receive/publisher.py",
    "sfu/send/egress.py",
    "sfu/receive/ingress.py",
    "sfu/room/peer.py",
    "sfu/net/budget.py",
    "sfu/drops.py",
    "sfu/codecs/",
    "sfu/congestion/",
    "sfu/net/stun.py",
    "sfu/net/dtls.py",
    "sfu/net/srtp.py",
    "sfu/net/sources.py",
    "sfu/net/framing.py",
    "sfu/net/send_queue.py",
    "sfu/net/path.py",
    "sfu/net/transport.py",
    "sfu/measured.py",
    "qos/receive.py",
    "qos/histogram.py",
    "signaling/negotiation/description.py",
    "signaling/negotiation/sdp.py",
    "signaling/negotiation/sdp_attributes.py",
    "signaling/negotiation/parameters.py",
    "signaling/edge/hosts.py",
    "signaling/edge/patience.py",
    "signaling/edge/places.py",
    "signaling/edge/turns.py",
    "signaling/messages.py",
    "signaling/naming/names.py",
    "signaling/naming/twins.py",
    "signaling/limits.py",
    "signaling/connection/backlog.py",
    "signaling/conference/participant.py",
    "signaling/conference/subscription.py",
    "signaling/conference/room.py",
    "signaling/conference/room_media.py",
    "signaling/negotiation/publish_answer.py",
    "signaling/negotiation/subscribe_offer.py",
    "signaling/conference/view.py",
    "signaling/conference/quality.py",
    "signaling/conference/reasons.py",
    "signaling/records/voters.py",
    "signaling/admin/actions.py",
    "signaling/admin/totals.py",
    "signaling/admin/metrics.py",
    "signaling/admin/wire.py",
    "signaling/admin/sessions.py",
    "qos/capture/writer.py",
    "qos/capture/streams.py",
    "qos/capture/segments.py",
    "qos/capture/rtcp.py",
    "qos/capture/header.py",
    "qos/capture/framing.py",
    "qos/capture/decode.py",
    "qos/capture/layers.py",
    "qos/capture/turn.py",
    "qos/capture/candidates.py",
    "qos/capture/analysis.py",
    "qos/audio_level.py",
    "qos/rtt.py",
    "qos/spacing.py",
    "qos/video.py",
    "qos/bursts.py",
    "qos/video_mos.py",
    "qos/voice_mos.py",
    "qos/grades.py",
    "signaling/records/exports.py",
    "signaling/records/groups.py",
    "signaling/records/intake.py",
    "signaling/records/points.py",
    "signaling/records/report.py",
    "signaling/records/statistics.py",
    "signaling/records/summaries.py",
    "signaling/records/together.py",
    "signaling/meter/browser_digest.py",
    "signaling/meter/events.py",
    "signaling/meter/judge.py",
    "signaling/meter/meter.py",
    "signaling/meter/rates.py",
    "signaling/meter/samples.py",
    "signaling/meter/state.py",
    "signaling/meter/tracks.py",
)
IMPURE = {"asyncio", "socket", "ssl", "time", "select", "threading", "aiohttp"}
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


def sans_io_files() -> list[Path]:
    files: list[Path] = []
    for name in SANS_IO:
        path = ROOT / name
        files += sorted(path.rglob("*.py")) if name.endswith("/") else [path]
    return files


@pytest.mark.parametrize("path", sans_io_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_sans_io_modules_are_pure(path: Path) -> None:
    used = {name.partition(".")[0] for name in imports(path)}
    assert not used & IMPURE


@pytest.mark.parametrize("path", sans_io_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_sans_io_modules_import_no_impure_one_of_ours(path: Path) -> None:
    ours = [name for name in imports(path) if name.partition(".")[0] in PACKAGES]
    for name in ours:
        base = ROOT / name.replace(".", "/")
        file = base.with_suffix(".py")
        if file.exists():
            used = {other.partition(".")[0] for other in imports(file)}
            assert not used & IMPURE, f"{name} imports {used & IMPURE}"


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
