"""What can be traded: the spread, size and trading of each leg, and quotes that contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from math import isnan, nan
from typing import Literal, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from kit.clock import monthly_expiry, tick_inr
from kit.errors import DataError
from kit.model import ChainSnapshot, Leg, Right
from kit.model.instrument import Contract

Entry = Literal["touch", "mid"]
_CONTRADICTING: WeakKeyDictionary[ChainSnapshot, frozenset[tuple[str, float]]] = WeakKeyDictionary()
_SERIES = 3  # futures are listed for as many months
NOWHERE = Contract(nan, nan, nan, nan, nan, nan, nan)


class Liquidity(NamedTuple):
    """How well one leg can be traded.

    Parameters
    ----------
    leg : str
        The contract.
    spread_pct : float
        Ask less bid, percent of their middle; 0 for a settlement, NaN where a side is not quoted.
    size_lots : float
        Lots at the side that the leg trades against; NaN: unknown.
    traded_lots : float
        Lots of the contract traded today; NaN: unknown.
    iv_quality : float
        How reliable its volatility is, 0 to 1.
    """

    leg: str
    spread_pct: float
    size_lots: float
    traded_lots: float
    iv_quality: float


def liquidity(legs: Sequence[Leg], snapshot: ChainSnapshot) -> tuple[Liquidity, ...]:
    """Return how well each leg can be traded; of a leg that the chain does not list nothing is known."""
    lot = snapshot.lot_size
    found = []
    for leg in legs:
        row = contract_of(leg, snapshot)
        size = row.ask_qty if leg.lots > 0 else row.bid_qty
        named = f"{leg.strike:g}{leg.right}" if leg.is_option else leg.right
        found.append(Liquidity(named, spread_pct(row), size / lot, row.volume / lot, row.iv_quality))
    return tuple(found)


def contract_of(leg: Leg, snapshot: ChainSnapshot) -> Contract:
    """Return the chain's quotes and Greeks of a leg's contract; all NaN where it is not listed."""
    return snapshot.at(leg.expiry).contracts[leg.right].get(leg.strike, NOWHERE)


def spread_pct(row: Contract) -> float:
    """Return the spread in percent of the middle; NaN where a side is missing."""
    return 200 * (row.ask - row.bid) / (row.ask + row.bid)


def touch(row: Contract, lots: int) -> float:
    """Return the price at which lots of a contract trade at once, rupees; NaN where nobody quotes it."""
    return row.ask if lots > 0 else row.bid


def is_theory(row: Contract) -> bool:
    """Return whether a contract's price is a settlement of what nobody traded that day."""
    return row.bid == row.ask and row.volume == 0


@lru_cache(maxsize=1024)
def has_future(underlying: str, expiry: date, on: date) -> bool:
    """Return whether a future expires with these options: with the monthly ones of the three nearest months.

    Where the exchange's rules for an underlying are not known, it is taken for granted.
    """
    try:
        monthly = monthly_expiry(expiry.year, expiry.month, underlying)
        over = monthly_expiry(on.year, on.month, underlying) < on
    except DataError:
        return True
    months = 12 * (expiry.year - on.year) + expiry.month - on.month
    return expiry == monthly and months - over < _SERIES


def entry_price(leg: Leg, row: Contract, entry: Entry) -> float:
    """Return what a leg is entered at, rupees.

    At the touch a bought leg pays the ask and a sold one gets the bid; without that side, and for the index,
    the chain's price stands. A leg that was given a price of its own keeps it.
    """
    if leg.price != row.price and not isnan(leg.price):
        return leg.price
    at_once = touch(row, leg.lots) if entry == "touch" else nan
    return row.price if isnan(at_once) else at_once


def contradicting(snapshot: ChainSnapshot) -> frozenset[tuple[str, float]]:
    """Return the contracts, by right and strike, whose live quotes leave somebody a certain profit.

    That is a vertical spread received for nothing, or a butterfly of neighbouring strikes, entered at bid and
    ask by more than a tick. Settlements have no spread and are no quotes.
    """
    if snapshot not in _CONTRADICTING:
        found = [*_of_side(snapshot, "CE"), *_of_side(snapshot, "PE")]
        _CONTRADICTING[snapshot] = frozenset(found)
    return _CONTRADICTING[snapshot]


def _of_side(snapshot: ChainSnapshot, right: Right) -> list[tuple[str, float]]:
    quoted = sorted(
        (strike, row.bid, row.ask)
        for strike, row in snapshot.contracts[right].items()
        if row.bid > 0 and row.ask > row.bid
    )
    k, bid, ask = np.array(quoted, dtype=np.float64).reshape(-1, 3).T
    if right == "PE":  # from above, a put falls as a call does
        k, bid, ask = k[::-1], bid[::-1], ask[::-1]
    tick = tick_inr(snapshot.taken_at.date())
    vertical = ask[:-1] - bid[1:] < -tick  # the nearer costs less than the further brings
    found = {*np.flatnonzero(vertical).tolist(), *(np.flatnonzero(vertical) + 1).tolist()}
    if k.size > 2:
        share = (k[2:] - k[1:-1]) / (k[2:] - k[:-2])
        fly = share * ask[:-2] + (1 - share) * ask[2:] - bid[1:-1] < -tick
        for at in np.flatnonzero(fly).tolist():
            found |= {at, at + 1, at + 2}
    return [(right, float(k[at])) for at in sorted(found)]
