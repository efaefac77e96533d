"""What the rows of a position come to in rupees, charges included; read by both engines."""

from __future__ import annotations

from math import floor

import numpy as np
from numpy.typing import NDArray

from kit.backtest.records import EXPIRY, REFUSED, HeldPosition
from kit.backtest.tape import Holding
from kit.bars.minutes import TICK_INR
from kit.evaluation.costs import order_charges
from kit.pricing.arrays import Floats

BUY, SELL, FIXED = range(3)
_CRORE = 1e7


def fees_of(holding: Holding, charged: bool) -> tuple[Floats, NDArray[np.int64]]:
    """Return what orders cost on each session of a holding, and the session of each bar.

    Returns
    -------
    fees : (sessions, 3) array
        Fraction of the premium of a purchase, of a sale, and rupees per order.
    session_of : (n,) int array
        Row of `fees` for each bar.
    """
    fees = np.zeros((len(holding.days), 3))
    for row, day in zip(fees, holding.days, strict=True):
        if charged:
            row[FIXED] = order_charges(0.0, "buy", day.day).total
            row[BUY] = (order_charges(_CRORE, "buy", day.day).total - row[FIXED]) / _CRORE
            row[SELL] = (order_charges(_CRORE, "sell", day.day).total - row[FIXED]) / _CRORE
    lengths = [len(day.minutes) for day in holding.days]
    return fees, np.repeat(np.arange(len(lengths)), lengths)


def tally(position: HeldPosition, fees: Floats, session_of: NDArray[np.int64], out: Floats) -> None:
    """Write net profit, charges and the number of trades of a played position into `out`."""
    gross, paid, count = 0.0, 0.0, 0
    for number in range(position.totals.count):
        trade = position.trades[number]
        if trade.reason == REFUSED:
            continue
        leg, contract = position.legs[trade.leg], position.tape.contracts[trade.row]
        units = contract.units * leg.lots * position.terms.multiple
        count += 1
        gross += leg.sign * (trade.exit - trade.entry) * units * TICK_INR
        opened, closed = fees[session_of[trade.entry_bar]], fees[session_of[trade.exit_bar]]
        opens, closes = (BUY, SELL) if leg.sign > 0 else (SELL, BUY)
        cost = trade.entry * units * TICK_INR * opened[opens] + opened[FIXED]
        if trade.reason != EXPIRY:
            cost += trade.exit * units * TICK_INR * closed[closes] + closed[FIXED]
        elif leg.sign > 0 and closed[FIXED] > 0:
            cost += contract.exercise * units
        paid += floor(cost * 100 + 0.5) / 100  # to the paisa, as a row of the log
    out[0], out[1], out[2] = gross - paid, paid, count
