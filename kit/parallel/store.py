"""What the processor remembers of finished tasks: bounded in number and age."""

from __future__ import annotations

from collections import Counter, deque
from math import nan
from time import monotonic
from typing import get_args

from cachetools import TTLCache

from kit.errors import TaskError
from kit.monitor.operation import quantile
from kit.parallel.tasks import ProcessingResult, Status

_WINDOW = 1000  # tasks over which the quantiles are taken


class ResultStore:
    """At most `max_results` results, each for `max_age_s` seconds, and the counts behind the statistics.

    Those not asked for longest go first. Not locked: its owner is.
    """

    def __init__(self, max_results: int, max_age_s: float) -> None:
        self._results: TTLCache[str, ProcessingResult] = TTLCache(max_results, max_age_s, monotonic)
        self._counts: Counter[str] = Counter()
        self._times: deque[tuple[float, float]] = deque(maxlen=_WINDOW)
        self.submitted = 0

    def add(self, result: ProcessingResult) -> None:
        """Keep a result."""
        self._results[result.task_id] = result
        self._counts[result.status] += 1
        if result.status != "cancelled":
            self._times.append((result.waiting_s, result.running_s))

    def get(self, task_id: str) -> ProcessingResult:
        """Return the result of a task; a `TaskError` says that none is kept."""
        if result := self._results.get(task_id):
            return result
        remedy = "Check the id; old results go, see max_results and result_ttl_s."
        raise TaskError("No result is kept of this task", task_id, remedy)

    def forget(self, task_id: str) -> None:
        """Drop one result."""
        self._results.pop(task_id, None)

    def clear(self) -> int:
        """Drop every result and return how many there were."""
        self._results.expire()
        number = len(self._results)
        self._results.clear()
        return number

    def statistics(self) -> dict[str, float]:
        """Return counts by how tasks ended, the success rate in per cent, and quantiles in seconds."""
        counts = {status: self._counts[status] for status in get_args(Status)}
        ended = sum(counts.values()) - counts["cancelled"]
        figures = {
            "submitted": self.submitted,
            **counts,
            "failed": counts["failed"] + counts["crashed"],
            "success_rate": 100 * counts["completed"] / ended if ended else nan,
        }
        for name, column in (("waiting", 0), ("running", 1)):
            seconds = sorted(times[column] for times in self._times)
            figures |= {f"{name}_p{level}_s": quantile(seconds, level / 100) for level in (50, 95)}
        return figures
