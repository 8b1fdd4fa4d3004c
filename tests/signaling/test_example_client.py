from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.signaling.processes import ROOT, ServerProcess


async def example(url: str, name: str, seconds: int) -> dict[str, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("docs/example_client.py", url, "example", name, "--seconds", str(seconds)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    counts: dict[str, int] = json.loads(output)
    return counts


async def test_two_example_clients_receive_each_other(tmp_path: Path) -> None:
    server = await ServerProcess.start(tmp_path)
    try:
        both = await asyncio.gather(example(server.url, "Ada", 10), example(server.url, "Bo", 10))
    finally:
        assert await server.stop() == 0
    for counts in both:
        assert counts["audio"] > 0
        assert counts["video"] > 0
