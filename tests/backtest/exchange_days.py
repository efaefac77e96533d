"""Sessions of the simulated exchange as a backtest reads them, and the contracts behind them."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import cache

import numpy as np
import pandas as pd

from kit.bars.minutes import OHLC, DayMinutes
from kit.clock import IST, session
from kit.simulator.contracts import ListedContract
from kit.simulator.history import INTERVALS, History
from kit.simulator.market import Market

MARKET = Market(7)


def bars(contract: ListedContract, day: date) -> pd.DataFrame:
    """Return the bars that the exchange hands out for a contract and session."""
    hours = session(day)
    found = History(MARKET).bars(contract, INTERVALS["ONE_MINUTE"], hours.open, hours.close, hours.close)
    at = pd.DatetimeIndex(found.stamps)
    table = pd.DataFrame(found.prices, columns=list(OHLC)).assign(minute=at.hour * 60 + at.minute)
    return table.assign(traded=found.volume > 0)


@cache
def listed(day: date, expiries: int = 1, reach: float = 1_000) -> list[ListedContract]:
    """Return the options of the nearest expiries around the morning's level."""
    now = datetime.combine(day, time(9, 20), IST)
    level = MARKET.spot(now)
    rows = MARKET.listing(now).rows.values()
    options = [row for row in rows if row.kind == "OPTION" and row.name == "BANKNIFTY"]
    near = sorted({row.expiry for row in options})[:expiries]
    return [row for row in options if row.expiry in near and abs(row.strike - level) < reach]


@cache
def minutes(day: date, expiries: int = 1, reach: float = 1_000) -> DayMinutes:
    """Return a session of them with its index."""
    parts = [
        bars(row, day).assign(expiry=row.expiry, strike=row.strike, option_type=row.right)
        for row in listed(day, expiries, reach)
    ]
    rows = MARKET.listing(session(day).open).rows.values()
    index = next(row for row in rows if row.kind == "INDEX" and row.name == "BANKNIFTY")
    return DayMinutes.from_table("BANKNIFTY", day, pd.concat(parts), index=bars(index, day))


def thinned(whole: DayMinutes, share: float, seed: int = 1) -> DayMinutes:
    """Return a session in which only a share of the bars traded, and of the index a tenth is missing."""
    draw = np.random.default_rng(seed)
    traded = whole.traded & (draw.random(whole.traded.shape) < share)
    index = np.where(draw.random(len(whole.minutes)) < 0.1, np.nan, whole.index)
    fields = {name: getattr(whole, name) for name in whole.__dataclass_fields__}
    return DayMinutes(**{**fields, "traded": traded, "index": index})
