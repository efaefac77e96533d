"""``python -m kit.simulator``: serve the simulated exchange."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from kit.errors import KitError
from kit.simulator.admin import moment_of
from kit.simulator.server import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; return the exit status."""
    parser = argparse.ArgumentParser("kit simulate", description="Serve a simulated exchange on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--seed", type=int, default=7, help="of the market")
    parser.add_argument("--speed", type=float, default=1.0, help="market seconds per second")
    parser.add_argument("--at", help="market time to start at, for instance 2026-11-20T11:00")
    parser.add_argument("--tls", action="store_true", help="serve HTTPS with a throw-away authority")
    parser.add_argument("--no-limits", action="store_true", help="refuse nobody for asking too often")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    asked = parser.parse_args(arguments)
    try:
        at = moment_of(asked.at) if asked.at else None
        serve(
            asked.port, asked.seed, asked.speed, at, asked.tls, not asked.no_limits, asked.until_stdin_closes
        )
    except KitError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
