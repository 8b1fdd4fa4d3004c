from __future__ import annotations

import subprocess
import sys

from signaling.access.passwords import Passwords

GROWTH = """
import asyncio
import psutil
from signaling.access.passwords import Passwords

async def main():
    passwords, process = Passwords(), psutil.Process()
    before = process.memory_info().rss
    hashed = await passwords.hash("sesame")
    await asyncio.gather(*(passwords.verify(hashed, "no") for _ in range(6)))
    passwords.close()
    print(process.memory_info().rss - before)

asyncio.run(main())
"""


async def test_hashes_are_salted_and_checked() -> None:
    passwords = Passwords()
    first, second = await passwords.hash("sesame"), await passwords.hash("sesame")
    assert first != second
    assert await passwords.verify(first, "sesame") is True
    assert await passwords.verify(first, "sesamm") is False
    assert await passwords.verify("no hash", "sesame") is False
    passwords.close()


def test_what_hashing_takes_is_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True
    )
    # 16 MiB in each of two threads.
    assert int(done.stdout) < 8 * 1024 * 1024
