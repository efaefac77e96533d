"""How many cores there are to share."""

from __future__ import annotations

import os


def cores() -> int:
    """Return how many cores this process may use; fewer than the machine has where some are withheld."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
