"""The three shapes of real minutes, read directly, so that these tests lean on no importer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from kit.backtest import Plan
from kit.bars.minutes import OHLC, DayMinutes
from kit.clock import parse_day

PRICES = list(OHLC)
EXPIRY_2024 = date(2024, 1, 10)


def _minute_of(times: pd.Series) -> pd.Series:
    parts = times.astype(str).str.split(":", expand=True).astype(int)
    return parts[0] * 60 + parts[1]


def _with_contract(bars: pd.DataFrame, symbols: pd.Series) -> pd.DataFrame:
    """Split ``BANKNIFTY05JAN2343000CE``."""
    parts = symbols.str.extract(r"^BANKNIFTY(\d{2}[A-Z]{3}\d{2})(\d+)(CE|PE)$")
    expiries = {text: parse_day(text) for text in parts[0].unique()}
    return bars.assign(expiry=parts[0].map(expiries), strike=parts[1].astype(int), option_type=parts[2])


def december_2022(folder: Path) -> DayMinutes:
    """Read 30 Dec 2022: text columns, bars only where something traded."""
    raw = pd.read_parquet(folder / "bnf_20221230.parquet")
    bars = raw[PRICES].apply(pd.to_numeric).assign(minute=_minute_of(raw["time"]), traded=True)
    option = raw["symbol"].str.endswith(("CE", "PE"))
    return DayMinutes.from_table(
        "BANKNIFTY",
        date(2022, 12, 30),
        _with_contract(bars[option], raw["symbol"][option]),
        index=bars[raw["symbol"] == "BANKNIFTY"],
        future=bars[(raw["symbol"] == "BANKNIFTY-I") & (bars["minute"] < 930)],
    )


def april_2023(folder: Path) -> DayMinutes:
    """Read 10 Apr 2023: cumulative volume, zeros before the first trade, no index."""
    raw = pd.read_feather(folder / "BANKNIFTY_JF_FNO_10042023.feather")
    bars = raw.rename(columns=str.lower).assign(minute=_minute_of(raw["Time"]))
    bars = bars.sort_values(["symbol", "minute"], kind="stable")
    before = bars.groupby("symbol")["volume"].shift(fill_value=0)
    bars = bars.assign(traded=bars["volume"] > before)
    priced = (bars[PRICES] > 0).all(axis=1)
    bars = bars[priced]
    option = bars["symbol"].str.endswith(("CE", "PE"))
    future = bars[(bars["symbol"] == "BANKNIFTY-I") & (bars["minute"] < 930)]
    options = _with_contract(bars[option], bars["symbol"][option])
    return DayMinutes.from_table("BANKNIFTY", date(2023, 4, 10), options, future=future)


def january_2024(folder: Path) -> dict[date, DayMinutes]:
    """Read the sessions to 10 Jan 2024: gaps carried on with volume 0, the index in a file apart."""
    parts = []
    for file in sorted((folder / "bnf_exp_20240110").glob("*.parquet")):
        bars = pd.read_parquet(file)
        parts.append(bars.assign(strike=int(file.stem[:-2]), option_type=file.stem[-2:], expiry=EXPIRY_2024))
    bars = pd.concat(parts)
    bars = bars.assign(traded=bars["volume"] > 0, minute=bars["date"].dt.hour * 60 + bars["date"].dt.minute)
    index = pd.read_csv(folder / "BNF_spot_1min_20240101_20240110.csv.gz").rename(columns=str.lower)
    index = index.assign(minute=_minute_of(index["time"]))
    days = {}
    for day, of_day in bars.groupby(bars["date"].dt.date):
        spot = index[index["date"] == int(f"{day:%Y%m%d}")]
        days[day] = DayMinutes.from_table("BANKNIFTY", day, of_day, index=spot if len(spot) else None)
    return days


def _beside(name: str, path: str = "") -> ModuleType:
    """Load a module or a folder that lies beside this file; tests are no package."""
    place = spec_from_file_location(name, Path(__file__).parent / f"{path or name}.py")
    assert place is not None
    assert place.loader is not None
    module = module_from_spec(place)
    sys.modules[name] = module  # dataclasses look there
    place.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def referee() -> ModuleType:
    """Hand out the engine that was written from the meaning alone; a folder of its own."""
    return _beside("referee", "referee/__init__")


@pytest.fixture(scope="session")
def exchange_days() -> ModuleType:
    """Hand out what makes sessions of the simulated exchange."""
    return _beside("exchange_days")


@pytest.fixture(scope="session")
def random_plan() -> Callable[..., Plan]:
    """Return a function that makes a plan with any mixture of rules from a seed."""
    made: Callable[..., Plan] = _beside("random_plans").random_plan
    return made


@pytest.fixture(scope="session")
def real_days(shared_data: Path) -> dict[date, DayMinutes]:
    """Every real session: 30 Dec 2022, 10 Apr 2023, and those of the January 2024 contracts."""
    folder = shared_data / "intraday"
    days = [december_2022(folder), april_2023(folder)]
    return {day.day: day for day in days} | january_2024(folder)


@pytest.fixture(scope="session")
def make_day() -> Callable[..., DayMinutes]:
    """Return a function that builds a session from a few bars; see its arguments."""
    return _day


def _day(
    bars: dict[tuple[int, str], dict[str, tuple[float, ...] | float]],
    day: date = date(2024, 1, 8),
    expiry: date = EXPIRY_2024,
    spot: float | np.ndarray = 48000.0,
    fill: bool = True,
) -> DayMinutes:
    """Build a session: ``bars[(strike, right)]["09:20"] = (open, high, low, close)`` or one flat price.

    Minutes that are not named trade flat at the last close named before; `fill=False` leaves them out.
    """
    rows = []
    for (strike, right), given in bars.items():
        last: float | None = None
        for minute in range(555, 930):
            named = given.get(f"{minute // 60:02d}:{minute % 60:02d}")
            if named is None and (last is None or not fill):
                continue
            quad = named if isinstance(named, tuple) else (named if named is not None else last,) * 4
            last = quad[3]
            rows.append((expiry, strike, right, minute, *quad, True))
    names = ["expiry", "strike", "option_type", "minute", *PRICES, "traded"]
    level = np.broadcast_to(np.asarray(spot, float), 375)
    index = pd.DataFrame({"minute": range(555, 930), **dict.fromkeys(PRICES, level)})
    return DayMinutes.from_table("BANKNIFTY", day, pd.DataFrame(rows, columns=names), index=index)
