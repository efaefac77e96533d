"""How busy everything else keeps the machine while a row runs, and how fast the machine is itself."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from time import perf_counter
from timeit import timeit

_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")  # as far as a system tells them apart
_LEAST_S = 0.5  # systems count in hundredths of a second


def pace() -> float:
    """Return what a fixed loop takes now, milliseconds: a machine changes its clock by itself."""
    return round(1e3 * min(timeit("for n in range(40_000): n * n", number=1) for _ in range(9)), 4)


class Load:
    """A meter of the cores that others keep busy.

    Notes
    -----
    What this process, its children and theirs have used is not counted. A figure measured beside a busy
    neighbour is not worth what one measured alone is, and only the machine knows.
    """

    def __init__(self) -> None:
        self._known = find_spec("psutil") is not None
        self._marks = [(perf_counter(), self._others_s())]

    def mark(self) -> None:
        """Begin here, for the next `cores`."""
        self._marks.append((perf_counter(), self._others_s()))

    def cores(self) -> float | None:
        """Return the cores that others have kept busy since the latest mark that is half a second old.

        None where no mark is, or where psutil is not installed.
        """
        now, used_s = perf_counter(), self._others_s()
        since = [mark for mark in self._marks if now - mark[0] >= _LEAST_S]
        if not self._known or not since:
            return None
        began, before_s = since[-1]
        return round(max(0.0, (used_s - before_s) / (now - began)), 2)

    def _others_s(self) -> float:
        if not self._known:
            return 0.0
        import psutil  # type: ignore[import-untyped]  # an extra

        used, me = psutil.cpu_times(), psutil.Process()
        own_s = 0.0
        for process in (me, *me.children(recursive=True)):
            with suppress(psutil.Error):  # it has ended meanwhile, and its parent counts it
                own_s += sum(process.cpu_times()[:4])
        return float(sum(getattr(used, kind, 0.0) for kind in _BUSY) - own_s)
