"""The media worker as it is, but that it reports its statistics ten times as often.

Tests wait for what it counted; of a whole second each time they would learn no more.
"""

from __future__ import annotations

import sys

from sfu.process import worker

if __name__ == "__main__":
    worker.STATS_INTERVAL = 0.1
    sys.exit(worker.main())
