"""The register of benchmark rows.

A row is a function that receives the `Run` and returns what to time (`Arms`) or what it timed itself
(`Figures`)::

    @row("cache", "us", at_most(2), peer=("cachetools TLRU under a lock", within(3)), quick=True)
    def hot_hit(run: Run) -> Arms:
        '''Read one cached chain from the in-process tier, statistics on.'''
        cache = CacheManager(CacheConfig())
        cache.set("chain", object())
        bare = run.peer("cachetools")           # None where it is not installed
        return Arms(ours=lambda: cache.get("chain"), peer=bare and bare_hit(bare))

Rows live in ``kit/benchmark/rows/`` and register on import; a further peer is a further row. Units:
``ns us ms s`` are times, anything ending in ``/s`` is a rate (``M options/s`` counts millions, ``k rows/s``
thousands); any other unit is for `Figures`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from kit.benchmark import rows as _rows
from kit.benchmark.measure import Arms, Figures
from kit.benchmark.run import Run
from kit.benchmark.targets import Speed, Target, at_most
from kit.errors import KitError, SettingsError
from kit.settings import LatencyRequirements

Measure = Callable[[Run], Arms | Figures]
_TIMES = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}
_PREFIXES = {"M ": 1e-6, "k ": 1e-3}
_REGISTER: dict[str, Row] = {}


@dataclass(frozen=True)
class Row:
    """One line of the benchmark."""

    name: str
    part: str  # the package that it measures
    unit: str
    measure: Measure  # its docstring says what is measured
    target: Target | None = None  # limit on the figure; None: the row informs
    peer: str | None = None  # who else does the same work
    peer_target: Speed | None = None  # speed relative to the peer
    quick: bool = False  # part of a quick run
    cores: int = 1  # that the target supposes; with fewer the row is not judged
    budget: str | None = None  # the latency budget of the settings that is the limit on the figure

    def under(self, budgets: LatencyRequirements) -> Row:
        """Return the row with its limit from these budgets, milliseconds."""
        return replace(self, target=at_most(getattr(budgets, self.budget))) if self.budget else self

    @property
    def less_is_better(self) -> bool:
        """Whether the figure is a cost."""
        return self.target.at_most if self.target else not self.unit.endswith(("/s", "times", "%"))

    @property
    def ratio_target(self) -> Target | None:
        """The limit on figure / peer figure."""
        return self.peer_target.on_ratio(self.less_is_better) if self.peer_target else None

    @property
    def goal(self) -> str | None:
        """Both targets in words."""
        own = [f"{self.target} {self.unit}"] if self.target else []
        beside = [str(self.peer_target)] if self.peer_target else []
        return ", ".join([*own, *beside]) or None

    def in_unit(self, seconds: float, items: float) -> float:
        """Convert the seconds of one call over `items` operations.

        Raises
        ------
        SettingsError
            The unit is neither a time nor a rate.
        """
        if self.unit in _TIMES:
            return seconds / items * _TIMES[self.unit]
        if self.unit.endswith("/s"):
            return items / seconds * _PREFIXES.get(self.unit[:2], 1.0)
        raise SettingsError(f"Row {self.name} times a call, which has no unit", self.unit, "Return Figures.")


def row(
    part: str,
    unit: str,
    target: Target | None = None,
    *,
    peer: tuple[str, Speed] | None = None,
    name: str = "",
    **features: Any,
) -> Callable[[Measure], Measure]:
    """Register the decorated function as a row of its own name, or of the one given; see `Row`.

    Raises
    ------
    SettingsError
        Another row has this name.
    """

    def register(measure: Measure) -> Measure:
        called = name or measure.__name__
        known = _REGISTER.get(called)
        if known is not None and known.measure.__module__ != measure.__module__:
            raise SettingsError("Two benchmark rows have this name", called, "Rename one of them.")
        made = Row(called, part, unit, measure, target, *(peer or (None, None)), **features)
        _REGISTER[called] = made.under(LatencyRequirements())
        return measure

    return register


def all_rows() -> Mapping[str, Row]:
    """Import every file of rows and return the rows by name."""
    for module in pkgutil.iter_modules(_rows.__path__):
        import_module(f"{_rows.__name__}.{module.name}")
    return dict(_REGISTER)


def unknown_row(name: str) -> KitError:
    """Return the error for a name that no row has, with the three nearest."""
    close = get_close_matches(name, all_rows(), n=3, cutoff=0.0)
    return SettingsError("No benchmark row has this name", name, f"Did you mean {', '.join(close)}?")
