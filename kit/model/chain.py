"""The snapshot of an option chain.

Columns of a chain table, one row per strike and right, sorted by strike with the call first:

==============  =========  =====================================================================
column          dtype      meaning
==============  =========  =====================================================================
``strike``      float64    rupees
``right``       str        ``"CE"`` or ``"PE"``
``ltp``         float64    last traded price, rupees; NaN: never traded
``bid``         float64    best bid, rupees; NaN: no bid
``ask``         float64    best ask, rupees; NaN: no ask
``volume``      float64    units traded today
``oi``          float64    open interest, units (never lots)
``oi_change``   float64    change of open interest since the previous close, units; NaN: unknown
``ltp_change``  float64    change of ``ltp`` since the previous close, rupees; NaN: unknown; may be absent
``iv``          float64    implied volatility, annualised fraction; NaN: see ``iv_reason``
``delta``       float64    change of price per rupee of the forward
``gamma``       float64    change of delta per rupee of the forward
``theta``       float64    rupees per calendar day
``vega``        float64    rupees per percentage point of volatility
``rho``         float64    rupees per percentage point of the rate
``iv_reason``   str        ``"ok"``, or why ``iv`` is NaN or says little: `kit.pricing.reasons`
``bid_qty``     float64    units bid for at the best bid; NaN: unknown; may be absent
``ask_qty``     float64    units offered at the best ask; NaN: unknown; may be absent
``iv_quality``  float64    how much ``iv`` says, 0 to 1; a half: a tenth of it is uncertain; may be absent
``token``       str        the broker's token; empty when the source has none
``symbol``      str        trading symbol
==============  =========  =====================================================================
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from functools import cached_property
from math import isnan, nan
from typing import Any, Self

import pandas as pd

from kit.arguments import choice, number
from kit.clock import in_ist
from kit.errors import DataError, UnknownExpiry
from kit.model.chain_table import chain_table, wide
from kit.model.derived import Derived, Guesses, mark, told
from kit.model.expiries import check_together
from kit.model.instrument import Contract, Right, future_of
from kit.model.position import Held, Leg, Position, check_legs
from kit.model.smile import Smile, lines_between
from kit.model.source import Source, Venue, origin
from kit.quotes import mid_or_last
from kit.shown import Showable, rows_of, sentence, table

QUOTE_COLUMNS = ("strike", "right", "ltp", "bid", "ask", "volume", "oi", "oi_change", "token", "symbol")
GREEK_COLUMNS = ("iv", "delta", "gamma", "theta", "vega", "rho", "iv_reason")


@dataclass(frozen=True, eq=False, repr=False)  # tables have no answer to ==: it is only itself
class ChainSnapshot(Showable):
    """One expiry of an option chain at one moment; immutable.

    Parameters
    ----------
    underlying : str
        For instance ``"BANKNIFTY"``.
    expiry : date
        Last trading day.
    taken_at : datetime
        When the exchange quoted it, timezone-aware.
    spot : float
        Index level, rupees.
    forward : float
        Forward of the expiry, rupees.
    forward_from : str
        ``"parity"``, ``"future"``, ``"carry"`` (of the neighbouring expiries) or ``"spot"``.
    discount : float
        Discount factor to the expiry.
    t_years : float
        Calendar years to the close of the expiry session.
    lot_size : int
        Units in one lot.
    frame : DataFrame
        The columns of this module's docstring; taken over, so do not keep another reference.
    source : {"hot", "sqlite", "network", "stream", "file", "stale"}
        Where the caller got it from; ``"stale"``: past its lifetime, because the network failed.
    venue : {"live", "simulated", "file"}
        Whose prices these are: the broker's, the simulated exchange's, or a file's.
    others : tuple of ChainSnapshot
        Chains of other expiries of the same underlying and day, for positions over several: see `beside`.
    derived : mapping of str to Derived
        Those of ``taken_at`` and ``spot`` that the source does not state.
    fit : callable, optional
        Fits the chain's smile when it is first asked for; None: there is none, as in a chain made by hand.
    """

    underlying: str
    expiry: date
    taken_at: datetime
    spot: float
    forward: float
    forward_from: str
    discount: float
    t_years: float
    lot_size: int
    frame: pd.DataFrame = field(repr=False)
    source: Source = "network"
    venue: Venue = "file"
    others: tuple[ChainSnapshot, ...] = field(default=(), repr=False)
    derived: Mapping[str, Derived] = field(default_factory=dict)
    fit: Callable[[ChainSnapshot], Smile | None] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if missing := [name for name in (*QUOTE_COLUMNS, *GREEK_COLUMNS) if name not in self.frame]:
            raise DataError("The chain table lacks columns", missing, "See the docstring of kit.model.chain.")
        object.__setattr__(self, "derived", Guesses(self.derived))
        object.__setattr__(self, "taken_at", in_ist(self.taken_at))

    @property
    def table(self) -> pd.DataFrame:
        """The table; the caller's own copy-on-write copy, safe to change."""
        return self.frame.copy(deep=False)

    @property
    def strikes(self) -> list[float]:
        """All strikes, ascending, rupees."""
        return list(self._strikes)

    @cached_property
    def _strikes(self) -> tuple[float, ...]:
        return tuple(sorted(set(self.frame["strike"].tolist())))

    @cached_property
    def atmf_strike(self) -> float:
        """The strike at the money forward: nearest the forward, the lower one of two equally near."""
        above = bisect_left(self._strikes, self.forward)
        near = self._strikes[max(0, above - 1) : above + 1]
        return min(near, key=lambda strike: (abs(strike - self.forward), strike))

    @cached_property
    def contracts(self) -> Mapping[Held, Mapping[float, Contract]]:
        """Every contract by right, then by ascending strike; read from the table once.

        The future of the expiry is at its forward (see `future_of`), the index at the spot, both at strike 0.
        """
        price = mid_or_last(*(self.frame[name] for name in ("bid", "ask", "ltp", "volume"))).tolist()
        unknown = [nan] * len(price)
        columns = [self.frame[n].tolist() if n in self.frame else unknown for n in Contract._fields[1:]]
        sides: dict[Held, dict[float, Contract]] = {"CE": {}, "PE": {}}
        sides["INDEX"] = {0.0: Contract(self.spot, nan, self.spot / self.forward, 0.0, 0.0, 0.0, 0.0)}
        keys = zip(self.frame["right"].tolist(), self.frame["strike"].tolist(), strict=True)
        for (right, strike), contract in zip(keys, map(Contract, price, *columns), strict=True):
            sides[right][strike] = contract
        sides["FUT"] = {0.0: future_of(sides["CE"], sides["PE"], self.forward, self.discount)}
        return sides

    @cached_property
    def smile(self) -> Smile | None:
        """The curve fitted to this chain's volatilities and its neighbours'; None where there is none."""
        return self.fit(self) if self.fit is not None else None

    @cached_property
    def _lines(self) -> Smile:
        return lines_between(self.contracts, self._strikes, self.forward)

    def iv_at(self, strike: float) -> float:
        """Return the volatility at any strike, an annualised fraction; at the forward it is the ATM one.

        The fitted `smile`'s; without one linear between what is known out of the money, flat beyond, or NaN.
        """
        return float((self.smile or self._lines).iv(strike))

    def __getstate__(self) -> dict[str, Any]:  # what is derived is derived again where the snapshot arrives
        return {part.name: self.__dict__[part.name] for part in fields(self)}

    def age_s(self, now: datetime) -> float:
        """Seconds since the exchange quoted it."""
        return (in_ist(now) - self.taken_at).total_seconds()

    def arriving_from(self, source: Source) -> Self:
        """Return the same snapshot, labelled with where it was found."""
        return replace(self, source=source)

    def quote(self, strike: float, right: Right) -> pd.Series:
        """Return one row of the table.

        Raises
        ------
        DataError
            The chain has no such contract; names the nearest strikes.
        """
        self._contract(strike, right)
        return self.frame[(self.frame["strike"] == strike) & (self.frame["right"] == right)].iloc[0]

    def _contract(self, strike: float, right: Held) -> Contract:
        choice(right, self.contracts, "No contract is of this right")
        found = self.contracts[right].get(number(strike, "Not a strike"))
        if found is None:
            near = sorted(self.strikes, key=lambda listed: abs(listed - strike))[:3]
            told = ", ".join(f"{listed:g}" for listed in near)
            raise DataError(f"The chain has no {right} at this strike", strike, f"The nearest are {told}.")
        return found

    def price(self, strike: float, right: Held) -> float:
        """Return the price a research position is entered at: mid of bid and ask, else last traded."""
        return self._contract(strike, right).price

    def leg(self, right: Held, strike: float, lots: int) -> Leg:
        """Return a leg of this expiry at this chain's price; sold when `lots` is negative.

        Raises
        ------
        DataError
            The contract does not exist or has no price.
        """
        if isnan(price := self.price(strike, right)):
            raise DataError(f"The {right} has no price at this strike", strike, "Choose a traded strike.")
        return Leg(right, strike, lots, price, None if right == "INDEX" else self.expiry)

    def priced(self, position: Position) -> Position:
        """Return a position with what its legs leave open: their expiry is this chain's, their price now.

        Raises
        ------
        DataError
            It is of another underlying, or a contract does not exist or has no price.
        UnknownExpiry
            The chain of a leg's expiry is not at hand.
        """
        check_legs(position, self)
        legs = []
        for leg in position.legs:
            fresh = self.at(leg.expiry).leg(leg.right, leg.strike, leg.lots)
            legs.append(fresh if isnan(leg.price) else replace(fresh, price=leg.price))
        return replace(position, legs=tuple(legs))

    def beside(self, *chains: ChainSnapshot) -> Self:
        """Return this chain with chains of other expiries at hand, so that a position may span them.

        Raises
        ------
        DataError
            One is of another underlying or another day, or an expiry comes twice.
        """
        others = (*self.others, *(replace(chain, others=()) for chain in chains))
        check_together(self, *others)
        return replace(self, others=tuple(sorted(others, key=lambda chain: chain.expiry)))

    def at(self, expiry: date | None) -> ChainSnapshot:
        """Return the chain of an expiry: this one, or one `beside` it; None is this one.

        Raises
        ------
        UnknownExpiry
            It is not at hand; names those that are.
        """
        for chain in (self, *self.others):
            if expiry in (None, chain.expiry):
                return chain
        raise UnknownExpiry(
            "The chain of this expiry is not at hand", str(expiry),
            f"There are {', '.join(map(str, self.expiries))}; add its chain with beside().",
        )  # fmt: skip

    @property
    def expiries(self) -> list[date]:
        """The expiries at hand, ascending: this chain's and those `beside` it."""
        return sorted([self.expiry, *(chain.expiry for chain in self.others)])

    def wide(self, around: int | None = None) -> pd.DataFrame:
        """Return calls left, puts right, one row per strike.

        Parameters
        ----------
        around : int, optional
            Keep this many strikes on either side of the money; default all.
        """
        return wide(self, around)

    def _heading(self) -> str:
        return f"{self.underlying} {self.expiry:%d %b %Y}"

    def _figures(self) -> dict[str, object]:
        return {
            f"Spot{mark(self.derived, 'spot')}": self.spot,
            f"Forward ({self.forward_from})": self.forward,
            "Lot": self.lot_size,
            f"Taken at{mark(self.derived, 'taken_at')}": f"{self.taken_at:%d %b %H:%M:%S} IST",
            "Prices": f"{self.venue}, from {origin(self.source)}",
        }

    def _details(self) -> list[str]:
        seen = chain_table(self, around=8)
        return [
            *map(sentence, told(self.derived)),
            table(rows_of(seen), marked=[[*seen.index].index(int(self.atmf_strike))]),
        ]
