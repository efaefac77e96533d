"""What every reader ends in: the contracts of one expiry, in units, made into a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from kit.chains.contracts import Contracts, positive
from kit.chains.readers.fields import NONE
from kit.chains.snapshot import snapshot
from kit.clock import last_trading_day
from kit.errors import UnreadableFile
from kit.model import ChainSnapshot, Derived, Right


@dataclass(frozen=True, slots=True)
class Line:
    """One contract as a file states it.

    Parameters
    ----------
    strike : float
        Rupees.
    right : {"CE", "PE"}
        Call or put.
    ltp, bid, ask : float
        Rupees; 0 or NaN: none.
    volume, oi, oi_change : float
        Units; NaN: unknown.
    ltp_change : float
        Since the previous close, rupees; NaN: unknown.
    symbol : str
        Trading symbol, empty where the file has none.
    """

    strike: float
    right: Right
    ltp: float = NONE
    bid: float = NONE
    ask: float = NONE
    volume: float = NONE
    oi: float = NONE
    oi_change: float = NONE
    ltp_change: float = NONE
    symbol: str = ""


@dataclass(frozen=True)
class Sheet:
    """One expiry as a file states it.

    Parameters
    ----------
    underlying : str
        For instance ``"BANKNIFTY"``.
    expiry : date
        As listed; where a holiday was declared since, the session before it is the last trading day.
    taken_at : datetime
        Timezone-aware.
    spot : float
        Rupees; NaN: the file does not say.
    lot : int
        Units in one lot.
    lines : list of Line
        In any order.
    future : float
        Price of the future of the same expiry, rupees; NaN: the file has none.
    derived : mapping of str to Derived
        What of `taken_at` and `spot` the file does not state.
    """

    underlying: str
    expiry: date
    taken_at: datetime
    spot: float
    lot: int
    lines: list[Line] = field(repr=False)
    future: float = NONE
    derived: Mapping[str, Derived] = field(default_factory=dict)

    def snapshot(self, strict: bool = True) -> ChainSnapshot:
        """Return the chain with forward, volatilities and Greeks; unless `strict`, even without a forward.

        Raises
        ------
        UnreadableFile
            The prices give no forward and the file has no spot.
        """
        found = snapshot(
            columns(self.lines),
            underlying=self.underlying,
            expiry=last_trading_day(self.expiry),
            taken_at=self.taken_at,
            spot=self.spot,
            lot_size=self.lot,
            source="file",
            future=self.future,
            derived=self.derived,
        )
        if strict and np.isnan(found.forward):
            raise UnreadableFile(
                "Too few strikes have both a call and a put quote to know the forward",
                f"{self.underlying} {self.expiry}",
                "Say the index level then: --spot, or spot=.",
            )
        return found


def columns(lines: list[Line]) -> Contracts:
    """Return lines as sorted columns."""
    ordered = sorted(lines, key=lambda line: (line.strike, line.right))
    names = ("ltp", "bid", "ask", "volume", "oi", "oi_change", "ltp_change")
    numbers = {name: np.array([getattr(line, name) for line in ordered], dtype=np.float64) for name in names}
    prices = {name: positive(numbers[name]) for name in ("ltp", "bid", "ask")}
    return Contracts(
        strike=np.array([line.strike for line in ordered], dtype=np.float64),
        is_call=np.array([line.right == "CE" for line in ordered], dtype=np.bool_),
        numbers={**numbers, **prices},
        token=[""] * len(ordered),
        symbol=[line.symbol for line in ordered],
    )
