"""What is traded: one row of the broker's instrument master, one contract of a chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import nan
from typing import Literal, NamedTuple, NewType

Right = Literal["CE", "PE"]
Token = NewType("Token", str)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One row of the instrument master, with its units checked.

    Parameters
    ----------
    token, symbol, name, exchange, kind : str
        The broker's token, trading symbol, underlying name, segment (``"NFO"``) and type (``"OPTIDX"``).
    expiry : date or None
        Last trading day; None where the instrument has none.
    strike : float
        Rupees; NaN where the instrument has none.
    right : {"CE", "PE"} or None
        Call or put.
    lot_size : int
        Units in one lot.
    tick_size : float
        Rupees.
    freeze_quantity : int, default 0
        Most units in one order; 0: not known.
    """

    token: str
    symbol: str
    name: str
    exchange: str
    kind: str
    expiry: date | None
    strike: float
    right: Right | None
    lot_size: int
    tick_size: float
    freeze_quantity: int = 0

    @property
    def segment(self) -> Literal["derivatives", "cash"]:
        """Whose trading hours it has: shares and indices trade in the cash segment."""
        return "cash" if self.exchange in ("NSE", "BSE") else "derivatives"


class Contract(NamedTuple):
    """One contract of a chain as plain numbers: what arithmetic on a few legs needs, without pandas.

    The fields have the units of the table of `kit.model.chain`; `price` is that of `kit.quotes.mid_or_last`.
    What a table lacks is NaN.
    """

    price: float
    iv: float
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float
    bid: float = nan
    ask: float = nan
    volume: float = nan
    bid_qty: float = nan
    ask_qty: float = nan
    iv_quality: float = nan


def future_of(
    calls: Mapping[float, Contract], puts: Mapping[float, Contract], forward: float, discount: float
) -> Contract:
    """Return the future of an expiry at its forward, with what it can be had for in options.

    Parameters
    ----------
    calls, puts : mapping of float to Contract
        By strike.
    forward, discount : float
        Rupees, and the factor to the expiry.

    Returns
    -------
    Contract
        Its bid and ask are the best that a call and the put of its strike allow; NaN where no two are quoted
        on both sides, or where the quotes contradict the forward.
    """
    pairs = [(strike, calls[strike], puts[strike]) for strike in calls.keys() & puts.keys()]
    quoted = [pair for pair in pairs if all(one.bid > 0 and one.ask > 0 for one in pair[1:])]
    bid = max((strike + (call.bid - put.ask) / discount for strike, call, put in quoted), default=nan)
    ask = min((strike + (call.ask - put.bid) / discount for strike, call, put in quoted), default=nan)
    touch = (bid, ask) if bid <= forward <= ask else (nan, nan)
    return Contract(forward, nan, 1.0, 0.0, 0.0, 0.0, 0.0, *touch)
