"""The attacker's process: makes one attack after the other, as it is asked on standard input.

It is a process of its own, so that what an attack costs the attacker is not counted as the
server's or the load generator's. One JSON object a line: `{"name", "url", "subnet"}` is answered
by `{"ready": true}` or `{"error"}`, then `{"seconds"}` by `{"held", "text"}` or `{"error"}`. The
process ends when its input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from bench.attack.attack import Attack
from bench.attack.catalogue import ATTACKS
from bench.light.signaling import ParticipantError


async def _asked() -> dict[str, Any] | None:
    """The next line; None at the end of the input."""
    line = await asyncio.to_thread(sys.stdin.readline)
    return json.loads(line) if line else None


def _report(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


async def _attack(attack: Attack) -> bool:
    """Prepare, attack on request, report the verdict; gives whether another may follow."""
    try:
        await attack.prepare()
        _report({"ready": True})
        order = await _asked()
        if order is None:
            return False
        await attack.run(time.monotonic() + order["seconds"])
        verdict = await attack.verdict()
        _report({"held": verdict.held, "text": verdict.text})
    except (ParticipantError, OSError) as error:
        _report({"error": str(error)})
    finally:
        await attack.close()
    return True


async def _serve() -> None:
    while (order := await _asked()) is not None:
        if not await _attack(ATTACKS[order["name"]](order["url"], order["subnet"])):
            return


if __name__ == "__main__":
    asyncio.run(_serve())
