"""Which engine computes: numba's compiled loops where numba is installed, else plain NumPy.

Both give the same numbers to rounding. The first chains of a process are left to NumPy, see `engine`. The
choice can be forced for a block::

    with using("numpy"):
        iv_and_greeks(...)
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from numbers import Integral
from threading import RLock
from typing import Literal, Protocol, cast, get_args

from kit.arguments import choice
from kit.errors import KitWarning, SettingsError
from kit.forks import fork_outside
from kit.pricing.arrays import Floats
from kit.pricing.numpy_engine import Columns
from kit.pricing.reasons import Codes

Name = Literal["compiled", "numpy"]

A_CHAIN = 5_000  # options; NumPy needs two milliseconds for them, loading numba takes a third of a second
_A_CALL = 1_000  # options in the time that NumPy takes for a call of few
_FIRST = 100_000  # options that NumPy prices, in at most 40 ms, before numba is loaded
_given = [0]  # options so far, and calls as options; two threads at once may count one of them only
_forced: ContextVar[Name | None] = ContextVar("_forced", default=None)
_threads: ContextVar[int | None] = ContextVar("_threads", default=None)
_loading = RLock()
fork_outside(sys.modules[__name__], "_loading")  # a copy would wait for ever for a half imported module


class PricingEngine(Protocol):
    """What an engine computes: everything for one option, or only the first row of it.

    `columns` are what is known (prices or volatilities), forward, strike, years, discount and is_call:
    float64 (the last bool), contiguous, of `size` elements or of one that stands for all.
    """

    def volatilities(
        self, columns: Columns, size: int, rows: int, threads: int | None
    ) -> tuple[Floats, Codes]:
        """Return volatility, delta, gamma, theta, vega and rho as `rows` rows, and the reason codes."""

    def prices(self, columns: Columns, size: int, rows: int, threads: int | None) -> Floats:
        """Return price, delta, gamma, theta, vega and rho as `rows` rows."""


@cache
def _load(name: Name) -> PricingEngine:
    with _loading:
        return cast(PricingEngine, import_module(f"kit.pricing.{name}_engine"))


@cache
def default_engine() -> Name:
    """Return the engine that is used unless another is forced, loading it; warns where numba is broken."""
    if not find_spec("numba"):
        return "numpy"
    if broken := _obstacle():
        told = f"numba cannot be loaded, so that NumPy prices, ten times slower: {broken}"
        warnings.warn(told, KitWarning, stacklevel=2)
        return "numpy"
    return "compiled"


@cache
def _obstacle() -> str:
    """Load the compiled engine; return what went wrong, or nothing."""
    try:
        _load("compiled")
    except Exception as error:  # noqa: BLE001 it breaks in many ways: a NumPy it refuses, a missing LLVM
        return f"{type(error).__name__}: {error}"
    return ""


def engine(size: int) -> PricingEngine:
    """Return the engine in use here for so many options, loading it on first use.

    While the calls of a process are few and no larger than a chain, NumPy answers them: after a restart
    chain and evaluation are there before numba could be.
    """
    forced = _forced.get()
    if forced is None and size <= A_CHAIN and not default_engine.cache_info().currsize:
        _given[0] += size + _A_CALL
        if _given[0] <= _FIRST:
            return _load("numpy")
    return _load(forced or default_engine())


def engine_name() -> Name:
    """Return the name of the engine in use here, for work that has loops of its own."""
    return _forced.get() or default_engine()


def thread_limit() -> int | None:
    """Return the most threads a call may use here; None: as many as are worth it."""
    return _threads.get()


def _no_numba() -> SettingsError:
    if find_spec("numba"):
        return SettingsError(
            "numba is installed but cannot be loaded", _obstacle(), "Mend what it names, or say 'numpy'."
        )
    return SettingsError(
        "The compiled engine needs numba", "compiled", "Run: pip install 'banknifty-kit[fast]'."
    )


@contextmanager
def using(name: Name | None = None, threads: int | None = None) -> Iterator[None]:
    """Force an engine, or a number of threads, for a block of code.

    Parameters
    ----------
    name : {"compiled", "numpy"}, optional
        Default: whichever is in use outside.
    threads : int, optional
        The most threads a call may use; default as outside.

    Raises
    ------
    SettingsError
        There is no such engine here, or `threads` is no whole number of at least one.
    """
    if name is not None:
        choice(name, get_args(Name), "No pricing engine has this name")
    if name == "compiled" and default_engine() != "compiled":
        raise _no_numba()
    if threads is not None and not (isinstance(threads, Integral) and threads >= 1):
        raise SettingsError("A call needs at least one thread, a whole number", threads, "Use threads=1.")
    chosen, limit = _forced.set(name or _forced.get()), _threads.set(threads or _threads.get())
    try:
        yield
    finally:
        _forced.reset(chosen)
        _threads.reset(limit)
