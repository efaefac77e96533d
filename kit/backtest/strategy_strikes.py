"""The strikes that a strategy takes at the close of a bar, on the chain of that bar alone."""

from __future__ import annotations

from datetime import date, timedelta
from weakref import WeakKeyDictionary

import numpy as np

from kit.backtest.plan.minute_chain import MinuteChain, minute_chain, with_later
from kit.backtest.plan.strategy import StrategyStrike, is_later, structure_of
from kit.backtest.strikes import NO_STRIKE, ExpiryMinutes
from kit.bars.minutes import DayMinutes
from kit.errors import DataError
from kit.strategies.base import Strategy

_Taken = dict[tuple[Strategy, date, int], tuple[int, ...]]
_TAKEN: WeakKeyDictionary[DayMinutes, _Taken] = (
    WeakKeyDictionary()
)  # a strategy is asked once for all its legs


def strategy_strike(rule: StrategyStrike, day: DayMinutes, expiry: date, column: int) -> int:
    """Return the strike of one leg at the close of a bar, rupees; 0 where the strategy finds none.

    Parameters
    ----------
    rule : StrategyStrike
        The strategy and which of its legs.
    day : DayMinutes
        The session.
    expiry : date
        Of the leg.
    column : int
        The bar.
    """
    spans = any(later for _, _, later in structure_of(rule.strategy))
    near = next(one for one in day.expiries if one >= day.day) if spans else expiry
    taken, key = _TAKEN.setdefault(day, {}), (rule.strategy, near, column)
    if key not in taken:
        taken[key] = _strikes(rule.strategy, day, near, column)
    return taken[key][rule.leg - 1]


def _strikes(strategy: Strategy, day: DayMinutes, expiry: date, column: int) -> tuple[int, ...]:
    """Return the strikes of all legs; a strategy that takes other legs here than on any chain finds none."""
    structure = structure_of(strategy)
    nothing = (NO_STRIKE,) * len(structure)
    spans = any(later for _, _, later in structure)
    expiries = [one for one in day.expiries if one >= expiry][: 2 if spans else 1]
    try:
        forward = _forward(day, expiry, column)
        chain = with_later([_chain(day, one, column, forward) for one in expiries])
        legs = strategy.legs(chain)
    except DataError:  # a strike that is not listed, a delta that is not known: the next minute may tell
        return nothing
    found = tuple((leg.right, leg.lots, is_later(leg, chain.expiries)) for leg in legs)
    return tuple(round(leg.strike) for leg in legs) if found == structure else nothing


def _forward(day: DayMinutes, expiry: date, column: int) -> float:
    forward = float(ExpiryMinutes(day, expiry, "synthetic").synthetic(np.array([column]))[0])
    if np.isnan(forward):
        raise DataError("No call and put trade together", f"{expiry}", "Enter later.")
    return forward


def _chain(day: DayMinutes, expiry: date, column: int, near_forward: float) -> MinuteChain:
    """Return the chain of a minute; a later expiry that trades no pair has the forward of the near one."""
    minutes, columns = ExpiryMinutes(day, expiry, "synthetic"), np.array([column])
    forward, spot = float(minutes.synthetic(columns)[0]), float(day.index[3][column])
    forward = near_forward if np.isnan(forward) else forward
    closes = minutes.closes("CE", columns)[:, 0], minutes.closes("PE", columns)[:, 0]
    deltas = minutes.deltas("CE", columns)[:, 0], minutes.deltas("PE", columns)[:, 0]
    at = day.start(column) + timedelta(minutes=1)
    levels = forward if np.isnan(spot) else spot, forward
    return minute_chain(day.underlying, expiry, at, levels, minutes.strikes, closes, deltas)
