"""What ``%load_ext kit`` adds to a notebook: ``%%measure`` and ``%kit``.

::

    %%measure ranking           times a cell into the desk's monitor, against its budget if it has one
    %kit status                 the open desk, part by part
    %kit chain [EXPIRY]         the nearest chain, or that of an expiry

They use the notebook's ``desk``; where there is none, ``%kit chain`` opens one under that name.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class

from kit.desk import Desk, open_desk
from kit.errors import KitError
from kit.model import ChainSnapshot
from kit.monitor import PerformanceMonitor
from kit.shown import counted

_USAGE = "Write %kit status or %kit chain [EXPIRY]"


@magics_class
class KitMagics(Magics):
    """The kit's magics; without a desk a cell is timed into a monitor of their own.

    Attributes
    ----------
    monitor : PerformanceMonitor
        The desk's, or their own while there is none.
    """

    shell: Any

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self._own = PerformanceMonitor()

    @property
    def monitor(self) -> PerformanceMonitor:
        """What a cell is timed into."""
        desk = self._desk()
        return desk.monitor if desk else self._own

    @cell_magic
    def measure(self, line: str, cell: str) -> None:
        """Run a cell and time it under a name."""
        name = line.strip()
        if not name:
            raise UsageError("Name what is measured: %%measure NAME")
        monitor, began = self.monitor, perf_counter()
        done = self.shell.run_cell(cell)
        monitor.record_execution(name, perf_counter() - began, bool(done.success))
        found = monitor.get_metrics(name)
        median = f"median {1e3 * found.median:,.1f} ms"
        print(f"{name}: {counted(found.calls, 'run')}, {median}, errors {found.total_errors}")

    @line_magic
    def kit(self, line: str) -> Desk | PerformanceMonitor | ChainSnapshot:
        """Show the open desk, or a chain."""
        word, *rest = line.split() or [""]
        desk = self._desk()
        if word == "status" and not rest:
            return desk or self._own
        if word != "chain" or len(rest) > 1:
            raise UsageError(_USAGE)
        if desk is None:
            desk = self.shell.user_ns["desk"] = open_desk()
        try:
            return desk.data.option_chain("BANKNIFTY", *rest)
        except KitError as error:
            raise UsageError(str(error)) from None

    def _desk(self) -> Desk | None:
        """Return the notebook's desk: the one named ``desk``, else any that is open."""
        names = self.shell.user_ns
        desks = [found for found in (names.get("desk"), *names.values()) if isinstance(found, Desk)]
        return next((desk for desk in desks if not desk.is_closed), None)
