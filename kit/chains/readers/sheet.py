"""What every reader ends in: the contracts of one expiry, in units, made into a snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from kit.chains.contracts import Contracts
from kit.chains.fields import NONE
from kit.chains.snapshot import Listed, snapshots
from kit.clock import in_ist, last_trading_day, lot_size, session
from kit.errors import DataError, UnreadableFile
from kit.model import ChainSnapshot, Derived, Right
from kit.quotes import positive


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """One contract as a file states it.

    Parameters
    ----------
    strike : float
        Rupees.
    right : {"CE", "PE"}
        Call or put.
    ltp, bid, ask : float
        Rupees; 0 or NaN: none.
    volume, oi, oi_change, bid_qty, ask_qty : float
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
    bid_qty: float = NONE
    ask_qty: float = NONE


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
    lines : list of QuoteRow
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
    lines: list[QuoteRow] = field(repr=False)
    future: float = NONE
    derived: Mapping[str, Derived] = field(default_factory=dict)

    def listed(self) -> Listed:
        """Return the contracts as columns, with the last trading day."""
        expiry = last_trading_day(self.expiry)
        return Listed(columns(self.lines), expiry, self.lot, self.future, self.derived)


def chains(sheets: Sequence[Sheet], strict: bool = True) -> list[ChainSnapshot]:
    """Return one moment's chains with forwards, volatilities and Greeks; unless `strict`, even without one.

    Expiries of one index level say of each other what their own quotes do not.

    Raises
    ------
    UnreadableFile
        The prices give no forward and the file has no spot.
    """
    alike: dict[str, list[Sheet]] = {}
    for sheet in sheets:
        alike.setdefault(f"{sheet.underlying} {sheet.spot}", []).append(sheet)
    found = []
    for group in alike.values():
        of = group[0]
        listed = [sheet.listed() for sheet in group]
        found += snapshots(
            listed, underlying=of.underlying, taken_at=of.taken_at, spot=of.spot, source="file"
        )
    lost = [f"{chain.underlying} {chain.expiry}" for chain in found if np.isnan(chain.forward)]
    if strict and lost:
        raise UnreadableFile(
            "Too few strikes have both a call and a put quote to know the forward",
            lost[0],
            "Say the index level then: --spot, or spot=.",
        )
    return sorted(found, key=lambda chain: chain.expiry)


def columns(lines: list[QuoteRow]) -> Contracts:
    """Return lines as sorted columns."""
    ordered = sorted(lines, key=lambda line: (line.strike, line.right))
    names = ("ltp", "bid", "ask", "volume", "oi", "oi_change", "ltp_change", "bid_qty", "ask_qty")
    numbers = {name: np.array([getattr(line, name) for line in ordered], dtype=np.float64) for name in names}
    prices = {name: positive(numbers[name]) for name in ("ltp", "bid", "ask")}
    return Contracts(
        strike=np.array([line.strike for line in ordered], dtype=np.float64),
        is_call=np.array([line.right == "CE" for line in ordered], dtype=np.bool_),
        numbers={**numbers, **prices},
        token=[""] * len(ordered),
        symbol=[line.symbol for line in ordered],
    )


def known_lot(underlying: str, expiry: date, on: date, why: str) -> int:
    """Return the lot of a series that its file leaves to the kit's table.

    Raises
    ------
    UnreadableFile
        The table does not know it; `why` says what it is needed for.
    """
    try:
        return lot_size(underlying, expiry, on)
    except DataError as error:
        raise UnreadableFile(
            f"The file is sound, but {why}, and the kit knows none",
            f"{underlying[:40]} {expiry}: {error}",
            "Add a row to data/lot_sizes.csv.",
        ) from error


def end_of(expiry: date, name: str) -> datetime:
    """Return when a series is over: at the close of its day, or of the session before a holiday.

    Raises
    ------
    UnreadableFile
        The calendar does not reach to it.
    """
    try:
        return session(last_trading_day(expiry)).close
    except DataError as error:
        raise UnreadableFile("The kit knows no such expiry", f"{name}: {expiry}", str(error)) from error


_LONGEST = timedelta(days=6 * 366)  # the exchange lists options for at most five years


def in_time(expiry: date, taken_at: datetime, name: str) -> None:
    """Refuse a chain that was taken after its last day, or years before it can have been listed.

    Raises
    ------
    DataError
        It cannot be of this time, or is beyond the calendar.
    """
    last = end_of(expiry, name)
    if not last - _LONGEST < taken_at or in_ist(taken_at).date() > last.date():
        raise DataError(
            f"The chain cannot be of this time: its series ends on {last:%d %b %Y}",
            f"{name}: {taken_at:%d %b %Y %H:%M}",
            "Check taken_at (--at), or the file.",
        )
