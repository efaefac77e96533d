"""The broker's rate limits: three sliding windows per endpoint and client code, from a dated table."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from datetime import date
from time import monotonic

from kit.errors import DataError
from kit.facts import in_force, table

_WINDOWS = (("per_second", 1.0), ("per_minute", 60.0), ("per_hour", 3600.0))
_SHARED = {
    "getOIData": "getCandleData",
    **dict.fromkeys(("placeOrder", "modifyOrder", "cancelOrder"), "orders"),
    **dict.fromkeys(("createRule", "modifyRule", "cancelRule"), "gttWrites"),
    **dict.fromkeys(("ruleDetails", "ruleList"), "gttReads"),
    **dict.fromkeys(("batch", "estimateCharges"), "margin"),
}  # endpoints that draw on another one's budget


class SlidingLimits:
    """Admits or refuses requests.

    A refused request takes no place in the windows.

    Parameters
    ----------
    on : date
        The market's day: chooses the rows of ``data/rate_limits.csv``; a day before the first row of an
        endpoint takes that first row.
    enabled : bool, default True
        Whether anything is refused.
    timer : callable, optional
        Seconds; default the machine's monotonic time.
    """

    def __init__(self, on: date, enabled: bool = True, timer: Callable[[], float] = monotonic) -> None:
        self.enabled = enabled
        self.form = "text"  # of a refusal, see `kit.simulator.answers.rate_refusal`
        self.refused: Counter[str] = Counter()
        self._timer = timer
        self._windows = {row["endpoint"]: _windows(row["endpoint"], on) for row in table("rate_limits")}
        self._seen: dict[tuple[str, str], list[deque[float]]] = {}

    def admit(self, endpoint: str, who: str) -> bool:
        """Tell whether a request is within every window; if so, it counts from now on.

        Parameters
        ----------
        endpoint : str
            As the table names it; one that is not in the table is never refused.
        who : str
            The client code.
        """
        budget = _SHARED.get(endpoint, endpoint)
        windows = self._windows.get(budget, ())
        if not self.enabled or not windows:
            return True
        seen = self._seen.setdefault((budget, who), [deque() for _ in windows])
        now = self._timer()
        for (length_s, _), times in zip(windows, seen, strict=True):
            while times and times[0] <= now - length_s:
                times.popleft()
        if any(len(times) >= most for (_, most), times in zip(windows, seen, strict=True)):
            self.refused[endpoint] += 1
            return False
        for times in seen:
            times.append(now)
        return True


def _windows(endpoint: str, on: date) -> tuple[tuple[float, int], ...]:
    """Return length in seconds and most requests of each window of an endpoint."""
    rows = [row for row in table("rate_limits") if row["endpoint"] == endpoint]
    try:
        row = in_force(rows, on)
    except DataError:
        row = min(rows, key=lambda known: known["from"])
    return tuple((length_s, int(row[name])) for name, length_s in _WINDOWS if row[name])
