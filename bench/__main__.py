"""`python -m bench`; `bench.command_line` has it all."""

from __future__ import annotations

import signal
import sys

if __name__ == "__main__":
    # Loading takes a second or two, in which there is nothing to tidy up and nothing to announce.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from bench.command_line import main
    except ModuleNotFoundError as error:
        from qos.install_hint import how_to_get

        hint = how_to_get(".[bench]", "bench")
        sys.exit(f"The bench needs {error.name}, which is not installed: {hint}")

    sys.exit(main())
