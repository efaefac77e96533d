"""Tasks with priority, time-out and recovery, in threads, processes or on a Dask cluster.

Names load on first use: a worker process imports its own few modules of this package and not joblib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.parallel.execution import task_rng
    from kit.parallel.processor import ConcurrentProcessor
    from kit.parallel.tasks import ProcessingResult, ProcessingTask

__all__ = ["ConcurrentProcessor", "ProcessingResult", "ProcessingTask", "task_rng"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        home = {"ConcurrentProcessor": "processor", "task_rng": "execution"}.get(name, "tasks")
        return getattr(import_module(f"kit.parallel.{home}"), name)
    raise AttributeError(f"module 'kit.parallel' has no attribute {name!r}")
