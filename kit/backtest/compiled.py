"""The compiled engine: the very functions of the plain one, made machine code, for many sets of parameters.

Importing this module imports numba; `kit.backtest.engines` does so on first use. Everything is inlined into
one function that allocates nothing, so that no array is counted on its way through the rules.
"""

from __future__ import annotations

from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

from kit.backtest import fills, quiet, rules, tally, walk
from kit.backtest.records import BarTape, HeldPosition, Records
from kit.pricing.arrays import Floats
from kit.pricing.machine_cache import kept

_MODULES = (fills, quiet, rules, tally, walk)
_HERE = Path(__file__).parent
_SOURCES = ("compiled.py", "records.py", *(f"{module.__name__.rpartition('.')[2]}.py" for module in _MODULES))
# Counting no references is right because nothing here allocates, and with inlining ten times the speed; a
# function that C may call as well would be compiled twice.
_BARE: dict[str, Any] = {"_nrt": False, "no_cfunc_wrapper": True}
_INLINED: dict[str, Any] = {"forceinline": True, **_BARE}


def _teach(module: ModuleType) -> None:
    """Let numba compile a module's functions wherever compiled code calls them."""
    for function in vars(module).values():
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            register_jitable(**_INLINED)(function)


def play_sets(
    tape: BarTape,
    terms: Records,
    legs: Records,
    states: Records,
    totals: Records,
    trades: Records,
    span: tuple[int, int],
    fees: Floats,
    session_of: NDArray[np.int64],
    out: Floats,
) -> None:
    """Play every set of parameters on one tape; `trades` keeps the rows of the last.

    Parameters
    ----------
    tape : BarTape
        The bars of one holding.
    terms, legs : (sets,), (sets, legs) records
        The parameters.
    states, totals, trades : records
        Room for one position; `states.start` is set.
    span : tuple of int
        First and last bar.
    fees, session_of : arrays
        As of `kit.backtest.tally.fees_of`.
    out : (sets, 3) array
        Filled with net profit, charges and number of trades.
    """
    for number in range(len(out)):
        position = HeldPosition(tape, terms[number], legs[number], states, totals, trades)
        walk.walk(position, span[0], span[1])
        tally.tally(position, fees, session_of, out[number])


def _compiled(**options: Any) -> Any:
    bare: dict[str, Any] = {"error_model": "numpy", **_BARE, **options}
    return njit(nogil=True, **bare)(play_sets)


for _module in _MODULES:
    _teach(_module)
run = kept(play_sets, [_HERE / name for name in _SOURCES], _compiled)
