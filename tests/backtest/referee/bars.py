"""Raw minutes as dictionaries, read from the three real files and from arrays of simulated sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

TICKS = 20  # in a rupee
Contract = tuple[date, int, str]


def exact(number: float) -> Fraction:
    """Return a number as it is written."""
    return Fraction(repr(float(number)))


class Bar(NamedTuple):
    """One minute of trade; ticks of 0.05 rupees for options, rupees for the index."""

    open: Any
    high: Any
    low: Any
    close: Any


@dataclass
class Session:
    """One day: what traded in which minute; a bar without a trade is not here, its contract is listed."""

    day: date
    first: int = 555
    last: int = 929
    listed: set[Contract] = field(default_factory=set)
    bars: dict[Contract, dict[int, Bar]] = field(default_factory=dict)
    index: dict[int, Bar] = field(default_factory=dict)

    def add(self, contract: Contract, minute: int, prices: tuple[float, ...], traded: bool) -> None:
        """Take one bar of an option, in rupees."""
        if self.first <= minute <= self.last:
            self.listed.add(contract)
            if traded:
                self.bars.setdefault(contract, {})[minute] = Bar(*(round(price * TICKS) for price in prices))

    def expiries(self) -> list[date]:
        """Return the expiries that are listed and have not passed."""
        return sorted({expiry for expiry, _, _ in self.listed if expiry >= self.day})

    def strikes(self, expiry: date) -> list[int]:
        """Return the strikes that appear this day with either right."""
        return sorted({strike for listed, strike, _ in self.listed if listed == expiry})

    def bar(self, contract: Contract, minute: int) -> Bar | None:
        """Return the bar of a minute in which the contract traded."""
        return self.bars.get(contract, {}).get(minute)


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:5])


def _contract(symbol: str) -> Contract | None:
    name = symbol.removeprefix("BANKNIFTY")
    if not name.endswith(("CE", "PE")):
        return None
    return datetime.strptime(name[:7].title(), "%d%b%y").date(), int(name[7:-2]), name[-2:]


def december_2022(folder: Path) -> Session:
    """Read 30 Dec 2022: texts; a bar exists only where something traded."""
    found = Session(date(2022, 12, 30))
    raw = pd.read_parquet(folder / "bnf_20221230.parquet")
    for row in raw.itertuples():
        prices = tuple(float(text) for text in (row.open, row.high, row.low, row.close))
        minute, contract = _minute(row.time), _contract(row.symbol)
        if contract:
            found.add(contract, minute, prices, traded=True)
        elif row.symbol == "BANKNIFTY" and minute <= found.last:
            found.index[minute] = Bar(*prices)
    return found


def april_2023(folder: Path) -> Session:
    """Read 10 Apr 2023: no index; volume grows over the day, so a minute traded only where it grew."""
    found = Session(date(2023, 4, 10))
    raw = pd.read_feather(folder / "BANKNIFTY_JF_FNO_10042023.feather").sort_values(["Symbol", "Time"])
    so_far: dict[str, float] = {}
    names = ["Symbol", "Time", "Open", "High", "Low", "Close", "Volume"]
    for symbol, time, *numbers in raw[names].itertuples(index=False):
        *prices, volume = numbers
        contract = _contract(symbol)
        grew = volume > so_far.get(symbol, 0)
        so_far[symbol] = max(volume, so_far.get(symbol, 0))
        if contract and all(price > 0 for price in prices):
            found.add(contract, _minute(str(time)), tuple(prices), traded=grew)
    return found


def january_2024(folder: Path) -> dict[date, Session]:
    """Read the sessions of the contracts of 10 Jan 2024; a bar of volume 0 was carried on."""
    found: dict[date, Session] = {}
    for file in sorted((folder / "bnf_exp_20240110").glob("*.parquet")):
        contract = (date(2024, 1, 10), int(file.stem[:-2]), file.stem[-2:])
        for row in pd.read_parquet(file).itertuples():
            of_day = found.setdefault(row.date.date(), Session(row.date.date()))
            prices = (row.open, row.high, row.low, row.close)
            of_day.add(contract, row.date.hour * 60 + row.date.minute, prices, row.volume > 0)
    index = pd.read_csv(folder / "BNF_spot_1min_20240101_20240110.csv.gz", dtype={"Date": str})
    for row in index.itertuples():
        day = datetime.strptime(row.Date, "%Y%m%d").date()
        if day in found:
            found[day].index[_minute(row.Time)] = Bar(row.Open, row.High, row.Low, row.Close)
    return found


def from_arrays(minutes: Any) -> Session:
    """Take a session that the simulated exchange made, bar by bar."""
    first = int(minutes.minutes[0])
    found = Session(minutes.day, first, int(minutes.minutes[-1]))
    names = ("open", "high", "low", "close")
    for (expiry, strike, right), row in minutes.rows.items():
        contract = (expiry, int(strike), right)
        grids = [getattr(minutes, name)[row].tolist() for name in names]
        found.listed.add(contract)
        traded = minutes.traded[row].tolist()
        of_row = zip(*grids, strict=True)
        found.bars[contract] = {
            first + column: Bar(*quad) for column, quad in enumerate(of_row) if traded[column]
        }
    for column, quad in enumerate(minutes.index.T.tolist()):
        if quad[3] == quad[3]:
            found.index[first + column] = Bar(*quad)
    return found
