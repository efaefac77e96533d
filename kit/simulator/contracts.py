"""Contracts, series of them, and everything listed on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kit.clock import Segment, last_trading_day, session, tick_inr
from kit.simulator.underlyings import Underlying

Kind = Literal["INDEX", "SHARE", "VIX", "FUTURE", "OPTION"]


@dataclass(frozen=True, slots=True)
class ListedContract:
    """One row of the master that has a market.

    Parameters
    ----------
    exchange, token, symbol, name, kind : str
        ``"NSE"`` or ``"NFO"``, the broker's token, trading symbol, underlying's name, and what it is.
    underlying : Underlying
        Whose path it follows.
    expiry : date or None
        Last session.
    strike : int
        Rupees; 0 where there is none.
    right : str
        ``"CE"``, ``"PE"`` or empty.
    lot : int
        Units in one lot.
    since : date or None
        First day it is listed; None: always.
    tick : float
        Smallest step of its price on the day it is listed for, rupees.
    """

    exchange: str
    token: str
    symbol: str
    name: str
    kind: Kind
    underlying: Underlying
    expiry: date | None = None
    strike: int = 0
    right: str = ""
    lot: int = 1
    since: date | None = None
    tick: float = tick_inr()

    @property
    def segment(self) -> Segment:
        """Whose trading hours it has."""
        return "derivatives" if self.expiry else "cash"

    @property
    def is_index(self) -> bool:
        """Whether it is a level that nobody can trade."""
        return self.kind in ("INDEX", "VIX")

    @property
    def number(self) -> int:
        """The token as a number: the key of the contract's random numbers."""
        return int(self.token)


class Series:
    """Contracts of one kind, underlying and expiry, as they are and as arrays.

    Parameters
    ----------
    contracts : sequence of ListedContract
        At least one; a listed series is sorted by strike, the call before the put.
    """

    def __init__(self, contracts: Sequence[ListedContract]) -> None:
        self.contracts = contracts
        self.first = contracts[0]
        self.last_ordinal = self.first.expiry.toordinal() if self.first.expiry else 0
        self.numbers = np.array([contract.number for contract in contracts])
        self.strikes = np.array([float(contract.strike) for contract in contracts])
        self.is_call: NDArray[np.bool_] = np.array([contract.right == "CE" for contract in contracts])


class DayListing:
    """Everything listed on one day.

    Parameters
    ----------
    day : date
        A session.
    rows : dict
        ListedContract by (exchange, token).
    series : dict
        `Series` by (underlying's name, expiry).
    """

    def __init__(self, day: date, rows: dict[tuple[str, str], ListedContract]) -> None:
        self.day = day
        self.rows = rows
        grouped: dict[tuple[str, date], list[ListedContract]] = {}
        for contract in rows.values():
            if contract.kind == "OPTION" and contract.expiry:
                grouped.setdefault((contract.name, contract.expiry), []).append(contract)
        self.series = {key: Series(contracts) for key, contracts in grouped.items()}
        self.futures = [contract for contract in rows.values() if contract.kind == "FUTURE"]


def last_moment_s(expiry: date) -> float:
    """Return the epoch seconds at which a contract expires: the close of its last session."""
    return session(last_trading_day(expiry)).close.timestamp()
