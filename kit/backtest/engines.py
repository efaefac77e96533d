"""Which engine plays a position: the compiled one for many, the plain one for few and for Python rules."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kit.backtest.encode import encode_legs, encode_terms, most_rows
from kit.backtest.plain import play, play_asking
from kit.backtest.plan.plan import Plan
from kit.backtest.records import POSITION, STATE, TRADE, HeldPosition, Records, TradeRow, plain_rows, records
from kit.backtest.tally import fees_of
from kit.backtest.tape import Loaded
from kit.errors import SettingsError
from kit.pricing.arrays import Floats

EngineName = Literal["auto", "plain", "compiled"]
WORTH_COMPILED = 100  # positions; below, importing numba takes longer than playing them


def engine_for(plan: Plan, engine: EngineName, positions: int) -> EngineName:
    """Return the engine that plays a plan: the one asked for, or the faster one that can.

    Raises
    ------
    SettingsError
        The compiled engine is asked for and numba is not installed, or a rule is a Python function.
    """
    asks = bool(plan.position_rules)
    if engine == "auto":
        can = not asks and find_spec("numba") is not None
        return "compiled" if can and positions >= WORTH_COMPILED else "plain"
    if engine == "compiled" and asks:
        raise SettingsError("A Python rule cannot be compiled", plan.name, "Use the plain engine.")
    if engine == "compiled" and find_spec("numba") is None:
        raise SettingsError("numba is not installed", None, 'Run: pip install "banknifty-kit[fast]".')
    if engine not in ("plain", "compiled"):
        raise SettingsError("There is no such engine", engine, "Use auto, plain or compiled.")
    return engine


class Trader:
    """Plays one plan on one tape after the other; its rules are put into records once.

    Parameters
    ----------
    plan : Plan
        What is traded.
    engine : {"plain", "compiled"}
        As `engine_for` chose it.
    """

    def __init__(self, plan: Plan, engine: EngineName) -> None:
        self.plan, self._engine = plan, engine
        self._terms, self._legs = encode_terms(plan), encode_legs(plan.legs)
        self._asks = bool(plan.position_rules)
        self.multiple = int(self._terms[0].multiple)  # how many times the legs are traded

    def trade(self, loaded: Loaded) -> list[TradeRow]:
        """Play the plan on a tape and return the rows it wrote."""
        position = position_on(loaded, self._terms, self._legs)
        if self._asks:
            return plain_rows(play_asking(position, loaded, self.plan, self.plan.legs))
        if self._engine == "plain":
            return plain_rows(play(position, loaded))
        fees, session_of = fees_of(loaded.holding, charged=False)
        play_compiled(position, self._terms, position.legs[None], loaded, fees, session_of)
        return plain_rows(position.trades[: position.totals.count])


def position_on(loaded: Loaded, terms: Records, legs: Records) -> HeldPosition:
    """Return a position of these legs on a tape, not yet begun."""
    terms["exit"] = loaded.holding.exit
    states, totals = records(STATE, len(legs)), records(POSITION, 1)[0]
    states.start = loaded.holding.starts
    totals.settles = bool((loaded.tape.contracts.ends < loaded.holding.edges[-1]).any())
    return HeldPosition(loaded.tape, terms[0], legs, states, totals, records(TRADE, most_rows(legs, terms)))


def play_compiled(
    room: HeldPosition,
    terms: Records,
    legs: Records,
    loaded: Loaded,
    fees: Floats,
    session_of: NDArray[np.int64],
) -> Floats:
    """Play sets of parameters by machine code; return (sets, 3) net profit, charges, number of trades.

    `room` is a position of one set whose states and rows are reused; it must be as roomy as the widest set.
    """
    out = np.empty((len(terms), 3))
    span = loaded.holding.first, loaded.holding.last
    _machine_code()(
        loaded.tape, terms, legs, room.states, room.totals, room.trades, span, fees, session_of, out
    )
    return out


@cache
def _machine_code() -> Any:
    from kit.backtest.compiled import run

    return run
