"""One session of option minutes as arrays: what a backtest reads and the store of minutes hands out.

A bar is named by its start. Prices of contracts are whole ticks of 0.05 rupees, so that no rounding ever
happens between a file and a fill; index and future are rupees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.clock import IST, TradingInterval, lot_size, session
from kit.errors import DataError
from kit.facts import underlying_name
from kit.shown import counted

TICK_INR = 0.05  # the unit of the arrays and of the store, whatever the exchange's tick is
TICKS_PER_RUPEE = 20
OHLC = ("open", "high", "low", "close")
ContractKey = tuple[date, int, Literal["CE", "PE"]]


@dataclass(frozen=True, eq=False)  # arrays have no single answer to ==
class DayMinutes:
    """All option minutes of one session, with index and future; cannot be changed.

    Rows are contracts by expiry, strike and right, the call first; columns are minutes of the session.

    Parameters
    ----------
    underlying : str
        For instance ``"BANKNIFTY"``.
    day : date
        The session.
    minutes : (n,) int array
        Start of each bar, minutes since midnight in Asia/Kolkata, ascending without gaps.
    expiry : (k,) datetime64[D] array
        Last trading day of each contract.
    strike : (k,) int array
        Rupees.
    is_call : (k,) bool array
        Call, else put.
    lot_size : (k,) int array
        Units in one lot on this day.
    open, high, low, close : (k, n) int32 arrays
        Ticks of 0.05 rupees; 0 where there is no bar.
    traded : (k, n) bool array
        Whether the contract traded in the minute. A bar without a trade (carried on from the minute before)
        has prices and is not traded: it fills nothing and triggers nothing.
    index, future : (4, n) float arrays
        Open, high, low, close of the index and of the front future, rupees; NaN where there is no bar.
    notes : tuple of str
        What the reader of a result should know about this day's data.
    """

    underlying: str
    day: date
    minutes: NDArray[np.int16]
    expiry: NDArray[np.datetime64]
    strike: NDArray[np.int32]
    is_call: NDArray[np.bool_]
    lot_size: NDArray[np.int32]
    open: NDArray[np.int32] = field(repr=False)
    high: NDArray[np.int32] = field(repr=False)
    low: NDArray[np.int32] = field(repr=False)
    close: NDArray[np.int32] = field(repr=False)
    traded: NDArray[np.bool_] = field(repr=False)
    index: NDArray[np.float64] = field(repr=False)
    future: NDArray[np.float64] = field(repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "underlying", underlying_name(self.underlying))
        shape = (len(self.strike), len(self.minutes))
        wrong = [name for name in (*OHLC, "traded") if getattr(self, name).shape != shape]
        wrong += [name for name in ("index", "future") if getattr(self, name).shape != (4, shape[1])]
        wrong += [name for name in ("expiry", "is_call", "lot_size") if len(getattr(self, name)) != shape[0]]
        if wrong:
            raise DataError(
                f"Arrays of {self.day} do not fit {shape[0]} contracts x {shape[1]} minutes",
                wrong,
                "Give contracts as rows and minutes as columns.",
            )

    @classmethod
    def from_table(
        cls,
        underlying: str,
        day: date,
        table: pd.DataFrame,
        index: pd.DataFrame | None = None,
        future: pd.DataFrame | None = None,
        notes: tuple[str, ...] = (),
    ) -> Self:
        """Build the arrays from tables of bars; bars outside the session are left out and noted.

        Parameters
        ----------
        underlying : str
            For instance ``"BANKNIFTY"``.
        day : date
            The session.
        table : DataFrame
            One row per bar, any order: ``expiry`` (date), ``strike`` (rupees), ``option_type`` (CE or PE),
            ``minute`` (start, since midnight), ``open``, ``high``, ``low``, ``close`` (rupees), ``traded``.
        index, future : DataFrame, optional
            ``minute`` and the four prices.
        notes : tuple of str, optional
            What the reader of a result should know.

        Raises
        ------
        DataError
            Two bars of one contract and minute contradict each other, or a price is no multiple of 0.05.
        """
        minutes = minutes_of(day)
        inside = inside_of(table["minute"].to_numpy(), session(day).intervals)
        if not inside.all():
            notes = (*notes, f"{counted(int((~inside).sum()), 'bar')} outside the session left out")
        table = table[inside]
        keys = pd.MultiIndex.from_frame(table[["expiry", "strike", "option_type"]])
        contracts = keys.unique().sort_values()  # CE sorts before PE
        rows = contracts.get_indexer(keys)
        columns = table["minute"].to_numpy() - minutes[0]
        _refuse_twice(day, rows * len(minutes) + columns, table)
        grid = (len(contracts), len(minutes))
        prices = {name: np.zeros(grid, np.int32) for name in OHLC}
        for name, cells in prices.items():
            cells[rows, columns] = _ticks(day, table[name].to_numpy(float))
        traded = np.zeros(grid, np.bool_)
        traded[rows, columns] = table["traded"].to_numpy(bool)
        expiries = contracts.get_level_values(0)
        lots = {expiry: lot_size(underlying, expiry, day) for expiry in expiries.unique()}
        return cls(
            underlying=underlying,
            day=day,
            minutes=minutes,
            expiry=np.array(expiries, "datetime64[D]"),
            strike=contracts.get_level_values(1).to_numpy(np.int32),
            is_call=np.array(contracts.get_level_values(2) == "CE"),
            lot_size=np.array([lots[expiry] for expiry in expiries], np.int32),
            **prices,
            traded=traded,
            index=_series(index, minutes),
            future=_series(future, minutes),
            notes=notes,
        )

    @cached_property
    def expiries(self) -> tuple[date, ...]:
        """The expiries of which this day has contracts, nearest first."""
        return tuple(np.unique(self.expiry).tolist())

    @cached_property
    def rows(self) -> Mapping[ContractKey, int]:
        """The row of each contract by its expiry, strike and right."""
        rights: list[Literal["CE", "PE"]] = ["CE" if call else "PE" for call in self.is_call]
        keys = zip(self.expiry.tolist(), self.strike.tolist(), rights, strict=True)
        return {key: row for row, key in enumerate(keys)}

    @property
    def has_index(self) -> bool:
        """Whether the index has a bar at all."""
        return bool(np.isfinite(self.index[3]).any())

    def column(self, at: time) -> int:
        """Return the column of the bar that starts at a time of day; it may lie outside the session."""
        return minute_of(at) - int(self.minutes[0])

    def start(self, column: int) -> datetime:
        """Return when a bar starts, timezone-aware."""
        minute = int(self.minutes[0]) + column
        return datetime.combine(self.day, time(minute // 60, minute % 60), IST)

    @cached_property
    def carried_opens(self) -> float:
        """Share of traded bars that open exactly where the bar before closed, a fraction; NaN without bars.

        Above one half the opens were carried on, not traded: gaps hardly show, and fills at a level look
        kinder than they were.
        """
        both = self.traded[:, 1:] & (self.close[:, :-1] > 0)
        same = both & (self.open[:, 1:] == self.close[:, :-1])
        return float(same.sum() / both.sum()) if both.any() else float("nan")


def minute_of(at: time | datetime) -> int:
    """Return a time of day, or a moment in exchange time, as minutes since midnight."""
    return at.hour * 60 + at.minute


def minutes_of(day: date) -> NDArray[np.int16]:
    """Return the minutes of a session, from its opening to its close, since midnight."""
    hours = session(day)
    return np.arange(minute_of(hours.open), minute_of(hours.close), dtype=np.int16)


def inside_of(minutes: NDArray[np.integer], parts: Iterable[TradingInterval]) -> NDArray[np.bool_]:
    """Tell of bars, by their start in minutes since midnight, which lie in one of some parts of a session."""
    found = np.zeros(len(minutes), np.bool_)
    for part in parts:
        found |= (minutes >= minute_of(part.open)) & (minutes < minute_of(part.close))
    return found


def _ticks(day: date, prices: NDArray[np.float64]) -> NDArray[np.int32]:
    exact = prices * TICKS_PER_RUPEE
    ticks = np.round(exact)
    wrong = ~(np.abs(exact - ticks) < 1e-3)
    if wrong.any():
        raise DataError(
            f"A price of {day} is no multiple of {TICK_INR}", float(prices[wrong][0]), "Round it."
        )
    return ticks.astype(np.int32)


def _refuse_twice(day: date, cells: NDArray[np.int64], table: pd.DataFrame) -> None:
    if len(np.unique(cells)) < len(cells):
        twice = table[pd.Series(cells, table.index).duplicated()].iloc[0]
        value = tuple(twice[["expiry", "strike", "option_type", "minute"]])
        raise DataError(f"Two bars of {day} have one contract and minute", value, "Keep one of them.")


def _series(bars: pd.DataFrame | None, minutes: NDArray[np.int16]) -> NDArray[np.float64]:
    if bars is None:
        return np.full((4, len(minutes)), np.nan)
    return bars.set_index("minute")[list(OHLC)].reindex(minutes).to_numpy(float).T.copy()
