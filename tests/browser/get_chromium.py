"""Get a Chromium for the browser tests where there is none: Debian's when root, else Playwright's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def commands() -> list[list[str]]:
    """List the ways to get one, the likeliest first."""
    ways = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        ways.insert(0, ["sh", "-c", "apt-get -qq update && apt-get -qq install -y chromium"])
    return ways


def main() -> int:
    """Return 0 when a Chromium is there at the end."""
    if os.environ.get("KIT_CHROMIUM") or any(shutil.which(name) for name in NAMES):
        return 0
    for command in commands():
        print("no Chromium found; trying:", " ".join(command), flush=True)
        try:
            done = subprocess.run(command, stdout=subprocess.DEVNULL, timeout=300, check=False)
        except subprocess.TimeoutExpired:
            continue
        if done.returncode == 0:
            return 0
    print("NO CHROMIUM: the browser tests will be skipped", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
